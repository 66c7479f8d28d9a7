import Foundation
import Synchronization
import Testing

@testable import Aggregator
@testable import ChannelCoding
@testable import Clients
@testable import Datasets
@testable import FedSim
@testable import Files
@testable import JSONText
@testable import Reports
@testable import RunFiles
@testable import Scenarios

/// 40 clients with five parameters, whose updates follow from the client and the model.
let externalScenario = """
  {"name": "outside", "rounds": 4, "data": {"source": "external", "clients": 40},
   "model": {"kind": "external", "parameters": 5}, "cohort": {"sampling": "poisson", "size": 20},
   "privacy": {"clippingNorm": 0.5, "noiseMultiplier": 1.1, "delta": 1e-4, "accountant": "rdp"},
   "channel": {"codec": "layered"}}
  """

private let start: [Float] = [0.5, -0.5, 0, 1, 2]
private let nonce = [UInt8](repeating: 7, count: 32)

private func update(_ client: Int, _ model: [Float]) -> [Float] {
  model.indices.map { Float((client + 3 * $0) % 7 - 3) / 10 - model[$0] / 20 }
}

/// Federations with folders, whose updates come from outside.
@Suite struct FederationExecutionTests {
  private let tensors = [ModelTensor(name: "head.weight", shape: [2, 2]), ModelTensor(name: "head.bias", shape: [])]

  private func make(
    _ path: String? = nil, _ mode: RunExecution.Start = .new, nonce: [UInt8]? = nonce, _ overrides: [String] = []
  ) throws -> FederationExecution {
    try FederationExecution(
      scenario(overrides, text: externalScenario), parameters: start, tensors: tensors, nonce: nonce, in: path,
      start: mode, threads: 2)
  }

  /// Opens a round, sends the updates of its cohort and closes it.
  private func next(_ federation: inout FederationExecution) throws -> RoundRecord? {
    guard let round = try federation.open() else { return nil }
    for client in round.cohort { try federation.send(update(client, federation.parameters), from: client) }
    try federation.step()
    return try federation.close(accuracy: 0.25 + 0.1 * Double(round.round), loss: 1 / Double(round.round))
  }

  private func complete(_ federation: inout FederationExecution) throws -> RunExecution.Outcome {
    while try next(&federation) != nil {}
    return try federation.finish()
  }

