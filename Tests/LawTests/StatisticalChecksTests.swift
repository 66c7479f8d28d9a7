import Platform
import Statistics
import Testing

/// Reference values are from scipy 1.17.1, checked with mpmath at 40 digits where that is feasible.
@Suite struct LawsTests {
  @Test func normalLaw() {
    let table: [(Double, Double)] = [
      (-37, 5.7255712225239266e-300), (-20, 2.7536241186061556e-89), (-8, 6.22096057427174e-16),
      (-5, 2.866515718791933e-07), (-3, 0.0013498980316300933), (-1, 0.15865525393145707),
      (-0.1, 0.460172162722971), (0, 0.5), (0.25, 0.5987063256829237), (1, 0.8413447460685429),
      (2.5, 0.9937903346742238), (4, 0.9999683287581669), (6, 0.9999999990134123),
    ]
    for (x, expected) in table {
      #expect(isClose(Laws.normalCDF(x), expected), "Phi(\(x))")
      #expect(isClose(Laws.normalSurvival(-x), expected), "1 - Phi(\(-x))")
      #expect(isClose(Laws.normalCDF(3 + 2 * x, mean: 3, standardDeviation: 2), expected))
      #expect(isClose(Laws.normalTwoSided(x), 2 * Laws.normalCDF(-abs(x))))
    }
    #expect(Laws.normalCDF(0, standardDeviation: 0).isNaN)
  }

  @Test func normalQuantile() {
    let table: [(Double, Double)] = [
      (1e-300, -37.0470962993612), (1e-100, -21.273453560965322), (1e-20, -9.262340089798409),
      (1e-10, -6.361340902404056), (1e-06, -4.753424308822899), (0.001, -3.090232306167813),
      (0.02425, -1.972961051311885), (0.075, -1.4395314709384563), (0.3, -0.5244005127080409),
      (0.5, 0), (0.6, 0.2533471031357997), (0.925, 1.4395314709384563), (0.999, 3.090232306167813),
      (0.999999999, 5.997807019601637),
    ]
    for (p, expected) in table {
      #expect(isClose(Laws.normalQuantile(p), expected, within: 1e-13), "quantile of \(p)")
    }
    for step in 1..<1000 {
      let p = Double(step) / 1000
      #expect(isClose(Laws.normalCDF(Laws.normalQuantile(p)), p, within: 1e-14))
    }
    #expect(Laws.normalQuantile(0) == -.infinity)
    #expect(Laws.normalQuantile(1) == .infinity)
    #expect(Laws.normalQuantile(-0.1).isNaN)
    #expect(Laws.normalQuantile(1.1).isNaN)
    #expect(Laws.normalQuantile(.nan).isNaN)
  }

  @Test func gammaLaw() {
    let table: [(a: Double, x: Double, lower: Double, upper: Double)] = [
      (0.5, 1e-08, 0.00011283791633342464, 0.9998871620836666),
      (0.5, 0.3, 0.5614219739190003, 0.4385780260809997),
      (0.5, 20, 0.9999999997460371, 2.5396285894708634e-10),
      (1.5, 0.01, 0.0007477553393911979, 0.9992522446606088),
      (1.5, 1, 0.42759329552912023, 0.5724067044708798),
      (1.5, 40, 1, 3.0692774861724164e-17),
      (3, 2.5, 0.45618688411667035, 0.5438131158833297),
      (9.75, 4, 0.010439942242187087, 0.9895600577578129),
      (9.75, 30, 0.9999947327759598, 5.267224040191539e-06),
      (10.5, 10.5, 0.5410557911071779, 0.4589442088928217),
      (10.5, 60, 0.9999999999999993, 7.140801050767786e-16),
      (50, 20, 1.2458926079719434e-08, 0.9999999875410739),
      (50, 49, 0.46210439360094024, 0.5378956063990598),
      (50, 120, 0.9999999999998399, 1.6008226793344963e-13),
      (500, 500, 0.5059471461707603, 0.49405285382923964),
      (500, 620, 0.9999997184766771, 2.815233228954229e-07),
      (5000, 4700, 7.597064861941285e-06, 0.9999924029351381),
      (5000, 5400, 0.999999982793368, 1.72066319632398e-08),
      (5e4, 51000, 0.9999955880607448, 4.41193925512029e-06),
      // From mpmath: the series of scipy stops too early (off by 5e-9 here, by 5e-3 in the last row).
      (5e5, 496500, 3.50886065543942752e-7, 0.99999964911393446),
      (5e6, 5e6, 0.5000594708039379, 0.4999405291960622),
      (5e6, 5_011_000, 0.9999995581127687, 4.418872311951529e-07),
      (5e6, 4_988_000, 3.92129009467073387e-8, 0.99999996078709905),
    ]
    for row in table {
      #expect(isClose(Laws.gammaP(row.a, row.x), row.lower), "P(\(row.a), \(row.x))")
      #expect(isClose(Laws.gammaQ(row.a, row.x), row.upper), "Q(\(row.a), \(row.x))")
      #expect(isClose(Laws.gammaCDF(4 * row.x, shape: row.a, scale: 4), row.lower))
    }
    #expect(Laws.gammaP(2, 0) == 0)
    #expect(Laws.gammaQ(2, -1) == 1)
    #expect(Laws.gammaP(2, .infinity) == 1)
    #expect(Laws.gammaQ(5, 1e6) == 0)
    #expect(Laws.gammaP(0, 1).isNaN)
    #expect(Laws.gammaQ(1, .nan).isNaN)
  }

