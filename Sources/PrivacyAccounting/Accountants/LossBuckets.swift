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
  private(set) var offset: Double
  /// By bucket: P-mass put at its low and at its high end.
  var low: [Double]
  var high: [Double]
  /// Finite losses beyond the grid: P- and Q-mass.
  var above: (p: Double, q: Double)
  var below: (p: Double, q: Double)
  /// P-mass at +infinity, and Q-mass at -infinity.
  let infinity: Double
  /// From this bucket on Q-masses are too small for doubles to tell the ratio: all of them count as at their high end above, and
  /// must at their low end below.
  private(set) var unsure = 0
  /// Where the loss is bounded, its end is a heavy and uneven place. The grid lies so that the buckets at that end, mostly two, together
  /// have the ratio of masses e^l of the last point but one among them: a lower bound may merge them there, at no cost
  /// of the first order.
  var bounded: (end: End, buckets: Int)?

  enum End { case low, high }

  var count: Int { low.count }
  func loss(_ k: Int) -> Double { offset + Double(k) * step }

  /// - Parameters:
  ///   - h: the step, above 0.
  ///   - direction: `add` for Q against P.
  ///   - range: of the pair's losses; what lies outside is kept as two masses.
  ///
  /// Cost: O(n) special functions, n = the range of the loss over h.
  init(_ pair: DominatingPair, _ direction: Direction, step h: Double, range: (low: Double, high: Double)) {
    step = h
    infinity = pair.infinity
    let regions = pair.regions
    let atoms = pair.atoms
    var start: Double
    if pair.kind == .blackBox {
      start = pair.rate - h * ((pair.rate - range.low) / h + 2).rounded(.up)
    } else if let aligned = Self.alignment(pair, step: h, lowest: range.low) {
      let buckets = max(1, ((aligned - pair.leastLoss) / h).rounded(.up))
      start = aligned - buckets * h
      bounded = (.low, Int(buckets) + 1)
    } else if range.low - pair.leastLoss < h {
      start = pair.leastLoss
    } else {
      // Regions meet at 0, and 0 is on the grid.
      start = (range.low / h).rounded(.down) * h
    }
    offset = start
    let n = max(2, Int(((range.high - start) / h).rounded(.up)) + (pair.kind == .blackBox ? 2 : 0))
    var p = [Double](repeating: 0, count: n)
    var q = [Double](repeating: 0, count: n)
    above = (0, 0)
    below = (0, 0)
    for region in regions {
      // Bucket ends in the region, and one more at each side: where an end of the region lies on the grid, rounding decides
      // which bucket it is in. Losses outside are taken as the region's ends, so nothing is counted twice.
      let first = region.low == -.infinity ? 0 : max(0, Int(max(-1, ((region.low - start) / h).rounded(.down) - 1)))
      let last = region.high == .infinity ? n : Int(min(Double(n), ((region.high - start) / h).rounded(.up) + 1))
      let end = start + Double(n) * h
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
      guard last > first else { continue }
      region.addMasses(offset: start, step: h, first: first, last: last, p: &p, q: &q)
    }
    for (loss, mass) in atoms {
      let k = ((loss - start) / h - 1e-9).rounded(.up) - 1
      if k < 0 {
        below.p += mass
        below.q += mass * exp(-loss)
      } else if k >= Double(n) {
        above.p += mass
        above.q += mass * exp(-loss)
      } else {
        p[Int(k)] += mass
        q[Int(k)] += mass * exp(-loss)
      }
    }
    if direction == .add {
      // Q against P, losses negated.
      (p, q) = (q.reversed(), p.reversed())
      offset = -(start + Double(n) * h)
      (above, below) = ((below.q, below.p), (above.q, above.p))
      bounded = bounded.map { (.high, $0.buckets) }
    }
    // p = low + high, q e^(l_k) = low + high e^-h.
    let shrink = -expm1(-h)
    let ratios = VectorMath.exponentials(from: offset, step: h, count: n)
    unsure = n
    while unsure > 0 {
      let k = unsure - 1
      guard p[k] < 1e-280 || q[k] < 1e-290 || offset + Double(k) * h > 690 else { break }
      unsure = k
    }
    for k in 0..<n {
      let up = max(0, min(p[k], (p[k] - q[k] * ratios[k]) / shrink))
      q[k] = up
      p[k] -= up
    }
    low = p
    high = q
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

extension DominatingPair {
  /// Losses between which lies all but P-mass `cut` above and Q-mass `cut` below.
  func lossRange(cut: Double) -> (low: Double, high: Double) {
    if kind == .blackBox { return (-rate, rate) }
    if kind == .displacedOnce {
      return (leastLoss, regions.map { $0.high > 0 ? $0.loss($0.cut($0.p, tail: cut, above: true)) : 0 }.max() ?? 0)
    }
    var low = 0.0
    var high = 0.0
    for region in regions {
      if region.high == .infinity {
        high = max(high, region.loss(region.cut(region.p, tail: cut, above: true)))
      }
      low = min(low, region.loss(region.cut(region.q, tail: cut, above: false)))
    }
    return (max(low, leastLoss), high)
  }
}

extension Region {
  /// x for a row of losses, which are in the region but for the first two and the last two.
  ///
  /// Rounding of e^l - 1 moves an end of a bucket by 10^-16 in l, for both laws alike.
  private func positions(offset: Double, step: Double, count: Int) -> [Double] {
    let s2 = scale * scale
    switch shape {
    case .mixture, .reversedMixture:
      // Of -l, and minus what comes out, for the reversed one.
      let sign = shape == .mixture ? 1.0 : -1.0
      var x = VectorMath.exponentials(from: sign * offset, step: sign * step, count: count)
      for i in 0..<count { x[i] = (x[i] - 1) / rate }
      x.withUnsafeMutableBufferPointer { Kernels.best.log1p($0) }
      for i in 0..<count {
        let l = offset + Double(i) * step
        x[i] = sign * l > 30 ? position(l) : sign * (s2 * x[i] + 0.5)
      }
      return x
    default:
      return (0..<count).map { position(min(max(offset + Double($0) * step, low), high)) }
    }
  }

  /// Adds the masses of buckets first ..< last of a grid.
  func addMasses(offset: Double, step: Double, first: Int, last: Int, p: inout [Double], q: inout [Double]) {
    let count = last - first + 1
    let padded = (count + 7) / 8 * 8
    var x = positions(offset: offset + Double(first) * step, step: step, count: padded)
    x[0] = position(min(max(offset + Double(first) * step, low), high))
    x[1] = position(min(max(offset + Double(first + 1) * step, low), high))
    x[count - 2] = position(min(max(offset + Double(last - 1) * step, low), high))
    x[count - 1] = position(min(max(offset + Double(last) * step, low), high))
    for i in count..<padded { x[i] = x[count - 1] }
    var z = x
    var tails = x
    for mean in Set((self.p + self.q).map(\.mean)).sorted() {
      let inP = self.p.reduce(0) { $0 + ($1.mean == mean ? $1.weight : 0) }
      let inQ = self.q.reduce(0) { $0 + ($1.mean == mean ? $1.weight : 0) }
      for i in 0..<padded { z[i] = min(max((x[i] - mean) / scale, -40), 40) }
      z.withUnsafeBufferPointer { from in
        tails.withUnsafeMutableBufferPointer { Kernels.best.signedTails(from, into: $0) }
      }
      // Tails that do not rise, whatever rounding does: masses then add up to them.
      for i in 0..<count - 1 where (tails[i] > 0) == (tails[i + 1] > 0) { tails[i + 1] = min(tails[i], tails[i + 1]) }
      for i in 0..<count - 1 {
        let mass = max(0, tails[i] - tails[i + 1] + (tails[i] <= 0 && tails[i + 1] > 0 ? 1 : 0))
        p[first + i] += inP * mass
        q[first + i] += inQ * mass
      }
    }
  }
}

/// Masses under P on a grid that bound a pair's profile from above or below.
struct GridLaw {
  let step: Double
  let offset: Double
  /// At losses offset + k step. For a lower bound they need not add up to 1 with `infinity`.
  var masses: [Double]
  var infinity: Double
}

extension LossBuckets {
  /// Connect the dots: the smallest profile on the grid that is nowhere below the pair's.
  var upper: GridLaw {
    var masses = [Double](repeating: 0, count: count + 1)
    for k in 0..<count {
      // Q-masses that doubles hold with few digits say nothing of the ratio: all counts as at the high end.
      if k >= unsure {
        masses[k + 1] += low[k] + high[k]
      } else {
        masses[k] += low[k]
        masses[k + 1] += high[k]
      }
    }
    masses[0] += below.p
    return GridLaw(step: step, offset: offset, masses: masses, infinity: infinity + above.p)
  }

  /// A profile on the grid that is nowhere above the pair's.
  ///
  /// f(a) = H_a(P || Q) is convex in a = e^l. In bucket k it lies above its tangents at both ends, which meet at the fraction A / (A + B) of
  /// the bucket, s_k = A B / (A + B) below the chord: A = P_k - a_k Q_k, B = a_(k+1) Q_k - P_k. A line x below f at the low end and y below
  /// it at the high end is therefore nowhere above f where B x + A y >= A B: x = y = s_k, or, where f has less than that to give at
  /// the high end, y = f and x = A (1 - f / B) <= A, which f has at the low end. g = f - c with c at each point the larger of what its two buckets
  /// ask for is nowhere above f, and at least 0. Its kinks are f's less the second differences of c; where that makes one
  /// negative, g is replaced by its convex hull, which is lower still. Composition preserves the order of profiles, for any
  /// non-negative measures (Fubini).
  ///
  /// The last bucket is moved to its low end and all that is above to one atom, where g ends at 0.
  var lower: GridLaw {
    let n = count
    let grow = expm1(step)
    let shrink = -expm1(-step)
    let decay = exp(-step)
    var (low, high) = (low, high)
    if let (end, buckets) = bounded, end == .low, buckets < n {
      // All of it at the high end of the last bucket but one.
      var sum = 0.0
      for k in 0..<buckets {
        sum += low[k] + high[k]
        (low[k], high[k]) = (0, 0)
      }
      high[buckets - 2] = sum
    }
    for k in unsure..<n {
      low[k] += high[k]
      high[k] = 0
    }
    var top = n
    var tail = above.p
    var isMerged = false
    if let (end, buckets) = bounded, end == .high, buckets < n {
      isMerged = true
      for k in n - buckets..<n { tail += low[k] + high[k] }
      top = n - buckets + 1
    }
    // The last bucket below the atom at the top: moved to its low end, or in the atom.
    let last = isMerged || top == 0 ? 0 : low[top - 1] + high[top - 1]
    var w = [Double](repeating: 0, count: top + 1)
    for k in 0..<max(top - 1, 0) {
      w[k] += low[k]
      w[k + 1] += high[k]
    }
    w[top] += tail
    if top > 0 { w[top - 1] += last }
    var c = [Double](repeating: 0, count: top + 1)
    // At point k + 1: f, and S, the Q-mass above times a_(k + 1).
    var f = tail * shrink
    var s = tail * decay
    for k in stride(from: top - 2, through: 0, by: -1) {
      let a = high[k] * shrink
      let b = low[k] * grow
      let sag = a + b > 0 ? a * (b / (a + b)) : 0
      if sag <= f {
        c[k + 1] = max(c[k + 1], sag)
        c[k] = sag
      } else {
        c[k + 1] = max(c[k + 1], f)
        c[k] = a * (1 - f / b)
      }
      let atom = (k == top - 2 ? last : low[k + 1]) + high[k]
      f += shrink * (atom + s)
      s = decay * (atom + s)
    }
    // Left of the first point f is linear from 1 at a = 0 where no loss is lower. Where some are, their mass is lost.
    let starts = below.q == 0 && below.p == 0
    // What the chord that goes on has there, and at least what the first bucket asks for.
    if !starts && top > 0 { c[0] = max(c[0], c[1]) }
    let (up, down) = (1 / grow, 1 / shrink)
    for k in 0...top {
      let next = k < top ? c[k + 1] - c[k] : 0
      let before = k > 0 ? (c[k] - c[k - 1]) * down : (starts ? c[0] : 0)
      w[k] += before - next * up
    }
    if !starts { w[0] = 0 }
    if let hull = Self.hull(w, step: step) {
      return GridLaw(step: step, offset: offset, masses: hull, infinity: infinity)
    }
    // Not seen with the pairs above; bounds all the same: every bucket at its low end.
    var plain = [Double](repeating: 0, count: n + 1)
    for k in 0..<n { plain[k] += low[k] + high[k] }
    plain[n] += above.p
    return GridLaw(step: step, offset: offset, masses: plain, infinity: infinity)
  }

  /// Takes concave kinks out: each is split between its neighbours linearly in a = e^l, or lost at a = 0. Nil where the last
  /// one is concave.
  private static func hull(_ masses: [Double], step: Double) -> [Double]? {
    guard masses.contains(where: { $0 < 0 }) else { return masses }
    var w = masses
    var kept: [Int] = []
    for k in w.indices {
      // Neighbours of the one on top of the stack: the one below it, and k.
      while let t = kept.last, w[t] < 0 {
        kept.removeLast()
        // P-mass m at l_t is m e^-l_t of kink; fractions linear in a.
        if let s = kept.last {
          let left = Double(t - s) * step
          let right = Double(k - t) * step
          // Kink share to s: (a_k - a_t) / (a_k - a_s); times e^(l_s - l_t) for P-mass.
          let share = expm1(right) / (expm1(right) - expm1(-left))
          w[s] += w[t] * share * exp(-left)
          w[k] += w[t] * (1 - share) * exp(right)
        } else {
          // Between a = 0 and a_k: a_t / a_k of the kink goes to k, all of the P-mass.
          w[k] += w[t]
        }
        w[t] = 0
      }
      kept.append(k)
    }
    if let t = kept.last, w[t] < 0 { return nil }
    return w
  }
}

/// Functions of whole rows.
enum VectorMath {
  /// e^(from + k step) for k < count, rounded up to a multiple of 8; exponents are cut to +-700.
  static func exponentials(from: Double, step: Double, count: Int) -> [Double] {
    let padded = (count + 7) / 8 * 8
    var x = [Double](unsafeUninitializedCapacity: padded) { buffer, filled in
      for k in 0..<padded { buffer[k] = from + Double(k) * step }
      filled = padded
    }
    x.withUnsafeMutableBufferPointer { Kernels.best.exponentiate($0) }
    return x
  }
}
