import Platform

/// The stretch function of greedy Poisson rejection sampling, for the part of a target below a cap M on the ratio: from
/// below and from above, as near to each other as a decision needs.
///
/// Let A(g) = E(r - g)+ = Pr[h > g] for a height h uniform under r, so that A' = -P[r >= g]. The body min(q, M p) / Z has
/// the ratio min(r, M) / Z, Z = 1 - A(M), and its stretch function in terms of g = Z eta is
///
///     S(g) = integral over (0, g) of dg' / B(g'),   B(g) = A(g) - A(M) = integral over (g, M) of P[r >= g'] dg',
///
/// infinite at g = M. [Flamich 2023, equation 8] is the case M = sup r.
///
/// ln B is concave in ln g: {(z, ln g): ln r(z) >= ln g} is convex as ln r is concave, so P[r >= g], and then B, are
/// integrals of log-concave functions over convex sets (Prekopa). Between two points at which B and P[r >= g] are known, ln B is
/// hence above its chord and below both tangents, and g / B has elementary integrals over those: S is enclosed. The
/// enclosure narrows fourfold when points are doubled, which happens where a time falls into it: rarely.
///
/// docs/codecs/numerics.md bounds what is left: a decision costs the share of its enclosure in the law.
final class StretchTable {
  /// Z: the body's share of the target.
  let bodyMass: Double
  /// ln M that the table is for.
  let logCap: Double
  private let law: HeightLaw
  /// P[r >= M] and A(M).
  private let capTail: Double
  private let capAbove: Double
  private let capBelow: Double
  /// Points of the first level, in x = ln(g / (M - g)).
  private var grid: [Double] = []
  private var levels: [StretchLevel] = []

  /// Enclosures that differ by no more than this share of the law are decided by their middle.
  static let tolerance = 0x1p-42
  /// Levels that are kept. Those beyond are made for a single height, once in some 10^8 blocks.
  private static let keptLevels = 10
  /// The enclosure is below the tolerance by level 18. Rounding cannot keep it above: the end of a search all the same.
  private static let lastLevel = 24

  /// - Parameter logCap: ln M, lowered to where 10^-8 of heights or less are above.
  init(_ ratio: GaussianRatio, logCap: Double) {
    law = HeightLaw(ratio)
    self.logCap = Self.effectiveCap(law, logCap: logCap)
    let cap = law(self.logCap)
    (capTail, capAbove, capBelow) = (cap.tail, cap.above, cap.below)
    bodyMass = cap.below
    // Half a unit of x, or half a deviation of ln r: dx = dl (1 + e^x), l = ln g.
    let deviation = ratio.targetMoments.variance.squareRoot()
    // Down to where P[r >= g] is nearly 1, or g nearly 0.
    var low = min(ratio.targetMoments.mean - ratio.targetMoments.variance, self.logCap - min(deviation, 1))
    while exp(low) * (1 - law(low).tail) > 1e-3 * bodyMass { low -= max(deviation / 2, 1e-6) }
    var x = low - self.logCap - log(-expm1(low - self.logCap))
    while x < 8 {
      grid.append(x)
      x += min(0.5, deviation / 2 * (1 + exp(min(x, 30))))
    }
    grid.append(x)
  }

  /// ln M where all but 10^-8 of heights are below: lower caps, and more escapes, change no law.
  static func effectiveCap(_ law: HeightLaw, logCap: Double) -> Double {
    let (mean, variance) = law.ratio.targetMoments
    let largest = 1e-8
    guard logCap > mean + 4 * variance.squareRoot() || logCap >= law.logSupremum || law(logCap).above < largest else {
      return logCap
    }
    var (low, high) = (mean - variance.squareRoot() - 1, min(logCap, law.logSupremum))
    if high < law.logSupremum, law(high).above >= largest { return high }
    for _ in 0..<40 {
      let middle = (low + high) / 2
      let above = law(middle).above
      if above > largest { low = middle } else { high = middle }
      if above > largest / 10, above <= largest { break }
    }
    return high
  }

