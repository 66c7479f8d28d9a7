import Numerics
import Platform

/// The losses of r equal rounds of one pair in one direction, for one r after the other: both bounds of delta at points of one grid.
///
/// Laws, tilt, grid and transform are those of `ComposedLosses`, and one of each serves all r of a range. With x the tilted masses of one round on a
/// circle of N points, X their transform and w_d = e^(-theta d h)(1 - e^(-d h)), delta at the point l of the grid is e^(r K - theta l) times the sum of w_d x_(l + d)
/// over 0 < d <= D, that is the real part of 1/N sum_f X_f^r conj(W_f) e^(2 pi i f l / N): one product a frequency takes r to r + 1 and another one
/// reads delta. |X_f|^r falls fast, so few frequencies are kept; the sum of all that the others can be is charged.
struct RunningComposition {
  /// How the rounds of a range are composed. It proves nothing: any plan gives bounds.
  struct Plan {
    let pair: DominatingPair
    let direction: Direction
    /// The numbers of rounds that are asked for.
    let counts: ClosedRange<Int>
    /// The distance of one number of rounds from the next.
    let stride: Int
    let composition: LossComposition
    /// Of the most rounds.
    let plan: LossComposition.Plan
    /// The window reaches this far below and above where delta is read.
    var below: Double
    var above: Double
    /// Roughly epsilon of the fewest and of the most rounds.
    let epsilons: (fewest: Double, most: Double)
    /// Roughly by how much ln of delta falls with epsilon: the order, less 1, of the smallest Renyi bound.
    let slope: Double
    /// How far from `epsilons` delta may be read.
    let margin: Double

    /// The P-mass that may be cut off all rounds together, of delta: it moves epsilon by less than 10^-4 / theta.
    private static let cut = 3e-5
    /// Exponent of what may lie outside the window, of the tilted law.
    private static let outside = 22.0
    /// What rounding and folding may come to, of delta.
    private static let share = 1e-5

    /// - Parameters:
    ///   - delta: where epsilon will be asked, roughly.
    ///   - epsilons: what the fewest and the most rounds have, roughly.
    init?(
      _ pair: DominatingPair, _ direction: Direction, counts: ClosedRange<Int>, stride: Int, delta: Double,
      epsilons: (fewest: Double, most: Double)
    ) {
      (self.pair, self.direction, self.counts, self.stride) = (pair, direction, counts, stride)
      self.epsilons = epsilons
      let (fewest, most) = (Double(counts.lowerBound), Double(counts.upperBound))
      let entry = LossComposition.Entry(pair: pair, count: counts.upperBound)
      composition = LossComposition(entries: [entry], direction: direction)
      let cut = Self.cut * delta / most
      let moments = LossMoments([entry], direction, cut: cut)
      // The largest tilt is that of the smallest Renyi bound; smaller ones have narrower windows, and more rounding beside delta.
      let allowed = log(Self.share) - log(4 * exp(-Self.outside) + 3e-14 * most)
      slope = composition.plan(.epsilon(delta: delta)).theta
      margin = 0.04 * epsilons.most + 0.5 / slope
      var theta = slope
      var best: (value: Double, plan: LossComposition.Plan, below: Double, above: Double)?
      for _ in 0..<12 {
        let plan = LossComposition.Plan(moments, cut: cut, theta: theta, outside: Self.outside)
        // Chernoff's bounds of the tilted laws' ends: linear in the number of rounds, but for the exponent.
        let ends = [(fewest / most, epsilons.fewest), (1, epsilons.most)].map { share, epsilon in
          (
            epsilon - share * (plan.mean - plan.left) + (1 - share) * Self.outside / plan.leftTilt,
            share * (plan.mean + plan.right) + (1 - share) * Self.outside / plan.rightTilt - epsilon
          )
        }
        let (below, above) = (margin + (ends.map(\.0).max() ?? 0), margin + (ends.map(\.1).max() ?? 0))
        // Half the goal's width apart, roughly, for the first tilt whatever it is.
        let fits =
          plan.moment * fewest / most - theta * epsilons.fewest < log(delta) + allowed
          && plan.moment - theta * epsilons.most < log(delta) + allowed
        let value = (below + above) * (below + above) * (theta + 1)
        if below > 0, above > 0, value.isFinite, best == nil || (fits && value < best?.value ?? .infinity) {
          best = (value, plan, below, above)
        }
        guard fits else { break }
        theta /= 1.3
      }
      guard let best else { return nil }
      (plan, below, above) = (best.plan, best.below, best.above)
    }

