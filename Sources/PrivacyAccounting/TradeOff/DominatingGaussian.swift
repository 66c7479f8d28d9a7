import Platform

/// The Gaussian mechanisms whose trade-off curve G_mu(a) = Phi(Phi^-1(1 - a) - mu) lies below f, and zCDP's rho: what Gaussian differential privacy
/// and concentrated differential privacy say of the rounds of a ledger.
public struct DominatingGaussian: Sendable, Equatable {
  /// A bound from above of what is wanted, and one from below.
  public struct Bounds: Sendable, Equatable {
    public let upper: Double
    public let lower: Double
  }

  /// The smallest mu with G_mu <= f on all of [0, 1]; nil where there is none, for the reason of `refusal`.
  ///
  /// *Above:* rounds with a sampling rate of 1 dominate those of any rate (docs/privacy.md, Monotone in q), and are Gaussian: mu^2 is the sum of
  /// their 1 / s^2. Of a round with pure epsilon it is -2 Phi^-1(1 / (1 + e^epsilon)), the corner of its curve. *Below:* sampling does not help
  /// where it is least likely to matter. Let x be the sum of the rounds' outcomes and S = {x > s}: with probability q^T the client is drawn in each of T rounds, so
  /// P(S) >= q^T Pr[N(T, T z^2) > s], Q(S) <= Pr[N(0, T z^2) > s], and G_mu <= f asks q^T PhiBar(y - sqrt(T) / z) <= PhiBar(y - mu) at
  /// every y = s / (sqrt(T) z), which for large y is true for no mu < sqrt(T) / z.
  public let everywhere: Bounds?
  /// Why no Gaussian mechanism is proved to dominate.
  public let refusal: String?
  /// The type I errors between which `within` dominates, and the same type II errors: f is proved no finer beyond.
  public let leastError: Double
  /// The delta by which f may lie below G_mu beyond `leastError`.
  public let delta: Double
  /// The smallest mu with G_mu(a) <= f(a) where `leastError` <= a <= 1 - delta and f(a) is no less either: f >= G_mu - delta everywhere. Its lower bound is nil where f
  /// has no upper bound. Nil where f is 0.
  public let within: (upper: Double, lower: Double?)?
  /// The smallest rho with D_a(P || Q) <= rho a at every order a > 1 [Bun & Steinke 2016]; nil where there is none. Sampling does not make it smaller: as a grows
  /// D_a / a goes to that of rounds without it.
  public let rho: Bounds?

  public static func == (a: Self, b: Self) -> Bool {
    a.everywhere == b.everywhere && a.refusal == b.refusal && a.leastError == b.leastError && a.delta == b.delta
      && a.within?.upper == b.within?.upper && a.within?.lower == b.within?.lower && a.rho == b.rho
  }

  /// - Parameters:
  ///   - ledger: the rounds.
  ///   - truncation: the part of delta that is spent for something else.
  ///   - lower: f from below.
  ///   - upper: f from above.
  init(
    _ ledger: PrivacyLedger, truncation: Double, lower: TradeOffCurve, upper: TradeOffCurve?
  ) throws(PrivacyRefusal) {
    let pairs = try ledger.pairs()
    var (whole, attained) = (Concentration(), Concentration())
    for (pair, count) in pairs.dominating { whole.add(pair, Double(count)) }
    // What is attained bounds from below: a dominating pair need not be one that two data sets have.
    for (pair, count) in pairs.attained { attained.add(pair, Double(count)) }
    if truncation > 0 { whole.lost = max(whole.lost, truncation) }
    if whole.lost > 0 {
      refusal =
        "with a delta of \(whole.lost) nothing is proved, and the proved f(0), 1 - delta, is below the 1 of every Gaussian mechanism"
    } else {
      refusal = nil
    }
    let corners = lower.corners.dropFirst()
    delta = lower.corners.first?.power ?? 1
    // A curve without corners is the line from (0, 1 - delta) to its mirror image: with a delta nothing is said of any error.
    leastError = corners.first?.typeIError ?? (1 - delta) / 2
    within =
      delta < 1 && !(corners.isEmpty && delta > 0) ? Self.within(corners, upper: upper, leastError: leastError) : nil
    let isWhole = whole.lost == 0
    let least = max(attained.leastMu, within?.lower ?? 0)
    everywhere =
      isWhole ? .init(upper: whole.mu * (1 + 1e-12), lower: min(least * (1 - 1e-12), whole.mu * (1 + 1e-12))) : nil
    rho = isWhole ? .init(upper: whole.rho * (1 + 1e-12), lower: attained.leastRho * (1 - 1e-12)) : nil
  }

