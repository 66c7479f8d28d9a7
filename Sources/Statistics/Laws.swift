import Platform

/// Distribution functions of the laws that the statistical tests compare samples with.
///
/// Every function is pure. NaN arguments, and parameters outside the stated domain, give NaN.
/// Accuracies are relative errors found against scipy 1.17 and mpmath.
public enum Laws {
  // MARK: Normal law

  /// Phi((x - mean) / standardDeviation), the distribution function of the normal law.
  ///
  /// Computed as erfc(-z/sqrt(2))/2, so that the lower tail keeps its relative accuracy (better than
  /// 1e-12 down to 1e-300). For the upper tail use ``normalSurvival(_:mean:standardDeviation:)``.
  /// Requires a positive standard deviation. Source: NIST DLMF 7.17.
  public static func normalCDF(_ x: Double, mean: Double = 0, standardDeviation: Double = 1) -> Double {
    guard standardDeviation > 0 else { return .nan }
    return 0.5 * erfc(-(x - mean) / standardDeviation * 0.5.squareRoot())
  }

  /// 1 - Phi((x - mean) / standardDeviation), accurate in the upper tail.
  ///
  /// The mirror image of ``normalCDF(_:mean:standardDeviation:)``; same accuracy and domain.
  public static func normalSurvival(
    _ x: Double, mean: Double = 0, standardDeviation: Double = 1
  ) -> Double {
    guard standardDeviation > 0 else { return .nan }
    return 0.5 * erfc((x - mean) / standardDeviation * 0.5.squareRoot())
  }

  /// P(|Z| >= |z|) for a standard normal Z: the two-sided p-value of a z-score.
  ///
  /// Computed as erfc(|z|/sqrt(2)), relative accuracy better than 1e-12 down to 1e-300.
  public static func normalTwoSided(_ z: Double) -> Double {
    erfc(abs(z) * 0.5.squareRoot())
  }

  /// The standard normal quantile: the z at which Phi(z) = p.
  ///
  /// Relative accuracy 1e-15 or so for p from 1e-300 to 1 - 1e-16. Gives -infinity at 0, infinity at 1
  /// and NaN outside [0, 1]. Source: M. J. Wichura, Algorithm AS 241 (PPND16), Appl. Statist. 37 (1988).
  public static func normalQuantile(_ p: Double) -> Double {
    guard p >= 0, p <= 1 else { return .nan }
    if p == 0 { return -.infinity }
    if p == 1 { return .infinity }
    let q = p - 0.5
    if abs(q) <= 0.425 {
      let r = 0.180625 - q * q
      return q * horner(r, quantileCentreTop) / horner(r, quantileCentreBottom)
    }
    let r = (-log(q < 0 ? p : 1 - p)).squareRoot()
    let magnitude =
      r <= 5
      ? horner(r - 1.6, quantileMiddleTop) / horner(r - 1.6, quantileMiddleBottom)
      : horner(r - 5, quantileTailTop) / horner(r - 5, quantileTailBottom)
    return q < 0 ? -magnitude : magnitude
  }

  // MARK: Elementary laws

  /// The distribution function 1 - exp(-rate x) of the exponential law, 0 for x <= 0.
  ///
  /// Computed with expm1, accurate to a few units in the last place. Requires a positive rate.
  public static func exponentialCDF(_ x: Double, rate: Double = 1) -> Double {
    guard rate > 0, !x.isNaN else { return .nan }
    return x <= 0 ? 0 : -expm1(-rate * x)
  }

  /// The distribution function of the uniform law on [lower, upper], clamped to [0, 1] outside it.
  ///
  /// Requires lower < upper.
  public static func uniformCDF(_ x: Double, lower: Double = 0, upper: Double = 1) -> Double {
    guard lower < upper, !x.isNaN else { return .nan }
    if x <= lower { return 0 }
    return x >= upper ? 1 : (x - lower) / (upper - lower)
  }

  /// The distribution function of the Maxwell law: the length of a vector of three independent normal
  /// components of mean zero and standard deviation `scale`, i.e. scale times the root of a chi-square
  /// variable with three degrees of freedom.
  ///
  /// P(3/2, x^2/2) for a reduced x below 1, erf(x/sqrt(2)) - sqrt(2/pi) x exp(-x^2/2) above; relative
  /// accuracy 1e-14. Requires a positive scale. 0 for x <= 0.
  public static func maxwellCDF(_ x: Double, scale: Double = 1) -> Double {
    guard scale > 0, !x.isNaN else { return .nan }
    let t = x / scale
    if t <= 0 { return 0 }
    if t < 1 { return gammaP(1.5, 0.5 * t * t) }
    if t > 40 { return 1 }
    return erf(t * 0.5.squareRoot()) - (2 / Double.pi).squareRoot() * t * exp(-0.5 * t * t)
  }

  // MARK: Gamma and chi-square laws

  /// The regularised lower incomplete gamma function P(a, x): the distribution function at x of the gamma
  /// law of shape a and scale 1.
  ///
  /// Taylor series for x < a + 1, otherwise 1 - Q. Relative accuracy 1e-12 for a from 1e-3 to 5e6 wherever
  /// the result is above 1e-300; the cost grows as sqrt(a) near x = a. Requires a > 0; 0 for x <= 0.
  /// Source: NIST DLMF 8.7.1 and 8.9.2; prefactor after C. Loader, Fast and Accurate Computation of
  /// Binomial Probabilities (2000).
  public static func gammaP(_ a: Double, _ x: Double) -> Double {
    incompleteGamma(a, x).lower
  }

