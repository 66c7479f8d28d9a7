import Synchronization

/// Epsilon after each number of equal rounds up to a planned one, for whoever asks round by round.
///
/// Every answer is a function of what `init` is told and of the number of rounds alone: it does not depend on what was asked before, and any number of
/// threads may ask. With the privacy loss accountant one composition serves all numbers from one power of two to the next one, and memory grows with the
/// logarithm of the number of rounds.
public final class SpendingColumn: Sendable {
  private let accountant: Accountant
  private let event: PrivacyEvent
  private let delta: Double
  private let truncation: Double
  private let rounds: Int
  private let planned: PrivacySpent
  /// Nil where every number of rounds is asked of the accountant.
  private let question: RoundSegment.Question?
  private let known = Mutex<Known>(Known())

  private struct Known {
    /// Of one round.
    var first: PrivacySpent?
    /// Nil where the grid does not bring both bounds together.
    var segments: [RoundSegment?] = []
  }

  /// - Parameters:
  ///   - rounds: the planned number.
  ///   - planned: what they spend: no smaller number is said to spend more.
  ///   - truncation: the part of delta that pays for cohorts that are cut, and for rounding.
  public init(
    _ accountant: Accountant, _ event: PrivacyEvent, rounds: Int, planned: PrivacySpent, delta: Double,
    truncation: Double
  ) {
    (self.accountant, self.event, self.rounds, self.planned) = (accountant, event, rounds, planned)
    (self.delta, self.truncation) = (delta, truncation)
    question = accountant == .pld ? Self.question(event, delta: delta, truncation: truncation) : nil
  }

  private static func question(
    _ event: PrivacyEvent, delta: Double, truncation: Double
  ) -> RoundSegment.Question? {
    // Rounds without sampling have a closed form.
    guard let pairs = try? event.pairs(), pairs.dominating.kind != .gaussian, truncation < delta else { return nil }
    // Cut cohorts move both laws, but for a second law that is noise alone: `Accountant.spending` says why.
    let isForward = truncation > 0 && event.isForward
    let below = RunningComposition.Target(constant: delta + truncation, slope: isForward ? 0 : truncation)
    guard below.constant < 1 else { return nil }
    return .init(
      dominating: pairs.dominating, attained: pairs.attained, above: delta - truncation, below: below,
      isForward: isForward)
  }

  /// Of the first rounds, at least one.
  ///
  /// - Throws: `PrivacyRefusal` where there is no proof.
  public func spending(rounds number: Int) throws(PrivacyRefusal) -> PrivacySpent {
    if number >= rounds { return planned }
    guard let question else { return try alone(number) }
    return try known.withLock { known throws(PrivacyRefusal) in
      if known.first == nil { known.first = try alone(1) }
      guard let first = known.first else { return try alone(1) }
      guard number > 1 else { return first }
      // Segment k has the numbers above 2^k, up to 2^(k + 1).
      let last = Int.bitWidth - 1 - (number - 1).leadingZeroBitCount
      let most = LossComposition.Bounds(lower: planned.lowerBound ?? 0, upper: planned.epsilon)
      var before = LossComposition.Bounds(lower: first.lowerBound ?? 0, upper: first.epsilon)
      for k in 0..<last {
        Self.extend(&known.segments, to: k, upTo: rounds - 1, question, from: before, to: most)
        before = known.segments[k]?.last ?? before
      }
      Self.extend(&known.segments, to: last, upTo: rounds - 1, question, from: before, to: most)
      guard let segment = known.segments[last] else { return try alone(number) }
      let bounds = segment.bounds(number, before: before)
      return PrivacySpent(epsilon: bounds.upper, lowerBound: bounds.lower)
    }
  }

  private static func extend(
    _ segments: inout [RoundSegment?], to k: Int, upTo end: Int, _ question: RoundSegment.Question,
    from before: LossComposition.Bounds, to most: LossComposition.Bounds
  ) {
    guard k == segments.count else { return }
    var segment = RoundSegment(after: 1 << k, upTo: min(2 << k, end), question, before: before)
    segment?.rise(from: before, to: most)
    segments.append(segment)
  }

  /// What the accountant says of so many rounds on their own: about 10^-3 wide.
  private func alone(_ number: Int) throws(PrivacyRefusal) -> PrivacySpent {
    let spent = try accountant.spending(
      PrivacyLedger(event, rounds: number), delta: delta, truncation: truncation, precision: .coarse)
    // Fewer rounds never cost more.
    return PrivacySpent(
      epsilon: min(spent.epsilon, planned.epsilon),
      lowerBound: spent.lowerBound)
  }
}
