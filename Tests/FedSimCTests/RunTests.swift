import CFedSim
import FedSim
import Files
import Foundation
import JSONText
import Platform
import RunFiles
import Scenarios
import Synchronization
import Testing

@testable import FedSimC

/// Scenarios that take milliseconds.
enum TinyScenario {
  static let privacy = #"{"clippingNorm": 1, "noiseMultiplier": 2, "delta": 1e-5}"#

  static func text(rounds: Int = 3, privacy: String = privacy, data: String? = nil) -> String {
    """
    {"name": "tiny", "task": "classification", "rounds": \(rounds),
     "data": \(data ?? #"{"source": "synthetic", "clients": 12, "features": 5, "classes": 3}"#),
     "partition": {"kind": "natural"}, "model": {"kind": "softmax-regression"}, "training": {"learningRate": 0.5},
     "cohort": {"sampling": "poisson", "size": 6}, "privacy": \(privacy)}
    """
  }
}

@Suite("The C interface: runs")
struct RunTests {
  private static func new(
    _ scenario: String, _ options: String = "", training: fs_handle = 0, test: fs_handle = 0
  ) -> (Answer, fs_handle) {
    var handle: fs_handle = -1
    let (text, extra) = (scenario.utf8.map { CChar(bitPattern: $0) }, options.utf8.map { CChar(bitPattern: $0) })
    let answer = Interface.call {
      fs_run_new(text, Int64(text.count), extra, Int64(extra.count), training, test, &handle, $0, $1)
    }
    return (answer, handle)
  }

  private static func rounds(_ run: fs_handle) -> [String] {
    var lines: [String] = []
    while true {
      let (answer, bytes) = Interface.bytes { fs_run_next(run, $0, $1, $2) }
      #expect(answer.result >= 0, "\(answer.reason)")
      guard let bytes, !bytes.isEmpty else { return lines }
      lines.append(String(decoding: bytes, as: UTF8.self))
    }
  }

  private static func parameters(_ run: fs_handle) -> [Float] {
    let count = Interface.call { fs_run_parameters(run, nil, 0, $0, $1) }.result
    var values = [Float](repeating: 0, count: Int(max(count, 0)))
    #expect(Interface.call { fs_run_parameters(run, &values, count, $0, $1) }.result == count)
    return values
  }

