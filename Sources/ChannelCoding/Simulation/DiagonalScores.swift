/// ln r of candidates for a target N(mu, diag rho^2) over the proposal N(0, I), but for -sum ln rho: half the sum of
/// y_j^2 - ((y_j - mu_j) / rho_j)^2.
///
/// In eight lanes and one order of additions, without fused operations: the same bits on every machine.
enum DiagonalScores {
  /// One score for each of `scores.count` candidates, which lie one after the other from `first` on.
  static func fill(
    _ first: UnsafePointer<Double>, means: UnsafeBufferPointer<Double>, inverseScales: UnsafeBufferPointer<Double>,
    constant: Double, into scores: UnsafeMutableBufferPointer<Double>
  ) {
    guard let mu = means.baseAddress, let inverse = inverseScales.baseAddress else { return }
    let n = means.count
    for k in scores.indices { scores[k] = constant + sum(first + k * n, mu, inverse, n) / 2 }
  }

  @inline(__always)
  private static func sum(
    _ y: UnsafePointer<Double>, _ mu: UnsafePointer<Double>, _ inverse: UnsafePointer<Double>, _ n: Int
  ) -> Double {
    var lanes = SIMD8<Double>()
    var j = 0
    while j + 8 <= n {
      let value = load(y + j)
      let offset = (value - load(mu + j)) * load(inverse + j)
      lanes += value * value - offset * offset
      j += 8
    }
    var total = 0.0
    while j < n {
      total += term(y[j], mean: mu[j], inverseScale: inverse[j])
      j += 1
    }
    let four = lanes.lowHalf + lanes.highHalf
    let two = four.lowHalf + four.highHalf
    return total + (two[0] + two[1])
  }

  @inline(__always)
  private static func load(_ address: UnsafePointer<Double>) -> SIMD8<Double> {
    UnsafeRawPointer(address).loadUnaligned(as: SIMD8<Double>.self)
  }

  /// y^2 - ((y - mu) / rho)^2.
  @inline(__always)
  static func term(_ y: Double, mean: Double, inverseScale: Double) -> Double {
    let offset = (y - mean) * inverseScale
    return y * y - offset * offset
  }
}
