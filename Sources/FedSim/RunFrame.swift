import Aggregator
import ChannelCoding
import Files
import Numerics
import PrivacyAccounting
import Scenarios

/// What a federation does, whoever its clients are: rounds, cohorts, privacy, channel, server.
public struct FederationSettings: Sendable {
  /// T
  public var rounds: Int
  public var cohort: Cohort
  public var server: ServerSection
  /// Nil: no clipping, no noise, no guarantee.
  public var privacy: Privacy?
  public var channel: ChannelSection

  public init(
    rounds: Int, cohort: Cohort, server: ServerSection = ServerSection(), privacy: Privacy? = nil,
    channel: ChannelSection = ChannelSection()
  ) {
    self.rounds = rounds
    self.cohort = cohort
    self.server = server
    self.privacy = privacy
    self.channel = channel
  }

  init(_ scenario: Scenario) {
    self.init(
      rounds: scenario.rounds, cohort: scenario.cohort, server: scenario.server, privacy: scenario.privacy,
      channel: scenario.channel)
  }
}

/// What is known of a federation before its first round: the noise, the channel, how cohorts are drawn. Neither data nor a model is
/// part of it, only their sizes.
public struct RunFrame: Sendable {
  public private(set) var settings: FederationSettings
  /// What uploads have beside updates.
  public let algorithm: Server.Algorithm
  /// Parameters of the model.
  public let parameterCount: Int
  /// Clients of the population.
  public let clientCount: Int
  /// Nil for a run without privacy.
  public let plan: PrivacyPlan?
  public let channel: ChannelSettings
  public let sampler: CohortSampler
  /// A bound on the probability that the whole run chooses anything that real arithmetic would not; nil without a Gaussian
  /// guarantee.
  public let numericalDeviation: Double?
  let parallel: Parallel
  private let accounting: SharedAccounting

  /// An error about the settings: the path of a key, and why nothing follows from what it says.
  typealias Refusal = (_ path: String, _ reason: String) -> ScenarioError

  /// - Parameters:
  ///   - arrivalRate: the share of drawn clients that is expected to send.
  ///   - accounting: what runs of a sweep share; no result depends on it.
  ///   - refusal: makes an error of a key and a reason.
  init(
    _ settings: FederationSettings, algorithm: Server.Algorithm, parameters: Int, clients: Int, arrivalRate: Double,
    parallel: Parallel, accounting: SharedAccounting, refusal: Refusal
  ) throws {
    self.settings = settings
    self.algorithm = algorithm
    self.parallel = parallel
    self.accounting = accounting
    (parameterCount, clientCount) = (parameters, clients)
    let calibration = FrameCalibration(
      settings: settings, algorithm: algorithm, parameters: parameters, clients: clients, arrivalRate: arrivalRate,
      sampling: try Self.sampling(settings.cohort, clients, refusal), accounting: accounting)
    (plan, channel, numericalDeviation) = try calibration.solve(refusal)
    if let share = settings.channel.coded, share < 1, let reason = Self.reasonToCode(channel) {
      throw refusal(ChannelSection.codedPath, "found \(share), but \(reason); allowed: 1, or no such key")
    }
    sampler = CohortSampler(
      sampling: calibration.sampling, population: clients, largest: plan?.largestCohort ?? clients)
    try checkRounding(refusal)
    try checkRule(arrivalRate: arrivalRate, refusal)
  }