  @Test("Rounds, summary and model are those of the Swift simulation, for any number of threads")
  func same() throws {
    var simulation = try Simulation(
      scenario: Scenario(ScenarioFile(Array(TinyScenario.text().utf8), name: "tiny")), threads: 1)
    var expected: [String] = []
    while let record = try simulation.nextRound() { expected.append(record.json.text(pretty: false)) }
    for threads in [1, 2, 8] {
      let (answer, run) = Self.new(TinyScenario.text(), #"{"threads": \#(threads)}"#)
      #expect(answer.result == 0, "\(answer.reason)")
      defer { fs_release(run) }
      #expect(Self.rounds(run) == expected)
      #expect(Self.parameters(run) == simulation.server.parameters)
      let summary = Interface.object(Interface.bytes { fs_run_finish(run, $0, $1, $2) }.1)
      #expect(summary["stoppedBy"] == "rounds" && summary["rounds"] == 3)
      // Nothing more, whoever asks.
      #expect(Interface.bytes { fs_run_next(run, $0, $1, $2) }.0.result == 0)
    }
  }

  @Test("A run says what it is, and what may be claimed of it")
  func about() {
    let (_, run) = Self.new(TinyScenario.text(), #"{"set": ["rounds=2", "name=other"]}"#)
    defer { fs_release(run) }
    let about = Interface.object(Interface.bytes { fs_run_about(run, $0, $1, $2) }.1)
    #expect(about["rounds"] == 2 && about["name"] == "other" && about["roundsDone"] == 0 && about["folder"] == .null)
    #expect(about["parameters"] == 18 && about["clients"] == 12 && about["guarantee"] == "epsilon-delta")
  }

  @Test("A folder has the files of fedsim run; a run in it is not written over, and one that was stopped goes on")
  func folder() throws {
    let folder = try TemporaryFolder()
    let options = { (start: String) in #"{"folder": "\#(folder.path)/run", "start": "\#(start)"}"# }
    let (first, run) = Self.new(TinyScenario.text(), options("new"))
    #expect(first.result == 0, "\(first.reason)")
    let (_, line) = Interface.bytes { fs_run_next(run, $0, $1, $2) }
    #expect(Interface.object(Interface.bytes { fs_run_finish(run, $0, $1, $2) }.1)["stoppedBy"] == "interrupted")
    fs_release(run)
    let (occupied, none) = Self.new(TinyScenario.text(), options("new"))
    #expect(occupied.result == FS_FILES && none == 0 && occupied.reason.contains("there is a run already"))
    let (resumed, again) = Self.new(TinyScenario.text(), options("resuming"))
    #expect(resumed.result == 0, "\(resumed.reason)")
    #expect(Interface.object(Interface.bytes { fs_run_about(again, $0, $1, $2) }.1)["roundsDone"] == 1)
    let rest = Self.rounds(again)
    #expect(rest.count == 2)
    _ = Interface.bytes { fs_run_finish(again, $0, $1, $2) }
    fs_release(again)
    let (_, whole) = Self.new(TinyScenario.text())
    defer { fs_release(whole) }
    #expect([String(decoding: line ?? [], as: UTF8.self)] + rest == Self.rounds(whole))
    let rows = try InputFile.read("\(folder.path)/run/rounds.jsonl")
    #expect(rows.split(separator: UInt8(ascii: "\n")).count == 3)
    let request = #"{"folders": ["\#(folder.path)/run", "\#(folder.path)/none"]}"#.utf8.map { CChar(bitPattern: $0) }
    let (_, page) = Interface.bytes { fs_report(request, Int64(request.count), $0, $1, $2) }
    #expect(String(decoding: page ?? [], as: UTF8.self).contains("<html"))
  }

  @Test("A stop abandons the round, and the next call makes it, with the same result")
  func stop() {
    let (_, undisturbed) = Self.new(TinyScenario.text())
    defer { fs_release(undisturbed) }
    let expected = Self.rounds(undisturbed)
    let (_, run) = Self.new(TinyScenario.text())
    defer { fs_release(run) }
    fs_stop(run)
    let (answer, _) = Interface.bytes { fs_run_next(run, $0, $1, $2) }
    #expect(answer.result == FS_STOPPED)
    #expect(Self.rounds(run) == expected)
  }

  @Test("A stop from another thread ends a long round soon; its progress is seen from there")
  func progress() throws {
    // A round of minutes, of which moments are made.
    let data = #"{"source": "synthetic", "clients": 300, "features": 60, "classes": 10}"#
    let (answer, run) = Self.new(
      TinyScenario.text(data: data), #"{"set": ["cohort.size=300", "training.epochs=500"], "threads": 1}"#)
    try #require(answer.result == 0, "\(answer.reason)")
    defer { fs_release(run) }
    var state = [Double](repeating: 0, count: 4)
    #expect(fs_run_progress(run, &state) == 0)
    // Threads of their own: those of tasks may all have other tests.
    let result = Mutex<Int64?>(nil)
    let thread = Thread {
      let ended = Interface.bytes { fs_run_next(run, $0, $1, $2) }.0.result
      result.withLock { $0 = ended }
    }
    thread.start()
    while fs_run_progress(run, &state) != 4, result.withLock({ $0 == nil }) { usleep(5000) }
    #expect(state[0] == 1 && state[1] >= 0 && state[2] > state[1])
    fs_stop(run)
    while result.withLock({ $0 == nil }) { usleep(5000) }
    #expect(result.withLock { $0 } == Int64(FS_STOPPED))
    #expect(fs_run_progress(run, &state) == 0)
    #expect(fs_run_progress(run, nil) == FS_INVALID && fs_run_progress(0, &state) == FS_INVALID)
  }

  @Test("Examples from memory, of a caller")
  func data() {
    let features = (0..<240).map { Float($0 % 7) - Float($0 / 80) }
    let labels = (0..<60).map { Int32($0 / 20) }
    let owners = (0..<60).map { Int32($0 % 6) }
    var (training, test): (fs_handle, fs_handle) = (0, 0)
    let made = Interface.call {
      fs_data_new(features, 60, 4, labels, nil, owners, 0, nil, &training, $0, $1)
    }
    #expect(made.result == 0 && training > 0, "\(made.reason)")
    #expect(Interface.call { fs_data_new(features, 60, 4, labels, nil, nil, 3, nil, &test, $0, $1) }.result == 0)
    defer {
      fs_release(training)
      fs_release(test)
    }
    let scenario = TinyScenario.text(data: #"{"source": "given"}"#)
      .replacing(#""size": 6"#, with: #""size": 3"#)
    let (answer, run) = Self.new(scenario, training: training, test: test)
    #expect(answer.result == 0, "\(answer.reason)")
    #expect(Self.rounds(run).count == 3)
    // A run keeps what it needs.
    fs_release(training)
    #expect(Self.new(scenario, training: training, test: test).0.result == FS_INVALID)
    #expect(Self.new(scenario, training: run, test: test).0.reason.contains("found a run"))
    fs_release(run)
    #expect(Self.new(TinyScenario.text(), training: test, test: test).0.reason.contains("given"))
    #expect(Self.new(scenario).0.result == FS_REFUSED)
  }

  @Test("Data that are wrong are refused")
  func wrongData() {
    let features: [Float] = [1, 2, 3, 4, 5, 6]
    let labels: [Int32] = [0, 1, 2]
    var out: fs_handle = 0
    func new(
      _ features: [Float]?, _ examples: Int64, _ width: Int64, _ labels: [Int32]?, _ targets: [Float]? = nil,
      owners: [Int32]? = nil, classes: Int64 = 0, image: [Int64]? = nil
    ) -> Answer {
      out = -1
      let answer = Interface.call {
        fs_data_new(features, examples, width, labels, targets, owners, classes, image, &out, $0, $1)
      }
      if answer.result >= 0 { fs_release(out) } else { #expect(out == 0) }
      return answer
    }
    #expect(new(features, 3, 2, labels).result == 0)
    #expect(new(features, 3, 2, nil, [1, 2, 3]).result == 0)
    #expect(new(features, 3, 2, labels, owners: [0, 5, 9_999_999], image: [1, 2, 1]).result == 0)
    let wrong = [
      new(nil, 3, 2, labels), new(features, 0, 2, labels), new(features, -1, 2, labels),
      new(features, .max, .max, labels), new(features, 3, 0, labels), new(features, 3, .min, labels),
      new(features, 3, 2, nil), new(features, 3, 2, labels, [1, 2, 3]), new(features, 3, 2, [0, -1, 1]),
      new(features, 3, 2, [0, .max, 1]), new(features, 3, 2, labels, classes: 2),
      new(features, 3, 2, labels, classes: -1), new(features, 3, 2, labels, classes: .max),
      new([1, 2, .nan, 4, 5, 6], 3, 2, labels), new(features, 3, 2, nil, [1, 2, .infinity]),
      new(features, 3, 2, labels, owners: [0, -1, 0]), new(features, 3, 2, labels, owners: [0, .max, 0]),
      new(features, 3, 2, labels, image: [2, 2, 1]), new(features, 3, 2, labels, image: [0, 2, 1]),
      new(features, 3, 2, labels, image: [.max, .max, .max]), new(features, 3, 2, labels, image: [-1, -2, 1]),
    ]
    for (i, answer) in wrong.enumerated() {
      #expect(answer.result == FS_INVALID && !answer.reason.isEmpty, "\(i): \(answer.reason)")
    }
  }

  @Test(
    "Scenarios and options that are wrong are refused with their place",
    arguments: [
      ("", "", "scenario:1:1"), ("{}", "", "scenario"), ("{", "", "scenario:1:2"),
      (TinyScenario.text(), "{", "options:1:2"), (TinyScenario.text(), "[]", "options: found an array"),
      (TinyScenario.text(), #"{"threads": 0}"#, "threads: found 0"),
      (TinyScenario.text(), #"{"threads": 1025}"#, "threads"), (TinyScenario.text(), #"{"thread": 1}"#, "did you mean"),
      (TinyScenario.text(), #"{"set": "rounds=1"}"#, "set: found a string"),
      (TinyScenario.text(), #"{"set": [1]}"#, "set[0]"), (TinyScenario.text(), #"{"set": ["rounds"]}"#, "--set"),
      (TinyScenario.text(), #"{"set": ["rounds=-1"]}"#, "rounds: found -1"),
      (TinyScenario.text(), #"{"start": "never"}"#, "start"), (TinyScenario.text(), #"{"folder": ""}"#, "folder"),
      (TinyScenario.text(rounds: 0), "", "rounds"), (TinyScenario.text(privacy: "3"), "", "privacy"),
      (TinyScenario.text(), #"{"name": "mine", "set": ["data.source=nothing"]}"#, "--set"),
    ])
  func wrong(scenario: String, options: String, reason: String) {
    let (answer, run) = Self.new(scenario, options)
    #expect(answer.result == FS_INVALID && run == 0 && answer.reason.contains(reason), "\(answer.reason)")
  }

  @Test("No guarantee, no run; other objects and NULL are no runs")
  func refused() {
    let text = TinyScenario.text(
      privacy: #"{"clippingNorm": 1, "noiseMultiplier": 2, "delta": 1e-5, "accountant": "gaussian"}"#)
    #expect(Self.new(text).0.result == FS_REFUSED)
    #expect(Interface.call { fs_run_new(nil, 5, nil, 0, 0, 0, nil, $0, $1) }.result == FS_INVALID)
    let (_, channel) = Interface.channel(#"{"codec": "layered", "dimension": 2, "clippingNorm": 1, "noiseScale": 1}"#)
    defer { fs_release(channel) }
    for other in [0, -1, .max, channel] as [fs_handle] {
      #expect(Interface.bytes { fs_run_next(other, $0, $1, $2) }.0.result == FS_INVALID)
      #expect(Interface.bytes { fs_run_about(other, $0, $1, $2) }.0.result == FS_INVALID)
      #expect(Interface.bytes { fs_run_finish(other, $0, $1, $2) }.0.result == FS_INVALID)
      #expect(Interface.call { fs_run_parameters(other, nil, 0, $0, $1) }.result == FS_INVALID)
    }
    let (_, run) = Self.new(TinyScenario.text())
    defer { fs_release(run) }
    #expect(Interface.bytes { fs_channel_about(run, $0, $1, $2) }.0.reason.contains("found a run"))
    var short = [Float](repeating: 0, count: 17)
    for count in [17, 0, -1, .max, .min] as [Int64] {
      #expect(Interface.call { fs_run_parameters(run, &short, count, $0, $1) }.result == FS_INVALID)
    }
    #expect(fs_run_next(run, nil, nil, 0) == FS_INVALID)
  }
}

/// A folder that goes with the test.
struct TemporaryFolder: ~Copyable {
  let path: String

  init() throws {
    var template = Array("/tmp/fedsimc-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Failure.invalid("no folder") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { _ = system("rm -rf '\(path)'") }
}