    /// The step of a grid of so many points, with room for what splitting buckets adds.
    func grid(size: Int) -> (step: Double, below: Int)? {
      let rounds = Double(counts.upperBound)
      let rough = (below + above) / Double(size)
      let slack = { (tilt: Double) in
        min(Double(size) / 5, tilt * rough > 0.1 ? 8 + 3 * rounds : 4 + 2 * rounds.squareRoot())
      }
      let (low, high) = (slack(plan.leftTilt), slack(plan.rightTilt))
      let step = (below + above) / (Double(size) - 1 - low - high)
      guard step > 0, step.isFinite else { return nil }
      return (step, min(size - 2, Int((below / step + low).rounded(.up))))
    }

    /// How far apart both bounds of epsilon will be, roughly: ln of the moment of a round is off by theta (theta + 1) h^2 / 12 above and twice that
    /// below (docs/privacy.md).
    func width(step: Double) -> Double { Double(counts.upperBound) * (plan.theta + 1) * step * step / 4 }
  }

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
    let tilted = TiltedRound(
      upper: upperLaw, lower: lowerLaw, theta: theta, estimate: plan.plan.moments.cumulant(0, theta))
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

  /// The transform of w, conjugate and over N, twice that where a frequency stands for two.
  private struct Reader {
    let real: [Double]
    let imaginary: [Double]
    /// How far each value may be off, times its weight.
    let error: Double

    init(theta: Double, step: Double, above: Int, _ transform: FourierTransform) {
      let size = transform.size
      var (x, y) = ([Double](repeating: 0, count: size), [Double](repeating: 0, count: size))
      let first = Kernels.best.exponentials(from: 0, step: -theta * step, count: above + 1)
      let second = Kernels.best.exponentials(from: 0, step: -(theta + 1) * step, count: above + 1)
      var sum = 0.0
      for d in 1...above {
        x[d] = first[d] - second[d]
        sum += abs(x[d])
      }
      transform.forward(&x, &y)
      let half = size / 2
      let weight = 2 / Double(size)
      var (real, imaginary) = ([Double](repeating: 0, count: half + 1), [Double](repeating: 0, count: half + 1))
      for k in 0...half {
        let weight = k == 0 || k == half ? weight / 2 : weight
        (real[k], imaginary[k]) = (weight * x[k], -weight * y[k])
      }
      (self.real, self.imaginary) = (real, imaginary)
      // Exponentials are within 4 units and their arguments' rounding, differences of the size of the first.
      let exponentials = 16 * RoundingBudget.unit * (1 + 1 / -expm1(-theta * step))
      error = weight * (transform.error * sum + exponentials + 700 * Double(above) * 1e-300) * 1.01
    }
  }

  /// One of both laws: X_f^r times the reader, for the frequencies that are kept.
  private struct Law {
    var real: [Double]
    var imaginary: [Double]
    /// X_f to the power of a stride.
    let stepReal: [Double]
    let stepImaginary: [Double]
    /// ln of the finite mass of a round.
    let logFinite: Double
    /// Of one round.
    let tails: WindowTails
    /// How far the sum may be off for any number of rounds of the range.
    let error: Double

