import Foundation
import Testing

private let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()
private let digits = repository.appendingPathComponent("scenarios/digits.json").path

@Suite struct CommandTests {
  @Test func aRunWritesItsFilesAndIsTheSameForAnyThreads() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    // Few candidates: kernels are not optimised in a debug build.
    let set = ["--set", "rounds=3", "--set", "channel.draws=10"]
    let one = try fedsim("run", digits, set[0], set[1], set[2], set[3], "--threads", "1", "--out", "one", in: folder)
    let two = try fedsim("run", digits, set[0], set[1], set[2], set[3], "--threads", "2", "--out", "two", in: folder)
    #expect(one.status == 0 && two.status == 0, "\(one.errors)")
    #expect(one.errors.contains("round 3/3"))
    #expect(one.output.contains("bits/client") && one.output.contains("Epsilon covers the model sequence"))
    for name in ["scenario.json", "rounds.jsonl", "rounds.csv", "summary.json", "model.safetensors"] {
      let a = try Data(contentsOf: folder.appendingPathComponent("one/\(name)"))
      let b = try Data(contentsOf: folder.appendingPathComponent("two/\(name)"))
      #expect(a == b && !a.isEmpty, "\(name)")
    }
    let timings = try Data(contentsOf: folder.appendingPathComponent("one/timings.json"))
    #expect(try JSONSerialization.jsonObject(with: timings) is [String: Any])

