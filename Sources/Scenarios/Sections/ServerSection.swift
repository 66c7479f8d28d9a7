import Aggregator
import JSONText
import Settings

/// What the server does with the mean update.
public struct ServerSection: Sendable {
  public var optimizer: any ServerOptimizing
  public var weighting: Weighting

  /// The mean over clients.
  public enum Weighting: String, CaseIterable, SettingValue {
    /// The sum over the expected cohort size.
    case uniform
    /// Weighted by the clients' numbers of examples: for runs without privacy.
    case examples
  }

  public init(optimizer: any ServerOptimizing = FedAvg(), weighting: Weighting = .uniform) {
    self.optimizer = optimizer
    self.weighting = weighting
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
          + "with privacy")
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
  }

  func values(_ components: Components) -> JSONObject {
    components.serverOptimizers.write(optimizer, by: Self.selector, first: JSONObject(), last: Self.last.write(self))
  }
}
