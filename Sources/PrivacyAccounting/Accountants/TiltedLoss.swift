import Numerics
import Platform

/// One round's loss on a line Re s = theta: its moment M(theta), and M(theta + i omega) / M(theta), the characteristic function of the tilted loss.
///
/// Both are trapezoid sums over x of N(x) e^(kappa L(x)), with kappa = 1 + s (or -s, for Q against P), an integrand that is analytic in a strip:
/// docs/privacy.md bounds what the step, the ends and rounding do.
struct TiltedLoss {
  private let pair: DominatingPair
  private let direction: Direction
  private let theta: Double
  private let step: Double
  /// ln M(theta), and how far the moment may be off, relative to itself.
  let logMoment: Double
  let error: Double
  /// The tilted loss: nodes, a multiple of 8, whose masses add up to 1.
  private let masses: [Double]
  private let losses: [Double]
  /// What nodes that are left out have, relative to the moment.
  private let omitted: Double
  /// Rounding of losses, times their masses, in units of the last place; and the mean of their absolute values.
  private let lossRounding: Double
  private let meanLoss: Double
  /// A bound of the total variation of the tilted loss's density.
  let variation: Double

  /// So many nodes and no more.
  static let most = 1 << 16

  var count: Int { masses.count }

  /// - Parameters:
  ///   - frequency: the largest omega that is asked for.
  ///   - rounds: how often the error counts.
  init?(_ pair: DominatingPair, _ direction: Direction, theta: Double, frequency: Double, rounds: Double) {
    guard pair.kind == .subsampled, pair.rate > 0, pair.rate < 1, let region = pair.regions.first else { return nil }
    (self.pair, self.direction, self.theta) = (pair, direction, theta)
    let s2 = pair.scale * pair.scale
    let h = Self.step(pair, direction, theta: theta, frequency: frequency, rounds: rounds)
    step = h
    let slope = direction == .remove ? 1 + theta : -theta
    guard let ends = Self.ends(pair, region, slope: slope, step: h) else { return nil }
    omitted = ends.omitted
    let count = Int(((ends.high - ends.low) / h).rounded(.up)) + 1
    guard count <= Self.most else { return nil }
    let padded = (count + 7) / 8 * 8
    var (weights, losses) = ([Double](repeating: -700, count: padded), [Double](repeating: 0, count: padded))
    var roundings = [Double](repeating: 0, count: padded)
    // In units: what the loss may be off where it is computed, and where a node is not quite on the lattice, as losses rise by 1 / s^2 at most.
    let place = 2 * (ends.high - ends.low) / s2
    let bounded = 10 + 5 * pair.rate / (1 - pair.rate) + 4 * abs(log(pair.rate)) + place
    var top = -Double.infinity
    for k in 0..<count {
      let x = ends.low + Double(k) * h
      let square = x * x / (2 * s2)
      losses[k] = region.loss(x)
      weights[k] = slope * losses[k] - square
      roundings[k] = bounded + 8 * abs((2 * x - 1) / (2 * s2))
      top = max(top, weights[k])
    }
    for k in 0..<padded { weights[k] = k < count ? weights[k] - top : -700 }
    let exponents = weights
    weights.withUnsafeMutableBufferPointer { Kernels.best.exponentiate($0) }
    for k in count..<padded { weights[k] = 0 }
    let sum = Self.sum(weights)
    logMoment = top + log(sum * h / (pair.scale * (2 * Double.pi).squareRoot()))
    let sign = direction == .remove ? 1.0 : -1.0
    var (weighed, lost, mean) = (0.0, 0.0, 0.0)
    for k in 0..<count {
      weights[k] /= sum
      let square = abs(slope * losses[k]) + abs(exponents[k]) + abs(top)
      let x = ends.low + Double(k) * h
      weighed += weights[k] * (abs(slope) * roundings[k] + abs(x) * place + 6 * square + 8)
      lost += weights[k] * roundings[k]
      mean += weights[k] * abs(losses[k])
      losses[k] *= sign
    }
    (masses, self.losses) = (weights, losses)
    (lossRounding, meanLoss) = (1.01 * lost, 1.01 * mean)
    let rounding = RoundingBudget.unit * (1.01 * weighed + Double(padded) / 8 + 40 + 4 * abs(top) + 4 * abs(logMoment))
    error =
      1.01
      * (omitted + rounding + Self.quadratureError(pair, direction, theta: theta, step: h, frequency: 0))
    variation = Self.variation(pair, region, slope: slope, logMoment: logMoment)
    guard error < 1e-3, logMoment.isFinite, variation.isFinite else { return nil }
  }

