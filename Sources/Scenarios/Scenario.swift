import Aggregator
import ChannelCoding
import Clients
import Datasets
import JSONText
import PrivacyAccounting

/// A checked scenario: what a run does, before data are looked at.
public struct Scenario: Sendable {
  public let name: String
  public let seed: UInt64
  public let rounds: Int
  public let data: DataSource
  /// Share of the examples that a split keeps for the test.
  public let testFraction: Double
  public let partition: Partition
  public let model: Model
  public let training: Training
  public let optimizer: ServerOptimizer
  public let algorithm: Server.Algorithm
  public let cohort: Cohort
  /// Nil: no clipping, no noise, no guarantee.
  public let privacy: Privacy?
  /// Nil for `auto`.
  public var codec: CodecName?
  public var codecOptions: CodecOptions
  public let sealsUploads: Bool
  /// Whether payloads must have one length.
  public let hasOneLength: Bool
  public let evaluateEvery: Int
  /// The text: for messages, and all keys with their defaults.
  public let file: ScenarioFile

  public enum Cohort: Sendable, Equatable {
    case poisson(expectedSize: Int, dropout: Double)
    case fixedSize(size: Int, dropout: Double)
    case everyone(dropout: Double)

    public var dropout: Double {
      switch self {
      case .poisson(_, let dropout), .fixedSize(_, let dropout), .everyone(let dropout): dropout
      }
    }
  }

  public struct Model: Sendable, Equatable {
    /// Widths of hidden layers; none for softmax regression.
    public let hidden: [Int]
    /// Outputs of convolutions; empty for perceptrons.
    public let channels: [Int]
    public let kernel: Int
  }

  public struct Training: Sendable {
    public let work: LocalWork
    public let batchSize: Int
    public let learningRate: Double
    public let momentum: Double
    public let proximal: Double
    public let faults: ClientPool.Faults
  }

  public struct Privacy: Sendable, Equatable {
    /// Of the first round where clipping adapts.
    public let clippingNorm: Double
    public let source: NoiseSource
    public let clipping: Clipping?
    public let noise: PrivacyPlan.Noise
    /// Nil: min(1e-5, N^-1.1).
    public let delta: Double?
    public let relation: NeighboringRelation
    public let accountant: Accountant
    /// A round after which epsilon would be above this is not run.
    public let budget: Double?
  }

  /// Adaptive clipping as written; `countNoise` nil is a twentieth of the expected cohort.
  public struct Clipping: Sendable, Equatable {
    public let quantile: Double
    public let learningRate: Double
    public let countNoise: Double?
  }

  /// - Throws: `ScenarioError` where two keys do not go together.
  public init(_ file: ScenarioFile) throws(ScenarioError) {
    let keys = ResolvedKeys(file.resolved)
    name = keys.string("name")
    seed = UInt64(keys.integer("seed"))
    rounds = keys.integer("rounds")
    let data = try DataSource(keys, file)
    self.data = data
    testFraction = keys.optional("data.testFraction")?.double ?? data.standardTestFraction
    partition = try Partition(keys, file)
    model = try Self.model(keys, file)
    cohort = try Self.cohort(keys, file)
    training = try Self.training(keys, file, dropout: cohort.dropout)
    optimizer = try Self.optimizer(keys, file)
    privacy = try Self.privacy(keys, file)
    algorithm = try Self.algorithm(keys, file, hasPrivacy: privacy != nil)
    let codec = keys.string("channel.codec")
    self.codec = codec == "auto" ? nil : CodecName(rawValue: codec)
    codecOptions = Self.codecOptions(keys)
    sealsUploads = keys.flag("channel.seal")
    hasOneLength = keys.string("channel.padding") == "fixed-length"
    evaluateEvery = keys.integer("evaluation.every")
    self.file = file
    if privacy == nil || privacy?.source == .central { try checkCodecWithoutNoise() }
  }

  private static func codecOptions(_ keys: ResolvedKeys) -> CodecOptions {
    var values = JSONObject()
    for option in CodecRegistry.standard.options { values[option.name] = keys.optional("channel.\(option.name)") }
    return CodecOptions(values)
  }

  /// Where clients add no noise, the codec must take updates as they are.
  private func checkCodecWithoutNoise() throws(ScenarioError) {
    guard let codec else { return }
    let able = CodecRegistry.standard.families.map(\.descriptor).filter(\.worksWithoutNoise).map(\.name)
    guard !able.contains(codec) else { return }
    let found = "found \"\(codec)\""
    let names = (able.map { "\"\($0)\"" } + ["\"auto\""]).joined(separator: " or ")
    throw privacy == nil
      ? file.error(
        at: "channel.codec", "\(found) in a run without privacy: its noise is the channel's own",
        allowed: "\(names), or a privacy section")
      : file.error(
        at: "channel.codec", "\(found) with central noise: its noise is the channel's own",
        allowed: "\(names), or \"channel\" as privacy.noise")
  }

  private static func cohort(_ keys: ResolvedKeys, _ file: ScenarioFile) throws(ScenarioError) -> Cohort {
    let dropout = keys.number("cohort.dropout")
    switch (keys.string("cohort.sampling"), keys.optional("cohort.size")) {
    case ("poisson", .integer(let size)?): return .poisson(expectedSize: size, dropout: dropout)
    case ("fixed-size", .integer(let size)?): return .fixedSize(size: size, dropout: dropout)
    case ("poisson", _), ("fixed-size", _):
      throw file.error(
        at: "cohort.size", "\"\(keys.string("cohort.sampling"))\" needs the number of drawn clients",
        allowed: "an integer from 1 on")
    case (_, nil): return .everyone(dropout: dropout)
    case (_, let found?):
      throw file.error(at: "cohort.size", "found \(found.summary), but \"everyone\" draws all clients", allowed: "null")
    }
  }

  private static func privacy(
    _ keys: ResolvedKeys, _ file: ScenarioFile
  ) throws(ScenarioError) -> Privacy? {
    guard keys.optional("privacy") != nil else { return nil }
    let multiplier = keys.optional("privacy.noiseMultiplier")?.double
    let target = keys.optional("privacy.targetEpsilon")?.double
    let noise: PrivacyPlan.Noise
    switch (multiplier, target) {
    case (let z?, nil): noise = .multiplier(z)
    case (nil, let epsilon?): noise = .targetEpsilon(epsilon)
    default:
      throw file.error(
        at: "privacy",
        multiplier == nil
          ? "found neither \"noiseMultiplier\" nor \"targetEpsilon\""
          : "found both \"noiseMultiplier\" and \"targetEpsilon\"",
        allowed: "exactly one of the two; null unsets the other")
    }
    let quantile = keys.optional("privacy.clippingQuantile")?.double
    if quantile == nil {
      try refuse("privacy.countNoise", keys, file, because: "no clipping quantile, and so no count, is there")
    }
    return Privacy(
      clippingNorm: keys.number("privacy.clippingNorm"),
      source: NoiseSource(rawValue: keys.string("privacy.noise")) ?? .channel,
      clipping: quantile.map {
        Clipping(
          quantile: $0, learningRate: keys.number("privacy.clippingLearningRate"),
          countNoise: keys.optional("privacy.countNoise")?.double)
      }, noise: noise,
      delta: keys.optional("privacy.delta")?.double,
      relation: NeighboringRelation(rawValue: keys.string("privacy.relation")) ?? .zeroOut,
      accountant: Accountant(rawValue: keys.string("privacy.accountant")) ?? .pld,
      budget: keys.optional("privacy.budget")?.double)
  }
}
