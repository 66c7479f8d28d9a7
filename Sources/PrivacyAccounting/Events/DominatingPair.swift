import Platform

/// A pair of laws (P, Q) that dominates what one round tells about one client; docs/privacy.md has the proofs. Units: C = 1,
/// `scale` is the deviation of the noise.
///
/// The privacy loss is L = ln dP/dQ. Its law under both is all that accountants need: P is data set D, Q its neighbor
/// D', and the other direction is the pair the other way round.
struct DominatingPair: Hashable, Sendable {
  enum Kind: Int, Sendable {
    /// N(1, s^2) against N(0, s^2).
    case gaussian
    /// (1 - q) N(0) + q N(1) against N(0): D has the client.
    case subsampled
    /// (1 - q) N(0) + q N(1) against (1 - q) N(0) + q N(-1): its own mirror image.
    case subsampledReplacement
    /// The profile of a client that takes the place of another one, and of the other one instead of it:
    /// H_a((1 - q) N(0) + q N(1) || N(0)) for a >= 1, H_a(N(1) || (1 - q) N(1) + q N(0)) below.
    case displacedReplacement
    /// H_a((1 - q) N(-1) + q N(1) || (1 - q) N(-1) + q N(0)) for a >= 1, H_a(N(1) || (1 - q) N(1) + q N(0)) below.
    case displacedZero
    /// (1 - q) N(-1) + q N(1) against (1 - q) N(-1) + q N(0): what one update attains of the former.
    case displacedOnce
    /// Any (epsilon, delta) guarantee: both outcomes +-epsilon of randomised response, and delta of no guarantee.
    case blackBox
  }

  let kind: Kind
  /// q; epsilon of a black box.
  let rate: Double
  /// s; delta of a black box.
  let scale: Double

  static func gaussian(scale: Double) -> Self { Self(kind: .gaussian, rate: 1, scale: scale) }

  static func blackBox(epsilon: Double, delta: Double) -> Self {
    Self(kind: .blackBox, rate: epsilon, scale: delta)
  }

  /// Whether both directions are the same.
  var isSymmetric: Bool {
    switch kind {
    case .gaussian, .subsampledReplacement, .blackBox: true
    // The profile at 1/a, times a, plus 1 - a, is the profile at a: the two forms are each other's mirror image.
    case .displacedReplacement: true
    case .subsampled, .displacedZero, .displacedOnce: false
    }
  }

  /// Sorting events makes results independent of the order in which they came, to the bit.
  func precedes(_ other: Self) -> Bool {
    (kind.rawValue, rate, scale) < (other.kind.rawValue, other.rate, other.scale)
  }

  /// No loss is smaller: ln(1 - q) of the subsampled pair; of the displaced one where B (see `Region.position`) has one root.
  var leastLoss: Double {
    switch kind {
    case .subsampled: return log1p(-rate)
    case .displacedOnce:
      // a^2 q = 4 c (1 - q)(1 - a), c = e^(-1/s^2), for a < 1: a = 2 / (1 + sqrt(1 + 2 / b)), b = 2 c (1 - q) / q.
      let logB = log(2 * (1 - rate) / rate) - 1 / (scale * scale)
      return logB < -60 ? (log(2) + logB) / 2 : log(2 / (1 + (1 + 2 / exp(logB)).squareRoot()))
    default: return -.infinity
    }
  }

  /// Intervals of the loss on which it rises with x, disjoint; what else there is are atoms.
  var regions: [Region] {
    let all = (-Double.infinity, Double.infinity)
    switch kind {
    case .gaussian:
      return [Region(.shift, 1, scale, all, p: [(1, 1)], q: [(1, 0)])]
    case .subsampled:
      return [Region(.mixture, rate, scale, (leastLoss, .infinity), p: [(1 - rate, 0), (rate, 1)], q: [(1, 0)])]
    case .subsampledReplacement:
      return [Region(.mirrored, rate, scale, all, p: [(1 - rate, 0), (rate, 1)], q: [(1 - rate, 0), (rate, -1)])]
    case .displacedReplacement:
      return [
        belowZero, Region(.mixture, rate, scale, (0, .infinity), p: [(1 - rate, 0), (rate, 1)], q: [(1, 0)]),
      ]
    case .displacedZero:
      return [
        belowZero,
        Region(
          .displaced, rate, scale, (0, .infinity), p: [(1 - rate, -1), (rate, 1)], q: [(1 - rate, -1), (rate, 0)]),
      ]
    case .displacedOnce:
      let q: Region.Mixture = [(1 - rate, -1), (rate, 0)]
      let mirrored: Region.Mixture = [(1 - rate, 1), (rate, -1)]
      return [
        Region(.displacedBelow, rate, scale, (leastLoss, 0), p: mirrored, q: [(1 - rate, 1), (rate, 0)]),
        Region(.displaced, rate, scale, (leastLoss, .infinity), p: [(1 - rate, -1), (rate, 1)], q: q),
      ]
    case .blackBox: return []
    }
  }

