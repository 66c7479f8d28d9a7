import Foundation
import Testing

@testable import Numerics
@testable import PrivacyAccounting

/// One composition for many numbers of rounds, against the laws of one round convolved one by one.
@Suite struct RunningCompositionTests {
  private typealias Plan = RunningComposition.Plan

  private static let pair = DominatingPair(kind: .subsampled, rate: 0.3, scale: 1.5)
  private static let delta = 1e-4

  private func plan(_ counts: ClosedRange<Int>, stride: Int, _ direction: Direction = .remove) throws -> Plan {
    let epsilons = [counts.lowerBound, counts.upperBound].map {
      LossAccountant([(Self.pair, $0)]).epsilon(delta: Self.delta).upper
    }
    let plan = Plan(
      Self.pair, direction, counts: counts, stride: stride, delta: Self.delta, epsilons: (epsilons[0], epsilons[1]))
    return try #require(plan)
  }

  /// The sums of so many rounds of a law on a grid.
  private func power(_ masses: [Double], _ count: Int) -> [Double] {
    var sum = masses
    for _ in 1..<count {
      var next = [Double](repeating: 0, count: sum.count + masses.count - 1)
      for i in sum.indices { for j in masses.indices { next[i + j] += sum[i] * masses[j] } }
      sum = next
    }
    return sum
  }

  /// Both bounds of delta at some points of a window, and what the laws have there.
  private func check(
    _ plan: Plan, size: Int, _ body: (_ bounds: LossComposition.Bounds, _ exact: LossComposition.Bounds) -> Void
  ) throws {
    let grid = try #require(plan.grid(size: size))
    let buckets = plan.composition.buckets(0, step: grid.step, plan: plan.plan)
    let (upper, lower) = (buckets.upper, buckets.lower)
    let made = RunningComposition(plan, FourierTransform(size: size))
    var composition = try #require(made)
    while true {
      let count = composition.rounds
      let laws = [upper, lower].map { law in
        GridLaw(
          step: law.step, offset: Double(count) * law.offset, masses: power(law.masses, count),
          infinity: -expm1(Double(count) * log1p(-law.infinity))
        ).losses
      }
      for share in [0.9, 1, 1.1] {
        let point = composition.point(at: share * plan.epsilons.most)
        let loss = composition.place(point).loss
        body(
          .init(lower: composition.bound(point, sign: -1), upper: composition.bound(point, sign: 1)),
          .init(lower: laws[1].profile(loss), upper: laws[0].profile(loss)))
      }
      guard count < plan.counts.upperBound else { break }
      composition.advance()
    }
  }

  /// Every number of rounds has the bounds of its own laws, and hardly more than that where the window is wide.
  @Test(arguments: [(2...4, 1), (2...6, 2), (5...5, 1)])
  func everyNumberOfRoundsHasItsOwnBounds(counts: ClosedRange<Int>, stride: Int) throws {
    try check(plan(counts, stride: stride), size: 128) { bounds, exact in
      #expect(
        bounds.upper >= exact.upper * (1 - 1e-13) && bounds.upper < exact.upper * (1 + 1e-4), "\(bounds) \(exact)")
      #expect(
        bounds.lower <= exact.lower * (1 + 1e-13) && bounds.lower > exact.lower * (1 - 1e-4), "\(bounds) \(exact)")
    }
  }

  /// Where the window holds little of the sum, what is folded into it is charged.
  @Test(arguments: [0.2, 0.35, 0.5, 0.7])
  func whatIsFoldedIsCharged(share: Double) throws {
    for counts in [2...4, 6...6] {
      var narrow = try plan(counts, stride: 1)
      (narrow.below, narrow.above) = (share * narrow.below, share * narrow.above)
      try check(narrow, size: 64) { bounds, exact in
        #expect(bounds.upper >= exact.upper * (1 - 1e-13), "\(bounds) \(exact)")
        #expect(bounds.lower <= exact.lower * (1 + 1e-13), "\(bounds) \(exact)")
      }
    }
  }

  /// The epsilons that are read enclose those that each number has alone; where to begin to look does not matter.
  @Test func epsilonsEncloseTheTruth() throws {
    let plan = try plan(3...6, stride: 1)
    let made = RunningComposition(plan, FourierTransform(size: 512))
    var composition = try #require(made)
    for count in 3...6 {
      let truth = LossAccountant([(Self.pair, count)], directions: [.remove]).epsilon(delta: Self.delta)
      let upper = composition.upperEpsilon(Self.delta, start: truth.upper)
      let lower = composition.lowerEpsilon(.init(constant: Self.delta), start: truth.upper)
      #expect(
        upper >= truth.lower && lower <= truth.upper && upper - lower < 2e-3 * upper, "\(lower) \(upper) \(truth)")
      #expect(
        composition.mayExceed(Self.delta, at: 0.99 * lower) && !composition.mayExceed(Self.delta, at: 1.01 * upper))
      #expect(composition.exceeds(.init(constant: Self.delta), above: 0.98 * lower))
      #expect(!composition.exceeds(.init(constant: Self.delta), above: 1.01 * upper))
      for start in [0.3, 0.9, 1.2] {
        #expect(composition.upperEpsilon(Self.delta, start: start * truth.upper) == upper)
      }
      // A target that rises with the loss: delta at the answer is the target there.
      let target = RunningComposition.Target(constant: Self.delta, slope: 1e-5)
      let below = composition.lowerEpsilon(target, start: lower)
      let delta = LossAccountant([(Self.pair, count)], directions: [.remove]).delta(epsilon: below)
      #expect(below < lower && delta.upper >= target.value(at: below), "\(below) \(delta)")
      #expect(delta.lower <= 1.01 * target.value(at: below), "\(below) \(delta)")
      if count < 6 { composition.advance() }
    }
    #expect(composition.upperEpsilon(1e-300, start: 5) == .infinity, "less than the mass at infinity")
  }
}
