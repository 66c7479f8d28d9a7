/// |x| / C on a public grid of ratio 2^(1/4), and a class for the zero update. Only the rate depends on it.
///
/// A clipped update (class 0) costs one bit, any other class 7.
struct NormClass: Equatable {
  let index: Int

  private static let zero = 63

  /// What naming a class takes; the first takes 1.
  static let bitsOfOthers = 7.0

  /// Nil for a number that no class has.
  init?(index: Int) {
    guard (0...Self.zero).contains(index) else { return nil }
    self.index = index
  }
  private static let ratios: [Double] = {
    let quarter = 0.5.squareRoot().squareRoot()
    var ratios = [1.0]
    while ratios.count < zero {
      ratios.append(ratios.count % 4 == 0 ? ratios[ratios.count - 4] / 2 : ratios[ratios.count - 1] * quarter)
    }
    return ratios
  }()

  init(norm: Double, bound: Double) {
    guard norm > 0 else {
      index = Self.zero
      return
    }
    // The class whose ratio is nearest on the logarithmic scale; the last takes everything below.
    var candidate = 0
    while candidate + 1 < Self.zero {
      let middle = (Self.ratios[candidate] * Self.ratios[candidate + 1]).squareRoot()
      if norm >= middle * bound { break }
      candidate += 1
    }
    index = candidate
  }

  var isZero: Bool { index == Self.zero }
  var scale: Double { isZero ? 0 : Self.ratios[index] }

  private static let otherSize: UInt64 = (1 << 31) / UInt64(zero)

  func encode(to coder: inout RangeEncoder) {
    if index == 0 {
      coder.encode(start: 0, size: 1 << 31)
    } else {
      coder.encode(start: 1 << 31 + UInt64(index - 1) * Self.otherSize, size: Self.otherSize)
    }
  }

  /// Nil for a code that no encoder writes.
  init?(from decoder: inout some SymbolDecoder) {
    let target = decoder.target
    if target < 1 << 31 {
      index = 0
      decoder.consume(start: 0, size: 1 << 31)
    } else {
      let found = (target - 1 << 31) / Self.otherSize
      guard found < UInt64(Self.zero) else { return nil }
      index = Int(found) + 1
      decoder.consume(start: 1 << 31 + found * Self.otherSize, size: Self.otherSize)
    }
  }
}
