import Clients
import JSONText
import Settings

/// What a client does with the broadcast model and its examples.
public struct Training: Sendable {
  /// Passes over the examples in a round, also a part of one; nil where steps are counted.
  public var epochs: Double?
  /// Minibatches in a round; nil where epochs are counted.
  public var steps: Int?
  /// Examples of a step; the last batch of an epoch may be smaller.
  public var batchSize: Int
  /// The rule of a step.
  public var optimizer: any ClientOptimizing
  /// How the optimizer's rate follows the round.
  public var schedule = RateSchedule()
  /// The probability that a drawn client does only a part of its work.
  public var stragglers: Double
  /// Whether the updates of stragglers count.
  public var stragglerUpdates: StragglerUpdates

  public enum StragglerUpdates: String, CaseIterable, SettingValue {
    case keep
    case drop
  }

  public init(
    epochs: Double? = nil, steps: Int? = nil, batchSize: Int = 10, optimizer: any ClientOptimizing,
    schedule: RateSchedule = RateSchedule(), stragglers: Double = 0, stragglerUpdates: StragglerUpdates = .keep
  ) {
    self.schedule = schedule
    self.epochs = epochs
    self.steps = steps
    self.batchSize = batchSize
    self.optimizer = optimizer
    self.stragglers = stragglers
    self.stragglerUpdates = stragglerUpdates
  }

  /// Plain SGD.
  public init(learningRate: Double, batchSize: Int = 10, epochs: Double? = nil) {
    self.init(epochs: epochs, batchSize: batchSize, optimizer: SGD(learningRate: learningRate))
  }

  public static let section = "training"
  /// The key that names the optimizer.
  static let selector = "algorithm"

  static let first = SettingList(
    Training(learningRate: 1),
    [
      Setting(
        "epochs", \.epochs, .number(above: 0, upTo: 1_000_000), .unset("1, or `steps` counts"),
        "passes of a client over its examples in a round; a fraction is so many of its minibatches, rounded up"),
      Setting(
        "steps", \.steps, .integer(1...100_000_000), .unset("`epochs` counts"),
        "minibatches of a client in a round, instead of epochs"),
      Setting(
        "batchSize", \.batchSize, .integer(1...1_000_000), "examples of a step; the last batch may be smaller"),
    ])

  static let last = SettingList(
    Training(learningRate: 1),
    [
      Setting(
        "schedule", \.schedule.writtenKind, .choice(RateSchedule.Kind.self), RateSchedule.kindFallback,
        RateSchedule.kindMeaning),
      Setting(
        "decayRounds", \.schedule.decayRounds, RateSchedule.roundsRange, RateSchedule.decayRoundsFallback,
        RateSchedule.decayRoundsMeaning),
      Setting(
        "decayFactor", \.schedule.decayFactor, .number(0...1), RateSchedule.decayFactorFallback,
        RateSchedule.decayFactorMeaning),
      Setting(
        "warmupRounds", \.schedule.warmupRounds, RateSchedule.roundsRange, RateSchedule.warmupRoundsFallback,
        RateSchedule.warmupRoundsMeaning),
      Setting(
        "stragglers", \.stragglers, .number(0...1),
        "probability that a drawn client does only part of its work: uniform in 1 ... n - 1 of n whole epochs, else of the client's minibatches"
      ),
      Setting(
        "stragglerUpdates", \.stragglerUpdates, .choice(StragglerUpdates.self),
        "whether the updates of stragglers count (FedProx), or they send nothing (FedAvg)"),
    ])

  static func table(_ components: Components) -> SectionTable {
    SectionTable(
      section, .required, "what clients do in a round", first.descriptions,
      kinds: ChoicesDescription(
        components.clientOptimizers, selector: selector, standard: "sgd", "the rule of the clients' steps"),
      last: last.descriptions)
  }

  init(_ values: JSONObject, _ components: Components) throws(KeyProblem) {
    self = Self.first.read(values)
    let end = Self.last.read(values)
    (schedule, stragglers, stragglerUpdates) = (end.schedule, end.stragglers, end.stragglerUpdates)
    optimizer = try components.clientOptimizers.read(values, by: Self.selector)
    if epochs != nil, let steps {
      throw KeyProblem("steps", "found \(steps) beside \"epochs\"", allowed: "one of the two")
    }
    if let problem = schedule.problem { throw problem }
  }

  func values(_ components: Components) -> JSONObject {
    components.clientOptimizers.write(
      optimizer, by: Self.selector, first: Self.first.write(self), last: Self.last.write(self))
  }

  /// How much a client does in a round.
  public var work: LocalWork { steps.map { .steps($0) } ?? .epochs(epochs ?? 1) }

  /// What goes wrong with clients, of which `dropout` is the cohort's.
  package func faults(dropout: Double) -> ClientPool.Faults {
    ClientPool.Faults(dropout: dropout, stragglers: stragglers, dropsStragglers: stragglerUpdates == .drop)
  }
}
