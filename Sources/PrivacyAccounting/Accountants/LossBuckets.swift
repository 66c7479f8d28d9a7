import Numerics
import Platform

/// A dominating pair on a grid of losses l_k = offset + k h, k = 0 ... n: the masses under P and Q of each bucket
/// (l_k, l_(k+1)], kept exactly by splitting them onto the bucket's ends.
///
/// low + high = P-mass, low e^(-l_k) + high e^(-l_(k+1)) = Q-mass: as P/Q lies between e^(l_k) and e^(l_(k+1)) in the bucket, both
/// parts are at least 0. Errors are relative to the bucket's own mass, unlike second differences of delta
/// [Doroshenko et al. 2022, whose optimal upper bound on a grid this is].
struct LossBuckets {
  let step: Double
  let offset: Double
  /// By bucket: P-mass put at its low and at its high end.
  let low: [Double]
  let high: [Double]
  /// Finite losses beyond the grid: P- and Q-mass.
  let above: (p: Double, q: Double)
  let below: (p: Double, q: Double)
  /// P-mass at +infinity, and Q-mass at -infinity.
  let infinity: Double
  /// From this bucket on Q-masses are too small for doubles to tell the ratio: all of them count as at their high end above, and
  /// must at their low end below.
  let unsure: Int
  /// Where the loss is bounded, its end is a heavy and uneven place. The grid lies so that the buckets at that end, mostly two, together
  /// have the ratio of masses e^l of the last point but one among them: a lower bound may merge them there, at no cost
  /// of the first order.
  let bounded: (end: End, buckets: Int)?

  enum End { case low, high }

  var count: Int { low.count }
  func loss(_ k: Int) -> Double { offset + Double(k) * step }

  /// Buckets of given masses, for what is not one of the pairs.
  ///
  /// - Parameters:
  ///   - p: the P-mass of each bucket.
  ///   - q: the Q-mass of each bucket; the ratio of both masses lies between e^(l_k) and e^(l_(k+1)).
  init(
    step: Double, offset: Double, p: [Double], q: [Double], above: (p: Double, q: Double) = (0, 0),
    below: (p: Double, q: Double) = (0, 0), infinity: Double = 0
  ) {
    self.init(
      masses: BucketMasses(start: offset, step: step, p: p, q: q, above: above, below: below), infinity: infinity,
      bounded: nil)
  }

  /// The buckets of a pair.
  ///
  /// - Parameters:
  ///   - direction: `add` for Q against P.
  ///   - h: the step, above 0.
  ///   - range: of the pair's losses; what lies outside is kept as two masses.
  ///
  /// Cost: O(n) special functions, n = the range of the loss over h.
  init(_ pair: DominatingPair, _ direction: Direction, step h: Double, range: (low: Double, high: Double)) {
    var (start, bounded) = Self.start(pair, step: h, lowest: range.low)
    let count = max(2, Int(((range.high - start) / h).rounded(.up)) + (pair.kind == .blackBox ? 2 : 0))
    var masses = BucketMasses(start: start, step: h, count: count)
    for region in pair.regions { masses.add(region) }
    for atom in pair.atoms { masses.add(atom) }
    if direction == .add {
      masses.mirror()
      bounded = bounded.map { (.high, $0.buckets) }
    }
    self.init(masses: masses, infinity: pair.infinity, bounded: bounded)
  }

  private init(masses: BucketMasses, infinity: Double, bounded: (end: End, buckets: Int)?) {
    step = masses.step
    offset = masses.start
    above = masses.above
    below = masses.below
    unsure = masses.firstUnsure
    (low, high) = masses.split()
    self.infinity = infinity
    self.bounded = bounded
  }

  /// Where the grid of a pair starts, and which buckets hold the end of a bounded loss.
  private static func start(
    _ pair: DominatingPair, step h: Double, lowest: Double
  ) -> (start: Double, bounded: (end: End, buckets: Int)?) {
    if pair.kind == .blackBox { return (pair.rate - h * ((pair.rate - lowest) / h + 2).rounded(.up), nil) }
    if let aligned = alignment(pair, step: h, lowest: lowest) {
      let buckets = max(1, ((aligned - pair.leastLoss) / h).rounded(.up))
      return (aligned - buckets * h, (.low, Int(buckets) + 1))
    }
    if lowest - pair.leastLoss < h { return (pair.leastLoss, nil) }
    // Regions meet at 0, and 0 is on the grid.
    return ((lowest / h).rounded(.down) * h, nil)
  }

