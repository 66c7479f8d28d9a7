import Platform

/// What a statistical check found.
///
/// Input that cannot be judged (too few values, a NaN or infinity in the sample, parameters out of range)
/// gives a NaN p-value, which ``passes(falseAlarm:)`` counts as a failure.
public struct CheckResult: Sendable, CustomStringConvertible {
  /// The name of the check.
  public let name: String
  /// The test statistic; its meaning depends on the check.
  public let statistic: Double
  /// The probability, under the null hypothesis, of a statistic at least as extreme; NaN if undefined.
  public let pValue: Double
  /// The number of observations that went into the statistic.
  public let sampleCount: Int

  /// Makes a result of the four values.
  public init(name: String, statistic: Double, pValue: Double, sampleCount: Int) {
    self.name = name
    self.statistic = statistic
    self.pValue = pValue
    self.sampleCount = sampleCount
  }

  /// Whether the null hypothesis survives at the given false-alarm probability. False for a NaN p-value.
  public func passes(falseAlarm: Double = 1e-6) -> Bool {
    pValue >= falseAlarm
  }

  /// One line with all four values, for failure messages.
  public var description: String {
    "\(name): statistic \(statistic), p \(pValue), n \(sampleCount)"
  }
}

/// Hypothesis tests for samples made by the code under test.
///
/// All p-values are two-sided unless stated otherwise, and their tails are good enough to be compared with
/// a false-alarm probability of 1e-6 at the sample sizes stated with each check. Samples are taken to be
/// independent: a correlated series must be thinned, or its effective size allowed for, by the caller.
public enum StatisticalChecks {
  // MARK: Whole distributions

  /// Kolmogorov-Smirnov test of a sample against a fully specified continuous law.
  ///
  /// Null hypothesis: the values are independent with distribution function `cdf`. The statistic is
  /// D = sup |F_n - F|, which counts departures to either side. The p-value P(D >= d) is asymptotic, from
  /// the Kolmogorov law at d (sqrt(n) + 0.12 + 0.11/sqrt(n)). Against the exact law it is within 4 % for
  /// n >= 100 down to p = 1e-6 and within 12 % for n >= 50; for n of 20, 10 and 5 it is too large there by
  /// factors of 1.7, 4 and 65, i.e. safe. A sample that fits too well is not rejected (p near 1): use
  /// ``uniformityChiSquare(sample:cdf:cells:)`` for that. For n = 1e7 it takes a few seconds.
  /// Source: M. A. Stephens, J. Roy. Statist. Soc. B 32 (1970) 115.
  public static func kolmogorovSmirnov(sample: [Double], cdf: (Double) -> Double) -> CheckResult {
    let name = "Kolmogorov-Smirnov"
    guard !sample.isEmpty, allFinite(sample) else { return undefined(name, sample.count) }
    var sorted = sample
    // With a closure this is ten times as fast as sort() in a debug build.
    sorted.sort(by: { $0 < $1 })
    let n = Double(sorted.count)
    var distance = 0.0
    var below = 0.0
    for x in sorted {
      let f = cdf(x)
      guard f >= 0, f <= 1 else { return undefined(name, sample.count) }
      let under = f - below / n
      below += 1
      let over = below / n - f
      if under > distance { distance = under }
      if over > distance { distance = over }
    }
    let root = n.squareRoot()
    let p = Laws.kolmogorovSurvival(distance * (root + 0.12 + 0.11 / root))
    return CheckResult(name: name, statistic: distance, pValue: p, sampleCount: sample.count)
  }

  /// Pearson's chi-square test of counts against given cell probabilities.
  ///
  /// Null hypothesis: the counts are multinomial with these probabilities (which must sum to 1 within
  /// 1e-9; give the tail of an unbounded law its own cell). Neighboring cells are merged, first to last,
  /// until every expected count reaches `minimumExpectation`; a count in a cell of probability zero gives
  /// p = 0. The statistic is the sum of (observed - expected)^2 / expected.
  ///
  /// The p-value is asymptotic: twice the smaller tail of the chi-square law with (cells - 1) degrees of
  /// freedom, so that counts which are too regular are rejected as well. Counts being whole numbers, a
  /// statistic near zero is likelier than that law says, so the probability of the likeliest counts (normal
  /// approximation of the multinomial law) is added to the lower tail. That is exact to leading order for
  /// two cells; for more cells the lower side is at worst (a dozen equal cells of whole expectation 5, p near
  /// 1e-6) too small by a factor of 5, mostly less than 2. The upper side is too small by a factor of about
  /// 2 at p = 1e-5 for expectations of 5 and of 1.3 for 20 (20 equal cells, by simulation), so raise
  /// `minimumExpectation` to 20 or more when comparing with 1e-6. Source: W. G. Cochran, Ann. Math. Statist.
  /// 23 (1952) 315; the allowance for whole numbers is our own.
  public static func chiSquare(
    counts: [Int], probabilities: [Double], minimumExpectation: Double = 5
  ) -> CheckResult {
    chiSquare(
      name: "chi-square", counts: counts, probabilities: probabilities,
      minimumExpectation: minimumExpectation)
  }

