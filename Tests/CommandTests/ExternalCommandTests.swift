import Foundation
import Testing

/// What the command says of a scenario whose updates come from a program.
@Suite struct ExternalCommandTests {
  @Test func itIsCheckedAndExplainedAndNotRun() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let text = """
      {"name": "outside", "rounds": 3, "data": {"source": "external", "clients": 40},
       "model": {"kind": "external", "parameters": 5}, "cohort": {"sampling": "poisson", "size": 20},
       "privacy": {"clippingNorm": 0.5, "noiseMultiplier": 1.1}}
      """
    try text.write(to: folder.appendingPathComponent("s.json"), atomically: true, encoding: .utf8)
    let valid = try fedsim("validate", "s.json", "--format", "json", in: folder)
    #expect(valid.status == 0 && valid.output.contains("\"external\"") && !valid.output.contains("\"training\""))
    // What it prints is a scenario again.
    try valid.output.write(to: folder.appendingPathComponent("again.json"), atomically: true, encoding: .utf8)
    #expect(try fedsim("validate", "again.json", "--format", "json", in: folder).output == valid.output)
    let explained = try fedsim("explain", "s.json", in: folder)
    #expect(explained.status == 0 && explained.output.contains("updates come from outside"))

    for command in [["run", "s.json", "--out", "o"], ["explain", "s.json", "--pilot", "1"]] {
      let refused = try fedsim(command, in: folder)
      #expect(refused.status == 2 && refused.errors.contains("s.json:1:53: data.source: refused"), "\(refused.errors)")
      #expect(refused.errors.contains("fedsim.Federation in Python"))
    }
    #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("o").path))
    let sweep = text.replacing(
      "\"rounds\": 3,", with: "\"rounds\": 3, \"sweep\": {\"axes\": {\"cohort.size\": [5, 10]}},")
    try sweep.write(to: folder.appendingPathComponent("w.json"), atomically: true, encoding: .utf8)
    for command in [["sweep", "w.json", "--out", "w"], ["sweep", "w.json", "--dry-run"], ["validate", "w.json"]] {
      let refused = try fedsim(command, in: folder)
      #expect(refused.status == 2 && refused.errors.contains("fedsim.Federation in Python"), "\(refused.errors)")
    }
    #expect(try fedsim("schema", "data.clients").output.contains("the size of the population"))
    #expect(try fedsim("schema", "model.parameters").output.contains("the number of parameters"))
  }
}
