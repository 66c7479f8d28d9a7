/// Randomness that one party alone knows: a client's noise, the server's completion.
///
/// It cannot be copied, so no noise is used twice by accident.
public struct PrivateRandomness: ~Copyable, Sendable {
  /// The values, in the order in which they are drawn.
  public var stream: RandomStream

  public init(key: Key) { stream = RandomStream(key: key) }
}
