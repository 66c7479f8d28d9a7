import Aggregator
import ChannelCoding
import Clients

/// A checked scenario: what a run does, before data are looked at.
public struct Scenario: Sendable {
  public let name: String
  public let seed: UInt64
  public let rounds: Int
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
  public let codec: CodecName?
  public let codecOptions: CodecOptions
  public let sealsUploads: Bool
  /// Whether payloads must have one length.
  public let hasOneLength: Bool
  public let evaluateEvery: Int
  /// Whether the examples are a library caller's own.
  public let expectsGivenData: Bool
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
    public let relation: Relation
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
    testFraction = keys.number("data.testFraction")
    partition = try Self.partition(keys, file)
    model = try Self.model(keys, file)
    cohort = try Self.cohort(keys, file)
    training = try Self.training(keys, file, dropout: cohort.dropout)
    optimizer = try Self.optimizer(keys, file)
    privacy = try Self.privacy(keys, file)
    algorithm = try Self.algorithm(keys, file, hasPrivacy: privacy != nil)
    codec = CodecName(rawValue: keys.string("channel.codec"))
    codecOptions = CodecOptions(
      draws: keys.integer("channel.draws"), fixedLength: keys.flag("channel.fixedLength"),
      effort: keys.integer("channel.effort"))
    sealsUploads = keys.flag("channel.seal")
    hasOneLength = keys.string("channel.padding") == "fixed-length"
    evaluateEvery = keys.integer("evaluation.every")
    expectsGivenData = keys.string("data.source") == "given"
    self.file = file
    if privacy == nil, let codec, codec != .float32 {
      throw file.error(
        at: "channel.codec",
        "found \"\(codec.rawValue)\" in a run without privacy: its noise is the channel's own",
        allowed: "\"float32\" or \"auto\", or a privacy section")
    }
    if privacy?.source == .central, let codec, codec != .float32 {
      throw file.error(
        at: "channel.codec", "found \"\(codec.rawValue)\" with central noise: its noise is the channel's own",
        allowed: "\"float32\" or \"auto\", or \"channel\" as privacy.noise")
    }
  }

  private static func partition(_ keys: ResolvedKeys, _ file: ScenarioFile) throws(ScenarioError) -> Partition {
    let clients = keys.optional("partition.clients")
    switch (keys.string("partition.kind"), clients) {
    case ("iid", .integer(let count)?): return .iid(clients: count)
    case ("iid", _):
      throw file.error(at: "partition.clients", "\"iid\" needs the number of clients", allowed: "an integer from 1 on")
    case (_, nil): return .oneExample
    case (_, let found?):
      throw file.error(
        at: "partition.clients", "found \(found.summary), but \"one-example\" makes as many clients as examples",
        allowed: "null")
    }
  }

  private static func integers(_ value: JSON?) -> [Int]? {
    guard case .array(let items)? = value else { return nil }
    return items.compactMap { if case .integer(let item) = $0 { item } else { nil } }
  }

  /// A key that only some choices have a use for.
  private static func refuse(
    _ path: String, _ keys: ResolvedKeys, _ file: ScenarioFile, because reason: String
  ) throws(ScenarioError) {
    if let found = keys.optional(path) {
      throw file.error(at: path, "found \(found.summary), but \(reason)", allowed: "null")
    }
  }

  private static func model(_ keys: ResolvedKeys, _ file: ScenarioFile) throws(ScenarioError) -> Model {
    let kind = keys.string("model.kind")
    let hidden = integers(keys.optional("model.hidden"))
    let channels = integers(keys.optional("model.channels"))
    if kind == "perceptron", hidden == nil {
      throw file.error(
        at: "model.hidden", "\"perceptron\" needs the widths of its hidden layers", allowed: "such as [64]")
    }
    if kind == "softmax-regression" {
      try refuse("model.hidden", keys, file, because: "\"softmax-regression\" has no hidden layer")
    }
    guard kind == "convolutional" else {
      for path in ["model.channels", "model.kernel"] {
        try refuse(path, keys, file, because: "\"\(kind)\" has no convolution")
      }
      return Model(hidden: hidden ?? [], channels: [], kernel: 1)
    }
    guard let channels else {
      throw file.error(
        at: "model.channels", "\"convolutional\" needs the outputs of its convolutions", allowed: "such as [16, 32]")
    }
    let kernel = keys.optional("model.kernel") == nil ? 5 : keys.integer("model.kernel")
    guard kernel % 2 == 1 else {
      throw file.error(at: "model.kernel", "found \(kernel)", allowed: "an odd number from 1 to 31")
    }
    return Model(hidden: hidden ?? [], channels: channels, kernel: kernel)
  }

  private static func training(
    _ keys: ResolvedKeys, _ file: ScenarioFile, dropout: Double
  ) throws(ScenarioError) -> Training {
    let work: LocalWork
    switch (keys.optional("training.epochs"), keys.optional("training.steps")) {
    case (.some, .some(let steps)):
      throw file.error(
        at: "training.steps", "found \(steps.summary) beside \"epochs\"", allowed: "one of the two")
    case (nil, .some): work = .steps(keys.integer("training.steps"))
    case (let epochs, nil): work = .epochs(epochs == nil ? 1 : keys.integer("training.epochs"))
    }
    return Training(
      work: work, batchSize: keys.integer("training.batchSize"), learningRate: keys.number("training.learningRate"),
      momentum: keys.number("training.momentum"), proximal: keys.number("training.proximal"),
      faults: ClientPool.Faults(
        dropout: dropout, stragglers: keys.number("training.stragglers"),
        dropsStragglers: keys.string("training.stragglerUpdates") == "drop"))
  }

  private static func optimizer(_ keys: ResolvedKeys, _ file: ScenarioFile) throws(ScenarioError) -> ServerOptimizer {
    let kind = ServerOptimizer.Kind(rawValue: keys.string("server.optimizer")) ?? .fedavg
    let reason = "\"\(kind.rawValue)\" has none"
    // A momentum of 0 is none, whoever has it.
    if kind == .fedavg, keys.optional("server.momentum")?.double != 0 {
      try refuse("server.momentum", keys, file, because: reason)
    }
    if kind != .fedadam && kind != .fedyogi { try refuse("server.beta2", keys, file, because: reason) }
    if kind == .fedavg || kind == .fedavgm { try refuse("server.adaptivity", keys, file, because: reason) }
    return ServerOptimizer(
      kind, learningRate: keys.number("server.learningRate"), momentum: keys.optional("server.momentum")?.double,
      beta2: keys.optional("server.beta2")?.double ?? 0.99,
      adaptivity: keys.optional("server.adaptivity")?.double ?? 1e-3)
  }

  private static func algorithm(
    _ keys: ResolvedKeys, _ file: ScenarioFile, hasPrivacy: Bool
  ) throws(ScenarioError) -> Server.Algorithm {
    let isWeighted = keys.string("server.weighting") == "examples"
    guard keys.string("training.algorithm") == "scaffold" else {
      if isWeighted && hasPrivacy {
        throw file.error(
          at: "server.weighting", "found \"examples\" in a run with privacy: a weight by the number of examples would tell "
            + "of them, and no account has it", allowed: "\"uniform\"")
      }
      return isWeighted ? .weighted : .unweighted
    }
    if hasPrivacy {
      throw file.error(
        at: "training.algorithm",
        "found \"scaffold\" in a run with privacy: its control variates are a second message of the same data, which no account has",
        allowed: "\"sgd\"")
    }
    if isWeighted {
      throw file.error(
        at: "server.weighting", "found \"examples\" with \"scaffold\", whose means are over clients", allowed: "\"uniform\"")
    }
    if keys.number("training.momentum") > 0 {
      throw file.error(
        at: "training.momentum", "found a momentum with \"scaffold\", whose control variates are means of plain steps",
        allowed: "0")
    }
    return .scaffold
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
      relation: Relation(rawValue: keys.string("privacy.relation")) ?? .zeroOut,
      accountant: Accountant(rawValue: keys.string("privacy.accountant")) ?? .pld,
      budget: keys.optional("privacy.budget")?.double)
  }
}
