/// Epsilon after some rounds, and how much is known of it from below.
public struct PrivacySpent: Sendable, Equatable {
  /// A proved upper bound; infinite where none is finite.
  public let epsilon: Double
  /// A proved lower bound of the mechanism's epsilon, for updates that exist; nil where the accountant has none.
  public let lowerBound: Double?
  /// A proved lower bound of the composed pairs' epsilon: what lies between it and `epsilon` is the computation's, what lies between
  /// it and `lowerBound` the theorem's. Nil where the accountant has none.
  public let pairLowerBound: Double?

  public init(epsilon: Double, lowerBound: Double?, pairLowerBound: Double? = nil) {
    self.epsilon = epsilon
    self.lowerBound = lowerBound
    self.pairLowerBound = pairLowerBound ?? lowerBound
  }
}
