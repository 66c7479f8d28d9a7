import PrivacyAccounting
import Settings

/// How the clients of a round are drawn.
public struct Cohort: ScenarioSection, Equatable {
  public var sampling: Sampling.Name
  /// The number of drawn clients, the expected one for Poisson sampling; nil where everyone is drawn.
  public var size: Int?
  /// The probability that a drawn client sends nothing.
  public var dropout: Double
  /// Whether cohorts, the order of batches, and the coins of dropouts and stragglers follow from the seed alone, as those of every other run
  /// with this seed of which that is true: runs can then be compared in pairs.
  public var isCommon = false
  /// The share of the clients that send a multiple of their updates; nil for none.
  public var byzantine: Double?
  /// What they multiply by; nil for -10.
  public var byzantineFactor: Double?

  public init(sampling: Sampling.Name, size: Int? = nil, dropout: Double = 0) {
    self.sampling = sampling
    self.size = size
    self.dropout = dropout
  }

  /// Each client on its own, with the same probability.
  public static func poisson(expectedSize: Int, dropout: Double = 0) -> Cohort {
    Cohort(sampling: .poisson, size: expectedSize, dropout: dropout)
  }

  /// A uniform subset of `size` clients.
  public static func fixedSize(_ size: Int, dropout: Double = 0) -> Cohort {
    Cohort(sampling: .fixedSize, size: size, dropout: dropout)
  }

  /// All clients in every round.
  public static let everyone = Cohort(sampling: .everyone)

  public static let section = "cohort"

  public static let keys = SettingList(
    Cohort(sampling: .everyone),
    [
      Setting(
        "sampling", \.sampling, .choice(["poisson", "fixed-size", "everyone"], later: []), .required,
        "how the clients of a round are drawn; at fixed size a client that is left out makes room for another, which costs far more "
          + "epsilon at the same noise"),
      Setting(
        "size", \.size, .integer(1...10_000_000), .unset("needed for `poisson` and `fixed-size`"),
        "number of drawn clients, the expected one for `poisson`: sampling rate q = size / clients",
        objection: { $0.sampling == .everyone ? "\"everyone\" draws all clients" : nil }),
      Setting(
        "dropout", \.dropout, .number(0..<1),
        "probability that a drawn client sends nothing; the sum is divided by the expected cohort all the same"),
      Setting(
        "common", \.writtenCommon, .flag, .absent("as for false: the run has them for itself"),
        "true: cohorts, the order of batches, and the coins of dropouts and stragglers follow from `seed` alone, so that runs of one seed "
          + "have them in common and can be compared in pairs (`sweep.common` sets it); noise stays the run's own"),
      Setting(
        "byzantine", \.byzantine, .number(above: 0, upTo: 1), .absent("none"),
        "share of the clients that are hostile: they send `byzantineFactor` times their update, to try `server.aggregation`; not for runs "
          + "with privacy"),
      Setting(
        "byzantineFactor", \.byzantineFactor, .number(-1e6...1e6), .absent("-10"),
        "what hostile clients multiply their updates by",
        objection: { $0.byzantine == nil ? "no client is hostile without `byzantine`" : nil }),
    ])

  /// Absent where it is false, however that was said: a run has one scenario.json.
  package var writtenCommon: Bool? {
    get { isCommon ? true : nil }
    set { isCommon = newValue ?? false }
  }

  public var problem: KeyProblem? {
    guard sampling != .everyone, size == nil else { return nil }
    return KeyProblem(
      "size", "\"\(sampling.rawValue)\" needs the number of drawn clients", allowed: "an integer from 1 on")
  }
}

extension Sampling.Name: SettingValue {}
