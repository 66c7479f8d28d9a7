/// A side of a point of the line.
public enum TracedSide: String, Sendable { case left, right }

/// An interval that a search looks at: its ends by the mass of the proposal below them, and on the line.
public struct TracedInterval: Sendable, Equatable {
  /// Mass of the proposal below its lower and below its upper end.
  public let low: Double
  public let high: Double
  /// Its ends on the line; infinite where it has none.
  public let start: Double
  public let end: Double
  /// Mass of the proposal in it.
  public let mass: Double

  init(_ interval: LineInterval, _ proposal: LineProposal) {
    low = interval.left
    high = 1 - interval.right
    (start, end) = interval.ends(proposal)
    mass = interval.mass
  }
}

extension LinePoint {
  /// The point `x` of the line.
  public init(at x: Double, _ proposal: LineProposal) {
    self.init(left: proposal.mass(-.infinity, x), right: proposal.mass(x, .infinity), proposal)
  }
}
