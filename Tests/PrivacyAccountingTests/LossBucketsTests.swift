import Foundation
import Testing

@testable import ChannelCoding
@testable import PrivacyAccounting

/// A law of finitely many losses with their P-masses; each has the Q-mass e^-loss of its P-mass.
struct DiscreteLosses {
  var atoms: [(loss: Double, mass: Double)]
  var infinity: Double

  /// H_a(P || Q) at a = e^epsilon.
  func profile(_ epsilon: Double) -> Double {
    atoms.reduce(infinity) { $0 + $1.mass * max(0, -expm1(epsilon - $1.loss)) }
  }

  /// Independent rounds of both.
  func convolved(with other: Self) -> Self {
    var sums: [(loss: Double, mass: Double)] = []
    for a in atoms { for b in other.atoms { sums.append((a.loss + b.loss, a.mass * b.mass)) } }
    return Self(atoms: sums, infinity: 1 - (1 - infinity) * (1 - other.infinity))
  }
}

extension GridLaw {
  var losses: DiscreteLosses {
    DiscreteLosses(
      atoms: masses.indices.map { (offset + Double($0) * step, masses[$0]) }, infinity: infinity)
  }
}

/// A random law of losses in the buckets of a grid, and below, above and at infinity, and the buckets that it has.
struct RandomLosses {
  let exact: DiscreteLosses
  let buckets: LossBuckets
  /// P-mass and Q-mass by bucket.
  let p: [Double]
  let q: [Double]

  init(_ random: inout RandomStream, isBounded: Bool = false) {
    let step = 0.02 * exp(4 * random.uniform())
    let count = 2 + Int(12 * random.uniform())
    let offset = -step * Double(count) * random.uniform()
    var atoms: [(loss: Double, mass: Double)] = []
    var (p, q) = ([Double](repeating: 0, count: count), [Double](repeating: 0, count: count))
    // Masses of very different sizes; some buckets are empty, and some have all of their mass at one of their ends.
    let weight = { (random: inout RandomStream) in exp(-8 * random.uniform()) }
    for k in 0..<count {
      for _ in 0..<Int(4 * random.uniform()) {
        let u = random.uniform()
        let place = u < 0.1 ? 0 : u > 0.9 ? 1 : random.uniform()
        atoms.append((offset + step * (Double(k) + place), weight(&random)))
        p[k] += atoms[atoms.count - 1].mass
        q[k] += atoms[atoms.count - 1].mass * exp(-atoms[atoms.count - 1].loss)
      }
    }
    var (above, below, infinity) = ((p: 0.0, q: 0.0), (p: 0.0, q: 0.0), 0.0)
    if !isBounded {
      let high = (loss: offset + step * (Double(count) + 3 * random.uniform()), mass: 0.1 * weight(&random))
      let low = (loss: offset - step * 3 * random.uniform(), mass: 0.1 * weight(&random))
      above = (high.mass, high.mass * exp(-high.loss))
      below = (low.mass, low.mass * exp(-low.loss))
      atoms += [high, low]
      infinity = 0.1 * weight(&random)
    }
    if atoms.isEmpty { (atoms, p[0], q[0]) = ([(offset + step / 2, 1)], 1, exp(-offset - step / 2)) }
    let total = atoms.reduce(infinity) { $0 + $1.mass }
    exact = DiscreteLosses(atoms: atoms.map { ($0.loss, $0.mass / total) }, infinity: infinity / total)
    self.p = p.map { $0 / total }
    self.q = q.map { $0 / total }
    buckets = LossBuckets(
      step: step, offset: offset, p: self.p, q: self.q, above: (above.p / total, above.q / total),
      below: (below.p / total, below.q / total), infinity: infinity / total)
  }

  /// Points of the grid, others between them, and some beyond both ends.
  func points(_ random: inout RandomStream) -> [Double] {
    let ends = (-3...buckets.count + 3).map { buckets.loss($0) }
    return ends + ends.map { $0 + buckets.step * random.uniform() }
  }
}

/// How far a profile may be off by rounding: sums of a few dozen numbers, the largest of which is 1 or e^epsilon.
private func slack(_ value: Double) -> Double { 1e-13 + 1e-12 * value }

