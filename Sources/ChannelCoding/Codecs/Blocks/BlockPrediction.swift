import Numerics

extension BlockFamily {
  /// What the index laws say of the planned blocks.
  func prediction(_ settings: ChannelSettings, _ options: BlockOptions) -> CodingPrediction {
    let plan = plan(settings)
    return CodingPrediction(
      expectedBits: ChannelSettings.rangeCodeBits(plan.predictedBits), time: BlockTimes.time(plan),
      encoderBytes: 24 * settings.dimension, sampleBytes: 8 * settings.dimension,
      blocks: CodingBlocks(length: plan.blockLength, count: plan.blockCount, draws: plan.draws),
      details: [
        CodingDetail(
          "blocks",
          [
            .count(plan.blockCount), .text(" of up to "), .count(plan.blockLength), .text(" coordinates, about "),
            .count(plan.draws), .text(" candidates each (channel.draws)"),
          ])
      ])
  }
}

extension NumericalBound {
  /// All blocks of an update of norm C.
  func blocks(_ plan: BlockPlan) -> Double {
    let cap = Double(plan.draws)
    let logCap = Elementary.log(cap)
    let (rounding, grid) = scores(cap: cap)
    // Escapes: the private sample's ln r; searches of parts, level by level, each with the rounding of its sums; and the plain
    // sum over a part's old coordinates, whose partial sums are at most what a block can carry. At most half of a block's
    // heights escape, else it is layered.
    let levels = 2 + Elementary.log(d) / Elementary.log(4)
    let carried =
      (logCap + 3) * (2 * s * s + 2 * max(1, snr / PublicRatioLaw.log1p(snr)))
      + s * (2 * s * s * (logCap + 3)).squareRoot()
    let escapes = 9 * sizes + levels * rounding + d * carried
    // A decision by times: exponential and sum within 4 units; ln T and the ratio of both within as many of |ln T| and ln M, twice,
    // as the two smallest may change places.
    let perBlock: Double =
      switch plan.selection {
      case .pfr: 48 + 8 * logCap
      // u is a multiple of 2^-53 below M r.
      case .ringToss: 2 * cap + 4 * logCap + 10
      // The enclosure's tolerance, and P[r >= g] and E min(r, g) within 40 + 6 ln M units.
      default: StretchTable.tolerance / Self.unit + 61 * (40 + 6 * logCap) + 60
      }
    return Self.unit
      * (rounding + grid + escapes + Double(plan.blockCount) * perBlock + Self.layers(settings.dimension))
  }
}

/// Fitted constants: see `CodingTime`.
enum BlockTimes {
  /// The rotation, the private sample, the chosen candidate.
  private static let coordinate = (encode: 50.0, decode: 14.0)
  /// A candidate's normals and its score, for each coordinate.
  private static let candidate = 9.0
  /// What a block takes beside that for each candidate: normals come in groups of 128.
  private static let blockCandidate = 75.0
  /// The index of a block and its candidate; of ring toss each candidate's flag.
  private static let blockDecode = 1300.0
  private static let flagDecode = 16.0
  /// The distribution function of a block's ratio.
  private static let stretchTable = 100_000.0

  static func time(_ plan: BlockPlan) -> CodingTime {
    let blocks = Double(plan.blockCount) / Double(plan.dimension)
    var draws = Double(plan.draws)
    // Greedy rejection stops at the index that it sends.
    if plan.selection == .gprs {
      draws = min(draws, Elementary.exp(min(plan.predictedBits / Double(plan.blockCount), 60) * Elementary.log(2)))
    }
    let perBlock = blockCandidate * draws + (plan.selection == .gprs ? stretchTable : 0)
    let perBlockDecode = blockDecode + (plan.selection == .ringToss ? flagDecode * draws : 0)
    return CodingTime(
      encodeNanoseconds: coordinate.encode + candidate * draws + blocks * perBlock,
      decodeNanoseconds: coordinate.decode + blocks * perBlockDecode)
  }
}
