import CFedSim
import FedSim
import Files
import JSONText
import RunFiles
import Scenarios
import Testing

@testable import FedSimC

@Suite("The C interface: federations")
struct FederationTests {
  fileprivate static let dimension = 10
  fileprivate static let start = (0..<dimension).map { Float($0) / 10 }
  fileprivate static let key = [UInt8](0..<32)

  fileprivate static func scenario(rounds: Int = 3, privacy: String = TinyScenario.privacy) -> String {
    """
    {"name": "outside", "rounds": \(rounds), "data": {"source": "external", "clients": 20},
     "model": {"kind": "external", "parameters": \(dimension)}, "cohort": {"sampling": "poisson", "size": 8},
     "privacy": \(privacy)}
    """
  }

  fileprivate static func new(
    _ scenario: String = scenario(), _ options: String = "", start: [Float]? = start, dimension: Int64 = 10,
    key: [UInt8]? = key, keyCount: Int64 = 32
  ) -> (Answer, fs_handle) {
    var handle: fs_handle = -1
    let (text, extra) = (scenario.utf8.map { CChar(bitPattern: $0) }, options.utf8.map { CChar(bitPattern: $0) })
    let answer = Interface.call {
      fs_federation_new(
        text, Int64(text.count), extra, Int64(extra.count), start, dimension, key, keyCount, &handle, $0, $1)
    }
    return (answer, handle)
  }

  fileprivate static func open(_ federation: fs_handle) -> (Answer, round: JSONObject, cohort: [Int64]) {
    let (answer, bytes) = Interface.bytes { fs_federation_open(federation, $0, $1, $2) }
    let round = Interface.object(bytes)
    guard case .array(let items)? = round["cohort"] else { return (answer, round, []) }
    return (answer, round, items.map { Int64($0.double ?? -1) })
  }

  fileprivate static func update(_ client: Int64, _ count: Int = dimension) -> [Float] {
    (0..<count).map { Float((Int(truncatingIfNeeded: client) &* 7 &+ $0 * 3) % 11) / 20 - 0.2 }
  }

  fileprivate static func send(
    _ federation: fs_handle, _ clients: [Int64], _ updates: [Float]? = nil, examples: [Int64]? = nil,
    dimension: Int64 = 10
  ) -> Answer {
    let rows = updates ?? clients.flatMap { update($0) }
    return Interface.call {
      fs_federation_send(federation, clients, rows, examples, Int64(clients.count), dimension, $0, $1)
    }
  }

  fileprivate static func step(_ federation: fs_handle) -> Answer {
    Interface.call { fs_federation_step(federation, $0, $1) }
  }

  fileprivate static func close(_ federation: fs_handle, _ evaluation: String = "") -> (Answer, String) {
    let text = evaluation.utf8.map { CChar(bitPattern: $0) }
    let (answer, bytes) = Interface.bytes { fs_federation_close(federation, text, Int64(text.count), $0, $1, $2) }
    return (answer, String(decoding: bytes ?? [], as: UTF8.self))
  }

  fileprivate static func parameters(_ federation: fs_handle) -> [Float] {
    let count = Interface.call { fs_federation_parameters(federation, nil, 0, $0, $1) }.result
    var values = [Float](repeating: 0, count: max(Int(count), 0))
    #expect(Interface.call { fs_federation_parameters(federation, &values, count, $0, $1) }.result == count)
    return values
  }

