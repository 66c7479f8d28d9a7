import Testing

@testable import Aggregator
@testable import FedSim

/// Federated algorithms in whole runs, against what must be the same and what must not.
@Suite struct AlgorithmTests {
  private static let plain = ["privacy=null", "channel.codec=float32", "cohort.sampling=everyone", "cohort.size=null"]

  private func run(_ overrides: [String], threads: Int = 2) throws -> (
    records: [RoundRecord], model: [Float], server: Server
  ) {
    var simulation = try Simulation(scenario: scenario(overrides), threads: threads)
    var records: [RoundRecord] = []
    while let record = try simulation.nextRound() { records.append(record) }
    return (records, simulation.server.parameters, simulation.server)
  }

  private func distance(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).map { abs($0 - $1) }.max() ?? 0 }

  @Test func weightsMatterWhereClientsDifferInSize() throws {
    // 1438 examples of 50 clients: 28 or 29 each.
    let uniform = try run(Self.plain).model
    let weighted = try run(Self.plain + ["server.weighting=examples"])
    #expect(distance(uniform, weighted.model) > 0 && distance(uniform, weighted.model) < 0.02)
    #expect(weighted.records[0].payloadBits?.max == 20832.0, "and the number of examples")
    // Each with one example: the same mean, but for float32.
    let single = ["partition={\"kind\":\"one-example\"}"]
    let one = try run(Self.plain + single).model
    #expect(distance(one, try run(Self.plain + single + ["server.weighting=examples"]).model) < 1e-5)
    let skewed = ["partition={\"kind\":\"dirichlet-class\",\"clients\":20,\"alpha\":0.3}"]
    #expect(
      distance(
        try run(Self.plain + skewed).model, try run(Self.plain + skewed + ["server.weighting=examples"]).model) > 0.05)
  }

  /// Of one step over all examples of all clients, the corrections c_i - c cancel in the mean: SCAFFOLD is FedAvg. Of more steps
  /// it is not.
  @Test func scaffoldIsFedAvgWhereEachClientMakesOneStep() throws {
    let one = ["training.steps=1", "training.batchSize=1000", "training.learningRate=0.5"]
    let average = try run(Self.plain + one).model
    let scaffold = try run(Self.plain + one + ["training.algorithm=scaffold"])
    #expect(distance(average, scaffold.model) < 1e-5, "\(distance(average, scaffold.model))")
    #expect(distance(average, average.map { _ in 0 }) > 0.1)
    // c is the mean gradient of the last round: the move over the rate.
    #expect(scaffold.server.state.control.contains { abs($0) > 1e-3 })
    let many = [
      "training.steps=5", "training.learningRate=0.5",
      "partition={\"kind\":\"dirichlet-class\",\"clients\":20,\"alpha\":0.3}",
    ]
    let corrected = try run(Self.plain + many + ["training.algorithm=scaffold"])
    #expect(distance(try run(Self.plain + many).model, corrected.model) > 0.01)
    let alone = try run(Self.plain + many + ["training.algorithm=scaffold"], threads: 1)
    #expect(alone.model == corrected.model && corrected.records[0].payloadBits?.max == 64 * 650)
  }

  @Test func stragglersDoPartOfTheWorkOrNone() throws {
    let all = try run(Self.plain + ["training.stragglers=1", "training.stragglerUpdates=drop"])
    #expect(all.records.allSatisfy { $0.arrived == 0 })
    let some = try run(Self.plain + ["training.stragglers=0.5", "training.stragglerUpdates=drop"])
    // 200 coins: 100 +- 7.1, six deviations.
    #expect(abs(some.records.reduce(0) { $0 + $1.arrived } - 100) < 43)
    let kept = try run(Self.plain + ["training.stragglers=1", "training.epochs=4"])
    #expect(kept.records.allSatisfy { $0.arrived == 50 })
    #expect(distance(kept.model, try run(Self.plain + ["training.epochs=4"]).model) > 0.01)
  }

  /// What may depend on the data is seen by whoever sees traffic; what participants know of central noise is nothing.
  @Test func viewsFollowFaultsAndTheNoisesSource() throws {
    let epsilon = { (overrides: [String], adversary: String) in
      let setup = try RunSetup(scenario: scenario(overrides), split: nil, threads: 1)
      let records = try run(overrides).records
      let views = ThreatModel(setup, records: records, mostParticipations: 3)
      return try #require(views.rows.first { $0.adversary == adversary }).epsilon
    }
    let sealed = ["channel.codec=float32", "channel.seal=true"]
    #expect(try epsilon(sealed, "eavesdropper") != nil)
    #expect(try epsilon(sealed + ["cohort.dropout=0.5"], "eavesdropper") == nil)
    let dropped = ["training.stragglers=0.5", "training.epochs=2"]
    #expect(try epsilon(sealed + dropped, "eavesdropper") != nil)
    #expect(try epsilon(sealed + dropped + ["training.stragglerUpdates=drop"], "eavesdropper") == nil)
    let central = ["privacy.noise=central", "channel.codec=float32"]
    #expect(try epsilon(central, "server") == nil && epsilon(central, "participant") != nil)
    let fixed = central + ["cohort.sampling=fixed-size"]
    let (released, participant) = try (epsilon(fixed, "released-model"), epsilon(fixed, "participant"))
    // Its own place is one that it knows of: a little less amplification.
    #expect(try #require(participant) >= #require(released) && #require(participant) < 1.1 * #require(released))
  }

  /// With everybody drawn, central noise and noise through the code cost and mean the same.
  @Test func centralNoiseIsABaseline() throws {
    let everyone = ["cohort.sampling=everyone", "cohort.size=null", "rounds=2"]
    let channel = try run(everyone)
    let central = try run(everyone + ["privacy.noise=central", "channel.codec=auto"])
    #expect(channel.records.map(\.spending) == central.records.map(\.spending))
    #expect(central.records[0].payloadBits?.max == 32 * 650 && central.records[0].idealBits == nil)
    // z C / N = 0.011 on each of 650 coordinates, both times; the difference has it twice.
    let difference = zip(channel.model, central.model).map { Double($0 - $1) }
    let deviation = (difference.reduce(0) { $0 + $1 * $1 } / 650).squareRoot()
    #expect(
      abs(deviation / (1.1 * 0.5 / 50 * 2) - 1) < 0.25,
      "\(deviation): 650 normals, and what the second round makes of the first")
  }

  /// The clipping norm finds the median of the norms from far below, through the channel, at the epsilon of z.
  @Test(arguments: ["layered", "polar", "float32"])
  func adaptiveClippingFindsTheQuantile(codec: String) throws {
    let base = ["rounds=40", "channel.codec=\(codec)", "cohort.size=40", "evaluation.every=40"]
    let adaptive =
      base + [
        "privacy.clippingNorm=0.01", "privacy.clippingQuantile=0.5", "privacy.clippingLearningRate=0.5",
        "privacy.countNoise=4",
      ]
    let found = try run(adaptive)
    let norms = found.records.compactMap(\.clippingNorm)
    #expect(norms[0] == 0.01 && norms.last! > 0.1, "\(norms)")
    let clipped = found.records.suffix(20).compactMap(\.clippedFraction).reduce(0, +) / 20
    #expect(clipped > 0.25 && clipped < 0.75, "\(clipped)")
    let fixed = try run(base + ["privacy.clippingNorm=0.5"])
    let (a, b) = (found.records.last?.spending?.epsilon ?? 0, fixed.records.last?.spending?.epsilon ?? 1)
    #expect(abs(a - b) < 1e-5, "\(a) \(b)")
    #expect(try run(adaptive, threads: 1).model == found.model)
    if codec == "layered" { #expect(found.server.state.clippingNorm != 0.01) }
  }
}
