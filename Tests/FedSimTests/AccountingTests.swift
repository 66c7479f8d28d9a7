import Foundation
import Testing

@testable import FedSim
@testable import Files
@testable import Numerics
@testable import PrivacyAccounting
@testable import RunFiles

@Suite struct LedgerFileTests {
  private func ledger(_ text: String) throws -> LedgerFile { try LedgerFile(Array(text.utf8), name: "l.json") }

  @Test func readsEveryKindOfRound() throws {
    let file = try ledger(
      """
      {"relation": "replace-one", "delta": 1e-6, "truncationDelta": 1e-8, "rounds": [
        {"noiseMultiplier": 1.1, "samplingRate": 0.01, "rounds": 100},
        {"noiseMultiplier": 5},
        {"noiseMultiplier": 1, "samplingRate": 0.2, "sampling": "fixed-size", "countNoise": 20},
        {"epsilon": 0.1, "delta": 1e-9, "rounds": 3}]}
      """)
    #expect(file.relation == .replaceOne && file.delta == 1e-6 && file.truncationDelta == 1e-8 && file.planned == nil)
    #expect(file.ledger.count == 105)
    #expect(
      file.ledger.rounds.map(\.entry) == [
        .event(PrivacyEvent(noiseMultiplier: 1.1, sampling: .poisson(rate: 0.01), relation: .replaceOne)),
        .event(PrivacyEvent(noiseMultiplier: 5, sampling: .everyone, relation: .replaceOne)),
        .event(
          PrivacyEvent(noiseMultiplier: 1, sampling: .fixedSize(rate: 0.2), relation: .replaceOne, countNoise: 20)),
        .guarantee(epsilon: 0.1, delta: 1e-9),
      ])
  }

  @Test(arguments: [
    ("[]", "l.json:1:1: found an array"),
    ("{\"rounds\": [", "not valid JSON"),
    ("{}", "found no \"rounds\""),
    ("{\"rounds\": 3}", "l.json:1:12: rounds: found an integer"),
    ("{\"rounds\": [], \"epsilons\": 1}", "l.json:1:28: epsilons: unknown key"),
    ("{\"rounds\": [{}]}", "rounds[0]: found no \"noiseMultiplier\""),
    ("{\"rounds\": [{\"noiseMultiplier\": \"1\"}]}", "rounds[0].noiseMultiplier: found \"1\"; allowed: 0, or a number"),
    ("{\"rounds\": [{\"noiseMultiplier\": 1, \"samplingRate\": 1.5}]}", "rounds[0].samplingRate: found 1.5"),
    ("{\"rounds\": [{\"noiseMultiplier\": 1, \"sampling\": \"poisson\"}]}", "found no \"samplingRate\""),
    ("{\"rounds\": [{\"noiseMultiplier\": 1, \"rounds\": -1}]}", "rounds[0].rounds: found -1"),
    ("{\"rounds\": [{\"epsilon\": 1, \"sampling\": \"poisson\"}]}", "found with \"epsilon\""),
    ("{\"rounds\": [{\"epsilon\": 0.1}]}", "rounds[0]: found no \"delta\""),
    (
      "{\"planned\": {\"noiseMultiplier\": 2, \"rounds\": 3}, \"rounds\": [{\"noiseMultiplier\": 1}]}",
      "rounds[0]: found another kind of round"
    ),
    (
      "{\"planned\": {\"noiseMultiplier\": 2}, \"rounds\": [{\"noiseMultiplier\": 2, \"rounds\": 2}]}",
      "no more than planned"
    ),
    ("{\"rounds\": [], \"relation\": \"remove\"}", "relation: found \"remove\"; allowed: \"zero-out\""),
  ])
  func mistakesHaveAPlace(text: String, expected: String) {
    let found = #expect(throws: ToolError.self) { try ledger(text) }
    #expect(
      "\(String(describing: found))".contains(expected) || (found?.description ?? "").contains(expected),
      "\(String(describing: found))")
  }

  /// What a run writes is valid after every round and says what the run claims.
  @Test func aRunsLedgerRecomputesItsClaim() throws {
    let simulation = try Simulation(scenario: scenario("rounds=4"), threads: 1)
    let plan = try #require(simulation.setup.guaranteedPlan)
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("fedsim-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let folder = try RunFolder(creating: path, replacing: false)
    try folder.begin(LedgerFile.head(plan), array: "rounds", in: .ledger)
    for round in 0...3 {
      let bytes = try Array(Data(contentsOf: URL(fileURLWithPath: "\(path)/ledger.json")))
      let file = try LedgerFile(bytes, name: "ledger.json")
      #expect(file.ledger.count == round && file.planned?.count == 4 && file.relation == plan.relation)
      #expect(file.delta == plan.delta && file.truncationDelta == plan.truncationDelta)
      #expect(file.numericalDelta == plan.numericalDelta && plan.numericalDelta > 0)
      let planned = try #require(file.planned)
      let again = try plan.accountant.spending(planned, delta: plan.delta, truncation: file.reservedDelta)
      #expect(again == plan.plannedSpending)
      if round < 3 {
        try folder.append(element: LedgerFile.round(round + 1, plan.event), isFirst: round == 0, to: .ledger)
      }
    }
  }
}

