import Numerics

/// How coordinates of a posterior are dealt into blocks, and how each block's index is coded: from public numbers, with + - * / sqrt and
/// tables, the same at both ends.
struct PosteriorPlan: Sendable {
  /// One block, or a part of one, as both ends know it.
  struct Block: Sendable {
    /// Coordinates of the posterior, in ascending order.
    let coordinates: [Int]
    /// How many coordinates the blocks before have.
    let start: Int
    /// log2 of the cap, or of the number of candidates of `mrc`.
    let capBits: Double
    let law: BlockLaw
  }

  let selection: BlockPlan.Selection
  let blocks: [Block]
  /// For the parts of blocks that were split.
  let partLaw: BlockLaw
  let partCapBits: Double
  /// Bits of all blocks on average, if the public laws hold.
  let expectedBits: Double

  /// Log2 of candidates that no public cap goes beyond.
  static let largestCapBits = 20.0
  /// Bits that a cap of the sender's own may be beyond the public one.
  static let reachBits = 4.0

  /// - Parameter settings: ones without a problem.
  init(_ selection: BlockPlan.Selection, _ settings: PosteriorSettings) {
    self.selection = selection
    let options = settings.options
    let bits = settings.scales.coordinateBits
    let margin = options.marginBits ?? (selection.isExact ? 4 : 0)
    var laws: [BlockLaw.Key: BlockLaw] = [:]
    func law(_ key: BlockLaw.Key) -> BlockLaw {
      if let law = laws[key] { return law }
      let law = BlockLaw(selection, key, indexLaw: options.indexLaw)
      laws[key] = law
      return law
    }
    var start = 0
    blocks = Self.deal(bits, blockBits: options.blockBits, order: options.order).map { coordinates in
      let information = coordinates.reduce(0) { $0 + bits[$1] }
      let variance = coordinates.reduce(0) { $0 + Self.squaredCorrelation(bits: bits[$1]) }
      // A single coordinate may carry more than a selection should: it is left to `CoordinateCode`.
      var capBits = min(
        (selection.isExact ? min(information, options.blockBits) : information) + margin, Self.largestCapBits)
      if !selection.isExact { capBits = capBits.rounded(.up) }
      defer { start += coordinates.count }
      return Block(
        coordinates: coordinates, start: start, capBits: capBits,
        law: law(BlockLaw.Key(information: information, variance: variance, capBits: capBits)))
    }
    partCapBits = min(options.blockBits + margin, Self.largestCapBits)
    // Parts of what was too much: up to the cap, as likely one size as another.
    partLaw = BlockLaw(
      selection,
      BlockLaw.Key(information: 0.6 * partCapBits, variance: 0.15 * partCapBits * partCapBits, capBits: partCapBits),
      indexLaw: nil)
    expectedBits = blocks.reduce(0) { $0 + $1.law.expectedBits }
  }

  /// c^2 = 1 - rho^2 of a coordinate with so many bits, -log2 rho: the variance of its ln r.
  private static func squaredCorrelation(bits: Double) -> Double { 1 - Elementary.exp(-2 * bits * Elementary.ln2) }

  /// Coordinates in blocks whose bits are as even as can be: the largest first, each to the block that has least [Graham 1969].
  ///
  /// Each block gets at most `blockBits` on average, so no more than that but for a single coordinate's. Coordinates of equal bits are dealt
  /// in a public random order, and a coordinate of none counts a little, so that blocks have much the same length.
  private static func deal(_ bits: [Double], blockBits: Double, order: UInt64) -> [[Int]] {
    let total = bits.reduce(0, +)
    let count = min(max(Int((total / blockBits - 1e-9).rounded(.up)), 1), bits.count)
    var random = RandomStream(key: Key(seed: order, label: "posterior blocks"))
    var ranks = Array(bits.indices)
    random.shuffle(&ranks)
    let sorted = ranks.enumerated().sorted { a, b in
      bits[a.element] != bits[b.element] ? bits[a.element] > bits[b.element] : a.offset < b.offset
    }
    var heap = LoadHeap(count: count)
    var blocks = [[Int]](repeating: [], count: count)
    let least = max(0.01 * total / Double(bits.count), 1e-9)
    for (_, coordinate) in sorted { blocks[heap.add(bits[coordinate] + least)].append(coordinate) }
    return blocks.map { $0.sorted() }
  }
}

/// Loads of blocks, the lightest on top; of equal ones that with the smallest number.
private struct LoadHeap {
  private var entries: [(load: Double, block: Int)]

  init(count: Int) { entries = (0..<count).map { (0, $0) } }

