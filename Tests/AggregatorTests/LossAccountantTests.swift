import Foundation
import Support
import Testing

@testable import Aggregator

private struct Reference: Decodable {
  struct Rounds: Decodable {
    let samplingRate: Double
    let noiseMultiplier: Double
    let count: Int
  }
  struct Value: Decodable {
    let delta: Double
    let lower: Double?
    let upper: Double?
    let exact: Double?
    let relativeWidth: Double?
  }
  struct Case: Decodable {
    let rounds: [Rounds]
    let epsilon: [Value]

    var pairs: [(pair: DominatingPair, count: Int)] {
      rounds.map {
        ($0.samplingRate == 1
          ? DominatingPair.gaussian(scale: $0.noiseMultiplier)
          : DominatingPair(kind: .subsampled, rate: $0.samplingRate, scale: $0.noiseMultiplier), $0.count)
      }
    }
  }
  let epsilon: [Case]
}

@Suite struct LossAccountantTests {
  /// Where the reference is narrower than 10^-5, ours lies inside it, widened by 10^-6 of it; elsewhere they agree; our upper
  /// bound is nowhere below a lower reference. Closed forms to 10^-9, and 10^-5 through the grid.
  @Test func referenceValues() throws {
    let reference: Reference = try Vectors.load("accounting.json")
    for v in reference.epsilon {
      for value in v.epsilon {
        let clock = ContinuousClock()
        var ours = LossComposition.Bounds(lower: 0, upper: 0)
        let time = clock.measure { ours = LossAccountant(v.pairs).epsilon(delta: value.delta) }
        let total = v.rounds.reduce(0) { $0 + $1.count }
        let label = "\(v.rounds.prefix(2)) delta \(value.delta): [\(ours.lower), \(ours.upper)]"
        print(v.rounds[0], v.rounds.count, value.delta, ours.lower, ours.upper, (ours.upper - ours.lower) / ours.upper, time)
        #expect(ours.lower <= ours.upper, "\(label)")
        if let exact = value.exact {
          #expect(abs(ours.upper / exact - 1) < 2e-9 && ours.upper >= exact && ours.lower <= exact, "\(label)")
          let grid = LossAccountant(v.pairs, closedForms: false).epsilon(delta: value.delta)
          #expect(grid.lower <= exact && exact <= grid.upper, "\(label) \(grid)")
          #expect(grid.upper - grid.lower < 1e-5 * exact, "\(label) \(grid)")
        }
        if let lower = value.lower, let upper = value.upper, let width = value.relativeWidth {
          #expect(ours.upper >= lower, "\(label)")
          #expect(ours.lower <= upper, "\(label)")
          if width < 1e-5 {
            #expect(ours.lower >= lower * (1 - 1e-6))
            #expect(ours.upper <= upper * (1 + 1e-6), "\(label) \(lower) \(upper)")
          }
        }
        if total <= 1000 && value.delta >= 1e-9 {
          #expect(ours.upper - ours.lower <= 1e-5 * ours.upper, "\(label)")
        }
      }
    }
  }

  @Test func probeLevels() throws {
    for (q, z, t, delta) in [(0.001, 1.0, 1000, 1e-9)] {
      let pair = DominatingPair(kind: .subsampled, rate: q, scale: z)
      for direction in Direction.allCases {
        let c = LossComposition(entries: [.init(pair: pair, count: t)], direction: direction)
        let plan = c.plan(.epsilon(delta: delta))
        print(q, z, t, direction, plan.theta, plan.left, plan.right)
        let other = c.narrower(plan, epsilon: 0.411, delta: delta)
        print(q, z, t, direction, other.theta, other.left, other.right)
        for size in stride(from: 11, through: 20, by: 3) {
          let b = c.bounds(.epsilon(delta: delta), plan: plan, logSize: size)
          let l = c.buckets(0, step: (plan.left + plan.right) / Double(1 << size), plan: plan)
          print(size, b.lower, b.upper, l.bounded as Any, l.count, l.lower.masses.count, l.lower.masses.reduce(0, +), l.upper.masses.reduce(0, +))
        }
      }
    }
  }
}
