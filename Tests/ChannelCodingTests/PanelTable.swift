import Platform

/// The stretch function by panels of Chebyshev polynomials: what `gprs` had before its enclosures, kept as a computation
/// that shares nothing with them. For the part of a target below a cap M on the ratio.
///
/// Let A(g) = Q[r >= g] - g P[r >= g] = Pr[h > g] for a height h uniform under r, so that A' = -P[r >= g]. The body
/// min(q, M p) / Z has the ratio min(r, M) / Z, Z = 1 - A(M), and its stretch function in terms of g = Z eta is
///
///     S(g) = integral over (0, g) of dg' / B(g'),   B(g) = A(g) - A(M) = integral over (g, M) of P[r >= g'] dg',
///
/// infinite at g = M. [Flamich 2023, equation 8] is the case M = sup r. B is summed up from the cap downwards, so it
/// loses no digits however small it is, and P[r >= g] is all that is needed.
///
/// In the logistic variable x = ln(g / (M - g)) everything is smooth: Chebyshev polynomials of degree 12, integrated
/// exactly, on panels of at most one, and at most one deviation of ln r. Below the table P[r >= g] = 1, so
/// S(g) = -ln(1 - g / Z). Relative error of S below 10^-7 wherever a sample can be (tested against an integration that
/// shares nothing with it).
struct PanelTable {
  /// Z: the body's share of the target.
  let bodyMass: Double
  private let logCap: Double
  /// Panels from `starts[i]` to `starts[i + 1]` in x.
  private var starts: [Double] = []
  private var coefficients: [Double] = []
  private let slopeBeyond: Double

  private static let size = Chebyshev.degree + 1
  /// Beyond, g is within e^-12 of the cap: there B falls in proportion to M - g but for 10^-5 of it.
  private static let last = 12.0

  /// - Parameters:
  ///   - logCap: ln M, at most ln sup r.
  ///   - mean, deviation: roughly those of ln r under the proposal.
  ///   - tail: ln g -> P[ln r >= ln g].
  init(logCap: Double, mean: Double, deviation: Double, proposalTail tail: (Double) -> Double) {
    self.logCap = logCap
    let size = Self.size
    // Down to where the heights g' < g at which some of P is lower still hold less than 10^-12.
    var lowest = min(mean, logCap - 1e-3)
    while exp(lowest) * (1 - tail(lowest)) > 1e-12 { lowest -= max(deviation, 1e-3) }
    let low = lowest - logCap
    var x = low - log(-expm1(low))
    while x < Self.last {
      starts.append(x)
      // dx = dl (1 + e^x), l = ln g.
      x += min(1, deviation * (1 + exp(min(x, 30))))
    }
    starts.append(max(x, starts[starts.count - 1] + 1e-3))
    let panels = starts.count - 1
    var tails = [Double](repeating: 0, count: panels * size)
    var speeds = tails  // dg/dx = g (M - g) / M, over M, times half a panel's width
    // From the cap down: once all of P is above a height, it is above all lower ones.
    var isAll = false
    for panel in stride(from: panels - 1, through: 0, by: -1) {
      let width = starts[panel + 1] - starts[panel]
      for i in stride(from: size - 1, through: 0, by: -1) {
        let x = starts[panel] + (Chebyshev.nodes[i] + 1) / 2 * width
        // g / M and (M - g) / M, each without cancellation.
        let (share, rest) = (1 / (1 + exp(-x)), 1 / (1 + exp(x)))
        tails[panel * size + i] = isAll ? 1 : tail(logCap + log(share))
        isAll = isAll || tails[panel * size + i] > 1 - 0x1p-51
        speeds[panel * size + i] = share * rest * width / 2
      }
    }
    // B / M at the nodes: from the cap down.
    let end = panels * size - 1
    let rest = 1 / (1 + exp(starts[panels]))
    let atCap = tail(logCap)
    var above = atCap * rest
    if atCap == 0, tails[end] > 0 {
      // M is the supremum, where the tail goes as a power of M - g; its exponent shows between the last two nodes.
      let last =
        1 / (1 + exp(starts[panels] - (1 - Chebyshev.nodes[size - 2]) / 2 * (starts[panels] - starts[panels - 1])))
      above = tails[end] * rest / (1 + log(tails[end - 1] / tails[end]) / log(last / rest))
    }
    var remaining = tails
    for panel in stride(from: panels - 1, through: 0, by: -1) {
      let range = (panel * size)..<((panel + 1) * size)
      let values = range.map { tails[$0] * speeds[$0] }
      for i in 0..<size { remaining[panel * size + i] = above + Chebyshev.integralAbove(values, from: i) }
      above = remaining[panel * size]
    }
    // Below the table P[r >= g] = 1 and B = Z - g.
    let g0 = 1 / (1 + exp(-starts[0]))
    let start = remaining[0]
    bodyMass = (start + g0) * exp(logCap)
    var sum = -log1p(-g0 / (start + g0))
    for panel in 0..<panels {
      let range = (panel * size)..<((panel + 1) * size)
      let upTo = Chebyshev.integrals(range.map { speeds[$0] / remaining[$0] })
      coefficients += Chebyshev.coefficients(upTo.map { $0 + sum })
      sum += upTo[size - 1]
    }
    slopeBeyond = atCap > 0 ? 1 / atCap : .infinity
  }