  /// Whether `time` < S(r), ln r = `logRatio`: always from the cap on.
  func accepts(_ time: Double, _ logRatio: Double) -> Bool {
    guard logRatio < logCap else { return true }
    var depth = 0
    while true {
      let (low, high, share) = bounds(logRatio, level: depth)
      if time < low { return true }
      if time >= high { return false }
      if share <= Self.tolerance || depth == Self.lastLevel { return time < low + (high - low) / 2 }
      depth += 1
    }
  }

  /// S(r) for ln r = `logRatio`, where its enclosure is at most `width` of it wide.
  func value(_ logRatio: Double, width: Double = 1e-9) -> Double {
    guard logRatio < logCap else { return .infinity }
    var depth = 0
    while true {
      let (low, high, _) = bounds(logRatio, level: depth)
      if high - low <= width * low || depth == Self.lastLevel { return low + (high - low) / 2 }
      depth += 1
    }
  }

  /// S(r) from below and above, and (high - low) B / g: what the difference is of the law.
  func bounds(_ logRatio: Double, level: Int) -> (low: Double, high: Double, share: Double) {
    let level =
      if level < Self.keptLevels {
        keptLevel(level)
      } else {
        makeLevel(level, upTo: logRatio)
      }
    return level.bounds(logRatio, logCap: logCap, bodyMass: bodyMass, capTail: capTail)
  }

  private func keptLevel(_ index: Int) -> StretchLevel {
    while levels.count <= index { levels.append(makeLevel(levels.count)) }
    return levels[index]
  }

  /// Each level halves all panels, and goes on by a unit of x at both ends.
  ///
  /// - Parameter top: where given, only what decides about it is kept.
  private func makeLevel(_ index: Int, upTo top: Double? = nil) -> StretchLevel {
    let parts = 1 << index
    var sum = StretchSum()
    var points: [StretchSum.Point] = []
    let (first, last) = (grid[0], grid[grid.count - 1])
    // False once the rest cannot count.
    let add = { (x: Double) -> Bool in
      let logHeight = self.logCap - log1p(exp(-x))
      let values = self.law(logHeight)
      // Differences of the smaller part of 1: nothing cancels that has to be known.
      let above =
        values.above < 0.5 && self.capAbove < 0.5 ? values.above - self.capAbove : self.capBelow - values.below
      // B is below (M - g) P[r >= g] and above (M - g) P[r >= M], whatever rounding says.
      let gap = exp(self.logCap) / (1 + exp(x))
      sum.add(
        logHeight, tail: values.tail, above: min(max(above, gap * self.capTail), gap * values.tail),
        bodyMass: self.bodyMass)
      if let top { return logHeight <= top }
      if let point = sum.last { points.append(point) }
      return true
    }
    let level = {
      StretchLevel(top == nil ? points : [sum.previous, sum.last].compactMap { $0 })
    }
    for i in stride(from: index * parts, to: 0, by: -1) where !add(first - Double(i) / Double(parts)) { return level() }
    for (a, b) in zip(grid, grid.dropFirst()) {
      for i in 0..<parts where !add(a + (b - a) * Double(i) / Double(parts)) { return level() }
    }
    for i in 0...(2 * index * parts) where !add(last + Double(i) / Double(2 * parts)) { return level() }
    return level()
  }
}

/// The integral of g / B over ln g from below and from above, B log-concave and known at points: S at each of them.
struct StretchSum {
  /// What is known at a point.
  struct Point {
    /// ln g.
    let place: Double
    /// P[r >= g].
    let tail: Double
    /// g / B, ln B and its slope -g P[r >= g] / B.
    let weight: Double
    let log: Double
    let slope: Double
    /// S from below and above.
    fileprivate(set) var low = 0.0
    fileprivate(set) var high = 0.0
  }

  /// The last two.
  private(set) var previous: Point?
  private(set) var last: Point?
  private var low = TimeSum()
  private var high = TimeSum()

