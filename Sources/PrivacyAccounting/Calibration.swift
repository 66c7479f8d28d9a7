import Platform

/// What a privacy budget buys. Every answer has been evaluated and meets the budget by the accountant's upper bound.
extension Accountant {
  /// A noise multiplier that is provably enough, and one that is provably not.
  public struct Calibration: Sendable, Equatable {
    public let noiseMultiplier: Double
    /// Epsilon at `noiseMultiplier`, at most the target.
    public let spending: PrivacySpent
    /// At this noise the mechanism's epsilon is above the target, by the accountant's lower bound: as close to `noiseMultiplier` as
    /// that bound is to the upper one. Nil where the accountant has no lower bounds.
    public let insufficient: Double?
  }

  /// Noise multipliers that are looked at.
  static let noiseMultipliers = 1e-2...1e6

  /// Whether epsilon is at most `target`, by the upper bound; precise only where a quick look cannot tell.
  public func isEnough(
    _ event: PrivacyEvent, rounds: Int, delta: Double, target: Double
  ) throws(PrivacyRefusal) -> Bool {
    if self == .pld {
      let quick = try spending(event, rounds: rounds, delta: delta, precision: .coarse)
      if quick.epsilon <= target { return true }
      if let lower = quick.lowerBound, lower > target { return false }
    }
    return try spending(event, rounds: rounds, delta: delta).epsilon <= target
  }

  /// The smallest noise multiplier that is provably enough, to about 10^-6 of itself.
  ///
  /// A bracket by powers of two from a quick look, regula falsi on ln z against ln epsilon, then two or three precise
  /// steps with the slope that they found.
  public func calibratedNoiseMultiplier(
    targetEpsilon target: Double, delta: Double, rounds: Int, sampling: Sampling, relation: NeighboringRelation
  ) throws(PrivacyRefusal) -> Calibration {
    precondition(target > 0)
    let search = NoiseSearch(
      accountant: self, target: target, delta: delta, rounds: rounds, sampling: sampling, relation: relation)
    var bracket = try search.bracket()
    if bracket.below <= target {
      return Calibration(
        noiseMultiplier: bracket.low, spending: try search.spending(bracket.low, .fine), insufficient: nil)
    }
    try search.narrow(&bracket)
    let best = try search.sufficient(bracket)
    return Calibration(
      noiseMultiplier: best.noiseMultiplier, spending: best.spending, insufficient: try search.insufficient(below: best)
    )
  }

  /// The most rounds of an event that stay within a budget; at most `limit`.
  public func mostRounds(
    _ event: PrivacyEvent, targetEpsilon target: Double, delta: Double, limit: Int = 10_000_000
  ) throws(PrivacyRefusal) -> Int {
    guard try isEnough(event, rounds: 1, delta: delta, target: target) else { return 0 }
    var low = 1
    var high = 2
    while high <= limit, try isEnough(event, rounds: high, delta: delta, target: target) {
      low = high
      high *= 2
    }
    high = min(high, limit + 1)
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if try isEnough(event, rounds: middle, delta: delta, target: target) { low = middle } else { high = middle }
    }
    return low
  }

  /// The largest sampling rate within a budget, to 10^-6 of itself; 0 where none from 10^-9 on is.
  public func largestSamplingRate(
    noiseMultiplier z: Double, rounds: Int, targetEpsilon target: Double, delta: Double, sampling: Sampling.Name,
    relation: NeighboringRelation
  ) throws(PrivacyRefusal) -> Double {
    func isEnough(_ rate: Double) throws(PrivacyRefusal) -> Bool {
      let event = PrivacyEvent(
        noiseMultiplier: z, sampling: Sampling(name: sampling, rate: rate), relation: relation)
      return try self.isEnough(event, rounds: rounds, delta: delta, target: target)
    }
    if try isEnough(1) { return 1 }
    var (low, high) = (1e-9, 1.0)
    guard try isEnough(low) else { return 0 }
    while high / low > 1 + 1e-6 {
      let middle = (low * high).squareRoot()
      if try isEnough(middle) { low = middle } else { high = middle }
    }
    return low
  }
}

/// A search for the smallest noise multiplier at which epsilon is at most the target: the steps of `calibratedNoiseMultiplier`.
private struct NoiseSearch {
  let accountant: Accountant
  let target: Double
  let delta: Double
  let rounds: Int
  let sampling: Sampling
  let relation: NeighboringRelation

  private var range: ClosedRange<Double> { Accountant.noiseMultipliers }

  /// Two noise multipliers with quick upper bounds of their epsilons, `below` at `low` and `above` at `high`.
  struct Bracket {
    var low: Double
    var high: Double
    var below: Double
    var above: Double
  }