  /// S(r) for ln r = `logRatio`; infinite from the cap on.
  func callAsFunction(_ logRatio: Double) -> Double {
    guard logRatio < logCap else { return .infinity }
    let x = logRatio - logCap - log(-expm1(logRatio - logCap))
    if x <= starts[0] { return -log1p(-exp(logRatio) / bodyMass) }
    let panels = starts.count - 1
    if x >= starts[panels] {
      let end = coefficients[((panels - 1) * Self.size)...].reduce(0, +)
      return end + (x - starts[panels]) * slopeBeyond
    }
    var (low, high) = (0, panels)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= x { low = middle } else { high = middle }
    }
    let t = 2 * (x - starts[low]) / (starts[low + 1] - starts[low]) - 1
    return coefficients.withUnsafeBufferPointer { Chebyshev.evaluate($0, from: low * Self.size, at: t) }
  }
}

/// Chebyshev polynomials of one degree on [-1, 1].
enum Chebyshev {
  static let degree = 12
  /// From -1 up to 1.
  static let nodes: [Double] = (0...degree).map { -cos(Double.pi * Double($0) / Double(degree)) }

  /// Rows: coefficients of the interpolating polynomial by values at the nodes.
  private static let transform: [[Double]] = (0...degree).map { k in
    (0...degree).map { j in
      let halved = (j == 0 || j == degree ? 0.5 : 1) * (k == 0 || k == degree ? 0.5 : 1)
      return 2 / Double(degree) * halved * cos(Double.pi * Double(k) * (1 - Double(j) / Double(degree)))
    }
  }

  /// Rows: the integral from -1 to node i by values at the nodes.
  private static let integration: [[Double]] = {
    var rows = [[Double]](repeating: [Double](repeating: 0, count: degree + 1), count: degree + 1)
    for j in 0...degree {
      let a = (0...degree).map { transform[$0][j] } + [0, 0]
      // The antiderivative's coefficients b_k = (a_(k-1) - a_(k+1)) / 2k, a_0 counting twice.
      var b = [Double](repeating: 0, count: degree + 2)
      for k in 1...(degree + 1) { b[k] = ((k == 1 ? 2 : 1) * a[k - 1] - a[k + 1]) / (2 * Double(k)) }
      for i in 0...degree {
        var value = 0.0
        for k in 1...(degree + 1) {
          let angle = Double.pi * Double(k) * (1 - Double(i) / Double(degree))
          value += b[k] * (cos(angle) - (k % 2 == 0 ? 1 : -1))
        }
        rows[i][j] = value
      }
    }
    return rows
  }()

  static func coefficients(_ values: [Double]) -> [Double] {
    transform.map { row in zip(row, values).reduce(0) { $0 + $1.0 * $1.1 } }
  }

  /// From -1 to each node.
  static func integrals(_ values: [Double]) -> [Double] {
    integration.map { row in zip(row, values).reduce(0) { $0 + $1.0 * $1.1 } }
  }

  /// From node `index` to 1, by the mirror image: no difference of two integrals is taken.
  static func integralAbove(_ values: [Double], from index: Int) -> Double {
    let row = integration[degree - index]
    var sum = 0.0
    for j in 0...degree { sum += row[j] * values[degree - j] }
    return sum
  }

  /// Clenshaw's recurrence.
  @inline(__always)
  static func evaluate(_ coefficients: UnsafeBufferPointer<Double>, from offset: Int, at t: Double) -> Double {
    var (b1, b2) = (0.0, 0.0)
    for k in stride(from: degree, to: 0, by: -1) { (b1, b2) = (coefficients[offset + k] + 2 * t * b1 - b2, b1) }
    return coefficients[offset] + t * b1 - b2
  }
}
