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

  /// ln E e^(theta L) of all rounds, by quadrature: it chooses orders and windows, and proves nothing.
  fileprivate struct Moments {
    /// For each entry: losses and ln of their P-masses.
    var nodes: [(count: Double, loss: [Double], logMass: [Double])] = []

    init(_ entries: [Entry], _ direction: Direction, cut: Double) {
      for entry in entries {
        var loss: [Double] = []
        var logMass: [Double] = []
        for region in entry.pair.regions {
          let s = region.scale
          let step = min(s / 4, 0.3 * max(s * s, 0.02 * s))
          let means = region.p.map(\.mean) + region.q.map(\.mean)
          var low = max(region.position(region.low), region.cut(region.q, tail: cut, above: false))
          if region.low > -.infinity { low = max(low, (means.min() ?? 0) - 12 * s) }
          let high = min(region.position(region.high), region.cut(region.p, tail: cut, above: true))
          guard high > low else { continue }
          let add = { (x: Double, weight: Double) in
            let mass = region.density(region.p, at: x) * weight
            guard mass > 0 else { return }
            loss.append(region.loss(x))
            logMass.append(log(mass))
          }
          if region.position(region.low) == -.infinity && region.position(region.high) == .infinity {
            // The trapezoid rule converges exponentially where both ends are tails.
            let n = Int(((high - low) / step).rounded(.up))
            for i in 0...n {
              add(low + (high - low) * Double(i) / Double(n), (i == 0 || i == n ? 0.5 : 1) * (high - low) / Double(n))
            }
          } else {
            // Where a region begins amid its mass that rule is off by the square of the step, which T rounds multiply: at T = 10^6
            // the window missed the sum.
            let n = ((high - low) / (8 * step)).rounded(.up)
            let half = (high - low) / n / 2
            for i in 0..<Int(n) {
              let middle = low + (2 * Double(i) + 1) * half
              for (point, weight) in GaussLegendre.ten {
                add(middle - half * point, half * weight)
                add(middle + half * point, half * weight)
              }
            }
          }
        }
        for (l, mass) in entry.pair.atoms where mass > 0 {
          loss.append(l)
          logMass.append(log(mass))
        }
        if direction == .add {
          // Mass m at loss l under P is m e^-l at -l under Q.
          for i in loss.indices {
            logMass[i] -= loss[i]
            loss[i] = -loss[i]
          }
        }
        nodes.append((Double(entry.count), loss, logMass))
      }
    }

    /// K(theta) of one round of an entry.
    func cumulant(_ index: Int, _ theta: Double) -> Double { tilted(index, theta).value }

    /// K(theta) of all rounds, and its derivative.
    func cumulant(_ theta: Double) -> (value: Double, slope: Double) {
      var value = 0.0
      var slope = 0.0
      for i in nodes.indices {
        let one = tilted(i, theta)
        value += nodes[i].count * one.value
        slope += nodes[i].count * one.slope
      }
      return (value, slope)
    }

    /// Of all rounds: how many of them have a loss above `threshold` in the tilted law, nearly; and ln of the moment of order
    /// `bulkTilt` of the rest.
    func split(_ theta: Double, at threshold: Double) -> (jumps: Double, bulk: (Double) -> Double) {
      var jumps = 0.0
      var rest: [(count: Double, loss: [Double], logMass: [Double])] = []
      for i in nodes.indices {
        let cumulant = cumulant(i, theta)
        var kept: (loss: [Double], logMass: [Double]) = ([], [])
        for (l, m) in zip(nodes[i].loss, nodes[i].logMass) {
          if l > threshold { jumps += nodes[i].count * exp(m + theta * l - cumulant) }
          // Nodes are far apart beside what the tilt tells apart: those just above count as at the threshold.
          if l <= 2 * threshold {
            kept.loss.append(min(l, threshold))
            kept.logMass.append(m)
          }
        }
        rest.append((nodes[i].count, kept.loss, kept.logMass))
      }
      let bulk = { (tilt: Double) -> Double in
        rest.reduce(0) {
          $1.loss.isEmpty
            ? -.infinity
            : $0 + $1.count * Kernels.best.cumulant(logMasses: $1.logMass, losses: $1.loss, theta: tilt).value
        }
      }
      return (jumps, bulk)
    }

    /// Of one round. This is called hundreds of times for every epsilon.
    private func tilted(_ index: Int, _ theta: Double) -> (value: Double, slope: Double) {
      Kernels.best.cumulant(logMasses: nodes[index].logMass, losses: nodes[index].loss, theta: theta)
    }
  }

  /// ln of theta^theta / (1 + theta)^(1 + theta), the largest value of e^(-theta y)(1 - e^-y).
  private static func logPeak(_ theta: Double) -> Double { theta * log(theta) - (1 + theta) * log1p(theta) }

  struct Plan {
    fileprivate var moments: Moments
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

    fileprivate init(_ moments: Moments, cut: Double, theta: Double, outside: Double = LossComposition.outside) {
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
  fileprivate static let outside = 27.0

  private var rounds: Double { entries.reduce(0) { $0 + Double($1.count) } }

  /// Tilted by the order whose Renyi bound is smallest: rounding is then as small as it can be beside delta.
  func plan(_ query: Query) -> Plan {
    let moments: Moments
    let goal: (Double) -> Double
    switch query {
    case .epsilon(let delta):
      moments = Moments(entries, direction, cut: 1e-9 * delta / rounds)
      goal = { (moments.cumulant($0).value - log(delta) + Self.logPeak($0)) / $0 }
    case .delta(let epsilon):
      moments = Moments(entries, direction, cut: 1e-40 / rounds)
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
      return nothing(query)
    }
    let transform = FourierTransform(size: size)
    // A single round is composed already.
    let isSingle = rounds == 1
    let split = isSingle ? nil : plan.split
    // Spectra of the upper and the lower law, composed.
    var spectra = Spectra(size: size, rounds: rounds, splits: split != nil)
    var real = [Double](repeating: 0, count: size)
    var imaginary = real
    var logMoment = 0.0
    var offset = 0.0
    var logFinite = (upper: 0.0, lower: 0.0)
    var outside = Outside(right: plan.rightTilt, left: plan.leftTilt)
    var outsideLower = outside
    var rounding = RoundingBudget()
    var bulk = 0.0
    for (index, entry) in entries.enumerated() {
      let buckets = buckets(index, step: step, plan: plan)
      let upper = buckets.upper
      let lower = buckets.lower
      // A safety net: no mass may get lost.
      let total = upper.masses.reduce(upper.infinity, +)
      guard abs(total - 1) < 1e-9 else { return nothing(query) }
      let count = Double(entry.count)
      offset += count * upper.offset
      logFinite.upper += count * log1p(-upper.infinity)
      logFinite.lower += count * log1p(-lower.infinity)
      // Tilted masses, normalised by the upper law's; both in one transform. The first estimate of the norm is good enough
      // for nothing to overflow.
      let estimate = plan.moments.cumulant(index, plan.theta)
      let n = upper.masses.count
      let factors = VectorMath.exponentials(
        from: plan.theta * upper.offset - estimate, step: plan.theta * step, count: n)
      var tilted = upper.masses
      var sum = 0.0
      for k in 0..<n {
        tilted[k] *= factors[k]
        sum += tilted[k]
      }
      let scale = 1 / sum
      for k in 0..<n { tilted[k] *= scale }
      var tiltedLower = lower.masses
      for k in tiltedLower.indices { tiltedLower[k] *= factors[k] * scale }
      logMoment += count * (estimate + log(sum))
      outside.add(tilted, offset: upper.offset, step: step, count: count)
      outsideLower.add(tiltedLower, offset: upper.offset, step: step, count: count)
      rounding.add(
        entry, direction, tilted, offset: upper.offset, step: step, theta: plan.theta, logMoment: estimate + log(sum))
      // Large losses in a transform of their own.
      let first = split.map { min(n, max(0, Int((($0.threshold - upper.offset) / step).rounded(.down)) + 1)) } ?? n
      let norm = Self.fill(&real, &imaginary, tilted, tiltedLower, 0..<first)
      if isSingle { continue }
      transform.forward(&real, &imaginary)
      guard let split else {
        spectra.multiply(real, imaginary, power: entry.count, error: norm * transform.error)
        continue
      }
      let (bulkReal, bulkImaginary) = (real, imaginary)
      let jumps = Self.fill(&real, &imaginary, tilted, tiltedLower, first..<n)
      transform.forward(&real, &imaginary)
      spectra.multiply(
        bulk: (bulkReal, bulkImaginary), jumps: (real, imaginary), power: entry.count, error: norm * transform.error,
        share: jumps)
      // Relative to the largest: exponents that are cut off at -700 only make the moment larger.
      let top = split.tilt * Double(max(first - 1, 0)) * step
      let ups = VectorMath.exponentials(from: -top, step: split.tilt * step, count: first)
      var moment = 0.0
      for k in 0..<first { moment += upper.masses[k] * ups[k] }
      bulk +=
        count
        * (log(moment) + top + split.tilt * upper.offset + 1e-12
          + 2e-15 * split.tilt * max(abs(upper.offset), abs(split.threshold)))
    }
    var transformed = 0.0
    if !isSingle {
      transformed = spectra.finish(&real, &imaginary, inverse: transform.error)
      transform.inverse(&real, &imaginary)
    }
    // The point of the grid that the window starts at; what lies outside is folded in, and in the budget.
    let start = ((plan.mean - plan.left - offset) / step - slackLow).rounded(.down)
    guard start.isFinite, transformed.isFinite else { return nothing(query) }
    let wrapped = Int(start.truncatingRemainder(dividingBy: Double(size)))
    let first = (wrapped % size + size) % size
    let least = offset + start * step
    // Of the tilted law: folded mass, and rounding.
    let most = least + Double(size - 1) * step
    let folded = max(outside.probability(low: least, high: most), outsideLower.probability(low: least, high: most))
    let theta = plan.theta
    let peak = exp(Self.logPeak(theta))
    // Sum over grid points y of the squares of e^(-theta y)(1 - e^-y): the integral over the step, and the largest.
    let weights = (1 / (theta * (2 * theta + 1) * (2 * theta + 2) * step) + peak * peak).squareRoot()
    let misplaced = rounding.misplaced + 4 * RoundingBudget.unit * (abs(logMoment) + rounds)
    // Where large losses are counted apart, what has none of them is bounded by Chernoff as a whole.
    let share = split == nil ? 1 : min(1, 2 * spectra.jumps)
    let inflation = rounding.inflation(theta)
    guard inflation < 1, spectra.jumps < 0.5 || split == nil else { return nothing(query) }
    let budget = share * (exp(inflation) * rounding.profile + peak * misplaced) + peak * folded + weights * transformed
    // Grid points are offset + k step but for rounding.
    let shift = 8 * RoundingBudget.unit * max(abs(offset), abs(least), abs(most))
    let bulkBudget = split.map { bulk + log(2.0) - $0.tilt * -shift }
    let evaluation = { (sign: Double) in
      Evaluation(
        first: first, least: least + sign * shift, step: step, theta: theta, logMoment: logMoment,
        logBudget: logMoment + log(budget) + theta * shift,
        bulk: bulkBudget.flatMap { logBudget in split.map { (logBudget, $0.tilt) } })
    }
    // Losses are put where they are worst for each bound.
    let (above, below) = (1.0, -1.0)
    // And no finite sum of the upper law lies above its largest.
    let (upperInfinity, largest) = (-expm1(logFinite.upper), max(0, outside.most + shift))
    switch query {
    case .epsilon(let delta):
      let upper = evaluation(above).epsilon(real, infinity: upperInfinity, delta: delta, sign: above)
      return Bounds(
        lower: evaluation(below).epsilon(imaginary, infinity: -expm1(logFinite.lower), delta: delta, sign: below),
        upper: upperInfinity < delta ? min(upper, largest) : .infinity)
    case .delta(let epsilon):
      let upper = evaluation(above).delta(real, infinity: upperInfinity, epsilon: epsilon, sign: above)
      return Bounds(
        lower: evaluation(below).delta(imaginary, infinity: -expm1(logFinite.lower), epsilon: epsilon, sign: below),
        upper: epsilon >= largest ? min(1, upperInfinity) : upper)
    }
  }

  /// Puts both laws on a circle, one as real and one as imaginary parts; the sum of absolute values of what is put there.
  private static func fill(
    _ real: inout [Double], _ imaginary: inout [Double], _ upper: [Double], _ lower: [Double], _ range: Range<Int>
  ) -> Double {
    let size = real.count
    for k in 0..<size {
      real[k] = 0
      imaginary[k] = 0
    }
    var norm = 0.0
    for k in range {
      let (first, second) = (upper[k], k < lower.count ? lower[k] : 0)
      real[k & (size - 1)] += first
      imaginary[k & (size - 1)] += second
      norm += (first * first + second * second).squareRoot()
    }
    return norm
  }

  /// Chernoff bounds of the tilted laws' mass outside a window.
  private struct Outside {
    let right: Double
    let left: Double
    var logRight = 0.0
    var logLeft = 0.0
    var direct = 0.0
    var logRest = 0.0
    /// No sum lies beyond these.
    var least = 0.0
    var most = 0.0

    init(right: Double, left: Double) {
      self.right = right
      self.left = left
    }

    mutating func add(_ masses: [Double], offset: Double, step: Double, count: Double) {
      let n = masses.count
      least += count * offset
      most += count * (offset + Double(n - 1) * step)
      // Exponents relative to the far end are at most 0; cut at -700 they only make the bounds larger.
      let ups = VectorMath.exponentials(from: -right * Double(n - 1) * step, step: right * step, count: n)
      let downs = VectorMath.exponentials(from: 0, step: -left * step, count: n)
      var (up, down) = (0.0, 0.0)
      for k in 0..<n {
        up += masses[k] * ups[k]
        down += masses[k] * downs[k]
      }
      // All that was cut off below sits at the first point, where Chernoff's bound may be poor.
      direct += count * masses[0]
      logRight += count * (log(up) + right * (offset + Double(n - 1) * step))
      logLeft += count * (log(down) - left * offset)
      logRest += count * (log(max(0, down - masses[0]) + 1e-16 * down) - left * offset)
    }

    func probability(low: Double, high: Double) -> Double {
      (most <= high ? 0 : exp(logRight - right * high))
        + (least >= low ? 0 : min(exp(logLeft + left * low), direct + exp(logRest + left * low)))
    }
  }
}

/// What rounding can do to the masses of rounds on a grid, as docs/privacy.md proves it, in the tilted law.
private struct RoundingBudget {
  /// Half the distance of 1 and the next number.
  static let unit = 0x1p-53

  /// The largest of (computed less exact profile at grid points a_k) a_k^theta over the moment, all rounds together.
  var profile = 0.0
  /// Tilted mass in the wrong place or of the wrong size.
  var misplaced = 0.0
  /// Of profile errors: width of the grids in losses, times the error.
  private var width = 0.0

  /// Bound on the moments of exact rounds over those of the computed ones, less 1.
  func inflation(_ theta: Double) -> Double { 2 * theta * (1 + theta) * width }

  mutating func add(
    _ entry: LossComposition.Entry, _ direction: Direction, _ tilted: [Double], offset: Double, step: Double,
    theta: Double, logMoment: Double
  ) {
    let n = tilted.count
    let end = offset + Double(n - 1) * step
    let widest = max(abs(offset), abs(end))
    // Dots below this one have tails that are known to so many deviations; those above weigh less than 10^-4.
    var tail = 0.0
    var k = n - 1
    while k > 0 && tail + tilted[k] < 1e-4 {
      tail += tilted[k]
      k -= 1
    }
    let high = offset + Double(k) * step
    let deviations = entry.pair.deviations(direction, loss: high)
    let losses = max(abs(high), min(max(0, -offset), abs((logMoment - 9.3) / theta)))
    let one = Self.unit * (50 + 8 * deviations * deviations + 8 * losses)
    let count = Double(entry.count)
    // What a lower law takes off a point may come from the bucket below it.
    let moved = one * exp(theta * step)
    profile += count * moved
    width += count * moved * (end - offset)
    misplaced += count * Self.unit * (100 + 4 * theta * widest + 4 * abs(logMoment)) * exp(2 * theta * step)
  }
}

extension DominatingPair {
  /// How many deviations from a mean the points are whose loss is above this, at most 40: upper tails of the law that comes first.
  fileprivate func deviations(_ direction: Direction, loss: Double) -> Double {
    guard kind != .blackBox else { return 0 }
    let loss = direction == .remove ? loss : -loss
    var most = 0.0
    for region in regions {
      let position = region.position(min(max(loss, region.low), region.high))
      guard position.isFinite || (position > 0) == (direction == .remove) else { continue }
      for (_, mean) in region.p + region.q {
        let distance = (position - mean) / region.scale
        most = max(most, min(direction == .remove ? distance : -distance, 40))
      }
    }
    return most
  }
}

/// Reading epsilon or delta off a composed law.
private struct Evaluation {
  let first: Int
  let least: Double
  let step: Double
  let theta: Double
  let logMoment: Double
  /// ln of what e^(-theta epsilon) is multiplied with to bound the effect of rounding and folding on delta.
  let logBudget: Double
  /// The same of rounds without a large loss, where they are not in the law: ln, and their tilt.
  let bulk: (logBudget: Double, tilt: Double)?

  /// Exponentials of more are cut off at e^700.
  private static let largestExponent = 690.0

  /// Relative error of the sums below, all of whose terms are positive.
  private func sumError(_ count: Int) -> Double {
    let widest = theta * max(abs(least), abs(least + Double(count) * step))
    return 0x1p-53 * (6 * Double(count) + 4 * widest + 4 * abs(logMoment) + 50)
  }

  private func budget(_ epsilon: Double) -> Double {
    exp(min(logBudget - theta * epsilon, 700)) + (bulk.map { exp(min($0.logBudget - $0.tilt * epsilon, 700)) } ?? 0)
  }

  /// delta(e) = infinity + sum over l > e of p (1 - e^(e - l)) +- budget(e), from above down to the cell where it passes delta.
  ///
  /// With S_i the sum over j >= i of p_j e^(l_i - l_j): f_(i - 1) = f_i + (1 - e^-h) S_i, sums of positive numbers.
  func epsilon(_ tilted: [Double], infinity: Double, delta: Double, sign: Double) -> Double {
    let n = tilted.count
    let factor = 1 + sign * sumError(n)
    guard factor > 0.5, factor < 1.5 else { return sign > 0 ? .infinity : 0 }
    guard delta > infinity * factor else { return .infinity }
    let shrink = -expm1(-step)
    let decay = exp(-step)
    // Of the point above.
    var f = infinity
    var s = 0.0
    for i in stride(from: n - 1, through: 0, by: -1) {
      let l = least + Double(i) * step
      // Here the budget is cut off, and nothing is known from below.
      if sign < 0, logMoment - theta * l > Self.largestExponent { return 0 }
      let budget = sign * budget(l)
      let next = f + shrink * s
      let value = next * factor + budget
      // Not a number counts as too much above, and as nothing below.
      if sign > 0 ? !(value < delta) : value >= delta {
        guard value.isFinite else { return sign > 0 ? .infinity : 0 }
        if i == n - 1 {
          // Already at the window's upper end, beyond which there is nothing but the budget, which falls at least as e^(-theta' epsilon).
          guard sign > 0 else { return max(0, l) }
          let slowest = min(theta, bulk?.tilt ?? theta)
          return max(0, l, l + log(budget / (delta - infinity * factor)) / slowest)
        }
        // In (l_i, l_(i+1)]: (f + (1 - e^(epsilon - l_(i+1))) s) factor + budget = delta.
        let share = ((delta - budget) / factor - f) / s
        let epsilon = share < 1 ? l + step + log1p(-max(share, 0)) : l
        return max(0, min(max(epsilon, l), l + step))
      }
      if l < -step { break }
      f = next
      s = s * decay + max(0, tilted[(first + i) & (n - 1)]) * exp(min(logMoment - theta * l, 700))
    }
    // Not reached in the window, below which there is nothing but the budget.
    return sign > 0 ? max(0, least) : 0
  }

  func delta(_ tilted: [Double], infinity: Double, epsilon: Double, sign: Double) -> Double {
    // Where exponentials are cut off, so is the budget.
    guard logMoment - theta * epsilon < Self.largestExponent else { return sign > 0 ? 1 : 0 }
    let n = tilted.count
    var sum = infinity
    for i in stride(from: n - 1, through: 0, by: -1) {
      let l = least + Double(i) * step
      if l <= epsilon { break }
      sum += max(0, tilted[(first + i) & (n - 1)]) * exp(min(logMoment - theta * l, 700)) * -expm1(epsilon - l)
    }
    let delta = sum * (1 + sign * sumError(n)) + sign * budget(epsilon)
    // Not a number, or infinite, counts as all above and as nothing below.
    return !delta.isFinite ? (sign > 0 ? 1 : 0) : max(0, min(1, delta))
  }
}
