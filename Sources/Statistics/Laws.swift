import Numerics
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
    if abs(q) <= NormalQuantile.centre { return NormalQuantile.central(q) }
    let magnitude = NormalQuantile.magnitude((-log(q < 0 ? p : 1 - p)).squareRoot())
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

  /// Both P(a, x) and Q(a, x).
  static func incompleteGamma(_ a: Double, _ x: Double) -> (lower: Double, upper: Double) {
    IncompleteGamma.tails(a, x)
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

  /// Cuts off a rounding error above 1; keeps NaN, which Swift.min(1, _) would turn into 1.
  static func atMostOne(_ p: Double) -> Double {
    p > 1 ? 1 : p
  }
}
