import Numerics

extension PolarFamily {
  /// What the laws of signs, quantile bits and indices say of the plan.
  func prediction(_ settings: ChannelSettings, _ options: PolarOptions) -> CodingPrediction {
    let plan = plan(settings)
    let selections = ([plan.signs] + plan.levels).flatMap { $0.segments.compactMap(\.selection) }
    let passes = selections.count { $0.passes != nil }
    return CodingPrediction(
      expectedBits: ChannelSettings.rangeCodeBits(plan.predictedBits), time: PolarTimes.time(plan, settings),
      encoderBytes: 64 * plan.count, sampleBytes: 8 * plan.count,
      details: [
        CodingDetail(
          "transform",
          [
            .count(plan.count),
            .text(
              " signs, \(plan.levels.count) bits of each magnitude, \(selections.count) nodes by one index, \(passes) of them by passes; "
            ),
            .text("searches about "), .measure(plan.searchNanoseconds), .text(" ns a coordinate (channel.effort)"),
          ])
      ])
  }
}

extension NumericalBound {
  /// Signs: the sum of |biases| does not grow from level to level of the transform, and each level rounds at most 1.5 units of
  /// it; a leaf's threshold 3/4 of a unit and a bias 1/4, or a coordinate of the quantizer 2; a bias of a quantile bit 5. Magnitudes
  /// as blocks, whose ratio has terms of |x_i|^2 and not |x_i|; places in cells with plain sums over n / 8.
  ///
  /// A place in a cell costs 12 units for the side of x that it is on; its tail is relative to 10^-13, whatever x is.
  func polar(_ plan: PolarPlan) -> Double {
    let rounds = Elementary.log(max(d, 2)) / Elementary.log(2)
    let levels = Double(plan.levels.count)
    let biases = min(0.8 * sizes, d)
    let signs = 1.5 * rounds * biases + 2 * d + levels * (1.5 * rounds * d + 5.75 * d) + (levels > 0 ? 12 * d : 0)
    let length = (d / Double(plan.blockCount)).rounded(.up)
    let cap = Elementary.exp(plan.logCap)
    let sum = (energy + max(energy, d * snr)) / 2
    let perTerm = plan.levels.isEmpty ? depth : length / 8 + 12
    let escapes = 2 + Elementary.log(length) / Elementary.log(4)
    // Coordinates above sigma / 4 are few in a block that is not hopeless: information (x^2 - snr)^2 / 4 each, ln M + 1 in all.
    let gap = max(0.0625 - snr, 0) / (1 + snr)
    var large = tailFactor(cap) * energy
    if plan.levels.isEmpty, gap > 0 {
      large = min(large, Double(plan.blockCount) * (plan.logCap + 1) * max(2 / (gap * gap), 3 * cap))
    }
    let magnitudes =
      (1 + escapes) * perTerm * sum + 9 * (2 * 1.9 * sum + s * large) + 20 * d * snr
      + Double(plan.blockCount) * (68 + 8 * plan.logCap)
    let indices =
      plan.signs.indexRounding(biases: biases) + plan.levels.reduce(0) { $0 + $1.indexRounding(biases: d) }
    return Self.unit * (signs + magnitudes + indices)
  }
}

extension SignPlan {
  /// What nodes with one index cost, in units: a selection each with its height, and what the ratios of candidates and of the client's own
  /// signs are off by.
  ///
  /// Averages are over the target's own signs, for which the sum of |biases| does not grow from level to level; nodes do not overlap.
  /// E |ln(1 + b t)| <= |t|, so that all logarithms together have that sum too. Of a pass: two roundings a leaf, of candidates and of the
  /// client's own, and 13 of logarithms. Of a piece: one of 1 + b t, of both, and 16 + log2 n of logarithms and their sums by pairs.
  ///
  /// - Parameter biases: a bound on the sum of |biases| of the transform's signs, on average.
  fileprivate func indexRounding(biases: Double) -> Double {
    var (selections, passes, pieces) = (0.0, 0.0, 0.0)
    var largestPiece = 1.0
    for segment in segments {
      guard let logCap = logCap(segment) else { continue }
      let n = Double(segment.count)
      selections += 68 + 8 * logCap
      if segment.selection?.passes != nil {
        passes += n
      } else {
        pieces += n
        largestPiece = max(largestPiece, n)
      }
    }
    let levels = Elementary.log(largestPiece) / Elementary.ln2
    return selections + 4 * passes + 13 * min(biases, passes) + 2 * pieces + (16 + levels) * min(biases, pieces)
  }
}

/// Fitted constants: see `CodingTime`.
enum PolarTimes {
  /// Of the padded vector: the rotation, magnitudes, one polar transform of the signs.
  private static let coordinate = (encode: 65.0, decode: 20.0)
  /// A quantile bit of the magnitudes: one more polar transform.
  private static let level = (encode: 75.0, decode: 12.0)

  static func time(_ plan: PolarPlan, _ settings: ChannelSettings) -> CodingTime {
    let levels = Double(plan.levels.count)
    let padding = Double(plan.count) / Double(settings.dimension)
    return CodingTime(
      encodeNanoseconds: padding * (coordinate.encode + level.encode * levels + plan.searchNanoseconds),
      decodeNanoseconds: padding * (coordinate.decode + level.decode * levels))
  }
}
