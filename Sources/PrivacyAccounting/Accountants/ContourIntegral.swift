import Numerics
import Platform

/// delta of rounds of Poisson cohorts, and of everyone, in one direction, by an integral: both bounds at any epsilon, without a grid of losses.
///
/// For theta > 0 and M(s) = E e^(s L) of all rounds, delta(epsilon) is the integral of M(s) e^(-s epsilon) / (s (s + 1)) over the line Re s = theta, over 2 pi i. Its trapezoid
/// sum with frequencies 2 pi j / P is delta(epsilon) plus positive numbers, e^(theta k P) delta(epsilon + k P) over all k but 0. docs/privacy.md bounds all that is off.
struct ContourIntegral {
  private let theta: Double
  private let period: Double
  /// ln of the rounds' moment of order theta, and how far the moment may be off, relative to itself.
  private var logMoment = 0.0
  private var relative = 0.0
  /// The integrand at each frequency, but for e^-(s epsilon): absolute values in units of the moment, and angles.
  private var sizes: [Double] = []
  private var angles: [Double] = []
  /// What all of the integrand may be off, but for rounding that depends on epsilon, in units of e^(logMoment - theta epsilon).
  private var error = 0.0
  /// A larger order and a bound of ln of its moment, for what the trapezoid sum has too much.
  private var beyond: (order: Double, logMoment: Double)?

  /// What is left out for good, relative to delta, roughly.
  private let share: Double
  /// So many products of nodes and frequencies and no more.
  private static let work = 1.5e7

  private let entries: [LossComposition.Entry]
  private let direction: Direction

  /// - Parameters:
  ///   - theta: the order, less 1.
  ///   - logDelta: ln of delta, roughly.
  ///   - epsilon: roughly.
  ///   - share: what may be left out, of delta: bounds hold for any.
  ///   - given: the period, in place of one that is long enough: bounds hold for any.
  init?(
    _ entries: [LossComposition.Entry], _ direction: Direction, theta: Double, logDelta: Double, epsilon: Double,
    moments: LossMoments, share: Double = 1e-11, period given: Double? = nil
  ) {
    (self.entries, self.direction, self.theta, self.share) = (entries, direction, theta, share)
    guard entries.allSatisfy({ $0.pair.kind == .subsampled || $0.pair.kind == .gaussian }) else { return nil }
    // Below the sum's first term are those of losses that are less by whole periods.
    var period = (27 - logDelta) / theta
    // And above it those of losses that are more, which a larger order bounds.
    let goal = log(share) + logDelta
    let orders = [0.1, 0.2, 0.35, 0.5, 0.7, 1, 1.4, 2, 3].map { theta * (1 + $0) }
    let cumulants = orders.map { moments.cumulant($0).value }
    let over = { (period: Double) in
      zip(orders, cumulants).map { order, value in
        (order, value - order * epsilon - (order - theta) * period + LossComposition.logPeak(order))
      }.filter { $0.1.isFinite }.min { $0.1 < $1.1 }
    }
    for _ in 0..<8 {
      guard let least = over(period), least.1 > goal else { break }
      period *= 1.3
    }
    period = given ?? period
    self.period = period
    guard let order = over(period)?.0, let frequency = highest() else { return nil }
    guard evaluate(upTo: frequency), let above = Self.logMomentBound(entries, direction, order) else { return nil }
    beyond = (order, above)
  }

  /// A bound of ln of all rounds' moment of an order.
  static func logMomentBound(
    _ entries: [LossComposition.Entry], _ direction: Direction, _ order: Double
  ) -> Double? {
    var sum = 0.0
    for entry in entries {
      let count = Double(entry.count)
      guard entry.pair.kind == .subsampled else {
        sum += count * gaussianLogMoment(entry.pair, order) * (1 + 1e-12)
        continue
      }
      guard let loss = TiltedLoss(entry.pair, direction, theta: order, frequency: 0, rounds: count) else { return nil }
      sum += count * (loss.logMoment + 1.01 * loss.error)
    }
    return sum
  }

