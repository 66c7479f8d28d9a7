import Numerics
import Platform

/// Chernoff bounds of the tilted laws' mass outside a window.
struct WindowTails {
  let right: Double
  let left: Double
  var logRight = 0.0
  var logLeft = 0.0
  var direct = 0.0
  var logRest = 0.0
  /// No sum lies beyond these.
  var least = 0.0
  var most = 0.0

  init(right: Double, left: Double) {
    self.right = right
    self.left = left
  }

  mutating func add(_ masses: [Double], offset: Double, step: Double, count: Double) {
    let n = masses.count
    least += count * offset
    most += count * (offset + Double(n - 1) * step)
    // Exponents relative to the far end are at most 0; cut at -700 they only make the bounds larger.
    let ups = Kernels.best.exponentials(from: -right * Double(n - 1) * step, step: right * step, count: n)
    let downs = Kernels.best.exponentials(from: 0, step: -left * step, count: n)
    var (up, rest) = (0.0, 0.0)
    for k in 0..<n {
      up += masses[k] * ups[k]
      if k > 0 { rest += masses[k] * downs[k] }
    }
    // All that was cut off below sits at the first point, where Chernoff's bound may be poor.
    direct += count * masses[0]
    logRight += count * (log(up) + right * (offset + Double(n - 1) * step))
    logLeft += count * (log(masses[0] + rest) - left * offset)
    logRest += count * (log(rest) - left * offset)
  }

  /// - Parameter times: how often all that was added is repeated: every term of every bound is a sum over rounds.
  func probability(low: Double, high: Double, times: Double = 1) -> Double {
    (times * most <= high ? 0 : exp(times * logRight - right * high))
      + (times * least >= low
        ? 0
        : min(exp(times * logLeft + left * low), times * direct + exp(times * logRest + left * low)))
  }
}
