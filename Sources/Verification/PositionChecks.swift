import Platform
import Statistics

/// Independence of the noise of the coordinate's place in the row: sums over all rows, a place at a time.
enum PositionChecks {
  static func all(_ rows: NoiseRows, isUniform: Bool) -> [ChannelVerification.Check] {
    var sums = [Double](repeating: 0, count: rows.dimension)
    var squares = sums
    for row in 0..<rows.count {
      for i in 0..<rows.dimension {
        let value = rows.noise[row * rows.dimension + i]
        sums[i] += value
        squares[i] += value * value
      }
    }
    let n = Double(rows.count)
    let means = sums.map { $0 / n.squareRoot() }
    let sizes = squares.map { isUniform ? uniformScore($0, n: n) : normalScore($0, degrees: n) }
    return [
      .init("mean by position", together(means, n: rows.noise.count)),
      .init("mean by position, largest", largest(means, n: rows.noise.count)),
      .init("squares by position", together(sizes, n: rows.noise.count)),
      .init("squares by position, largest", largest(sizes, n: rows.noise.count)),
    ]
  }

  /// For squares of uniforms of variance 1: variance 4/5 and skewness 0.6389 each, of which the first-order
  /// (Cornish-Fisher) correction leaves nothing that matters from 100 rows on.
  private static func uniformScore(_ square: Double, n: Double) -> Double {
    let score = (square - n) / (0.8 * n).squareRoot()
    // Far out the correction would turn back; there it decides nothing.
    guard score.magnitude < 10 else { return score }
    return score - 0.6389 / n.squareRoot() / 6 * (score * score - 1)
  }

  /// The standard normal value with the tail that a chi-square value has: exact where a standardised sum would be
  /// skewed.
  private static func normalScore(_ square: Double, degrees: Double) -> Double {
    let lower = Laws.chiSquareCDF(square, degrees: degrees)
    if lower < 0.5 { return Laws.normalQuantile(lower) }
    return -Laws.normalQuantile(Laws.chiSquareSurvival(square, degrees: degrees))
  }

  /// Many places that are a little off: the sum of squares of d standard normals.
  private static func together(_ scores: [Double], n: Int) -> CheckResult {
    let statistic = scores.reduce(0) { $0 + $1 * $1 }
    let degrees = Double(scores.count)
    let tail = min(
      Laws.chiSquareCDF(statistic, degrees: degrees), Laws.chiSquareSurvival(statistic, degrees: degrees))
    let p = statistic.isNaN ? .nan : min(2 * tail, 1)
    return CheckResult(name: "together", statistic: statistic, pValue: p, sampleCount: n)
  }

  /// One place that is far off: the largest of d standard normals, P = 1 - (1 - p)^d.
  private static func largest(_ scores: [Double], n: Int) -> CheckResult {
    var size = 0.0
    for score in scores where !(score.magnitude <= size) { size = score.magnitude }
    let p = -expm1(Double(scores.count) * log1p(-Laws.normalTwoSided(size)))
    return CheckResult(name: "largest", statistic: size, pValue: p, sampleCount: n)
  }
}
