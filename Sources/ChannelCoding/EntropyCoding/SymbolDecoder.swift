/// Where a decoder's symbols come from: bytes (`RangeDecoder`), or the choices of someone who writes hostile ones
/// (`HostileDecoder`).
///
/// Before each symbol the decoder asks where the next point lies in [0, 2^32), and then removes the symbol whose interval holds
/// it.
public protocol SymbolDecoder {
  /// Whether the next symbol starts at or above `start`.
  func isAtLeast(_ start: UInt64) -> Bool

  /// A point of the next symbol's interval, out of 2^32.
  var target: UInt64 { get }

  /// Removes a symbol that was found by `target` or `isAtLeast`.
  mutating func consume(start: UInt64, size: UInt64)
}

extension SymbolDecoder {
  /// `count` <= 32 bits of equal probability.
  @inline(__always)
  public mutating func bits(count: Int) -> UInt64 {
    let shift = UInt64(32 - count)
    let bits = target >> shift
    consume(start: bits << shift, size: 1 << shift)
    return bits
  }

  /// `count` <= 63 bits of equal probability.
  public mutating func longBits(count: Int) -> UInt64 {
    var value: UInt64 = 0
    var left = count
    while left > 0 {
      let part = min(left, 16)
      left -= part
      value = value << UInt64(part) | bits(count: part)
    }
    return value
  }

  /// True with `size` out of 2^32.
  @inline(__always)
  public mutating func flag(size: UInt64) -> Bool {
    if isAtLeast(size) {
      consume(start: size, size: 1 << 32 - size)
      return false
    }
    consume(start: 0, size: size)
    return true
  }

  /// An integer as Elias gamma: nil where its length is one that no encoder writes. Values are below 2^61: adding any alphabet's
  /// size to one does not overflow.
  public mutating func gamma() -> UInt64? {
    var length = 0
    while bits(count: 1) == 1 {
      length += 1
      if length > 60 { return nil }
    }
    var shifted: UInt64 = 1
    for _ in 0..<length { shifted = shifted << 1 | bits(count: 1) }
    return shifted - 1
  }
}