  @Test func chiSquareLaw() {
    let table: [(x: Double, degrees: Double, upper: Double, lower: Double)] = [
      (0.001, 1, 0.9747728793699604, 0.02522712063003961),
      (3.841458820694124, 1, 0.04999999999999989, 0.9500000000000001),
      (40, 2, 2.0611536224385566e-09, 0.9999999979388464),
      (7, 5, 0.22064030793671066, 0.7793596920632894),
      (150, 99, 0.0007204453957169282, 0.9992795546042831),
      (50, 99, 0.9999900545468124, 9.945453187536374e-06),
      (1200, 1000, 1.2255942330622893e-05, 0.9999877440576694),
      (1_010_000, 1_000_000, 9.068528823262108e-13, 0.9999999999990932),
    ]
    for row in table {
      let label = "\(row.x) with \(row.degrees) degrees"
      #expect(isClose(Laws.chiSquareSurvival(row.x, degrees: row.degrees), row.upper), "\(label)")
      #expect(isClose(Laws.chiSquareCDF(row.x, degrees: row.degrees), row.lower), "\(label)")
    }
  }

  @Test func maxwellLaw() {
    let table: [(Double, Double)] = [
      (1e-06, 2.659615202675428e-19), (0.001, 2.6596144047918106e-10), (0.1, 0.0002651650586556101),
      (0.5, 0.030859595783726757), (0.999, 0.19826434378171853), (1, 0.19874804309879915),
      (1.5, 0.47783281046460857), (3, 0.9707091134651118), (6, 0.9999999251162305), (0, 0), (-1, 0),
      (100, 1), (.infinity, 1),
    ]
    for (x, expected) in table {
      #expect(isClose(Laws.maxwellCDF(x), expected), "Maxwell law at \(x)")
      #expect(isClose(Laws.maxwellCDF(3 * x, scale: 3), expected), "Maxwell law at \(x)")
    }
    #expect(Laws.maxwellCDF(1, scale: -1).isNaN)
  }

  @Test func kolmogorovLaw() {
    let table: [(Double, Double)] = [
      (0.02, 1), (0.05, 1), (0.1, 1), (0.2, 0.999999999999495), (0.3, 0.9999906941986655),
      (0.5, 0.9639452436648751), (0.8, 0.5441424115741981), (0.99, 0.2808738392255489),
      (1, 0.26999967167735456), (1.01, 0.25943416909359746), (1.2, 0.11224966667072497),
      (1.358, 0.05002679733444698), (1.95, 0.00099591084288358), (2.7, 9.311431431566156e-07),
      (5, 3.8574996959278356e-22), (12, 1.6757885067638739e-125), (18, 7.554499944724249e-282),
      (0, 1), (-1, 1), (.infinity, 0),
    ]
    for (x, expected) in table {
      #expect(isClose(Laws.kolmogorovSurvival(x), expected), "Kolmogorov law at \(x)")
    }
    #expect(Laws.kolmogorovSurvival(.nan).isNaN)
  }

