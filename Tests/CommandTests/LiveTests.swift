import Foundation
import Testing

private let digits = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().appendingPathComponent("scenarios/digits.json").path

private let quick = [
  "--set", "partition.kind=iid", "--set", "partition.clients=50", "--set", "cohort.size=10", "--set", "rounds=12",
  "--set", #"model={"kind": "softmax-regression"}"#, "--set", "training.learningRate=0.1", "--set",
  "channel.codec=layered", "--set", "privacy.clippingNorm=1000", "--set", "privacy.delta=1e-3", "--threads",
  "1",
  "--out", "o",
]

/// Runs that somebody follows.
@Suite struct LiveTests {
  private func objects(_ text: String) throws -> [[String: Any]] {
    try text.split(separator: "\n").map {
      try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  @Test func linesAreTheRowsAndNothingElse() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = try fedsim(["run", digits, "--format", "jsonl", "--tensorboard"] + quick, in: folder)
    #expect(run.status == 0, "\(run.errors)")
    let lines = try objects(run.output)
    #expect(lines.compactMap { $0["type"] as? String } == ["run"] + Array(repeating: "round", count: 12) + ["summary"])
    #expect(
      lines[0]["rounds"] as? Int == 12 && lines[0]["roundsDone"] as? Int == 0 && lines[0]["folder"] as? String == "o")
    let rows = try String(contentsOf: folder.appendingPathComponent("o/rounds.jsonl"), encoding: .utf8)
    let printed = run.output.split(separator: "\n").dropFirst().dropLast().map {
      $0.replacingOccurrences(of: "\"type\": \"round\", ", with: "")
    }
    #expect(printed.joined(separator: "\n") + "\n" == rows)
    // Progress, and what is to be said of C, elsewhere.
    #expect(run.errors.contains("round 12/12"))
    #expect(run.errors.components(separatedBy: "no update was clipped in rounds 1 to 10").count == 2, "\(run.errors)")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent("o").path)
    #expect(names.filter { $0.hasPrefix("events.out.tfevents.") }.count == 1)
    // A whole run that goes on has no rounds left to print.
    let again = try fedsim(["run", digits, "--format", "jsonl", "--resume"] + quick, in: folder)
    #expect(try objects(again.output).compactMap { $0["type"] as? String } == ["run", "summary"])
  }

  /// Lines come while the run goes on, and a reader that goes away ends it in order.
  @Test func aReaderThatGoesAwayStopsTheRun() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let endless = ["run", digits, "--format", "jsonl"] + quick + ["--set", "rounds=100000", "-q"]
    let first = try beginning(4, of: endless, in: folder)
    #expect(first.lines.count == 4 && first.status == "141", "\(first)")
    #expect(first.said.contains("of 100000; to go on:"), "\(first.said)")
    let path = folder.appendingPathComponent("o/summary.json")
    let summary = try #require(JSONSerialization.jsonObject(with: Data(contentsOf: path)) as? [String: Any])
    #expect(summary["stoppedBy"] as? String == "interrupted")
    let made = try #require(summary["rounds"] as? Int)
    #expect(made >= 3)
    let second = try beginning(2, of: endless + ["--resume"], in: folder)
    #expect(second.lines.count == 2 && second.lines[0].contains("\"roundsDone\": \(made)"), "\(second)")
    #expect(second.lines[1].contains("\"round\": \(made + 1),"), "\(second)")
  }

  /// The first lines of what a run prints to a reader that then goes away, its exit code, and what it said. The pipe is a shell's: other tests'
  /// processes would hold on to an end of one of ours.
  private func beginning(
    _ count: Int, of arguments: [String], in folder: URL
  ) throws -> (lines: [String], status: String, said: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments =
      ["-c", "(\"$0\" \"$@\" 2> said; echo $? > status) | head -n \(count) > lines"]
      + [products.appendingPathComponent("fedsim").path] + arguments
    process.currentDirectoryURL = folder
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    let text = { (name: String) in try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8) }
    return (
      try text("lines").split(separator: "\n").map(String.init),
      try text("status").trimmingCharacters(in: .whitespacesAndNewlines), try text("said")
    )
  }

  @Test func explainHasAPilot() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let scenario = quick.dropLast(2)
    let run = try fedsim(["explain", digits, "--pilot", "2", "--format", "json"] + scenario, in: folder)
    let json = try #require(objects(run.output.replacingOccurrences(of: "\n", with: " ")).first)
    let pilot = try #require(json["pilot"] as? [String: Any])
    #expect((pilot["rounds"] as? [Any])?.count == 2 && pilot["covered"] as? Bool == false)
    let bits = try #require(pilot["payloadBits"] as? Double)
    #expect(try bits < 0.2 * #require(json["predictedBits"] as? Double), "\(bits)")
    for rounds in ["0", "13"] {
      let refused = try fedsim(["explain", digits, "--pilot", rounds] + scenario, in: folder)
      #expect(refused.status == 2 && refused.errors.contains("--pilot: found \(rounds) rounds; allowed: 1 to 12"))
    }
  }
}
