import Numerics
import Synchronization

/// How `polar` codes an update of one norm class: magnitudes in blocks, signs through one polar transform. From public
/// numbers, with + - * / sqrt and tables: the same at both ends.
struct PolarPlan: Sendable {
  /// N, a power of two.
  let count: Int
  /// |x|^2 / (N sigma^2) of the norm class, at least `BlockPlan.smallestSNR`.
  let snr: Double
  /// s = sqrt(1 + snr).
  let proposalScale: Double
  /// Blocks that the magnitudes are selected in, their cap, and the law of their indices.
  let blockCount: Int
  let logCap: Double
  /// Candidates that the first search of an escape looks at: four times the cap, in integers.
  let escapeLimit: Int
  let indexModel: IndexModel
  let escapeFlag: AdaptiveBit
  let signs: SignPlan
  /// Bits of magnitudes and of signs, on average.
  let magnitudeBits: Double
  var predictedBits: Double { magnitudeBits + signs.expectedBits }
  /// What searches take beside the transforms, in nanoseconds a coordinate on one core of an AMD EPYC with AVX2.
  let searchNanoseconds: Double

  func range(_ block: Int) -> Range<Int> { count * block / blockCount..<count * (block + 1) / blockCount }

  /// Quantile bits of the magnitudes that are polarized too, before the rest is selected: each cuts every cell in two
  /// halves of equal probability under the proposal.
  let levels: [SignPlan]
  /// Ends of the cells of the last level, from 0 to infinity.
  let boundaries: [Double]

  /// Cells that a magnitude is known to be in, once its bits are known.
  var cellCount: Int { 1 << levels.count }

  private init(count: Int, snr: Double, effort: Int, forcedCap: Double?, forcedLevels: Int?) {
    self.count = count
    self.snr = snr
    proposalScale = (1 + snr).squareRoot()
    let moments = Self.moments(snr: snr)
    let price = Self.price(effort: effort, count: count, snr: snr)
    var signs = SignPlan(count: count, law: moments.law, price: price)
    signs.forcedLogCap = forcedCap.map(Elementary.log)
    self.signs = signs
    let (levels, best) = Self.magnitudes(
      count: count, snr: snr, information: moments.information, price: price, forcedLogCap: signs.forcedLogCap,
      forcedLevels: forcedLevels)
    self.levels = levels
    let cells = Double(1 << levels.count)
    boundaries = (0...Int(cells)).map {
      $0 == 0 ? 0 : $0 == Int(cells) ? .infinity : EscapeCode.magnitude(cell: Double($0), share: 1, count: cells)
    }
    // With every coordinate a block of its own and still no cap that holds.
    let law =
      best?.law
      ?? NormalTable.shared.withCumulative {
        SelectionLaw(information: 1, logCap: Elementary.log(Self.largestCap), $0)
      }
    let blocks = best?.blocks ?? 1
    if let forcedCap {
      blockCount = min(max(blocks, 2), count)
      logCap = Elementary.log(forcedCap)
      escapeFlag = AdaptiveBit(ones: 30, zeros: 70)
    } else {
      (blockCount, logCap, escapeFlag) = (blocks, law.logCap, law.escapeFlag)
    }
    escapeLimit = 4 * Int((forcedCap ?? best?.cap ?? Self.largestCap).rounded(.up))
    indexModel = law.indexModel
    let nanoseconds = levels.reduce(signs.expectedNanoseconds) { $0 + $1.expectedNanoseconds }
    searchNanoseconds = law.draws * Times.magnitude(levels: levels.count) + nanoseconds / Double(count)
    magnitudeBits = (best?.bits ?? 0) + levels.reduce(0) { $0 + $1.expectedBits }
  }

  /// The quantile bits that are worth a transform each, and how what they leave is selected: the number of levels that costs least.
  private static func magnitudes(
    count: Int, snr: Double, information: Double, price: Double, forcedLogCap: Double?, forcedLevels: Int?
  ) -> (levels: [SignPlan], selection: BlockSelection?) {
    var rest = information
    var selected = selection(count: count, information: rest, levels: 0, price: price)
    var best = (count: 0, cost: selected?.cost ?? .infinity, selection: selected)
    var levels: [SignPlan] = []
    var spent = 0.0
    let quantiles = MagnitudeQuantiles(snr: snr)
    let levelCost = price * Double(count) * Times.level
    var next = quantiles.level(0)
    while levels.count < forcedLevels ?? largestLevelCount {
      // No level saves more than what a selection takes beyond the information.
      let excess = (selected?.cost ?? .infinity) - rest * Double(count) / Elementary.ln2
      guard excess > levelCost || forcedLevels != nil else { break }
      var level = SignPlan(count: count, law: next.law, price: price)
      level.forcedLogCap = forcedLogCap
      levels.append(level)
      // Each level carries a little less than half of the one before: what is left is twice the next one, not the difference of two large
      // numbers.
      next = quantiles.level(levels.count)
      rest = 1.95 * next.information
      selected = selection(count: count, information: rest, levels: levels.count, price: price)
      spent += level.expectedBits + price * level.expectedNanoseconds + levelCost
      let cost = spent + (selected?.cost ?? .infinity)
      if cost < best.cost || forcedLevels != nil { best = (levels.count, cost, selected) }
      // Two levels that cost more than they save.
      guard levels.count < best.count + 2 else { break }
    }
    levels.removeLast(levels.count - best.count)
    return (levels, best.selection)
  }

  /// How magnitudes are selected: bits, their price with that of the time, blocks, the law of an index, and the cap.
  private typealias BlockSelection = (bits: Double, cost: Double, blocks: Int, law: SelectionLaw, cap: Double)