  /// Where the grid goes so that the bounded end of the loss is no worse for a lower bound than any other bucket: l with
  /// ln P/Q of (least loss, l + h] = l. Nil where the loss has no end that matters.
  private static func alignment(_ pair: DominatingPair, step h: Double, lowest: Double) -> Double? {
    guard lowest - pair.leastLoss < 4 * h else { return nil }
    let regions = pair.regions
    let excess = { (l: Double) -> Double in
      var (p, q) = (0.0, 0.0)
      for region in regions where region.low < l + h {
        let (from, to) = (region.position(region.low), region.position(min(l + h, region.high)))
        p += region.mass(region.p, from: from, to: to)
        q += region.mass(region.q, from: from, to: to)
      }
      return p > 1e-290 && q > 1e-290 ? log(p / q) - l : .infinity
    }
    var low = pair.leastLoss - h
    var high = pair.leastLoss + 4 * h
    guard excess(high) < 0 else { return nil }
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if excess(middle) > 0 { low = middle } else { high = middle }
    }
    // 5 h 2^-60 from the ratio, on the side that is safe with P in the first place; the outward rounding covers the other.
    return low
  }
}

/// The masses under P and Q of each bucket of a grid, while they are gathered: steps of `LossBuckets.init`.
struct BucketMasses {
  let step: Double
  private(set) var start: Double
  private(set) var p: [Double]
  private(set) var q: [Double]
  /// Finite losses beyond the grid: P- and Q-mass.
  private(set) var above = (p: 0.0, q: 0.0)
  private(set) var below = (p: 0.0, q: 0.0)

  private var count: Int { p.count }
  private var end: Double { start + Double(count) * step }

  init(start: Double, step: Double, count: Int) {
    self.start = start
    self.step = step
    p = [Double](repeating: 0, count: count)
    q = p
  }

  init(
    start: Double, step: Double, p: [Double], q: [Double], above: (p: Double, q: Double), below: (p: Double, q: Double)
  ) {
    precondition(p.count == q.count && step > 0)
    (self.start, self.step, self.p, self.q, self.above, self.below) = (start, step, p, q, above, below)
  }

  /// Adds all of a region's mass, each part of it to one bucket or to what lies above or below.
  mutating func add(_ region: Region) {
    // Bucket ends in the region, and one more at each side: where an end of the region lies on the grid, rounding decides
    // which bucket it is in. Losses outside are taken as the region's ends, so nothing is counted twice.
    let first = region.low == -.infinity ? 0 : max(0, Int(max(-1, ((region.low - start) / step).rounded(.down) - 1)))
    let last =
      region.high == .infinity
      ? count : Int(min(Double(count), ((region.high - start) / step).rounded(.up) + 1))
    let end = end
    if region.high > end {
      let (from, to) = (region.position(max(end, region.low)), region.position(region.high))
      above.p += region.mass(region.p, from: from, to: to)
      above.q += region.mass(region.q, from: from, to: to)
    }
    if region.low < start {
      let (from, to) = (region.position(region.low), region.position(min(start, region.high)))
      below.p += region.mass(region.p, from: from, to: to)
      below.q += region.mass(region.q, from: from, to: to)
    }
    guard last > first else { return }
    region.addMasses(offset: start, step: step, first: first, last: last, p: &p, q: &q)
  }

  /// Adds a loss of positive probability. Where it lies on the end of a bucket, but for rounding, it is in the bucket below that end.
  mutating func add(_ atom: (loss: Double, mass: Double)) {
    let (loss, mass) = atom
    let k = ((loss - start) / step - 1e-9).rounded(.up) - 1
    if k < 0 {
      below.p += mass
      below.q += mass * exp(-loss)
    } else if k >= Double(count) {
      above.p += mass
      above.q += mass * exp(-loss)
    } else {
      p[Int(k)] += mass
      q[Int(k)] += mass * exp(-loss)
    }
  }

  /// Makes Q against P of P against Q: all losses change their signs.
  mutating func mirror() {
    (p, q) = (q.reversed(), p.reversed())
    start = -end
    (above, below) = ((below.q, below.p), (above.q, above.p))
  }

  /// The first bucket from which on all Q-masses are too small for doubles to tell the ratio.
  var firstUnsure: Int {
    var unsure = count
    while unsure > 0 {
      let k = unsure - 1
      guard p[k] < 1e-280 || q[k] < 1e-290 || start + Double(k) * step > 690 else { break }
      unsure = k
    }
    return unsure
  }

  /// The P-mass of each bucket in two parts, at its low and at its high end, that together have the bucket's Q-mass too:
  /// p = low + high, q e^(l_k) = low + high e^-h.
  consuming func split() -> (low: [Double], high: [Double]) {
    let shrink = -expm1(-step)
    let ratios = Kernels.best.exponentials(from: start, step: step, count: count)
    for k in 0..<count {
      let up = max(0, min(p[k], (p[k] - q[k] * ratios[k]) / shrink))
      q[k] = up
      p[k] -= up
    }
    return (p, q)
  }
}