  private static func gaussianLogMoment(_ pair: DominatingPair, _ theta: Double) -> Double {
    theta * (theta + 1) / (2 * pair.scale * pair.scale)
  }

  /// The frequency from which on all that is left of the integrand is next to nothing. Nil where that is too far.
  private func highest() -> Double? {
    var losses: [(loss: TiltedLoss, count: Double)] = []
    var square = 0.0
    for entry in entries {
      let count = Double(entry.count)
      if entry.pair.kind == .gaussian {
        square += count / (entry.pair.scale * entry.pair.scale)
        continue
      }
      // The density's variation does not depend on the highest frequency, but for rounding.
      guard let loss = TiltedLoss(entry.pair, direction, theta: theta, frequency: 0, rounds: count) else { return nil }
      losses.append((loss, count))
    }
    let goal = log(share * 0.02) + LossComposition.logPeak(theta)
    let rest = { (frequency: Double) in
      losses.reduce(-frequency * frequency * square / 2 - log(Double.pi * frequency)) {
        $0 + $1.count * $1.loss.logBound(from: frequency)
      }
    }
    var (low, high) = (0.0, theta)
    while rest(high) > goal {
      (low, high) = (high, 2 * high)
      guard high < 1e7 else { return nil }
    }
    for _ in 0..<8 {
      let middle = (low + high) / 2
      if rest(middle) > goal { low = middle } else { high = middle }
    }
    return high
  }

  /// Gathers the integrand. False where that is too much work, or nothing is known.
  private mutating func evaluate(upTo frequency: Double) -> Bool {
    let spacing = 2 * Double.pi / period
    let last = (frequency / spacing).rounded(.up)
    guard last < 1e5 else { return false }
    let count = Int(last)
    // Roundings of a sum over kinds of rounds, and of what is added there.
    let roundings = (8 + Double(entries.count)) * RoundingBudget.unit
    var logSizes = [Double](repeating: 0, count: count + 1)
    var angles = logSizes
    // ln of a bound of the absolute value, and how far it may be off, relative to that.
    var logBounds = logSizes
    var offs = logSizes
    var (rest, work) = (0.0, 0.0)
    let end = last * spacing
    for entry in entries {
      let rounds = Double(entry.count)
      guard entry.pair.kind == .subsampled else {
        let variance = rounds / (entry.pair.scale * entry.pair.scale)
        logMoment += rounds * Self.gaussianLogMoment(entry.pair, theta)
        relative += roundings * rounds * Self.gaussianLogMoment(entry.pair, theta)
        rest -= end * end * variance / 2
        for j in 1...count {
          let omega = Double(j) * spacing
          let (size, angle) = (-omega * omega * variance / 2, omega * (1 + 2 * theta) * variance / 2)
          logSizes[j] += size
          logBounds[j] += size
          angles[j] += angle
          offs[j] += roundings * (abs(size) + angle)
        }
        continue
      }
      guard let loss = TiltedLoss(entry.pair, direction, theta: theta, frequency: end, rounds: rounds) else {
        return false
      }
      work += Double(loss.count) * last
      guard work < Self.work else { return false }
      logMoment += rounds * loss.logMoment
      relative += rounds * loss.error + roundings * rounds * abs(loss.logMoment)
      rest += rounds * loss.logBound(from: end)
      var walk = TiltedLoss.Walk(loss, spacing: spacing)
      for j in 1...count {
        let value = walk.next()
        let size = (value.real * value.real + value.imaginary * value.imaginary).squareRoot()
        let (logSize, angle) = (rounds * log(max(size, 1e-300)), rounds * atan2(value.imaginary, value.real))
        logSizes[j] += logSize
        angles[j] += angle
        logBounds[j] += rounds * log(size + value.error)
        offs[j] +=
          rounds * value.error / (size + value.error)
          + RoundingBudget.unit * 6 * rounds + roundings * (abs(angle) + abs(logSize))
      }
    }
    guard relative < 1e-3 else { return false }
    gather(logSizes, angles, logBounds, offs, spacing: spacing)
    error = 1.01 * (error + exp(min(rest, 0)) / (Double.pi * end))
    return error.isFinite
  }

