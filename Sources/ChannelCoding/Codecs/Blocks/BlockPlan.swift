import Numerics
import Synchronization

/// How a block codec cuts an update of one norm class: block length, cap, index law. Made from public numbers alone,
/// with + - * / sqrt and tables, so that both ends make the same one.
struct BlockPlan: Sendable {
  /// Which candidate is sent, and how its index is coded.
  enum Selection: String, Sendable, CaseIterable {
    case gprs, pfr, ringToss, mrc, orc

    /// Whether the output has exactly the target's law.
    var isExact: Bool { self == .gprs || self == .pfr || self == .ringToss }
  }

  let selection: Selection
  let dimension: Int
  /// Candidates a block, on average (exact selections) or always (approximate ones).
  let draws: Int
  /// |x|^2 / (d sigma^2) of the norm class, at least `smallestSNR`.
  let snr: Double
  /// The proposal's deviation over sigma: s = sqrt(1 + snr), what the output of the channel has.
  let proposalScale: Double
  let blockCount: Int
  /// ln M, M = draws.
  let logCap: Double
  /// What is expected, before a payload's own blocks teach it, of a block's being coded coordinate by coordinate, and of
  /// its height's being above the cap.
  let layeredFlag: AdaptiveBit
  let escapeFlag: AdaptiveBit
  let indexModel: IndexModel?
  let ringToss: RingToss?
  /// Whether blocks are coded coordinate by coordinate, as their bodies are rare.
  private let isLayered: Bool
  /// Bits of all blocks that are not.
  private let searchedBits: Double

  /// Coordinates of a block: lengths differ by one at most.
  func range(_ block: Int) -> Range<Int> {
    let start = { (i: Int) in
      let product = i.multipliedFullWidth(by: dimension)
      return blockCount.dividingFullWidth(product).quotient
    }
    return start(block)..<start(block + 1)
  }

  /// The longest block.
  var blockLength: Int { (dimension + blockCount - 1) / blockCount }

  /// Bits of all blocks of an update of this norm, on average. A decoder has no use for them: they may call the platform's
  /// mathematics.
  var predictedBits: Double {
    selection.isExact && isLayered ? Double(dimension) * layeredEntropy(eta: snr.squareRoot()) : searchedBits
  }

  /// Draws after which ring toss sends its block as an escape: 10^-6 of typical bodies.
  var drawLimit: Int { 16 * draws }

  /// Tries of an escape's first search. More would find the index of more blocks, for more draws than a larger cap.
  var escapeLimit: Int { 4 * draws }

  /// - Parameter forcedCount: a number of blocks; nil takes the best.
  private init(_ selection: Selection, dimension: Int, draws: Int, snr: Double, forcedCount: Int?) {
    self.selection = selection
    self.dimension = dimension
    self.draws = draws
    self.snr = snr
    proposalScale = (1 + snr).squareRoot()
    logCap = Elementary.log(Double(draws))
    let logCap = logCap
    (blockCount, isLayered, layeredFlag, escapeFlag, indexModel, ringToss, searchedBits) = NormalTable.shared
      .withCumulative {
        cumulative in
        let cut = Self.cut(
          selection, dimension: dimension, snr: snr, logCap: logCap, forcedCount: forcedCount, cumulative)
        let law = cut.law
        let isLayered =
          Self.bodyMass(mean: law.mean, variance: law.variance, logCap: logCap, cumulative)
          < Self.smallestBodyMass
        let escape = selection.isExact ? cut.grid.escapeProbability : 0
        let layeredFlag = isLayered ? AdaptiveBit(ones: 20) : AdaptiveBit(zeros: 1000)
        let escapeFlag = AdaptiveBit(ones: UInt32(escape * 100), zeros: UInt32((1 - escape) * 100))
        let (model, toss, body) = Self.indexCode(selection, cut, logCap: logCap, cumulative)
        var predicted = (1 - escape) * body
        if selection.isExact {
          predicted += Self.symbolBits(escape) + escape * Self.escapeBits(law, cut.grid)
        }
        predicted *= Double(cut.blocks)
        return (cut.blocks, isLayered, layeredFlag, escapeFlag, model, toss, predicted)
      }
  }

  /// How many blocks an update is cut into, with the law of a block's ln r and of its heights.
  private typealias Cut = (blocks: Int, law: PublicRatioLaw, grid: HeightGrid)

  /// The number of blocks with the fewest bits, among those whose escapes are rare; for an approximate selection the fewest
  /// blocks that it can carry. With none of them every coordinate is a block.
  private static func cut(
    _ selection: Selection, dimension: Int, snr: Double, logCap: Double, forcedCount: Int?,
    _ cumulative: NormalTable.Cumulative
  ) -> Cut {
    // An importance selection has no cap; ordered indices are then those of a functional representation.
    let gridCap = selection.isExact ? logCap : logCap + 6
    var best = Double.infinity
    var cut: Cut?
    for blocks in forcedCount.map({ [$0] }) ?? blockCounts(dimension) {
      let law = PublicRatioLaw(dimension: (dimension + blocks - 1) / blocks, snr: snr)
      if law.mean > logCap + 3 && blocks < dimension && forcedCount == nil { continue }
      if !selection.isExact {
        // As much as N candidates can carry: mean and one deviation of ln r below ln N.
        if law.mean + law.variance.squareRoot() <= logCap || blocks == dimension || forcedCount != nil {
          cut = (blocks, law, HeightGrid(law, logCap: gridCap, cumulative))
          break
        }
        continue
      }
      let grid = HeightGrid(law, logCap: gridCap, cumulative)
      // An escape searches several times as long as a body: a rare one keeps to the budget.
      if grid.escapeProbability > largestEscapeProbability, blocks < dimension, forcedCount == nil { continue }
      let bits = Double(blocks) * roughBits(selection, law, grid, cumulative)
      if bits < best {
        best = bits
        cut = (blocks, law, grid)
      }
    }
    if let cut { return cut }
    let law = PublicRatioLaw(dimension: 1, snr: snr)
    return (dimension, law, HeightGrid(law, logCap: gridCap, cumulative))
  }