  /// The number of blocks and the cap that cost least; nil where none keeps escapes rare.
  ///
  /// - Parameter information: nats a coordinate.
  private static func selection(
    count: Int, information: Double, levels: Int, price: Double
  ) -> BlockSelection? {
    let rest = information
    var best: BlockSelection?
    let largestLogCap = Elementary.log(largestCap)
    NormalTable.shared.withCumulative { cumulative in
      var blocks = 1
      while true {
        let information = max(Double(count) / Double(blocks) * rest, 1e-12)
        if information < 3 + largestLogCap || blocks >= count {
          for step in 0... {
            let logCap = SelectionLaws.logCap(step)
            guard logCap <= largestLogCap else { break }
            let law = SelectionLaw(information: information, logCap: logCap, cumulative)
            // An escape of more information than the cap allows for costs more than is reckoned here.
            if law.escapeProbability > 0.06, blocks < count { continue }
            let bits = Double(blocks) * (law.bits + law.escapeProbability * 36)
            let cost = bits + price * law.draws * Double(count) * Times.magnitude(levels: levels)
            if best.map({ cost < $0.cost }) ?? true { best = (bits, cost, blocks, law, cap(step)) }
          }
        }
        if blocks >= count { break }
        let next = max(blocks + 1, blocks * 5 / 4)
        // More blocks only while one carries more than a twentieth of a nat.
        if Double(count) / Double(next) * rest < 0.05, best != nil { break }
        blocks = min(next, count)
      }
    }
    return best
  }

  /// Caps in even ratios, 1.5 sqrt(2)^step: every second one is exact, and none depends on a logarithm.
  private static func cap(_ step: Int) -> Double {
    1.5 * Double(1 << (step / 2)) * (step % 2 == 0 ? 1 : 2.0.squareRoot())
  }

  /// Nanoseconds a coordinate on one core of an AMD EPYC with AVX2. They choose plans, and must be the same everywhere.
  private enum Times {
    /// Of a candidate magnitude: a normal, or a place in a cell.
    static func magnitude(levels: Int) -> Double { levels == 0 ? 9 : 12 }
    /// Of a quantile bit: tails, dithers, a polar transform and its flags.
    static let level = 60.0
  }

  private static let largestCap = 4096.0

  /// Bits that a nanosecond is worth: at effort 0, 0.03 per cent of I(X; Y) for a nanosecond a coordinate; with each effort more, five ninths of
  /// that. A message takes time whatever it is about, reckoned as 1024 coordinates, beside which those of a short one are cheap.
  private static func price(effort: Int, count: Int, snr: Double) -> Double {
    let information = Double(count) * PublicRatioLaw.log1p(snr) / 2 / Elementary.ln2
    return (0..<effort).reduce(0.0003 * information / Double(count + 1024)) { price, _ in price * 5 / 9 }
  }

  private static let largestLevelCount = 12

  /// Of one coordinate, x ~ N(0, snr) and y = x + N(0, 1): E ln r of the magnitude in nats, and the law of the sign's
  /// bias tanh(s a x), a = |y| / s. Midpoints in u = y / s and in x given y: the integrands are smooth and fall off.
  static func moments(snr: Double) -> (information: Double, law: BiasLaw) {
    let square = 1 + snr
    let s = square.squareRoot()
    let logScale = PublicRatioLaw.log1p(snr) / 2
    let spread = (snr / square).squareRoot()
    let (us, ws) = (80, 60)
    var (information, mass) = (0.0, 0.0)
    var law = BiasLaw()
    for i in 0..<us {
      let u = 7.5 * (Double(i) + 0.5) / Double(us)
      let weight = Elementary.exp(-u * u / 2)
      for j in 0..<ws {
        let w = -7.5 + 15 * (Double(j) + 0.5) / Double(ws)
        let x = s * u * snr / square + spread * w
        let p = weight * Elementary.exp(-w * w / 2)
        let z = abs(s * u * x)
        let e = Elementary.exp(-2 * z)
        let t = (1 - e) / (1 + e)
        // ln cosh z
        let l = z < 0.01 ? z * z / 2 - z * z * z * z / 12 : z + Elementary.log(1 + e) - Elementary.ln2
        information += p * (logScale - snr * u * u / 2 - x * x / 2 + l)
        law.add(t, weight: p)
        mass += p
      }
    }
    law.normalise()
    // For weak signals it is about snr^2 / 2, the difference of numbers of the order of snr: never so little that rounding shows. Strong
    // ones carry far less than that.
    return (snr < 0.5 ? max(information / mass, snr * snr / 8) : information / mass, law)
  }

  // MARK: Plans that were made

  private struct Key: Hashable {
    let count: Int
    let snr: UInt64
    let effort: Int
    let forcedCap: UInt64
    let forcedLevels: Int?
  }

  private static let cache = Mutex<[Key: PolarPlan]>([:])

  /// - Parameters:
  ///   - forcedCap: for tests in which escapes are common; nil takes the best.
  ///   - forcedLevels: for tests in which few coordinates have levels; nil takes the best.
  static func make(
    count: Int, snr: Double, effort: Int, forcedCap: Double? = nil, forcedLevels: Int? = nil
  ) -> PolarPlan {
    let snr = min(max(snr, BlockPlan.smallestSNR), BlockPlan.largestSNR)
    let key = Key(
      count: count, snr: snr.bitPattern, effort: effort, forcedCap: forcedCap?.bitPattern ?? 0,
      forcedLevels: forcedLevels)
    if let plan = cache.withLock({ $0[key] }) { return plan }
    let plan = PolarPlan(count: count, snr: snr, effort: effort, forcedCap: forcedCap, forcedLevels: forcedLevels)
    cache.withLock {
      // A plan holds a byte a leaf.
      if $0.count > 64 { $0.removeAll() }
      $0[key] = plan
    }
    return plan
  }
}