  /// N(1) against (1 - q) N(1) + q N(0), written in x - 1, where losses are below 0.
  private var belowZero: Region {
    Region(.reversedMixture, rate, scale, (-.infinity, 0), p: [(1, 0)], q: [(1 - rate, 0), (rate, -1)])
  }

  /// Losses of positive probability with their P-masses; the Q-mass is e^-loss of it.
  var atoms: [(loss: Double, mass: Double)] {
    switch kind {
    case .gaussian, .subsampled, .subsampledReplacement, .displacedOnce: return []
    case .displacedReplacement, .displacedZero:
      // What is left at loss 0 has equal mass under both. 1 - q times the total variation for replacement.
      let mass = 1 - regions.reduce(0) { $0 + $1.mass($1.p, from: $1.position($1.low), to: $1.position($1.high)) }
      return [(0, max(mass, 0))]
    case .blackBox:
      // P(e) = e^e / (1 + e^e).
      let high = 1 / (1 + exp(-rate))
      return [(-rate, (1 - scale) * (1 - high)), (rate, (1 - scale) * high)]
    }
  }

  /// P-mass at loss +infinity, Q-mass at -infinity.
  var infinity: Double { kind == .blackBox ? scale : 0 }
}

/// A part of a dominating pair: mixtures of normals of deviation s, between whose densities the loss rises with x.
struct Region: Sendable {
  enum Shape: Sendable {
    case shift, mixture, reversedMixture, mirrored, displaced
    /// The other root of `displaced`, in -x: losses below 0.
    case displacedBelow
  }

  typealias Mixture = [(weight: Double, mean: Double)]

  let shape: Shape
  let rate: Double
  let scale: Double
  /// Losses in the region.
  let low: Double
  let high: Double
  let p: Mixture
  let q: Mixture

  init(
    _ shape: Shape, _ rate: Double, _ scale: Double, _ losses: (Double, Double), p: Mixture, q: Mixture
  ) {
    self.shape = shape
    self.rate = rate
    self.scale = scale
    (low, high) = losses
    self.p = p
    self.q = q
  }

  /// x with loss l; infinite at infinite ends.
  func position(_ l: Double) -> Double {
    let s2 = scale * scale
    if l == .infinity { return l }
    switch shape {
    case .shift: return l == -.infinity ? l : s2 * l + 0.5
    case .mixture: return mixturePosition(l)
    case .reversedMixture: return -mixturePosition(-l)
    case .mirrored:
      if l == -.infinity { return l }
      return l < 0 ? -mirroredPosition(-l) : mirroredPosition(l)
    case .displaced:
      // With B = e^((2 x + 1) / (2 s^2)), c = e^(-1/s^2): q c B^2 - a q B - (1 - q)(a - 1) = 0.
      return s2 * (l + log((1 + root(l)) / 2)) + 0.5
    case .displacedBelow:
      // The product of both roots is (1 - q)(1 - a) / (q c).
      let product = log((1 - rate) / rate * -expm1(l)) + 1 / s2
      return l >= 0 ? .infinity : 0.5 - s2 * (product - l - 1 / s2 - log((1 + root(l)) / 2))
    }
  }

  /// sqrt(1 + 4 c (1 - q)(a - 1) / (q a^2)) of `displaced`.
  private func root(_ l: Double) -> Double {
    if l == 0 { return 1 }
    // Both regions of `displacedOnce` begin at the same x.
    if l < 0 && l <= low { return 0 }
    let excess = l > 0 ? log(-expm1(-l)) : l < -30 ? -l : log(expm1(-l))
    let w = exp(log(4 * (1 - rate) / rate) - 1 / (scale * scale) - l + excess)
    return max(0, l > 0 ? 1 + w : 1 - w).squareRoot()
  }