/// What floating point may choose otherwise is paid for in delta.
@Suite struct NumericalChargeTests {
  private func setup(_ overrides: String...) throws -> RunSetup {
    try RunSetup(scenario: scenario(["rounds=4"] + overrides), split: nil, threads: 1)
  }

  @Test func deltaPaysForRounding() throws {
    for codec in ["layered", "polar", "gprs", "float32"] {
      let setup = try setup("channel.codec=\(codec)")
      let plan = try #require(setup.guaranteedPlan)
      let bound = try #require(setup.channel.totalVariationBound)
      let deviation = try #require(setup.numericalDeviation)
      // All uploads, and half a radius of the server's noise for each coordinate.
      let uploads = 4 * Double(plan.largestCohort)
      let server = 4 * Double(setup.channel.paddedDimension + 2) * 0x1p-54
      #expect(deviation > uploads * bound && deviation < uploads * bound + server)
      #expect((1 + Elementary.exp(plan.plannedSpending.epsilon)) * deviation <= plan.numericalDelta, "\(codec)")
      #expect(plan.roundsDelta == plan.delta - plan.truncationDelta - plan.numericalDelta)
      // The claim is what the rounds cost at what is left of delta.
      let left = try plan.accountant.spending(plan.event, rounds: 4, delta: plan.roundsDelta)
      #expect(plan.plannedSpending.epsilon == left.epsilon)
      #expect(setup.numericsSentence == nil && !setup.warnings.contains { $0.contains("ROUNDING") })
    }
    #expect(try setup("channel.codec=mrc").numericalDeviation == nil)
  }

  /// Where e^epsilon times the deviation is more than delta, the claim is for real arithmetic, and says so everywhere.
  @Test func aLargeEpsilonHasNoRoomForRounding() throws {
    let setup = try setup("channel.codec=layered", "privacy.noiseMultiplier=0.15")
    let plan = try #require(setup.guaranteedPlan)
    #expect(plan.numericalDelta == 0 && plan.plannedSpending.epsilon > 15, "\(plan.plannedSpending.epsilon)")
    let sentence = try #require(setup.numericsSentence)
    #expect(sentence.contains("noise in real arithmetic"))
    #expect(setup.warnings.contains { $0.hasPrefix("ROUNDING: ") && $0.contains(sentence) })
    #expect(GuaranteeStatement(setup).sentence.contains(sentence))
  }
}

