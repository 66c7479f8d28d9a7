import Files
import Numerics

/// An axis of a frame: from values to places in the picture, with its ticks.
struct TraceAxis {
  let name: String
  let low: Double
  let high: Double
  let isLog: Bool
  let ticks: [(value: Double, label: String)]

  /// An axis with even steps; its ends are kept as they are.
  init(_ name: String, from low: Double, to high: Double) {
    (self.name, self.low, self.high, isLog) = (name, low, high, false)
    let step = Self.step((high - low) / 5)
    var ticks: [(value: Double, label: String)] = []
    let first = Int((low / step).rounded(.up))
    let digits = step < 1 ? Int((-Elementary.log(step * 1.001) / Elementary.log(10)).rounded(.up)) : 0
    for i in first...max(first, Int((high / step * (1 + 1e-12)).rounded(.down))) {
      ticks.append((Double(i) * step, TraceDrawing.plain(Text.fixed(Double(i) * step, digits))))
    }
    self.ticks = ticks
  }

  /// An axis with even factors; `low` and `high` are positive.
  init(_ name: String, log low: Double, to high: Double) {
    (self.name, self.low, self.high, isLog) = (name, low, high, true)
    let (first, last) = (Self.exponent(low, .up), Self.exponent(high, .down))
    let every = max(1, (last - first + 4) / 5)
    let exponents = first <= last ? Array(stride(from: first, through: last, by: every)) : []
    ticks = exponents.map { (Self.power($0), (-2...3).contains($0) ? Text.shown(Self.power($0)) : "1e\($0)") }
  }

  /// The largest of 1, 2, 5, 10 times a power of ten that is not much smaller than `rough`.
  private static func step(_ rough: Double) -> Double {
    let power = power(exponent(rough, .down))
    return [1.0, 2, 5].map { $0 * power }.first { $0 >= rough * 0.999 } ?? 10 * power
  }

  private static func exponent(_ value: Double, _ rule: FloatingPointRoundingRule) -> Int {
    let exact = Elementary.log(value) / Elementary.log(10)
    return Int((exact + (rule == .up ? -1e-9 : 1e-9)).rounded(rule))
  }

  private static func power(_ exponent: Int) -> Double { Double("1e\(exponent)") ?? 1 }

  /// Where a value is between both ends: 0 to 1, cut to that.
  func share(_ value: Double) -> Double {
    let share =
      isLog
      ? (Elementary.log(max(value, low)) - Elementary.log(low)) / (Elementary.log(high) - Elementary.log(low))
      : (value - low) / (high - low)
    return min(max(share, 0), 1)
  }

  /// The value at a share of the axis.
  func value(_ share: Double) -> Double {
    isLog
      ? Elementary.exp(Elementary.log(low) + share * (Elementary.log(high) - Elementary.log(low)))
      : low + share * (high - low)
  }

  func contains(_ value: Double) -> Bool { value >= low && value <= high }
}