  /// Adds a point above all others: ln g, P[r >= g] and B(g). The whole body has mass `bodyMass`.
  @inline(__always)
  mutating func add(_ place: Double, tail: Double, above: Double, bodyMass: Double) {
    let g = exp(place)
    // B = 0 is for rounding to make: nothing is decided there.
    let above = max(above, 1e-300)
    var point = Point(place: place, tail: tail, weight: g / above, log: log(above), slope: -g * tail / above)
    if let last {
      let (below, beyond) = Self.integrals(last, point, to: place - last.place)
      low.add(below)
      high.add(beyond)
    } else {
      let (below, beyond) = Self.start(g / bodyMass, tail: tail)
      low.add(below)
      high.add(beyond)
    }
    (point.low, point.high) = (low.value, high.value)
    previous = last
    last = point
  }

  /// S below the first point, at g / Z = `share`: Z - g <= B <= Z - g P[r >= first].
  @inline(__always)
  static func start(_ share: Double, tail: Double) -> (below: Double, beyond: Double) {
    (tail > 0 ? -log1p(-min(share * tail, 1)) / tail : share, share < 1 ? -log1p(-share) : .infinity)
  }

  /// Of g / B from `a` on over `length`, at most up to `b`: with the tangents at both, and with the chord.
  @inline(__always)
  static func integrals(_ a: Point, _ b: Point, to length: Double) -> (below: Double, beyond: Double) {
    let whole = b.place - a.place
    guard whole > 0 else { return (0, 0) }
    let chord = 1 - (b.log - a.log) / whole
    let beyond = a.weight * expm1(chord * length) / chord
    // Where the tangents meet; B's logarithm is below both.
    let (first, second) = (a.slope, b.slope)
    var meet = whole
    if first - second > 1e-9 * (1 - second) {
      meet = min(max((b.log - a.log - second * whole) / (first - second), 0), whole)
    }
    var below = a.weight * expm1((1 - first) * min(length, meet)) / (1 - first)
    if length > meet {
      below +=
        b.weight * exp((1 - second) * (meet - whole)) * expm1((1 - second) * (length - meet)) / (1 - second)
    }
    // Equal but for rounding where the panel is short.
    return (min(below, beyond), max(below, beyond))
  }
}

/// The points of one level of a `StretchTable`, in order.
struct StretchLevel {
  private var points: [StretchSum.Point]

  init(_ points: [StretchSum.Point]) { self.points = points }

  /// S from below and above at ln r = `logRatio`, and their difference times B / g.
  func bounds(
    _ logRatio: Double, logCap: Double, bodyMass: Double, capTail: Double
  ) -> (low: Double, high: Double, share: Double) {
    guard let first = points.first, let last = points.last else { return (0, .infinity, .infinity) }
    if logRatio < first.place {
      let share = exp(logRatio) / bodyMass
      let (lower, upper) = StretchSum.start(share, tail: first.tail)
      return (lower, upper, (upper - lower) / share)
    }
    if logRatio >= last.place {
      // B is between (M - g) P[r >= M] and (M - g) P[r >= last].
      let rest = log(expm1(last.place - logCap) / expm1(logRatio - logCap))
      let lower = last.low + rest / last.tail
      let upper = capTail > 0 ? last.high + rest / capTail : .infinity
      let above = -expm1(logRatio - logCap) * exp(logCap - logRatio) * last.tail
      return (lower, upper, (upper - lower) * above)
    }
    var (i, end) = (0, points.count - 1)
    while end - i > 1 {
      let middle = (i + end) / 2
      if points[middle].place <= logRatio { i = middle } else { end = middle }
    }
    let a = points[i]
    let (below, beyond) = StretchSum.integrals(a, points[end], to: logRatio - a.place)
    let (lower, upper) = (a.low + below, a.high + beyond)
    return (lower, upper, (upper - lower) / (a.weight * exp(logRatio - a.place)))
  }
}

/// A sum with what rounding lost added at the end: within two units in the last place for numbers of one sign, however
/// many there are, and within 2^-53 of the sum plus (count 2^-53)^2 of the sizes for others [Neumaier 1974].
package struct TimeSum {
  private var sum = 0.0
  private var lost = 0.0

  package init() {}

  @inline(__always)
  package mutating func add(_ term: Double) {
    let next = sum + term
    lost += abs(sum) >= abs(term) ? (sum - next) + term : (term - next) + sum
    sum = next
  }

  @inline(__always)
  package var value: Double { sum + lost }
}
