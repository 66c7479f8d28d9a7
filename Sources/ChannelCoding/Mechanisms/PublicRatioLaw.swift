import Numerics

/// The law of ln r for a block as both ends know it, before any update: x ~ N(0, rho I_n), target N(x, I), proposal
/// N(0, s^2 I) with s^2 = 1 + rho, the channel's own output law.
///
/// ln r is the information density of n Gaussian pairs of correlation c = sqrt(rho / (1 + rho)):
///
///     ln r = n ln s + c W,   W = sqrt(2 G) N(0, 1),   G ~ Gamma(n / 2),
///
/// since E exp(i t c W) = (1 + c^2 t^2)^(-n/2). Under the proposal the law is tilted by 1 / r, so each component
/// N(m, v) becomes N(m - v, v) with weight times exp(v/2 - m). Both are sums of normal distribution functions.
///
/// It decides rates and plans, never a law of the output: built from + - * / sqrt and tables, the same at both ends.
struct PublicRatioLaw: Sendable {
  let dimension: Int
  /// n ln s, the mean of ln r under the target: I(X; Y) of a block in nats.
  let mean: Double
  /// n c^2, its variance.
  let variance: Double
  private let inverseDeviations: [Double]
  private let tilts: [Double]
  private let targetWeights: [Double]
  private let proposalWeights: [Double]

  init(dimension: Int, snr: Double) {
    let n = Double(dimension)
    self.init(
      dimension: dimension, coordinates: n, correlation: snr / (1 + snr), mean: n / 2 * Self.log1p(snr))
  }

  /// Of coordinates with different correlations c_j: ln r = sum_j -ln(1 - c_j^2) / 2 + c_j W_j. It is taken for the law of n coordinates, not
  /// a whole number, of one correlation c that have the same mean -n ln(1 - c^2) / 2 and the same variance n c^2.
  ///
  /// - Parameters:
  ///   - mean: of ln r under the target, in nats; above half the variance.
  ///   - variance: the sum of c_j^2; above 0.
  init(mean: Double, variance: Double) {
    // -ln(1 - c^2) / c^2 rises with c^2.
    let wanted = 2 * mean / variance
    var (low, high) = (0x1p-40, 1 - 0x1p-45)
    for _ in 0..<60 {
      let middle = (low + high) / 2
      let information = middle < 1e-4 ? middle + middle * middle / 2 : -Elementary.log(1 - middle)
      if information < wanted * middle { low = middle } else { high = middle }
    }
    let n = variance / low
    self.init(dimension: max(Int(min(n, 1e9) + 0.5), 1), coordinates: n, correlation: low, mean: mean)
  }

  private init(dimension: Int, coordinates n: Double, correlation: Double, mean: Double) {
    self.dimension = dimension
    self.mean = mean
    variance = n * correlation
    let nodes = GammaNodes(shape: n / 2, tilt: correlation)
    let variances = nodes.values.map { max(2 * correlation * $0, 1e-300) }
    inverseDeviations = variances.map { 1 / $0.squareRoot() }
    tilts = variances
    targetWeights = nodes.weights
    let raw = zip(nodes.weights, variances).map { $0 > 0 ? $0 * Elementary.exp($1 / 2 - mean) : 0 }
    let total = raw.reduce(0, +)
    proposalWeights = raw.map { $0 / total }
  }

  /// ln(1 + x), also for x far below 1.
  static func log1p(_ x: Double) -> Double {
    x < 1e-4 ? x - x * x / 2 + x * x * x / 3 : Elementary.log(1 + x)
  }

  /// Pr[ln r >= l] under the target.
  func targetTail(_ l: Double, _ cumulative: NormalTable.Cumulative) -> Double {
    var total = 0.0
    for i in tilts.indices { total += targetWeights[i] * cumulative((mean - l) * inverseDeviations[i]) }
    return total
  }

  /// Pr[ln r >= l] under the proposal.
  func proposalTail(_ l: Double, _ cumulative: NormalTable.Cumulative) -> Double {
    var total = 0.0
    for i in tilts.indices {
      total += proposalWeights[i] * cumulative((mean - tilts[i] - l) * inverseDeviations[i])
    }
    return total
  }
}

/// A height h uniform under min(r, M), on a grid that is even in ln(g / (M - g)): what index laws are made from.
struct HeightGrid: Sendable {
  /// The cap M; ln M.
  let cap: Double
  /// g at the edges of the cells, from 0 to M.
  private(set) var edges: [Double]
  /// P[r >= g] at the edges.
  private(set) var tails: [Double]
  /// B(g) = integral of the tail over (g, M), at the edges: B(0) = Z.
  private(set) var above: [Double]

  /// Z: the body's share of the target.
  var bodyMass: Double { above[0] }
  /// The target's share above the cap.
  var escapeProbability: Double { max(1 - bodyMass, 1e-12) }

  init(_ law: PublicRatioLaw, logCap: Double, _ cumulative: NormalTable.Cumulative) {
    self.init(logCap: logCap) { law.proposalTail($0, cumulative) }
  }

  /// - Parameter proposalTail: ln g -> P[ln r >= ln g].
  init(logCap: Double, proposalTail: (Double) -> Double) {
    cap = Elementary.exp(logCap)
    let low = -logCap - 14
    let cells = Int((8 - low) * 4)
    let height = { [cap] (x: Double) in cap / (1 + Elementary.exp(-x)) }
    edges = [0] + (0...cells).map { height(low + Double($0) / 4) } + [cap]
    tails = edges.map { $0 > 0 ? proposalTail(Elementary.log($0)) : 1 }
    above = [Double](repeating: 0, count: edges.count)
    for i in stride(from: edges.count - 2, through: 0, by: -1) {
      above[i] = above[i + 1] + integral(i, low: low, cells: cells, height, proposalTail)
    }
    // The target has mass 1: what rounding and the table of normal masses add is taken off.
    if above[0] > 1 {
      let total = above[0]
      above = above.map { $0 / total }
    }
  }

  /// Of the tail over cell `i`: Simpson's rule in ln(g / (M - g)), and the trapezoid rule in the two end cells.
  private func integral(
    _ i: Int, low: Double, cells: Int, _ height: (Double) -> Double, _ proposalTail: (Double) -> Double
  ) -> Double {
    guard i >= 1, i <= cells else { return (edges[i + 1] - edges[i]) * (tails[i] + tails[i + 1]) / 2 }
    let middle = height(low + (Double(i) - 0.5) / 4)
    // dg/dx = g (M - g) / M
    let f = { [cap] (g: Double, tail: Double) in g * (cap - g) / cap * tail }
    return (f(edges[i], tails[i]) + 4 * f(middle, proposalTail(Elementary.log(middle))) + f(edges[i + 1], tails[i + 1]))
      / 24
  }

  /// The integral of P[r >= g] over cell `i`.
  func mass(_ i: Int) -> Double { above[i] - above[i + 1] }
}