  /// Chi-square test of a sample against a fully specified continuous law, over equiprobable cells.
  ///
  /// Null hypothesis: the values are independent with distribution function `cdf`, so that cdf(x) is
  /// uniform on [0, 1]; the interval is cut into `cells` equal cells, which are counted and handed to the
  /// test of ``chiSquare(counts:probabilities:minimumExpectation:)``. Asymptotic p-value; for p = 1e-6 to
  /// hold within a factor of 1.5 or so use at least 20 values per cell. Source: H. B. Mann and A. Wald,
  /// Ann. Math. Statist. 13 (1942) 306.
  public static func uniformityChiSquare(
    sample: [Double], cdf: (Double) -> Double, cells: Int
  ) -> CheckResult {
    let name = "uniformity chi-square"
    guard cells >= 2, allFinite(sample) else { return undefined(name, sample.count) }
    var counts = [Int](repeating: 0, count: cells)
    let width = Double(cells)
    for x in sample {
      let u = cdf(x)
      guard u >= 0, u <= 1 else { return undefined(name, sample.count) }
      counts[min(Int(u * width), cells - 1)] += 1
    }
    let probabilities = [Double](repeating: 1 / width, count: cells)
    return chiSquare(name: name, counts: counts, probabilities: probabilities, minimumExpectation: 5)
  }

  // MARK: Moments

  /// Test of the mean of a sample of known variance.
  ///
  /// Null hypothesis: independent values of the given mean and variance. The statistic is
  /// z = sqrt(n) (average - mean) / sigma. The two-sided p-value is exact for a normal law and any n >= 1;
  /// for another law of finite variance it is asymptotic, and the tail at 1e-6 is off by a factor of about
  /// exp(18 skewness / sqrt(n)), so have n >= 1000 skewness^2 at the least. Source: central limit theorem;
  /// tail factor from the Cramer series, W. Feller, An Introduction to Probability Theory II, XVI.7.
  public static func meanCheck(sample: [Double], mean: Double, variance: Double) -> CheckResult {
    let name = "mean"
    guard !sample.isEmpty, variance > 0 else { return undefined(name, sample.count) }
    var sum = 0.0
    for x in sample { sum += x - mean }
    let z = sum / (Double(sample.count) * variance).squareRoot()
    guard z.isFinite else { return undefined(name, sample.count) }
    return CheckResult(
      name: name, statistic: z, pValue: Laws.normalTwoSided(z), sampleCount: sample.count)
  }

  /// Test of the variance of a normal sample of mean zero, e.g. of the components of random vectors.
  ///
  /// Null hypothesis: independent normal values of mean zero and the given variance. The statistic, the sum
  /// of squares over the variance, is then chi-square with n degrees of freedom. Exact p-value, twice the
  /// smaller tail, for any n >= 1 (measured up to 1e7). Not for laws other than the normal, whose sum of
  /// squares has another variance. Source: N. L. Johnson, S. Kotz and N. Balakrishnan, Continuous
  /// Univariate Distributions I, ch. 18.
  public static func normMoment(sample: [Double], variance: Double) -> CheckResult {
    let name = "norm"
    guard !sample.isEmpty, variance > 0 else { return undefined(name, sample.count) }
    var sum = 0.0
    for x in sample { sum += x * x }
    let statistic = sum / variance
    guard statistic.isFinite else { return undefined(name, sample.count) }
    let tails = Laws.chiSquareTails(statistic, degrees: Double(sample.count))
    return CheckResult(
      name: name, statistic: statistic, pValue: twoSided(tails), sampleCount: sample.count)
  }

  /// Test of the fourth moment of a normal sample of mean zero and known variance.
  ///
  /// Null hypothesis: independent normal values of mean zero and the given variance. The statistic is the
  /// average of (x/sigma)^4, whose mean is 3 and variance 96/n. Two-sided asymptotic p-value from the
  /// shifted gamma (Pearson III) law that also has its skewness, 10.1/sqrt(n). Against the exact law it is
  /// within 11 % at p = 1e-6 for n >= 1e4 and 1 % for n >= 1e5, but too small by a factor of 4 at
  /// n = 1000; below that do not compare it with 1e-6. Source: moments of the normal law; fit as in
  /// K. Pearson, Phil. Trans. R. Soc. A 186 (1895) 343.
  public static func fourthMoment(sample: [Double], variance: Double) -> CheckResult {
    let name = "fourth moment"
    guard !sample.isEmpty, variance > 0 else { return undefined(name, sample.count) }
    let n = Double(sample.count)
    var excess = 0.0
    for x in sample {
      let square = x * x / variance
      excess += square * square - 3
    }
    let z = excess / (96 * n).squareRoot()
    guard z.isFinite else { return undefined(name, sample.count) }
    // The third central moment of the fourth power of a standard normal variable is 9504.
    let shape = 4 * n * (96 * 96 * 96) / (9504.0 * 9504.0)
    let tails = Laws.incompleteGamma(shape, shape + shape.squareRoot() * z)
    return CheckResult(
      name: name, statistic: 3 + excess / n, pValue: twoSided(tails), sampleCount: sample.count)
  }