  @Test func elementaryLaws() {
    let table: [(Double, Double)] = [
      (1e-12, 9.999999999995e-13), (0.1, 0.09516258196404044), (1, 0.6321205588285577),
      (5, 0.9932620530009145), (40, 1), (0, 0), (-1, 0),
    ]
    for (x, expected) in table {
      #expect(isClose(Laws.exponentialCDF(x), expected), "exponential law at \(x)")
      #expect(isClose(Laws.exponentialCDF(x / 8, rate: 8), expected), "exponential law at \(x)")
    }
    #expect(Laws.exponentialCDF(1, rate: 0).isNaN)
    #expect(Laws.uniformCDF(0.25) == 0.25)
    #expect(Laws.uniformCDF(3, lower: 1, upper: 5) == 0.5)
    #expect(Laws.uniformCDF(-3) == 0)
    #expect(Laws.uniformCDF(3) == 1)
    #expect(Laws.uniformCDF(0.5, lower: 1, upper: 1).isNaN)
  }
}

@Suite struct StatisticalChecksTests {
  /// Forty values of a Student law with four degrees of freedom.
  static let student: [Double] = [
    2.24, 0.04, 0, -0.35, 0.61, 0.85, 0.58, 0.92, 1.71, -1.67, -1.7, 0.42, -1.49, 2.64, 2.21, -0.33,
    0.21, 0.13, 0.1, 2.05, -0.07, -0.6, -0.06, -2.42, -0.57, 0.59, 1.79, 0.92, -0.53, -0.68, -0.28,
    4.09, 0.47, -5.14, 1.83, 1.31, 0.86, 0.46, 1.47, -1.06,
  ]

  @Test func agreesWithSciPy() {
    let kurtosis = StatisticalChecks.kurtosis(sample: Self.student)
    #expect(isClose(kurtosis.statistic, 5.5160303129133625))
    #expect(isClose(kurtosis.pValue, 0.00967436304900722))
    #expect(kurtosis.sampleCount == 40)
    let smirnov = StatisticalChecks.kolmogorovSmirnov(sample: Self.student) { Laws.normalCDF($0) }
    #expect(isClose(smirnov.statistic, 0.16275727315175048))
    #expect(isClose(smirnov.pValue, 0.2186172717020035))
    // The exact p-value, from scipy.stats.kstest.
    #expect(isClose(smirnov.pValue, 0.2150419213641943, within: 0.02))
    let norm = StatisticalChecks.normMoment(sample: Self.student, variance: 1.5)
    #expect(isClose(norm.statistic, 66.06273333333333))
    #expect(isClose(norm.pValue, 0.011754230814555114))
    let mean = StatisticalChecks.meanCheck(sample: Self.student, mean: 0.3, variance: 1.5)
    #expect(isClose(mean.statistic, -0.058094750193110986))
    #expect(isClose(mean.pValue, 0.953673156071442))
    let fourth = StatisticalChecks.fourthMoment(sample: Self.student, variance: 2.25)
    #expect(isClose(fourth.statistic, 5.88108274039506))
    #expect(isClose(fourth.pValue, 0.11196665809952282))
    let serial = StatisticalChecks.serialCorrelation(sample: Self.student, lag: 3)
    #expect(isClose(serial.statistic, -0.04856491678396411))
    #expect(isClose(serial.pValue, 0.8668485885873947))
    let reversedSquares = Self.student.reversed().map { $0 * $0 }
    let cross = StatisticalChecks.crossCorrelation(Self.student, reversedSquares)
    #expect(isClose(cross.statistic, 0.17086195885693534))
    #expect(isClose(cross.pValue, 0.2859571192118665))
    let fifths = [Double](repeating: 0.2, count: 5)
    let regular = StatisticalChecks.chiSquare(counts: [18, 25, 16, 21, 20], probabilities: fifths)
    #expect(isClose(regular.statistic, 2.3))
    #expect(isClose(regular.pValue, 0.6387450929878022))
    #expect(regular.sampleCount == 100)
    let irregular = StatisticalChecks.chiSquare(counts: [30, 5, 25, 20, 20], probabilities: fifths)
    #expect(isClose(irregular.statistic, 17.5))
    #expect(isClose(irregular.pValue, 0.00308999583975715))
  }

