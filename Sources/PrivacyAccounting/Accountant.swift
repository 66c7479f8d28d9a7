import Platform

/// How epsilon is computed from events.
public enum Accountant: String, Sendable, CaseIterable {
  /// Privacy loss distributions: two-sided, for every kind of round.
  case pld
  /// Renyi divergences of real order: an upper bound for Poisson cohorts and for everyone.
  case rdp
  /// The closed form of the Gaussian mechanism: exact, for everyone only.
  case gaussian

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
  ) throws(PrivacyRefusal) -> PrivacySpent {
    guard delta > 0 && delta < 1 else {
      throw .unproved("delta must be above 0 and below 1, found \(delta)")
    }
    let dominating = try ledger.pairs().dominating
    switch self {
    case .pld:
      let bounds = try ordered(ledger, .epsilon(delta: delta), precision)
      return PrivacySpent(epsilon: bounds.upper, lowerBound: bounds.attained, pairLowerBound: bounds.lower)
    case .gaussian:
      let mu = try gaussianMean(dominating)
      let epsilon = GaussianProfile(mu: mu).epsilon(delta: delta)
      return PrivacySpent(epsilon: epsilon * (1 + 1e-9), lowerBound: epsilon * (1 - 1e-9))
    case .rdp:
      return PrivacySpent(
        epsilon: RenyiAccountant(rounds: try renyiRounds(dominating)).epsilon(delta: delta), lowerBound: nil)
    }
  }

  /// Both bounds of delta at an epsilon; no lower one from "rdp".
  public func delta(
    _ ledger: PrivacyLedger, epsilon: Double, precision: Precision = .fine
  ) throws(PrivacyRefusal) -> (delta: Double, lowerBound: Double?) {
    guard epsilon >= 0 && epsilon.isFinite else { throw .unproved("epsilon must be at least 0, found \(epsilon)") }
    let dominating = try ledger.pairs().dominating
    switch self {
    case .pld:
      let bounds = try ordered(ledger, .delta(epsilon: epsilon), precision)
      return (bounds.upper, bounds.attained)
    case .gaussian:
      let delta = GaussianProfile(mu: try gaussianMean(dominating)).delta(epsilon: epsilon)
      return (min(1, delta * (1 + 1e-9) + GaussianProfile.least), max(0, delta * (1 - 1e-9) - GaussianProfile.least))
    case .rdp:
      return (RenyiAccountant(rounds: try renyiRounds(dominating)).delta(epsilon: epsilon), nil)
    }
  }

  /// Bounds of what is asked: from above, of the composed pairs from below, and of what updates that exist attain.
  private struct PairBounds {
    var upper: Double
    var lower: Double
    var attained: Double

    /// Whether the computation, not the theorem, keeps them apart by more than this share.
    func isLoose(_ share: Double) -> Bool { upper > lower * (1 + share) }
  }

  /// What the ledger's own pairs give.
  private func own(
    _ ledger: PrivacyLedger, _ query: LossComposition.Query, _ precision: Precision
  ) throws(PrivacyRefusal) -> PairBounds {
    let (dominating, attained) = try ledger.pairs()
    let bounds = { (pairs: [(pair: DominatingPair, count: Int)]) -> LossComposition.Bounds in
      switch query {
      case .epsilon(let delta): LossAccountant(pairs).epsilon(delta: delta, precision: precision.relative)
      case .delta(let epsilon): LossAccountant(pairs).delta(epsilon: epsilon, precision: precision.relative)
      }
    }
    let whole = bounds(dominating)
    let isAttained = dominating.map(\.pair) == attained.map(\.pair)
    var found = PairBounds(
      upper: whole.upper, lower: whole.lower, attained: isAttained ? whole.lower : bounds(attained).lower)
    if found.isLoose(0.01), let rounds = try? renyiRounds(dominating) {
      // Losses so wide that the grid is coarse: Renyi divergences may do better, and both are bounds.
      switch query {
      case .epsilon(let delta): found.upper = min(found.upper, RenyiAccountant(rounds: rounds).epsilon(delta: delta))
      case .delta(let epsilon): found.upper = min(found.upper, RenyiAccountant(rounds: rounds).delta(epsilon: epsilon))
      }
    }
    found.attained = min(found.attained, found.upper)
    return found
  }

  private static func areSame(
    _ first: [(pair: DominatingPair, count: Int)], _ second: [(pair: DominatingPair, count: Int)]
  ) -> Bool {
    first.count == second.count && zip(first, second).allSatisfy { $0.pair == $1.pair && $0.count == $1.count }
  }

  /// With what is known of relations and cohorts that this one contains, and of those that contain it (docs/privacy.md): bounds that are
  /// worse than theirs are replaced by theirs, and upper bounds never stand in the wrong order.
  private func ordered(
    _ ledger: PrivacyLedger, _ query: LossComposition.Query, _ precision: Precision
  ) throws(PrivacyRefusal) -> PairBounds {
    let loose = precision == .fine ? 1e-5 : 1e-2
    var found = try own(ledger, query, precision)
    if found.isLoose(loose) {
      for stronger in ledger.stronger {
        found.upper = min(found.upper, try own(stronger, query, precision).upper)
      }
    }
    guard precision == .fine || found.isLoose(loose) else { return found }
    let pairs = try ledger.pairs()
    for weaker in ledger.weaker {
      // The same pairs have the same bounds.
      let theirs = try weaker.pairs()
      if Self.areSame(theirs.dominating, pairs.dominating), Self.areSame(theirs.attained, pairs.attained) { continue }
      var other = try own(weaker, query, .coarse)
      found.lower = max(found.lower, other.attained)
      found.attained = max(found.attained, other.attained)
      // Far below: no need to know precisely.
      guard precision == .fine, other.upper * 1.01 > found.upper || found.isLoose(loose) else { continue }
      other = try own(weaker, query, precision)
      found.lower = max(found.lower, other.attained)
      found.attained = max(found.attained, other.attained)
      // What the weaker one is reported with: this one's bound where that is less and its own is loose.
      found.upper = max(found.upper, other.isLoose(loose) ? min(other.upper, found.upper) : other.upper)
    }
    return found
  }

  /// Where cohorts may be cut with probability `truncation` at most: from above the rounds have delta less that. From below cutting moves
  /// P(A) and Q(A) by up to that each, P(A) - e^epsilon Q(A) by (1 + e^epsilon) of it, and by once only where Q is what
  /// it is however many are cut (docs/privacy.md).
  public func spending(
    _ ledger: PrivacyLedger, delta: Double, truncation: Double, precision: Precision = .fine
  ) throws(PrivacyRefusal) -> PrivacySpent {
    guard truncation > 0 else { return try spending(ledger, delta: delta, precision: precision) }
    guard truncation < delta else {
      throw .unproved(
        "cohorts that are cut, and rounding, take a delta of \(truncation) alone, which leaves nothing of \(delta)")
    }
    let upper = try spending(ledger, delta: delta - truncation, precision: precision)
    guard upper.lowerBound != nil else { return PrivacySpent(epsilon: upper.epsilon, lowerBound: nil) }
    var lower = 0.0
    var guess = upper.epsilon
    if self == .pld, let pairs = try forwardPairs(ledger), delta + truncation < 1 {
      lower =
        LossAccountant(pairs, directions: [.remove]).epsilon(delta: delta + truncation, precision: precision.relative)
        .lower
      // The other direction has the factor and is seldom larger: not looked at.
      guess = 0
    }
    // A bound x at delta + (1 + e^y) tau is one of the mechanism where x <= y: any y will do, and the least that does is the best.
    for _ in 0..<4 where guess > lower && guess < 600 {
      let charged = delta + truncation * (1 + exp(guess))
      guard charged < 1, let found = try spending(ledger, delta: charged, precision: .coarse).lowerBound else {
        guess = max(lower, 0.7 * guess)
        continue
      }
      if found <= guess { lower = max(lower, found) }
      guess = (guess + found) / 2
    }
    return PrivacySpent(
      epsilon: upper.epsilon, lowerBound: min(lower, upper.epsilon),
      pairLowerBound: upper.pairLowerBound)
  }

  /// Both bounds of delta at an epsilon where cohorts may be cut.
  public func delta(
    _ ledger: PrivacyLedger, epsilon: Double, truncation: Double, precision: Precision = .fine
  ) throws(PrivacyRefusal) -> (delta: Double, lowerBound: Double?) {
    let whole = try delta(ledger, epsilon: epsilon, precision: precision)
    guard truncation > 0 else { return whole }
    guard let below = whole.lowerBound else { return (min(1, whole.delta + truncation), nil) }
    var lower = max(0, below - truncation * (1 + exp(min(epsilon, 700))))
    if self == .pld, let pairs = try forwardPairs(ledger) {
      let forward = LossAccountant(pairs, directions: [.remove]).delta(epsilon: epsilon, precision: precision.relative)
      lower = max(lower, forward.lower - truncation)
    }
    return (min(1, whole.delta + truncation), lower)
  }

  /// Pairs whose second law is noise alone, where all others send zero: then it is the same however many are cut. Nil for other rounds.
  private func forwardPairs(_ ledger: PrivacyLedger) throws(PrivacyRefusal) -> [(pair: DominatingPair, count: Int)]? {
    let isForward = ledger.rounds.allSatisfy { part in
      guard case .event(let event) = part.entry else { return false }
      return event.isForward
    }
    return isForward ? try ledger.pairs().attained : nil
  }

  public func spending(
    _ event: PrivacyEvent, rounds: Int, delta: Double, precision: Precision = .fine
  ) throws(PrivacyRefusal) -> PrivacySpent {
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