  /// Test of the kurtosis of a normal sample of unknown mean and variance.
  ///
  /// Null hypothesis: independent normal values. The statistic is b2 = m4/m2^2 (3 for the normal law).
  /// Two-sided asymptotic p-value by the Anscombe-Glynn transformation. Valid for n >= 20 at p = 0.01; in
  /// simulation the p-value is too small by a factor of 2 to 3 at p = 1e-5 for n = 1000, and right within
  /// the noise (30 % at 1e-4) for n = 1e4: have n >= 1e4 when comparing with 1e-6. Source: F. J. Anscombe
  /// and W. J. Glynn, Biometrika 70 (1983) 227.
  public static func kurtosis(sample: [Double]) -> CheckResult {
    let name = "kurtosis"
    guard sample.count >= 20 else { return undefined(name, sample.count) }
    let n = Double(sample.count)
    let centre = average(sample)
    var second = 0.0
    var fourth = 0.0
    for x in sample {
      let square = (x - centre) * (x - centre)
      second += square
      fourth += square * square
    }
    let b2 = n * fourth / (second * second)
    guard b2.isFinite else { return undefined(name, sample.count) }
    let z = anscombeGlynn(b2, n)
    return CheckResult(
      name: name, statistic: b2, pValue: Laws.normalTwoSided(z), sampleCount: sample.count)
  }

  // MARK: Correlations

  /// Test of the correlation of a series with itself, `lag` places on.
  ///
  /// Null hypothesis: independent, equally distributed values of finite variance; mean and variance may be
  /// unknown. The statistic is r = sum (x_i - m)(x_(i+lag) - m) / sum (x_i - m)^2. The two-sided p-value is
  /// asymptotic: r is taken as normal, with its exact mean -(n - lag)/(n (n - 1)), true of any exchangeable
  /// values, and the exact variance of a normal series, true of other laws up to O(1/n^2). Requires
  /// 1 <= lag < n/2 and n >= 20. Compare with 1e-6 at n >= 1000 for symmetric laws with light tails and
  /// n >= 1e4 for skewed ones (where it is still too small by a factor of 2 for the exponential law).
  /// Source: J.-M. Dufour and R. Roy, J. Econometrics 29 (1985) 257.
  public static func serialCorrelation(sample: [Double], lag: Int) -> CheckResult {
    let name = "serial correlation at lag \(lag)"
    let count = sample.count
    guard count >= 20, lag >= 1, lag < (count + 1) / 2 else { return undefined(name, count) }
    let n = Double(count)
    let k = Double(lag)
    let centre = average(sample)
    let deviations = sample.map { $0 - centre }
    var squares = 0.0
    for d in deviations { squares += d * d }
    var products = 0.0
    for index in lag..<count { products += deviations[index - lag] * deviations[index] }
    let r = products / squares
    guard r.isFinite else { return undefined(name, count) }
    let mean = -(n - k) / (n * (n - 1))
    // Dufour and Roy's variance, numerator and denominator divided by n^4.
    let inverse = 1 / n
    let top =
      1 - (k + 3) * inverse + 3 * k * inverse * inverse + 2 * k * (k + 1) * inverse * inverse * inverse
      - 4 * k * k * inverse * inverse * inverse * inverse
    let variance = top / ((n + 1) * (1 - inverse) * (1 - inverse))
    let p = Laws.normalTwoSided((r - mean) / variance.squareRoot())
    return CheckResult(name: name, statistic: r, pValue: p, sampleCount: count)
  }