  @Test func chiSquareMergesCells() {
    // Expectations 2, 3, 45, 46, 4: the first two make a cell, the last joins its neighbor.
    let merged = StatisticalChecks.chiSquare(
      counts: [5, 3, 40, 47, 5], probabilities: [0.02, 0.03, 0.45, 0.46, 0.04])
    let byHand = StatisticalChecks.chiSquare(counts: [8, 40, 52], probabilities: [0.05, 0.45, 0.5])
    #expect(isClose(merged.statistic, byHand.statistic))
    #expect(isClose(merged.pValue, byHand.pValue))
    let coarse = StatisticalChecks.chiSquare(
      counts: [5, 3, 40, 47, 5], probabilities: [0.02, 0.03, 0.45, 0.46, 0.04], minimumExpectation: 46)
    let byHandCoarse = StatisticalChecks.chiSquare(counts: [48, 52], probabilities: [0.5, 0.5])
    #expect(isClose(coarse.statistic, byHandCoarse.statistic))
    let impossible = StatisticalChecks.chiSquare(counts: [50, 1, 49], probabilities: [0.5, 0, 0.5])
    #expect(impossible.pValue == 0)
    #expect(!impossible.passes())
  }

  @Test func chiSquareAllowsForWholeNumbers() {
    // P(exactly half heads in a million throws) is sqrt(2 / (pi n)) = 7.98e-4, not 0.
    let coin = StatisticalChecks.chiSquare(counts: [500_000, 500_000], probabilities: [0.5, 0.5])
    #expect(coin.statistic == 0)
    #expect(isClose(coin.pValue, 2 * 7.978845608e-4, within: 1e-5))
    let nearly = StatisticalChecks.chiSquare(counts: [500_001, 499_999], probabilities: [0.5, 0.5])
    #expect(isClose(nearly.pValue, 6 * 7.978845608e-4, within: 1e-5))
    // A hundred cells of exactly equal counts are not random.
    let counts = [Int](repeating: 1000, count: 100)
    let cells = [Double](repeating: 0.01, count: 100)
    #expect(StatisticalChecks.chiSquare(counts: counts, probabilities: cells).pValue < 1e-6)
  }

  @Test func rejectsWhatCannotBeJudged() {
    let none: [Double] = []
    let broken = Self.student + [.nan]
    let endless = Self.student + [.infinity]
    let constant = [Double](repeating: 1, count: 40)
    var results: [CheckResult] = []
    for sample in [none, broken, endless] {
      results.append(StatisticalChecks.kolmogorovSmirnov(sample: sample) { Laws.normalCDF($0) })
      results.append(
        StatisticalChecks.uniformityChiSquare(sample: sample, cdf: { Laws.normalCDF($0) }, cells: 4))
      results.append(StatisticalChecks.meanCheck(sample: sample, mean: 0, variance: 1))
      results.append(StatisticalChecks.normMoment(sample: sample, variance: 1))
      results.append(StatisticalChecks.fourthMoment(sample: sample, variance: 1))
    }
    for sample in [none, broken, endless, constant] {
      results.append(StatisticalChecks.kurtosis(sample: sample))
      results.append(StatisticalChecks.serialCorrelation(sample: sample, lag: 1))
      results.append(StatisticalChecks.crossCorrelation(sample, sample))
    }
    results.append(StatisticalChecks.crossCorrelation(Self.student, Array(Self.student.dropLast())))
    results.append(StatisticalChecks.serialCorrelation(sample: Self.student, lag: 0))
    results.append(StatisticalChecks.serialCorrelation(sample: Self.student, lag: 20))
    results.append(StatisticalChecks.meanCheck(sample: Self.student, mean: 0, variance: 0))
    results.append(StatisticalChecks.normMoment(sample: Self.student, variance: -1))
    results.append(StatisticalChecks.fourthMoment(sample: Self.student, variance: .nan))
    results.append(StatisticalChecks.kolmogorovSmirnov(sample: Self.student) { $0 })
    results.append(StatisticalChecks.uniformityChiSquare(sample: Self.student, cdf: { $0 }, cells: 4))
    results.append(StatisticalChecks.chiSquare(counts: [10, 10], probabilities: [0.5, 0.4]))
    results.append(StatisticalChecks.chiSquare(counts: [10, 10], probabilities: [0.5]))
    results.append(StatisticalChecks.chiSquare(counts: [10, -1], probabilities: [0.5, 0.5]))
    results.append(StatisticalChecks.chiSquare(counts: [0, 0], probabilities: [0.5, 0.5]))
    results.append(StatisticalChecks.chiSquare(counts: [4, 4], probabilities: [0.5, 0.5]))
    for result in results {
      #expect(result.pValue.isNaN, "\(result)")
      #expect(!result.passes(), "\(result)")
    }
  }

