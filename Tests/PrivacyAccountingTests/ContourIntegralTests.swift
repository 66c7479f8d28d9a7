import Foundation
import Testing

@testable import PrivacyAccounting

/// Integrals along a line against what shares nothing with them: grids of losses, closed forms, and sums over many more nodes.
@Suite struct ContourIntegralTests {
  struct Rounds: Sendable {
    let rate: Double
    let scale: Double
    let count: Int
    let delta: Double
    var gaussian: Double?

    var entries: [LossComposition.Entry] {
      [.init(pair: DominatingPair(kind: .subsampled, rate: rate, scale: scale), count: count)]
        + (gaussian.map { [.init(pair: .gaussian(scale: $0), count: 1)] } ?? [])
    }
  }

  static let rounds = [
    Rounds(rate: 0.1, scale: 1, count: 50, delta: 1e-5), Rounds(rate: 0.01, scale: 0.8, count: 300, delta: 1e-6),
    Rounds(rate: 0.5, scale: 3, count: 40, delta: 1e-9), Rounds(rate: 0.9, scale: 2, count: 30, delta: 1e-4),
    Rounds(rate: 0.02, scale: 2, count: 1000, delta: 1e-20),
    Rounds(rate: 0.05, scale: 1, count: 60, delta: 1e-6, gaussian: 4),
  ]

  /// In both directions; at epsilon 0 too.
  @Test(arguments: rounds)
  func integralsLieBetweenTheBoundsOfGrids(_ rounds: Rounds) throws {
    for direction in Direction.allCases {
      let composition = LossComposition(entries: rounds.entries, direction: direction)
      let query = LossComposition.Query.epsilon(delta: rounds.delta)
      let grid = composition.bounds(query, plan: composition.plan(query), logSize: 14)
      let line = try #require(ContourLine(rounds.entries, direction, query))
      let found = try #require(line.bounds(query))
      #expect(grid.lower <= found.upper && found.lower <= grid.upper, "\(direction) \(grid) \(found)")
      #expect(grid.lower < grid.upper && grid.upper < 1.2 * grid.lower, "\(direction) \(grid)")
      #expect(found.lower <= found.upper && found.upper < found.lower * (1 + 1e-7), "\(direction) \(found)")
      for epsilon in [0, 0.7 * grid.lower, 1.1 * grid.lower] where epsilon < composition.largestLoss {
        let query = LossComposition.Query.delta(epsilon: epsilon)
        let grid = composition.bounds(query, plan: composition.plan(query), logSize: 14)
        let line = try #require(ContourLine(rounds.entries, direction, query))
        let found = try #require(line.bounds(query))
        #expect(grid.lower <= found.upper && found.lower <= grid.upper, "\(direction) \(epsilon) \(grid) \(found)")
        #expect(found.lower <= found.upper && found.upper < found.lower * (1 + 1e-6), "\(direction) \(found)")
      }
    }
  }

  private func gaussian(_ mu: Double, theta: Double, epsilon: Double, share: Double, period: Double?)
    -> ContourIntegral?
  {
    let entries = [LossComposition.Entry(pair: .gaussian(scale: 1 / mu), count: 1)]
    let logDelta = log(GaussianProfile(mu: mu).delta(epsilon: epsilon))
    return ContourIntegral(
      entries, .remove, theta: theta, logDelta: logDelta, epsilon: epsilon,
      moments: LossMoments(entries, .remove, cut: 1e-280), share: share, period: period)
  }

