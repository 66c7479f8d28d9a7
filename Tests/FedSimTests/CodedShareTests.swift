import ChannelCoding
import Foundation
import Numerics
import Statistics
import Testing

@testable import Aggregator
@testable import FedSim
@testable import Scenarios

/// Runs that write a share of their uploads (`channel.coded`): the same distribution of every model, bits of a sample.
@Suite struct CodedShareTests {
  private func records(_ overrides: [String], threads: Int = 1) throws -> ([RoundRecord], Simulation) {
    var simulation = try Simulation(scenario: scenario(overrides), threads: threads)
    var records: [RoundRecord] = []
    while let record = try simulation.nextRound() { records.append(record) }
    return (records, simulation)
  }

  /// What is rounded before its noise must not be longer than the account allows for. Nothing of that size can run; the check is there.
  @Test func roundingInSumsIsPaidFor() throws {
    let make = { (parameters: Int, clients: Int) in
      try RunFrame(
        FederationSettings(
          rounds: 1, cohort: .poisson(expectedSize: 10), server: ServerSection(),
          privacy: Privacy(clippingNorm: 1, noiseMultiplier: 4, noise: .central),
          channel: ChannelSection(codec: .float32)),
        algorithm: .unweighted, parameters: parameters, clients: clients, arrivalRate: 1,
        parallel: Parallel(threads: 1),
        accounting: SharedAccounting(), refusal: FederationSettings.refusal)
    }
    #expect(throws: Never.self) { try make(1_000_000_000, 1_000_000) }
    #expect(throws: ScenarioError.self) { try make(1_000_000_000, 1_000_000_000) }
  }