  /// A robust rule has enough updates, and room for all of them.
  private func checkRule(arrivalRate: Double, _ refusal: Refusal) throws {
    guard let rule = settings.server.rule else { return }
    let size = Int(sampler.expectedSize.rounded())
    let arriving = Int((sampler.expectedSize * arrivalRate).rounded())
    guard arriving >= rule.leastUpdates || rule.leastUpdates == 1 else {
      let sent = arriving < size ? ", of whom about \(arriving) send," : ""
      throw refusal(
        "\(ServerSection.section).byzantine",
        "rounds of \(size) clients\(sent) have fewer than the 2 f + 3 = \(rule.leastUpdates) updates that \"\(settings.server.aggregation.rawValue)\" needs"
      )
    }
    let bytes = 4 * Double(parameterCount) * Double(size)
    guard bytes <= 0x1p36 else {
      throw refusal(
        "\(ServerSection.section).aggregation",
        "\"\(settings.server.aggregation.rawValue)\" keeps the updates of a round one by one: \(size) of \(parameterCount) parameters are "
          + "\(Text.short(bytes * 0x1p-30)) GiB; at most 64")
    }
  }

  /// What rounding in sums may do (docs/privacy.md, "Sums on a grid"): what is rounded before its noise must not be longer than the account
  /// allows for, and what is rounded after it must be rounded finely beside it.
  private func checkRounding(_ refusal: Refusal) throws {
    guard let plan, isChannelExact else { return }
    let terms = plan.largestCohort
    if channel.noiseScale > 0, channel.noiseScale < 16 * channel.largestSumUnit(terms: terms) {
      throw refusal(
        Privacy.section,
        "a noise of \(channel.noiseScale) for each client beside updates of norm \(channel.clippingNorm) is lost in the rounding of a sum"
      )
    }
    guard channel.noiseScale == 0 || codedShare < 1 else { return }
    let length =
      SumGrid.largestUnit(largestTerm: 1, terms: terms) / 2 * Double(channel.paddedDimension).squareRoot()
    guard length > 0.5 * (PrivacyEvent.sensitivityMargin - 1) else { return }
    throw refusal(
      channel.noiseScale == 0 ? Privacy.path(\.noise) : ChannelSection.codedPath,
      "with \(parameterCount) parameters and as many as \(terms) clients a round, rounding in the sum is more than the account allows for"
    )
  }

  /// Why every upload must be coded; nil where a share of them is enough.
  private static func reasonToCode(_ channel: ChannelSettings) -> String? {
    guard channel.noiseScale > 0 else {
      return "the clients' messages have no noise, which alone can be drawn in their place"
    }
    guard channel.descriptor?.isExact == true else {
      return "the noise of codec \"\(channel.codec.rawValue)\" is not Gaussian, and only its messages have it"
    }
    return nil
  }

  private static func sampling(
    _ cohort: Cohort, _ clients: Int, _ refusal: Refusal
  ) throws(ScenarioError) -> Sampling {
    guard cohort.sampling != .everyone, let size = cohort.size else { return .everyone }
    guard size <= clients else {
      throw refusal(Cohort.path(\.size), "found a cohort of \(size) out of \(clients) clients; at most all")
    }
    return Sampling(name: cohort.sampling, rate: Double(size) / Double(clients))
  }

  /// The probability that an upload is written.
  public var codedShare: Double { settings.channel.coded ?? 1 }

  /// The same where no upload is written that has noise: its clipped update is added, and the server draws all of the noise. Nothing can be
  /// claimed with it, and it asks for nothing that a claim needs.
  var withoutMessages: RunFrame {
    var frame = self
    frame.settings.channel.coded = channel.noiseScale > 0 ? 0 : nil
    return frame
  }

  /// Coins under known keys, for a run's key: a build that threw others would have other sums under the same noise. Nil where there are none.
  var referenceCoins: [UInt8]? {
    guard codedShare < 1 else { return nil }
    let keys = RunKeys(seed: 0, fingerprint: [])
    return (0..<64).map { keys.client($0).isCoded(round: 1, share: 0.5) ? 1 : 0 }
  }

  /// What is expected of lengths of uploads; nil where the channel has no noise, and where it is not Gaussian.
  var predictedLengths: PredictedLengths? {
    channel.noiseScale > 0 && channel.clippingNorm.isFinite && isChannelExact ? PredictedLengths(channel) : nil
  }

  /// Whether the codec's noise is the Gaussian that epsilon is proved for.
  var isChannelExact: Bool { channel.descriptor?.isExact ?? false }

