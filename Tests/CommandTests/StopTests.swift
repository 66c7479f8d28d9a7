import Foundation
import Testing

private let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()
private let digits = repository.appendingPathComponent("scenarios/digits.json").path

/// Rounds that take a few milliseconds, without end.
private let endless = [
  "run", digits, "--set", "partition.kind=iid", "--set", "partition.clients=100", "--set", "cohort.size=4", "--set",
  "privacy=null", "--set", "channel.codec=float32", "--set", "rounds=100000", "-q", "--threads", "2", "--out", "o",
]

/// A set-up of many seconds: a calibration for rounds without end.
private let slowSetUp = [
  "--set", "rounds=100000", "--set", "privacy.targetEpsilon=3", "--set", "cohort.sampling=fixed-size", "--set",
  "privacy.relation=replace-one",
]

private struct Running {
  let process = Process()
  let errors: URL

  init(_ arguments: [String], in folder: URL, shell: String? = nil) throws {
    let command = products.appendingPathComponent("fedsim")
    process.executableURL = shell == nil ? command : URL(fileURLWithPath: "/bin/sh")
    process.arguments = shell.map { ["-c", $0, command.path] + arguments } ?? arguments
    process.currentDirectoryURL = folder
    process.standardOutput = FileHandle.nullDevice
    errors = folder.appendingPathComponent("errors-\(UUID().uuidString)")
    _ = FileManager.default.createFile(atPath: errors.path, contents: nil)
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
  }

  func wait(for file: URL) {
    for _ in 0..<1200 where process.isRunning {
      if let bytes = try? Data(contentsOf: file), bytes.count(where: { $0 == UInt8(ascii: "\n") }) >= 2 { return }
      Thread.sleep(forTimeInterval: 0.05)
    }
  }

  /// As a shell says it: 128 + the signal for a process that a signal ended.
  func status() -> Int32 {
    process.waitUntilExit()
    return (process.terminationReason == .uncaughtSignal ? 128 : 0) + process.terminationStatus
  }

  var said: String { (try? String(contentsOf: errors, encoding: .utf8)) ?? "" }
}

