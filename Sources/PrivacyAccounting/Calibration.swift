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
    func epsilon(_ z: Double, _ precision: Precision) throws(PrivacyRefusal) -> PrivacySpent {
      try spending(
        PrivacyEvent(noiseMultiplier: z, sampling: sampling, relation: relation), rounds: rounds, delta: delta,
        precision: precision)
    }
    let range = Self.noiseMultipliers
    var high = 1.0
    var above = try epsilon(high, .coarse).epsilon
    while above > target {
      high *= 2
      if high > range.upperBound { throw .unproved("no noise multiplier up to 10^6 reaches epsilon \(target)") }
      above = try epsilon(high, .coarse).epsilon
    }
    var low = high / 2
    var below = try epsilon(low, .coarse).epsilon
    while below <= target && low > range.lowerBound {
      (high, above) = (low, below)
      low = max(low / 2, range.lowerBound)
      below = try epsilon(low, .coarse).epsilon
    }
    if below <= target {
      return Calibration(noiseMultiplier: low, spending: try epsilon(low, .fine), insufficient: nil)
    }
    // ln epsilon is nearly linear in ln z. Epsilon may be 0 at the upper end, where there is nothing to interpolate.
    while high / low > 1 + 1e-3 {
      var z = (low * high).squareRoot()
      if above > 0, below.isFinite, high / low < 1.9 || above > target / 4 {
        let t = log(below / target) / log(below / above)
        // Not closer to an end than a tenth: otherwise one end may stay for ever.
        z = low * exp(log(high / low) * min(max(t, 0.1), 0.9))
      }
      let value = try epsilon(z, .coarse).epsilon
      if value <= target { (high, above) = (z, value) } else { (low, below) = (z, value) }
    }
    let slope = above > 0 && below > above ? min(max(log(below / above) / log(high / low), 0.05), 100) : 1
    var z = (low * high).squareRoot()
    var best: (z: Double, spending: PrivacySpent)?
    for _ in 0..<30 {
      let value = try epsilon(z, .fine)
      if value.epsilon <= target {
        if best == nil || z < (best?.z ?? z) { best = (z, value) }
        if value.epsilon >= target * (1 - 2e-7 * slope) || z <= range.lowerBound { break }
      }
      // To the middle of what counts as close.
      let aim = target * (1 - 1e-7 * slope)
      let next = value.epsilon > 0 ? z * exp(log(value.epsilon / aim) / slope) : z * 0.9
      z = min(max(next, low / 2), high * 2)
      if let best, z >= best.z { break }
    }
    guard let best else { throw .unproved("the search for a noise multiplier at epsilon \(target) did not end") }
    var insufficient: Double?
    if best.spending.lowerBound != nil {
      let isInsufficient = { (z: Double) throws(PrivacyRefusal) -> Bool in
        try epsilon(z, .fine).lowerBound.map { $0 > target } ?? false
      }
      // Away from the answer in growing steps; then back to where the lower bound passes the target.
      var step = 1e-6
      var sufficient = best.z
      while insufficient == nil {
        let candidate = max(best.z * (1 - min(step, 0.9)), range.lowerBound)
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
        sufficient / found > 1 + 1e-4 || (sufficient == best.z && sufficient / found > 1 + 4e-6)
      {
        let middle = (sufficient * found).squareRoot()
        if try isInsufficient(middle) { insufficient = middle } else { sufficient = middle }
      }
    }
    return Calibration(noiseMultiplier: best.z, spending: best.spending, insufficient: insufficient)
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