  /// The regularised upper incomplete gamma function Q(a, x) = 1 - P(a, x).
  ///
  /// Continued fraction by the modified Lentz method for x >= a + 1, otherwise 1 - P. Relative accuracy
  /// 1e-12, same domain as ``gammaP(_:_:)``, except that 1 - P loses digits for a below 0.1.
  public static func gammaQ(_ a: Double, _ x: Double) -> Double {
    incompleteGamma(a, x).upper
  }

  /// The distribution function of the gamma law of the given shape and scale (mean shape * scale).
  ///
  /// See ``gammaP(_:_:)`` for accuracy and domain; requires a positive scale.
  public static func gammaCDF(_ x: Double, shape: Double, scale: Double = 1) -> Double {
    guard scale > 0 else { return .nan }
    return gammaP(shape, x / scale)
  }

  /// P(X <= x) for a chi-square variable X, accurate in the lower tail: P(k/2, x/2).
  ///
  /// `degrees` (k) need not be whole; see ``gammaP(_:_:)`` for accuracy and domain (k up to 1e7).
  public static func chiSquareCDF(_ x: Double, degrees: Double) -> Double {
    gammaP(0.5 * degrees, 0.5 * x)
  }

  /// P(X >= x) for a chi-square variable X, accurate in the upper tail: Q(k/2, x/2).
  ///
  /// `degrees` (k) need not be whole; see ``gammaQ(_:_:)`` for accuracy and domain (k up to 1e7).
  public static func chiSquareSurvival(_ x: Double, degrees: Double) -> Double {
    gammaQ(0.5 * degrees, 0.5 * x)
  }

  /// Both tails (lower, upper) of a chi-square variable at x, from one evaluation.
  static func chiSquareTails(_ x: Double, degrees: Double) -> (lower: Double, upper: Double) {
    incompleteGamma(0.5 * degrees, 0.5 * x)
  }

  /// Both P(a, x) and Q(a, x); one is computed, the other is its complement.
  static func incompleteGamma(_ a: Double, _ x: Double) -> (lower: Double, upper: Double) {
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

  // MARK: Kolmogorov law

  /// P(K >= x) for the Kolmogorov law, the limit law of sqrt(n) sup |F_n - F|.
  ///
  /// 2 sum (-1)^(k-1) exp(-2 k^2 x^2) for x >= 1 and the theta-transformed series
  /// 1 - sqrt(2 pi)/x sum exp(-(2k-1)^2 pi^2 / (8 x^2)) below; relative accuracy 1e-12 down to 1e-300.
  /// 1 for x <= 0. Source: W. Feller, Ann. Math. Statist. 19 (1948) 177.
  public static func kolmogorovSurvival(_ x: Double) -> Double {
    if x.isNaN { return .nan }
    // Below 0.04 the complement is less than 1e-300.
    if x < 0.04 { return 1 }
    if x < 1 {
      let unit = Double.pi * Double.pi / (8 * x * x)
      // The fourth term is at most exp(-49 unit) < 1e-26.
      let sum = exp(-unit) + exp(-9 * unit) + exp(-25 * unit)
      return 1 - (2 * Double.pi).squareRoot() / x * sum
    }
    let unit = 2 * x * x
    // The fifth term is at most exp(-48) of the first.
    return 2 * (exp(-unit) - exp(-4 * unit) + exp(-9 * unit) - exp(-16 * unit))
  }

  // MARK: Parts of the incomplete gamma function

  /// x^a exp(-x) / Gamma(a + 1), without the cancellation of a log x - x - lgamma(a + 1) at large a.
  private static func poissonDensity(_ a: Double, _ x: Double) -> Double {
    if a < 10 { return exp(a * log(x) - x) / tgamma(a + 1) }
    return exp(-stirlingError(a) - deviance(a, x)) / (2 * Double.pi * a).squareRoot()
  }

  /// log Gamma(a + 1) - log(sqrt(2 pi a) (a/e)^a) for a >= 10.
  private static func stirlingError(_ a: Double) -> Double {
    let r = 1 / (a * a)
    return horner(r, stirlingCoefficients) / a
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
  static func atMostOne(_ p: Double) -> Double {
    p > 1 ? 1 : p
  }

  // MARK: Polynomials

  /// The polynomial of the given coefficients, lowest degree first.
  private static func horner(_ x: Double, _ coefficients: [Double]) -> Double {
    var value = 0.0
    for coefficient in coefficients.reversed() { value = value * x + coefficient }
    return value
  }

  private static let quantileCentreTop = [
    3.3871328727963666080, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
    4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3,
  ]
  private static let quantileCentreBottom = [
    1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
    2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3,
  ]
  private static let quantileMiddleTop = [
    1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
    1.27045825245236838258, 2.41780725177450611770e-1, 2.27238449892691845833e-2,
    7.74545014278341407640e-4,
  ]
  private static let quantileMiddleBottom = [
    1.0, 2.05319162663775882187, 1.67638483018380384940, 6.89767334985100004550e-1,
    1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
    1.05075007164441684324e-9,
  ]
  private static let quantileTailTop = [
    6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 2.96560571828504891230e-1,
    2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5,
    2.01033439929228813265e-7,
  ]
  private static let quantileTailBottom = [
    1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
    7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
    2.04426310338993978564e-15,
  ]
}
