import Numerics
import Platform

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
    let ends = safeEnds
    let top = top(ends)
    var masses = masses(ends, top)
    reduce(&masses, by: reductions(ends, top))
    if let hull = GridLaw.convexHull(masses, step: step) {
      return GridLaw(step: step, offset: offset, masses: hull, infinity: infinity)
    }
    // Not seen with the pairs above; bounds all the same: every bucket at its low end.
    return atLowEnds(ends)
  }

  /// The P-masses of buckets at both of their ends.
  typealias Ends = (low: [Double], high: [Double])

  /// Every bucket at its low end: the plainest profile that is nowhere above the pair's.
  func atLowEnds(_ ends: Ends) -> GridLaw {
    var plain = [Double](repeating: 0, count: count + 1)
    for k in 0..<count { plain[k] += ends.low[k] + ends.high[k] }
    plain[count] += above.p
    return GridLaw(step: step, offset: offset, masses: plain, infinity: infinity)
  }

  /// The buckets' masses at their ends, with two kinds of buckets changed to what is nowhere above the pair's profile: those at the
  /// bounded low end of the loss are at the high end of the last but one of them, whose ratio of masses it is; and those whose
  /// ratio is not sure are at their low ends.
  var safeEnds: Ends {
    var (low, high) = (low, high)
    if let (end, buckets) = bounded, end == .low, buckets < count {
      // All of it at the high end of the last bucket but one.
      var sum = 0.0
      for k in 0..<buckets {
        sum += low[k] + high[k]
        (low[k], high[k]) = (0, 0)
      }
      high[buckets - 2] = sum
    }
    for k in unsure..<count {
      low[k] += high[k]
      high[k] = 0
    }
    return (low, high)
  }

  /// Where the profile from below ends.
  struct Top {
    /// The point of the grid at which all mass above it is one atom.
    let point: Int
    /// The mass of that atom.
    let tail: Double
    /// The mass of the bucket below it, which is moved to its low end; 0 where the atom has it.
    let last: Double
  }

  func top(_ ends: Ends) -> Top {
    var point = count
    var tail = above.p
    var isMerged = false
    if let (end, buckets) = bounded, end == .high, buckets < count {
      isMerged = true
      for k in count - buckets..<count { tail += ends.low[k] + ends.high[k] }
      point = count - buckets + 1
    }
    // The last bucket below the atom at the top: moved to its low end, or in the atom.
    let last = isMerged || point == 0 ? 0 : ends.low[point - 1] + ends.high[point - 1]
    return Top(point: point, tail: tail, last: last)
  }

  /// f by its kinks: the P-mass at each point up to the top. It has all of the finite mass but what lies below the grid.
  func masses(_ ends: Ends, _ top: Top) -> [Double] {
    var w = [Double](repeating: 0, count: top.point + 1)
    for k in 0..<max(top.point - 1, 0) {
      w[k] += ends.low[k]
      w[k + 1] += ends.high[k]
    }
    w[top.point] += top.tail
    if top.point > 0 { w[top.point - 1] += top.last }
    return w
  }

  /// c: by how much f has to be lowered at each point of the grid, at least 0 and at most f there.
  func reductions(_ ends: Ends, _ top: Top) -> [Double] {
    let grow = expm1(step)
    let shrink = -expm1(-step)
    let decay = exp(-step)
    var c = [Double](repeating: 0, count: top.point + 1)
    // At point k + 1: f, and S, the Q-mass above times a_(k + 1).
    var f = top.tail * shrink
    var s = top.tail * decay
    for k in stride(from: top.point - 2, through: 0, by: -1) {
      let a = ends.high[k] * shrink
      let b = ends.low[k] * grow
      let sag = a + b > 0 ? a * (b / (a + b)) : 0
      if sag <= f {
        c[k + 1] = max(c[k + 1], sag)
        c[k] = sag
      } else {
        c[k + 1] = max(c[k + 1], f)
        c[k] = a * (1 - f / b)
      }
      let atom = (k == top.point - 2 ? top.last : ends.low[k + 1]) + ends.high[k]
      f += shrink * (atom + s)
      s = decay * (atom + s)
    }
    // What the chord that goes on has there, and at least what the first bucket asks for.
    if !startsAtZero && top.point > 0 { c[0] = max(c[0], c[1]) }
    return c
  }

  /// Whether no loss is lower than the grid. Left of the first point f is then linear from 1 at a = 0; where some are lower, their
  /// mass is lost.
  private var startsAtZero: Bool { below.q == 0 && below.p == 0 }

  /// Takes c off a profile given by its masses: its kinks change by the second differences of c, and may become negative.
  private func reduce(_ masses: inout [Double], by c: [Double]) {
    let (up, down) = (1 / expm1(step), 1 / -expm1(-step))
    let top = masses.count - 1
    for k in 0...top {
      let next = k < top ? c[k + 1] - c[k] : 0
      let before = k > 0 ? (c[k] - c[k - 1]) * down : (startsAtZero ? c[0] : 0)
      masses[k] += before - next * up
    }
    if !startsAtZero { masses[0] = 0 }
  }
}

extension GridLaw {
  /// Takes concave kinks out: each is split between its neighbors linearly in a = e^l, or lost at a = 0. Nil where the last
  /// one is concave.
  static func convexHull(_ masses: [Double], step: Double) -> [Double]? {
    guard masses.contains(where: { $0 < 0 }) else { return masses }
    var w = masses
    var kept: [Int] = []
    for k in w.indices {
      // Neighbors of the one on top of the stack: the one below it, and k.
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
