import Aggregator
import PrivacyAccounting
import Settings

/// Differential privacy: clipping, noise, and how what they cost is accounted for. Without this section nothing is clipped, and
/// nothing is guaranteed.
public struct Privacy: ScenarioSection, Equatable {
  /// C, the bound on the L2 norm of a client's update; of the first round where clipping adapts.
  public var clippingNorm: Double
  /// z, the standard deviation of the noise on the sum of updates over C. Exactly one of this and `targetEpsilon` is set.
  public var noiseMultiplier: Double?
  /// The epsilon of the whole run that the noise is calibrated to.
  public var targetEpsilon: Double?
  /// Where the noise comes from.
  public var noise: NoiseSource
  /// The share of updates that adaptive clipping leaves as they are; nil for a fixed clipping norm.
  public var clippingQuantile: Double?
  /// The rate by which adaptive clipping moves C.
  public var clippingLearningRate: Double
  /// The standard deviation of the noise on adaptive clipping's count; nil for a twentieth of the expected cohort.
  public var countNoise: Double?
  /// The delta of (epsilon, delta); nil for min(1e-5, N^-1.1).
  public var delta: Double?
  /// Which data sets are neighbors.
  public var relation: NeighboringRelation
  /// How epsilon is computed.
  public var accountant: Accountant
  /// The epsilon that no round may go beyond: the first that would is not run. Nil for none.
  public var budget: Double?

  public init(
    clippingNorm: Double, noiseMultiplier: Double? = nil, targetEpsilon: Double? = nil, noise: NoiseSource = .channel,
    clippingQuantile: Double? = nil, clippingLearningRate: Double = 0.2, countNoise: Double? = nil,
    delta: Double? = nil, relation: NeighboringRelation = .zeroOut, accountant: Accountant = .pld,
    budget: Double? = nil
  ) {
    self.clippingNorm = clippingNorm
    self.noiseMultiplier = noiseMultiplier
    self.targetEpsilon = targetEpsilon
    self.noise = noise
    self.clippingQuantile = clippingQuantile
    self.clippingLearningRate = clippingLearningRate
    self.countNoise = countNoise
    self.delta = delta
    self.relation = relation
    self.accountant = accountant
    self.budget = budget
  }

  public static let section = "privacy"

  public static let keys = SettingList(
    Privacy(clippingNorm: 1),
    [
      Setting(
        "clippingNorm", \.clippingNorm, .number(1e-9...1e9), .required, "C: bound on the L2 norm of a client's update"),
      Setting(
        "noiseMultiplier", \.noiseMultiplier, .number(0.01...1e6), .unset("computed from `targetEpsilon`"),
        "z: standard deviation of the noise on the sum of updates over C; exactly one of this and `targetEpsilon`"),
      Setting(
        "targetEpsilon", \.targetEpsilon, .number(1e-3...1e4), .unset("`noiseMultiplier` is given"),
        "epsilon of the whole run that the noise is calibrated to"),
      Setting(
        "noise", \.noise, .choice(NoiseSource.self),
        "where the noise comes from: through the code of each client, or `central`, added by a server that sees plain updates, a baseline "
          + "to compare with (`channel.codec` is then `float32`)"),
      Setting(
        "clippingQuantile", \.clippingQuantile, .fraction, .unset("the clipping norm is fixed"),
        "adaptive clipping: the share of updates that C should not clip; `clippingNorm` is the first C, and z covers the count too"
      ),
      Setting(
        "clippingLearningRate", \.clippingLearningRate, .number(above: 0, upTo: 10),
        "adaptive clipping: C becomes C exp(-rate (share - quantile))"),
      Setting(
        "countNoise", \.countNoise, .number(0.01...1e6),
        .unset("a twentieth of the expected cohort, for adaptive clipping"),
        "adaptive clipping: standard deviation of the noise on the number of updates that are not clipped",
        objection: { $0.clippingQuantile == nil ? "no clipping quantile, and so no count, is there" : nil }),
      Setting(
        "delta", \.delta, .number(1e-300..<1), .unset("min(1e-5, N^-1.1) for N clients"),
        "the delta of (epsilon, delta); at least 1/N only where it is written here"),
      Setting(
        "relation", \.relation, .choice(["zero-out", "add-or-remove", "replace-one"], later: []),
        "which data sets are neighbors; the unit is a client with all its examples"),
      Setting(
        "accountant", \.accountant, .choice(Accountant.self),
        "how epsilon is computed: `pld` from above and below for every cohort and relation, `rdp` (upper bounds) and `gaussian` "
          + "(everyone) as cross-checks"),
      Setting(
        "budget", \.budget, .number(1e-3...1e4), .unset("no budget"),
        "stop before the first round after which epsilon would be above this; what was done is kept"),
    ])

  public var problem: KeyProblem? {
    guard (noiseMultiplier == nil) == (targetEpsilon == nil) else { return nil }
    return KeyProblem(
      "",
      noiseMultiplier == nil
        ? "found neither \"noiseMultiplier\" nor \"targetEpsilon\""
        : "found both \"noiseMultiplier\" and \"targetEpsilon\"",
      allowed: "exactly one of the two; null unsets the other")
  }

  /// The noise multiplier, or the epsilon that it is computed from.
  package var calibration: PrivacyPlan.Noise {
    if let noiseMultiplier { return .multiplier(noiseMultiplier) }
    guard let targetEpsilon else { preconditionFailure("a checked section has one of the two") }
    return .targetEpsilon(targetEpsilon)
  }

  /// Adaptive clipping for an expected cohort; nil for a fixed clipping norm.
  package func adaptiveClipping(expectedCohort: Double, arrivalRate: Double) -> AdaptiveClipping? {
    clippingQuantile.map {
      AdaptiveClipping(
        quantile: $0, learningRate: clippingLearningRate, countNoise: countNoise ?? expectedCohort / 20,
        arrivalRate: arrivalRate)
    }
  }
}

extension NoiseSource: SettingValue {}
extension NeighboringRelation: SettingValue {}
extension Accountant: SettingValue {}
