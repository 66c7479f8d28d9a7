import Foundation
import Testing

@testable import PrivacyAccounting

/// Curves that are printed as proved must be on the right side everywhere, also between the points that are printed.
@Suite struct TradeOffTests {
  private func ledger(
    _ z: Double, _ sampling: Sampling, rounds: Int, _ relation: NeighboringRelation = .zeroOut
  ) -> PrivacyLedger {
    PrivacyLedger(PrivacyEvent(noiseMultiplier: z, sampling: sampling, relation: relation), rounds: rounds)
  }

  /// Type I errors from 10^-12 to 1, and those between neighboring corners.
  private func errors(_ curve: TradeOffCurve) -> [Double] {
    let corners = curve.points.map(\.typeIError)
    let between = zip(corners, corners.dropFirst()).map { 0.37 * $0 + 0.63 * $1 }
    return (corners + between + (0...200).map { Double($0) / 200 }).sorted()
  }

  @Test func gaussianCurvesAreExact() throws {
    // mu^2 = 4 / 2^2.
    let curves = try PrivacyCurves(ledger(2, .everyone, rounds: 4), accountant: .pld, least: 1e-10)
    let exact = GaussianTradeOff(mu: 1)
    let above = try #require(curves.above)
    for error in errors(curves.below) + errors(above) {
      let (low, f, high) = (
        curves.below.typeIIError(at: error), exact.typeIIError(at: error), above.typeIIError(at: error)
      )
      #expect(low <= f + 1e-15 && f <= high + 1e-15, "\(error)")
      #expect(high - low < 1e-5, "\(error)")
    }
    let mu = try #require(curves.gaussian.everywhere)
    #expect(abs(mu.upper - 1) < 1e-11 && mu.upper >= 1 && mu.lower <= 1 && mu.lower > 1 - 1e-11)
    let rho = try #require(curves.gaussian.rho)
    #expect(rho.upper >= 0.5 && rho.upper < 0.5 + 1e-11 && rho.lower <= 0.5)
    let within = try #require(curves.gaussian.within)
    #expect(within.upper >= 1 && within.upper < 1 + 1e-4)
    let least = try #require(within.lower)
    #expect(least <= 1 && least > 1 - 1e-4)
    // By the closed form's own accountant too.
    let same = try PrivacyCurves(ledger(2, .everyone, rounds: 4), accountant: .gaussian, least: 1e-10)
    #expect(abs(same.below.typeIIError(at: 0.2) - exact.typeIIError(at: 0.2)) < 1e-5)
  }