  /// What is counted, measured and predicted, at both ends of the range and between.
  @Test(arguments: [0, 0.3, 1])
  func rowsSayWhatWasMeasured(share: Double) throws {
    let (records, simulation) = try records(["channel.coded=\(share)", "rounds=8"])
    let summary = RunSummary(simulation.setup, records: records, stoppedBy: .rounds)
    let arrived = records.reduce(0) { $0 + $1.arrived }
    // 160 expected uploads: 6 standard deviations are 35 of them at most.
    #expect(abs(Double(summary.coded) - share * Double(arrived)) <= (share == 0 || share == 1 ? 0 : 35))
    #expect(arrived > 100 && records.allSatisfy { $0.coded <= $0.arrived && $0.predictedBits != nil })
    for record in records {
      #expect((record.payloadBits == nil) == (record.coded == 0) && (record.wireBytes == 0) == (record.coded == 0))
      #expect((record.payloadBitsError == nil) == (record.coded < 2))
      #expect((record.measuredOverPredicted == nil) == (record.coded == 0))
      if let ratio = record.measuredOverPredicted { #expect(abs(ratio - 1) < 0.2, "\(ratio)") }
    }
    #expect((summary.payloadBitsPerClientRound == nil) == (share == 0))
    #expect(summary.predictedBitsPerClientRound != nil)
    if let ratio = summary.measuredOverPredicted { #expect(abs(ratio - 1) < 0.05, "\(ratio)") }
    #expect(summary.closingTable.contains("channel.coded") == (share < 1))
    let texts = summary.views.rows.filter { $0.note.contains("were simulated") }.map(\.adversary)
    #expect(texts == (share < 1 ? ["participant", "colluding-clients"] : []))
  }

  /// The mean and the error of all uploads from those of rounds.
  @Test func estimatesOfPartsAreThoseOfTheWhole() throws {
    let parts: [[Double]] = [[1, 4, 2, 8], [5], [], [7, 7.5]]
    let whole = try #require(Estimate(parts.flatMap { $0 }))
    let pooled = try #require(Estimate(parts.compactMap { part in Estimate(part).map { ($0, part.count) } }))
    #expect(abs(whole.mean - pooled.mean) < 1e-12)
    let (one, other) = (try #require(whole.error), try #require(pooled.error))
    #expect(abs(one - other) < 1e-12)
    #expect(Estimate([(estimate: Estimate, count: Int)]()) == nil)
  }

  /// No claim changes.
  @Test func epsilonsAreThoseOfAllUploads() throws {
    let (all, whole) = try records([])
    let (some, part) = try records(["channel.coded=0.05"])
    #expect(all.map(\.epsilon) == some.map(\.epsilon) && all.map(\.epsilonLowerBound) == some.map(\.epsilonLowerBound))
    #expect(whole.setup.guaranteedPlan?.plannedSpending == part.setup.guaranteedPlan?.plannedSpending)
    // Not the same noise: it is another run.
    #expect(all.map(\.arrived) != some.map(\.arrived))
  }

  @Test(arguments: [0, 0.5])
  func recordsDoNotDependOnThreads(share: Double) throws {
    let overrides = ["channel.coded=\(share)", "cohort.dropout=0.2", "privacy.clippingQuantile=0.5"]
    let (one, first) = try records(overrides)
    let (two, second) = try records(overrides, threads: 3)
    #expect(one == two && first.server.parameters == second.server.parameters && first.state == second.state)
  }

  /// A run that goes on after a stop has the same coins and the same lengths.
  @Test func aRestoredRunIsTheSame() throws {
    let overrides = ["channel.coded=0.5"]
    let (whole, simulation) = try records(overrides)
    var first = try Simulation(scenario: scenario(overrides), threads: 1)
    _ = try first.nextRound()
    var second = try Simulation(scenario: scenario(overrides), threads: 2)
    try second.restore(first.state)
    var rest: [RoundRecord] = []
    while let record = try second.nextRound() { rest.append(record) }
    #expect(rest == Array(whole.dropFirst()) && second.server.parameters == simulation.server.parameters)
  }

  /// Whose upload is not written never agrees on a key with the server.
  @Test func simulatedUploadsNeedNoKeys() throws {
    let (records, simulation) = try records(["channel.coded=0"])
    #expect(records.contains { $0.arrived > 0 })
    #expect((0..<50).allSatisfy { !simulation.server.isEnrolled($0) })
  }

  @Test func aFederationWritesAShareToo() throws {
    var federation = try Federation(
      parameters: [0, 0, 0], clients: 60, rounds: 1, cohort: .everyone,
      privacy: Privacy(clippingNorm: 1, noiseMultiplier: 1), channel: ChannelSection(codec: .layered, coded: 0.5),
      nonce: [UInt8](repeating: 1, count: 16))
    guard var round = try federation.nextRound() else {
      Issue.record("a round")
      return
    }
    for client in round.cohort { try round.send([0.1, 0, -0.1], from: client) }
    #expect(throws: (any Error).self) { try round.send([0, 0, 0], from: 3) }
    let record = try federation.close(round)
    #expect(record.arrived == 60 && (12...48).contains(record.coded))
  }

  /// `auto` within a time: the fewest bits of those that are fast enough, an error where none is.
  @Test func autoKeepsATimeBudget() throws {
    let channel = { (overrides: [String]) in
      try RunSetup(scenario: scenario(["channel.codec=auto"] + overrides), split: nil, threads: 1).channel
    }
    let free = try channel([])
    let slow = try channel(["channel.timeBudget=1e6"])
    #expect(slow.codec == free.codec)
    var others: Set<CodecName> = []
    for share in [0.9, 0.5, 0.2] {
      let budget = share * free.predictedEncodeMicroseconds
      guard let found = try? channel(["channel.timeBudget=\(budget)"]) else { continue }
      others.insert(found.codec)
      #expect(found.predictedEncodeMicroseconds <= budget && found.predictedBits > free.predictedBits)
    }
    #expect(!others.isEmpty && !others.contains(free.codec))
    // What a run writes runs again as it is, under the same keys.
    let setup = try RunSetup(
      scenario: scenario(["channel.codec=auto", "channel.timeBudget=1e6"]), split: nil, threads: 1)
    let again = try RunSetup(
      scenario: Scenario(ScenarioFile(Array(setup.scenarioFile.utf8), name: "scenario.json")), split: nil, threads: 1)
    #expect(again.fingerprint == setup.fingerprint && again.resolved == setup.resolved)
    for (overrides, reason) in [
      (["channel.timeBudget=0.001"], "channel.timeBudget: refused: found 0.001 microseconds"),
      (["channel.timeBudget=1000", "channel.codec=layered"], "\"layered\" is chosen already"),
      (["channel.timeBudget=0"], "channel.timeBudget: found 0"),
    ] {
      do {
        _ = try channel(overrides)
        Issue.record("no error: \(overrides)")
      } catch { #expect("\(error)".contains(reason), "\(error)") }
    }
  }

  /// Only Gaussian noise of the channel's own can be drawn elsewhere.
  @Test func othersAreRefusedWithTheReason() {
    for (overrides, reason) in [
      (["channel.codec=universal"], "is not Gaussian"), (["channel.codec=mrc"], "is not Gaussian"),
      (["privacy=null", "channel.codec=float32"], "have no noise"),
      (["privacy.noise=central", "channel.codec=float32"], "have no noise"),
    ] {
      do {
        _ = try RunSetup(scenario: scenario(overrides + ["channel.coded=0.5"]), split: nil, threads: 1)
        Issue.record("no error: \(overrides)")
      } catch {
        #expect(
          "\(error)".contains("channel.coded: refused: found 0.5, but ") && "\(error)".contains(reason), "\(error)")
      }
      #expect(throws: Never.self) {
        try RunSetup(scenario: scenario(overrides + ["channel.coded=1"]), split: nil, threads: 1)
      }
    }
    for share in ["-0.1", "1.5", "\"all\""] {
      #expect(throws: ScenarioError.self) { try scenario(["channel.coded=\(share)"]) }
    }
  }
}

/// The sum of a round with a share of its uploads written, as a distribution.
@Suite struct CodedShareStatistics {
  /// The count of clipped updates travels in the same vector: what is released of it, but for what the clients said, is its noise.
  /// About 400 rounds, 10^-6.
  @Test(arguments: [0, 0.5, 1])
  func theCountHasItsNoise(share: Double) throws {
    var simulation = try Simulation(
      scenario: scenario(
        "privacy.clippingQuantile=0.5", "privacy.countNoise=1", "cohort.dropout=0.3", "rounds=500",
        "channel.coded=\(share)", "evaluation.every=1000", "privacy.accountant=rdp"),
      threads: 2)
    let adaptive = try #require(simulation.setup.plan?.adaptiveClipping)
    let divisor = simulation.server.sampler.expectedSize
    // The rule is exp of a line in the count: two points of it tell the line.
    let zero = log(adaptive.next(after: 1, centredCount: 0, divisor: divisor))
    let slope = log(adaptive.next(after: 1, centredCount: 1, divisor: divisor)) - zero
    var noise: [Double] = []
    var before = simulation.server.state.clippingNorm
    while let record = try simulation.nextRound() {
      let after = simulation.server.state.clippingNorm
      let released = (log(after / before) - zero) / slope
      before = after
      // The norm needs some rounds to come to the median; a share beyond 0 or 1 is cut, which is seen of seven in a thousand.
      guard record.round > 100, abs(released) < 0.49 * divisor * 0.7 else { continue }
      let said = Double(record.arrived) * (0.5 - (record.clippedFraction ?? 0))
      noise.append((released - said) / adaptive.countNoise)
    }
    #expect(noise.count >= 380)
    for result in [
      StatisticalChecks.kolmogorovSmirnov(sample: noise) { Laws.normalCDF($0) },
      StatisticalChecks.normMoment(sample: noise, variance: 1),
    ] { #expect(result.passes(), "\(share): \(result)") }
    #expect(!StatisticalChecks.kolmogorovSmirnov(sample: noise.map { $0 + 0.5 }) { Laws.normalCDF($0) }.passes())
    #expect(!StatisticalChecks.normMoment(sample: noise.map { $0 * 1.4 }, variance: 1).passes())
  }
}
