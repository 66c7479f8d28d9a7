import Aggregator
import ChannelCoding
import PrivacyAccounting
import Synchronization

/// Plans and what rounds of them cost, computed once for all runs that have them in common: calibration and accounting depend on the
/// plan's numbers alone, which most runs of a sweep share.
///
/// Every answer is what the plan itself would say, to the bit. Any number of threads may ask; of two that ask for the same, one computes.
public final class SharedAccounting: Sendable {
  /// All that `PrivacyPlan.init` is told.
  struct PlanKey: Hashable {
    var population: Int
    var clippingNorm: Double
    var isTarget: Bool
    /// Epsilon, or z.
    var noise: Double
    var sampling: Sampling
    var relation: NeighboringRelation
    var accountant: Accountant
    var delta: Double
    var rounds: Int
    var budget: Double?
    var noiseSource: NoiseSource
    var adaptiveClipping: AdaptiveClipping?
    var numericalDelta = 0.0

    func plan() throws(PrivacyRefusal) -> PrivacyPlan {
      try PrivacyPlan(
        population: population, clippingNorm: clippingNorm,
        noise: isTarget ? .targetEpsilon(noise) : .multiplier(noise), sampling: sampling, relation: relation,
        accountant: accountant, delta: delta, rounds: rounds, budget: budget, noiseSource: noiseSource,
        adaptiveClipping: adaptiveClipping, numericalDelta: numericalDelta)
    }
  }

  /// All that `PrivacyPlan.spendingColumn` is made of.
  private struct ColumnKey: Hashable {
    let noiseMultiplier: Double
    let countNoise: Double?
    let sampling: Sampling
    let relation: NeighboringRelation
    let accountant: Accountant
    let delta: Double
    let reservedDelta: Double
    let affordedRounds: Int
    let plannedEpsilon: Double
    let plannedLowerBound: Double?
  }

  private let plans = Shared<PlanKey, PrivacyPlan>()
  private let columns = Shared<ColumnKey, SpendingColumn>()

  public init() {}

  /// How many plans were computed so far, and columns of what rounds of them cost made, not asked for.
  public var computed: (plans: Int, columns: Int) { (plans.count, columns.count) }

  func plan(_ key: PlanKey) throws(PrivacyRefusal) -> PrivacyPlan {
    try plans.value(key) { () throws(PrivacyRefusal) in
      // Calibration asks neither for C nor for the budget.
      var unit = key
      (unit.clippingNorm, unit.budget) = (1, nil)
      guard key.isTarget, unit != key else { return try key.plan() }
      var calibrated = key
      (calibrated.isTarget, calibrated.noise) = (false, try plan(unit).noiseMultiplier)
      return try calibrated.plan()
    }
  }

  func spending(_ plan: PrivacyPlan, rounds: Int) throws(PrivacyRefusal) -> PrivacySpent {
    let key = ColumnKey(
      noiseMultiplier: plan.event.noiseMultiplier, countNoise: plan.event.countNoise, sampling: plan.sampling,
      relation: plan.relation,
      accountant: plan.accountant, delta: plan.delta, reservedDelta: plan.truncationDelta + plan.numericalDelta,
      affordedRounds: plan.affordedRounds, plannedEpsilon: plan.plannedSpending.epsilon,
      plannedLowerBound: plan.plannedSpending.lowerBound)
    return try columns.value(key) { () throws(PrivacyRefusal) in plan.spendingColumn }.spending(rounds: rounds)
  }
}

/// A table that computes each value once, whoever asks first.
private final class Shared<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private final class Entry: Sendable {
    let result = Mutex<Result<Value, PrivacyRefusal>?>(nil)
  }

  private let entries = Mutex<[Key: Entry]>([:])

  var count: Int { entries.withLock { $0.count } }

  func value(_ key: Key, _ make: () throws(PrivacyRefusal) -> Value) throws(PrivacyRefusal) -> Value {
    let entry = entries.withLock { entries in
      if let entry = entries[key] { return entry }
      let entry = Entry()
      entries[key] = entry
      return entry
    }
    // Whoever asks for the same waits here; others do not.
    let result = entry.result.withLock { result in
      if let result { return result }
      let made: Result<Value, PrivacyRefusal>
      do throws(PrivacyRefusal) { made = .success(try make()) } catch { made = .failure(error) }
      result = made
      return made
    }
    return try result.get()
  }
}
