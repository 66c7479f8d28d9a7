import Statistics

/// Independence of the noise: of neighbors, of other rows, of the update and of payload bits.
enum DependenceChecks {
  static func all(_ rows: NoiseRows) -> [ChannelVerification.Check] {
    neighbors(rows) + onTheUpdate(rows) + onBits(rows)
  }

  /// A lag over the end of a row pairs coordinates of two rows, which must be independent as well.
  private static func neighbors(_ rows: NoiseRows) -> [ChannelVerification.Check] {
    let squares = rows.noise.map { $0 * $0 }
    var checks: [ChannelVerification.Check] = []
    for lag in [1, 2] {
      checks.append(.init("neighbors, lag \(lag)", StatisticalChecks.serialCorrelation(sample: rows.noise, lag: lag)))
      checks.append(.init("their squares, lag \(lag)", StatisticalChecks.serialCorrelation(sample: squares, lag: lag)))
    }
    checks.append(
      .init("next row", StatisticalChecks.serialCorrelation(sample: rows.noise, lag: rows.dimension)))
    checks.append(
      .init("next row, squares", StatisticalChecks.serialCorrelation(sample: squares, lag: rows.dimension)))
    return checks
  }

  private static func onTheUpdate(_ rows: NoiseRows) -> [ChannelVerification.Check] {
    let sent = rows.sent
    let names = ["noise on x", "noise^2 on x^2", "noise along x, mean", "noise along x, size", "row's norm on |x|"]
    guard sent.contains(where: { $0 != 0 }) else { return names.map { .init($0, skipped: "x is zero") } }
    let squares = sent.map { $0 * $0 }
    // Without a cap a few large coordinates would decide, and the p-value with them.
    let cap = 4 * squares.reduce(0, +) / Double(squares.count)
    let (along, norms) = projections(rows)
    return [
      correlation(names[0], rows.noise, sent, constant: "x is constant"),
      correlation(
        names[1], rows.noise.map { $0 * $0 }, squares.map { min($0, cap) }, constant: "x^2 is constant"),
      .init(names[2], StatisticalChecks.meanCheck(sample: along, mean: 0, variance: 1)),
      // For uniforms the squares vary less than this law says, so that its p-value errs upwards.
      .init(names[3], StatisticalChecks.normMoment(sample: along, variance: 1)),
      correlation(names[4], rows.squares, norms, constant: "|x| is constant"),
    ]
  }

  /// The noise along x / |x| of each row with x != 0 has mean 0 and variance 1 whatever the law, as coordinates are
  /// independent; and |x| of every row.
  private static func projections(_ rows: NoiseRows) -> (along: [Double], norms: [Double]) {
    var along: [Double] = []
    var norms: [Double] = []
    for row in 0..<rows.count {
      var product = 0.0
      var square = 0.0
      for i in row * rows.dimension..<(row + 1) * rows.dimension {
        product += rows.noise[i] * rows.sent[i]
        square += rows.sent[i] * rows.sent[i]
      }
      let norm = square.squareRoot()
      norms.append(norm)
      if norm > 0 { along.append(product / norm) }
    }
    return (along, norms)
  }

  /// Bits are a function of shared randomness and update, as the noise is: of one row they do go with it. Of the row
  /// before they must not.
  private static func onBits(_ rows: NoiseRows) -> [ChannelVerification.Check] {
    [
      correlation(
        "row's norm on bits before", Array(rows.squares.dropFirst()), rows.payloadBits.dropLast().map(Double.init),
        constant: "bits are constant")
    ]
  }

  /// - Parameter reason: why there is nothing to check where `other` does not vary but for rounding.
  private static func correlation(
    _ name: String, _ noise: [Double], _ other: [Double], constant reason: String
  ) -> ChannelVerification.Check {
    let first = other.first ?? 0
    let isConstant = other.allSatisfy { abs($0 - first) <= 1e-9 * abs(first) }
    return isConstant
      ? .init(name, skipped: reason) : .init(name, StatisticalChecks.crossCorrelation(noise, other))
  }
}