  @Test func describesItself() {
    let result = CheckResult(name: "name", statistic: 1.5, pValue: 0.25, sampleCount: 3)
    #expect(result.description == "name: statistic 1.5, p 0.25, n 3")
    #expect(result.passes())
    #expect(!result.passes(falseAlarm: 0.5))
  }
}

/// Under the null hypothesis the p-values of several hundred small samples are themselves uniform.
@Suite struct StatisticsOfNullCalibration {
  static let repetitions = 600

  @Test func kolmogorovSmirnov() {
    var random = Random(seed: 1)
    expectUniform { _ in
      StatisticalChecks.kolmogorovSmirnov(sample: random.normals(100)) { Laws.normalCDF($0) }
    }
    expectUniform { _ in
      StatisticalChecks.kolmogorovSmirnov(sample: random.speeds(50)) { Laws.maxwellCDF($0) }
    }
    expectUniform { _ in
      StatisticalChecks.kolmogorovSmirnov(sample: random.exponentials(100)) {
        Laws.exponentialCDF($0)
      }
    }
  }

  @Test func chiSquare() {
    let probabilities = [0.1, 0.2, 0.05, 0.25, 0.15, 0.25]
    var random = Random(seed: 2)
    expectUniform { _ in
      StatisticalChecks.chiSquare(
        counts: random.counts(2000, probabilities), probabilities: probabilities)
    }
  }

  @Test func uniformityChiSquare() {
    var random = Random(seed: 3)
    expectUniform { _ in
      StatisticalChecks.uniformityChiSquare(
        sample: random.normals(2000), cdf: { Laws.normalCDF($0) }, cells: 8)
    }
  }

  @Test func meanCheck() {
    var random = Random(seed: 4)
    expectUniform { _ in
      let sample = random.normals(20).map { 5 + 2 * $0 }
      return StatisticalChecks.meanCheck(sample: sample, mean: 5, variance: 4)
    }
  }

  @Test(arguments: [1, 2, 15, 400])
  func normMoment(count: Int) {
    var random = Random(seed: 5)
    expectUniform { _ in
      let sample = random.normals(count).map { 3 * $0 }
      return StatisticalChecks.normMoment(sample: sample, variance: 9)
    }
  }

  @Test func fourthMoment() {
    var random = Random(seed: 6)
    expectUniform { _ in
      let sample = random.normals(1000).map { 3 * $0 }
      return StatisticalChecks.fourthMoment(sample: sample, variance: 9)
    }
  }

  @Test func kurtosis() {
    var random = Random(seed: 7)
    expectUniform { _ in
      let sample = random.normals(500).map { 7 + 3 * $0 }
      return StatisticalChecks.kurtosis(sample: sample)
    }
  }

  @Test(arguments: [1, 2, 30])
  func serialCorrelation(lag: Int) {
    var random = Random(seed: 8)
    expectUniform { _ in
      StatisticalChecks.serialCorrelation(sample: random.normals(200), lag: lag)
    }
    expectUniform { _ in
      StatisticalChecks.serialCorrelation(sample: random.uniforms(200), lag: lag)
    }
  }

  @Test func crossCorrelation() {
    var random = Random(seed: 9)
    expectUniform { _ in
      StatisticalChecks.crossCorrelation(random.normals(200), random.uniforms(200))
    }
    expectUniform { index in
      // One series may be anything, here a ramp.
      StatisticalChecks.crossCorrelation(
        random.normals(200), (0..<200).map { Double($0 + index) })
    }
  }

