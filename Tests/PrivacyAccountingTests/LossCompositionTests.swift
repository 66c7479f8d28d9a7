import Foundation
import Testing

@testable import ChannelCoding
@testable import Numerics
@testable import PrivacyAccounting

/// The steps of `LossComposition.bounds`, each by what it guarantees, and all together against sums of all outcomes.
@Suite struct LossCompositionTests {
  private func stream(_ number: UInt64) throws -> RandomStream {
    RandomStream(key: try #require(Key(Array(0..<32))), stream: number)
  }

  /// Two kinds of randomised response: all losses of a few rounds can be written down.
  @Test(arguments: [(0, 1), (1, 0), (3, 0), (2, 2), (5, 1)])
  func boundsEncloseTheExactConvolution(first: Int, second: Int) {
    let kinds = [(epsilon: 0.7, delta: 0.01, count: first), (epsilon: 0.31, delta: 1e-4, count: second)]
    var exact = DiscreteLosses(atoms: [(0, 1)], infinity: 0)
    for (epsilon, delta, count) in kinds {
      let high = 1 / (1 + exp(-epsilon))
      let round = DiscreteLosses(
        atoms: [(epsilon, (1 - delta) * high), (-epsilon, (1 - delta) * (1 - high))], infinity: delta)
      for _ in 0..<count { exact = exact.convolved(with: round) }
    }
    let entries = kinds.filter { $0.count > 0 }.map {
      LossComposition.Entry(pair: .blackBox(epsilon: $0.epsilon, delta: $0.delta), count: $0.count)
    }
    for direction in Direction.allCases {
      let composition = LossComposition(entries: entries, direction: direction)
      for epsilon in [0.05, 0.4, 0.75, 1.3] {
        let query = LossComposition.Query.delta(epsilon: epsilon)
        let bounds = composition.bounds(query, plan: composition.plan(query), logSize: 11)
        // A few times the unit, as both sums round.
        let value = DiscreteLosses(
          atoms: exact.atoms.map { ($0.loss, $0.mass * (1 - exact.infinity) / exact.finite) }, infinity: exact.infinity
        ).profile(epsilon)
        #expect(bounds.lower <= value * (1 + 1e-13) && value * (1 - 1e-13) <= bounds.upper, "\(bounds) \(value)")
        #expect(bounds.upper - bounds.lower < 0.01 * value + 1e-4, "\(bounds) \(value)")
        guard value > exact.infinity * 1.01 else { continue }
        // The same question the other way round.
        let inverse = LossComposition.Query.epsilon(delta: value)
        let found = composition.bounds(inverse, plan: composition.plan(inverse), logSize: 11)
        #expect(found.lower <= epsilon + 1e-12 && epsilon - 1e-12 <= found.upper, "\(found) \(epsilon)")
      }
    }
  }

  /// Rounds of random losses: upper bounds are those of upper laws convolved one by one and no more, lower bounds those of lower laws,
  /// and what was sampled lies between.
  @Test func randomLossesAreComposedAsTheirLaws() throws {
    var random = try stream(11)
    for _ in 0..<40 {
      let law = RandomLosses(&random)
      let count = 2 + Int(2 * random.uniform())
      let theta = 0.5 + 3 * random.uniform()
      let (upper, lower) = (law.buckets.upper, law.buckets.lower)
      let limited = limited(lower.losses, by: upper.losses, theta: theta)
      var exact = (upper: upper.losses, lower: limited, sampled: law.exact)
      for _ in 1..<count {
        exact.upper = exact.upper.convolved(with: upper.losses)
        exact.lower = exact.lower.convolved(with: limited)
        exact.sampled = exact.sampled.convolved(with: law.exact)
      }
      var moments = LossMoments([], .remove, cut: 1e-9)
      moments.nodes = [
        (Double(count), upper.losses.atoms.map(\.loss), upper.losses.atoms.map { log(max($0.mass, 1e-300)) })
      ]
      var plan = LossComposition.Plan(moments, cut: 1e-9, theta: theta)
      // A window that holds all: what lies outside is nothing.
      let size = 128
      (plan.mean, plan.left) = (0, 0)
      plan.mean = Double(count) * upper.offset
      let window = LossComposition.Window(size: size, step: upper.step, slackLow: 2)
      var losses = ComposedLosses(plan, window, rounds: Double(count))
      let entry = LossComposition.Entry(pair: .blackBox(epsilon: 1, delta: 0), count: count)
      let isWhole = losses.add(entry, .remove, law.buckets, estimate: moments.cumulant(0, theta))
      try #require(isWhole)
      let end = losses.finish()
      let place = try #require(end)
      let budget = try #require(losses.budget(place))
      #expect(budget < 1e-11)
      for epsilon in [0.3, 1.1, 2.7].map({ $0 * upper.step * Double(count) }) {
        let bounds = losses.bounds(.delta(epsilon: epsilon), place, budget)
        let values = (exact.upper.profile(epsilon), exact.lower.profile(epsilon), exact.sampled.profile(epsilon))
        // No looser than the budget says, which is in units of e^(logMoment - theta epsilon).
        let room: Double = 1e-12 + 1.001 * budget * exp(losses.logMoment - theta * epsilon)
        #expect(bounds.upper >= values.0 * (1 - 1e-12) && bounds.upper <= values.0 + room, "\(bounds) \(values)")
        #expect(bounds.lower <= values.1 + 1e-13 && bounds.lower >= values.1 - room, "\(bounds) \(values)")
        #expect(bounds.lower <= values.2 + 1e-13 && values.2 <= bounds.upper + 1e-13, "\(bounds) \(values)")
      }
    }
  }

  /// A lower law without what its last point has more, tilted, than the whole upper law leaves room for.
  private func limited(_ lower: DiscreteLosses, by upper: DiscreteLosses, theta: Double) -> DiscreteLosses {
    let moment = { (losses: DiscreteLosses) in losses.atoms.reduce(0) { $0 + $1.mass * exp(theta * $1.loss) } }
    var limited = lower
    guard let last = lower.atoms.indices.last else { return lower }
    let excess = max(0, moment(lower) - moment(upper)) * exp(-theta * lower.atoms[last].loss)
    limited.atoms[last].mass = max(0, lower.atoms[last].mass - excess)
    return limited
  }

  /// Mass that got lost on the way is seen: nothing is claimed then.
  @Test func lostMassIsRefused() {
    let plan = LossComposition.Plan(LossMoments([], .remove, cut: 1e-9), cut: 1e-9, theta: 1)
    var losses = ComposedLosses(plan, .init(size: 16, step: 0.1, slackLow: 0), rounds: 2)
    let buckets = LossBuckets(step: 0.1, offset: 0, p: [0.5, 0.49], q: [0.48, 0.43])
    let entry = LossComposition.Entry(pair: .blackBox(epsilon: 1, delta: 0), count: 2)
    let isWhole = losses.add(entry, .remove, buckets, estimate: 0)
    #expect(!isWhole)
  }

  /// Tilting: the upper law sums to 1, both laws keep their ratio of masses, and the moment is the sum's.
  @Test func tiltingNormalisesBothLawsAlike() throws {
    var random = try stream(12)
    for _ in 0..<100 {
      let buckets = RandomLosses(&random).buckets
      let (upper, lower) = (buckets.upper, buckets.lower)
      let theta = 4 * random.uniform()
      let moment = upper.losses.atoms.reduce(0) { $0 + $1.mass * exp(theta * $1.loss) }
      let tilted = TiltedRound(upper: upper, lower: lower, theta: theta, estimate: log(moment) + random.uniform())
      #expect(abs(tilted.upper.reduce(0, +) - 1) < 1e-14)
      #expect(abs(tilted.logMoment - log(moment)) < 1e-13)
      for k in lower.masses.indices {
        #expect(abs(tilted.lower[k] * upper.masses[k] - tilted.upper[k] * lower.masses[k]) <= 1e-15)
      }
      // Nothing falls off the circle.
      var (real, imaginary) = ([Double](repeating: 7, count: 8), [Double](repeating: 7, count: 8))
      let norm = tilted.fill(&real, &imaginary, upper.masses.indices)
      let sums: [Double] = [real, imaginary, tilted.lower].map { $0.reduce(0, +) }
      #expect(abs(sums[0] - 1) < 1e-14)
      #expect(abs(sums[1] - sums[2]) < 1e-12 * (1 + sums[2]))
      #expect(norm >= 1 - 1e-14 && norm <= (1 + sums[2]) * (1 + 1e-12))
    }
  }

  /// What is said to lie outside a window is never less than what does.
  @Test func tailsOfWindowsAreBounds() throws {
    var random = try stream(13)
    for _ in 0..<60 {
      let buckets = RandomLosses(&random, isBounded: true).buckets
      let upper = buckets.upper
      let tilted = TiltedRound(upper: upper, lower: buckets.lower, theta: 1, estimate: 0)
      let one = DiscreteLosses(
        atoms: tilted.upper.indices.map { (upper.offset + Double($0) * upper.step, tilted.upper[$0]) }, infinity: 0)
      var tails = WindowTails(right: 5 * random.uniform() + 0.1, left: 5 * random.uniform() + 0.1)
      tails.add(tilted.upper, offset: upper.offset, step: upper.step, count: 3)
      let sum = one.convolved(with: one).convolved(with: one)
      let (least, most) = (sum.atoms.map(\.loss).min() ?? 0, sum.atoms.map(\.loss).max() ?? 0)
      #expect(abs(tails.least - least) < 1e-12 && abs(tails.most - most) < 1e-12)
      for _ in 0..<10 {
        let ends = [random.uniform(), random.uniform()].sorted().map { least + (most - least) * $0 }
        let outside = sum.atoms.reduce(0) { $0 + ($1.loss < ends[0] || $1.loss > ends[1] ? $1.mass : 0) }
        #expect(tails.probability(low: ends[0], high: ends[1]) >= outside * (1 - 1e-12))
      }
      #expect(tails.probability(low: least - 1e-9, high: most + 1e-9) == 0)
    }
  }

  /// Both readings of one law agree with its sum; the budget is on the side of each bound; and one is the other's inverse.
  @Test func readingsAreSums() throws {
    var random = try stream(14)
    for _ in 0..<100 {
      let (n, step, theta) = (64, 0.01 + 0.2 * random.uniform(), 0.3 + 2 * random.uniform())
      let least = -0.3 * Double(n) * step
      let losses = (0..<n).map { least + Double($0) * step }
      let masses = losses.map { _ in random.uniform() / Double(n) }
      let moment = zip(losses, masses).reduce(0) { $0 + $1.1 * exp(theta * $1.0) }
      let tilted = zip(losses, masses).map { $1 * exp(theta * $0) / moment }
      let first = Int(Double(n) * random.uniform())
      let circle = (0..<n).map { tilted[($0 - first + n) & (n - 1)] }
      let exact = DiscreteLosses(atoms: Array(zip(losses, masses)).map { ($0.0, $0.1) }, infinity: 0.01)
      let reading = { (budget: Double) in
        ProfileReading(
          first: first, least: least, step: step, theta: theta, logMoment: log(moment), logBudget: log(budget),
          bulk: nil)
      }
      for epsilon in [0.1, 0.4, 0.6].map({ $0 * Double(n) * step }) {
        let value = exact.profile(epsilon)
        let (above, below) = [1.0, -1].map {
          reading(1e-14).delta(circle, infinity: 0.01, epsilon: epsilon, sign: $0)
        }.pair
        #expect(below <= value && value <= above, "\(below) \(value) \(above)")
        #expect(above - below < 1e-11)
        // A budget of 10^-3 e^(-theta epsilon) on both sides.
        let wide = reading(1e-3).delta(circle, infinity: 0.01, epsilon: epsilon, sign: 1)
        #expect(abs(wide - min(1, value + 1e-3 * exp(-theta * epsilon))) < 1e-11)
        let (high, low) = [1.0, -1].map { reading(1e-14).epsilon(circle, infinity: 0.01, delta: value, sign: $0) }.pair
        #expect(low <= epsilon + 1e-12 && epsilon - 1e-12 <= high, "\(low) \(epsilon) \(high)")
        #expect(high - low < 1e-8)
      }
      #expect(reading(1e-14).epsilon(circle, infinity: 0.01, delta: 0.009, sign: 1) == .infinity)
    }
  }

  /// Windows hold what plans ask for, and splitting buckets besides.
  @Test func windowsHoldTheirPlans() throws {
    for (rate, scale, count) in [(0.1, 1.0, 50), (0.01, 0.8, 300), (1.0, 3, 10)] {
      let pair = DominatingPair(kind: rate == 1 ? .gaussian : .subsampled, rate: rate, scale: scale)
      let composition = LossComposition(entries: [.init(pair: pair, count: count)], direction: .remove)
      let plan = composition.plan(.epsilon(delta: 1e-5))
      let window = try #require(composition.window(plan, logSize: 12))
      #expect(window.size == 4096)
      #expect(Double(window.size) * window.step >= plan.left + plan.right + window.step * window.slackLow)
    }
  }
}

extension DiscreteLosses {
  fileprivate var finite: Double { atoms.reduce(0) { $0 + $1.mass } }
}

extension [Double] {
  fileprivate var pair: (Double, Double) { (self[0], self[1]) }
}
