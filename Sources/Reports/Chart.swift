import Files
import Numerics

/// A line chart as SVG: units on axes, values on hover, text that scales, colours that hold on light and dark ground.
///
/// Drawn for a column of about 450 pixels, two of which fit a wide page and one a phone: its text is readable in both.
public struct Chart: Sendable {
  public struct Point: Sendable, Equatable {
    public let x: Double
    public let y: Double
    /// Standard error of y; nil without repeats.
    public let error: Double?
    /// What lies about y: quantiles, or the least and the most. Nil where it is y alone.
    public let range: ClosedRange<Double>?

    public init(x: Double, y: Double, error: Double? = nil, range: ClosedRange<Double>? = nil) {
      (self.x, self.y, self.error, self.range) = (x, y, error, range)
    }

    /// From where to where its bar is drawn.
    var bar: ClosedRange<Double>? { range ?? error.map { (y - $0)...(y + $0) } }
  }

  public struct Series: Sendable {
    public let name: String
    public let points: [Point]
    /// Drawn without dots, dashed: a bound or a reference.
    public let isReference: Bool

    public init(_ name: String, _ points: [Point], isReference: Bool = false) {
      (self.name, self.points, self.isReference) = (name, points, isReference)
    }
  }

  public struct Axis: Sendable {
    public let label: String
    public let isLog: Bool
    /// Whether it counts: no fractions at its ticks.
    public let isInteger: Bool

    public init(_ label: String, isLog: Bool = false, isInteger: Bool = false) {
      (self.label, self.isLog, self.isInteger) = (label, isLog, isInteger)
    }
  }

  /// Names the file: letters and hyphens.
  public let name: String
  public let title: String
  /// What bars and lines are, in words: under the chart.
  public let note: String
  public let x: Axis
  public let y: Axis
  public let series: [Series]

  /// More lines than this nobody tells apart.
  static let mostLines = 8

  public init(name: String, title: String, note: String = "", x: Axis, y: Axis, series: [Series]) {
    (self.name, self.title, self.note, self.x, self.y) = (name, title, note, x, y)
    // A logarithm has no place for 0.
    self.series = series.map { line in
      Series(
        line.name,
        line.points.filter { $0.x.isFinite && $0.y.isFinite && (!x.isLog || $0.x > 0) && (!y.isLog || $0.y > 0) }
          // Nor has a picture one for numbers that no run has.
          .filter { abs($0.x) < 1e150 && abs($0.y) < 1e150 }.sorted { $0.x < $1.x },
        isReference: line.isReference)
    }.filter { !$0.points.isEmpty }
  }

