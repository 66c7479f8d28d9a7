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
  func decode(_ cumulative: NormalTable.Cumulative, from decoder: inout RangeDecoder) -> Int? {
    let zero = start(0, cumulative)
    let one = start(1, cumulative)
    if decoder.isAtLeast(zero), !decoder.isAtLeast(one) {
      decoder.consume(start: zero, size: one - zero)
      return 0
    }
    return decodeOther(cumulative, from: &decoder)
  }

  @inline(never)
  private func decodeOther(_ cumulative: NormalTable.Cumulative, from decoder: inout RangeDecoder) -> Int? {
    let target = decoder.target
    let first = start(-last, cumulative)
    let end = start(last + 1, cumulative)
    if target < first {
      decoder.consume(start: 0, size: first)
      return decoder.gamma().map { -last - 1 - Int($0) }
    }
    if target >= end {
      decoder.consume(start: end, size: 1 << 32 - end)
      return decoder.gamma().map { last + 1 + Int($0) }
    }
    // start(low) <= target < start(high); gallop away from 0, then halve.
    var low = -last
    var high = last + 1
    var reach = 1
    if target >= start(0, cumulative) {
      low = 0
      while low + reach < high, start(low + reach, cumulative) <= target {
        low += reach
        reach *= 2
      }
      high = min(high, low + reach)
    } else {
      high = 0
      while high - reach > low, start(high - reach, cumulative) > target {
        high -= reach
        reach *= 2
      }
      low = max(low, high - reach)
    }
    while high - low > 1 {
      let middle = (low + high) / 2
      if start(middle, cumulative) <= target { low = middle } else { high = middle }
    }
    let begin = start(low, cumulative)
    decoder.consume(start: begin, size: start(low + 1, cumulative) - begin)
    return low
  }
}