  /// Adds a load to the lightest block.
  mutating func add(_ load: Double) -> Int {
    let block = entries[0].block
    entries[0].load += load
    var i = 0
    while true {
      var least = i
      for child in [2 * i + 1, 2 * i + 2] where child < entries.count {
        let (a, b) = (entries[child], entries[least])
        if a.load < b.load || (a.load == b.load && a.block < b.block) { least = child }
      }
      if least == i { return block }
      entries.swapAt(i, least)
      i = least
    }
  }
}

/// How what is sent of a block is coded. It decides lengths, never the law of a sample.
struct BlockLaw: Sendable {
  /// What a law is made from, rounded so that blocks share laws.
  struct Key: Hashable {
    /// 64ths of a bit.
    private let information: Int
    /// 64ths.
    private let variance: Int
    /// 64ths of a bit.
    private let cap: Int

    /// - Parameters:
    ///   - information: bits of the block on average.
    ///   - variance: of ln r over the population, the sum of 1 - rho^2.
    ///   - capBits: log2 of the cap.
    init(information: Double, variance: Double, capBits: Double) {
      self.information = Self.rounded(information)
      self.variance = Self.rounded(variance)
      cap = Self.rounded(capBits)
    }

    private static func rounded(_ value: Double) -> Int { Int((min(value, 1e6) * 64).rounded()) }

    var nats: Double { max(Double(information) / 64, 1.0 / 128) * Elementary.ln2 }
    var variances: Double { max(Double(variance) / 64, 1.0 / 128) }
    var logCap: Double { max(Double(cap) / 64 * Elementary.ln2, 0.01) }
  }

  let indexModel: IndexModel?
  let ringToss: RingToss?
  let splitFlag: AdaptiveBit
  let escapeFlag: AdaptiveBit
  let expectedBits: Double

  /// - Parameter indexLaw: what was learned of indices, in place of the public law's.
  init(_ selection: BlockPlan.Selection, _ key: Key, indexLaw: PosteriorIndexLaw?) {
    // A functional representation's cap is the sender's own.
    let logCap = key.logCap + (selection == .pfr ? PosteriorPlan.reachBits * Elementary.ln2 : 0)
    // 2 mean / variance is above 1 in any such law.
    let law = PublicRatioLaw(mean: max(key.nats, key.variances * 0.5001), variance: key.variances)
    (indexModel, ringToss, splitFlag, escapeFlag, expectedBits) = NormalTable.shared.withCumulative { cumulative in
      guard selection.isExact else {
        return (nil, nil, AdaptiveBit(), AdaptiveBit(), logCap / Elementary.ln2)
      }
      let grid = HeightGrid(law, logCap: logCap, cumulative)
      let escape = min(grid.escapeProbability, 1)
      let escapeFlag = AdaptiveBit(ones: UInt32(escape * 100), zeros: UInt32((1 - escape) * 100))
      let isRare =
        BlockPlan.bodyMass(
          mean: law.mean, variance: law.variance, logCap: logCap, cumulative) < BlockPlan.smallestBodyMass
      let splitFlag = isRare ? AdaptiveBit(ones: 5) : AdaptiveBit(zeros: 50)
      let toss = selection == .ringToss ? RingToss(law, grid, cumulative) : nil
      let model = indexLaw?.model ?? IndexModel(tails: PoissonFunctionalRepresentation.indexTails(grid))
      let body = toss?.expectedBits ?? model.expectedBits
      // A block that is rarely selected goes coordinate by coordinate: about its information and four bits.
      let bits = isRare ? key.nats / Elementary.ln2 + 4 : (1 - escape) * body + escape * 28 + 0.2
      return (toss == nil ? model : nil, toss, splitFlag, escapeFlag, bits)
    }
  }
}

/// A public law of indices that was learned over a population: how many fell into each half octave.
public struct PosteriorIndexLaw: Sendable, Equatable {
  /// Weights of half octaves: of 1, 2, 3, 4 to 5, 6 to 7, 8 to 11, ...; all above 0.
  public let weights: [Double]

  /// The number of weights.
  public static var cellCount: Int { IndexModel.cellCount }

  /// - Parameter weights: `cellCount` numbers above 0, whatever their sum.
  public init(weights: [Double]) throws(PosteriorError) {
    guard weights.count == Self.cellCount, weights.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw .option(
        "indexLaw", found: "\(weights.count) weights", allowed: "\(Self.cellCount) numbers above 0")
    }
    self.weights = weights
  }

  var model: IndexModel {
    var tails: [Double] = []
    var sum = 0.0
    for weight in weights.reversed() {
      sum += weight
      tails.append(sum)
    }
    return IndexModel(tails: tails.reversed())
  }
}