  /// A noise multiplier that is enough, and what it spends.
  typealias Sufficient = (noiseMultiplier: Double, spending: PrivacySpent)

  func spending(_ z: Double, _ precision: Accountant.Precision) throws(PrivacyRefusal) -> PrivacySpent {
    try accountant.spending(
      PrivacyEvent(noiseMultiplier: z, sampling: sampling, relation: relation), rounds: rounds, delta: delta,
      precision: precision)
  }

  /// Neighboring powers of two, of which `high` is enough at a quick look, and `low` is not unless it is the least that is looked at.
  func bracket() throws(PrivacyRefusal) -> Bracket {
    var high = 1.0
    var above = try spending(high, .coarse).epsilon
    while above > target {
      high *= 2
      if high > range.upperBound { throw .unproved("no noise multiplier up to 10^6 reaches epsilon \(target)") }
      above = try spending(high, .coarse).epsilon
    }
    var low = high / 2
    var below = try spending(low, .coarse).epsilon
    while below <= target && low > range.lowerBound {
      (high, above) = (low, below)
      low = max(low / 2, range.lowerBound)
      below = try spending(low, .coarse).epsilon
    }
    return Bracket(low: low, high: high, below: below, above: above)
  }

  /// Brings both ends together to a thousandth. ln epsilon is nearly linear in ln z. Epsilon may be 0 at the upper end, where there is
  /// nothing to interpolate.
  func narrow(_ bracket: inout Bracket) throws(PrivacyRefusal) {
    while bracket.high / bracket.low > 1 + 1e-3 {
      let (low, high, below, above) = (bracket.low, bracket.high, bracket.below, bracket.above)
      var z = (low * high).squareRoot()
      if above > 0, below.isFinite, high / low < 1.9 || above > target / 4 {
        let t = log(below / target) / log(below / above)
        // Not closer to an end than a tenth: otherwise one end may stay for ever.
        z = low * exp(log(high / low) * min(max(t, 0.1), 0.9))
      }
      let value = try spending(z, .coarse).epsilon
      if value <= target {
        (bracket.high, bracket.above) = (z, value)
      } else {
        (bracket.low, bracket.below) = (z, value)
      }
    }
  }

  /// By precise looks, with the slope of ln epsilon against ln z in the bracket: within about 10^-7 of the target.
  func sufficient(_ bracket: Bracket) throws(PrivacyRefusal) -> Sufficient {
    let (low, high, below, above) = (bracket.low, bracket.high, bracket.below, bracket.above)
    let slope = above > 0 && below > above ? min(max(log(below / above) / log(high / low), 0.05), 100) : 1
    var z = (low * high).squareRoot()
    var best: Sufficient?
    for _ in 0..<30 {
      let value = try spending(z, .fine)
      if value.epsilon <= target {
        if best == nil || z < (best?.noiseMultiplier ?? z) { best = (z, value) }
        if value.epsilon >= target * (1 - 2e-7 * slope) || z <= range.lowerBound { break }
      }
      // To the middle of what counts as close.
      let aim = target * (1 - 1e-7 * slope)
      let next = value.epsilon > 0 ? z * exp(log(value.epsilon / aim) / slope) : z * 0.9
      z = min(max(next, low / 2), high * 2)
      if let best, z >= best.noiseMultiplier { break }
    }
    guard let best else { throw .unproved("the search for a noise multiplier at epsilon \(target) did not end") }
    return best
  }

  /// Away from the answer in growing steps, to where the lower bound is above the target; then back to where it passes it. Nil where
  /// no such noise multiplier is found.
  func insufficient(below best: Sufficient) throws(PrivacyRefusal) -> Double? {
    guard best.spending.lowerBound != nil else { return nil }
    var insufficient: Double?
    var step = 1e-6
    var sufficient = best.noiseMultiplier
    while insufficient == nil {
      let candidate = max(best.noiseMultiplier * (1 - min(step, 0.9)), range.lowerBound)
      if try isInsufficient(candidate) {
        insufficient = candidate
      } else if candidate <= range.lowerBound || step > 0.9 {
        break
      } else {
        sufficient = candidate
        step *= 4
      }
    }
    while let found = insufficient,
      sufficient / found > 1 + 1e-4 || (sufficient == best.noiseMultiplier && sufficient / found > 1 + 4e-6)
    {
      let middle = (sufficient * found).squareRoot()
      if try isInsufficient(middle) { insufficient = middle } else { sufficient = middle }
    }
    return insufficient
  }

  private func isInsufficient(_ z: Double) throws(PrivacyRefusal) -> Bool {
    try spending(z, .fine).lowerBound.map { $0 > target } ?? false
  }
}
