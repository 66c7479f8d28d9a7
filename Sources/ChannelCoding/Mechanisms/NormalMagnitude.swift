#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The magnitude of y ~ N(x, 1): masses and samples of intervals, for encoders.
enum NormalMagnitude {
  /// Pr[low < |y| < high], y ~ N(x, 1), x >= 0.
  static func mass(_ low: Double, _ high: Double, _ x: Double) -> Double {
    let root = 0.5.squareRoot()
    let tail = { (z: Double) in z > 38 ? 0 : 0.5 * erfc(z * root) }
    let far = tail(low + x) - tail(high + x)
    let (a, b) = (low - x, high - x)
    return far + (a > 0 ? tail(a) - tail(b) : tail(-b) - tail(-a))
  }

  /// |y| given that it is between two ends, y ~ N(x, 1), x >= 0: the inverse of its distribution function by Newton's
  /// rule, kept between brackets that shrink.
  static func sample(
    _ x: Double, between low: Double, and high: Double, _ random: inout RandomStream
  ) -> Double {
    let wanted = mass(low, high, x) * FastGPRS.uniform(random.word())
    let scale = 1 / (2 * Double.pi).squareRoot()
    var (a, b) = (low, min(high, max(low, x) + 12))
    var y = b - a < 4 ? (a + b) / 2 : min(max(x, a), b)
    for _ in 0..<60 {
      let excess = mass(low, y, x) - wanted
      if excess < 0 { a = y } else { b = y }
      let slope = scale * (exp(-(y - x) * (y - x) / 2) + exp(-(y + x) * (y + x) / 2))
      let next = y - excess / slope
      let moved = next > a && next < b ? next : (a + b) / 2
      if abs(moved - y) <= 0x1p-48 * max(1, abs(y)) { return moved }
      y = moved
    }
    return y
  }

  /// u with a = magnitude((cell + u) / count): count Pr[|Z| <= a] - cell, kept inside [0, 1).
  static func place(_ a: Double, cell: Double, count: Double) -> Double {
    let u = count - cell - count * erfc(a * 0.5.squareRoot())
    return min(max(u, 0), 1 - 0x1p-53)
  }
}