@Suite(.serialized) struct StopTests {
  /// Ctrl-C, a request to end and a terminal that is closed: the round is finished, all files are written.
  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func aSignalEndsARunInOrder(signal: Int32) throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let running = try Running(endless, in: folder)
    running.wait(for: folder.appendingPathComponent("o/rounds.jsonl"))
    kill(running.process.processIdentifier, signal)
    #expect(running.status() == 128 + signal, "\(running.said)")
    #expect(
      running.process.terminationReason == .exit && running.said.contains("of 100000; to go on:"), "\(running.said)")
    let path = folder.appendingPathComponent("o")
    let summary =
      try JSONSerialization.jsonObject(with: Data(contentsOf: path.appendingPathComponent("summary.json")))
      as? [String: Any]
    let rows = try String(contentsOf: path.appendingPathComponent("rounds.jsonl"), encoding: .utf8)
    #expect(summary?["stoppedBy"] as? String == "interrupted")
    #expect(summary?["rounds"] as? Int == rows.split(separator: "\n").count)
    for name in ["model.safetensors", "state.bin"] {
      #expect(FileManager.default.fileExists(atPath: path.appendingPathComponent(name).path))
    }
    let more = try Running(endless + ["--resume"], in: folder)
    running.wait(for: folder.appendingPathComponent("o/rounds.jsonl"))
    Thread.sleep(forTimeInterval: 0.3)
    kill(more.process.processIdentifier, SIGKILL)
    _ = more.status()
    #expect(try String(contentsOf: path.appendingPathComponent("rounds.jsonl"), encoding: .utf8).hasPrefix(rows))
  }

  /// nohup's word holds: a terminal that is closed does not end the run.
  @Test func aHangUpThatIsIgnoredStaysSo() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let running = try Running(endless, in: folder, shell: "trap '' HUP; exec \"$0\" \"$@\"")
    running.wait(for: folder.appendingPathComponent("o/rounds.jsonl"))
    kill(running.process.processIdentifier, SIGHUP)
    Thread.sleep(forTimeInterval: 0.5)
    #expect(running.process.isRunning)
    kill(running.process.processIdentifier, SIGTERM)
    #expect(running.status() == 143)
  }

  /// Where a round takes long, the second signal does not wait for it.
  @Test func theSecondSignalEndsAtOnce() throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let slow = endless + ["--set", "training.epochs=100000", "--set", "model.hidden=[2000]"]
    let running = try Running(slow, in: folder)
    for _ in 0..<400
    where !FileManager.default.fileExists(atPath: folder.appendingPathComponent("o/scenario.json").path) {
      Thread.sleep(forTimeInterval: 0.05)
    }
    Thread.sleep(forTimeInterval: 0.3)
    kill(running.process.processIdentifier, SIGTERM)
    Thread.sleep(forTimeInterval: 0.5)
    #expect(running.process.isRunning && running.said.contains("finishing this round"), "\(running.said)")
    let before = Date()
    kill(running.process.processIdentifier, SIGHUP)
    #expect(running.status() == 129 && Date().timeIntervalSince(before) < 2)
  }

  /// During set-up there is nothing to keep, and nothing is waited for.
  @Test(arguments: ["run", "sweep"], [SIGINT, SIGTERM])
  func aSignalDuringSetUpEndsAtOnce(command: String, signal: Int32) throws {
    let folder = try scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    var text = try String(contentsOfFile: digits, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
    if command == "sweep" { text = text.dropLast() + #", "sweep": {"axes": {"privacy.clippingNorm": [1, 2]}}}"# }
    try text.write(to: folder.appendingPathComponent("s.json"), atomically: true, encoding: .utf8)
    let running = try Running([command, "s.json", "--out", "o"] + slowSetUp, in: folder)
    Thread.sleep(forTimeInterval: 0.7)
    try #require(running.process.isRunning, "\(running.said)")
    let before = Date()
    kill(running.process.processIdentifier, signal)
    #expect(running.status() == 128 + signal && Date().timeIntervalSince(before) < 2, "\(running.said)")
    #expect(running.said.contains("stopped before the first round"), "\(running.said)")
    #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("o").path))
  }
}

#if os(Linux)
  @Suite(.serialized) struct MemoryLimitTests {
    /// A run that is refused memory says so; its files stay, and it goes on where it gets more.
    @Test func aRunOutOfMemoryGoesOn() throws {
      let folder = try scratch()
      defer { try? FileManager.default.removeItem(at: folder) }
      try """
      {"name": "s", "seed": 5, "task": "classification", "rounds": 80, "data": {"source": "mixture", "examples": 4000, "features": 500},
       "partition": {"kind": "iid", "clients": 2000}, "model": {"kind": "perceptron", "hidden": [50]},
       "training": {"algorithm": "scaffold", "learningRate": 0.1, "batchSize": 10},
       "cohort": {"sampling": "fixed-size", "size": 20}, "evaluation": {"every": 20}}
      """.write(to: folder.appendingPathComponent("s.json"), atomically: true, encoding: .utf8)
      let arguments = ["run", "s.json", "-q", "--threads", "2", "--out"]
      #expect(try fedsim(arguments + ["whole"], in: folder).status == 0)
      let files = ["scenario.json", "rounds.jsonl", "rounds.csv", "summary.json", "model.safetensors", "state.bin"]
      let contents = { (name: String) in
        try files.map { try Data(contentsOf: folder.appendingPathComponent("\(name)/\($0)")) }
      }
      // The least with which it ends: what it wrote with less is kept, and the run goes on from it.
      var limit = 60_000
      var (refusals, isDone) = (0, false)
      while limit < 3_000_000, !isDone {
        let running = try Running(
          arguments + ["limited", "--resume"], in: folder, shell: "ulimit -v \(limit); exec \"$0\" \"$@\"")
        let status = running.status()
        isDone = status == 0
        if !isDone {
          // Below what the libraries take the loader, or the runtime before our first line, has the word.
          let hasBegun = FileManager.default.fileExists(atPath: folder.appendingPathComponent("limited/state.bin").path)
          #expect(
            !hasBegun || status == 1 && running.said.contains("out of memory"), "\(limit): \(status) \(running.said)")
          if hasBegun { refusals += 1 }
        }
        limit += limit / 6
      }
      #expect(isDone && refusals > 0)
      #expect(try contents("limited") == contents("whole"))
    }

    /// What explain says, against what the system counted.
    @Test(arguments: [
      ["rounds=20"], ["rounds=20", "privacy=null", "channel.codec=float32", "model.hidden=[600]"],
      ["rounds=20", "model.hidden=[1000]", "cohort.size=20"],
      [
        "rounds=60", "privacy=null", "channel.codec=float32", "training.algorithm=scaffold", "model.hidden=[600]",
        "cohort.size=20",
      ],
    ])
    func explainedMemoryIsRight(overrides: [String]) throws {
      let folder = try scratch()
      defer { try? FileManager.default.removeItem(at: folder) }
      let arguments = [digits, "--threads", "2"] + overrides.flatMap { ["--set", $0] }
      let explained =
        try JSONSerialization.jsonObject(with: Data(fedsim(["explain", "--format", "json"] + arguments).output.utf8))
        as? [String: Any]
      let run = try fedsim(["run", "--out", "o", "-q"] + arguments, in: folder)
      #expect(run.status == 0, "\(run.errors)")
      let timings =
        try JSONSerialization.jsonObject(
          with: Data(contentsOf: folder.appendingPathComponent("o/timings.json"))) as? [String: Any]
      let (predicted, measured) = (
        try #require(explained?["memoryBytes"] as? Double), try #require(timings?["peakMemoryBytes"] as? Double)
      )
      #expect(predicted / measured > 0.7 && predicted / measured < 1.3, "\(predicted) predicted, \(measured) measured")
    }
  }
#endif
