import Platform

/// Bounds of delta as a function of epsilon, on a grid of epsilons from 0 on: how much the rounds of a ledger tell, at all epsilons at once.
///
/// delta is that of both orders of neighbors: sup over neighbors D, D' of H_(e^epsilon)(D || D'). In t = e^epsilon it is convex, does not rise, and
/// is at most 1: it is a supremum of such functions.
public struct PrivacyProfile: Sendable, Equatable {
  public struct Point: Sendable, Equatable {
    public let epsilon: Double
    /// The mechanism's delta is at most this.
    public let delta: Double
    /// Some neighbors have at least this; nil where the accountant has no lower bounds.
    public let lowerBound: Double?

    public init(epsilon: Double, delta: Double, lowerBound: Double?) {
      (self.epsilon, self.delta, self.lowerBound) = (epsilon, delta, lowerBound)
    }
  }

  /// By ascending epsilon, the first at 0; bounds do not rise.
  public let points: [Point]

  /// Makes both bounds fall, as the profile does: an upper bound at a smaller epsilon is one at a larger epsilon too, a lower bound the other
  /// way round.
  init(epsilons: [Double], upper: [Double], lower: [Double]?) {
    var (upper, lower) = (upper, lower)
    for k in upper.indices.dropFirst() { upper[k] = min(upper[k], upper[k - 1]) }
    if var rising = lower {
      for k in rising.indices.dropLast().reversed() { rising[k] = max(rising[k], rising[k + 1]) }
      lower = rising
    }
    points = epsilons.indices.map { k in
      Point(epsilon: epsilons[k], delta: min(max(upper[k], 0), 1), lowerBound: lower.map { max($0[k], 0) })
    }
  }
}

extension Accountant {
  /// Both bounds of delta over epsilon, down to where the upper one reaches `least` (or epsilon 600, where e^epsilon ends).
  ///
  /// With the privacy loss accountant, the rounds are composed for a few deltas, and each of these laws bounds delta at every epsilon: the best
  /// bounds are taken.
  ///
  /// - Parameters:
  ///   - least: the delta at which the curve ends.
  ///   - truncation: the part of delta that pays for cohorts that are cut, and for rounding.
  /// - Throws: `PrivacyRefusal` where there is no proof.
  public func profile(
    _ ledger: PrivacyLedger, least: Double, truncation: Double = 0
  ) throws(PrivacyRefusal) -> PrivacyProfile {
    guard truncation < least else {
      throw .unproved(
        "cohorts that are cut, and rounding, take a delta of \(truncation) alone: no curve goes down to \(least)")
    }
    let end = min(try spending(ledger, delta: least, truncation: truncation, precision: .coarse).epsilon, 600)
    let isGaussian = try ledger.pairs().dominating.allSatisfy { $0.pair.kind == .gaussian }
    let epsilons = Self.grid(upTo: end, isCheap: isGaussian)
    guard self == .pld else {
      var (upper, lower) = ([Double](), [Double]())
      for epsilon in epsilons {
        let bounds = try delta(ledger, epsilon: epsilon, truncation: truncation)
        upper.append(bounds.delta)
        if let bound = bounds.lowerBound { lower.append(bound) }
      }
      return PrivacyProfile(
        epsilons: epsilons, upper: upper, lower: lower.count == upper.count ? lower : nil)
    }
    let pairs = try ledger.pairs()
    let anchors = Self.anchors(downTo: least - truncation)
    let dominating = LossAccountant(pairs.dominating).profile(epsilons, anchors: anchors)
    let isAttained = pairs.dominating.map(\.pair) == pairs.attained.map(\.pair)
    let attained = isAttained ? dominating : LossAccountant(pairs.attained).profile(epsilons, anchors: anchors)
    let isForward = truncation > 0 && ledger.isForward
    let lower = epsilons.indices.map { k -> Double in
      let whole = attained.lower[k]
      guard truncation > 0 else { return whole }
      // Cut cohorts move both laws, but for a second law that is noise alone: `Accountant.spending` says why.
      let moved = whole - truncation * (1 + exp(epsilons[k]))
      return isForward ? max(moved, attained.lowerForward[k] - truncation) : moved
    }
    return PrivacyProfile(epsilons: epsilons, upper: dominating.upper.map { $0 + truncation }, lower: lower)
  }

  /// Deltas for which laws are tilted: close enough for one of them to be precise at every epsilon.
  private static func anchors(downTo least: Double) -> [Double] {
    var anchors = [0.3]
    while let last = anchors.last, last > least { anchors.append(last < 1e-3 ? last * 1e-2 : last * 0.1) }
    return anchors
  }

  /// Denser towards 0, where most of the mass is.
  private static func grid(upTo end: Double, isCheap: Bool) -> [Double] {
    guard end > 0 else { return [0] }
    let count = isCheap ? 1200 : 240
    return (0...count).map { k in
      let share = Double(k) / Double(count)
      return end * share * (0.3 + 0.7 * share)
    }
  }
}

extension PrivacyLedger {
  /// Whether the second law of all rounds is noise alone where all others send zero.
  var isForward: Bool {
    rounds.allSatisfy { part in
      guard case .event(let event) = part.entry else { return false }
      return event.isForward
    }
  }
}