  /// Divides by s (s + 1), and adds up errors.
  private mutating func gather(
    _ logSizes: [Double], _ logAngles: [Double], _ logBounds: [Double], _ offs: [Double], spacing: Double
  ) {
    let unit = RoundingBudget.unit
    for j in logSizes.indices {
      let omega = Double(j) * spacing
      let (x, y) = (theta * (theta + 1) - omega * omega, omega * (2 * theta + 1))
      let divisor = (x * x + y * y).squareRoot()
      let weight = (j == 0 ? 1 : 2) / (period * divisor)
      sizes.append(weight * exp(max(logSizes[j], -700)))
      angles.append(logAngles[j] - atan2(y, x))
      // By the mean value theorem at the larger point.
      error += weight * (offs[j] + 40 * unit) * exp(min(logBounds[j], 700)) + 1e-300
    }
    // The last ones that together are nothing are left out: their absolute values are charged.
    var dropped = 0.0
    while let last = sizes.last, sizes.count > 1, dropped + last < 1e-14 * sizes[0] {
      dropped += last
      sizes.removeLast()
      angles.removeLast()
    }
    error += 1.01 * dropped
  }

  /// The trapezoid sum, and how far it may be off in units of e^(logMoment - theta epsilon).
  private func sum(_ epsilon: Double) -> (value: Double, error: Double) {
    let spacing = 2 * Double.pi / period
    let unit = RoundingBudget.unit
    var (value, off) = (0.0, 0.0)
    for j in sizes.indices {
      let turn = Double(j) * spacing * epsilon
      value += sizes[j] * cos(angles[j] - turn)
      off += sizes[j] * (2 * abs(angles[j]) + 5 * turn + Double(sizes.count) + 10)
    }
    return (value, error + 1.01 * unit * off)
  }

  /// Roughly.
  private func estimate(_ epsilon: Double) -> Double { exp(logMoment - theta * epsilon) * sum(epsilon).value }

  /// Both bounds of delta.
  func delta(_ epsilon: Double) -> LossComposition.Bounds {
    let exponent = logMoment - theta * epsilon
    guard exponent < 690, exponent > -690, let beyond else { return .init(lower: 0, upper: 1) }
    let (value, error) = sum(epsilon)
    let scale = exp(exponent)
    let off = 1.01 * relative + RoundingBudget.unit * (8 * abs(logMoment) + 8 * theta * epsilon + 20)
    // What stands at whole periods below, and above.
    // 1 / (e^k - 1) as e^-k / (1 - e^-k): neither is a cap of what must not be too small.
    let (k, m) = (theta * period * (1 - 1e-12), (beyond.order - theta) * period * (1 - 1e-12))
    let below = exp(max(-k, -700)) / -expm1(-k)
    let bound = beyond.logMoment - beyond.order * epsilon + LossComposition.logPeak(beyond.order) + 1e-9 - m
    // Where it is not small, nothing is left of the lower bound.
    let above = bound < 690 ? exp(max(bound, -700)) / -expm1(-m) : 1e300
    let upper = scale * (value + error) * (1 + off)
    let lower = scale * (value - error) * (1 - off) - (below + above) * (1 + 1e-9)
    guard upper.isFinite, lower.isFinite, upper > 0 else { return .init(lower: 0, upper: 1) }
    return .init(lower: max(0, lower), upper: min(1, upper))
  }