  private func expectUniform(
    sourceLocation: SourceLocation = #_sourceLocation, _ check: (Int) -> CheckResult
  ) {
    let pValues = (0..<Self.repetitions).map { check($0).pValue }
    let result = StatisticalChecks.kolmogorovSmirnov(sample: pValues) { Laws.uniformCDF($0) }
    #expect(result.passes(falseAlarm: 1e-3), "\(result)", sourceLocation: sourceLocation)
  }
}

/// Each check passes a good sample of a million values and rejects a slightly broken one.
@Suite struct StatisticsOfPower {
  static let count = 1_000_000
  /// A million standard normal values, and a million others.
  static let normals: [Double] = {
    var random = Random(seed: 100)
    return random.normals(count)
  }()
  static let others: [Double] = {
    var random = Random(seed: 101)
    return random.normals(count)
  }()

  @Test func kolmogorovSmirnov() {
    func check(_ sample: [Double]) -> CheckResult {
      StatisticalChecks.kolmogorovSmirnov(sample: sample) { Laws.normalCDF($0) }
    }
    expectPass(check(Self.normals))
    expectReject(check(Self.normals.map { $0 + 0.01 }))
    // One per cent of sigma moves F by 0.0024 only, so that this test needs two.
    expectReject(check(Self.normals.map { 1.02 * $0 }))
    // The logistic law of the same variance.
    var random = Random(seed: 102)
    let scale = 3.squareRoot() / Double.pi
    expectReject(check(random.uniforms(100_000).map { scale * log($0 / (1 - $0)) }))
  }

  @Test func kolmogorovSmirnovOfSpeeds() {
    var random = Random(seed: 103)
    let speeds = random.speeds(200_000)
    expectPass(StatisticalChecks.kolmogorovSmirnov(sample: speeds) { Laws.maxwellCDF($0) })
    expectReject(
      StatisticalChecks.kolmogorovSmirnov(sample: speeds) { Laws.maxwellCDF($0, scale: 1.01) })
    expectReject(
      StatisticalChecks.kolmogorovSmirnov(sample: speeds) { Laws.gammaCDF($0, shape: 1.5) })
  }

  @Test func chiSquare() {
    var random = Random(seed: 104)
    let fair = [Double](repeating: 1 / 6.0, count: 6)
    let good = random.counts(Self.count, fair)
    expectPass(StatisticalChecks.chiSquare(counts: good, probabilities: fair))
    // One side comes up two per cent too often.
    let loaded = random.counts(Self.count, [1.02 / 6, 0.98 / 6, 1 / 6.0, 1 / 6.0, 1 / 6.0, 1 / 6.0])
    expectReject(StatisticalChecks.chiSquare(counts: loaded, probabilities: fair))
  }

  @Test func uniformityChiSquare() {
    func check(_ sample: [Double]) -> CheckResult {
      StatisticalChecks.uniformityChiSquare(sample: sample, cdf: { Laws.normalCDF($0) }, cells: 100)
    }
    expectPass(check(Self.normals))
    expectReject(check(Self.normals.map { 1.01 * $0 }))
    expectReject(check(Self.normals.map { $0 + 0.01 }))
    // Too regular: a grid of quantiles.
    let step = 1e-5
    expectReject(check((0..<100_000).map { Laws.normalQuantile((Double($0) + 0.5) * step) }))
  }

  @Test func meanCheck() {
    expectPass(StatisticalChecks.meanCheck(sample: Self.normals, mean: 0, variance: 1))
    let shifted = Self.normals.map { $0 + 0.01 }
    expectReject(StatisticalChecks.meanCheck(sample: shifted, mean: 0, variance: 1))
    let other = Self.normals.map { $0 - 0.01 }
    expectReject(StatisticalChecks.meanCheck(sample: other, mean: 0, variance: 1))
  }

  @Test func normMoment() {
    expectPass(StatisticalChecks.normMoment(sample: Self.normals, variance: 1))
    for factor in [0.99, 1.01] {
      let sample = Self.normals.map { factor * $0 }
      expectReject(StatisticalChecks.normMoment(sample: sample, variance: 1))
    }
  }

