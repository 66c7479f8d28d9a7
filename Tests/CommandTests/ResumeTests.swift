import Foundation
import Testing

private let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()
private let digits = repository.appendingPathComponent("scenarios/digits.json").path

/// Files that must be the same, byte for byte.
private let files = [
  "scenario.json", "rounds.jsonl", "rounds.csv", "ledger.json", "summary.json", "model.safetensors", "state.bin",
]

/// Short rounds, many of them.
private let small = [
  "--set", "partition.kind=iid", "--set", "partition.clients=100", "--set", "model.kind=softmax-regression", "--set",
  "model.hidden=null", "--set", "cohort.size=4", "--set", "evaluation.every=7", "--set", "training.learningRate=0.3",
  "--threads", "1", "-q",
]
/// Noise that needs no calibration: processes start in a few hundredths of a second.
private let noise = ["--set", "privacy.targetEpsilon=null", "--set", "privacy.noiseMultiplier=1"]
private let polar = noise + ["--set", "rounds=70", "--set", "channel.codec=polar"]
private let layered =
  noise + [
    "--set", "rounds=300", "--set", "channel.codec=layered", "--set", "cohort.dropout=0.2", "--set",
    "privacy.accountant=rdp",
  ]
private let plain = ["--set", "rounds=1500", "--set", "privacy=null", "--set", "channel.codec=float32"]

private func arguments(_ variant: [String], _ out: String, _ more: String...) -> [String] {
  ["run", digits] + small + variant + ["--out", out] + more
}

private func contents(_ folder: URL) throws -> [String: Data] {
  var contents: [String: Data] = [:]
  for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where name != "timings.json" {
    contents[name] = try Data(contentsOf: folder.appendingPathComponent(name))
  }
  return contents
}

/// A process that is stopped by a signal after a while, or ends before.
///
/// - Returns: whether the signal came in time, and the exit code.
private func run(_ arguments: [String], in folder: URL, stoppedAfter delay: Double, by signal: Int32) throws -> (
  isStopped: Bool, status: Int32
) {
  let process = Process()
  process.executableURL = products.appendingPathComponent("fedsim")
  process.currentDirectoryURL = folder
  process.arguments = arguments
  process.standardOutput = FileHandle.nullDevice
  process.standardError = FileHandle.nullDevice
  try process.run()
  Thread.sleep(forTimeInterval: delay)
  if process.isRunning { kill(process.processIdentifier, signal) }
  process.waitUntilExit()
  // Ctrl-C before the first round ends a process as it ends any.
  return (process.terminationReason == .uncaughtSignal || process.terminationStatus == 130, process.terminationStatus)
}

