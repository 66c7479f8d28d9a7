#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The stretch function of greedy Poisson rejection sampling, for the part of a target below a cap M on the ratio.
///
/// Let A(g) = Q[r >= g] - g P[r >= g] = Pr[h > g] for a height h uniform under r, so that A' = -P[r >= g]. The body
/// min(q, M p) / Z has the ratio min(r, M) / Z, Z = 1 - A(M), and its stretch function in terms of g = Z eta is
///
///     S(g) = integral over (0, g) of dg' / B(g'),   B(g) = A(g) - A(M) = integral over (g, M) of P[r >= g'] dg',
///
/// infinite at g = M. [Flamich 2023, equation 8] is the case M = sup r. B is summed up from the cap downwards, so it
/// loses no digits however small it is, and P[r >= g] is all that is needed.
///
/// In the logistic variable x = ln(g / (M - g)) everything is smooth: Chebyshev polynomials of degree 8 on panels of
/// width one, integrated exactly. Relative error of S below 10^-8 (tested against direct integration).
struct StretchTable {
  /// Z: the body's share of the target.
  let bodyMass: Double
  private let logCap: Double
  private let first: Double
  private var coefficients: [Double] = []
  private let panels: Int
  private let slopeBeyond: Double

  private static let degree = Chebyshev.degree
  /// Beyond, g is within e^-12 of the cap: there B falls in proportion to M - g but for 10^-5 of it.
  private static let last = 12.0

  /// - Parameters:
  ///   - logCap: ln M, at most ln sup r.
  ///   - tail: ln g -> P[ln r >= ln g].
  init(logCap: Double, proposalTail tail: (Double) -> Double) {
    self.logCap = logCap
    let size = Self.degree + 1
    first = -max(logCap, 0).rounded(.up) - 16
    panels = Int(Self.last - first)
    var tails = [Double](repeating: 0, count: panels * size)
    var speeds = tails  // dg/dx = g (M - g) / M, over M
    // From the cap down: once all of P is above a height, it is above all lower ones.
    var isAll = false
    for panel in stride(from: panels - 1, through: 0, by: -1) {
      for i in stride(from: size - 1, through: 0, by: -1) {
        let x = first + Double(panel) + (Chebyshev.nodes[i] + 1) / 2
        // g / M and (M - g) / M, each without cancellation.
        let (share, rest) = (1 / (1 + exp(-x)), 1 / (1 + exp(x)))
        tails[panel * size + i] = isAll ? 1 : tail(logCap + log(share))
        isAll = isAll || tails[panel * size + i] > 1 - 0x1p-51
        speeds[panel * size + i] = share * rest
      }
    }
    // B / M at the nodes: from the cap down.
    var above = 0.0
    var remaining = tails
    let atCap = tail(logCap)
    if atCap > 0 {
      above = atCap / (1 + exp(first + Double(panels)))
    } else {
      // M is the supremum: B goes as a power of M - g; what is beyond the last panel is nothing.
      above = tails[panels * size - 1] / (1 + exp(first + Double(panels))) / 2
    }
    for panel in stride(from: panels - 1, through: 0, by: -1) {
      let range = (panel * size)..<((panel + 1) * size)
      let values = range.map { tails[$0] * speeds[$0] / 2 }
      let upTo = Chebyshev.integrals(values)
      let whole = upTo[size - 1]
      for i in 0..<size { remaining[panel * size + i] = above + Chebyshev.integralAbove(values, from: i) }
      above += whole
    }
    let start = remaining[0]
    let g0 = 1 / (1 + exp(-first))
    bodyMass = (start + g0) * exp(logCap)
    // S at the nodes, from 0 up: below the first panel B is Z.
    var sum = g0 / (start + g0)
    for panel in 0..<panels {
      let range = (panel * size)..<((panel + 1) * size)
      let values = range.map { speeds[$0] / remaining[$0] / 2 }
      let upTo = Chebyshev.integrals(values)
      coefficients += Chebyshev.coefficients(upTo.map { $0 + sum })
      sum += upTo[size - 1]
    }
    slopeBeyond = atCap > 0 ? 1 / atCap : .infinity
  }

  /// S(r) for ln r = `logRatio`; infinite from the cap on.
  func callAsFunction(_ logRatio: Double) -> Double {
    guard logRatio < logCap else { return .infinity }
    let x = logRatio - logCap - log(-expm1(logRatio - logCap))
    if x <= first { return exp(logRatio) / bodyMass }
    let position = x - first
    if position >= Double(panels) {
      let end = coefficients[((panels - 1) * (Self.degree + 1))...].reduce(0, +)
      return end + (position - Double(panels)) * slopeBeyond
    }
    let panel = Int(position)
    let t = 2 * (position - Double(panel)) - 1
    return coefficients.withUnsafeBufferPointer {
      Chebyshev.evaluate($0, from: panel * (Self.degree + 1), at: t)
    }
  }
}

/// Chebyshev polynomials of one degree on [-1, 1].
enum Chebyshev {
  static let degree = 8
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
