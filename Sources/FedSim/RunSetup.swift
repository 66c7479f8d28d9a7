import Aggregator
import ChannelCoding
import Clients
import Datasets
import Files
import JSONText
import Numerics
import PrivacyAccounting
import Scenarios

/// What is known of a run before its first round: data, model, plan, channel. Nothing here changes later.
public struct RunSetup: Sendable {
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
  public var warnings: [String] {
    (numericsSentence.map { ["ROUNDING: " + $0] } ?? []) + planWarnings + dataWarnings
  }
  private let planWarnings: [String]
  /// Those of them that are about the examples.
  public let dataWarnings: [String]
  package let parallel: Parallel
  private let keys: RunKeys
  private let accounting: SharedAccounting
  /// A bound on the probability that the whole run chooses anything that real arithmetic would not; nil without a Gaussian
  /// guarantee.
  public let numericalDeviation: Double?
  /// What names the run: its keys come from this and the seed.
  package let fingerprint: [UInt8]

  /// - Parameters:
  ///   - accounting: what runs of a sweep share; no result depends on it.
  ///   - codecs: the codecs that both ends have.
  public init(
    scenario: Scenario, split: Split?, threads: Int, accounting: SharedAccounting = SharedAccounting(),
    codecs: CodecRegistry = .standard
  ) throws {
    self.scenario = scenario
    self.accounting = accounting
    parallel = Parallel(threads: max(threads, 1))
    isDataGiven = split != nil
    let data = try Self.reviewed(split) ?? scenario.loadData(parallel)
    let split = data.split
    dataWarnings = data.warnings
    test = split.test
    let population = try scenario.population(of: split.training)
    self.population = population
    network = try Self.network(scenario, test)

    let sampling = try Self.sampling(scenario, population.clientCount)
    let delta = scenario.privacy.map { $0.delta ?? Self.defaultDelta(population.clientCount) }
    (plan, channel, numericalDeviation) = try Self.plan(
      scenario, sampling, delta, population.clientCount, accounting, codecs, dimension: network.parameterCount)
    sampler = CohortSampler(
      sampling: sampling, population: population.clientCount, largest: plan?.largestCohort ?? population.clientCount)

    resolved = Self.filling(delta, plan, channel, scenario, isDataGiven)
    var fingerprint = Fingerprint()
    fingerprint.add(Array(FedSimVersion.current.utf8))
    fingerprint.add(Array(Self.withoutLabels(resolved).text(pretty: false).utf8))
    // The data too: with one seed, neighbouring data sets must not share their noise.
    Self.add(split.training, of: isDataGiven ? .given : scenario.data, to: &fingerprint)
    // And what this build makes of them, which another one may do otherwise: who has which example, what training does, the
    // account's z. Two runs that share their keys would have other sums under the same noise.
    fingerprint.add(population.assignmentBytes)
    Self.addReferenceUpdate(scenario, network, population.data, to: &fingerprint)
    for value in [plan?.noiseMultiplier ?? 0, channel.clippingNorm, channel.noiseScale] {
      fingerprint.add(withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init))
    }
    self.fingerprint = fingerprint.bytes
    keys = RunKeys(seed: scenario.seed, fingerprint: fingerprint.bytes)
    planWarnings = Self.warnings(scenario, plan, channel, population.clientCount)
  }

  /// A library caller's examples. They are the caller's responsibility: nothing is refused.
  private static func reviewed(_ split: Split?) -> ReviewedData? {
    split.map { split in
      let review = LabelReview(
        training: split.training, test: split.test, place: "the given examples", areClassesGiven: true)
      return ReviewedData(split: split, warnings: [review.problem].compactMap { $0 } + review.warnings)
    }
  }

  /// What the source calls each class: classes.json. Nil where labels are no more than numbers.
  public var classes: JSON? {
    population.data.classNames.map { ["classes": .array($0.map { .string($0) })] }
  }

  /// The initial model, and two steps of a client from it on at most 20 examples: whatever decides an update leaves its trace.
  private static func addReferenceUpdate(
    _ scenario: Scenario, _ network: Network, _ data: Dataset, to fingerprint: inout Fingerprint
  ) {
    var random = RunKeys.experimentStream(seed: scenario.seed, .initialisation)
    let start = network.initialParameters(&random)
    let trainer = trainer(scenario, network)
    let count = min(2 * trainer.batchSize, data.count, 20)
    let task = LocalTask(
      start: trainer.prepare(start), examples: Array(0..<count)[...], data: data, work: .steps(2))
    let update = trainer.train(task, random: &random, trainer.makeWorkspace(largestClient: count)).values
    fingerprint.add(byteCount: 8 * start.count) { part in
      // Memory is little-endian wherever the kernels are (CKernels).
      for values in [start, update] { values.withUnsafeBytes(part) }
    }
  }

  package static func trainer(_ scenario: Scenario, _ network: Network) -> LocalTrainer<Network, SGD> {
    let training = scenario.training
    return LocalTrainer(
      network: network, work: training.work, batchSize: training.batchSize, learningRate: training.learningRate,
      momentum: training.momentum, proximal: training.proximal)
  }

  /// The scenario with every default filled in, as the file that it is in a run's folder.
  public var scenarioFile: String { resolved.text(pretty: true) + "\n" }

  /// Whether the codec's noise is the Gaussian that epsilon is proved for.
  var isChannelExact: Bool { channel.descriptor?.isExact ?? false }

  /// The plan, where its epsilon holds.
  public var guaranteedPlan: PrivacyPlan? { isChannelExact ? plan : nil }

  /// The rounds that a run has: what the scenario says, or what its budget pays for.
  public var lastRound: Int { guaranteedPlan?.affordedRounds ?? scenario.rounds }

  /// Of the first rounds; nil where nothing is guaranteed.
  func spending(rounds: Int) throws(PrivacyRefusal) -> PrivacySpent? {
    guard let plan = guaranteedPlan else { return nil }
    return try accounting.spending(plan, rounds: rounds)
  }

  func makeServer() -> Server {
    var random = RunKeys.experimentStream(seed: scenario.seed, .initialisation)
    return Server(
      parameters: network.initialParameters(&random), sampler: sampler, plan: plan, algorithm: scenario.algorithm,
      settings: channel,
      sealsUploads: scenario.sealsUploads, optimizer: scenario.optimizer, secrets: keys.server)
  }

  func makeClients() -> ClientPool {
    ClientPool(
      population: population, trainer: Self.trainer(scenario, network), faults: scenario.training.faults,
      codecs: channel.codecs)
  }

  /// What clients are given when they enrol.
  func clientKeys(of clients: [Int]) -> [ClientKeys] {
    let keys = keys
    return parallel.map(clients.count) { keys.client(clients[$0]) }
  }

  /// Parts of a cohort that are trained, sent and decoded together: small enough that what is held at a time is
  /// bounded, large enough to keep all threads busy. No result depends on the size.
  func batches(of cohort: [Int]) -> [[Int]] {
    let size = batchSize
    return stride(from: 0, to: cohort.count, by: size).map { Array(cohort[$0..<min($0 + size, cohort.count)]) }
  }

  /// An upload and its sample take at most 12 bytes a coordinate: about 50 MB a batch, or two clients a thread.
  var batchSize: Int { max(4_000_000 / channel.dimension, 2 * parallel.threads) }

  package func evaluate(_ parameters: [Float]) -> Evaluation {
    Evaluation(network, parameters, on: Array(0..<test.count)[...], of: test, parallel)
  }

  /// What decides a release beside the scenario. Generated examples follow from that alone, and belong to nobody.
  private static func add(_ training: Dataset, of source: DataSource, to fingerprint: inout Fingerprint) {
    if source.isGenerated { return }
    fingerprint.add(byteCount: training.byteCount, forEachPart: training.forEachPart)
    if let owners = training.owners {
      fingerprint.add(Array("owners".utf8))
      fingerprint.add(byteCount: 4 * owners.count) { part in
        for owner in owners { withUnsafeBytes(of: owner.littleEndian, part) }
      }
    }
    if source != .digits, let shape = training.imageShape {
      fingerprint.add(Array("image \(shape.height) \(shape.width) \(shape.channels)".utf8))
    }
  }

  /// More than this no machine here trains: a slip of the keyboard, found before memory is asked for.
  package static let largestModel = 100_000_000

  private static func network(_ scenario: Scenario, _ data: Dataset) throws(ScenarioError) -> Network {
    let model = scenario.model
    let network: Network
    if model.channels.isEmpty {
      network = Network(features: data.featureCount, hidden: model.hidden, classes: data.classCount)
    } else {
      guard let image = data.imageShape else {
        throw scenario.file.refusal(
          at: "model.kind",
          "\"convolutional\" needs images, and the data's \(data.featureCount) features have no height and width")
      }
      guard
        let layers = Network(
          image: image, channels: model.channels, kernel: model.kernel, hidden: model.hidden, classes: data.classCount)
      else {
        throw scenario.file.refusal(
          at: "model.channels",
          "found \(model.channels.count) convolutions, which halve images of \(image.height) x \(image.width) more often than they can be"
        )
      }
      network = layers
    }
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

  /// The plan and its channel, with a part of delta for what floating point may choose otherwise (docs/privacy.md): the smallest
  /// of a few shares of delta that is enough at the epsilon and the channel that come of it. Where there is no room for it in
  /// delta, none is taken, and the run says so.
  private static func plan(
    _ scenario: Scenario, _ sampling: Sampling, _ delta: Double?, _ clients: Int, _ accounting: SharedAccounting,
    _ codecs: CodecRegistry, dimension: Int
  ) throws -> (PrivacyPlan?, ChannelSettings, deviation: Double?) {
    // What the share before needed: noise, and so this, hardly changes from one to the next. Each is a calibration.
    var estimate = 0.0
    for share in numericalShares {
      let charge = (delta ?? 0) * share
      if share > 0, charge < estimate / 2 { continue }
      let plan = try Self.plan(scenario, sampling, delta, clients, accounting, numericalDelta: charge)
      let channel = try Self.channel(scenario, plan, codecs, dimension: dimension)
      guard let plan, let deviation = Self.deviation(plan, channel) else { return (plan, channel, nil) }
      let needed = (1 + Elementary.exp(plan.plannedSpending.epsilon)) * deviation
      if needed <= charge || share == 0 { return (plan, channel, deviation) }
      estimate = needed
    }
    preconditionFailure("the last share is 0")
  }

  /// A thousandth of delta is enough but for large epsilons and many uploads.
  private static let numericalShares = [0.001, 0.01, 0.1, 0.25, 0]

  /// All uploads of all rounds, and the server's own normals, a radius for each two.
  private static func deviation(_ plan: PrivacyPlan, _ channel: ChannelSettings) -> Double? {
    channel.totalVariationBound.map {
      Double(plan.plannedRounds) * (Double(plan.largestCohort) * $0 + Double(channel.paddedDimension + 1) * 0x1p-54)
    }
  }

  /// What floating point does to the claim, where that is not negligible: a hundredth of delta or more.
  public var numericsSentence: String? {
    guard let plan = guaranteedPlan, let deviation = numericalDeviation else { return nil }
    let needed = (1 + Elementary.exp(plan.plannedSpending.epsilon)) * deviation
    guard needed > 0.01 * plan.delta else { return nil }
    let bound =
      "floating point may choose what real arithmetic would not with probability \(Text.short(deviation)) at most"
    return plan.numericalDelta > 0
      ? "Over all uploads \(bound): (1 + e^epsilon) times that, \(Text.short(plan.numericalDelta)) of delta, is paid for it."
      : "The claim is for noise in real arithmetic: over all uploads \(bound), and (1 + e^epsilon) times that, "
        + "\(Text.short(needed)), is more than a delta of \(plan.delta) has room for."
  }

  private static func plan(
    _ scenario: Scenario, _ sampling: Sampling, _ delta: Double?, _ clients: Int, _ accounting: SharedAccounting,
    numericalDelta: Double
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
          budget: privacy.budget, noiseSource: privacy.source,
          adaptiveClipping: privacy.clipping.map {
            AdaptiveClipping(
              quantile: $0.quantile, learningRate: $0.learningRate,
              countNoise: $0.countNoise ?? sampling.rate * Double(clients) / 20,
              arrivalRate: scenario.training.faults.arrivalRate)
          }, numericalDelta: numericalDelta))
    } catch {
      if let clipping = privacy.clipping, clipping.countNoise == nil, error.description.contains("a count with noise") {
        throw scenario.file.refusal(
          at: "privacy.clippingQuantile",
          error.description + "; privacy.countNoise is a twentieth of the expected cohort where it is not given")
      }
      // What is refused is an accountant that has no proof for the cohort, or a budget for less than a round.
      let path =
        error.description.contains("budget")
        ? "privacy.budget"
        : error.description.contains("a count with noise")
          ? "privacy.countNoise" : privacy.accountant == .pld ? "privacy" : "privacy.accountant"
      throw scenario.file.refusal(at: path, error.description)
    }
  }

  private static func channel(
    _ scenario: Scenario, _ plan: PrivacyPlan?, _ codecs: CodecRegistry, dimension: Int
  ) throws(ScenarioError) -> ChannelSettings {
    let (contents, bound) =
      switch scenario.algorithm {
      case .unweighted: plan.map { $0.contents(clippingNorm: $0.clippingNorm) } ?? (.update, .infinity)
      case .weighted: (UplinkContents.weighted, Double.infinity)
      case .scaffold: (UplinkContents.controlled, Double.infinity)
      }
    let settings = { (codec: CodecName) in
      ChannelSettings(
        codec: codec, from: codecs, options: scenario.codecOptions,
        dimension: contents.dimension(parameters: dimension), clippingNorm: bound, noiseScale: plan?.noiseScale ?? 0)
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
    _ delta: Double?, _ plan: PrivacyPlan?, _ channel: ChannelSettings, _ scenario: Scenario, _ isGiven: Bool
  ) -> JSON {
    guard case .object(var root) = scenario.file.resolved else { return scenario.file.resolved }
    if case .object(var privacy)? = root["privacy"], let delta, let plan {
      privacy["delta"] = .number(delta)
      privacy["accountant"] = .string(plan.accountant.rawValue)
      if let adaptive = plan.adaptiveClipping { privacy["countNoise"] = .number(adaptive.countNoise) }
      root["privacy"] = .object(privacy)
    }
    if case .object(var section)? = root["training"], section["epochs"] == .null, section["steps"] == .null {
      section["epochs"] = 1
      root["training"] = .object(section)
    }
    if case .object(var section)? = root["model"], section["kind"] == "convolutional", section["kernel"] == .null {
      section["kernel"] = 5
      root["model"] = .object(section)
    }
    if case .object(var section)? = root["channel"] {
      section["codec"] = .string(channel.codec.rawValue)
      // Options of a codec that scenarios have no keys for: the run's keys depend on all that its updates do.
      for option in channel.family?.options ?? [] where section[option.name] == nil {
        section[option.name] = channel.options[option]
      }
      root["channel"] = .object(section)
    }
    if case .object(var section)? = root["data"] {
      if isGiven {
        let written = section
        section = JSONObject()
        section["source"] = "given"
        for key in ["testFraction", "test"] { section[key] = written[key] }
        section["test"] = .null
      }
      for (key, value) in isGiven ? [] : scenario.data.resolved { section[key] = value }
      if section["test"] == .null { section["testFraction"] = .number(scenario.testFraction) }
      root["data"] = inOrder(section, "data")
    }
    if case .object(var section)? = root["partition"] {
      for (key, value) in scenario.partition.resolved { section[key] = value }
      root["partition"] = inOrder(section, "partition")
    }
    return .object(root)
  }

  /// In the order of the table, so that a resolved scenario read again is the same text.
  private static func inOrder(_ section: JSONObject, _ name: String) -> JSON {
    var ordered = JSONObject()
    for key in ScenarioKey.all where key.path.hasPrefix(name + ".") {
      let short = String(key.path.dropFirst(name.count + 1))
      ordered[short] = section[short]
    }
    return .object(ordered)
  }

  /// What decides a release: looking at it more often, calling it something else, or reading the same examples from
  /// other files, makes no other run of it.
  private static func withoutLabels(_ resolved: JSON) -> JSON {
    guard case .object(var root) = resolved else { return resolved }
    root["name"] = nil
    root["evaluation"] = nil
    if case .object(var section)? = root["data"] {
      for key in DataSource.placeKeys where section[key] != .null { section[key] = nil }
      root["data"] = .object(section)
    }
    return .object(root)
  }

  private static func warnings(
    _ scenario: Scenario, _ plan: PrivacyPlan?, _ channel: ChannelSettings, _ clients: Int
  ) -> [String] {
    var missing: [String] = []
    let faults = scenario.training.faults
    if faults.dropsStragglers, faults.stragglers > 0, case .unweighted = scenario.algorithm {
      missing.append(
        "dropped stragglers count as updates of zero: the sum is divided by the expected cohort. A mean over those who send, as FedAvg's, is "
          + "server.weighting \"examples\", without privacy.")
    }
    if faults.arrivalRate == 0 {
      missing.append("nobody ever sends anything: every straggler is dropped, and all are stragglers.")
    }
    guard let plan else {
      return ["NO PRIVACY: this scenario has no \"privacy\" section: no clipping, no noise, no guarantee."] + missing
    }
    var warnings = missing
    if plan.noiseSource == .central {
      warnings.append(
        "CENTRAL NOISE: the server sees every clipped update as it is and adds the noise alone; a baseline to compare with."
      )
    }
    if let codec = channel.descriptor, !codec.isExact {
      warnings.append(
        "NO GUARANTEE: the noise of \"\(codec.name.rawValue)\" is "
          + (codec.noise == .uniform ? "uniform" : "only nearly Gaussian")
          + ", and epsilon is proved for Gaussian noise. The run reports no epsilon.")
    }
    if plan.updateNoiseMultiplier > 1.05 * plan.noiseMultiplier {
      warnings.append(
        "the count of adaptive clipping leaves updates z_u = \(Text.short(plan.updateNoiseMultiplier)) of z = "
          + "\(Text.short(plan.noiseMultiplier)): more privacy.countNoise costs them less.")
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
