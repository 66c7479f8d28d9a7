import Numerics
import Platform

/// The density ratio r = dQ/dP of two Gaussians in n dimensions, P = N(0, I) and Q = N(m, tau^2 I) with
/// tau^2 = 1 / (1 + snr), as a random variable: what bounds need to know of a block.
///
/// ln r(z) = -n ln tau - |m|^2 / (2 tau^2) + z.m / tau^2 - c |z|^2, c = snr / 2. {r >= h} is a ball, so its
/// mass is a non-central chi-square distribution function [Flamich 2023]. Two ways to it, each where it is accurate to
/// about 12 digits (tests compare them where both are):
/// - Given the n - 1 coordinates across m, ln r >= ln h is an interval of the coordinate along m. Their squared length
///   is 2 Gamma((n - 1)/2): a quadrature of differences of normal distribution functions.
/// - Where the ball's centre is near (|m| / (1 - tau^2) at most 30), the edge of that interval moves too fast for a
///   quadrature, and the Poisson mixture of central chi-square laws is short.
///
/// - Cost: 40 to 100 normal distribution functions a tail. What decides a candidate is `HeightLaw`.
struct GaussianRatio {
  let dimension: Int
  /// |m|.
  let shift: Double
  /// 1 / tau^2 - 1.
  let snr: Double
  private let logTop: Double
  /// |m| / (1 - tau^2), the distance of the balls' centre.
  private let centre: Double
  private let nodes: GammaNodes?
  private let isNear: Bool

  init(dimension: Int, shift: Double, snr: Double) {
    precondition(dimension > 0 && snr > 0)
    self.dimension = dimension
    self.shift = shift
    self.snr = snr
    // 1 - tau^2
    let gap = snr / (1 + snr)
    logTop = Double(dimension) / 2 * log1p(snr) + shift * shift / (2 * gap)
    centre = shift / gap
    isNear = dimension > 1 && centre * centre < 900
    nodes = dimension > 1 && !isNear ? GammaNodes(shape: Double(dimension - 1) / 2) : nil
  }

  /// ln sup r.
  var logSupremum: Double { logTop }

  /// Mean and variance of ln r under Q.
  var targetMoments: (mean: Double, variance: Double) {
    let n = Double(dimension)
    let gap = snr / (1 + snr)
    return (n / 2 * (log1p(snr) - gap) + shift * shift / 2, n / 2 * gap * gap + shift * shift / (1 + snr))
  }

  /// ln M, lowered to what the ratio reaches: 10 deviations above its mean, where a height is with probability 10^-22.
  func effectiveCap(logCap: Double) -> Double {
    let (mean, variance) = targetMoments
    return min(logCap, logSupremum, mean + 10 * variance.squareRoot() + 1e-3)
  }

  /// P[ln r >= logHeight].
  func proposalTail(_ logHeight: Double) -> Double {
    guard logHeight < logTop else { return 0 }
    // |z - m / (1 - tau^2)|^2 <= (ln sup r - ln h) / c.
    let square = 2 * (logTop - logHeight) / snr
    if isNear {
      return nonCentralChiSquare(square, degrees: Double(dimension), centrality: centre * centre)
    }
    guard let nodes else { return interval(square, centre) }
    var total = 0.0
    for i in nodes.values.indices {
      let rest = square - 2 * nodes.values[i]
      if rest > 0 { total += nodes.weights[i] * interval(rest, centre) }
    }
    return total
  }

  /// Pr[(Z - centre)^2 <= square] for a standard normal Z and centre >= 0.
  @inline(__always)
  private func interval(_ square: Double, _ centre: Double) -> Double {
    let half = square.squareRoot()
    // centre - half without cancellation.
    let low = (centre * centre - square) / (centre + half)
    let high = centre + half
    let above = high > 12 && low < 8 ? 0 : erfc(high * 0.5.squareRoot())
    return 0.5 * (erfc(low * 0.5.squareRoot()) - above)
  }
}