@Suite struct ViewsTests {
  private func views(_ overrides: String...) throws -> [String: ThreatModel.Row] {
    var simulation = try Simulation(scenario: scenario(overrides + ["rounds=3"]), threads: 2)
    var records: [RoundRecord] = []
    while let record = try simulation.nextRound() { records.append(record) }
    let rows = ThreatModel(simulation.setup, records: records, mostParticipations: simulation.mostTimesDrawn).rows
    for row in rows { #expect(!row.note.isEmpty && (row.epsilon == nil) == (row.theorem == nil), "\(row)") }
    return Dictionary(uniqueKeysWithValues: rows.map { ($0.adversary, $0) })
  }

  @Test func whoKnowsMoreIsGuaranteedLess() throws {
    let rows = try views()
    let released = try #require(rows["released-model"]?.epsilon)
    let participant = try #require(rows["participant"]?.epsilon)
    let sizes = try #require(rows["model-and-cohort-sizes"]?.epsilon)
    #expect(participant > released && sizes > released)
    #expect(rows["server"]?.epsilon == nil && rows["eavesdropper"]?.epsilon == nil)
  }

  @Test func floatsAreALocalMechanism() throws {
    let row = try #require(try views("channel.codec=float32")["server"])
    #expect(try #require(row.epsilon) > 10)
  }

  @Test func addOrRemoveHidesNobodyFromAnObserverOfSizes() throws {
    let rows = try views("privacy.relation=add-or-remove")
    #expect(rows["model-and-cohort-sizes"]?.epsilon == nil)
    let all = try views(
      "privacy.relation=add-or-remove", "cohort.sampling=everyone", "cohort.size=null", "channel.codec=auto")
    #expect(all["released-model"]?.epsilon != nil && all["model-and-cohort-sizes"]?.epsilon == nil)
    let fixed = try views("privacy.relation=add-or-remove", "cohort.sampling=fixed-size")
    #expect(fixed["model-and-cohort-sizes"]?.epsilon == fixed["released-model"]?.epsilon)
  }

  @Test func aStoppedRunHasNoBoundFromWhatWasSeen() throws {
    var simulation = try Simulation(scenario: scenario("rounds=3"), threads: 1)
    let first = try #require(try simulation.nextRound())
    let rows = ThreatModel(simulation.setup, records: [first], mostParticipations: 1).rows
    #expect(rows.first { $0.adversary == "model-and-cohort-sizes" }?.epsilon == nil)
  }

  @Test func sealedUploadsOfOneLengthAreAGuarantee() throws {
    let rows = try views("channel.seal=true", "channel.padding=fixed-length", "channel.codec=auto")
    #expect(try #require(rows["eavesdropper"]?.epsilon) > #require(rows["released-model"]?.epsilon))
    #expect(try views("channel.seal=true")["eavesdropper"]?.epsilon == nil, "lengths tell")
    #expect(
      try views("channel.padding=fixed-length", "channel.codec=auto")["eavesdropper"]?.epsilon == nil, "in the clear")
  }

  @Test func aRunWithoutAGuaranteeHasNoView() throws {
    #expect(try views("channel.codec=mrc").values.allSatisfy { $0.epsilon == nil })
  }
}

@Suite struct BudgetTests {
  @Test func aBudgetEndsTheRun() throws {
    let whole = try Simulation(scenario: scenario("rounds=6"), threads: 1)
    let all = try #require(whole.setup.plan?.plannedSpending.epsilon)
    var simulation = try Simulation(scenario: scenario("rounds=6", "privacy.budget=\(0.8 * all)"), threads: 1)
    var records: [RoundRecord] = []
    while let record = try simulation.nextRound() { records.append(record) }
    let plan = try #require(simulation.setup.plan)
    #expect(records.count == plan.affordedRounds && records.count < 6 && records.count > 1)
    #expect(plan.plannedSpending.epsilon <= 0.8 * all)
    #expect(
      try plan.accountant.spending(plan.event, rounds: records.count + 1, delta: plan.roundsDelta).epsilon > 0.8 * all)
    #expect(records.last?.accuracy != nil, "the last round is evaluated")
    let summary = RunSummary(simulation.setup, records: records, stoppedBy: .budget)
    #expect(summary.closingTable.contains("which would have cost more than the budget"))
    #expect(simulation.setup.warnings.contains { $0.contains("the budget pays for") })
  }

  @Test func sealedRunsCostSixteenBytes() throws {
    var simulation = try Simulation(scenario: scenario("rounds=1", "channel.seal=true"), threads: 1)
    let record = try #require(try simulation.nextRound())
    #expect(record.arrived == record.drawn && record.refused == 0 && record.arrived > 0)
    let envelope = record.wireBytes - record.totalPayloadBits / 8
    #expect(envelope >= 19 * record.arrived && envelope <= 20 * record.arrived)
  }
}