  /// Mid tones, told apart by people who see colours differently too (Okabe & Ito); dashes repeat the difference.
  private static let colours = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#7a7a7a", "#9467bd",
  ]
  private static let dashes = ["", "7 3", "2 3", "9 3 2 3", "12 3", "5 2", "1 3", "3 3"]

  private static let (width, plotHeight) = (480.0, 262.0)
  private static let (leastLeft, right, bottom) = (72.0, 16.0, 56.0)
  private static let fontSize = 13.0

  /// Wider than text of any common sans-serif: an SVG cannot measure.
  private static func width(of text: String) -> Double { 0.65 * fontSize * Double(text.count) }

  private struct Scale {
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

  static func escaped(_ text: String) -> String {
    var out = ""
    for character in text {
      switch character {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      default:
        // Control characters are not allowed in XML at all.
        let isControl = character.unicodeScalars.contains {
          ($0.value < 0x20 && $0 != "\n" && $0 != "\t") || $0.value == 0xFFFE || $0.value == 0xFFFF
        }
        out += isControl ? "?" : String(character)
      }
    }
    return out
  }

  /// What fits the width.
  private static func short(_ name: String) -> String { name.count <= 40 ? name : name.prefix(39) + "…" }

  /// For whoever does not see the chart.
  private var summary: String {
    let ends = { (line: Series) -> String in
      guard let first = line.points.first, let last = line.points.last else { return "" }
      let show = { (p: Point) in "\(Self.label(p.y)) at \(Self.label(p.x))" }
      return line.points.count == 1 ? show(first) : "\(show(first)) to \(show(last)), \(line.points.count) points"
    }
    return "\(title): \(y.label) over \(x.label). " + series.map { "\($0.name): \(ends($0))" }.joined(separator: "; ")
  }

  /// A file of its own, and a part of a page. The grey of its text is readable on white and on black: a page has its own.
  public var svg: String {
    let values = series.flatMap(\.points)
    let extremes = values.flatMap { point -> [Double] in
      guard let bar = point.bar else { return [point.y] }
      return [point.y] + [bar.lowerBound, bar.upperBound].filter { !y.isLog || $0 > 0 }
    }
    // The axis leaves room for its longest label and for its name.
    let labels = Scale(extremes, y, from: 1, to: 0).ticks.map { Self.width(of: $0.label) }
    let left = max(Self.leastLeft, (labels.max() ?? 0) + 34).rounded()
    // Legend rows by the length of names.
    var rows: [[(index: Int, at: Double)]] = [[]]
    var at = left
    for i in series.indices {
      let size = 32 + Self.width(of: Self.short(series[i].name)) + 14
      if at + size > Self.width && !(rows.last?.isEmpty ?? true) {
        rows.append([])
        at = left
      }
      rows[rows.count - 1].append((i, at))
      at += size
    }
    let top = 40 + 20 * Double(rows.count)
    let base = top + Self.plotHeight
    let height = base + Self.bottom
    let inset = side.values.map { abs($0) + 4 }.max() ?? 0
    let xs = Scale(values.map(\.x), x, from: left + inset, to: Self.width - Self.right - inset)
    let ys = Scale(extremes, y, from: base, to: top)
    var out =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Int(Self.width)) \(Int(height))\" role=\"img\" "
      + "aria-label=\"\(Self.escaped(summary))\" font-family=\"system-ui, sans-serif\" font-size=\"\(Int(Self.fontSize))\" "
      + "fill=\"currentColor\" color=\"#767676\" class=\"chart\">\n"
    out += "<text x=\"8\" y=\"20\" font-size=\"15\" font-weight=\"600\">\(Self.escaped(title))</text>\n"
    for (r, row) in rows.enumerated() {
      let y = 42 + 20 * Double(r)
      for (i, at) in row {
        out += "<path d=\"M\(Text.fixed(at, 1)) \(y - 4)h26\" \(stroke(i))/>"
        out += "<text x=\"\(Text.fixed(at + 32, 1))\" y=\"\(y)\">\(Self.escaped(Self.short(series[i].name)))</text>\n"
      }
    }
    var freeUp = Double.infinity
    for tick in ys.ticks {
      let at = ys.position(tick.value)
      let y = Text.fixed(at, 1)
      out +=
        "<path d=\"M\(left) \(y)H\(Self.width - Self.right)\" stroke=\"currentColor\" stroke-opacity=\"0.2\"/>"
      guard at < freeUp else { continue }
      freeUp = at - 1.3 * Self.fontSize
      out += "<text x=\"\(left - 8)\" y=\"\(y)\" dy=\"4\" text-anchor=\"end\">\(tick.label)</text>\n"
    }
    var free = -Double.infinity
    for tick in xs.ticks {
      let at = xs.position(tick.value)
      let half = Self.width(of: tick.label) / 2 + 3
      out += "<path d=\"M\(Text.fixed(at, 1)) \(base)v5\" stroke=\"currentColor\"/>"
      // A label that would touch the one before, or leave the picture, is left out.
      guard at - half > free, at + half < Self.width + 6 else { continue }
      free = at + half
      out += "<text x=\"\(Text.fixed(at, 1))\" y=\"\(base + 20)\" text-anchor=\"middle\">\(tick.label)</text>\n"
    }
    out += "<path d=\"M\(left) \(base)H\(Self.width - Self.right)\" stroke=\"currentColor\"/>\n"
    out +=
      "<text x=\"\((left + Self.width - Self.right) / 2)\" y=\"\(height - 12)\" text-anchor=\"middle\">\(Self.escaped(x.label))</text>\n"
    let middle = (top + base) / 2
    out +=
      "<text x=\"15\" y=\"\(middle)\" text-anchor=\"middle\" transform=\"rotate(-90 15 \(middle))\">\(Self.escaped(y.label))</text>\n"
    // References below what was measured.
    for i in series.indices.sorted(by: { series[$0].isReference && !series[$1].isReference }) {
      out += drawing(of: i, xs, ys)
    }
    return out + "</svg>\n"
  }

  /// Points of a line, at most so many: pages of long runs stay small.
  private static func thinned(_ points: [Point], to count: Int) -> [Point] {
    let every = max(1, (points.count + count - 1) / count)
    return points.enumerated().filter { $0.offset % every == 0 || $0.offset == points.count - 1 }.map(\.element)
  }

  /// Bars of so many points are drawn as a band.
  private static func isBand(_ line: Series) -> Bool { line.points.count > 12 }

  /// By how much bars of lines with the same x are moved aside, by the index of the line.
  private var side: [Int: Double] {
    let barred = series.indices.filter { i in
      !series[i].isReference && !Self.isBand(series[i]) && series[i].points.contains { $0.range != nil }
    }
    return Dictionary(
      uniqueKeysWithValues: barred.enumerated().map { ($1, 5 * (Double($0) - Double(barred.count - 1) / 2)) })
  }

  private func drawing(of i: Int, _ xs: Scale, _ ys: Scale) -> String {
    let line = series[i]
    let isBand = Self.isBand(line)
    let shift = side[i] ?? 0
    let place = { (point: Point, y: Double) in
      "\(Text.fixed(xs.position(point.x) + shift, 1)) \(Text.fixed(ys.position(y), 1))"
    }
    // What a logarithm has no place for is drawn down to the axis.
    let foot = { (value: Double) in ys.isLog && value <= ys.low ? ys.low : value }
    var out = ""
    let path = Self.thinned(line.points, to: 500)
    if isBand {
      let band = Self.thinned(line.points.filter { $0.bar != nil }, to: 250)
      if band.count > 1 {
        let upper = band.map { place($0, foot($0.bar?.upperBound ?? $0.y)) }
        let lower = band.reversed().map { place($0, foot($0.bar?.lowerBound ?? $0.y)) }
        out +=
          "<path d=\"M\((upper + lower).joined(separator: "L"))Z\" fill=\"\(colour(i))\" fill-opacity=\"0.18\"/>\n"
      }
    }
    out += "<path d=\"M\(path.map { place($0, $0.y) }.joined(separator: "L"))\" fill=\"none\" \(stroke(i))/>\n"
    guard !line.isReference else { return out }
    for point in Self.thinned(line.points, to: 100) {
      if let bar = point.bar, !isBand {
        out +=
          "<path d=\"M\(place(point, foot(bar.lowerBound)))L\(place(point, foot(bar.upperBound)))\" stroke=\"\(colour(i))\" stroke-width=\"1.5\"/>"
      }
      let spread =
        point.range.map { ", \(Self.label($0.lowerBound)) to \(Self.label($0.upperBound))" }
        ?? point.error.map { " +- \(Text.short($0))" } ?? ""
      let text = "\(line.name): \(x.label) \(Self.label(point.x)), \(y.label) \(Self.label(point.y))\(spread)"
      // Many points: small ones.
      let radius = line.points.count > 40 ? "1.6" : "3.6"
      let (cx, cy) = (Text.fixed(xs.position(point.x) + shift, 1), Text.fixed(ys.position(point.y), 1))
      out +=
        "<circle cx=\"\(cx)\" cy=\"\(cy)\" r=\"\(radius)\" fill=\"\(colour(i))\"><title>\(Self.escaped(text))</title></circle>\n"
    }
    return out
  }

  private func colour(_ i: Int) -> String { Self.colours[i % Self.colours.count] }

  private func stroke(_ i: Int) -> String {
    let dash = Self.dashes[i % Self.dashes.count]
    return "stroke=\"\(colour(i))\" stroke-width=\"2\"" + (dash.isEmpty ? "" : " stroke-dasharray=\"\(dash)\"")
  }
}
