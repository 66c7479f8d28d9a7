import Aggregator
import ChannelCoding
import Clients

/// A checked scenario: what a run does, before data are looked at.
public struct Scenario: Sendable {
  public let name: String
  public let seed: UInt64
  public let rounds: Int
  public let data: DataSource
  /// Share of the examples that a split keeps for the test.
  public let testFraction: Double
  public let partition: Partition
  /// Widths of hidden layers; none for softmax regression.
  public let hidden: [Int]
  public let epochs: Int
  public let batchSize: Int
  public let learningRate: Double
  public let optimizer: ServerOptimizer
  public let cohort: Cohort
  /// Nil: no clipping, no noise, no guarantee.
  public let privacy: Privacy?
  /// Nil for `auto`.
  public let codec: CodecName?
  public let codecOptions: CodecOptions
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

  public struct Privacy: Sendable, Equatable {
    public let clippingNorm: Double
    public let noise: PrivacyPlan.Noise
    /// Nil: min(1e-5, N^-1.1).
    public let delta: Double?
    public let relation: Relation
    public let accountant: Accountant
    /// A round after which epsilon would be above this is not run.
    public let budget: Double?
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
    hidden = try Self.hidden(keys, file)
    epochs = keys.integer("training.epochs")
    batchSize = keys.integer("training.batchSize")
    learningRate = keys.number("training.learningRate")
    optimizer = .fedavg(learningRate: keys.number("server.learningRate"))
    cohort = try Self.cohort(keys, file)
    privacy = try Self.privacy(keys, file)
    codec = CodecName(rawValue: keys.string("channel.codec"))
    codecOptions = CodecOptions(
      draws: keys.integer("channel.draws"), fixedLength: keys.flag("channel.fixedLength"),
      effort: keys.integer("channel.effort"))
    sealsUploads = keys.flag("channel.seal")
    hasOneLength = keys.string("channel.padding") == "fixed-length"
    evaluateEvery = keys.integer("evaluation.every")
    self.file = file
    if privacy == nil, let codec, codec != .float32 {
      throw file.error(
        at: "channel.codec",
        "found \"\(codec.rawValue)\" in a run without privacy: its noise is the channel's own",
        allowed: "\"float32\" or \"auto\", or a privacy section")
    }
  }

  private static func hidden(_ keys: ResolvedKeys, _ file: ScenarioFile) throws(ScenarioError) -> [Int] {
    let hidden = keys.optional("model.hidden")
    switch (keys.string("model.kind"), hidden) {
    case ("perceptron", .array(let widths)?):
      return widths.compactMap { if case .integer(let width) = $0 { width } else { nil } }
    case ("perceptron", _):
      throw file.error(
        at: "model.hidden", "\"perceptron\" needs the widths of its hidden layers", allowed: "such as [64]")
    case (_, nil): return []
    case (_, let found?):
      throw file.error(
        at: "model.hidden", "found \(found.summary), but \"softmax-regression\" has no hidden layer", allowed: "null")
    }
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
    return Privacy(
      clippingNorm: keys.number("privacy.clippingNorm"), noise: noise,
      delta: keys.optional("privacy.delta")?.double,
      relation: Relation(rawValue: keys.string("privacy.relation")) ?? .zeroOut,
      accountant: Accountant(rawValue: keys.string("privacy.accountant")) ?? .pld,
      budget: keys.optional("privacy.budget")?.double)
  }
}