@Suite(.serialized) struct ResumeTests {
  /// Stopped at random moments again and again, by kill -9 and by Ctrl-C, a run ends with the files of an undisturbed one.
  @Test func aKilledRunGoesOn() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    var random: UInt64 = 2026
    let uniform = { () -> Double in
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(random >> 11) * 0x1p-53
    }
    var (kills, interrupts) = (0, 0)
    for (i, variant) in [polar, layered, plain].enumerated() {
      let start = Date()
      let whole = try fedsim(arguments(variant, "whole\(i)"), in: folder)
      let wall = Date().timeIntervalSince(start)
      #expect(whole.status == 0, "\(whole.errors)")
      let expected = try contents(folder.appendingPathComponent("whole\(i)"))
      // Without privacy there is no ledger.
      #expect(Set(expected.keys) == Set(files.filter { $0 != "ledger.json" || i < 2 }))
      var (stops, finished, rounds) = (0, 0, Set<Int>())
      for attempt in 0..<300 where stops < 22 || finished == 0 {
        let out = "killed\(i)-\(finished)"
        let signal = attempt % 5 == 4 ? SIGINT : SIGKILL
        let outcome = try run(
          arguments(variant, out, "--resume"), in: folder,
          stoppedAfter: wall * (0.5 + Double(attempt) / 100) * uniform(), by: signal)
        let path = folder.appendingPathComponent(out)
        if outcome.isStopped {
          stops += 1
          if signal == SIGKILL { kills += 1 } else { interrupts += 1 }
          let rows = (try? Data(contentsOf: path.appendingPathComponent("rounds.jsonl"))) ?? Data()
          rounds.insert(rows.count { $0 == UInt8(ascii: "\n") })
        } else {
          #expect(outcome.status == 0)
          #expect(try contents(path) == expected, "variant \(i), finished after \(stops) stops")
          finished += 1
        }
      }
      #expect(finished > 0 && rounds.count > 6, "stopped at \(rounds.sorted())")
    }
    #expect(kills >= 50 && interrupts > 0)
  }

  /// What a stop can leave behind, made by hand from a checkpoint in the middle of a run.
  @Test func whateverAStopLeavesIsMended() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let manager = FileManager.default
    #expect(try fedsim(arguments(layered, "whole"), in: folder).status == 0)
    let whole = folder.appendingPathComponent("whole")
    let expected = try contents(whole)
    // A checkpoint in the middle.
    let middle = folder.appendingPathComponent("middle")
    for _ in 0..<50 {
      let begun = try run(arguments(layered, "middle", "--force"), in: folder, stoppedAfter: 0.2, by: SIGINT)
      if begun.isStopped, (try? contents(middle)["rounds.jsonl"]?.isEmpty) == false { break }
    }
    let stopped = try contents(middle)
    let (rows, allRows) = (try #require(stopped["rounds.jsonl"]), try #require(expected["rounds.jsonl"]))
    try #require(!rows.isEmpty && rows.count < allRows.count)
    #expect(allRows.starts(with: rows))
    let summary = try JSONSerialization.jsonObject(with: try #require(stopped["summary.json"])) as? [String: Any]
    #expect(summary?["stoppedBy"] as? String == "interrupted")

    let copy = folder.appendingPathComponent("copy")
    let at = { (name: String) in copy.appendingPathComponent(name) }
    let damages: [(String, () throws -> Void)] = [
      ("stopped by Ctrl-C", {}),
      ("a torn row", { try (rows + allRows[rows.count..<(rows.count + 77)]).write(to: at("rounds.jsonl")) }),
      (
        "later rows, all tables",
        {
          for name in ["rounds.jsonl", "rounds.csv", "ledger.json"] { try expected[name]?.write(to: at(name)) }
        }
      ),
      (
        "tables that are behind",
        {
          try Data(try #require(stopped["rounds.csv"]).dropLast(100)).write(to: at("rounds.csv"))
          try Data("{".utf8).write(to: at("ledger.json"))
        }
      ),
      ("no tables", { for name in ["rounds.csv", "ledger.json"] { try manager.removeItem(at: at(name)) } }),
      ("the last words of a whole run", { try expected["summary.json"]?.write(to: at("summary.json")) }),
      (
        "half written files, an empty claim",
        {
          for name in files { try Data("half".utf8).write(to: at(name + ".part")) }
          try Data().write(to: at("scenario.json"))
          try manager.removeItem(at: at("model.safetensors"))
        }
      ),
      (
        "all rows and no last words",
        {
          for name in files { try expected[name]?.write(to: at(name)) }
          for name in ["summary.json", "model.safetensors"] { try manager.removeItem(at: at(name)) }
        }
      ),
      (
        "all but the last checkpoint",
        { for name in files where name != "state.bin" { try expected[name]?.write(to: at(name)) } }
      ),
    ]
    for (name, damage) in damages {
      try? manager.removeItem(at: copy)
      try manager.copyItem(at: middle, to: copy)
      try damage()
      let resumed = try fedsim(arguments(layered, "copy", "--resume"), in: folder)
      #expect(resumed.status == 0, "\(name): \(resumed.errors)")
      let found = try contents(copy)
      for file in files { #expect(found[file] == expected[file], "\(name): \(file)") }
    }
  }

  @Test func aWholeRunStaysAndOthersAreRefused() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let variant = noise + ["--set", "rounds=3", "--set", "channel.codec=layered"]
    // Where there is no run, one is started: for "until fedsim run --resume".
    let first = try fedsim(arguments(variant, "a", "--resume"), in: folder)
    #expect(first.status == 0 && first.errors.isEmpty, "\(first.errors)")
    let path = folder.appendingPathComponent("a")
    let dates = {
      try (files + ["timings.json"]).map {
        try FileManager.default.attributesOfItem(atPath: path.appendingPathComponent($0).path)[.modificationDate]
          as? Date
      }
    }
    let before = try (contents(path), dates())
    let again = try fedsim(arguments(variant, "a", "--resume").filter { $0 != "-q" }, in: folder)
    #expect(again.status == 0 && again.errors == "all 3 rounds are there already\n", "\(again.errors)")
    let table = { (text: String) in text.split(separator: "\n").filter { !$0.hasPrefix("time ") } }
    #expect(table(again.output) == table(first.output))
    #expect(try contents(path) == before.0 && dates() == before.1, "nothing was written")

    let refusals: [([String], String)] = [
      (["--set", "rounds=4"], "a/state.bin: cannot go on: rounds is 3 there and 4 here"),
      (["--set", "seed=2"], "another scenario: seed is 1 there and 2 here"),
      (["--set", "privacy.clippingNorm=1"], "privacy.clippingNorm is 2 there and 1 here"),
    ]
    for (change, expected) in refusals {
      let refused = try fedsim(arguments(variant + change, "a", "--resume"), in: folder)
      #expect(refused.status == 2 && refused.errors.contains(expected), "\(refused.errors)")
    }
    let both = try fedsim(arguments(variant, "a", "--resume", "--force"), in: folder)
    #expect(both.status == 2 && both.errors.contains("--force, which replaces"), "\(both.errors)")
    #expect(try contents(path) == before.0, "nothing was written")

    let state = path.appendingPathComponent("state.bin")
    var bytes = try Data(contentsOf: state)
    bytes[bytes.count / 2] ^= 1
    try bytes.write(to: state)
    let damaged = try fedsim(arguments(variant, "a", "--resume"), in: folder)
    #expect(damaged.status == 2 && damaged.errors.contains("a/state.bin: cannot go on: damaged: byte"))
    try FileManager.default.removeItem(at: state)
    let older = try fedsim(arguments(variant, "a", "--resume"), in: folder)
    #expect(older.status == 2 && older.errors.contains("found scenario.json, but no state.bin"), "\(older.errors)")
    #expect(try fedsim(arguments(variant, "a", "--force"), in: folder).status == 0)
    #expect(try contents(path) == before.0)
  }

  @Test func oneProcessAFolderAndTheWayOnIsSaid() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let endless = plain + ["--set", "rounds=100000"]
    let process = Process()
    process.executableURL = products.appendingPathComponent("fedsim")
    process.currentDirectoryURL = folder
    process.arguments = arguments(endless, "a b", "--force")
    process.standardOutput = FileHandle.nullDevice
    let errors = folder.appendingPathComponent("errors")
    _ = FileManager.default.createFile(atPath: errors.path, contents: nil)
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    for _ in 0..<600 {
      if FileManager.default.fileExists(atPath: folder.appendingPathComponent("a b/rounds.jsonl").path) { break }
      Thread.sleep(forTimeInterval: 0.05)
    }
    for flag in ["--resume", "--force"] {
      let second = try fedsim(arguments(endless, "a b", flag), in: folder)
      #expect(second.status == 1 && second.errors.contains("a b: another fedsim run works there"), "\(second.errors)")
    }
    process.interrupt()
    process.waitUntilExit()
    let said = try String(contentsOf: errors, encoding: .utf8)
    #expect(process.terminationStatus == 130 && said.contains("of 100000; to go on:"), "\(said)")
    #expect(said.contains("rounds=100000 --out 'a b' --resume") && !said.contains("--force"), "\(said)")
  }

  /// A disk that is full in the middle of a row.
  @Test func aFullDiskIsNoLoss() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(try fedsim(arguments(layered, "whole"), in: folder).status == 0)
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.currentDirectoryURL = folder
    let command = products.appendingPathComponent("fedsim").path
    shell.arguments =
      ["-c", "ulimit -f 40; trap '' XFSZ; exec \"$0\" \"$@\"", command] + arguments(layered, "full")
    let errors = Pipe()
    shell.standardError = errors
    shell.standardOutput = FileHandle.nullDevice
    try shell.run()
    let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    shell.waitUntilExit()
    #expect(shell.terminationStatus == 1 && said.contains("full/rounds.jsonl: could not be written"), "\(said)")
    let rows = try Data(contentsOf: folder.appendingPathComponent("full/rounds.jsonl"))
    #expect(rows.last != UInt8(ascii: "\n"), "a torn row")
    #expect(try fedsim(arguments(layered, "full", "--resume"), in: folder).status == 0)
    #expect(
      try contents(folder.appendingPathComponent("full")) == contents(folder.appendingPathComponent("whole")))
  }

  @Test func initWritesWhatRuns() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let made = try fedsim("init", "mine.json", in: folder)
    #expect(made.status == 0 && made.output.contains("fedsim run mine.json"), "\(made.errors)")
    let refused = try fedsim("init", "mine.json", in: folder)
    #expect(refused.status == 2 && refused.errors.contains("mine.json: the file is there already"))
    #expect(try fedsim("init", "mine.json", "--full", "--force", in: folder).status == 0)
    let run = try fedsim(
      "run", "mine.json", "--set", "rounds=2", "--set", "privacy.targetEpsilon=100", "--set", "channel.codec=layered",
      "-q",
      in: folder)
    #expect(run.status == 0, "\(run.errors)")
    #expect(FileManager.default.fileExists(atPath: folder.appendingPathComponent("runs/mine-1/summary.json").path))
    let help = try fedsim("init", "--help").output
    for template in ["digits", "no-privacy", "few-clients", "sweep"] {
      #expect(help.contains(template))
      let text = try fedsim("init", "-", "--template", template)
      #expect(text.status == 0 && text.errors.isEmpty)
      try text.output.write(to: folder.appendingPathComponent("t.json"), atomically: true, encoding: .utf8)
      #expect(try fedsim("validate", "t.json", in: folder).status == 0)
    }
    for (arguments, expected) in [
      (["init", "--template", "x"], "--template: found \"x\"; allowed: digits"), (["init", ""], "found \"\""),
      (["init", "none/x.json"], "none/x.json: could not be written"), (["schema", "privacy.delt"], "did you mean"),
    ] {
      let outcome = try fedsim(arguments, in: folder)
      #expect(outcome.status != 0 && outcome.errors.contains(expected) && outcome.output.isEmpty, "\(outcome.errors)")
    }
    let schema = try JSONSerialization.jsonObject(with: Data(fedsim("schema").output.utf8)) as? [String: Any]
    #expect(schema?["$schema"] as? String == "https://json-schema.org/draft/2020-12/schema")
    #expect(try fedsim("schema", "privacy.delta").output.contains("default: not set: min(1e-5, N^-1.1)"))
  }
}