  /// The plan, where its epsilon holds.
  public var guaranteedPlan: PrivacyPlan? { isChannelExact ? plan : nil }

  /// The rounds that there are: what the settings say, or what the budget pays for.
  public var lastRound: Int { guaranteedPlan?.affordedRounds ?? settings.rounds }

  /// Of the first rounds; nil where nothing is guaranteed.
  func spending(rounds: Int) throws(PrivacyRefusal) -> PrivacySpent? {
    guard let plan = guaranteedPlan else { return nil }
    return try accounting.spending(plan, rounds: rounds)
  }

  /// How many of a caller's updates are coded at a time: an upload takes at most 8 bytes a coordinate, so that a batch is about 32 MB, or two
  /// clients a thread.
  var batchSize: Int { max(4_000_000 / channel.dimension, 2 * parallel.threads) }

  /// How many clients of a simulation are worked on at a time, at most: what a client leaves behind is kept until its batch is done, which is
  /// nothing of a model's size but a control variate.
  var largestBatch: Int { algorithm == .scaffold ? batchSize : .max }

  /// Parts of a list that are worked on together: small enough that what is held at a time is bounded, large enough to keep all
  /// threads busy. No result depends on the size.
  func batches<Element>(of list: [Element]) -> [ArraySlice<Element>] {
    let size = batchSize
    return stride(from: 0, to: list.count, by: size).map { list[$0..<min($0 + size, list.count)] }
  }

  /// What floating point does to the claim, where that is not negligible: a hundredth of delta or more.
  public var numericsSentence: String? {
    guard let plan = guaranteedPlan else { return nil }
    guard let deviation = numericalDeviation else {
      return
        "The claim is for noise in real arithmetic: for codec \"\(channel.codec.rawValue)\" no bound is known on what floating "
        + "point may choose otherwise."
    }
    let needed = (1 + Elementary.exp(plan.plannedSpending.epsilon)) * deviation
    guard needed > 0.01 * plan.delta else { return nil }
    let bound =
      "floating point may choose what real arithmetic would not with probability \(Text.short(deviation)) at most"
    return plan.numericalDelta > 0
      ? "Over all uploads \(bound): (1 + e^epsilon) times that, \(Text.short(plan.numericalDelta)) of delta, is paid for it."
      : "The claim is for noise in real arithmetic: over all uploads \(bound), and (1 + e^epsilon) times that, "
        + "\(Text.short(needed)), is more than a delta of \(plan.delta) has room for."
  }

  /// What was simulated of the messages; nil where all of them are written.
  public var codedSentence: String? {
    guard guaranteedPlan != nil, codedShare < 1 else { return nil }
    return
      "A share of \(Text.short(codedShare)) of the uploads is written and decoded; the others are simulated, from the same distribution "
      + "of every model."
  }

  /// Whose word the guarantee rests on; nil for a codec of ours.
  public var foreignCodecSentence: String? {
    guard guaranteedPlan != nil, !channel.isBuiltIn else { return nil }
    return
      "Codec \"\(channel.codec.rawValue)\" is not FedSim's own: that its noise is Gaussian, what its payloads tell and how long "
      + "they are is taken at its word."
  }

  /// What may surprise a user about privacy and channel.
  public var warnings: [String] {
    guard let plan else {
      return ["NO PRIVACY: this scenario has no \"privacy\" section: no clipping, no noise, no guarantee."]
    }
    var warnings = foreignCodecSentence.map { [$0] } ?? []
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
    let expected = plan.delta * Double(clientCount)
    if expected > 0.1 {
      warnings.append(
        "delta = \(plan.delta) for \(clientCount) clients: N delta = \(expected) is above 0.1. Delta bounds the chance that a "
          + "client's data are simply exposed.")
    }
    if plan.affordedRounds < settings.rounds {
      warnings.append(
        "the budget pays for \(plan.affordedRounds) of \(settings.rounds) rounds: the run ends there, at epsilon "
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