  /// The mu of a lower curve is decided at its corners: G_mu is convex, so that where it is below both ends of a straight line it is below all of it. At a
  /// corner (a, b) it is G_mu(a) <= b, that is mu >= Phi^-1(1 - a) - Phi^-1(b). Beyond the first corner (a, b) the curve comes from (0, 1 - delta): G_mu, convex and at
  /// most 1 and b at the two ends, is nowhere above it by more than delta. The other half is the mirror image.
  private static func within(
    _ corners: ArraySlice<TradeOffCurve.Corner>, upper: TradeOffCurve?, leastError: Double
  ) -> (upper: Double, lower: Double?)? {
    let mean = { (corner: TradeOffCurve.Corner) in
      Normal.upperTailPoint(corner.typeIError) - Normal.upperTailPoint(corner.power)
    }
    guard !corners.isEmpty else { return (0, upper == nil ? nil : 0) }
    guard corners.allSatisfy({ $0.power < 1 }) else { return nil }
    let above = corners.map(mean).max() ?? 0
    let below = upper.map { curve in
      curve.corners.filter { $0.typeIError > leastError && $0.power > 0 }.map(mean).max() ?? 0
    }
    return (max(0, above) * (1 + 1e-12) + 1e-14, below.map { max(0, min($0, above) * (1 - 1e-12) - 1e-14) })
  }
}

/// What Gaussian and concentrated differential privacy add up: squares of mu, and rho.
private struct Concentration {
  private var square = 0.0
  private var leastSquare = 0.0
  private(set) var rho = 0.0
  private(set) var leastRho = 0.0
  /// The largest delta of a round of which no more is known.
  var lost = 0.0

  var mu: Double { square.squareRoot() }
  var leastMu: Double { leastSquare.squareRoot() }

  mutating func add(_ pair: DominatingPair, _ count: Double) {
    let unit = count / (pair.scale * pair.scale)
    switch pair.kind {
    case .gaussian, .subsampled, .displacedReplacement, .displacedZero, .displacedOnce: add(unit, least: unit)
    // N(1) against N(-1) at a rate of 1; below, the second law is at most N(0) beyond any s.
    case .subsampledReplacement: add(4 * unit, least: unit)
    case .blackBox:
      lost = max(lost, pair.scale)
      let mu = 2 * Normal.upperTailPoint(1 / (1 + exp(pair.rate)))
      square += count * mu * mu
      // Pure epsilon is epsilon^2 / 2 of zCDP [Bun & Steinke 2016, Proposition 1.4].
      rho += count * pair.rate * pair.rate / 2
    }
  }

  private mutating func add(_ square: Double, least: Double) {
    self.square += square
    leastSquare += least
    rho += square / 2
    leastRho += least / 2
  }
}

/// The standard normal law.
enum Normal {
  /// The z with Pr[Z > z] = p, to the precision of the tail; for p in (0, 1).
  static func upperTailPoint(_ p: Double) -> Double {
    if p > 0.5 { return -upperTailPoint(1 - p) }
    var (low, high) = (0.0, 40.0)
    while true {
      let middle = (low + high) / 2
      if middle <= low || middle >= high { return middle }
      if upperTail(middle) > p { low = middle } else { high = middle }
    }
  }
}

/// The trade-off function of a Gaussian mechanism, G_mu(a) = Phi(Phi^-1(1 - a) - mu).
public struct GaussianTradeOff: Sendable, Equatable {
  public let mu: Double

  public init(mu: Double) { self.mu = mu }

  public func typeIIError(at typeIError: Double) -> Double {
    if typeIError <= 0 { return 1 }
    if typeIError >= 1 { return 0 }
    return upperTail(mu - Normal.upperTailPoint(typeIError))
  }
}