  /// Eight partial sums, added up.
  private static func sum(_ x: [Double]) -> Double {
    var lanes = SIMD8<Double>(repeating: 0)
    for k in stride(from: 0, to: x.count, by: 8) {
      for j in 0..<8 { lanes[j] += x[k + j] }
    }
    return lanes.sum()
  }
}

// The trapezoid rule: its step, its ends and its error.
extension TiltedLoss {
  /// Half-widths of strips, over s^2: the integrand is analytic below pi.
  private static let strips = [0.125, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3.1]

  /// ln of what going to the edge of a strip multiplies the integral of absolute values by.
  private static func growth(
    _ pair: DominatingPair, _ direction: Direction, theta: Double, frequency: Double, strip v: Double
  ) -> Double {
    v * v * pair.scale * pair.scale / 2 + frequency * v + (direction == .remove ? 0 : -theta * log(cos(v / 2)))
  }

  /// The largest step with an error of e^-42 for all rounds together.
  private static func step(
    _ pair: DominatingPair, _ direction: Direction, theta: Double, frequency: Double, rounds: Double
  ) -> Double {
    let s2 = pair.scale * pair.scale
    let steps = strips.map { v in
      2 * Double.pi * v * s2
        / (growth(pair, direction, theta: theta, frequency: frequency, strip: v) + 42 + log(rounds))
    }
    return min(steps.max() ?? 0, pair.scale / 2)
  }

  /// [Trefethen & Weideman 2014, Theorem 5.1], relative to the moment.
  fileprivate static func quadratureError(
    _ pair: DominatingPair, _ direction: Direction, theta: Double, step: Double, frequency: Double
  ) -> Double {
    var least = Double.infinity
    for v in strips {
      let decay = 2 * Double.pi * v * pair.scale * pair.scale / step
      guard decay > 20 else { continue }
      let exponent = growth(pair, direction, theta: theta, frequency: frequency, strip: v) - decay
      least = min(least, 2.001 * exp(min(exponent, 700)))
    }
    return least
  }

  /// Where nodes begin and end, and what all nodes beyond may add up to: e^-45 of the moment, which is at least 1.
  private static func ends(
    _ pair: DominatingPair, _ region: Region, slope c: Double, step: Double
  ) -> (low: Double, high: Double, omitted: Double)? {
    let (s, q) = (pair.scale, pair.rate)
    let s2 = s * s
    let tail = { (z: Double) in log(max(upperTail(z), 1e-300)) }
    // ln of the integral to the left of x < 0, and to the right of x.
    let left = { (x: Double) in tail(-x / s) + (c >= 0 ? c * region.loss(x) : c * log1p(-q)) }
    let right = { (x: Double) -> Double in
      guard c > 0 else { return tail(x / s) + c * region.loss(x) }
      // L(y) <= u(y) + ln(q + (1 - q) e^-u(x)) for y >= x: a normal law at c. Nodes below its middle may add one more than the integral.
      let u = (2 * x - 1) / (2 * s2)
      let factor = (c * c - c) / (2 * s2) + c * (region.loss(x) - u)
      return factor + (x >= c ? tail((x - c) / s) : log(upperTail((x - c) / s) + step / s))
    }
    var (low, high) = (-6 * s, 6 * s)
    while left(low) > -45 {
      low -= s / 4
      if low < -37 * s { return nil }
    }
    while right(high) > -45 {
      high += s / 4
      if high > max(c, 0) + 37 * s { return nil }
    }
    return (low, high, 1.01 * (exp(left(low)) + exp(right(high))))
  }

