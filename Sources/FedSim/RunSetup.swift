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
  /// Whether a library caller brought the examples.
  public let isDataGiven: Bool
  public let network: Network
  /// Nil for a run without privacy.
  public let plan: PrivacyPlan?
  public let channel: ChannelSettings
  public let sampler: CohortSampler
  /// What may surprise a user; printed before the run.
  public let warnings: [String]
  let parallel: Parallel
  private let keys: RunKeys
  private let accounting: SharedAccounting

  /// - Parameter accounting: what runs of a sweep share; no result depends on it.
  public init(
    scenario: Scenario, split: Split?, threads: Int, accounting: SharedAccounting = SharedAccounting()
  ) throws {
    self.scenario = scenario
    self.accounting = accounting
    parallel = Parallel(threads: max(threads, 1))
    isDataGiven = split != nil
    let split = try split ?? Self.load(scenario)
    test = split.test
    var random = RunKeys.experimentStream(seed: scenario.seed, .partition)
    let population = try Self.deal(split.training, scenario, &random)
    self.population = population
    network = try Self.network(scenario, test)

    let sampling = try Self.sampling(scenario, population.clientCount)
    let delta = scenario.privacy.map { $0.delta ?? Self.defaultDelta(population.clientCount) }
    plan = try Self.plan(scenario, sampling, delta, population.clientCount, accounting)
    sampler = CohortSampler(
      sampling: sampling, population: population.clientCount, largest: plan?.largestCohort ?? population.clientCount)
    channel = try Self.channel(scenario, plan, dimension: network.parameterCount)

    resolved = Self.filling(delta, plan, channel, isDataGiven, into: scenario.file.resolved)
    var fingerprint = Fingerprint()
    fingerprint.add(Array(Self.version.utf8))
    fingerprint.add(Array(Self.withoutLabels(resolved).text(pretty: false).utf8))
    // The data too: with one seed, neighbouring data sets must not share their noise.
    fingerprint.add(split.training.bytes)
    // And what the accountant and the channel made of them: another build may calibrate another z.
    for value in [plan?.noiseMultiplier ?? 0, channel.clippingNorm, channel.noiseScale] {
      fingerprint.add(withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init))
    }
    keys = RunKeys(seed: scenario.seed, fingerprint: fingerprint.bytes)
    warnings = Self.warnings(scenario, plan, channel, population.clientCount)
  }

  /// Whether the codec's noise is the Gaussian that epsilon is proved for.
  var isChannelExact: Bool { (try? channel.makeCodec())?.descriptor.isExact ?? false }

  /// The plan, where its epsilon holds.
  public var guaranteedPlan: PrivacyPlan? { isChannelExact ? plan : nil }

  /// The rounds that a run has: what the scenario says, or what its budget pays for.
  public var lastRound: Int { guaranteedPlan?.affordedRounds ?? scenario.rounds }

  /// Of the first rounds; nil where nothing is guaranteed.
  func spending(rounds: Int) throws(PrivacyRefusal) -> Accountant.Spending? {
    guard let plan = guaranteedPlan else { return nil }
    return try accounting.spending(plan, rounds: rounds)
  }

  func makeServer() -> Server {
    var random = RunKeys.experimentStream(seed: scenario.seed, .initialisation)
    return Server(
      parameters: network.initialParameters(&random), sampler: sampler, plan: plan, settings: channel,
      sealsUploads: scenario.sealsUploads, optimizer: scenario.optimizer, secrets: keys.server)
  }

  func makeClients() -> ClientPool {
    ClientPool(
      population: population,
      trainer: LocalTrainer(
        network: network, epochs: scenario.epochs, batchSize: scenario.batchSize,
        learningRate: scenario.learningRate), keys: keys, dropout: scenario.cohort.dropout)
  }

  /// Parts of a cohort that are trained, sent and decoded together: small enough that what is held at a time is
  /// bounded, large enough to keep all threads busy. No result depends on the size.
  func batches(of cohort: [Int]) -> [[Int]] {
    let size = batchSize
    return stride(from: 0, to: cohort.count, by: size).map { Array(cohort[$0..<min($0 + size, cohort.count)]) }
  }

  /// An upload and its sample take at most 12 bytes a coordinate: about 50 MB a batch, or two clients a thread.
  var batchSize: Int { max(4_000_000 / channel.dimension, 2 * parallel.threads) }

  func evaluate(_ parameters: [Float]) -> Evaluation {
    Evaluation(network, parameters, on: Array(0..<test.count)[...], of: test, parallel)
  }

  private static func load(_ scenario: Scenario) throws -> Split {
    guard !scenario.expectsGivenData else {
      throw scenario.file.refusal(
        at: "data.source", "\"given\" examples come from a program that uses FedSim as a library; none were given")
    }
    var random = RunKeys.experimentStream(seed: scenario.seed, .split)
    do {
      return try Split(stratified: Digits.load(), testFraction: scenario.testFraction, random: &random)
    } catch {
      throw scenario.file.refusal(at: "data.testFraction", "\(error)")
    }
  }

  private static func deal(
    _ training: Dataset, _ scenario: Scenario, _ random: inout RandomStream
  ) throws -> Population {
    if case .iid(let clients) = scenario.partition, clients > training.count {
      throw scenario.file.refusal(
        at: "partition.clients", "found \(clients) clients for \(training.count) training examples")
    }
    return try Population(training, partition: scenario.partition, random: &random)
  }

  /// More than this no machine here trains: a slip of the keyboard, found before memory is asked for.
  static let largestModel = 100_000_000

  private static func network(_ scenario: Scenario, _ data: Dataset) throws(ScenarioError) -> Network {
    let network = Network(features: data.featureCount, hidden: scenario.hidden, classes: data.classCount)
    guard network.parameterCount <= largestModel else {
      throw scenario.file.refusal(
        at: "model.hidden", "found a model of \(network.parameterCount) parameters; at most \(largestModel)")
    }
    return network
  }

  private static func sampling(_ scenario: Scenario, _ clients: Int) throws(ScenarioError) -> Sampling {
    switch scenario.cohort {
    case .everyone: return .everyone
    case .poisson(let size, _), .fixedSize(let size, _):
      guard size <= clients else {
        throw scenario.file.refusal(
          at: "cohort.size", "found a cohort of \(size) out of \(clients) clients; at most all")
      }
      let rate = Double(size) / Double(clients)
      if case .fixedSize = scenario.cohort { return .fixedSize(rate: rate) }
      return .poisson(rate: rate)
    }
  }

  private static func defaultDelta(_ clients: Int) -> Double {
    min(1e-5, Elementary.exp(-1.1 * Elementary.log(Double(clients))))
  }

  private static func plan(
    _ scenario: Scenario, _ sampling: Sampling, _ delta: Double?, _ clients: Int, _ accounting: SharedAccounting
  ) throws(ScenarioError) -> PrivacyPlan? {
    guard let privacy = scenario.privacy, let delta else { return nil }
    do throws(PrivacyRefusal) {
      let (isTarget, noise) =
        switch privacy.noise {
        case .targetEpsilon(let epsilon): (true, epsilon)
        case .multiplier(let z): (false, z)
        }
      return try accounting.plan(
        .init(
          population: clients, clippingNorm: privacy.clippingNorm, isTarget: isTarget, noise: noise, sampling: sampling,
          relation: privacy.relation, accountant: privacy.accountant, delta: delta, rounds: scenario.rounds,
          budget: privacy.budget))
    } catch {
      // What is refused is an accountant that has no proof for the cohort, or a budget for less than a round.
      let path =
        error.description.contains("budget")
        ? "privacy.budget" : privacy.accountant == .pld ? "privacy" : "privacy.accountant"
      throw scenario.file.refusal(at: path, error.description)
    }
  }

  private static func channel(
    _ scenario: Scenario, _ plan: PrivacyPlan?, dimension: Int
  ) throws(ScenarioError) -> ChannelSettings {
    let settings = { (codec: CodecName) in
      ChannelSettings(
        codec: codec, options: scenario.codecOptions, dimension: dimension,
        clippingNorm: plan?.clippingNorm ?? .infinity,
        noiseScale: plan?.noiseScale ?? 0)
    }
    if let codec = scenario.codec {
      let chosen = settings(codec)
      if let problem = chosen.problem { throw scenario.file.refusal(at: "channel.codec", problem) }
      if scenario.hasOneLength && !chosen.hasOneLength {
        throw scenario.file.refusal(
          at: "channel.padding",
          "payloads of \"\(codec.rawValue)\" have no bound that padding could reach without cutting some, which would change the noise"
            + "; use \"layered-shifted\" with fixedLength, \"float32\" or \"auto\"")
      }
      return chosen
    }
    if scenario.hasOneLength { return settings(.float32).withFewestBitsOfOneLength }
    return settings(.float32).withFewestBits
  }

  private static func filling(
    _ delta: Double?, _ plan: PrivacyPlan?, _ channel: ChannelSettings, _ isGiven: Bool, into scenario: JSON
  ) -> JSON {
    guard case .object(var root) = scenario else { return scenario }
    if case .object(var privacy)? = root["privacy"], let delta, let plan {
      privacy["delta"] = .number(delta)
      privacy["accountant"] = .string(plan.accountant.rawValue)
      root["privacy"] = .object(privacy)
    }
    if case .object(var section)? = root["channel"] {
      section["codec"] = .string(channel.codec.rawValue)
      root["channel"] = .object(section)
    }
    if isGiven, case .object(var section)? = root["data"] {
      section["source"] = "given"
      root["data"] = .object(section)
    }
    return .object(root)
  }

  /// What decides a release: looking at it more often, or calling it something else, makes no other run of it.
  private static func withoutLabels(_ resolved: JSON) -> JSON {
    guard case .object(var root) = resolved else { return resolved }
    root["name"] = nil
    root["evaluation"] = nil
    return .object(root)
  }

  private static func warnings(
    _ scenario: Scenario, _ plan: PrivacyPlan?, _ channel: ChannelSettings, _ clients: Int
  ) -> [String] {
    guard let plan else {
      return ["NO PRIVACY: this scenario has no \"privacy\" section: no clipping, no noise, no guarantee."]
    }
    var warnings: [String] = []
    if let codec = (try? channel.makeCodec())?.descriptor, !codec.isExact {
      warnings.append(
        "NO GUARANTEE: the noise of \"\(codec.name.rawValue)\" is "
          + (codec.noise == .uniform ? "uniform" : "only nearly Gaussian")
          + ", and epsilon is proved for Gaussian noise. The run reports no epsilon.")
    }
    let expected = plan.delta * Double(clients)
    if expected > 0.1 {
      warnings.append(
        "delta = \(plan.delta) for \(clients) clients: N delta = \(expected) is above 0.1. Delta bounds the chance that a "
          + "client's data are simply exposed.")
    }
    if plan.affordedRounds < scenario.rounds {
      warnings.append(
        "the budget pays for \(plan.affordedRounds) of \(scenario.rounds) rounds: the run ends there, at epsilon "
          + "\(Text.fixedUp(plan.plannedSpending.epsilon, 4)).")
    }
    if plan.plannedSpending.epsilon > 20 {
      warnings.append(
        "epsilon \(Text.fixedUp(plan.plannedSpending.epsilon, 1)) promises next to nothing: e^epsilon bounds how much likelier "
          + "any outcome gets by one client's data.")
    }
    return warnings
  }
}
