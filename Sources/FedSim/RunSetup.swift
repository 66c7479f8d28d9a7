import Aggregator
import ChannelCoding
import Clients

/// What is known of a run before its first round: data, model, plan, channel. Nothing here changes later.
public struct RunSetup: Sendable {
  public static let version = "0.1.0"

  public let scenario: Scenario
  /// The scenario with every default filled in, those that depend on the data too.
  public let resolved: JSON
  public let population: Population
  public let test: Dataset
  public let network: Network
  /// Nil for a run without privacy.
  public let plan: PrivacyPlan?
  public let channel: ChannelSettings
  public let sampler: CohortSampler
  /// What may surprise a user; printed before the run.
  public let warnings: [String]
  let parallel: Parallel
  private let keys: RunKeys

  public init(scenario: Scenario, split: Split?, threads: Int) throws {
    self.scenario = scenario
    parallel = Parallel(threads: max(threads, 1))
    let split = try split ?? Self.load(scenario)
    test = split.test
    var random = RunKeys.experimentStream(seed: scenario.seed, .partition)
    let population = try Self.deal(split.training, scenario, &random)
    self.population = population
    network = Network(
      features: test.featureCount, hidden: scenario.hidden, classes: test.classCount)

    let sampling = try Self.sampling(scenario.cohort, population.clientCount)
    let delta = scenario.privacy.map { $0.delta ?? Self.defaultDelta(population.clientCount) }
    plan = try Self.plan(scenario, sampling, delta, population.clientCount)
    sampler = CohortSampler(
      sampling: sampling, population: population.clientCount, largest: plan?.largestCohort ?? population.clientCount)
    channel = try Self.channel(scenario, plan, dimension: network.parameterCount)

    resolved = Self.filling(delta, plan, channel, into: scenario.resolved)
    var fingerprint = Fingerprint()
    fingerprint.add(Array(Self.version.utf8))
    fingerprint.add(Array(resolved.text(pretty: false).utf8))
    // The data too: with one seed, neighbouring data sets must not share their noise.
    fingerprint.add(split.training.bytes)
    keys = RunKeys(seed: scenario.seed, fingerprint: fingerprint.bytes)
    warnings = Self.warnings(scenario, plan, population.clientCount)
  }

  func makeServer() -> Server {
    var random = RunKeys.experimentStream(seed: scenario.seed, .initialisation)
    return Server(
      parameters: network.initialParameters(&random), sampler: sampler, plan: plan, settings: channel,
      optimizer: scenario.optimizer, secrets: keys.server)
  }

  func makeClients() -> ClientPool {
    ClientPool(
      population: population,
      trainer: LocalTrainer(
        network: network, epochs: scenario.epochs, batchSize: scenario.batchSize,
        learningRate: scenario.learningRate), keys: keys, dropout: scenario.cohort.dropout)
  }

  func evaluate(_ parameters: [Float]) -> Evaluation {
    Evaluation(network, parameters, on: Array(0..<test.count)[...], of: test, parallel)
  }

  private static func load(_ scenario: Scenario) throws -> Split {
    var random = RunKeys.experimentStream(seed: scenario.seed, .split)
    return try Split(stratified: Digits.load(), testFraction: scenario.testFraction, random: &random)
  }

  private static func deal(
    _ training: Dataset, _ scenario: Scenario, _ random: inout RandomStream
  ) throws -> Population {
    if case .iid(let clients) = scenario.partition, clients > training.count {
      throw ScenarioError.refused(
        path: "partition.clients", reason: "found \(clients) clients for \(training.count) training examples")
    }
    return try Population(training, partition: scenario.partition, random: &random)
  }

  private static func sampling(_ cohort: Scenario.Cohort, _ clients: Int) throws(ScenarioError) -> Sampling {
    switch cohort {
    case .everyone: return .everyone
    case .poisson(let size, _):
      guard size <= clients else {
        throw .refused(
          path: "cohort.size", reason: "found an expected cohort of \(size) out of \(clients) clients; at most all")
      }
      return .poisson(rate: Double(size) / Double(clients))
    }
  }

  private static func defaultDelta(_ clients: Int) -> Double {
    min(1e-5, Elementary.exp(-1.1 * Elementary.log(Double(clients))))
  }

  private static func plan(
    _ scenario: Scenario, _ sampling: Sampling, _ delta: Double?, _ clients: Int
  ) throws(ScenarioError) -> PrivacyPlan? {
    guard let privacy = scenario.privacy, let delta else { return nil }
    if privacy.delta == nil, delta * Double(clients) >= 1 {
      throw .refused(
        path: "privacy.delta",
        reason: "the default \(delta) is at least 1/N for N = \(clients) clients; write a delta to insist")
    }
    do throws(PrivacyRefusal) {
      return try PrivacyPlan(
        population: clients, clippingNorm: privacy.clippingNorm, noise: privacy.noise, sampling: sampling,
        relation: privacy.relation, accountant: privacy.accountant, delta: delta, rounds: scenario.rounds)
    } catch {
      throw .refused(path: "privacy", reason: error.description)
    }
  }

  private static func channel(
    _ scenario: Scenario, _ plan: PrivacyPlan?, dimension: Int
  ) throws(ScenarioError) -> ChannelSettings {
    let settings = { (codec: CodecName) in
      ChannelSettings(
        codec: codec, dimension: dimension, clippingNorm: plan?.clippingNorm ?? .infinity,
        noiseScale: plan?.noiseScale ?? 0)
    }
    if let codec = scenario.codec {
      let chosen = settings(codec)
      if let problem = chosen.problem { throw .refused(path: "channel.codec", reason: problem) }
      return chosen
    }
    let candidates = CodecName.allCases.map(settings).filter { $0.problem == nil }
    return candidates.min { $0.predictedBits < $1.predictedBits } ?? settings(.float32)
  }

  private static func filling(
    _ delta: Double?, _ plan: PrivacyPlan?, _ channel: ChannelSettings, into scenario: JSON
  ) -> JSON {
    guard case .object(var root) = scenario else { return scenario }
    if case .object(var privacy)? = root["privacy"], let delta, let plan {
      privacy["delta"] = .number(delta)
      privacy["accountant"] = .string(plan.accountant.rawValue)
      root["privacy"] = .object(privacy)
    }
    return .object(root)
  }

  private static func warnings(_ scenario: Scenario, _ plan: PrivacyPlan?, _ clients: Int) -> [String] {
    guard let plan else {
      return ["NO PRIVACY: this scenario has no \"privacy\" section: no clipping, no noise, no guarantee."]
    }
    var warnings: [String] = []
    let expected = plan.delta * Double(clients)
    if expected > 0.1 {
      warnings.append(
        "delta = \(plan.delta) for \(clients) clients: N delta = \(expected) is above 0.1. Delta bounds the chance that a "
          + "client's data are simply exposed.")
    }
    return warnings
  }
}