  /// Twice the largest values of the tilted loss's density left and right of its inflexion: it has one maximum at most on each side.
  private static func variation(_ pair: DominatingPair, _ region: Region, slope c: Double, logMoment: Double) -> Double
  {
    let (s, q) = (pair.scale, pair.rate)
    let s2 = s * s
    // ln of the density at L(x), but for what does not depend on x: (c + 1) L(x) - (x + 1)^2 / (2 s^2).
    let rise = c + 1
    let (first, last) = (-1 - 8 * s, max(c, 1) + 8 * s)
    let count = Int(min(1e5, ((last - first) / min(s / 4, s2 / (2 * abs(rise) + 1))).rounded(.up)))
    let width = (last - first) / Double(count)
    let inflexion = s2 * log((1 - q) / q) + 0.5
    let (a, b) = (region.loss(first), region.loss(last))
    var below = rise * (rise >= 0 ? a : log1p(-q)) - (first + 1) * (first + 1) / (2 * s2)
    let u = { (x: Double) in (2 * x - 1) / (2 * s2) }
    let furthest = max(c, last)
    var above =
      rise >= 0
      ? rise * (u(furthest) + b - u(last)) - (furthest + 1) * (furthest + 1) / (2 * s2)
      : rise * b - (last + 1) * (last + 1) / (2 * s2)
    var (from, loss) = (first, a)
    for k in 1...count {
      let to = first + Double(k) * width
      let next = region.loss(to)
      let nearest = from > -1 ? from + 1 : (to < -1 ? to + 1 : 0)
      let value = rise * (rise >= 0 ? next : loss) - nearest * nearest / (2 * s2)
      if from <= inflexion { below = max(below, value) }
      if to >= inflexion { above = max(above, value) }
      (from, loss) = (to, next)
    }
    let constant = 1 / s2 - log(q) - logMoment + log(s / (2 * Double.pi).squareRoot())
    return 2.01 * (exp(min(below + constant, 700)) + exp(min(above + constant, 700)))
  }
}

extension TiltedLoss {
  /// ln of a bound of the characteristic function's absolute value at every frequency from this one on.
  ///
  /// It is at most V / omega, V the density's variation. Below that: |phi|^2 is a characteristic function too, a real one, and as 1 - cos 2a <= 4 (1 - cos a), what it has lost
  /// at 2 omega it has lost a quarter of at omega.
  func logBound(from frequency: Double) -> Double {
    frequency * frequency >= 2 * variation * variation
      ? log(variation / frequency) : log1p(-frequency * frequency / (16 * variation * variation)) / 2
  }

  /// The characteristic function at the multiples of a frequency, one after the other.
  struct Walk {
    private let loss: TiltedLoss
    private let spacing: Double
    private let cosines: [Double]
    private let sines: [Double]
    private var real: [Double]
    private var imaginary: [Double]
    private var number = 0

    init(_ loss: TiltedLoss, spacing: Double) {
      (self.loss, self.spacing) = (loss, spacing)
      cosines = loss.losses.map { cos(spacing * $0) }
      sines = loss.losses.map { sin(spacing * $0) }
      (real, imaginary) = (loss.masses, [Double](repeating: 0, count: loss.count))
    }

    /// Rotations are made anew after so many.
    private static let run = 128

    /// The next value, and how far it may be off.
    mutating func next() -> (real: Double, imaginary: Double, error: Double) {
      number += 1
      let frequency = Double(number) * spacing
      let unit = RoundingBudget.unit
      if number % Self.run == 0 {
        let before = frequency - spacing
        for k in real.indices {
          (real[k], imaginary[k]) = (
            loss.masses[k] * cos(before * loss.losses[k]), loss.masses[k] * sin(before * loss.losses[k])
          )
        }
      }
      let sum = Kernels.best.rotate(&real, &imaginary, cosines: cosines, sines: sines)
      // Angles are off by rounding of losses and of products; a rotation adds 8 units.
      let rounding =
        frequency * (loss.lossRounding + 8 * loss.meanLoss) + Double(8 * Self.run + loss.count / 8 + 40)
      let quadrature = TiltedLoss.quadratureError(
        loss.pair, loss.direction, theta: loss.theta, step: loss.step, frequency: frequency)
      return (sum.real, sum.imaginary, 1.01 * (quadrature + loss.omitted + 2 * loss.error + unit * rounding))
    }
  }
}