  @Test func fourthMoment() {
    expectPass(StatisticalChecks.fourthMoment(sample: Self.normals, variance: 1))
    for factor in [0.99, 1.01] {
      let sample = Self.normals.map { factor * $0 }
      expectReject(StatisticalChecks.fourthMoment(sample: sample, variance: 1))
    }
    let uniforms = centredUniforms()
    expectReject(StatisticalChecks.fourthMoment(sample: uniforms, variance: 1))
  }

  @Test func kurtosis() {
    expectPass(StatisticalChecks.kurtosis(sample: Self.normals))
    // One value in two hundred has twice the standard deviation.
    let mixture = Self.normals.enumerated().map { $0.offset % 200 == 0 ? 2 * $0.element : $0.element }
    expectReject(StatisticalChecks.kurtosis(sample: mixture))
    // The sum of twelve uniform values, kurtosis 2.9.
    var random = Random(seed: 105)
    let sums = (0..<200_000).map { _ in
      var sum = -6.0
      for _ in 0..<12 { sum += random.uniform() }
      return sum
    }
    expectReject(StatisticalChecks.kurtosis(sample: sums))
    expectReject(StatisticalChecks.kurtosis(sample: centredUniforms()))
  }

  @Test(arguments: [1, 2, 1000])
  func serialCorrelation(lag: Int) {
    expectPass(StatisticalChecks.serialCorrelation(sample: Self.normals, lag: lag))
    for correlation in [-0.01, 0.01] {
      var sample = Self.normals
      for index in lag..<Self.count {
        sample[index] += correlation * sample[index - lag]
      }
      expectReject(StatisticalChecks.serialCorrelation(sample: sample, lag: lag))
    }
  }

  @Test func crossCorrelation() {
    expectPass(StatisticalChecks.crossCorrelation(Self.normals, Self.others))
    for correlation in [-0.01, 0.01] {
      let mixed = (0..<Self.count).map { correlation * Self.normals[$0] + Self.others[$0] }
      expectReject(StatisticalChecks.crossCorrelation(Self.normals, mixed))
    }
  }

  /// Uniform values of mean zero and variance one.
  private func centredUniforms() -> [Double] {
    var random = Random(seed: 106)
    return random.uniforms(10_000).map { (2 * $0 - 1) * 3.squareRoot() }
  }

  private func expectPass(
    _ result: CheckResult, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(result.passes(falseAlarm: 1e-3), "\(result)", sourceLocation: sourceLocation)
  }

  private func expectReject(
    _ result: CheckResult, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(result.pValue < 1e-6, "\(result)", sourceLocation: sourceLocation)
  }
}

// MARK: Helpers

private func isClose(_ value: Double, _ expected: Double, within tolerance: Double = 1e-12) -> Bool {
  value == expected || abs(value - expected) <= tolerance * abs(expected)
}

/// SplitMix64 with Box-Muller normal values, independent of the code under test.
private struct Random {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// In the open interval from 0 to 1.
  mutating func uniform() -> Double {
    (Double(next() >> 12) + 0.5) * 0x1p-52
  }

  mutating func uniforms(_ count: Int) -> [Double] {
    (0..<count).map { _ in uniform() }
  }

  mutating func exponentials(_ count: Int) -> [Double] {
    (0..<count).map { _ in -log(uniform()) }
  }

  mutating func normals(_ count: Int) -> [Double] {
    var values: [Double] = []
    values.reserveCapacity(count + 1)
    while values.count < count {
      let radius = (-2 * log(uniform())).squareRoot()
      let angle = 2 * Double.pi * uniform()
      values.append(radius * cos(angle))
      values.append(radius * sin(angle))
    }
    if values.count > count { values.removeLast() }
    return values
  }

  mutating func speeds(_ count: Int) -> [Double] {
    let components = normals(3 * count)
    return (0..<count).map { index in
      let x = components[3 * index]
      let y = components[3 * index + 1]
      let z = components[3 * index + 2]
      return (x * x + y * y + z * z).squareRoot()
    }
  }

  mutating func counts(_ total: Int, _ probabilities: [Double]) -> [Int] {
    var counts = [Int](repeating: 0, count: probabilities.count)
    for _ in 0..<total {
      var rest = uniform()
      var cell = 0
      while cell < probabilities.count - 1, rest >= probabilities[cell] {
        rest -= probabilities[cell]
        cell += 1
      }
      counts[cell] += 1
    }
    return counts
  }
}