  /// Where delta has a closed form: to nine digits, and with orders that are not the best.
  @Test(arguments: [(1.0, 3.0, 0.0), (1, 4, 3), (0.2, 20, 1), (3, 1.5, 12)])
  func integralsOfNormalLossesAreTheirClosedForm(mu: Double, theta: Double, epsilon: Double) throws {
    let exact = GaussianProfile(mu: mu).delta(epsilon: epsilon)
    for factor in [0.7, 1, 1.3] {
      let integral = try #require(
        gaussian(mu, theta: factor * theta, epsilon: epsilon, share: 1e-11, period: nil))
      let found = integral.delta(epsilon)
      #expect(found.lower <= exact * (1 + 1e-13) && exact * (1 - 1e-13) <= found.upper, "\(found) \(exact)")
      #expect(found.upper - found.lower < 1e-8 * exact, "\(found) \(exact)")
      let inverse = integral.epsilon(delta: exact, start: epsilon + 1)
      #expect(inverse.lower <= epsilon && epsilon <= inverse.upper * (1 + 1e-9), "\(inverse)")
    }
  }

  /// Periods that are far too short and frequencies that end far too early prove little, but nothing wrong; and what they do wrong is seen.
  @Test(arguments: [1e-1, 1e-3, 1e-6])
  func shortSumsAreSound(share: Double) throws {
    var isSeen = (above: false, below: false, rest: false)
    for (mu, theta, epsilon) in [(1.0, 3.0, 2.0), (0.3, 10, 0.5), (2, 1, 5)] {
      let exact = GaussianProfile(mu: mu).delta(epsilon: epsilon)
      for period in [0.5, 1, 2, 4, 8].map({ $0 / theta * 4 }) {
        let integral = try #require(gaussian(mu, theta: theta, epsilon: epsilon, share: share, period: period))
        for moved in [-0.3, 0, 0.2] where epsilon + moved >= 0 {
          let exact = GaussianProfile(mu: mu).delta(epsilon: epsilon + moved)
          let found = integral.delta(epsilon + moved)
          #expect(found.lower <= exact && exact <= found.upper, "\(mu) \(period) \(found) \(exact)")
        }
        let found = integral.delta(epsilon)
        isSeen.above = isSeen.above || found.upper > 1.01 * exact
        isSeen.below = isSeen.below || found.lower < 0.99 * exact
      }
      let long = try #require(gaussian(mu, theta: theta, epsilon: epsilon, share: share, period: nil))
      let whole = long.delta(epsilon)
      isSeen.rest = isSeen.rest || whole.upper > exact * (1 + 1e-3 * share)
    }
    #expect(isSeen.above && isSeen.below && isSeen.rest)
  }

  /// The characteristic function and the moment against Simpson's rule with a tenth of the step, and the bound of all higher frequencies
  /// against values.
  @Test(arguments: [(0.01, 1.0, 3.0), (0.3, 0.7, 1), (0.9, 2, 8), (0.001, 4, 20)])
  func characteristicFunctionsAreWithinTheirErrors(rate: Double, scale: Double, theta: Double) throws {
    let pair = DominatingPair(kind: .subsampled, rate: rate, scale: scale)
    let region = try #require(pair.regions.first)
    for direction in Direction.allCases {
      let spacing = 0.3 * scale / rate
      let loss = try #require(
        TiltedLoss(pair, direction, theta: theta, frequency: 40 * spacing, rounds: 100))
      #expect(loss.error < 1e-11)
      let slope = direction == .remove ? 1 + theta : -theta
      let (low, high, n) = (-13 * scale - 1, max(slope, 0) + 13 * scale + 1, 400_000)
      var nodes: [(loss: Double, mass: Double)] = []
      for i in 0...n {
        let x = low + (high - low) * Double(i) / Double(n)
        let weight = (i == 0 || i == n ? 1.0 : i % 2 == 1 ? 4 : 2) * (high - low) / Double(n) / 3
        let l = region.loss(x)
        let mass = weight * exp(slope * l - x * x / (2 * scale * scale)) / (scale * (2 * Double.pi).squareRoot())
        if mass > 1e-25 { nodes.append((direction == .remove ? l : -l, mass)) }
      }
      let moment = nodes.reduce(0) { $0 + $1.mass }
      #expect(abs(loss.logMoment - log(moment)) < loss.error + 1e-11, "\(direction)")
      var walk = TiltedLoss.Walk(loss, spacing: spacing)
      for k in 1...40 {
        let value = walk.next()
        #expect(value.error < 1e-9)
        let size = (value.real * value.real + value.imaginary * value.imaginary).squareRoot()
        // No frequency up to here may have a bound that this one is above.
        for before in [0.3, 0.7, 1] {
          let bound = loss.logBound(from: before * Double(k) * spacing)
          #expect(log(max(size - value.error, 1e-300)) <= bound, "\(direction) \(k)")
        }
        guard k % 13 == 1 else { continue }
        var (x, y) = (0.0, 0.0)
        for (l, mass) in nodes {
          x += mass * cos(Double(k) * spacing * l) / moment
          y += mass * sin(Double(k) * spacing * l) / moment
        }
        #expect(abs(value.real - x) < value.error + 1e-11 && abs(value.imaginary - y) < value.error + 1e-11, "\(k)")
      }
    }
  }

  /// Answers of the accountant come from integrals where there are any, and lie within what grids prove.
  @Test func accountantsAnswersLieWithinThoseOfGrids() throws {
    for rounds in Self.rounds.prefix(3) {
      let pairs = rounds.entries.map { (pair: $0.pair, count: $0.count) }
      let grid = LossAccountant(pairs, closedForms: false).epsilon(delta: rounds.delta, precision: 1e-3)
      let found = LossAccountant(pairs).epsilon(delta: rounds.delta)
      #expect(grid.lower <= found.upper && found.lower <= grid.upper, "\(grid) \(found)")
      #expect(found.upper - found.lower < 1e-7 * found.upper && grid.upper - grid.lower > 1e-6 * grid.upper)
    }
  }

  /// Here the integral has no finite upper bound: the grid's is reported, not infinity.
  @Test func whatIntegralsDoNotProveIsLeftToGrids() {
    let pair = DominatingPair(kind: .subsampled, rate: 0.01, scale: 5)
    let found = LossAccountant([(pair, 100)]).epsilon(delta: 1e-9, precision: 1e-3)
    #expect(found.lower <= 0.1070119 && found.upper >= 0.1070119 && found.upper < 0.108, "\(found)")
  }

  /// Where what is subtracted cannot be small, the upper bound stands all the same, and a grid has the lower one.
  @Test func upperBoundsNeedNoLowerOnes() throws {
    let rounds = Rounds(rate: 1e-4, scale: 2, count: 1_000_000, delta: 1e-5)
    let query = LossComposition.Query.epsilon(delta: rounds.delta)
    let line = try #require(ContourLine(rounds.entries, .remove, query))
    let alone = try #require(line.bounds(query))
    #expect(alone.lower == 0 && alone.upper > 0.171747 && alone.upper < 0.171755, "\(alone)")
    let both = LossAccountant([(rounds.entries[0].pair, rounds.count)]).epsilon(delta: rounds.delta)
    #expect(both.lower > 0.1717 && both.lower <= both.upper && both.upper < 0.171755, "\(both)")
  }
}
