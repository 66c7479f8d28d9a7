import Platform

/// The regularised incomplete gamma functions, to 10^-12 of each wherever it is above 10^-300, for a from 10^-3 to 5 10^6.
///
/// Source: NIST DLMF 8.7.1 and 8.9.2; the prefactor is C. Loader's, Fast and Accurate Computation of Binomial Probabilities (2000).
package enum IncompleteGamma {
  /// Both P(a, x), the lower one, and Q(a, x); one is computed, the other is its complement.
  ///
  /// - Parameters:
  ///   - a: the shape, above 0; otherwise both are not a number.
  ///   - x: any number; at most 0 gives (0, 1).
  package static func tails(_ a: Double, _ x: Double) -> (lower: Double, upper: Double) {
    guard a > 0, a.isFinite, !x.isNaN else { return (.nan, .nan) }
    if x <= 0 { return (0, 1) }
    if x == .infinity { return (1, 0) }
    let density = poissonDensity(a, x)
    if x < a + 1 {
      let lower = density == 0 ? 0 : atMostOne(density * lowerSeries(a, x))
      return (lower, 1 - lower)
    }
    let upper = density == 0 ? 0 : atMostOne(density * a * upperFraction(a, x))
    return (1 - upper, upper)
  }

  /// x^a exp(-x) / Gamma(a + 1), without the cancellation of a log x - x - lgamma(a + 1) at large a.
  private static func poissonDensity(_ a: Double, _ x: Double) -> Double {
    if a < 10 { return exp(a * log(x) - x) / tgamma(a + 1) }
    return exp(-stirlingError(a) - deviance(a, x)) / (2 * Double.pi * a).squareRoot()
  }

  /// log Gamma(a + 1) - log(sqrt(2 pi a) (a/e)^a) for a >= 10.
  private static func stirlingError(_ a: Double) -> Double {
    let r = 1 / (a * a)
    return Polynomial.value(r, stirlingCoefficients) / a
  }

  private static let stirlingCoefficients = [
    1 / 12.0, -1 / 360.0, 1 / 1260.0, -1 / 1680.0, 1 / 1188.0, -691 / 360360.0,
  ]

  /// a log(a/x) + x - a, accurate near x = a (Loader's bd0).
  private static func deviance(_ a: Double, _ x: Double) -> Double {
    let difference = a - x
    guard abs(difference) < 0.1 * (a + x) else { return a * log(a / x) - difference }
    let v = difference / (a + x)
    var sum = difference * v
    var power = 2 * a * v
    for k in 1...100 {
      power *= v * v
      let next = sum + power / Double(2 * k + 1)
      if next == sum { break }
      sum = next
    }
    return sum
  }

  /// sum of x^k / ((a + 1) ... (a + k)), so that P(a, x) is this times ``poissonDensity``; x < a + 1.
  private static func lowerSeries(_ a: Double, _ x: Double) -> Double {
    var term = 1.0
    var sum = 1.0
    var denominator = a
    for _ in 1...1_000_000 {
      denominator += 1
      term *= x / denominator
      sum += term
      if term <= 1e-17 * sum { return sum }
    }
    return .nan
  }

  /// The continued fraction h of Q(a, x) = x^a exp(-x) / Gamma(a) h, for x >= a + 1.
  private static func upperFraction(_ a: Double, _ x: Double) -> Double {
    let tiny = 1e-300
    var b = x + 1 - a
    var c = 1 / tiny
    var d = 1 / b
    var h = d
    for i in 1...1_000_000 {
      let k = Double(i)
      let numerator = -k * (k - a)
      b += 2
      d = numerator * d + b
      if abs(d) < tiny { d = tiny }
      c = b + numerator / c
      if abs(c) < tiny { c = tiny }
      d = 1 / d
      let factor = d * c
      h *= factor
      if abs(factor - 1) < 1e-15 { return h }
    }
    return .nan
  }

  /// Cuts off a rounding error above 1; keeps NaN, which Swift.min(1, _) would turn into 1.
  private static func atMostOne(_ p: Double) -> Double { p > 1 ? 1 : p }
}