  /// How the index of a body is coded, and its bits on average.
  private static func indexCode(
    _ selection: Selection, _ cut: Cut, logCap: Double, _ cumulative: NormalTable.Cumulative
  ) -> (IndexModel?, RingToss?, bits: Double) {
    switch selection {
    case .gprs:
      let model = IndexModel(tails: GreedyPoissonRejection.indexTails(cut.grid, cumulative))
      return (model, nil, model.expectedBits)
    case .pfr, .orc:
      let model = IndexModel(tails: PoissonFunctionalRepresentation.indexTails(cut.grid))
      return (model, nil, model.expectedBits)
    case .ringToss:
      let toss = RingToss(cut.law, cut.grid, cumulative)
      return (nil, toss, toss.expectedBits)
    case .mrc: return (nil, nil, logCap / Elementary.log(2))
    }
  }

  /// A proposal wider than need be costs n snr^2 / 4 nats; one as narrow as the target would leave a ratio of rounding
  /// errors.
  static let smallestSNR = 1e-6
  /// Beyond, blocks are coded coordinate by coordinate anyway, and 1 - snr / (1 + snr) would vanish.
  static let largestSNR = 1e9

  private static let largestEscapeProbability = 1.0 / 40

  /// A block of less is coded coordinate by coordinate: its escapes would cost more, and its searches take longer.
  static let smallestBodyMass = 0.5

  /// Numbers of blocks to try, from one upwards: every number at first, then steps of 8 %.
  private static func blockCounts(_ dimension: Int) -> [Int] {
    var counts: [Int] = []
    var next = 1
    while next < dimension {
      counts.append(next)
      next = max(next + 1, next + next * 2 / 25)
    }
    counts.append(dimension)
    return counts
  }

  /// Within a few tenths of a bit a block: to compare block lengths with.
  private static func roughBits(
    _ selection: Selection, _ law: PublicRatioLaw, _ grid: HeightGrid, _ cumulative: NormalTable.Cumulative
  ) -> Double {
    let escape = grid.escapeProbability
    var body = 0.0
    switch selection {
    case .ringToss: body = RingToss(law, grid, cumulative).expectedBits
    case .gprs: body = IndexModel(tails: GreedyPoissonRejection.indexTails(grid, cumulative)).expectedBits
    default: body = IndexModel(tails: PoissonFunctionalRepresentation.indexTails(grid)).expectedBits
    }
    return (1 - escape) * body + symbolBits(escape) + escape * escapeBits(law, grid)
  }

  private static func symbolBits(_ escape: Double) -> Double {
    let rest = max(1 - escape, 0x1p-30)
    return -(escape * Elementary.log(escape) + rest * Elementary.log(rest)) / Elementary.log(2)
  }

  /// About log2 1 / P[r >= M] bits if a search ends well, and what was measured on top: most end in parts, whose flat
  /// codes cost 14 bits more (31 to 38 bits in all for long blocks, 10 to 1000 draws).
  private static func escapeBits(_ law: PublicRatioLaw, _ grid: HeightGrid) -> Double {
    let tail = max(grid.tails[grid.tails.count - 2], 1e-12)
    return -Elementary.log(tail) / Elementary.log(2) + (law.dimension >= 16 ? 22 : 8)
  }

  /// E min(1, M / r) for ln r ~ N(mean, variance) under the target.
  static func bodyMass(
    mean: Double, variance: Double, logCap: Double, _ cumulative: NormalTable.Cumulative
  ) -> Double {
    let deviation = max(variance, 1e-300).squareRoot()
    let gap = logCap - mean
    let above = cumulative((mean - variance - logCap) / deviation)
    let scale = min(gap + variance / 2, 700)
    return min(cumulative(gap / deviation) + (above > 0 ? Elementary.exp(scale) * above : 0), 1)
  }

  // MARK: Plans that were made

  private struct Key: Hashable {
    let selection: Selection
    let dimension: Int
    let draws: Int
    let snr: UInt64
    let forcedCount: Int?
  }

  private static let cache = Mutex<[Key: BlockPlan]>([:])

  /// Plans are kept: a run makes the same few in every round, at both ends.
  static func make(
    _ selection: Selection, dimension: Int, draws: Int, snr: Double, forcedCount: Int? = nil
  ) -> BlockPlan {
    let snr = min(max(snr, smallestSNR), largestSNR)
    let key = Key(
      selection: selection, dimension: dimension, draws: draws, snr: snr.bitPattern, forcedCount: forcedCount)
    if let plan = cache.withLock({ $0[key] }) { return plan }
    let plan = BlockPlan(selection, dimension: dimension, draws: draws, snr: snr, forcedCount: forcedCount)
    cache.withLock {
      if $0.count > 1000 { $0.removeAll() }
      $0[key] = plan
    }
    return plan
  }
}
