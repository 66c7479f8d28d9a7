import Numerics
import Platform

/// The losses of r equal rounds of one pair in one direction, for one r after the other: both bounds of delta at points of one grid.
///
/// Laws, tilt, grid and transform are those of `ComposedLosses`, and one of each serves all r of a range. With x the tilted masses of one round on a
/// circle of N points, X their transform and w_d = e^(-theta d h)(1 - e^(-d h)), delta at the point l of the grid is e^(r K - theta l) times the sum of w_d x_(l + d)
/// over 0 < d <= D, that is the real part of 1/N sum_f X_f^r conj(W_f) e^(2 pi i f l / N): one product a frequency takes r to r + 1 and another one
/// reads delta. |X_f|^r falls fast, so few frequencies are kept; the sum of all that the others can be is charged.
struct RunningComposition {
  private let size: Int
  private let step: Double
  private let theta: Double
  private let cosines: [Double]
  private let sines: [Double]
  /// The window has so many points at or below the one that is read, less 1, and above it.
  private let below: Int
  private let above: Int
  /// Of one round: the loss at its first point, ln of its moment, and the width of its grid.
  private let offset: Double
  private let logMoment: Double
  private let peak: Double
  /// What rounding of laws and tilts may do, in units of e^(r K - theta l), for the most rounds.
  private let rounding: Double
  private let stride: Int
  /// How many points delta may be read beyond where it was expected to be, and by how much its logarithm falls with a point.
  private let reach: Int
  private let fall: Double
  private var upper: Law
  private var lower: Law
  /// r.
  private(set) var rounds: Int

  /// Nil where nothing is known.
  init?(_ plan: Plan, _ transform: FourierTransform) {
    size = transform.size
    stride = plan.stride
    theta = plan.plan.theta
    guard let grid = plan.grid(size: size) else { return nil }
    (step, below) = grid
    above = size - 1 - below
    reach = max(1, Int(plan.margin / step))
    fall = plan.slope * step
    (cosines, sines) = (transform.cosines, transform.sines)
    let most = Double(plan.counts.upperBound)
    let buckets = plan.composition.buckets(0, step: step, plan: plan.plan)
    guard buckets.count < 1 << 22 else { return nil }
    let (upperLaw, lowerLaw) = (buckets.upper, buckets.lower)
    // A safety net: no mass may get lost.
    let total = upperLaw.masses.reduce(upperLaw.infinity, +)
    guard abs(total - 1) < 1e-9 else { return nil }
    var tilted = TiltedRound(
      upper: upperLaw, lower: lowerLaw, theta: theta, estimate: plan.plan.moments.cumulant(0, theta))
    guard most * log1p(max(0, tilted.limitLowerLaw() - 1)) < 1e-3 else { return nil }
    (offset, logMoment) = (upperLaw.offset, tilted.logMoment)
    peak = exp(LossComposition.logPeak(theta))
    var budget = RoundingBudget()
    budget.add(
      .init(pair: plan.pair, count: plan.counts.upperBound), plan.direction, tilted.upper, offset: offset, step: step,
      theta: theta, logMoment: logMoment)
    let misplaced = budget.misplaced + 4 * RoundingBudget.unit * (most * abs(logMoment) + most)
    let inflation = budget.inflation(theta)
    guard inflation < 1 else { return nil }
    rounding = exp(inflation) * budget.profile + peak * misplaced

    var (real, imaginary) = ([Double](repeating: 0, count: size), [Double](repeating: 0, count: size))
    let norm = tilted.fill(&real, &imaginary, 0..<upperLaw.masses.count)
    transform.forward(&real, &imaginary)
    let error = norm * transform.error
    // Where powers of errors are not small, nothing is known.
    guard most * error < 1e-3 else { return nil }
    rounds = plan.counts.lowerBound
    let reader = Reader(theta: theta, step: step, above: above, transform)
    let tails = { (masses: [Double]) in
      var tails = WindowTails(right: plan.plan.rightTilt, left: plan.plan.leftTilt)
      tails.add(masses, offset: upperLaw.offset, step: buckets.step, count: 1)
      return tails
    }
    upper = Law(
      real, imaginary, isUpper: true, error: error, counts: plan.counts, stride: stride, reader,
      logFinite: log1p(-upperLaw.infinity), tails: tails(tilted.upper))
    lower = Law(
      real, imaginary, isUpper: false, error: error, counts: plan.counts, stride: stride, reader,
      logFinite: log1p(-lowerLaw.infinity), tails: tails(tilted.lower))
  }

  /// Goes on to the next number of rounds.
  mutating func advance() {
    rounds += stride
    upper.advance()
    lower.advance()
  }

  /// The loss at a point of the grid of r rounds, and how far it may be off.
  func place(_ point: Int) -> (loss: Double, error: Double) {
    let (first, rest) = (Double(rounds) * offset, Double(point) * step)
    let loss = first + rest
    return (loss, 8 * RoundingBudget.unit * max(abs(first), abs(rest), abs(loss)))
  }

  /// Whether more than this delta may be left at a loss, as far as the upper law tells.
  func mayExceed(_ delta: Double, at loss: Double) -> Bool {
    guard isFinite(delta) else { return true }
    return loss < largestLoss && !(bound(point(at: loss), sign: 1) <= delta)
  }

  /// The least proved epsilon, as far as the upper law tells: infinity where nothing is known.
  func upperEpsilon(_ delta: Double, start: Double) -> Double {
    guard isFinite(delta) else { return .infinity }
    return min(epsilon(Target(constant: delta), sign: 1, start: start), largestLoss)
  }