  /// An epsilon that is proved and one that is refuted, close to each other where the integral is precise. The search proves nothing; both answers
  /// have been evaluated.
  ///
  /// - Parameter start: at least epsilon, roughly.
  func epsilon(delta: Double, start: Double) -> LossComposition.Bounds {
    if self.delta(0).upper <= delta { return .init(lower: 0, upper: 0) }
    let excess = { (epsilon: Double) in log(max(estimate(epsilon), 1e-300) / delta) }
    var (low, high) = (0.0, max(start, 1e-9))
    var (lowValue, highValue) = (excess(low), excess(high))
    for _ in 0..<60 where highValue > 0 {
      (low, lowValue) = (high, highValue)
      high *= 1.5
      highValue = excess(high)
    }
    for trial in 0..<60 where high - low > 1e-10 * high {
      let share = trial % 3 == 2 || lowValue <= highValue ? 0.5 : lowValue / (lowValue - highValue)
      let middle = low + (high - low) * min(max(share, 1e-3), 1 - 1e-3)
      let value = excess(middle)
      if value > 0 { (low, lowValue) = (middle, value) } else { (high, highValue) = (middle, value) }
    }
    var (lower, upper) = (low, high)
    var step = 1e-10 * high + 1e-14
    for _ in 0..<40 where !(self.delta(upper).upper <= delta) {
      upper += step
      step *= 2
    }
    step = 1e-10 * high + 1e-14
    for _ in 0..<40 where lower > 0 && !(self.delta(lower).lower > delta) {
      lower -= step
      step *= 2
    }
    // Whatever the search came to.
    return .init(
      lower: lower > 0 && self.delta(lower).lower > delta ? lower : 0,
      upper: self.delta(upper).upper <= delta ? upper : .infinity)
  }
}

/// Where an integral is taken: the order of the best Renyi bound, and what that bound says.
struct ContourLine {
  let theta: Double
  private let entries: [LossComposition.Entry]
  private let direction: Direction
  private let moments: LossMoments
  /// Roughly.
  private let epsilon: Double
  private let logDelta: Double

  init?(_ entries: [LossComposition.Entry], _ direction: Direction, _ query: LossComposition.Query) {
    // A single round needs no integral, and its characteristic function falls slowly.
    guard entries.reduce(0, { $0 + $1.count }) > 1, entries.contains(where: { $0.pair.kind == .subsampled }),
      entries.allSatisfy({ $0.pair.kind == .subsampled || $0.pair.kind == .gaussian })
    else { return nil }
    (self.entries, self.direction) = (entries, direction)
    let moments = LossMoments(entries, direction, cut: 1e-280)
    self.moments = moments
    let goal: (Double) -> Double
    switch query {
    case .epsilon(let delta):
      goal = { (moments.cumulant($0).value - log(delta) + LossComposition.logPeak($0)) / $0 }
    case .delta(let epsilon): goal = { moments.cumulant($0).value - $0 * epsilon + LossComposition.logPeak($0) }
    }
    theta = exp(goldenSection(from: log(1e-2), to: log(1e4)) { goal(exp($0)) })
    switch query {
    case .epsilon(let delta): (epsilon, logDelta) = (max(0, goal(theta)), log(delta))
    case .delta(let epsilon): (self.epsilon, logDelta) = (epsilon, min(0, goal(theta)))
    }
    guard epsilon.isFinite, logDelta.isFinite else { return nil }
  }

  func bounds(_ query: LossComposition.Query) -> LossComposition.Bounds? {
    guard
      let integral = ContourIntegral(
        entries, direction, theta: theta, logDelta: logDelta, epsilon: epsilon, moments: moments)
    else { return nil }
    switch query {
    case .epsilon(let delta): return integral.epsilon(delta: delta, start: epsilon)
    case .delta(let epsilon): return integral.delta(epsilon)
    }
  }

  /// Whether this direction's answer is at most the other one's lower bound, by Chernoff: then it changes neither bound of the larger one.
  func isBelow(_ other: LossComposition.Bounds, _ query: LossComposition.Query) -> Bool {
    // Below nothing there is nothing.
    if case .delta = query, other.lower <= 0 { return false }
    let (epsilon, logDelta) =
      switch query {
      case .epsilon(let delta): (other.lower, log(delta))
      case .delta(let epsilon): (epsilon, log(other.lower))
      }
    guard let bound = ContourIntegral.logMomentBound(entries, direction, theta) else { return false }
    return bound - theta * epsilon + LossComposition.logPeak(theta) + 1e-9 < logDelta
  }
}
