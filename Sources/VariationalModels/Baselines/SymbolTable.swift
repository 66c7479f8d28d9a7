import ChannelCoding
import Numerics

/// The law of one quantized coefficient, learned from those of the training pictures: a probability for each whole number.
///
/// Numbers from -reach to reach have symbols of their own, reach the largest that was seen and one more; one further symbol is an escape,
/// after which the distance beyond and the sign follow as an Elias gamma code and a bit. The count of a symbol is what was seen, and
/// `strength` observations more that are shared out by a two-sided geometric law of the mean magnitude that was seen: every symbol has a
/// chance, and few pictures do not make a rare symbol as dear as one that is never there.
struct SymbolTable: Sendable {
  /// Observations that the geometric law counts for.
  static let strength = 4.0

  private let reach: Int
  /// Where each symbol starts, out of 2^32: -reach ... reach, the escape, 2^32.
  private let starts: [UInt64]

  init(learningFrom seen: [Int]) {
    reach = Int(min(seen.map(\.magnitude).max() ?? 0, 1 << 15)) + 1
    var counts = [Double](repeating: 0, count: 2 * reach + 2)
    for value in seen { counts[value.magnitude <= reach ? value + reach : 2 * reach + 1] += 1 }
    // E|k| = 2 t / (1 - t^2) for the law (1 - t) / (1 + t) t^|k|; half an observation of 1 keeps t above 0.
    let magnitude = (seen.reduce(0.5) { $0 + Double($1.magnitude) }) / Double(seen.count + 1)
    let t = ((1 + magnitude * magnitude).squareRoot() - 1) / magnitude
    var power = 1.0
    for k in 0...reach {
      let mass = Self.strength * (1 - t) / (1 + t) * power
      counts[reach + k] += mass
      if k > 0 { counts[reach - k] += mass }
      power *= t
    }
    counts[2 * reach + 1] += Self.strength * 2 * power / (1 + t)
    let total = counts.reduce(0, +)
    let floor: UInt64 = 16
    let scale = Double(1 << 32 - floor * UInt64(counts.count)) / total
    var starts: [UInt64] = [0]
    for count in counts { starts.append(starts[starts.count - 1] + UInt64(count * scale) + floor) }
    // What rounding leaves goes to 0, which is common, or to the symbols after it.
    let rest = (1 << 32) - starts[counts.count]
    for i in (reach + 1)..<starts.count { starts[i] += rest }
    self.starts = starts
  }

  func encode(_ value: Int, to coder: inout RangeEncoder) {
    let isKnown = value.magnitude <= reach
    let symbol = isKnown ? value + reach : 2 * reach + 1
    coder.encode(start: starts[symbol], size: starts[symbol + 1] - starts[symbol])
    guard !isKnown else { return }
    coder.encode(bits: value < 0 ? 1 : 0, count: 1)
    coder.encodeGamma(UInt64(value.magnitude) - UInt64(reach) - 1)
  }

  /// Nil for what no encoder writes.
  func decode(from decoder: inout some SymbolDecoder) -> Int? {
    let target = decoder.target
    var (low, high) = (0, starts.count - 1)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= target { low = middle } else { high = middle }
    }
    decoder.consume(start: starts[low], size: starts[low + 1] - starts[low])
    guard low == 2 * reach + 1 else { return low - reach }
    let isNegative = decoder.bits(count: 1) == 1
    guard let beyond = decoder.gamma(), beyond < 1 << 40 else { return nil }
    let magnitude = Int(beyond) + reach + 1
    return isNegative ? -magnitude : magnitude
  }
}