    /// - Parameters:
    ///   - x: with `y` the transform of upper + i lower.
    ///   - error: of each value of both laws' transforms.
    init(
      _ x: [Double], _ y: [Double], isUpper: Bool, error: Double, counts: ClosedRange<Int>, stride: Int,
      _ reader: Reader, logFinite: Double, tails: WindowTails
    ) {
      (self.logFinite, self.tails) = (logFinite, tails)
      let size = x.count
      let half = size / 2
      var (real, imaginary) = ([Double](repeating: 0, count: half + 1), [Double](repeating: 0, count: half + 1))
      // |X_f| + error. It is hardly above 1: in the lower law, which has all large losses at its last point, too.
      var sizes = real
      for k in 0...half {
        let j = (size - k) & (size - 1)
        (real[k], imaginary[k]) =
          isUpper
          ? ((x[k] + x[j]) / 2, (y[k] - y[j]) / 2) : ((y[k] + y[j]) / 2, (x[j] - x[k]) / 2)
        sizes[k] = (real[k] * real[k] + imaginary[k] * imaginary[k]).squareRoot() + error
      }
      // To the fewest rounds less 1, times what the most rounds may make of that where it is above 1.
      let most = Double(counts.upperBound)
      let growth = 1.0001 * exp(most * log(max(1, sizes.max() ?? 1)))
      let powers = Self.powers(sizes.map { min(1, $0) }, counts.lowerBound - 1)
      // Of each frequency: what it can add to the sum, but for its reader's error.
      var shares = [Double](repeating: 0, count: half + 1)
      var (whole, readers) = (0.0, 0.0)
      for k in 0...half {
        let weight = (reader.real[k] * reader.real[k] + reader.imaginary[k] * reader.imaginary[k]).squareRoot()
        shares[k] = growth * powers[k] * weight
        whole += shares[k]
        readers += growth * powers[k] * reader.error
      }
      // The last ones that together are nothing are left out.
      var (kept, dropped) = (half + 1, 0.0)
      while kept > 1, dropped + shares[kept - 1] < 1e-11 * whole {
        kept -= 1
        dropped += shares[kept]
      }
      let unit = RoundingBudget.unit
      // X_f^r is off by r (error + 4 u) (|X_f| + error)^(r - 1); a sum of so many products.
      let sum =
        (most * (error + 4 * unit) + (Double(kept) + 30) * unit) * whole + readers + 1.01 * dropped + 1e-30
      // Where growth is more than next to nothing, so may be what is folded.
      self.error = growth < 1.005 ? sum : .infinity
      let base = (Array(real[..<kept]), Array(imaginary[..<kept]))
      (stepReal, stepImaginary) = Self.power(base, stride)
      let first = Self.power(base, counts.lowerBound)
      (self.real, self.imaginary) = (first.0, first.1)
      for k in 0..<kept {
        let (a, b) = (first.0[k], first.1[k])
        self.real[k] = a * reader.real[k] - b * reader.imaginary[k]
        self.imaginary[k] = a * reader.imaginary[k] + b * reader.real[k]
      }
    }

    private static func powers(_ x: [Double], _ power: Int) -> [Double] {
      let zeros = [Double](repeating: 0, count: x.count)
      return Self.power((x, zeros), power).0
    }

    /// Complex numbers to a power, by squaring; what is below 10^-40 on the way is 0, before denormal numbers make it slow.
    private static func power(_ base: ([Double], [Double]), _ power: Int) -> ([Double], [Double]) {
      var (x, y) = base
      let n = x.count
      var (u, v) = ([Double](repeating: 1, count: n), [Double](repeating: 0, count: n))
      var rest = power
      while rest > 0 {
        if rest & 1 == 1 { multiply(&u, &v, x, y) }
        rest >>= 1
        guard rest > 0 else { break }
        for k in 0..<n {
          let (a, b) = (x[k], y[k])
          let keep = abs(a) + abs(b) > 1e-40 ? 1.0 : 0.0
          x[k] = (a * a - b * b) * keep
          y[k] = 2 * a * b * keep
        }
      }
      return (u, v)
    }

    private static func multiply(_ x: inout [Double], _ y: inout [Double], _ a: [Double], _ b: [Double]) {
      let n = x.count
      x.withUnsafeMutableBufferPointer { x in
        y.withUnsafeMutableBufferPointer { y in
          a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
              for k in 0..<n {
                let (u, v) = (x[k], y[k])
                x[k] = u * a[k] - v * b[k]
                y[k] = u * b[k] + v * a[k]
              }
            }
          }
        }
      }
    }

    mutating func advance() { Self.multiply(&real, &imaginary, stepReal, stepImaginary) }

    /// Real part of the sum over f of value times e^(2 pi i f point / N).
    func sum(_ point: Int, _ cosines: [Double], _ sines: [Double]) -> Double {
      let mask = cosines.count - 1
      return real.withUnsafeBufferPointer { real in
        imaginary.withUnsafeBufferPointer { imaginary in
          cosines.withUnsafeBufferPointer { cosines in
            sines.withUnsafeBufferPointer { sines in
              var sum = 0.0
              var angle = 0
              for k in 0..<real.count {
                // Sines are those of negative angles.
                sum += real[k] * cosines[angle] + imaginary[k] * sines[angle]
                angle = (angle + point) & mask
              }
              return sum
            }
          }
        }
      }
    }
  }
}
