import Numerics
import Platform

extension LossComposition {
  /// ln of theta^theta / (1 + theta)^(1 + theta), the largest value of e^(-theta y)(1 - e^-y).
  static func logPeak(_ theta: Double) -> Double { theta * log(theta) - (1 + theta) * log1p(theta) }

  /// How rounds are to be composed: the tilt, and the window that holds the tilted law. It proves nothing: any plan gives bounds.
  struct Plan {
    var moments: LossMoments
    /// Mass that may be cut off a round.
    var cut: Double
    var theta = 1.0
    /// ln of the rounds' moment of order theta.
    var moment = 0.0
    var mean = 0.0
    /// The window reaches this far to both sides of the mean.
    var left = 0.0
    var right = 0.0
    var leftTilt = 0.0
    var rightTilt = 0.0
    /// Exponent of what may lie outside the window, of the tilted law.
    var outside: Double
    /// Where few rounds with large losses decide: losses above the threshold are counted apart; the rest alone is bounded by
    /// Chernoff at `tilt`.
    var split: (threshold: Double, tilt: Double)?

    init(_ moments: LossMoments, cut: Double, theta: Double, outside: Double = LossComposition.outside) {
      self.moments = moments
      self.cut = cut
      self.theta = theta
      self.outside = outside
      (moment, mean) = moments.cumulant(theta)
      // Chernoff: Pr[sum > mean + w] <= e^(K(theta + t) - K(theta) - t (mean + w)) in the tilted law.
      let reach = { [moment, mean] (t: Double) -> Double in
        (moments.cumulant(theta + t).value - moment - t * mean + outside) / abs(t)
      }
      rightTilt = exp(goldenSection(from: log(1e-3), to: log(1e5)) { reach(exp($0)) })
      leftTilt = exp(goldenSection(from: log(1e-3), to: log(1e5)) { reach(-exp($0)) })
      right = reach(rightTilt)
      left = reach(-leftTilt)
    }
  }

  /// Exponent of what may lie outside the window, of the tilted law.
  static let outside = 27.0

  /// Tilted by the order whose Renyi bound is smallest: rounding is then as small as it can be beside delta.
  func plan(_ query: Query) -> Plan {
    let moments: LossMoments
    let goal: (Double) -> Double
    switch query {
    case .epsilon(let delta):
      moments = LossMoments(entries, direction, cut: 1e-9 * delta / rounds)
      goal = { (moments.cumulant($0).value - log(delta) + Self.logPeak($0)) / $0 }
    case .delta(let epsilon):
      moments = LossMoments(entries, direction, cut: 1e-40 / rounds)
      goal = { moments.cumulant($0).value - $0 * epsilon + Self.logPeak($0) }
    }
    // Above this order rounding would swell moments (docs/privacy.md).
    let widest = entries.map { $0.pair.lossRange(cut: 1e-20) }.map { $0.high - $0.low }.max() ?? 1
    let most = min(1e6, max(10, (0.05 / (rounds * 2e-13 * max(widest, 1e-9))).squareRoot()))
    let theta = exp(goldenSection(from: log(1e-2), to: log(most)) { goal(exp($0)) })
    switch query {
    case .epsilon(let delta): return Plan(moments, cut: 1e-9 * delta / rounds, theta: theta)
    case .delta: return Plan(moments, cut: max(1e-12 * min(1, exp(goal(theta))) / rounds, 1e-290), theta: theta)
    }
  }

  /// The tilt with the narrowest window whose rounding is still next to nothing beside delta, from what is known of epsilon and delta by now.
  /// Where a few large losses decide, the Renyi bound is poor and its order pulls the window far out.
  ///
  /// - Parameter share: of delta that rounding and folding may come to.
  /// - Parameter least: how much narrower a window has to be for a change.
  func narrower(_ plan: Plan, epsilon: Double, delta: Double, share: Double, least: Double = 1) -> Plan {
    // With many kinds of rounds looking costs more than it saves, but where the window is very uneven.
    guard entries.count <= 4 || plan.right > 2 * plan.left || plan.left > 2 * plan.right else { return plan }
    var best = plan
    var theta = plan.theta
    // In units of e^(K(theta) - theta epsilon).
    let allowed = log(share) - log(4 * exp(-Self.outside) + 3e-14 * rounds)
    for _ in 0..<16 {
      theta /= 1.5
      let moment = plan.moments.cumulant(theta).value
      guard moment - theta * epsilon < log(delta) + allowed else { continue }
      let other = Plan(plan.moments, cut: plan.cut, theta: theta)
      if other.left + other.right < best.left + best.right { best = other }
    }
    return best.left + best.right < least * (plan.left + plan.right) ? best : plan
  }

  /// A plan that counts large losses apart, where the sum of the others cannot make up epsilon: rounding is then relative to how
  /// seldom there is a large one, not to 1. Nil where large losses are not rare, or the rest is not negligible.
  func separate(_ plan: Plan, epsilon: Double, delta: Double) -> Plan? {
    guard epsilon > 0, delta > 0 else { return nil }
    var best: (value: Double, theta: Double, jumps: Double, split: (threshold: Double, tilt: Double))?
    for share in [0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08, 0.05, 0.03, 0.015] {
      let threshold = share * epsilon
      let bulk = plan.moments.split(1, at: threshold).bulk
      let least = { (t: Double) in bulk(t) - t * epsilon + Self.logPeak(t) }
      let tilt = exp(goldenSection(from: log(1 / epsilon), to: log(1e4 / epsilon)) { least(exp($0)) })
      guard least(tilt) < log(delta) - 18 else { continue }
      let goal = { (theta: Double) -> Double in
        let jumps = plan.moments.split(theta, at: threshold).jumps
        return jumps < 0.2 ? log(jumps) + plan.moments.cumulant(theta).value - theta * epsilon : .infinity
      }
      // Not one valley where it is infinite: a walk up from small orders.
      var theta = 0.02 / epsilon
      var value = goal(theta)
      while value.isFinite {
        let next = goal(theta * 1.2)
        guard next < value else { break }
        (theta, value) = (theta * 1.2, next)
      }
      guard value.isFinite, value < best?.value ?? .infinity else { continue }
      best = (value, theta, plan.moments.split(theta, at: threshold).jumps, (threshold, tilt))
    }
    guard let best else { return nil }
    var other = Plan(
      plan.moments, cut: plan.cut, theta: best.theta, outside: Self.outside - log(best.jumps))
    other.split = best.split
    return other
  }
}
