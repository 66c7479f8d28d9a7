import Numerics

/// A law of positive integers K for the range coder: a probability for each half octave (1, 2, 3, 4-5, 6-7, 8-11, ...),
/// even inside it. Every K is codable.
///
/// (Cells that learn from a payload were tried: 1 % worse at a dozen blocks and no better at thousands.)
package struct IndexModel: Sendable {
  /// Where cell i starts, out of 2^32; the last entry is 2^32.
  private let starts: [UInt64]
  /// Expected code length in bits, if K has this law.
  package let expectedBits: Double

  /// From 2^33 on, indices are in the last cell, escaped.
  static let octaves = 33
  package static let cellCount = 2 * octaves
  private static let escape = cellCount
  /// More than any search: what a decoder refuses.
  private static let largest: UInt64 = 1 << 40

  /// The first index of a cell.
  package static func first(_ cell: Int) -> UInt64 {
    guard cell > 0 else { return 1 }
    let octave = (cell + 1) / 2
    return cell % 2 == 1 ? 1 << UInt64(octave) : 3 << UInt64(octave - 1)
  }

  private static func bits(_ cell: Int) -> Int { max((cell + 1) / 2 - 1, 0) }

  package static func cell(_ index: UInt64) -> Int {
    guard index > 1 else { return 0 }
    let octave = 63 - index.leadingZeroBitCount
    return min(2 * octave - 1 + Int((index >> UInt64(octave - 1)) & 1), escape)
  }

  /// - Parameter tails: Pr[K >= first(cell)] for each cell, from 1 downwards.
  package init(tails: [Double]) {
    var masses = (0..<Self.cellCount).map { cell in
      max(tails[cell] - (cell + 1 < tails.count ? tails[cell + 1] : 0), 0)
    }
    masses.append(0)
    let total = masses.reduce(0, +)
    // Every cell has a size, however unlikely.
    let floor: UInt64 = 8
    let scale = Double(1 << 32 - floor * UInt64(masses.count)) / total
    var starts: [UInt64] = [0]
    var expected = 0.0
    for (cell, mass) in masses.enumerated() {
      let size = UInt64(mass * scale) + floor
      starts.append(starts[cell] + size)
      if mass > 0 {
        expected += mass / total * (32 - Elementary.log(Double(size)) / Elementary.log(2) + Double(Self.bits(cell)))
      }
    }
    starts[masses.count] = 1 << 32
    self.starts = starts
    expectedBits = expected
  }

  /// The probabilities of the cells, without the escape's.
  var masses: [Double] { (0..<Self.cellCount).map { Double(starts[$0 + 1] - starts[$0]) * 0x1p-32 } }

  package func encode(_ index: UInt64, to coder: inout RangeEncoder) {
    let cell = Self.cell(index)
    coder.encode(start: starts[cell], size: starts[cell + 1] - starts[cell])
    if cell == Self.escape {
      coder.encodeGamma(index - Self.first(cell))
    } else {
      coder.encodeLong(index - Self.first(cell), count: Self.bits(cell))
    }
  }

  /// Nil for a code that no encoder writes.
  package func decode(from decoder: inout some SymbolDecoder) -> UInt64? {
    let target = decoder.target
    var (low, high) = (0, starts.count - 1)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= target { low = middle } else { high = middle }
    }
    decoder.consume(start: starts[low], size: starts[low + 1] - starts[low])
    guard low < Self.escape else {
      guard let beyond = decoder.gamma(), beyond < Self.largest else { return nil }
      return Self.first(low) + beyond
    }
    return Self.first(low) + decoder.longBits(count: Self.bits(low))
  }
}

extension RangeEncoder {
  /// `count` <= 63 bits of equal probability.
  mutating func encodeLong(_ bits: UInt64, count: Int) {
    var left = count
    while left > 0 {
      let part = min(left, 16)
      left -= part
      encode(bits: (bits >> UInt64(left)) & (1 << UInt64(part) - 1), count: part)
    }
  }

  /// True with `size` out of 2^32, 0 < size < 2^32.
  @inline(__always)
  package mutating func encode(_ flag: Bool, size: UInt64) {
    encode(start: flag ? 0 : size, size: flag ? size : 1 << 32 - size)
  }
}
