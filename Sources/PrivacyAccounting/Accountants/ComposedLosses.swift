import Numerics
import Platform

/// One round's laws that bound its profile from above and from below, tilted by e^(theta l) and normalised by the upper law's moment.
struct TiltedRound {
  let upper: [Double]
  private(set) var lower: [Double]
  /// The loss at the first point.
  let offset: Double
  /// ln of the upper law's moment of order theta.
  let logMoment: Double

  /// - Parameter estimate: of ln of the moment: good enough for nothing to overflow.
  init(upper: GridLaw, lower: GridLaw, theta: Double, estimate: Double) {
    let n = upper.masses.count
    let factors = Kernels.best.exponentials(
      from: theta * upper.offset - estimate, step: theta * upper.step, count: n)
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
    self.upper = tilted
    self.lower = tiltedLower
    offset = upper.offset
    logMoment = estimate + log(sum)
  }

  /// Takes off the lower law's last point what the whole law has above 1, and returns the masses' sum: all large losses are there that the upper law has at infinity, and the
  /// tilt makes much of them. A law that has less has a lower profile.
  mutating func limitLowerLaw() -> Double {
    guard let last = lower.indices.last else { return 0 }
    let sum = lower.reduce(0, +)
    guard sum > 1 else { return sum }
    lower[last] = max(0, lower[last] - (sum - 1))
    return lower.reduce(0, +)
  }

  /// Puts the points of a range of both laws on a circle, the upper law's as real and the lower law's as imaginary parts; returns the sum of
  /// absolute values of what is put there.
  func fill(_ real: inout [Double], _ imaginary: inout [Double], _ range: Range<Int>) -> Double {
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
}

/// The losses of all rounds together, tilted: laws that bound their profile from above and below, on a circle of points, with all that may
/// have moved them. These are the steps of `LossComposition.bounds`.
struct ComposedLosses {
  private let plan: LossComposition.Plan
  private let window: LossComposition.Window
  private let rounds: Double
  /// Nil where no losses are counted apart.
  private let split: (threshold: Double, tilt: Double)?
  private let transform: FourierTransform
  private var spectra: Spectra
  /// The upper and the lower law on the circle, once all rounds are added.
  private(set) var real: [Double]
  private(set) var imaginary: [Double]
  /// ln of the upper laws' moments.
  private(set) var logMoment = 0.0
  /// The loss of the rounds' first points together.
  private(set) var offset = 0.0
  /// ln of the mass that is finite.
  private(set) var logFinite = (upper: 0.0, lower: 0.0)
  private var outside: WindowTails
  private var outsideLower: WindowTails
  private var rounding = RoundingBudget()
  /// ln of what the lower laws' moments may be over the upper laws': next to nothing.
  private var logExcess = 0.0
  /// ln of the moment of order `split.tilt` of rounds without a large loss.
  private var bulk = 0.0
  /// Bound on the root of the sum of squares of what the transforms' rounding added.
  private var transformed = 0.0

  init(_ plan: LossComposition.Plan, _ window: LossComposition.Window, rounds: Double) {
    self.plan = plan
    self.window = window
    self.rounds = rounds
    // A single round is composed already.
    split = rounds == 1 ? nil : plan.split
    transform = FourierTransform(size: window.size)
    spectra = Spectra(size: window.size, rounds: rounds, splits: split != nil)
    real = [Double](repeating: 0, count: window.size)
    imaginary = real
    outside = WindowTails(right: plan.rightTilt, left: plan.leftTilt)
    outsideLower = outside
  }

  private var isSingle: Bool { rounds == 1 }

  /// Adds the rounds of one kind. False where mass was lost: then nothing may be claimed.
  ///
  /// - Parameter estimate: of ln of the moment of one round.
  mutating func add(
    _ entry: LossComposition.Entry, _ direction: Direction, _ buckets: LossBuckets, estimate: Double
  ) -> Bool {
    let upper = buckets.upper
    let lower = buckets.lower
    // A safety net: no mass may get lost.
    let total = upper.masses.reduce(upper.infinity, +)
    guard abs(total - 1) < 1e-9 else { return false }
    let count = Double(entry.count)
    offset += count * upper.offset
    logFinite.upper += count * log1p(-upper.infinity)
    logFinite.lower += count * log1p(-lower.infinity)
    var tilted = TiltedRound(upper: upper, lower: lower, theta: plan.theta, estimate: estimate)
    logExcess += count * log1p(max(0, tilted.limitLowerLaw() - 1))
    logMoment += count * tilted.logMoment
    outside.add(tilted.upper, offset: upper.offset, step: window.step, count: count)
    outsideLower.add(tilted.lower, offset: upper.offset, step: window.step, count: count)
    rounding.add(
      entry, direction, tilted.upper, offset: upper.offset, step: window.step, theta: plan.theta,
      logMoment: tilted.logMoment)
    compose(tilted, upper, power: entry.count)
    return true
  }

  /// Multiplies the spectra by those of so many rounds of a kind; a single round is put on the circle.
  private mutating func compose(_ tilted: TiltedRound, _ upper: GridLaw, power: Int) {
    let n = upper.masses.count
    // Large losses in a transform of their own.
    let first =
      split.map { min(n, max(0, Int((($0.threshold - upper.offset) / window.step).rounded(.down)) + 1)) } ?? n
    let norm = tilted.fill(&real, &imaginary, 0..<first)
    if isSingle { return }
    transform.forward(&real, &imaginary)
    guard let split else {
      spectra.multiply(real, imaginary, power: power, error: norm * transform.error)
      return
    }
    let (bulkReal, bulkImaginary) = (real, imaginary)
    let jumps = tilted.fill(&real, &imaginary, first..<n)
    transform.forward(&real, &imaginary)
    spectra.multiply(
      bulk: (bulkReal, bulkImaginary), jumps: (real, imaginary), power: power, error: norm * transform.error,
      share: jumps)
    // Relative to the largest: exponents that are cut off at -700 only make the moment larger.
    let top = split.tilt * Double(max(first - 1, 0)) * window.step
    let ups = Kernels.best.exponentials(from: -top, step: split.tilt * window.step, count: first)
    var moment = 0.0
    for k in 0..<first { moment += upper.masses[k] * ups[k] }
    bulk +=
      Double(power)
      * (log(moment) + top + split.tilt * upper.offset + 1e-12
        + 2e-15 * split.tilt * max(abs(upper.offset), abs(split.threshold)))
  }