  /// Test of the correlation of two series of equal length, pair by pair.
  ///
  /// Null hypothesis: the series are independent of each other and at least one of them has independent,
  /// equally distributed values, both of finite variance; if both are serially correlated the p-value is
  /// too small. The statistic is Pearson's r. The two-sided p-value is asymptotic, with
  /// z = r sqrt(n - 1), whose mean 0 and variance 1 are exact under permutation. Requires n >= 20; compare
  /// with 1e-6 at n >= 1000 (at n = 1000 it is too large by 15 % for normal laws), or n >= 1e4 if both laws
  /// are skewed. Source: E. J. G. Pitman, J. Roy. Statist. Soc. Suppl. 4 (1937) 225.
  public static func crossCorrelation(_ x: [Double], _ y: [Double]) -> CheckResult {
    let name = "cross-correlation"
    let count = min(x.count, y.count)
    guard count >= 20, x.count == y.count else { return undefined(name, count) }
    let centreX = average(x)
    let centreY = average(y)
    var squaresX = 0.0
    var squaresY = 0.0
    var products = 0.0
    for index in 0..<count {
      let dx = x[index] - centreX
      let dy = y[index] - centreY
      squaresX += dx * dx
      squaresY += dy * dy
      products += dx * dy
    }
    let r = products / (squaresX.squareRoot() * squaresY.squareRoot())
    guard r.isFinite else { return undefined(name, count) }
    let p = Laws.normalTwoSided(r * Double(count - 1).squareRoot())
    return CheckResult(name: name, statistic: r, pValue: p, sampleCount: count)
  }

  // MARK: Parts

  private static func undefined(_ name: String, _ count: Int) -> CheckResult {
    CheckResult(name: name, statistic: .nan, pValue: .nan, sampleCount: count)
  }

  private static func allFinite(_ sample: [Double]) -> Bool {
    for x in sample where !x.isFinite { return false }
    return true
  }

  private static func average(_ sample: [Double]) -> Double {
    // The second pass removes the rounding error of the first.
    var sum = 0.0
    for x in sample { sum += x }
    let first = sum / Double(sample.count)
    var rest = 0.0
    for x in sample { rest += x - first }
    return first + rest / Double(sample.count)
  }

  private static func twoSided(_ tails: (lower: Double, upper: Double)) -> Double {
    if tails.lower.isNaN || tails.upper.isNaN { return .nan }
    return Laws.atMostOne(2 * min(tails.lower, tails.upper))
  }

  private static func chiSquare(
    name: String, counts: [Int], probabilities: [Double], minimumExpectation: Double
  ) -> CheckResult {
    let total = counts.reduce(0, +)
    guard counts.count == probabilities.count, total > 0, counts.allSatisfy({ $0 >= 0 }),
      probabilities.allSatisfy({ $0 >= 0 }), abs(probabilities.reduce(0, +) - 1) <= 1e-9
    else { return undefined(name, total) }
    let n = Double(total)
    var cells: [(observed: Double, expected: Double)] = []
    var open = (observed: 0.0, expected: 0.0)
    for (count, probability) in zip(counts, probabilities) {
      if count > 0, probability == 0 {
        return CheckResult(name: name, statistic: .infinity, pValue: 0, sampleCount: total)
      }
      open.observed += Double(count)
      open.expected += n * probability
      if open.expected >= minimumExpectation, open.expected > 0 {
        cells.append(open)
        open = (0, 0)
      }
    }
    if let last = cells.popLast() {
      cells.append((last.observed + open.observed, last.expected + open.expected))
    }
    guard cells.count >= 2 else { return undefined(name, total) }
    var statistic = 0.0
    var logProduct = 0.0
    for cell in cells {
      let difference = cell.observed - cell.expected
      statistic += difference * difference / cell.expected
      logProduct += log(cell.expected)
    }
    let degrees = Double(cells.count - 1)
    // The probability of the likeliest counts.
    let mode = exp(0.5 * (log(n) - logProduct - degrees * log(2 * Double.pi)))
    let tails = Laws.chiSquareTails(statistic, degrees: degrees)
    let p = twoSided((tails.lower + mode, tails.upper))
    return CheckResult(name: name, statistic: statistic, pValue: p, sampleCount: total)
  }

  /// The kurtosis b2 of n normal values, transformed to a standard normal variable.
  private static func anscombeGlynn(_ b2: Double, _ n: Double) -> Double {
    let mean = 3 * (n - 1) / (n + 1)
    let variance = 24 * n * (n - 2) * (n - 3) / ((n + 1) * (n + 1) * (n + 3) * (n + 5))
    let x = (b2 - mean) / variance.squareRoot()
    let skewness =
      6 * (n * n - 5 * n + 2) / ((n + 7) * (n + 9))
      * (6 * (n + 3) * (n + 5) / (n * (n - 2) * (n - 3))).squareRoot()
    let a = 6 + 8 / skewness * (2 / skewness + (1 + 4 / (skewness * skewness)).squareRoot())
    let denominator = 1 + x * (2 / (a - 4)).squareRoot()
    if denominator <= 0 { return -.infinity }
    return (1 - 2 / (9 * a) - cbrt((1 - 2 / a) / denominator)) / (2 / (9 * a)).squareRoot()
  }
}