  /// 1 - q + q e^u = e^l, u = (2 x - 1) / (2 s^2).
  private func mixturePosition(_ l: Double) -> Double {
    let s2 = scale * scale
    if l > 30 { return s2 * (l - log(rate) + log1p(-(1 - rate) * exp(-l))) + 0.5 }
    let odds = expm1(l) / rate
    // No loss is smaller, and rounding must not find one.
    return odds <= -1 || l <= log1p(-rate) ? -.infinity : s2 * log1p(odds) + 0.5
  }

  /// For l >= 0: t = e^(x / s^2) solves t^2 - 2 b t - e^l = 0, b = (1 - q)(e^l - 1) / (2 q c), c = e^(-1 / (2 s^2)).
  private func mirroredPosition(_ l: Double) -> Double {
    if l == 0 { return 0 }
    let s2 = scale * scale
    let logB = log((1 - rate) / (2 * rate)) + 1 / (2 * s2) + (l > 30 ? l + log1p(-exp(-l)) : log(expm1(l)))
    // t = e^(l/2) (k + sqrt(k^2 + 1)).
    let k = exp(min(logB - l / 2, 300))
    let tail = logB - l / 2 > 300 ? logB - l / 2 - 300 : 0
    return s2 * (l / 2 + asinh(k) + tail)
  }

  func loss(_ x: Double) -> Double {
    let s2 = scale * scale
    switch shape {
    case .shift: return (2 * x - 1) / (2 * s2)
    case .mixture: return logMixture((2 * x - 1) / (2 * s2))
    case .reversedMixture: return -logMixture((-2 * x - 1) / (2 * s2))
    case .mirrored: return logMixture((2 * x - 1) / (2 * s2)) - logMixture((-2 * x - 1) / (2 * s2))
    case .displaced: return logMixture(2 * x / s2) - logMixture((2 * x + 1) / (2 * s2))
    case .displacedBelow: return logMixture(-2 * x / s2) - logMixture((1 - 2 * x) / (2 * s2))
    }
  }

  /// ln(1 - q + q e^u)
  private func logMixture(_ u: Double) -> Double {
    u > 30 ? u + log(rate) + log1p((1 - rate) / rate * exp(-u)) : log1p(rate * expm1(u))
  }

  /// Mass of a mixture between two points, relative accuracy in both tails.
  func mass(_ mixture: Mixture, from low: Double, to high: Double) -> Double {
    var sum = 0.0
    for (weight, mean) in mixture where weight > 0 {
      let a = (low - mean) / scale
      let b = (high - mean) / scale
      let part = a > 0 ? upperTail(a) - upperTail(b) : upperTail(-b) - upperTail(-a)
      sum += weight * (a <= 0 && b > 0 ? 1 - upperTail(-a) - upperTail(b) : part)
    }
    return max(sum, 0)
  }

  func density(_ mixture: Mixture, at x: Double) -> Double {
    var sum = 0.0
    for (weight, mean) in mixture {
      let z = (x - mean) / scale
      sum += weight * exp(-z * z / 2)
    }
    return sum / (scale * (2 * Double.pi).squareRoot())
  }

  /// The x with P-mass (Q-mass) `tail` above (below) it, from outside: at most that much is cut.
  func cut(_ mixture: Mixture, tail: Double, above: Bool) -> Double {
    let means = mixture.map(\.mean)
    let reach = 38 * scale
    // `inside` has more than `tail` beyond it, `outside` has not.
    var (inside, outside) =
      above
      ? ((means.min() ?? 0) - reach, (means.max() ?? 0) + reach)
      : ((means.max() ?? 0) + reach, (means.min() ?? 0) - reach)
    for _ in 0..<60 {
      let middle = (inside + outside) / 2
      let beyond =
        above ? mass(mixture, from: middle, to: .infinity) : mass(mixture, from: -.infinity, to: middle)
      if beyond > tail { inside = middle } else { outside = middle }
    }
    return outside
  }
}

/// Pr[Z > z] of a standard normal.
func upperTail(_ z: Double) -> Double { erfc(z / 2.0.squareRoot()) / 2 }
