import Statistics

/// The distribution of the noise: of a coordinate, of a row's norm.
enum LawChecks {
  static func all(_ rows: NoiseRows, isUniform: Bool) -> [ChannelVerification.Check] {
    let noise = rows.noise
    let bound = 3.0.squareRoot()
    let cdf = { (x: Double) in isUniform ? Laws.uniformCDF(x, lower: -bound, upper: bound) : Laws.normalCDF(x) }
    var checks: [ChannelVerification.Check] = [
      .init("law, Kolmogorov-Smirnov", StatisticalChecks.kolmogorovSmirnov(sample: noise, cdf: cdf)),
      .init("law, 1000 cells", StatisticalChecks.uniformityChiSquare(sample: noise, cdf: cdf, cells: 1000)),
      .init("mean", StatisticalChecks.meanCheck(sample: noise, mean: 0, variance: 1)),
    ]
    if isUniform {
      // For u uniform of variance 1: E u^2 = 1, Var u^2 = 9/5 - 1; E u^4 = 9/5, Var u^4 = 9 - 81/25.
      checks += [
        .init("norm", StatisticalChecks.meanCheck(sample: noise.map { $0 * $0 }, mean: 1, variance: 0.8)),
        .init(
          "fourth moment",
          StatisticalChecks.meanCheck(sample: noise.map { $0 * $0 * $0 * $0 }, mean: 1.8, variance: 5.76)),
        .init("law in model coordinates", skipped: "not a known law: sums of uniforms"),
        .init("law of a row's norm", skipped: "not a known law: sums of squares of uniforms"),
      ]
      return checks
    }
    checks += [
      .init("norm", StatisticalChecks.normMoment(sample: noise, variance: 1)),
      .init("fourth moment", StatisticalChecks.fourthMoment(sample: noise, variance: 1)),
    ]
    if let model = rows.modelNoise {
      checks.append(
        .init("law in model coordinates", StatisticalChecks.kolmogorovSmirnov(sample: model, cdf: cdf)))
    } else {
      checks.append(.init("law in model coordinates", skipped: "they are the channel's own"))
    }
    // A row as one: what a dependence over a whole row or block changes first.
    let degrees = Double(rows.dimension)
    checks.append(
      .init(
        "law of a row's norm",
        StatisticalChecks.kolmogorovSmirnov(sample: rows.squares) { Laws.chiSquareCDF($0, degrees: degrees) }))
    return checks
  }
}

extension NoiseRows {
  /// |noise|^2 of each row.
  var squares: [Double] {
    (0..<count).map { row in
      var sum = 0.0
      for i in row * dimension..<(row + 1) * dimension { sum += noise[i] * noise[i] }
      return sum
    }
  }
}
