import Foundation
import Testing

@Suite struct SweepCommandTests {
  private func write(_ sweep: String, rounds: Int = 3, to folder: URL) throws {
    // 1.0 is written as 1 in a run's scenario.json: still the same run.
    try """
    {"name": "s", "seed": 1, "task": "classification", "rounds": \(rounds), "data": {"source": "digits"},
     "partition": {"kind": "one-example"}, "model": {"kind": "softmax-regression"},
     "training": {"batchSize": 1, "learningRate": 0.5}, "cohort": {"sampling": "poisson", "size": 20},
     "privacy": {"clippingNorm": 1.0, "targetEpsilon": 8}, "channel": {"codec": "auto"}, "sweep": \(sweep)}
    """.write(to: folder.appendingPathComponent("s.json"), atomically: true, encoding: .utf8)
  }

  private func object(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
  }

  @Test func runsThatAreTheSameAreMadeOnce() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    try write(#"{"axes": {"channel.codec": ["auto", "polar", "layered"]}}"#, to: folder)
    let outcome = try fedsim("sweep", "s.json", "--out", "o", "--format", "json", "-q", in: folder)
    #expect(outcome.status == 0 && outcome.errors.contains("1 of 3 runs are the same as others: made once"))
    let result = try object(outcome.output)
    let points = try #require(result["points"] as? [[String: Any]])
    #expect(result["isWhole"] as? Bool == true && result["runs"] as? Int == 3 && points.count == 3)
    #expect((points[1]["axes"] as? [String: Any])?["channel.codec"] as? String == "polar")
    #expect((points[1]["payloadBitsPerClientRound"] as? [String: Any])?["mean"] is Double)
    for name in ["scenario.json", "rounds.jsonl", "summary.json", "model.safetensors", "ledger.json"] {
      let files = try ["0000", "0001"].map {
        try Data(contentsOf: folder.appendingPathComponent("o/runs/\($0)/\(name)"))
      }
      #expect(files[0] == files[1], "\(name)")
    }
    // As it was given.
    #expect(
      try Data(contentsOf: folder.appendingPathComponent("o/scenario.json"))
        == Data(contentsOf: folder.appendingPathComponent("s.json")))

    // A sweep is no run, and a page of it has its parts.
    let account = try fedsim("account", "--run", "o", in: folder)
    #expect(account.status == 2 && account.errors.contains("one of them, such as o/runs/0000"), "\(account.errors)")
    let report = try fedsim("report", "o", "--out", "o.html", in: folder)
    #expect(
      report.status == 0 && report.errors.contains("7 charts (.svg, .pdf, .csv), 3 tables (.csv, .md)"),
      "\(report.errors)")
    try "{}".write(to: folder.appendingPathComponent("o/runs/0002/summary.json"), atomically: true, encoding: .utf8)
    let damaged = try fedsim("report", "o", "--out", "o.html", in: folder)
    #expect(damaged.status == 1 && damaged.errors.contains("o/runs/0002/summary.json: rounds: found nothing"))
    #expect(damaged.errors.contains("7 charts (.svg, .pdf, .csv), 3 tables (.csv, .md)"))
  }

  /// Named points with draws in common: cohorts are the same, a run made alone is the same run, and points are compared in pairs.
  @Test func pointsAreComparedInPairs() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    try write(
      #"{"points": [{"name": "plain", "privacy": null}, {"name": "central", "privacy.noise": "central"}, {"name": "coded", "channel.codec": "polar"}], "repeats": 2, "common": true}"#,
      to: folder)
    let outcome = try fedsim("sweep", "s.json", "--out", "o", "-q", in: folder)
    #expect(outcome.status == 0 && outcome.output.contains("less the first, paired"), "\(outcome.errors)")
    let file = { (name: String) in try Data(contentsOf: folder.appendingPathComponent(name)) }
    let points = String(decoding: try file("o/points.csv"), as: UTF8.self)
    #expect(points.contains("finalAccuracy.difference.standardError"), "\(points)")
    #expect(points.contains("\n1,\"central\","), "\(points)")
    let drawn = try (0..<6).map { run -> [String] in
      try String(decoding: file("o/runs/000\(run)/rounds.jsonl"), as: UTF8.self).split(separator: "\n").map { line in
        String(describing: try object(String(line))["drawn"])
      }
    }
    #expect(drawn[0] == drawn[2] && drawn[2] == drawn[4] && drawn[1] == drawn[3] && drawn[0] != drawn[1], "\(drawn)")
    let alone = try fedsim("run", "o/runs/0004/scenario.json", "--out", "alone", "-q", in: folder)
    #expect(alone.status == 0, "\(alone.errors)")
    for name in ["scenario.json", "rounds.jsonl", "summary.json", "model.safetensors", "ledger.json"] {
      #expect(try file("alone/\(name)") == file("o/runs/0004/\(name)"), "\(name)")
    }
    let compared = try fedsim("compare", "o", in: folder)
    #expect(
      compared.output.hasPrefix("The first point: plain.") && compared.output.contains("in pairs of one seed"),
      "\(compared.output)")
    let run = try fedsim("compare", "alone", in: folder)
    #expect(run.status == 2 && run.errors.contains("alone: found one point alone"), "\(run.errors)")
  }

  @Test func whatThereIsOfAStoppedSweepIsPrinted() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    try write(#"{"axes": {"privacy.targetEpsilon": [2, 8]}, "repeats": 20}"#, rounds: 60, to: folder)
    let process = Process()
    process.executableURL = products.appendingPathComponent("fedsim")
    process.currentDirectoryURL = folder
    process.arguments = ["sweep", "s.json", "--out", "o", "--format", "json", "-q", "--jobs", "1"]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let first = folder.appendingPathComponent("o/runs/0000/summary.json").path
    let deadline = Date().addingTimeInterval(120)
    while !FileManager.default.fileExists(atPath: first), process.isRunning, Date() < deadline {
      Thread.sleep(forTimeInterval: 0.01)
    }
    process.interrupt()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 130)
    let result = try object(String(decoding: text, as: UTF8.self))
    let runs = try #require(result["runs"] as? Int)
    #expect(result["isWhole"] as? Bool == false && result["plannedRuns"] as? Int == 40 && runs >= 1 && runs < 40)
  }

  @Test func mistakesOfAnAxisNameTheirPlace() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    try write(#"{"axes": {"cohort.size": [20, 100000]}}"#, to: folder)
    for arguments in [["--dry-run"], ["--out", "o"]] {
      let outcome = try fedsim(["sweep", "s.json"] + arguments, in: folder)
      #expect(outcome.status == 2, "\(outcome.output)")
      #expect(
        outcome.errors.contains(#"s.json:4:125: sweep.axes["cohort.size"][1]: refused: found a cohort of 100000"#),
        "\(outcome.errors)")
    }
    #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("o").path))
    let set = try fedsim("sweep", "s.json", "--dry-run", "--set", "cohort.size=7", in: folder)
    #expect(set.status == 2 && set.errors.contains("--set: cohort.size: the sweep varies cohort.size"), "\(set.errors)")
  }
}
