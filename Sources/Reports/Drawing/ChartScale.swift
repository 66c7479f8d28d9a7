import Files
import Numerics

extension Chart {
  /// From numbers on an axis to places in the picture, with the ticks between.
  struct Scale {
    /// The ends of the data; the axis goes on beyond them.
    let low: Double
    let high: Double
    let isLog: Bool
    let isInteger: Bool
    /// Where the data's ends are drawn.
    let from: Double
    let to: Double
    private(set) var ticks: [(value: Double, label: String)] = []

    /// - Parameters:
    ///   - values: all that has to have a place.
    ///   - from, to: the ends of the axis.
    ///   - margin: between an end and what is next to it, so that no dot stands on the frame.
    init(_ values: [Double], _ axis: Axis, from: Double, to: Double, margin: Double) {
      (isLog, isInteger) = (axis.isLog, axis.isInteger)
      let inset = from < to ? margin : -margin
      (self.from, self.to) = (from + inset, to - inset)
      // A chart of nothing has axes all the same.
      var low = values.min() ?? (isLog ? 1 : 0)
      var high = values.max() ?? (isLog ? 10 : 1)
      if isLog {
        if high / low < 1.5 { (low, high) = (low / 1.5, high * 1.5) }
      } else if high - low <= 1e-9 * max(abs(low), abs(high)) {
        let half = max(isInteger ? 1 : 0, low == 0 ? 0.5 : 0.05 * abs(low))
        (low, high) = (low - half, high + half)
      }
      (self.low, self.high) = (low, high)
      // Ticks may stand in the margin too.
      let ends = [value(at: from), value(at: to)]
      let values =
        isLog ? Self.decades(ends[0], ends[1]) : Self.steps(low, high, ends[0], ends[1], isInteger: isInteger)
      ticks = Self.labelled(values)
    }

    static func power(_ exponent: Int) -> Double { Double("1e\(exponent)") ?? 1 }

    private static func exponent(_ value: Double) -> Int {
      Int((Elementary.log(value) / Elementary.log(10) + 1e-9).rounded(.down))
    }

    func position(_ value: Double) -> Double {
      let t =
        isLog
        ? (Elementary.log(value) - Elementary.log(low)) / (Elementary.log(high) - Elementary.log(low))
        : (value - low) / (high - low)
      return from + (to - from) * t
    }

    private func value(at place: Double) -> Double {
      let t = (place - from) / (to - from)
      guard isLog else { return low + (high - low) * t }
      return Elementary.exp(Elementary.log(low) + (Elementary.log(high) - Elementary.log(low)) * t)
    }

    /// Multiples of 1, 2 or 5 times a power of ten: at least two of them.
    private static func steps(
      _ low: Double, _ high: Double, _ first: Double, _ last: Double, isInteger: Bool
    ) -> [Double] {
      let rough = (high - low) / 6
      let power = power(exponent(rough))
      let round = [1.0, 2, 5, 10].map { $0 * power }.first { $0 >= rough * 0.999 }
      let step = max(isInteger ? 1 : 0, round ?? rough)
      let (start, end) = ((first / step).rounded(.up), (last / step).rounded(.down))
      guard start <= end, end - start < 100 else { return [] }
      // A product, not a sum: 0.3 and not 0.30000000000000004 where the step is a tenth.
      return (0...Int(end - start)).map { i in
        let k = start + Double(i)
        return step < 1 ? k / (1 / step).rounded() : k * step
      }
    }

    /// Powers of ten; those and their multiples where few of them are in sight.
    private static func decades(_ first: Double, _ last: Double) -> [Double] {
      let (low, high) = (exponent(first), exponent(last))
      let among = { (steps: [Double], every: Int) -> [Double] in
        let exponents = (low...max(low, high)).filter { $0 % every == 0 }
        let all = exponents.flatMap { e -> [Double] in steps.map { $0 * power(e) } }
        return all.filter { $0 >= first * 0.999999 && $0 <= last * 1.000001 }
      }
      let every = max(1, (high - low + 6) / 7)
      for steps in [[1.0], [1, 3], [1, 2, 5]] {
        let found = among(steps, every)
        if found.count >= 3 || every > 1 { return found }
      }
      let found = among([1, 2, 5], 1)
      return found.count == 2 && last / first > 4
        ? found : Self.steps(first, last, first, last, isInteger: false).filter { $0 > 0 }
    }

    /// With labels that differ from tick to tick.
    private static func labelled(_ values: [Double]) -> [(value: Double, label: String)] {
      let labels = values.map(Chart.tick)
      if Set(labels).count == labels.count { return Array(zip(values, labels)) }
      let step = values.count > 1 ? abs(values[1] - values[0]) : 1
      let digits = min(max(0, -exponent(step)), 12)
      return values.map { ($0, Text.fixed($0, digits)) }
    }
  }

  /// About three digits, for people.
  static func label(_ value: Double) -> String {
    guard value.isFinite else { return "\(value)" }
    if abs(value) >= 1e7 {
      // 2e8, not 200,000,000.
      let exponent = Int((Elementary.log(abs(value)) / Elementary.log(10) + 1e-9).rounded(.down))
      return trimmed(Text.fixed(value / Scale.power(exponent), 2)) + "e\(exponent)"
    }
    let text = Text.short(value)
    return text.contains("e") ? text : trimmed(text)
  }

  /// A number at its tick: as it is where it has few digits.
  static func tick(_ value: Double) -> String {
    guard abs(value) < 1e7, abs(value) >= 1e-4 || value == 0 else { return label(value) }
    guard value != value.rounded() else { return Text.fixed(value, 0) }
    let exact = Text.shown(value)
    return exact.drop { !("1"..."9").contains($0) }.count { $0 != "." } <= 3 ? exact : label(value)
  }

  /// 1.50 as 1.5.
  private static func trimmed(_ text: String) -> String {
    guard text.contains(".") else { return text }
    return String(text.reversed().drop { $0 == "0" }.drop { $0 == "." }.reversed())
  }
}
