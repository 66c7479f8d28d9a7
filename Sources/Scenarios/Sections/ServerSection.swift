import Aggregator
import JSONText
import Settings

/// What the server does with the mean update.
public struct ServerSection: Sendable {
  public var optimizer: any ServerOptimizing
  public var weighting: Weighting
  /// What is made of the updates of a round.
  public var aggregation = Aggregation.mean
  /// What `trimmedMean` cuts at each end; nil for 0.1.
  public var trim: Double?
  /// f of Krum: the hostile updates that a round may have.
  public var byzantine: Int?
  /// How the optimizer's rate follows the round.
  public var schedule: RateSchedule

  /// The mean over clients.
  public enum Weighting: String, CaseIterable, SettingValue {
    /// The sum over the expected cohort size.
    case uniform
    /// Weighted by the clients' numbers of examples: for runs without privacy.
    case examples
  }

  /// What is made of the updates of a round: all but the mean are robust against some hostile clients, and for runs without privacy.
  public enum Aggregation: String, CaseIterable, SettingValue {
    case mean
    case median
    case trimmedMean = "trimmed-mean"
    case krum
    case multiKrum = "multi-krum"
  }

  /// The rule that takes the sum's place; nil for the mean.
  package var rule: (any RobustRule)? {
    switch aggregation {
    case .mean: nil
    case .median: CoordinateMedian()
    case .trimmedMean: TrimmedMean(share: trim ?? 0.1)
    case .krum, .multiKrum: Krum(byzantine: byzantine ?? 0, isMulti: aggregation == .multiKrum)
    }
  }

  public init(
    optimizer: any ServerOptimizing = FedAvg(), weighting: Weighting = .uniform,
    schedule: RateSchedule = RateSchedule()
  ) {
    self.optimizer = optimizer
    self.weighting = weighting
    self.schedule = schedule
  }

  public static let section = "server"
  /// The key that names the optimizer.
  static let selector = "optimizer"

  static let last = SettingList(
    ServerSection(),
    [
      Setting(
        "weighting", \.weighting, .choice(Weighting.self),
        "the mean update: the sum over the expected cohort size, or weighted by the clients' numbers of examples, which is not for runs "
          + "with privacy"),
      Setting(
        "aggregation", \.writtenAggregation, .choice(Aggregation.self), .absent("as for \"mean\""),
        "what takes the mean's place, against hostile clients: a `median` or `trimmed-mean` of each coordinate, or the updates that lie "
          + "nearest to others (`krum`, `multi-krum`); not for runs with privacy (docs/training.md, Robust sums)"),
      Setting(
        "trim", \.trim, .number(0..<0.5), .absent("0.1 for `trimmed-mean`"),
        "share of the updates that `trimmed-mean` cuts at each end of a coordinate, rounded down"),
      Setting(
        "byzantine", \.byzantine, .integer(0...1_000_000), .absent("`krum` and `multi-krum` need it"),
        "f: hostile updates that a round may have; a round of fewer than 2 f + 3 updates moves nothing"),
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
    ])

  /// Absent where it is the mean, however that was said: a run has one scenario.json.
  var writtenAggregation: Aggregation? {
    get { aggregation == .mean ? nil : aggregation }
    set { aggregation = newValue ?? .mean }
  }

  static func table(_ components: Components) -> SectionTable {
    SectionTable(
      section, .defaulted, "what the server does with the mean update", [],
      kinds: ChoicesDescription(
        components.serverOptimizers, selector: selector, standard: FedAvg.name,
        "what the server does with the mean update"), last: last.descriptions)
  }

  init(_ values: JSONObject, _ components: Components) throws(KeyProblem) {
    self = Self.last.read(values)
    optimizer = try components.serverOptimizers.read(values, by: Self.selector)
    if let problem = aggregationProblem ?? schedule.problem { throw problem }
  }

  /// What is wrong with the numbers of robust rules.
  private var aggregationProblem: KeyProblem? {
    let name = aggregation.rawValue
    let isKrum = aggregation == .krum || aggregation == .multiKrum
    if isKrum, byzantine == nil {
      return KeyProblem("byzantine", "the key is missing, and \"\(name)\" needs it", allowed: "an integer from 0 on")
    }
    if !isKrum, let byzantine {
      return KeyProblem("byzantine", "found \(byzantine), but \"\(name)\" has no such number", allowed: "null")
    }
    if aggregation != .trimmedMean, let trim {
      return KeyProblem("trim", "found \(trim), but \"\(name)\" cuts nothing", allowed: "null")
    }
    return nil
  }

  func values(_ components: Components) -> JSONObject {
    components.serverOptimizers.write(optimizer, by: Self.selector, first: JSONObject(), last: Self.last.write(self))
  }
}