private func stream(_ number: UInt64) throws -> RandomStream {
  RandomStream(key: try #require(Key(Array(0..<32))), stream: number)
}

@Suite struct LossBucketsTests {
  static let pairs: [DominatingPair] = [
    .gaussian(scale: 1.3), DominatingPair(kind: .subsampled, rate: 0.1, scale: 0.8),
    DominatingPair(kind: .subsampledReplacement, rate: 0.2, scale: 1),
    DominatingPair(kind: .displacedReplacement, rate: 0.3, scale: 1.1),
    DominatingPair(kind: .displacedZero, rate: 0.2, scale: 0.9),
    DominatingPair(kind: .displacedOnce, rate: 0.2, scale: 0.9), .blackBox(epsilon: 0.7, delta: 0.01),
  ]

  /// What a bucket's two ends have together is the bucket's own mass under P and under Q, and neither is negative.
  @Test func splittingKeepsBothMasses() throws {
    var random = try stream(1)
    for _ in 0..<300 {
      let law = RandomLosses(&random)
      let buckets = law.buckets
      for k in 0..<buckets.count {
        let (low, high) = (buckets.low[k], buckets.high[k])
        #expect(low >= 0 && high >= 0)
        #expect(abs(low + high - law.p[k]) <= 1e-15)
        // As a P-mass at the low end; rounding of the split is relative to the step.
        let q = low + high * exp(-buckets.step)
        #expect(abs(q - law.q[k] * exp(buckets.loss(k))) <= 1e-15 + 1e-14 * law.p[k])
      }
    }
  }

  /// All mass of a pair is in its buckets, beyond the grid, or at infinity, under both of its laws and in both directions.
  @Test(arguments: pairs)
  func noMassOfAPairIsLost(_ pair: DominatingPair) {
    for direction in Direction.allCases {
      for (step, cut) in [(0.1, 1e-3), (0.03, 1e-9)] {
        let buckets = LossBuckets(pair, direction, step: step, range: pair.lossRange(cut: cut))
        var (p, q) = (buckets.infinity + buckets.above.p + buckets.below.p, buckets.above.q + buckets.below.q)
        for k in 0..<buckets.count {
          p += buckets.low[k] + buckets.high[k]
          q += buckets.low[k] * exp(-buckets.loss(k)) + buckets.high[k] * exp(-buckets.loss(k + 1))
        }
        #expect(abs(p - 1) < 1e-11, "\(pair) \(direction) \(p)")
        // Under Q as much is at -infinity as under P at +infinity; neither is in the other law.
        #expect(abs(q + pair.infinity - 1) < 1e-11, "\(pair) \(direction) \(q)")
        #expect(abs(buckets.upper.masses.reduce(buckets.upper.infinity, +) - 1) < 1e-11)
      }
    }
  }

  /// Upper law >= exact law >= lower law at every epsilon, whatever the losses are.
  @Test(arguments: [false, true])
  func profilesLieInOrder(isBounded: Bool) throws {
    var random = try stream(2)
    for _ in 0..<400 {
      let law = RandomLosses(&random, isBounded: isBounded)
      let (upper, lower) = (law.buckets.upper.losses, law.buckets.lower.losses)
      for epsilon in law.points(&random) {
        let exact = law.exact.profile(epsilon)
        #expect(upper.profile(epsilon) >= exact - slack(exact), "\(law.exact) \(epsilon)")
        #expect(lower.profile(epsilon) <= exact + slack(exact), "\(law.exact) \(epsilon)")
      }
    }
  }

  /// Connecting the dots is exact at the dots: no upper law on the grid is smaller.
  @Test func theUpperLawIsTheSmallestOnItsGrid() throws {
    var random = try stream(3)
    for _ in 0..<200 {
      let law = RandomLosses(&random, isBounded: true)
      for k in 0...law.buckets.count {
        let epsilon = law.buckets.loss(k)
        #expect(abs(law.buckets.upper.losses.profile(epsilon) - law.exact.profile(epsilon)) <= slack(1))
      }
    }
  }

  /// A pair's own profile, by its tails, lies between both laws; and with half the step less than half of what lies between
  /// them is left.
  @Test(arguments: pairs.filter { $0.kind != .blackBox })
  func pairsLieBetween(_ pair: DominatingPair) {
    for direction in Direction.allCases {
      var widths: [Double] = []
      for step in [0.2, 0.1] {
        let buckets = LossBuckets(pair, direction, step: step, range: pair.lossRange(cut: 1e-12))
        let (upper, lower) = (buckets.upper.losses, buckets.lower.losses)
        var width = 0.0
        for epsilon in stride(from: 0.05, to: 2, by: 0.13) {
          let exact = Self.profile(pair, direction, epsilon)
          #expect(upper.profile(epsilon) >= exact - 1e-12, "\(pair) \(direction) \(epsilon)")
          #expect(lower.profile(epsilon) <= exact + 1e-12, "\(pair) \(direction) \(epsilon)")
          width += upper.profile(epsilon) - lower.profile(epsilon)
        }
        widths.append(width)
      }
      #expect(widths[0] < 0.3 && widths[1] < 0.5 * widths[0], "\(pair) \(direction) \(widths)")
    }
  }

  /// P(L > epsilon) - e^epsilon Q(L > epsilon), or the other way round, by the tails of the pair's normals; no grid.
  private static func profile(_ pair: DominatingPair, _ direction: Direction, _ epsilon: Double) -> Double {
    var total = 0.0
    for region in pair.regions {
      let loss = min(max(direction == .remove ? epsilon : -epsilon, region.low), region.high)
      let (from, to) =
        direction == .remove
        ? (region.position(loss), region.position(region.high)) : (region.position(region.low), region.position(loss))
      guard from < to else { continue }
      let masses = [region.p, region.q].map { region.mass($0, from: from, to: to) }
      total += direction == .remove ? masses[0] - exp(epsilon) * masses[1] : masses[1] - exp(epsilon) * masses[0]
    }
    return total
  }

  /// The step that lowers the profile: by no less than nothing, and by no more than there is.
  @Test func reductionsLieBetweenNothingAndTheProfile() throws {
    var random = try stream(4)
    for _ in 0..<300 {
      let buckets = RandomLosses(&random).buckets
      let ends = buckets.safeEnds
      let top = buckets.top(ends)
      let masses = buckets.masses(ends, top)
      let total = zip(buckets.low, buckets.high).reduce(buckets.above.p) { $0 + $1.0 + $1.1 }
      #expect(abs(masses.reduce(0, +) - total) <= 1e-14, "all finite mass above the grid's low end is kept")
      let profile = GridLaw(step: buckets.step, offset: buckets.offset, masses: masses, infinity: 0).losses
      for (k, c) in buckets.reductions(ends, top).enumerated() {
        #expect(c >= 0 && c <= profile.profile(buckets.loss(k)) + slack(1), "\(k) \(c)")
      }
    }
  }

  /// Taking out concave kinks leaves a convex function, nowhere above what there was.
  @Test func theHullIsConvexAndBelow() throws {
    var random = try stream(5)
    var hulls = 0
    for _ in 0..<500 {
      let count = 2 + Int(10 * random.uniform())
      let step = 0.05 + random.uniform()
      var masses = (0...count).map { _ in random.uniform() }
      for k in 0..<count where random.uniform() < 0.4 { masses[k] = -0.3 * random.uniform() }
      guard let hull = GridLaw.convexHull(masses, step: step) else { continue }
      hulls += 1
      #expect(hull.allSatisfy { $0 >= 0 })
      // f at a point is a sum over kinks; the input is not convex, so it is summed as it is.
      let value = { (w: [Double], k: Int) in
        (k..<w.count).reduce(0) { $0 + w[$1] * -expm1(Double(k - $1) * step) }
      }
      for k in masses.indices { #expect(value(hull, k) <= value(masses, k) + 1e-12, "\(masses) \(step)") }
      if masses.allSatisfy({ $0 >= 0 }) { #expect(hull == masses) }
    }
    #expect(hulls > 100)
    #expect(GridLaw.convexHull([0.5, -0.1], step: 0.3) == nil, "the last kink has no neighbor above it")
  }

  /// Masses that doubles hold with few digits count as at the end that is worse for each law.
  @Test func whatIsNotSureCountsForNeitherSide() {
    let p = [0.5, 0.5 - 1e-281, 1e-281]
    let q = [0.5 / exp(0.05), (0.5 - 1e-281) / exp(0.15), 1e-281 / exp(0.25)]
    let buckets = LossBuckets(step: 0.1, offset: 0, p: p, q: q)
    #expect(buckets.unsure == 2)
    #expect(buckets.upper.masses[3] == 1e-281)
    #expect(buckets.safeEnds.high[2] == 0 && buckets.safeEnds.low[2] == 1e-281)
  }
}
