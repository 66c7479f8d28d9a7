/// How epsilon is computed from events.
public enum Accountant: String, Sendable, CaseIterable {
  /// Privacy loss distributions: two-sided, for every kind of round.
  case pld
  /// Renyi divergences of real order: an upper bound for Poisson cohorts and for everyone.
  case rdp
  /// The closed form of the Gaussian mechanism: exact, for everyone only.
  case gaussian

  /// Epsilon after some rounds, and how much is known of it from below.
  public struct Spending: Sendable, Equatable {
    /// A proved upper bound; infinite where none is finite.
    public let epsilon: Double
    /// A proved lower bound of the mechanism's epsilon, for updates that exist; nil where the accountant has none.
    public let lowerBound: Double?

    public init(epsilon: Double, lowerBound: Double?) {
      self.epsilon = epsilon
      self.lowerBound = lowerBound
    }
  }

  /// How close both bounds should be, relative to epsilon.
  public enum Precision: Sendable {
    /// About 10^-6.
    case fine
    /// About 10^-3, in a few milliseconds.
    case coarse

    var relative: Double? { self == .fine ? nil : 5e-4 }
  }

  /// - Throws: `PrivacyRefusal` where there is no proof.
  public func spending(
    _ ledger: PrivacyLedger, delta: Double, precision: Precision = .fine
  ) throws(PrivacyRefusal) -> Spending {
    guard delta > 0 && delta < 1 else {
      throw .unproved("delta must be above 0 and below 1, found \(delta)")
    }
    let (dominating, attained) = try ledger.pairs()
    switch self {
    case .pld:
      let bounds = LossAccountant(dominating).epsilon(delta: delta, precision: precision.relative)
      let below =
        dominating.map(\.pair) == attained.map(\.pair)
        ? bounds.lower : LossAccountant(attained).epsilon(delta: delta, precision: precision.relative).lower
      var upper = bounds.upper
      if upper > 1.01 * bounds.lower, let rounds = try? renyiRounds(dominating) {
        // Losses so wide that the grid is coarse: Renyi divergences may do better, and both are bounds.
        upper = min(upper, RenyiAccountant(rounds: rounds).epsilon(delta: delta))
      }
      return Spending(epsilon: upper, lowerBound: min(below, upper))
    case .gaussian:
      let mu = try gaussianMean(dominating)
      let epsilon = GaussianProfile(mu: mu).epsilon(delta: delta)
      return Spending(epsilon: epsilon * (1 + 1e-9), lowerBound: epsilon * (1 - 1e-9))
    case .rdp:
      return Spending(
        epsilon: RenyiAccountant(rounds: try renyiRounds(dominating)).epsilon(delta: delta), lowerBound: nil)
    }
  }

  /// Both bounds of delta at an epsilon; no lower one from "rdp".
  public func delta(
    _ ledger: PrivacyLedger, epsilon: Double, precision: Precision = .fine
  ) throws(PrivacyRefusal) -> (delta: Double, lowerBound: Double?) {
    guard epsilon >= 0 && epsilon.isFinite else { throw .unproved("epsilon must be at least 0, found \(epsilon)") }
    let (dominating, attained) = try ledger.pairs()
    switch self {
    case .pld:
      let bounds = LossAccountant(dominating).delta(epsilon: epsilon, precision: precision.relative)
      let below =
        dominating.map(\.pair) == attained.map(\.pair)
        ? bounds.lower : LossAccountant(attained).delta(epsilon: epsilon, precision: precision.relative).lower
      return (bounds.upper, below)
    case .gaussian:
      let delta = GaussianProfile(mu: try gaussianMean(dominating)).delta(epsilon: epsilon)
      return (min(1, delta * (1 + 1e-9)), delta * (1 - 1e-9))
    case .rdp:
      return (RenyiAccountant(rounds: try renyiRounds(dominating)).delta(epsilon: epsilon), nil)
    }
  }

  /// Where cohorts may be cut with probability `truncation` at most: from above the rounds have delta less that, from below the
  /// mechanism has at least what the rounds have at delta and that (docs/privacy.md).
  public func spending(
    _ ledger: PrivacyLedger, delta: Double, truncation: Double, precision: Precision = .fine
  ) throws(PrivacyRefusal) -> Spending {
    guard truncation > 0 else { return try spending(ledger, delta: delta, precision: precision) }
    guard truncation < delta else {
      throw .unproved(
        "cohorts that are cut, and rounding, take a delta of \(truncation) alone, which leaves nothing of \(delta)")
    }
    let upper = try spending(ledger, delta: delta - truncation, precision: precision)
    guard upper.lowerBound != nil, delta + truncation < 1 else {
      return Spending(epsilon: upper.epsilon, lowerBound: nil)
    }
    let lower = try spending(ledger, delta: delta + truncation, precision: precision).lowerBound
    return Spending(epsilon: upper.epsilon, lowerBound: lower.map { min($0, upper.epsilon) })
  }

  public func spending(
    _ event: PrivacyEvent, rounds: Int, delta: Double, precision: Precision = .fine
  ) throws(PrivacyRefusal) -> Spending {
    try spending(PrivacyLedger(event, rounds: rounds), delta: delta, precision: precision)
  }

  private func gaussianMean(_ rounds: [(pair: DominatingPair, count: Int)]) throws(PrivacyRefusal) -> Double {
    var square = 0.0
    for (pair, count) in rounds {
      guard pair.kind == .gaussian else {
        throw .unproved(
          "the \"gaussian\" accountant is for cohorts of everyone: the central limit approximation for sampled cohorts "
            + "is not an upper bound; use \"pld\"")
      }
      square += Double(count) / (pair.scale * pair.scale)
    }
    return square.squareRoot()
  }

  private func renyiRounds(
    _ rounds: [(pair: DominatingPair, count: Int)]
  ) throws(PrivacyRefusal) -> [(pair: SubsampledGaussian, count: Int)] {
    var list: [(pair: SubsampledGaussian, count: Int)] = []
    for (pair, count) in rounds {
      switch pair.kind {
      case .gaussian, .subsampled:
        list.append((SubsampledGaussian(samplingRate: pair.rate, noiseMultiplier: pair.scale), count))
      default:
        throw .unproved(
          "the \"rdp\" accountant has Renyi divergences of the Poisson-subsampled Gaussian only, not of this cohort under "
            + "this relation; use \"pld\"")
      }
    }
    return list
  }

  /// The theorem behind the number, for whoever reads it.
  public var theorem: String {
    switch self {
    case .pld:
      "privacy loss distribution of the dominating pair, composed in both directions: connect-the-dots upper bound "
        + "(Doroshenko et al. 2022), convex lower bound (docs/privacy.md), rounding added outward"
    case .rdp:
      "Renyi DP of the Poisson-subsampled Gaussian (Mironov, Talwar & Zhang 2019), composed by order, converted by "
        + "Canonne, Kamath & Steinke 2020, Proposition 12: an upper bound, and no tight one"
    case .gaussian:
      "privacy profile of the Gaussian mechanism (Balle & Wang 2018, Theorem 8): exact"
    }
  }
}
