import Synchronization

/// Which rounds of a caller's federation were opened, by whatever copy of it.
///
/// A federation is a value, and its copies share their keys: the same round of two copies has one cohort and one noise. Where other
/// updates were sent in it, the difference of the two models would be the difference of the sums. So a round is opened by one copy.
final class OpenedRounds: Sendable {
  private let last = Mutex(0)

  /// - Returns: false where the round, or a later one, was opened already.
  func open(_ round: Int) -> Bool {
    last.withLock { last in
      guard round > last else { return false }
      last = round
      return true
    }
  }
}
