/// Randomness that one client and the server share for one round, and nobody else knows.
///
/// It is addressed, not consumed: a decoder can read any word without reading those before it.
public struct SharedRandomness: Sendable {
  private let key: Key

  /// - Parameters:
  ///   - session: the uplink key that `KeyPair` agrees on.
  ///   - round: the round that the randomness is for.
  public init(session: SessionKey, round: Int) {
    key = session.key.derived(.shared, index: UInt64(round))
  }

  /// For two processes that were given the same 32 bytes.
  public init(key: Key) { self.key = key }

  /// The randomness of one part of a message that is coded as if it were a message of its own: independent of all others' and of the whole's.
  func part(_ index: Int) -> SharedRandomness { SharedRandomness(key: key.derived(.part, index: UInt64(index))) }

  /// The key of a rotation that is part of a message's code.
  var rotationKey: Key { key.derived(.rotation) }

  /// What a codec uses its words for: one key stream each, or one a block.
  public enum Purpose: UInt64, Sendable {
    case layers = 1
    case candidates = 2
    case heights = 3
    case escapes = 4
    case search = 5
    case dithers = 6
    case signs = 7
    /// Coordinates of a posterior about which nothing is sent.
    case silent = 8
  }

  private func stream(_ purpose: Purpose, block: Int) -> UInt64 { purpose.rawValue | UInt64(block) << 8 }

  /// 64-bit words for one use, of a block where there is one for each.
  public func words(_ purpose: Purpose, block: Int = 0) -> KeyStream {
    KeyStream(key: key, stream: stream(purpose, block: block))
  }

  /// Standard normals for one use, or uniform shares.
  public func normals(_ purpose: Purpose, block: Int = 0) -> NormalStream {
    NormalStream(key: key, stream: stream(purpose, block: block))
  }

  /// The noise of a zero update, of which nothing is sent: the first candidates.
  public func fillNoise(_ values: UnsafeMutableBufferPointer<Double>, scale: Double) {
    normals(.candidates).read(at: 0, into: values)
    for i in values.indices { values[i] *= scale }
  }
}
