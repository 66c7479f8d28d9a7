/// The law of one coordinate's integer M given its step and dither, as sizes out of 2^32.
///
/// `step` is in units of the model's standard deviation. Integers -K ... K have at least two units each (so that every
/// one is codable, whatever rounding does); what lies beyond is an escape and an Elias gamma code.
struct LayerModel {
  private let step: Double
  private let dither: Double
  private let last: Int
  private let scale: Double

  private static let largest = 1 << 20

  @inline(__always)
  init(step: Double, dither: Double) {
    self.step = step
    self.dither = dither
    // K steps reach 8 standard deviations.
    last = step >= 8 ? 1 : (step * Double(Self.largest) > 8 ? Int(8 / step) + 1 : Self.largest)
    scale = Double((1 << 32) - 2 * (2 * last + 3))
  }

  /// Where integer `index` starts; -K - 1 and K + 1 are the escapes.
  @inline(__always)
  private func start(_ index: Int, _ cumulative: NormalTable.Cumulative) -> UInt64 {
    UInt64(cumulative((Double(index) - dither - 0.5) * step) * scale) &+ UInt64(2 * (index + last + 1))
  }

  @inline(__always)
  func encode(_ index: Int, _ cumulative: NormalTable.Cumulative, to coder: inout RangeEncoder) {
    if index.magnitude <= last.magnitude {
      let low = start(index, cumulative)
      coder.encode(start: low, size: start(index + 1, cumulative) - low)
    } else {
      encodeEscape(index, cumulative, to: &coder)
    }
  }

  @inline(never)
  private func encodeEscape(_ index: Int, _ cumulative: NormalTable.Cumulative, to coder: inout RangeEncoder) {
    if index < 0 {
      coder.encode(start: 0, size: start(-last, cumulative))
    } else {
      let low = start(last + 1, cumulative)
      coder.encode(start: low, size: 1 << 32 - low)
    }
    coder.encodeGamma(UInt64(index.magnitude) - UInt64(last) - 1)
  }

  @inline(__always)
  func decode(_ cumulative: NormalTable.Cumulative, from decoder: inout some SymbolDecoder) -> Int? {
    let zero = start(0, cumulative)
    let one = start(1, cumulative)
    if decoder.isAtLeast(zero), !decoder.isAtLeast(one) {
      decoder.consume(start: zero, size: one - zero)
      return 0
    }
    return decodeOther(cumulative, from: &decoder)
  }

  @inline(never)
  private func decodeOther(_ cumulative: NormalTable.Cumulative, from decoder: inout some SymbolDecoder) -> Int? {
    let target = decoder.target
    // Where the symbol before an index ends: the escapes fill what is left on both sides.
    let edge = { (index: Int) -> UInt64 in
      index < -last ? 0 : (index > last + 1 ? 1 << 32 : start(index, cumulative))
    }
    // A guess saves steps and decides nothing: edge(low) <= target < edge(high) does.
    let guess = cumulative.roughQuantile(Double(target) * 0x1p-32) / step + dither
    var low = Int(min(max(guess, Double(-last - 1)), Double(last + 1)))
    var lowEdge = edge(low)
    var high = low
    var highEdge = lowEdge
    var reach = 1
    if lowEdge <= target {
      while highEdge <= target {
        (low, lowEdge) = (high, highEdge)
        high = min(low + reach, last + 2)
        highEdge = edge(high)
        reach *= 2
      }
    } else {
      while lowEdge > target {
        (high, highEdge) = (low, lowEdge)
        low = max(high - reach, -last - 1)
        lowEdge = edge(low)
        reach *= 2
      }
    }
    while high - low > 1 {
      let middle = (low + high) / 2
      let middleEdge = edge(middle)
      if middleEdge <= target { (low, lowEdge) = (middle, middleEdge) } else { (high, highEdge) = (middle, middleEdge) }
    }
    decoder.consume(start: lowEdge, size: highEdge - lowEdge)
    if low < -last { return decoder.gamma().map { -last - 1 - Int($0) } }
    if low > last { return decoder.gamma().map { last + 1 + Int($0) } }
    return low
  }
}
