import Numerics

/// Range coder over 64 bits: probabilities are sizes out of 2^32, output is whole bytes.
///
/// State is an interval [low, low + range) of the message seen as a binary fraction. A symbol with `start` and
/// `size` out of 2^32 narrows it to (range >> 32) * size at low + (range >> 32) * start. The range is kept at
/// or above 2^56, so truncating it loses at most 2^-24 of a symbol's probability: below 10^-7 bits a symbol.
///
/// Only integers decide: every machine codes and decodes the same bytes.
public struct RangeEncoder: Sendable {
  private var low: UInt64 = 0
  private var range: UInt64 = .max
  private var bytes: [UInt8] = []

  public init(reservingBytes capacity: Int = 0) { bytes.reserveCapacity(capacity) }

  /// - Precondition: 0 < size, start + size <= 2^32.
  @inline(__always)
  public mutating func encode(start: UInt64, size: UInt64) {
    let unit = range >> 32
    let (sum, carry) = low.addingReportingOverflow(unit &* start)
    low = sum
    if carry { propagateCarry() }
    range = unit &* size
    while range < 1 << 56 {
      bytes.append(UInt8(truncatingIfNeeded: low >> 56))
      low <<= 8
      range <<= 8
    }
  }

  /// `count` <= 32 bits of equal probability.
  public mutating func encode(bits: UInt64, count: Int) {
    let shift = UInt64(32 - count)
    encode(start: bits << shift, size: 1 << shift)
  }

  /// An integer below 2^61 - 1 as Elias gamma: 2 floor(log2(value + 1)) + 1 bits.
  public mutating func encodeGamma(_ value: UInt64) {
    let shifted = value &+ 1
    let length = 63 - shifted.leadingZeroBitCount
    for _ in 0..<length { encode(bits: 1, count: 1) }
    encode(bits: 0, count: 1)
    for bit in stride(from: length - 1, through: 0, by: -1) { encode(bits: (shifted >> UInt64(bit)) & 1, count: 1) }
  }

  /// The model bits of the symbols so far: minus log2 of the probability that their models gave to them, in bits.
  ///
  /// After n bytes have left the state, the interval of the message has the width range / 2^(64 + 8 n), which is the product of
  /// the symbols' probabilities size / 2^32 but for the truncation of each: the model bits are exact for the intervals that
  /// were coded, and above the sum over probabilities by less than 10^-7 bits a symbol.
  ///
  /// `finish` gives fewer than 8 bits more than these, and fewer than these where the message's point ends with zeros, which it leaves
  /// out. A message that has the law of its models takes 4 - 1 / ln 2 = 2.56 bits more on average, where it is long.
  ///
  /// Reading them costs a logarithm, and symbols cost nothing. They have the same bits on every machine.
  public var modelBits: Double {
    let width = Double(range)
    let log2 = Double(width.exponent) + Elementary.log(width.significand) / Elementary.ln2
    return 8 * Double(bytes.count) + (64 - log2)
  }

  private mutating func propagateCarry() {
    // low + range never passes the interval that the bytes already name, so the carry stops before the start.
    var i = bytes.count - 1
    while bytes[i] == 0xFF {
      bytes[i] = 0
      i -= 1
    }
    bytes[i] += 1
  }

  /// The shortest bytes that name a point of the final interval, given that a decoder reads zeros past the end.
  public consuming func finish() -> [UInt8] {
    for count in 0...8 {
      let mask: UInt64 = count == 8 ? 0 : .max >> UInt64(8 * count)
      let (sum, carry) = low.addingReportingOverflow(mask)
      let point = sum & ~mask
      guard point &- low < range else { continue }
      if carry { propagateCarry() }
      for i in 0..<count { bytes.append(UInt8(truncatingIfNeeded: point >> UInt64(56 - 8 * i))) }
      break
    }
    while bytes.last == 0 { bytes.removeLast() }
    return bytes
  }
}

/// Reads what `RangeEncoder` wrote. Any bytes decode to something: nothing here traps on foreign input.
public struct RangeDecoder: SymbolDecoder {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var position: Int
  private var value: UInt64 = 0
  private var range: UInt64 = .max

  /// The bytes must outlive the decoder.
  public init(_ bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
    position = 0
    for _ in 0..<8 { value = value << 8 | nextByte() }
  }

  @inline(__always)
  private mutating func nextByte() -> UInt64 {
    defer { position &+= 1 }
    return position < bytes.count ? UInt64(bytes[position]) : 0
  }

  /// Whether the message ends where an encoder ends it. A longer one is not what the encoder wrote; one that was cut
  /// short cannot be told from another message.
  ///
  /// The decoder has read eight bytes and one for each shift; the encoder writes one for each shift and at most one
  /// more, and never a zero byte at the end.
  public var isAtEnd: Bool { bytes.count <= position - 7 && bytes.last != 0 }

  /// Whether the next symbol starts at or above `start`.
  @inline(__always)
  public func isAtLeast(_ start: UInt64) -> Bool { value >= (range >> 32) &* start }

  /// A point of the next symbol's interval, out of 2^32.
  @inline(__always)
  public var target: UInt64 { min(value / (range >> 32), (1 << 32) - 1) }

  /// Removes a symbol that was found by `target` or `isAtLeast`.
  @inline(__always)
  public mutating func consume(start: UInt64, size: UInt64) {
    let unit = range >> 32
    value = value &- unit &* start
    range = unit &* size
    while range < 1 << 56 {
      value = value << 8 | nextByte()
      range <<= 8
    }
  }
}