  /// The largest refuted epsilon, as far as the lower law tells: 0 where nothing is known.
  func lowerEpsilon(_ target: Target, start: Double) -> Double { epsilon(target, sign: -1, start: start) }

  /// Whether the mass at infinity leaves anything of delta.
  private func isFinite(_ delta: Double) -> Bool { -expm1(Double(rounds) * upper.logFinite) * (1 + 1e-12) < delta }

  /// No finite loss of the upper law is larger.
  private var largestLoss: Double { max(0, Double(rounds) * upper.tails.most * (1 + 8 * RoundingBudget.unit)) }

  /// Whether more than the target is left at a point above a loss, as the lower law tells.
  func exceeds(_ target: Target, above loss: Double) -> Bool {
    let point = point(at: loss) + 1
    return bound(point, sign: -1) > target.value(at: place(point).loss)
  }

  /// The last point of the grid that is not above a loss.
  func point(at loss: Double) -> Int { Int(((loss - Double(rounds) * offset) / step).rounded(.down)) }

  /// A bound of delta at a point of the grid, from above for a sign of 1 and from below for -1.
  ///
  /// The window holds the points from `below` under the one that is read to `above` over it: the tilted mass outside it, wherever on the circle it is
  /// folded to, changes delta by no more than `peak` times it, as w is at most that and at least 0.
  func bound(_ point: Int, sign: Double) -> Double {
    let (loss, shift) = place(point)
    let times = Double(rounds)
    let exponent = times * logMoment - theta * loss
    // Exponentials of more are not told from one another.
    guard exponent < 690 else { return sign > 0 ? .infinity : 0 }
    let relative =
      RoundingBudget.unit * (4 * theta * abs(loss) + 4 * abs(times * logMoment) + 50) + 2 * theta * shift
    guard relative < 0.005 else { return sign > 0 ? .infinity : 0 }
    let law = sign > 0 ? upper : lower
    // Between the last point outside and the first one inside, where no rounding matters.
    let folded = law.tails.probability(
      low: loss - (Double(below) + 0.5) * step, high: loss + (Double(above) + 0.5) * step, times: times)
    let budget = 1.01 * (rounding + peak * folded + law.error)
    let scale = exp(exponent)
    let infinity = -expm1(times * law.logFinite)
    let sum = max(0, law.sum(point & (size - 1), cosines, sines))
    let delta = (infinity + scale * sum) * (1 + sign * relative) + sign * budget * scale
    return delta.isNaN ? (sign > 0 ? .infinity : 0) : max(0, delta)
  }

  /// What delta is compared with at a loss l: constant + slope e^l.
  struct Target {
    var constant: Double
    var slope = 0.0

    func value(at loss: Double) -> Double { slope == 0 ? constant : constant + slope * exp(min(loss, 700)) }
  }

  /// The least proved epsilon for a sign of 1, the largest refuted one for -1: infinity and 0 where nothing is known.
  ///
  /// Between two points of its grid a law's delta is linear in e^epsilon, as the target is: a line between bounds at both is a bound.
  ///
  /// - Parameter start: where to look first; no answer depends on it, but for rounding.
  private func epsilon(_ target: Target, sign: Double, start: Double) -> Double {
    // ln of delta over the target: above 0 below epsilon.
    let excess = { (point: Int) -> Double in
      log(max(bound(point, sign: sign), 1e-300) / (target.value(at: place(point).loss) * (1 - sign * 1e-12)))
    }
    let unknown = sign > 0 ? Double.infinity : 0
    guard start.isFinite, fall > 0 else { return unknown }
    let least = point(at: 0)
    var (low, high): (Int?, Int?) = (nil, nil)
    var (lowValue, highValue) = (0.0, 0.0)
    var next = max(least, point(at: start))
    for trial in 0..<100 {
      let value = excess(next)
      if value > 0 { (low, lowValue) = (next, value) } else { (high, highValue) = (next, value) }
      guard let bottom = low else {
        guard next > least else { return 0 }
        next = max(least, next - leap(-value))
        continue
      }
      guard let top = high else {
        next += leap(value)
        continue
      }
      guard top - bottom > 1 else { return between(bottom, top, target, sign: sign) }
      // Where ln delta would be if it were linear; halves now and then.
      let share = trial % 4 == 3 || !lowValue.isFinite ? 0.5 : lowValue / (lowValue - highValue)
      next = bottom + max(1, min(top - bottom - 1, Int((Double(top - bottom) * share).rounded())))
    }
    return unknown
  }

  /// So many points that ln delta falls by that much, and one more.
  private func leap(_ excess: Double) -> Int {
    1 + Int(min(excess / fall, Double(reach) / 2).rounded(.up))
  }

  private func between(_ bottom: Int, _ top: Int, _ target: Target, sign: Double) -> Double {
    let value = { (point: Int) in
      bound(point, sign: sign) - target.value(at: place(point).loss) * (1 - sign * 1e-12)
    }
    let (first, last) = (value(bottom), value(top))
    let (loss, shift) = place(bottom)
    // Not finite where nothing is known at the lower point: then the upper one has to do.
    let share = first.isFinite && first > last ? min(1, max(0, first / (first - last))) : 1
    let epsilon = sign > 0 || first.isFinite ? loss + log1p(share * expm1(step)) : loss
    return max(0, epsilon + sign * (2 * shift + 1e-12 * abs(epsilon)))
  }
}
