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
    // Pieces: a selection each, with its height, and sums over n / 16 terms a lane of numbers that are atanh of a bias, at most 28.
    var pieces = 0.0
    for transform in [plan.signs] + plan.levels {
      for segment in transform.segments {
        guard let logCap = transform.logCap(segment) else { continue }
        let n = Double(segment.count)
        pieces += 68 + 8 * logCap
        // Of a pass, a product with two roundings a leaf; once more what biases cost, as its proposal is made of them.
        let isPass = segment.selection?.passes != nil
        pieces += isPass ? (1.5 * Elementary.log(n) / Elementary.log(2) + 4) * n : (n / 16 + 8) * 28 * n
      }
    }
    return Self.unit * (signs + magnitudes + pieces)
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