  @Test func noTestIsBetterThanTheLowerCurve() throws {
    // All tests of one Poisson round: thresholds of the likelihood ratio, in both orders of neighbors.
    let (q, z) = (0.1, 1.0)
    let curves = try PrivacyCurves(ledger(z, .poisson(rate: q), rounds: 1), accountant: .pld, least: 1e-10)
    let above = try #require(curves.above)
    var best: [(error: Double, other: Double)] = []
    for k in -800...1200 {
      let x = Double(k) / 100
      let (noise, shifted) = (upperTail(x / z), (1 - q) * upperTail(x / z) + q * upperTail((x - 1) / z))
      best.append((noise, 1 - shifted))
      best.append((1 - shifted, noise))
    }
    for test in best { #expect(curves.below.typeIIError(at: test.error) <= test.other + 1e-14) }
    // f is the convex hull of both orders, and touches every line that a delta from below gives.
    for k in 0...300 {
      let epsilon = Double(k) * 0.0123
      let delta = try Accountant.pld.delta(ledger(z, .poisson(rate: q), rounds: 1), epsilon: epsilon).delta
      let t = exp(epsilon)
      for error in stride(from: 0, through: 1, by: 0.01) {
        #expect(above.typeIIError(at: error) >= 1 - delta - t * error - 1e-12, "\(epsilon) \(error)")
        #expect(above.typeIIError(at: error) >= (1 - delta - error) / t - 1e-12, "\(epsilon) \(error)")
      }
    }
  }

  @Test(arguments: [
    (0.01, 1.0, 1000, Sampling.Name.poisson, NeighboringRelation.zeroOut),
    (0.1, 1.0, 100, .poisson, .replaceOne), (0.1, 1.0, 100, .fixedSize, .zeroOut),
  ])
  func curvesAgreeWithEpsilons(
    _ q: Double, _ z: Double, _ rounds: Int, _ name: Sampling.Name, _ relation: NeighboringRelation
  ) throws {
    let rounds = ledger(z, Sampling(name: name, rate: q), rounds: rounds, relation)
    let curves = try PrivacyCurves(rounds, accountant: .pld, least: 1e-9)
    let above = try #require(curves.above)
    for delta in [0.05, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7] {
      let spent = try Accountant.pld.spending(rounds, delta: delta)
      // What is proved of the rounds at (epsilon, delta) is no more than the upper curve allows.
      for error in above.points.map(\.typeIError) {
        #expect(above.typeIIError(at: error) >= 1 - delta - exp(spent.epsilon) * error - 1e-12, "\(delta)")
      }
      // Some test is as good as the lower epsilon says: the lower curve reaches its line.
      let t = exp(try #require(spent.lowerBound))
      let least = curves.below.points.map { $0.typeIIError - (1 - delta - t * $0.typeIError) }.min() ?? 1
      #expect(least <= 1e-12, "\(delta)")
    }
    for error in errors(curves.below) {
      #expect(curves.below.typeIIError(at: error) <= above.typeIIError(at: error) + 1e-14)
    }
  }

  @Test func gaussiansBelowAreBelow() throws {
    let rounds = ledger(1, .poisson(rate: 0.01), rounds: 1000)
    let curves = try PrivacyCurves(rounds, accountant: .pld, least: 1e-8)
    let above = try #require(curves.above)
    let within = try #require(curves.gaussian.within)
    let (upper, lower) = (within.upper, try #require(within.lower))
    #expect(lower <= upper && upper < 1.02 * lower && upper < 1)
    let gaussian = GaussianTradeOff(mu: upper)
    for error in errors(curves.below) {
      let f = curves.below.typeIIError(at: error)
      #expect(gaussian.typeIIError(at: error) - curves.gaussian.delta <= f + 1e-14)
      if error >= curves.gaussian.leastError, f >= curves.gaussian.leastError {
        #expect(gaussian.typeIIError(at: error) <= f + 1e-14)
      }
    }
    // Less is refuted by the curve from above.
    let less = GaussianTradeOff(mu: 0.999 * lower)
    #expect(above.corners.contains { less.typeIIError(at: $0.typeIError) > 1 - $0.power })
    // For all errors sampling does not help: mu and rho are those of rounds in which everybody takes part.
    let mu = try #require(curves.gaussian.everywhere)
    #expect(abs(mu.upper - 1000.0.squareRoot()) < 1e-9 && abs(mu.lower - 1000.0.squareRoot()) < 1e-9)
    #expect(abs(try #require(curves.gaussian.rho).upper - 500) < 1e-8)
  }

  @Test func pureGuaranteesHaveTheirCorner() throws {
    var rounds = PrivacyLedger()
    rounds.append(.guarantee(epsilon: 0.5, delta: 0))
    let curves = try PrivacyCurves(rounds, accountant: .pld, least: 1e-10)
    let corner = 1 / (1 + exp(0.5))
    #expect(abs(curves.below.typeIIError(at: corner) - corner) < 1e-4)
    let mu = try #require(curves.gaussian.everywhere)
    #expect(abs(GaussianTradeOff(mu: mu.upper).typeIIError(at: corner) - corner) < 1e-9)
    #expect(abs(try #require(curves.gaussian.rho).upper - 0.125) < 1e-9)
    rounds.append(.guarantee(epsilon: 0.5, delta: 1e-9))
    let none = try PrivacyCurves(rounds, accountant: .pld, least: 1e-8).gaussian
    #expect(none.everywhere == nil && none.rho == nil)
    #expect(try #require(none.refusal).contains("1e-09"))
  }

  /// A curve that ends at a delta above delta(0) has no corner, and says nothing of mu; a pair that no data have bounds nothing from below.
  @Test func boundsOfGaussiansAreOfWhatIsKnown() throws {
    let short = try PrivacyCurves(ledger(1, .everyone, rounds: 1), accountant: .pld, least: 0.5)
    #expect(short.gaussian.within == nil && short.gaussian.leastError > 0.1)
    let everywhere = try #require(short.gaussian.everywhere)
    #expect(everywhere.lower <= 1 && everywhere.upper >= 1 && everywhere.upper - everywhere.lower < 1e-5)
    let full = try PrivacyCurves(
      ledger(1, .fixedSize(rate: 1), rounds: 1, .addOrRemove), accountant: .pld, least: 1e-6)
    let mu = try #require(full.gaussian.everywhere)
    let rho = try #require(full.gaussian.rho)
    #expect(mu.upper >= 2 && mu.lower <= 1.000001 && rho.lower <= 0.500001, "two data sets are one client apart: z = 1")
  }

  @Test func whatIsNotKnownIsNotSaid() throws {
    let rounds = ledger(1, .poisson(rate: 0.1), rounds: 10)
    let renyi = try PrivacyCurves(rounds, accountant: .rdp, least: 1e-8)
    #expect(renyi.above == nil && renyi.gaussian.within?.lower == nil)
    let precise = try PrivacyCurves(rounds, accountant: .pld, least: 1e-8)
    for error in stride(from: 0.01, to: 1, by: 0.01) {
      #expect(renyi.below.typeIIError(at: error) <= precise.below.typeIIError(at: error) + 1e-9)
    }
    // Nothing was released.
    let nothing = try PrivacyCurves(ledger(1, .poisson(rate: 0), rounds: 5), accountant: .pld, least: 1e-8)
    #expect(abs(nothing.below.typeIIError(at: 0.3) - 0.7) < 1e-12 && nothing.gaussian.within?.upper ?? 1 < 1e-13)
    // Next to no noise: f is 0, and no Gaussian is said to be below it.
    let all = try PrivacyCurves(ledger(0.1, .everyone, rounds: 1000), accountant: .pld, least: 1e-8)
    #expect(all.below.typeIIError(at: 0.01) == 0 && all.gaussian.within == nil)
    #expect(throws: PrivacyRefusal.self) {
      try PrivacyCurves(ledger(0, .everyone, rounds: 1), accountant: .pld, least: 1e-8)
    }
    // What pays for cut cohorts is in both bounds.
    let cut = try PrivacyCurves(rounds, accountant: .pld, least: 1e-5, truncation: 1e-6)
    #expect(cut.gaussian.everywhere == nil)
    #expect(cut.profile.points.allSatisfy { $0.delta - ($0.lowerBound ?? 0) >= min(1.9e-6, $0.delta) })
    for error in stride(from: 0, to: 1, by: 0.05) {
      #expect(cut.below.typeIIError(at: error) <= precise.above?.typeIIError(at: error) ?? 0)
      #expect(cut.above?.typeIIError(at: error) ?? 0 >= precise.below.typeIIError(at: error))
    }
    #expect(throws: PrivacyRefusal.self) { try PrivacyCurves(rounds, accountant: .pld, least: 1e-6, truncation: 1e-6) }
  }
}
