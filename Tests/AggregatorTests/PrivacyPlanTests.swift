import Numerics
import PrivacyAccounting
import Support
import Testing

@testable import Aggregator

@Suite struct PrivacyPlanTests {
  private func plan(_ sampling: Sampling, population: Int = 1438, delta: Double = 1e-5) throws -> PrivacyPlan {
    try PrivacyPlan(
      population: population, clippingNorm: 2, noise: .multiplier(1.5), sampling: sampling, relation: .zeroOut,
      accountant: sampling == .everyone ? .gaussian : .rdp, delta: delta, rounds: 100)
  }

  @Test func sharesAndCompletionAddUpToTheWhole() throws {
    for sampling in [Sampling.everyone, .poisson(rate: 0.1), .poisson(rate: 0.001)] {
      let plan = try plan(sampling)
      for arrived in [0, 1, plan.largestCohort / 2, plan.largestCohort] {
        let completion = plan.completionScale(arrived: arrived, clippingNorm: plan.clippingNorm)
        let total = Double(arrived) * plan.noiseScale * plan.noiseScale + completion * completion
        #expect(abs(total.squareRoot() / 3 - 1) < 1e-12, "z C = 3")
      }
    }
  }

  @Test func largestCohortIsTheSmallestThatDeltaPaysFor() throws {
    let plan = try plan(.poisson(rate: 0.1))
    let charge = { 100 * binomialUpperTail(trials: 1438, probability: 0.1, atLeast: $0) }
    #expect(charge(plan.largestCohort) <= 1e-7 && charge(plan.largestCohort - 1) > 1e-7)
    #expect(plan.truncationDelta == charge(plan.largestCohort))
    #expect(try self.plan(.everyone).largestCohort == 1438)
    #expect(try self.plan(.everyone).truncationDelta == 0)
    // All clients are a bound that needs no charge.
    let few = try self.plan(.poisson(rate: 0.9), population: 3)
    #expect(few.largestCohort == 3 && few.truncationDelta == 0)
    #expect(try self.plan(.poisson(rate: 1), population: 7).largestCohort == 7)
  }

  /// With m_max = N the neighbor that has one client more would be cut (Poisson) or carry N + 1 shares (everyone): a
  /// difference that nothing was charged for.
  @Test(arguments: [Sampling.everyone, .poisson(rate: 1), .poisson(rate: 0.9)])
  func underAddOrRemoveThereIsRoomForTheNeighbor(sampling: Sampling) throws {
    for population in [1, 2, 3] {
      let plan = { (relation: NeighboringRelation) in
        try PrivacyPlan(
          population: population, clippingNorm: 2, noise: .multiplier(1.5), sampling: sampling, relation: relation,
          accountant: sampling == .everyone ? .gaussian : .rdp, delta: 1e-5, rounds: 100)
      }
      #expect(try plan(.addOrRemove).largestCohort == population + 1)
      #expect(try plan(.addOrRemove).truncationDelta == 0)
      #expect(try plan(.zeroOut).largestCohort == population)
      for arrived in [population, population + 1] {
        let total =
          try Double(arrived) * plan(.addOrRemove).noiseScale * plan(.addOrRemove).noiseScale
          + plan(.addOrRemove).completionScale(arrived: arrived, clippingNorm: 2)
          * plan(.addOrRemove).completionScale(arrived: arrived, clippingNorm: 2)
        #expect(abs(total.squareRoot() / 3 - 1) < 1e-12, "z C on both sides")
      }
    }
    // Where a charged bound below N is there, the relation changes nothing.
    let charged = { (relation: NeighboringRelation) in
      PrivacyPlan.largestCohort(
        population: 1438, sampling: .poisson(rate: 0.1), relation: relation, rounds: 100, delta: 1e-5)
    }
    #expect(charged(.addOrRemove) == charged(.zeroOut))
  }

  @Test func truncationIsChargedToDelta() throws {
    let plan = try plan(.poisson(rate: 0.1))
    let whole = try Accountant.rdp.spending(plan.event, rounds: 100, delta: 1e-5).epsilon
    #expect(try plan.spending(rounds: 100).epsilon > whole)
  }
}
