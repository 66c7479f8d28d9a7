/// How far a round of a simulation has come.
public struct RoundProgress: Sendable {
  public let round: Int
  /// Clients of the cohort that have trained and sent, or dropped out.
  public let done: Int
  public let drawn: Int
  /// Since the round began.
  public let elapsed: Duration

  /// What the rest of the cohort takes at the pace so far; nil before the first client is done.
  public var timeLeft: Duration? { done == 0 ? nil : elapsed * (Double(drawn - done) / Double(done)) }
}

/// Why a round was not made.
public enum SimulationError: Error, Equatable, CustomStringConvertible {
  /// The caller asked for it. Nothing of the round has happened: the next one that is made is it, with the same result.
  case abandoned(round: Int)

  public var description: String {
    switch self {
    case .abandoned(let round): "round \(round) was abandoned; it can be made again"
    }
  }
}
