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
    /// What was asked of the accountant, the latest numbers of rounds: runs that share a column ask for much the same.
    var alone: [Int: PrivacySpent] = [:]
    var order: [Int] = []
    var computed = 0
    var segments: [RoundSegment] = []
  }

  /// So many numbers of rounds are remembered.
  private static let most = 4096

  /// How many numbers of rounds, and rows of segments, are held.
  var remembered: Int { known.withLock { $0.alone.count + $0.segments.reduce(0) { $0 + $1.upper.count } } }

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
    return try known.withLock { known throws(PrivacyRefusal) in
      guard let question, number > 1 else { return try alone(number, &known) }
      // Segment k has the numbers above 2^k, up to 2^(k + 1).
      let last = Int.bitWidth - 1 - (number - 1).leadingZeroBitCount
      var before = Self.bounds(try alone(1, &known))
      for k in 0...last {
        if k == known.segments.count {
          known.segments.append(try segment(after: 1 << k, question, before: before))
        }
        guard k < last else { break }
        before = known.segments[k].last
      }
      let bounds = known.segments[last].bounds(number, before: before)
      return PrivacySpent(epsilon: bounds.upper, lowerBound: bounds.lower)
    }
  }

  private static func bounds(_ spent: PrivacySpent) -> LossComposition.Bounds {
    .init(lower: spent.lowerBound ?? 0, upper: spent.epsilon)
  }

  private func segment(
    after start: Int, _ question: RoundSegment.Question, before: LossComposition.Bounds
  ) throws(PrivacyRefusal) -> RoundSegment {
    let end = min(2 * start, rounds - 1)
    var segment =
      if let composed = RoundSegment.composed(after: start, upTo: end, question, before: before) {
        composed
      } else {
        try RoundSegment.separate(after: start, upTo: end) { number throws(PrivacyRefusal) in
          Self.bounds(try compute(number))
        }
      }
    segment.rise(from: before, to: Self.bounds(planned))
    return segment
  }

  private func alone(_ number: Int, _ known: inout Known) throws(PrivacyRefusal) -> PrivacySpent {
    if let spent = known.alone[number] { return spent }
    let spent = try compute(number)
    if known.order.count < Self.most {
      known.order.append(number)
    } else {
      let place = known.computed % Self.most
      known.alone[known.order[place]] = nil
      known.order[place] = number
    }
    known.computed += 1
    known.alone[number] = spent
    return spent
  }

  /// What the accountant says of so many rounds on their own: about 10^-3 wide.
  private func compute(_ number: Int) throws(PrivacyRefusal) -> PrivacySpent {
    let spent = try accountant.spending(
      PrivacyLedger(event, rounds: number), delta: delta, truncation: truncation, precision: .coarse)
    // Fewer rounds never cost more.
    return PrivacySpent(
      epsilon: min(spent.epsilon, planned.epsilon),
      lowerBound: spent.lowerBound.map { min($0, planned.lowerBound ?? $0) })
  }
}
