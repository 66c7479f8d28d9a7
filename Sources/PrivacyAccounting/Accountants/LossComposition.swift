import Numerics
import Platform

/// Rounds of any kinds, composed: both bounds of delta as a function of epsilon in one direction, at any delta.
///
/// Laws are tilted by e^(theta l) before the transform and back after it. theta is the order, less 1, at which the Renyi bound
/// is smallest, so the tilted sum has its bulk where epsilon is: rounding is relative to delta itself, 10^-30 included, and
/// the window need only hold the tilted law.
struct LossComposition {
  /// A kind of round and how many.
  struct Entry {
    let pair: DominatingPair
    let count: Int
  }

  let entries: [Entry]
  let direction: Direction

  /// What is asked: both bounds of epsilon at a delta, or of delta at an epsilon.
  enum Query {
    case epsilon(delta: Double)
    case delta(epsilon: Double)
  }

  struct Bounds {
    var lower: Double
    var upper: Double
  }

  var rounds: Double { entries.reduce(0) { $0 + Double($1.count) } }

  /// Losses so low that all P-mass together, moved up to there or lost, is not seen in the tilted law, are left out:
  /// e^(theta l) < e^-26 / rounds of the pair's moment.
  func buckets(_ index: Int, step: Double, plan: Plan) -> LossBuckets {
    LossBuckets(entries[index].pair, direction, step: step, range: range(index, plan: plan))
  }

  private func range(_ index: Int, plan: Plan) -> (low: Double, high: Double) {
    var range = entries[index].pair.lossRange(cut: plan.cut)
    let least = (plan.moments.cumulant(index, plan.theta) - plan.outside + 1 - log(rounds)) / plan.theta
    let margin = 1e-3 * (range.high - range.low)
    if direction == .remove {
      range.low = max(range.low, min(least, range.high - margin))
    } else {
      range.high = min(range.high, max(-least, range.low + margin))
    }
    return range
  }

  /// Where nothing is known.
  private func nothing(_ query: Query) -> Bounds {
    if case .delta = query { return Bounds(lower: 0, upper: 1) }
    return Bounds(lower: 0, upper: largestLoss * (1 + 1e-12))
  }

  /// No loss of all rounds together is larger.
  var largestLoss: Double {
    entries.reduce(0) { sum, entry in
      let loss = direction == .add && !entry.pair.isSymmetric ? -entry.pair.leastLoss : .infinity
      return sum + Double(entry.count) * loss
    }
  }

  /// Both bounds with a window of 2^logSize points.
  func bounds(_ query: Query, plan: Plan, logSize: Int) -> Bounds {
    guard let law = law(plan: plan, logSize: logSize) else { return nothing(query) }
    return law.losses.bounds(query, law.place, law.budget)
  }

  /// Both bounds of delta at many epsilons, which rise, from one law.
  func bounds(_ epsilons: [Double], plan: Plan, logSize: Int) -> [Bounds] {
    guard let law = law(plan: plan, logSize: logSize) else { return epsilons.map { nothing(.delta(epsilon: $0)) } }
    return law.losses.bounds(epsilons, law.place, law.budget)
  }

  /// The law of all rounds, with what rounding and folding may have done to it; nil where nothing is known.
  private func law(plan: Plan, logSize: Int) -> (losses: ComposedLosses, place: ComposedLosses.Place, budget: Double)? {
    guard let window = window(plan, logSize: logSize) else { return nil }
    var losses = ComposedLosses(plan, window, rounds: rounds)
    for (index, entry) in entries.enumerated() {
      let buckets = buckets(index, step: window.step, plan: plan)
      let estimate = plan.moments.cumulant(index, plan.theta)
      guard losses.add(entry, direction, buckets, estimate: estimate) else { return nil }
    }
    guard let place = losses.finish(), let budget = losses.budget(place) else { return nil }
    return (losses, place, budget)
  }

  /// The circle of points that the rounds' sum is computed on.
  struct Window {
    let size: Int
    let step: Double
    /// So many points below the window's low end are in it too.
    let slackLow: Double
  }

  /// A window that holds what the plan says, and what splitting buckets adds to it. Nil where numbers are too large.
  func window(_ plan: Plan, logSize: Int) -> Window? {
    let size = 1 << logSize
    // One round may be far wider than the window: no more buckets than fit into memory.
    let widest = entries.indices.map { range($0, plan: plan) }.map { $0.high - $0.low }.max() ?? 0
    // Splitting buckets spreads the sum by about half a step for the square root of the rounds. Where the window ends with the
    // law itself (the best tilt is then huge), all ends of grids, a few steps out each round, have to be in it.
    let rough = (plan.left + plan.right) / Double(size)
    let slack = { (tilt: Double) in
      min(Double(size) / 5, tilt * rough > 0.1 ? 8 + 3 * rounds : 4 + 2 * rounds.squareRoot())
    }
    let (slackLow, slackHigh) = (slack(plan.leftTilt), slack(plan.rightTilt))
    let step = max(
      (plan.left + plan.right) / (Double(size) - slackLow - slackHigh), widest / min(0x1p22, 64 * Double(size)))
    guard step > 0, step.isFinite, widest.isFinite, plan.theta.isFinite, plan.moment.isFinite, plan.mean.isFinite else {
      return nil
    }
    return Window(size: size, step: step, slackLow: slackLow)
  }
}