  private func files(_ path: String) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in try FilePath.names(in: path) where name != "timings.json" {
      files[name] = try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)"))
    }
    return files
  }

  private func object(_ path: String) throws -> JSONObject {
    guard case .object(let object) = try JSONParser.parse(InputFile.read(path)).value else { return JSONObject() }
    return object
  }

  // MARK: Files

  @Test func aFederationHasTheFolderOfARun() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var federation = try make(folder)
    let outcome = try complete(&federation)
    #expect(outcome.isWhole && outcome.summary.stoppedBy == .rounds && federation.records.count == 4)
    #expect(
      try Set(FilePath.names(in: folder)) == [
        "scenario.json", "rounds.jsonl", "rounds.csv", "ledger.json", "state.bin", "model.safetensors", "timings.json",
        "summary.json",
      ])
    // Its settings again, and nothing of training, seeds or tests.
    let resolved = try object("\(folder)/scenario.json")
    #expect(resolved["data"] == ["source": "external", "clients": 40])
    #expect(resolved["model"] == ["kind": "external", "parameters": 5])
    #expect(["seed", "task", "partition", "training", "evaluation"].allSatisfy { resolved[$0] == nil })
    let bytes = try InputFile.read("\(folder)/scenario.json")
    #expect(try Scenario(ScenarioFile(bytes, name: "again")).json == .object(resolved))
    let model = try SafetensorsFile(path: "\(folder)/model.safetensors")
    #expect(model.tensors.map(\.name) == ["head.weight", "head.bias"] && model.tensors.map(\.shape) == [[2, 2], []])

    let summary = try object("\(folder)/summary.json")
    #expect(summary["finalAccuracy"] == 0.65 && summary["finalLoss"] == 0.25 && summary["bestAccuracy"] == 0.65)
    #expect(summary["seed"] == nil && summary["majorityClassAccuracy"] == .null && summary["population"] == 40)
    guard case .string(let statement)? = summary["guaranteeStatement"],
      case .array(let outside)? = summary["outsideGuarantee"]
    else {
      Issue.record("no statement")
      return
    }
    #expect(statement.contains("come from a program") && !statement.contains("seed"))
    #expect(outside.contains("accuracy") && outside.contains("run key") && !outside.contains("seed"))
    #expect(outside.contains { $0.text(pretty: false).contains("the program's evaluations") })
    #expect(federation.records.map(\.accuracy) == [0.35, 0.45, 0.55, 0.65])
    #expect(federation.records.allSatisfy { $0.clientAccuracy == nil && $0.clientLearningRate == nil })

    let page = try page(of: folder)
    #expect(page.contains("of updates from a program: it says that the model is right on 65.0 %"))
    #expect(page.contains("the updates came from a program") && !page.contains("fedsim run scenario.json"))
    #expect(outcome.summary.closingTable.contains("65.0 %, as the program says"))
    guard case .object(let live) = LiveLine.run(federation.setup, folder: nil, after: 0) else { return }
    #expect(live["folder"] == .null && live["guaranteeStatement"] == .string(statement) && live["rounds"] == 4)
    #expect(try object("\(folder)/ledger.json") == JSONObject(federation.ledgerJSON))
  }

  /// Only its owner may read the file that has the run key; a run with data of its own has none.
  @Test func theRunKeyIsItsOwnersAlone() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let mode = { (path: String) in
      try (FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int).map { $0 & 0o77 }
    }
    var federation = try make("\(folder)/f", nonce: nil)
    #expect(try mode("\(folder)/f/state.bin") == 0)
    #expect(try next(&federation)?.round == 1)
    #expect(try mode("\(folder)/f/state.bin") == 0 && mode("\(folder)/f/scenario.json") != 0)
    let secret = try #require(federation.setup.nonce)
    _ = try federation.finish()
    for name in try FilePath.names(in: "\(folder)/f") where name != "state.bin" {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/f/\(name)"))
      #expect(bytes.range(of: Data(secret)) == nil, "\(name)")
    }
    var run = try RunExecution(Simulation(scenario: scenario(), threads: 1), in: "\(folder)/r", start: .new)
    _ = try run.nextRound()
    #expect(try mode("\(folder)/r/state.bin") != 0)
  }

  @Test func aFederationOfItsScenarioIsThatOfItsValues() throws {
    var federation = try make()
    let scenario = try scenario([], text: externalScenario)
    var values = try Federation(
      parameters: start, clients: 40, rounds: 4, cohort: scenario.cohort, privacy: scenario.privacy,
      channel: scenario.channel, nonce: nonce)
    while var round = try values.nextRound() {
      let opening = try #require(try federation.open())
      #expect(opening.cohort == round.cohort && opening.spending == round.spending && opening.clippingNorm == 0.5)
      for client in round.cohort {
        try round.send(update(client, round.parameters), from: client)
        try federation.send(update(client, federation.parameters), from: client)
      }
      #expect(try values.close(round) == federation.close() && values.parameters == federation.parameters)
    }
    #expect(try federation.open() == nil && federation.isOver)
    #expect(try federation.finish().summary.finalAccuracy == nil, "nobody has said one")
  }

  // MARK: Stops

  /// Where a process may end: before the first round, with an open round, after a round.
  enum Stop: CaseIterable { case first, open, halfSent, stepped, rowCut, closed, whole, finished }

  @Test(arguments: Stop.allCases) func aKilledFederationGoesOn(stop: Stop) throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var whole = try make("\(folder)/whole")
    _ = try complete(&whole)
    let cohorts = whole.records.map(\.drawn)
    do {
      var killed = try make("\(folder)/killed")
      if stop != .first { #expect(try next(&killed)?.round == 1 && next(&killed)?.round == 2) }
      if [.open, .halfSent].contains(stop) {
        let round = try #require(try killed.open())
        if stop == .halfSent {
          // What was sent in a round that nobody closed may have been anything.
          for client in round.cohort.prefix(3) { try killed.send([9, 9, 9, 9, 9], from: client) }
        }
        let early = try killed.finish()
        #expect(!early.isWhole && early.summary.records.count == 2 && killed.isOpen)
      }
      if stop == .finished {
        let early = try killed.finish()
        #expect(early.summary.stoppedBy == .interrupted && early.summary.finalAccuracy == 0.45)
      }
      if stop == .stepped {
        let round = try #require(try killed.open())
        for client in round.cohort { try killed.send(update(client, killed.parameters), from: client) }
        let before = killed.parameters
        try killed.step()
        try killed.step()
        #expect(killed.parameters != before && killed.isOpen && killed.round == 2)
        #expect(throws: FederationError.roundIsOpen(3)) { _ = try killed.open() }
      }
      if stop == .whole { while try next(&killed) != nil {} }
    }
    if stop == .rowCut {
      // The row of the last round was being written.
      let rows = "\(folder)/killed/rounds.jsonl"
      try FilePath.truncate(rows, to: InputFile.read(rows).count - 9)
    }
    // The round whose figures the stop has taken along.
    let lost = stop == .stepped ? 3 : stop == .rowCut ? 2 : nil
    // The key is the folder's: nobody names it.
    var rest = try make("\(folder)/killed", .resuming, nonce: nil)
    #expect(rest.round == (stop == .first ? 0 : stop == .stepped ? 3 : stop == .whole ? 4 : 2))
    #expect(rest.records.count == rest.round && rest.records.allSatisfy { ($0.accuracy == nil) == ($0.round == lost) })
    #expect(try complete(&rest).isWhole)
    #expect(rest.records.map(\.drawn) == cohorts)
    guard lost == nil else {
      #expect(rest.records.map(\.withoutEvaluation) == whole.records.map(\.withoutEvaluation))
      #expect(rest.parameters == whole.parameters)
      return
    }
    #expect(try files("\(folder)/killed") == files("\(folder)/whole"))
    // Whole, it is left as it is, also by whoever says nothing of the last model.
    _ = consume rest
    var again = try make("\(folder)/killed", .resuming, nonce: nil)
    #expect(try again.open() == nil && again.finish().isWhole)
    #expect(try files("\(folder)/killed") == files("\(folder)/whole"))
  }

  /// When a record has been returned its round is in state.bin, so that nobody makes it again with other updates.
  @Test func aRoundThatWasShownIsOnTheDisk() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var federation = try make(folder)
    for round in 1...4 {
      let shown = try #require(try next(&federation))
      let checkpoint = try #require(try Checkpoint(contentsOf: "\(folder)/state.bin"))
      #expect(try checkpoint.state.integers("round") == [round] && shown.round == round)
      #expect(try checkpoint.state.floats("parameters") == federation.parameters)
    }
  }

  /// Where the checkpoint cannot be written the round is not shown, and the federation is at its end.
  @Test func aRoundThatCouldNotBeWrittenIsNotShown() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var whole = try make("\(folder)/whole")
    _ = try complete(&whole)
    do {
      var broken = try make("\(folder)/broken")
      #expect(try next(&broken)?.round == 1)
      let before = broken.parameters
      let round = try #require(try broken.open())
      for client in round.cohort { try broken.send(update(client, before), from: client) }
      // A checkpoint cannot take the place of a folder.
      let state = "\(folder)/broken/state.bin"
      try FileManager.default.moveItem(atPath: state, toPath: "\(folder)/kept")
      try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: false)
      #expect(throws: RunFolderError.self) { try broken.close() }
      #expect(broken.parameters == before && broken.round == 1)
      try FileManager.default.removeItem(atPath: state)
      try FileManager.default.moveItem(atPath: "\(folder)/kept", toPath: state)
      #expect(throws: (any Error).self) { try broken.close() }
      #expect(throws: (any Error).self) { _ = try broken.open() }
      #expect(throws: RunFolderError.self) { try broken.finish() }
    }
    var rest = try make("\(folder)/broken", .resuming, nonce: nil)
    #expect(rest.round == 1)
    #expect(try complete(&rest).isWhole)
    #expect(try files("\(folder)/broken") == files("\(folder)/whole"))
  }

  @Test func theFolderOfAnotherFederationIsRefused() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    do {
      var federation = try make(folder)
      _ = try next(&federation)
    }
    let reason = { (body: () throws -> Void) -> String in
      do {
        try body()
        return "nothing"
      } catch { return "\(error)" }
    }
    #expect(reason { _ = try make(folder) }.contains("there is a run already"))
    #expect(
      reason { _ = try make(folder, .resuming, nonce: [UInt8](repeating: 8, count: 32)) }.contains("another run key"))
    #expect(reason { _ = try make(folder, .resuming, ["rounds=5"]) }.contains("rounds is 4 there and 5 here"))
    #expect(
      reason {
        _ = try FederationExecution(
          scenario([], text: externalScenario), parameters: [0, 0, 0, 0, 0], in: folder, start: .resuming)
      }.contains("other parameters"))
    #expect(
      reason { _ = try RunExecution(Simulation(scenario: scenario(), threads: 1), in: folder, start: .resuming) }
        .contains("of another scenario"))
    var same = try make(folder, .resuming)
    #expect(try complete(&same).isWhole)
    _ = consume same
    var fresh = try make(folder, .replacing, nonce: nil)
    #expect(fresh.records.isEmpty)
    #expect(try complete(&fresh).isWhole)
  }

  // MARK: Order of calls

  @Test func callsOutOfOrderAreErrorsAndChangeNothing() throws {
    var federation = try make()
    #expect(throws: FederationError.noRoundIsOpen) { try federation.send([0, 0, 0, 0, 0], from: 1) }
    #expect(throws: FederationError.noRoundIsOpen) { _ = try federation.close() }
    let round = try #require(try federation.open())
    #expect(throws: FederationError.roundIsOpen(1)) { _ = try federation.open() }
    #expect(throws: FederationError.roundIsOpen(1)) { _ = try federation.state() }
    for (accuracy, loss) in [(1.5, nil), (-0.1, nil), (.nan, nil), (nil, .infinity), (nil, .nan)]
      as [(Double?, Double?)]
    {
      #expect(throws: FederationError.self) { _ = try federation.close(accuracy: accuracy, loss: loss) }
    }
    let stranger = (0..<40).first { !round.cohort.contains($0) } ?? -1
    #expect(throws: (any Error).self) { try federation.send([0, 0, 0, 0, 0], from: stranger) }
    #expect(throws: (any Error).self) { try federation.send([0, 0], from: round.cohort[0]) }
    #expect(throws: (any Error).self) { try federation.send([0, 0, 0, 0, 0], from: round.cohort[0], examples: -1) }
    for client in round.cohort { try federation.send(update(client, start), from: client) }
    #expect(throws: (any Error).self) { try federation.send(update(round.cohort[0], start), from: round.cohort[0]) }
    // Nobody has the new model yet, whose accuracy it would be.
    #expect(throws: FederationError.self) { _ = try federation.close(accuracy: 0.35) }
    #expect(throws: FederationError.self) { _ = try federation.close(loss: 1) }
    try federation.step()
    #expect(throws: FederationError.stepIsMade(1)) { try federation.send(update(stranger, start), from: stranger) }
    #expect(throws: FederationError.self) { _ = try federation.close(accuracy: 1.5) }
    let record = try federation.close(accuracy: 0.35, loss: 1)
    var other = try make()
    #expect(try next(&other) == record && other.parameters == federation.parameters)
  }

  /// As a library for other languages has it: one federation, and calls from any thread.
  @Test func aFederationIsHeldInAMutex() throws {
    final class Box: Sendable {
      let held: Mutex<FederationExecution>
      init(_ scenario: Scenario) throws {
        held = Mutex(try FederationExecution(scenario, parameters: start, nonce: nonce, threads: 2))
      }
    }
    let box = try Box(scenario([], text: externalScenario))
    let round = try #require(try box.held.withLock { try $0.open() })
    try box.held.withLock { for client in round.cohort { try $0.send(update(client, start), from: client) } }
    let record = try box.held.withLock { try $0.close() }
    #expect(record.round == 1 && box.held.withLock { $0.parameters } != start)
  }

  /// Who falls silent is seen by whoever sees traffic: nothing is claimed against him then.
  @Test func silenceIsNoGuaranteeAgainstWhoSeesTraffic() throws {
    let sealed = ["channel.seal=true", "channel.codec=float32", "rounds=1"]
    for isSilent in [false, true] {
      var federation = try make(nil, .new, nonce: nonce, sealed)
      let round = try #require(try federation.open())
      for client in round.cohort.dropFirst(isSilent ? 1 : 0) {
        try federation.send(update(client, start), from: client)
      }
      #expect(try federation.close().arrived == round.cohort.count - (isSilent ? 1 : 0))
      let row = try federation.finish().summary.views.rows.first { $0.adversary == "eavesdropper" }
      #expect((row?.epsilon == nil) == isSilent, "\(String(describing: row))")
    }
  }

  // MARK: A caller's checkpoints

  @Test func stateGoesOnInAnotherFederation() throws {
    var whole = try make()
    _ = try next(&whole)
    _ = try next(&whole)
    let state = try whole.state()
    let outcome = try complete(&whole)
    for key in [nonce, nil] {
      var rest = try make(nonce: key)
      try rest.restore(state)
      #expect(rest.round == 2 && rest.records.count == 2)
      #expect(try complete(&rest).summary.json == outcome.summary.json && rest.parameters == whole.parameters)
    }
    var other = try make(nonce: [UInt8](repeating: 9, count: 32))
    #expect(throws: StateError.self) { try other.restore(state) }
    var longer = try make(["rounds=5"])
    #expect(throws: StateError.self) { try longer.restore(state) }
    for damaged in [[], Array(state.dropLast()), state.map { $0 == 7 ? 8 : $0 }, Array("FEDSIMST".utf8)] {
      #expect(throws: StateError.self) { try other.restore(damaged) }
    }
    #expect(throws: FederationError.self) { try whole.restore(state) }
    #expect(try next(&other)?.round == 1, "nothing has changed")
    let run = Checkpoint(
      RunIdentity(try Simulation(scenario: scenario(), threads: 1).setup),
      try Simulation(scenario: scenario(), threads: 1), rowBytes: 0)
    var fresh = try make()
    #expect(throws: StateError.self) { try fresh.restore(run.fileBytes) }
  }

  private func make(_ overrides: [String]) throws -> FederationExecution {
    try make(nil, .new, nonce: nonce, overrides)
  }

  // MARK: What a program may give

  @Test func parametersTensorsAndKeysAreChecked() throws {
    let message = { (parameters: [Float], tensors: [ModelTensor]?, nonce: [UInt8]?) -> String in
      do {
        _ = try FederationExecution(
          scenario([], text: externalScenario), parameters: parameters, tensors: tensors, nonce: nonce)
        return "nothing"
      } catch { return "\(error)" }
    }
    #expect(
      message([1, 2], nil, nil).contains("s.json:2:46: model.parameters: found 5, and the program starts from 2"))
    #expect(message([1, 2, 3, 4, .nan], nil, nil).contains("found nan at index 4"))
    #expect(message(start, nil, [1, 2, 3]).contains("found 3 bytes"))
    let cases: [([ModelTensor], String)] = [
      ([], "found tensors of 0 values"), ([ModelTensor(name: "a", shape: [4])], "found tensors of 4 values"),
      ([ModelTensor(name: "a", shape: [Int.max, Int.max])], "tensors[0]: found the shape"),
      ([ModelTensor(name: "a", shape: [-1, -5])], "tensors[0]: found the shape"),
      ([ModelTensor(name: "", shape: [5])], "tensors[0]: found a name of 0 bytes"),
      ([ModelTensor(name: "__metadata__", shape: [5])], "tensors[0]: found the name"),
      (
        [ModelTensor(name: "a", shape: [2]), ModelTensor(name: "a", shape: [3])], "tensors[1]: found the name \"a\""
      ),
      ([ModelTensor(name: "a", shape: [5]), ModelTensor(name: "b", shape: [5])], "values and more"),
    ]
    for (tensors, words) in cases {
      #expect(message(start, tensors, nil).contains(words), "\(message(start, tensors, nil))")
    }
  }
}

/// The page of a folder.
func page(of folder: String) throws -> String {
  let source = try Report.Source(path: folder) { name throws(ToolError) in
    try InputFile.readIfThere("\(folder)/\(name)")
  }
  #expect(source.problems.isEmpty)
  return Report([source]).html
}

extension JSONObject {
  /// An object; an empty one for anything else.
  fileprivate init(_ json: JSON?) {
    if case .object(let object)? = json { self = object } else { self.init() }
  }
}
