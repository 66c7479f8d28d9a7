import Numerics

/// |x| / C on a public grid of ratio 2^(1/4), and a class for the zero update. Only the rate depends on it.
///
/// A clipped update (class 0) costs 0.7 bits, one of half the bound 5.8, of a quarter 7.6, and no update 5.6: most updates are clipped or
/// little shorter.
struct NormClass: Equatable {
  let index: Int

  private static let zero = 63

  /// Of updates as long as the bound.
  static let clipped = NormClass(norm: 1, bound: 1)

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

  /// Where the classes' parts of 2^32 begin, and 2^32: 5/8 for class 0, 1 / (k (k + 1)) of 23/64 for class k, and what is left, 1/64 and
  /// a 63rd of 23/64, for that of zero.
  private static let starts: [UInt64] = {
    let whole: UInt64 = 1 << 32
    var starts = [0, whole / 8 * 5]
    let rest = whole / 64 * 23
    for k in 1..<UInt64(zero) { starts.append(starts[Int(k)] + rest / (k * (k + 1))) }
    return starts + [whole]
  }()

  /// What naming the class takes.
  var bits: Double { 32 - Elementary.log(Double(Self.starts[index + 1] - Self.starts[index])) / Elementary.ln2 }

  func encode(to coder: inout RangeEncoder) {
    coder.encode(start: Self.starts[index], size: Self.starts[index + 1] - Self.starts[index])
  }

  /// Any code names a class.
  init(from decoder: inout some SymbolDecoder) {
    var found = 0
    while found < Self.zero, decoder.isAtLeast(Self.starts[found + 1]) { found += 1 }
    index = found
    decoder.consume(start: Self.starts[found], size: Self.starts[found + 1] - Self.starts[found])
  }
}
