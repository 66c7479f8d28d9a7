import Files
import Numerics

extension Chart {
  /// From values on an axis to places in the picture, with the ticks between.
  struct Scale {
    let low: Double
    let high: Double
    let isLog: Bool
    let from: Double
    let to: Double
    let ticks: [(value: Double, label: String)]

    init(_ values: [Double], _ axis: Axis, from: Double, to: Double) {
      isLog = axis.isLog
      (self.from, self.to) = (from, to)
      var low = values.min() ?? 0
      var high = values.max() ?? 1
      if isLog {
        if high / low < 1.5 { (low, high) = (low / 1.5, high * 1.5) }
        let first = Int((Elementary.log(low) / Elementary.log(10)).rounded(.down))
        let last = Int((Elementary.log(high) / Elementary.log(10)).rounded(.up))
        let steps = last - first > 6 ? [1.0] : last - first > 2 ? [1, 3] : [1, 2, 5]
        let all = (first...max(first, last)).flatMap { e in steps.map { $0 * Self.power(e) } }
        ticks = all.filter { $0 >= low * 0.999 && $0 <= high * 1.001 }.map { ($0, Chart.label($0)) }
      } else {
        let least = axis.isInteger ? 1.0 : 0
        if high - low <= 1e-9 * max(abs(low), abs(high)) {
          let half = max(least, max(abs(low), 1) * 1e-3, 0.5)
          (low, high) = (low - half, high + half)
        }
        let rough = (high - low) / 5
        let exponent = Int((Elementary.log(rough) / Elementary.log(10)).rounded(.down))
        let step = max(least, [1.0, 2, 5, 10].map { $0 * Self.power(exponent) }.first { $0 >= rough } ?? rough)
        low = (low / step).rounded(.down) * step
        high = (high / step).rounded(.up) * step
        let count = Int(((high - low) / step).rounded())
        let start = low
        // As many digits as tell one tick from the next.
        let digits = max(0, Int((-Elementary.log(step * 1.001) / Elementary.log(10)).rounded(.up)))
        ticks = (0...count).map { i in
          let value = start + Double(i) * step
          return (value, digits > 4 || abs(value) >= 1e7 ? Chart.label(value) : Text.fixed(value, digits))
        }
      }
      (self.low, self.high) = (low, high)
    }

    static func power(_ exponent: Int) -> Double { Double("1e\(exponent)") ?? 1 }

    func position(_ value: Double) -> Double {
      let t =
        isLog
        ? (Elementary.log(value) - Elementary.log(low)) / (Elementary.log(high) - Elementary.log(low))
        : (value - low) / (high - low)
      return from + (to - from) * t
    }
  }

  static func label(_ value: Double) -> String {
    if abs(value) >= 1e7 {
      // 2e8, not 200,000,000.
      let exponent = Int((Elementary.log(abs(value)) / Elementary.log(10) + 1e-9).rounded(.down))
      return trimmed(Text.fixed(value / Scale.power(exponent), 2)) + "e\(exponent)"
    }
    let text = Text.short(value)
    return text.contains("e") ? text : trimmed(text)
  }

  /// 1.50 as 1.5.
  private static func trimmed(_ text: String) -> String {
    guard text.contains(".") else { return text }
    return String(text.reversed().drop { $0 == "0" }.drop { $0 == "." }.reversed())
  }
}