  /// Where on the circle the window is.
  struct Place {
    /// The index of the window's first point.
    let first: Int
    /// The losses at its first and at its last point.
    let least: Double
    let most: Double
    /// Losses at grid points are offset + k step but for rounding of at most this much.
    let shift: Double
  }

  /// Transforms the spectra back, and finds the window. Nil where nothing is known.
  mutating func finish() -> Place? {
    if !isSingle {
      transformed = spectra.finish(&real, &imaginary, inverse: transform.error)
      transform.inverse(&real, &imaginary)
    }
    // The point of the grid that the window starts at; what lies outside is folded in, and in the budget.
    let start = ((plan.mean - plan.left - offset) / window.step - window.slackLow).rounded(.down)
    guard start.isFinite, transformed.isFinite else { return nil }
    let wrapped = Int(start.truncatingRemainder(dividingBy: Double(window.size)))
    let first = (wrapped % window.size + window.size) % window.size
    let least = offset + start * window.step
    let most = least + Double(window.size - 1) * window.step
    let shift = 8 * RoundingBudget.unit * max(abs(offset), abs(least), abs(most))
    return Place(first: first, least: least, most: most, shift: shift)
  }

  /// What folding and rounding may have done to delta, in units of e^(logMoment - theta epsilon). Nil where nothing is known.
  func budget(_ place: Place) -> Double? {
    // Of the tilted law: folded mass, and rounding.
    let folded = max(
      outside.probability(low: place.least, high: place.most),
      outsideLower.probability(low: place.least, high: place.most))
    let theta = plan.theta
    let peak = exp(LossComposition.logPeak(theta))
    // Sum over grid points y of the squares of e^(-theta y)(1 - e^-y): the integral over the step, and the largest.
    let weights = (1 / (theta * (2 * theta + 1) * (2 * theta + 2) * window.step) + peak * peak).squareRoot()
    let misplaced = rounding.misplaced + 4 * RoundingBudget.unit * (abs(logMoment) + rounds)
    // Where large losses are counted apart, what has none of them is bounded by Chernoff as a whole.
    let share = split == nil ? 1 : min(1, 2 * spectra.jumps)
    let inflation = rounding.inflation(theta)
    guard inflation < 1, logExcess < 1, spectra.jumps < 0.5 || split == nil else { return nil }
    return share * (exp(inflation) * rounding.profile + peak * misplaced) + peak * folded + weights * transformed
  }

  /// How the upper law (1) or the lower one (-1) is read. Losses are put where they are worst for each of them.
  private func reading(_ sign: Double, _ place: Place, _ budget: Double) -> ProfileReading {
    let bulkBudget = split.map { bulk + log(2.0) - $0.tilt * -place.shift }
    return ProfileReading(
      first: place.first, least: place.least + sign * place.shift, step: window.step, theta: plan.theta,
      logMoment: logMoment,
      logBudget: logMoment + log(budget) + plan.theta * place.shift + (sign < 0 ? logExcess : 0),
      bulk: bulkBudget.flatMap { logBudget in split.map { (logBudget, $0.tilt) } })
  }

  /// Both bounds of delta at many epsilons, which rise.
  func bounds(_ epsilons: [Double], _ place: Place, _ budget: Double) -> [LossComposition.Bounds] {
    let (upperInfinity, largest) = (-expm1(logFinite.upper), max(0, outside.most + place.shift))
    let upper = reading(1, place, budget).deltas(real, infinity: upperInfinity, epsilons: epsilons, sign: 1)
    let lower = reading(-1, place, budget).deltas(
      imaginary, infinity: -expm1(logFinite.lower), epsilons: epsilons, sign: -1)
    return epsilons.indices.map { k in
      .init(lower: lower[k], upper: epsilons[k] >= largest ? min(1, upperInfinity) : upper[k])
    }
  }

  /// Reads both bounds off the laws.
  func bounds(_ query: LossComposition.Query, _ place: Place, _ budget: Double) -> LossComposition.Bounds {
    let reading = { (sign: Double) in self.reading(sign, place, budget) }
    let (above, below) = (1.0, -1.0)
    // And no finite sum of the upper law lies above its largest.
    let (upperInfinity, largest) = (-expm1(logFinite.upper), max(0, outside.most + place.shift))
    switch query {
    case .epsilon(let delta):
      let upper = reading(above).epsilon(real, infinity: upperInfinity, delta: delta, sign: above)
      return LossComposition.Bounds(
        lower: reading(below).epsilon(imaginary, infinity: -expm1(logFinite.lower), delta: delta, sign: below),
        upper: upperInfinity < delta ? min(upper, largest) : .infinity)
    case .delta(let epsilon):
      let upper = reading(above).delta(real, infinity: upperInfinity, epsilon: epsilon, sign: above)
      return LossComposition.Bounds(
        lower: reading(below).delta(imaginary, infinity: -expm1(logFinite.lower), epsilon: epsilon, sign: below),
        upper: epsilon >= largest ? min(1, upperInfinity) : upper)
    }
  }
}
