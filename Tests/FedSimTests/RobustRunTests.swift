import Testing

@testable import Clients
@testable import FedSim
@testable import Reports
@testable import Scenarios

/// Robust rules and hostile clients in whole runs.
@Suite struct RobustRunTests {
  private static let plain = ["privacy=null", "channel.codec=float32", "cohort.sampling=everyone", "cohort.size=null"]

  private func run(_ overrides: [String], threads: Int = 2) throws -> (accuracy: Double, model: [Float]) {
    var simulation = try Simulation(scenario: scenario(Self.plain + overrides), threads: threads)
    while try simulation.nextRound() != nil {}
    return (simulation.evaluate().accuracy ?? 0, simulation.server.parameters)
  }

  private func message(_ overrides: [String]) -> String {
    do {
      _ = try RunSetup(scenario: scenario(overrides), split: nil, threads: 1)
      return "no error"
    } catch { return "\(error)" }
  }

  /// 15 of 50 clients send -10 times their update: the mean is destroyed, and with the rules the model learns.
  @Test func hostileClientsDestroyTheMeanAlone() throws {
    let honest = try run([]).accuracy
    let hostile = ["cohort.byzantine=0.3"]
    #expect(honest > 0.7)
    #expect(try run(hostile).accuracy < 0.3)
    for rule in [
      ["server.aggregation=median"], ["server.aggregation=trimmed-mean", "server.trim=0.3"],
      ["server.aggregation=krum", "server.byzantine=15"], ["server.aggregation=multi-krum", "server.byzantine=15"],
    ] {
      let accuracy = try run(hostile + rule).accuracy
      #expect(accuracy > 0.55, "\(rule): \(accuracy)")
    }
  }

  @Test func threadsAndStopsChangeNothing() throws {
    let keys = ["cohort.byzantine=0.2", "server.aggregation=multi-krum", "server.byzantine=12", "cohort.dropout=0.1"]
    let whole = try run(keys, threads: 1).model
    #expect(try run(keys, threads: 3).model == whole)
    var first = try Simulation(scenario: scenario(Self.plain + keys), threads: 1)
    for _ in 0..<2 { _ = try first.nextRound() }
    var second = try Simulation(scenario: scenario(Self.plain + keys), threads: 2)
    try second.restore(first.state)
    while try second.nextRound() != nil {}
    #expect(second.server.parameters == whole)
  }

  /// Of one update a round every rule but Krum takes that one, as the mean over an expected cohort of one does.
  @Test func aLoneUpdateIsTaken() throws {
    let one = ["cohort.sampling=fixed-size", "cohort.size=1", "cohort.common=true"]
    let mean = try run(one).model
    for rule in ["median", "trimmed-mean"] {
      let model = try run(one + ["server.aggregation=\(rule)"]).model
      #expect((zip(model, mean).map { abs($0 - $1) }.max() ?? 1) < 1e-6 && model.contains { $0 != 0 })
    }
  }

  /// A round with fewer updates than Krum needs moves nothing.
  @Test func roundsWithTooFewUpdatesMoveNothing() throws {
    // Of 50 clients 43 send in the mean, and 43 are needed.
    let keys = ["cohort.dropout=0.15", "server.aggregation=krum", "server.byzantine=20", "seed=3"]
    var simulation = try Simulation(scenario: scenario(Self.plain + keys), threads: 2)
    var records: [RoundRecord] = []
    var still = 0
    while true {
      let before = simulation.server.parameters
      guard let record = try simulation.nextRound() else { break }
      #expect((simulation.server.parameters == before) == (record.arrived < 43))
      still += record.arrived < 43 ? 1 : 0
      records.append(record)
    }
    #expect(still > 0 && still < records.count)
    let summary = RunSummary(simulation.setup, records: records, stoppedBy: .rounds)
    #expect(summary.closingTable.contains("NOT MOVED  \(still) of \(records.count) rounds had fewer than the 43"))
  }

  /// A federation whose updates come from elsewhere has the rules too.
  @Test func aFederationHasTheRules() throws {
    var server = ServerSection()
    server.aggregation = .median
    var federation = try Federation(
      parameters: [0, 0], clients: 5, rounds: 1, cohort: .everyone, server: server, privacy: nil)
    guard var round = try federation.nextRound() else { throw CancellationError() }
    for (client, update) in [[1, 9], [2, -8], [3, 1e30], [-1e30, 2], [5, 3]].enumerated() {
      try round.send(update.map { Float($0) }, from: client)
    }
    _ = try federation.close(round)
    #expect(federation.parameters == [2, 3])
  }

  @Test func whatIsNotProvedOrDefinedIsRefused() {
    #expect(message(["server.aggregation=median"]).contains("in a run with privacy: noise and account are for a sum"))
    #expect(message(["cohort.byzantine=0.1"]).contains("hostile clients in a run with privacy"))
    let plain = Self.plain
    #expect(
      message(plain + ["server.aggregation=median", "server.weighting=examples"]).contains("with weights by examples"))
    #expect(message(plain + ["server.aggregation=median", "training.algorithm=scaffold"]).contains("control variates"))
    #expect(message(plain + ["server.aggregation=krum"]).contains("server.byzantine: the key is missing"))
    #expect(message(plain + ["server.aggregation=krum", "server.byzantine=24"]).contains("2 f + 3 = 51 updates"))
    #expect(
      message(plain + ["server.aggregation=krum", "server.byzantine=20", "cohort.dropout=0.3"])
        .contains("rounds of 50 clients, of whom about 35 send, have fewer than the 2 f + 3 = 43"))
    #expect(message(plain + ["cohort.byzantine=0.01"]).contains("found 0.01, which is none of 50 clients"))
    #expect(message(plain + ["cohort.byzantine=0.02"]) == "no error")
    #expect(message(plain + ["server.trim=0.2"]).contains("\"mean\" cuts nothing"))
    #expect(message(plain + ["server.aggregation=median", "server.byzantine=2"]).contains("has no such number"))
    #expect(message(plain + ["cohort.byzantineFactor=3"]).contains("no client is hostile"))
    #expect(message(plain + ["server.aggregation=mean"]) == "no error")
  }

  @Test func hostileClientsAreAsManyAsStated() throws {
    var faults = ClientPool.Faults()
    for (share, count) in [(0.3, 15), (0.5, 25), (1, 50), (0.01, 0), (0.02, 1), (0.58, 29)] {
      faults.byzantine = share
      #expect((0..<50).count { faults.isByzantine($0) } == count, "\(share)")
    }
    let text = try RunSetup(scenario: scenario(), split: nil, threads: 1).scenarioFile
    #expect(!text.contains("byzantine") && !text.contains("aggregation") && !text.contains("trim"))
  }
}
