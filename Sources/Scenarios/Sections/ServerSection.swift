import Aggregator
import JSONText
import Settings

/// What the server does with the mean update.
public struct ServerSection: Sendable {
  public var optimizer: any ServerOptimizing
  public var weighting: Weighting
  /// How the optimizer's rate follows the round.
  public var schedule: RateSchedule

  /// The mean over clients.
  public enum Weighting: String, CaseIterable, SettingValue {
    /// The sum over the expected cohort size.
    case uniform
    /// Weighted by the clients' numbers of examples: for runs without privacy.
    case examples
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
    if let problem = schedule.problem { throw problem }
  }

  func values(_ components: Components) -> JSONObject {
    components.serverOptimizers.write(optimizer, by: Self.selector, first: JSONObject(), last: Self.last.write(self))
  }
}