  /// All rounds that are left, all clients at once or one by one.
  fileprivate static func rounds(_ federation: fs_handle, oneByOne: Bool = false) -> [String] {
    var lines: [String] = []
    while true {
      let (answer, round, cohort) = open(federation)
      #expect(answer.result >= 0, "\(answer.reason)")
      guard !round.isEmpty else { return lines }
      if oneByOne {
        for client in cohort { #expect(send(federation, [client]).result == 1) }
      } else {
        #expect(send(federation, cohort).result == cohort.count)
      }
      let before = parameters(federation)
      #expect(close(federation, #"{"loss": 1}"#).0.result == FS_INVALID, "of a model that nobody has")
      #expect(step(federation).result == 0 && step(federation).result == 0)
      #expect(parameters(federation) != before)
      #expect(send(federation, Array(cohort.prefix(1))).result == (cohort.isEmpty ? 0 : Int64(FS_STATE)))
      let (closed, line) = close(federation, #"{"accuracy": 0.5, "loss": 1.25}"#)
      #expect(closed.result > 0, "\(closed.reason)")
      lines.append(line)
    }
  }

  @Test(
    "Rounds are the same for any number of threads, at once or one by one, and are those of the Swift federation")
  func same() throws {
    let text = Self.scenario()
    var execution = try FederationExecution(
      Scenario(ScenarioFile(Array(text.utf8), name: "outside")), parameters: Self.start, nonce: Self.key, threads: 1)
    var expected: [String] = []
    while let round = try execution.open() {
      for client in round.cohort { try execution.send(Self.update(Int64(client)), from: client) }
      try execution.step()
      expected.append(try execution.close(accuracy: 0.5, loss: 1.25).json.text(pretty: false))
    }
    for (threads, oneByOne) in [(1, false), (2, false), (8, true)] {
      let (answer, federation) = Self.new(text, #"{"threads": \#(threads)}"#)
      #expect(answer.result == 0, "\(answer.reason)")
      defer { fs_release(federation) }
      #expect(Self.rounds(federation, oneByOne: oneByOne) == expected && expected.count == 3)
      #expect(Self.parameters(federation) == execution.parameters)
      let summary = Interface.object(Interface.bytes { fs_federation_finish(federation, $0, $1, $2) }.1)
      #expect(summary["stoppedBy"] == "rounds")
      let ledger = Interface.object(Interface.bytes { fs_federation_ledger(federation, $0, $1, $2) }.1)
      #expect(ledger["format"] == "fedsim-ledger-1")
    }
  }

  @Test("With the updates of a run's own trainer, the rounds are the run's, byte for byte")
  func run() throws {
    let text = TinyScenario.text().utf8.map { CChar(bitPattern: $0) }
    var run: fs_handle = 0
    _ = Interface.call { fs_run_new(text, Int64(text.count), nil, 0, 0, 0, &run, $0, $1) }
    var federation: fs_handle = 0
    let made = Interface.call { fs_federation_of(run, &federation, $0, $1) }
    #expect(made.result == 0, "\(made.reason)")
    defer {
      fs_release(run)
      fs_release(federation)
    }
    for number in 1...3 as ClosedRange<Int64> {
      let (_, round, cohort) = Self.open(federation)
      #expect(round["round"] == .integer(Int(number)))
      let model = Self.parameters(federation)
      var rows: [Float] = []
      var examples: [Int64] = []
      for client in cohort {
        var update = [Float](repeating: 0, count: model.count)
        let answer = Interface.call {
          fs_run_update(run, number, client, model, Int64(model.count), &update, $0, $1)
        }
        #expect(answer.result > 0, "\(answer.reason)")
        rows += update
        examples.append(answer.result)
      }
      #expect(
        Self.send(federation, cohort, rows, examples: examples, dimension: Int64(model.count)).result == cohort.count)
      let line = Interface.object(Array(Self.close(federation).1.utf8))
      var own = Interface.object(Interface.bytes { fs_run_next(run, $0, $1, $2) }.1)
      var count = [Float](repeating: 0, count: model.count)
      _ = Interface.call { fs_run_parameters(run, &count, Int64(model.count), $0, $1) }
      #expect(count == Self.parameters(federation) && count != model)
      // What only training and tests give.
      var theirs = line
      for name in ["accuracy", "loss", "clientAccuracy", "clientLearningRate"] {
        own[name] = nil
        theirs[name] = nil
      }
      #expect(own == theirs)
    }
    // A run that has made rounds is no beginning of another.
    #expect(Interface.call { fs_federation_of(run, &federation, $0, $1) }.result == FS_STATE && federation == 0)
  }

  @Test("Strangers, clients that have sent, and rounds that are not open: state, and nothing is sent")
  func order() {
    let (_, federation) = Self.new()
    defer { fs_release(federation) }
    #expect(Self.send(federation, [1]).result == FS_STATE)
    #expect(Self.close(federation).0.result == FS_STATE)
    let (_, _, cohort) = Self.open(federation)
    #expect(cohort.count > 2)
    #expect(Self.open(federation).0.result == FS_STATE)
    #expect(Interface.bytes { fs_federation_state(federation, $0, $1, $2) }.0.result == FS_STATE)
    guard let stranger = (0..<20).first(where: { !cohort.contains($0) }) else { return }
    for (clients, code) in [
      ([stranger], FS_STATE), ([-1], FS_STATE), ([.max], FS_STATE), ([.min], FS_STATE), (cohort + [stranger], FS_STATE),
      (cohort + [cohort[0]], FS_STATE),
    ] as [([Int64], Int)] {
      #expect(Self.send(federation, clients).result == Int64(code))
    }
    #expect(Self.send(federation, [cohort[0]], examples: [-1]).result == FS_INVALID)
    #expect(Self.send(federation, [cohort[0]], examples: [.max]).result == FS_INVALID)
    for dimension in [9, 0, -1, .max, .min] as [Int64] {
      #expect(Self.send(federation, [cohort[0]], dimension: dimension).result == FS_INVALID)
    }
    for n in [-1, .max, .min, 1 << 28 + 1] as [Int64] {
      #expect(
        Interface.call { fs_federation_send(federation, cohort, Self.start, nil, n, 10, $0, $1) }.result == FS_INVALID)
    }
    #expect(Interface.call { fs_federation_send(federation, nil, Self.start, nil, 1, 10, $0, $1) }.result == FS_INVALID)
    #expect(Interface.call { fs_federation_send(federation, cohort, nil, nil, 1, 10, $0, $1) }.result == FS_INVALID)
    // Nothing of all this has sent anything.
    #expect(Self.send(federation, cohort).result == cohort.count)
    #expect(Self.send(federation, [cohort[1]]).result == FS_STATE)
    #expect(Self.send(federation, []).result == 0)
    #expect(Self.step(federation).result == 0)
    #expect(Self.close(federation, #"{"accuracy": 2}"#).0.result == FS_INVALID)
    #expect(Self.close(federation, #"{"acuracy": 1}"#).0.reason.contains("did you mean"))
    #expect(Self.close(federation, "[").0.result == FS_INVALID)
    #expect(fs_federation_close(federation, nil, 0, nil, nil, 0) == FS_INVALID)
    #expect(Interface.object(Array(Self.close(federation).1.utf8))["round"] == 1)
    #expect(fs_federation_open(federation, nil, nil, 0) == FS_INVALID)
    #expect(Self.open(federation).round["round"] == 2)
  }

  @Test("Updates that are not finite count as zeros, and a client that never sends as a dropout")
  func odd() {
    let (_, federation) = Self.new()
    defer { fs_release(federation) }
    let (_, _, cohort) = Self.open(federation)
    var row = Self.update(0)
    row[3] = .nan
    #expect(Self.send(federation, [cohort[0]], row).result == 1)
    row[3] = .greatestFiniteMagnitude
    #expect(Self.send(federation, [cohort[1]], row).result == 1)
    let line = Interface.object(Array(Self.close(federation).1.utf8))
    #expect(line["arrived"] == 2 && line["nonFinite"] == 1, "\(line)")
    #expect(Self.parameters(federation).allSatisfy { $0.isFinite })
  }

  @Test("A state is a checkpoint of everything: what goes on after it has the same rounds")
  func states() {
    let (_, whole) = Self.new(key: nil, keyCount: 0)
    defer { fs_release(whole) }
    _ = Self.open(whole)
    _ = Self.close(whole)
    let (_, state) = Interface.bytes { fs_federation_state(whole, $0, $1, $2) }
    let bytes = state ?? []
    let (_, second) = Self.new(key: nil, keyCount: 0)
    defer { fs_release(second) }
    for count in [-1, .max, .min] as [Int64] {
      #expect(Interface.call { fs_federation_restore(second, bytes, count, $0, $1) }.result == FS_INVALID)
    }
    #expect(Interface.call { fs_federation_restore(second, nil, 5, $0, $1) }.result == FS_INVALID)
    #expect(Interface.call { fs_federation_restore(second, nil, 0, $0, $1) }.result == FS_INVALID)
    for i in stride(from: 0, to: bytes.count, by: 37) {
      var damaged = bytes
      damaged[i] ^= 0x10
      let answer = Interface.call { fs_federation_restore(second, damaged, Int64(bytes.count), $0, $1) }
      #expect(answer.result == FS_INVALID)
      let cut = Interface.call { fs_federation_restore(second, bytes, Int64(i), $0, $1) }
      #expect(cut.result == FS_INVALID)
    }
    let answer = Interface.call { fs_federation_restore(second, bytes, Int64(bytes.count), $0, $1) }
    #expect(answer.result == 0, "\(answer.reason)")
    #expect(Self.rounds(second) == Self.rounds(whole))
    #expect(Interface.call { fs_federation_restore(second, bytes, Int64(bytes.count), $0, $1) }.result == FS_STATE)
    let (_, named) = Self.new()
    defer { fs_release(named) }
    #expect(Interface.call { fs_federation_restore(named, bytes, Int64(bytes.count), $0, $1) }.result == FS_INVALID)
  }

  @Test("A folder has the files of a run, and the federation goes on in it")
  func folder() throws {
    let folder = try TemporaryFolder()
    let options = { (start: String) in
      #"{"folder": "\#(folder.path)/run", "start": "\#(start)", "tensors": [{"name": "w", "shape": [3, 3]}, {"name": "b", "shape": [1]}]}"#
    }
    let (_, whole) = Self.new()
    defer { fs_release(whole) }
    let expected = Self.rounds(whole)
    let (answer, federation) = Self.new(Self.scenario(), options("new"))
    #expect(answer.result == 0, "\(answer.reason)")
    let (_, _, cohort) = Self.open(federation)
    _ = Self.send(federation, cohort)
    #expect(Self.step(federation).result == 0)
    #expect(Self.close(federation, #"{"accuracy": 0.5, "loss": 1.25}"#).1 == expected[0])
    _ = Self.open(federation)
    // A process that ends here has an open round, which is drawn again.
    fs_release(federation)
    #expect(Self.new(Self.scenario(), options("new")).0.result == FS_FILES)
    let (resumed, again) = Self.new(Self.scenario(), options("resuming"), key: nil, keyCount: 0)
    #expect(resumed.result == 0, "\(resumed.reason)")
    defer { fs_release(again) }
    #expect(Self.rounds(again) == Array(expected.dropFirst()))
    let (_, summary) = Interface.bytes { fs_federation_finish(again, $0, $1, $2) }
    #expect(Interface.object(summary)["finalAccuracy"] == 0.5)
    let model = try InputFile.read("\(folder.path)/run/model.safetensors")
    #expect(String(decoding: model.prefix(300), as: UTF8.self).contains("\"w\""))
  }

  @Test("Federations that are wrong are refused with their place")
  func wrong() {
    let answers: [(Answer, Int, String)] = [
      (Self.new(dimension: 9).0, FS_INVALID, "9"), (Self.new(start: nil).0, FS_INVALID, "NULL"),
      (Self.new(dimension: -1).0, FS_INVALID, "dimension"), (Self.new(dimension: .max).0, FS_INVALID, "dimension"),
      (Self.new(start: [.nan] + Self.start.dropFirst()).0, FS_INVALID, "index 0"),
      (Self.new(keyCount: 15).0, FS_INVALID, "key_count"), (Self.new(keyCount: -1).0, FS_INVALID, "key_count"),
      (Self.new(keyCount: .max).0, FS_INVALID, "key_count"), (Self.new(key: nil, keyCount: 3).0, FS_INVALID, "run_key"),
      (Self.new(TinyScenario.text()).0, FS_REFUSED, "external"),
      (Self.new(Self.scenario(rounds: -1)).0, FS_INVALID, "rounds"),
      (Self.new(Self.scenario(), #"{"tensors": [{"name": "w", "shape": [3]}]}"#).0, FS_INVALID, "tensors"),
      (Self.new(Self.scenario(), #"{"tensors": [{"name": "w", "shape": [-3]}]}"#).0, FS_INVALID, "shape[0]"),
      (Self.new(Self.scenario(), #"{"tensors": [{"shape": [10]}]}"#).0, FS_INVALID, "name"),
      (Self.new(Self.scenario(), #"{"tensors": 3}"#).0, FS_INVALID, "tensors"),
    ]
    for (answer, code, reason) in answers {
      #expect(answer.result == Int64(code) && answer.reason.contains(reason), "\(answer)")
    }
    let (_, channel) = Interface.channel(#"{"codec": "layered", "dimension": 2, "clippingNorm": 1, "noiseScale": 1}"#)
    defer { fs_release(channel) }
    for other in [0, -7, .max, channel] as [fs_handle] {
      #expect(Self.open(other).0.result == FS_INVALID)
      #expect(Self.send(other, [1]).result == FS_INVALID)
      #expect(Self.step(other).result == FS_INVALID)
      #expect(Self.close(other).0.result == FS_INVALID)
      #expect(Interface.bytes { fs_federation_about(other, $0, $1, $2) }.0.result == FS_INVALID)
      #expect(Interface.bytes { fs_federation_state(other, $0, $1, $2) }.0.result == FS_INVALID)
      #expect(Interface.bytes { fs_federation_finish(other, $0, $1, $2) }.0.result == FS_INVALID)
      #expect(Interface.bytes { fs_federation_ledger(other, $0, $1, $2) }.0.result == FS_INVALID)
      #expect(Interface.call { fs_federation_restore(other, Self.key, 32, $0, $1) }.result == FS_INVALID)
      #expect(Interface.call { fs_federation_parameters(other, nil, 0, $0, $1) }.result == FS_INVALID)
      var out: fs_handle = 5
      #expect(Interface.call { fs_federation_of(other, &out, $0, $1) }.result == FS_INVALID && out == 0)
    }
  }

  @Test("Arguments of a run's own updates are checked")
  func updates() {
    let text = TinyScenario.text().utf8.map { CChar(bitPattern: $0) }
    var run: fs_handle = 0
    _ = Interface.call { fs_run_new(text, Int64(text.count), nil, 0, 0, 0, &run, $0, $1) }
    defer { fs_release(run) }
    let model = [Float](repeating: 0, count: 18)
    var out = model
    func update(
      _ round: Int64, _ client: Int64, _ model: [Float]?, _ dimension: Int64 = 18, handle: fs_handle? = nil
    ) -> Int64 {
      Interface.call { fs_run_update(handle ?? run, round, client, model, dimension, &out, $0, $1) }.result
    }
    #expect(update(1, 0, model) > 0)
    for result in [
      update(0, 0, model), update(4, 0, model), update(-1, 0, model), update(.max, 0, model), update(1, -1, model),
      update(1, 12, model), update(1, .max, model), update(1, .min, model), update(1, 0, nil), update(1, 0, model, 17),
      update(1, 0, model, -1), update(1, 0, [.infinity] + model.dropFirst()), update(1, 0, model, handle: 0),
    ] { #expect(result == FS_INVALID) }
  }
}

/// Optimised only: it makes more than a thousand rounds.
@Suite("The C interface: memory of federations")
struct FederationMemoryStatistics {
  @Test("A thousand rounds do not grow: memory is measured, of this process")
  func memory() throws {
    let width = 4000
    let scenario = """
      {"rounds": 1300, "data": {"source": "external", "clients": 4}, "model": {"kind": "external", "parameters": \(width)},
       "cohort": {"sampling": "everyone"}, "privacy": {"clippingNorm": 1, "noiseMultiplier": 20, "delta": 1e-5},
       "channel": {"codec": "float32"}}
      """
    let (answer, federation) = FederationTests.new(
      scenario, start: [Float](repeating: 0, count: width), dimension: Int64(width))
    try #require(answer.result == 0, "\(answer.reason)")
    defer { fs_release(federation) }
    let rows = (0..<4).flatMap { FederationTests.update($0, width) }
    var before = 0
    for round in 1...1300 {
      let (_, _, cohort) = FederationTests.open(federation)
      _ = FederationTests.send(federation, cohort, rows, dimension: Int64(width))
      #expect(FederationTests.close(federation).0.result > 0)
      if round == 300 { before = try Self.residentBytes() }
    }
    // A vector that is kept would be 16 kB a client and round: 64 MB in all. Records, and what other tests have just now, are less than half of that.
    let growth = try Self.residentBytes() - before
    #expect(growth < 30_000_000, "\(growth) bytes")
  }

  private static func residentBytes() throws -> Int {
    let status = String(decoding: try InputFile.read("/proc/self/statm"), as: UTF8.self).split(separator: " ")
    return (Int(status.dropFirst().first ?? "") ?? 0) * 4096
  }
}