    let again = try fedsim("run", digits, set[0], set[1], set[2], set[3], "--out", "one", in: folder)
    #expect(again.status == 2 && again.errors.contains("--force"), "\(again.errors)")
    let forced = try fedsim(
      "run", digits, set[0], set[1], set[2], set[3], "--out", "one", "--force", "-q", in: folder)
    #expect(forced.status == 0)
    // Three rounds at epsilon 8 leave no room for rounding; nothing else is said.
    #expect(forced.errors.split(separator: "\n").allSatisfy { $0.hasPrefix("warning: ROUNDING") }, "\(forced.errors)")
    // The resolved scenario runs again.
    let resolved = try fedsim("run", "two/scenario.json", "--out", "three", "-q", in: folder)
    #expect(resolved.status == 0)
    let summaries = try ["two", "three"].map {
      try Data(contentsOf: folder.appendingPathComponent("\($0)/summary.json"))
    }
    #expect(summaries[0] == summaries[1])
  }

  @Test func jsonGoesToStandardOutputAlone() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = try fedsim(
      "run", digits, "--set", "rounds=1", "--set", "channel.draws=10", "--format", "json", in: folder)
    let summary = try #require(JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    #expect(summary["codec"] as? String == "polar")
    #expect(FileManager.default.fileExists(atPath: folder.appendingPathComponent("runs/digits-1/summary.json").path))
    let explained = try fedsim("explain", digits, "--format", "json")
    let explanation = try #require(JSONSerialization.jsonObject(with: Data(explained.output.utf8)) as? [String: Any])
    #expect(explanation["codec"] as? String == "polar")
  }

  @Test func aRunWithoutPrivacySaysSoLoudly() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = try fedsim(
      "run", digits, "--set", "rounds=1", "--set", "privacy=null", "--set", "channel.codec=float32", in: folder)
    #expect(run.status == 0 && run.errors.contains("NO PRIVACY") && run.output.contains("NONE"))
  }

  @Test func badInputExitsWith2BeforeAnyWork() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let cases: [([String], String)] = [
      (["run", "none.json"], "none.json: there is no such file"),
      (
        ["run", digits, "--set", "privacy.clippingNorm=-1"],
        "privacy.clippingNorm: found -1; allowed: a number from 1e-09"
      ),
      (
        ["run", digits, "--set", "privacy.accountant=gaussian"],
        "privacy.accountant: refused: the \"gaussian\" accountant is for"
      ),
      (["run", digits, "--out", ""], "allowed: the name of a folder"),
      (["run", digits, "--out", digits], "this is a file"),
      (["run", digits, "--threads", "0"], "--threads"),
      (["run", digits, "--format", "xml"], "xml"),
      (["run"], "scenario"),
      (["frobnicate"], "frobnicate"),
      (["validate", digits, "--set", "rounds"], "key=value"),
    ]
    for (arguments, expected) in cases {
      let process = try fedsim(arguments, in: folder)
      #expect(process.status == 2, "\(arguments): \(process.status)")
      #expect(process.errors.contains(expected), "\(arguments): \(process.errors)")
      #expect(process.output.isEmpty)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty, "nothing was written")
  }

  @Test func helpAndVersionExitWith0() throws {
    for arguments in ["--help", "--version", "help"] {
      let outcome = try fedsim(arguments)
      #expect(outcome.status == 0 && !outcome.output.isEmpty)
    }
    let help = try fedsim("--help").output
    for command in ["run", "validate", "explain", "channel"] { #expect(help.contains(command)) }
  }

  @Test func validScenariosAreValid() throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: repository.appendingPathComponent("scenarios").path)
    where name.hasSuffix(".json") {
      let outcome = try fedsim("validate", repository.appendingPathComponent("scenarios/\(name)").path)
      // The examples of these are files of the user's.
      if name.contains("mnist"), outcome.errors.contains("there is no such file") { continue }
      #expect(outcome.status == 0, "\(name): \(outcome.errors)")
    }
  }

  /// What a run, a sweep or a report reads is not among what it writes.
  @Test func inputsOfRunsAreNotWrittenOver() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let at = { (name: String) in folder.appendingPathComponent(name) }
    let text = """
      {"name": "s", "seed": 1, "task": "classification", "rounds": 2, "data": {"source": "csv", "path": "DATA", "labelColumn": "y"},
       "partition": {"kind": "iid", "clients": 2}, "model": {"kind": "softmax-regression"},
       "training": {"batchSize": 1, "learningRate": 0.5}, "cohort": {"sampling": "everyone"}, "channel": {"codec": "float32"}SWEEP}
      """
    let write = { (name: String, data: String, sweep: String) in
      try text.replacing("DATA", with: data).replacing("SWEEP", with: sweep)
        .write(to: at(name), atomically: true, encoding: .utf8)
    }
    let csv = "x,y\n" + (0..<20).map { "\($0),\($0 % 2)\n" }.joined()
    try csv.write(to: at("rounds.csv"), atomically: true, encoding: .utf8)
    try csv.write(to: at("points.csv"), atomically: true, encoding: .utf8)
    let axes = #", "sweep": {"axes": {"training.learningRate": [0.1, 0.2]}}"#
    try write("scenario.json", "points.csv", "")
    try write("data.json", "rounds.csv", "")
    try write("sweep.json.in", "points.csv", axes)
    try FileManager.default.createDirectory(at: at("s"), withIntermediateDirectories: true)
    try write("s/scenario.json", "points.csv", axes)
    let before = try ["scenario.json", "rounds.csv", "points.csv", "s/scenario.json"].map {
      try Data(contentsOf: at($0))
    }
    for (arguments, file, what) in [
      (["run", "scenario.json", "--out", ".", "--force"], "./scenario.json", "the scenario"),
      (["run", "data.json", "--out", ".", "--force"], "./rounds.csv", "data of the scenario"),
      (["sweep", "sweep.json.in", "--out", "."], "./points.csv", "data of the scenario"),
      (["sweep", "s/scenario.json", "--out", "s"], "s/scenario.json", "the scenario"),
    ] {
      let outcome = try fedsim(arguments, in: folder)
      #expect(
        outcome.status == 2 && outcome.errors.contains("--out: found \(file), which is \(what)"), "\(outcome.errors)")
    }
    #expect(
      try ["scenario.json", "rounds.csv", "points.csv", "s/scenario.json"].map { try Data(contentsOf: at($0)) }
        == before)
    for command in ["run", "sweep"] {
      let dash = try fedsim(command, command == "run" ? "scenario.json" : "sweep.json.in", "--out", "-", in: folder)
      #expect(dash.status == 2 && dash.errors.contains("--out: found -, which is standard output"), "\(dash.errors)")
    }
    // A run's own scenario, to go on with it, is left as it is.
    #expect(try fedsim("run", "scenario.json", "--out", "r", "-q", in: folder).status == 0)
    let again = try fedsim("run", "r/scenario.json", "--out", "r", "--resume", "-q", in: folder)
    #expect(again.status == 0, "\(again.errors)")
    // A page that is, by a hard link, a file of the run.
    try FileManager.default.linkItem(at: at("r/summary.json"), to: at("page.html"))
    let report = try fedsim("report", "r", "--out", "page.html", in: folder)
    #expect(report.status == 2 && report.errors.contains("page.html, which is a file of r"), "\(report.errors)")
    try chartsAreThreeFiles(of: "r", in: folder)
  }

  /// Beside a page: a picture for screens, one for papers and the numbers of each chart; none of them is a file of the run.
  private func chartsAreThreeFiles(of run: String, in folder: URL) throws {
    let page = try fedsim("report", run, "--out", "p.html", in: folder)
    #expect(page.status == 0 && page.errors.contains("(.svg, .pdf, .csv)"), "\(page.errors)")
    let files = folder.appendingPathComponent("p-files")
    let names = try FileManager.default.contentsOfDirectory(atPath: files.path)
    let charts = names.filter { $0.hasSuffix(".svg") }.map { String($0.dropLast(4)) }
    #expect(!charts.isEmpty)
    for chart in charts {
      for (ending, start) in [("svg", "<svg "), ("pdf", "%PDF-1.4"), ("csv", "\"line\",\"round\",")] {
        let file = try String(contentsOf: files.appendingPathComponent("\(chart).\(ending)"), encoding: .utf8)
        #expect(file.hasPrefix(start), "\(chart).\(ending)")
      }
    }
    try FileManager.default.removeItem(at: files.appendingPathComponent("\(charts[0]).pdf"))
    try FileManager.default.linkItem(
      at: folder.appendingPathComponent("\(run)/summary.json"), to: files.appendingPathComponent("\(charts[0]).pdf"))
    let again = try fedsim("report", run, "--out", "p.html", in: folder)
    #expect(again.status == 2 && again.errors.contains("\(charts[0]).pdf, which is a file of r"), "\(again.errors)")
  }

  @Test func anInterruptedRunKeepsWhatItHas() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let process = Process()
    process.executableURL = products.appendingPathComponent("fedsim")
    // With a given z: a calibration for so many rounds takes minutes in debug.
    process.arguments = [
      "run", digits, "--set", "rounds=100000", "--set", "privacy.targetEpsilon=null", "--set",
      "privacy.noiseMultiplier=4",
      "--out", folder.path, "-q",
    ]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    let rounds = folder.appendingPathComponent("rounds.jsonl")
    for _ in 0..<600 {
      if let text = try? String(contentsOf: rounds, encoding: .utf8), text.split(separator: "\n").count >= 2 { break }
      Thread.sleep(forTimeInterval: 0.1)
    }
    process.interrupt()
    process.waitUntilExit()
    #expect(process.terminationStatus == 130)
    let summary =
      try JSONSerialization.jsonObject(
        with: Data(contentsOf: folder.appendingPathComponent("summary.json"))) as? [String: Any]
    #expect(summary?["stoppedBy"] as? String == "interrupted")
    let written = try String(contentsOf: rounds, encoding: .utf8).split(separator: "\n")
    #expect(summary?["rounds"] as? Int == written.count)
    for line in written { #expect(try JSONSerialization.jsonObject(with: Data(line.utf8)) is [String: Any]) }
  }

  /// Killed at any moment and resumed, the table is what an undisturbed sweep makes.
  @Test func aKilledSweepGoesOn() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let base = try String(contentsOfFile: digits, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
      .dropLast()
    let text =
      base
      + #", "sweep": {"axes": {"privacy.targetEpsilon": [2, 8], "channel.codec": ["float32", "layered"]}, "repeats": 2}}"#
    try text.write(to: folder.appendingPathComponent("s.json"), atomically: true, encoding: .utf8)
    let arguments = ["sweep", "s.json", "--set", "rounds=3", "--set", "cohort.size=20", "--jobs", "2"]
    let whole = try fedsim(arguments + ["--out", "whole"], in: folder)
    #expect(whole.status == 0 && whole.output.contains("8 runs"), "\(whole.errors)")
    let again = try fedsim(arguments + ["--out", "whole"], in: folder)
    #expect(again.status == 2 && again.errors.contains("--resume"))
    let other = try fedsim(arguments + ["--out", "whole", "--resume", "--set", "rounds=4"], in: folder)
    #expect(other.status == 2 && other.errors.contains("another sweep"))
    // A run of another scenario in a run's place is made anew, and so is one whose summary is not a run's.
    let broken = folder.appendingPathComponent("whole/runs/0002/summary.json")
    let before = try Data(contentsOf: folder.appendingPathComponent("whole/runs.csv"))
    try #"{"hello": 1}"#.write(to: broken, atomically: true, encoding: .utf8)
    let foreign = folder.appendingPathComponent("whole/runs/0003/scenario.json")
    let text3 = try String(contentsOf: foreign, encoding: .utf8)
    try text3.replacingOccurrences(of: "\"rounds\": 3", with: "\"rounds\": 7").write(
      to: foreign, atomically: true, encoding: .utf8)
    let mended = try fedsim(arguments + ["--out", "whole", "--resume"], in: folder)
    #expect(mended.status == 0 && mended.errors.contains("6 of 8 runs are there already"), "\(mended.errors)")
    #expect(try Data(contentsOf: folder.appendingPathComponent("whole/runs.csv")) == before)
    let nowhere = try fedsim(arguments + ["--out", ""], in: folder)
    #expect(nowhere.status == 2 && nowhere.errors.contains("the name of a folder"), "\(nowhere.errors)")
    for attempt in 0..<20 {
      let process = Process()
      process.executableURL = products.appendingPathComponent("fedsim")
      process.currentDirectoryURL = folder
      process.arguments = arguments + ["--out", "killed", "--resume", "-q"]
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      Thread.sleep(forTimeInterval: 0.02 + 0.017 * Double(attempt * 7 % 20))
      if process.isRunning { kill(process.processIdentifier, SIGKILL) }
      process.waitUntilExit()
    }
    let resumed = try fedsim(arguments + ["--out", "killed", "--resume"], in: folder)
    #expect(resumed.status == 0, "\(resumed.errors)")
    for name in ["sweep.json", "runs.csv", "runs.jsonl", "points.csv"] {
      let a = try Data(contentsOf: folder.appendingPathComponent("whole/\(name)"))
      let b = try Data(contentsOf: folder.appendingPathComponent("killed/\(name)"))
      #expect(a == b && !a.isEmpty, "\(name)")
    }
    let listed = try fedsim(arguments + ["--dry-run"], in: folder)
    #expect(listed.status == 0 && listed.output.contains("4 points, 2 repeats"))
  }
}
