import ChannelCoding

/// A line chart as SVG: units on axes, values on hover, text that scales, colours that hold on light and dark ground.
public struct Chart: Sendable {
  public struct Point: Sendable, Equatable {
    public let x: Double
    public let y: Double
    /// Standard error of y; nil without repeats.
    public let error: Double?

    public init(x: Double, y: Double, error: Double? = nil) {
      (self.x, self.y, self.error) = (x, y, error)
    }
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

    public init(_ label: String, isLog: Bool = false) { (self.label, self.isLog) = (label, isLog) }
  }

  /// Names the file: letters and hyphens.
  public let name: String
  public let title: String
  public let x: Axis
  public let y: Axis
  public let series: [Series]

  public init(name: String, title: String, x: Axis, y: Axis, series: [Series]) {
    (self.name, self.title, self.x, self.y) = (name, title, x, y)
    // A logarithm has no place for 0.
    self.series = series.map { line in
      Series(
        line.name,
        line.points.filter { $0.x.isFinite && $0.y.isFinite && (!x.isLog || $0.x > 0) && (!y.isLog || $0.y > 0) },
        isReference: line.isReference)
    }.filter { !$0.points.isEmpty }
  }

  /// Mid tones, told apart by people who see colours differently too (Okabe & Ito); dashes and shapes repeat the difference.
  private static let colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#7a7a7a"]
  private static let dashes = ["", "7 3", "2 3", "9 3 2 3", "", "7 3", "2 3"]

  private static let (width, height) = (640.0, 420.0)
  private static let (left, right, bottom) = (70.0, 18.0, 54.0)

  private struct Scale {
    let low: Double
    let high: Double
    let isLog: Bool
    let from: Double
    let to: Double
    let ticks: [Double]

    init(_ values: [Double], isLog: Bool, from: Double, to: Double) {
      self.isLog = isLog
      (self.from, self.to) = (from, to)
      var low = values.min() ?? 0
      var high = values.max() ?? 1
      if isLog {
        if high / low < 1.5 { (low, high) = (low / 1.5, high * 1.5) }
        let first = Int((Elementary.log(low) / Elementary.log(10)).rounded(.down))
        let last = Int((Elementary.log(high) / Elementary.log(10)).rounded(.up))
        let steps = last - first > 6 ? [1.0] : last - first > 2 ? [1, 3] : [1, 2, 5]
        let all = (first...max(first, last)).flatMap { e in steps.map { $0 * Self.power(e) } }
        ticks = all.filter { $0 >= low * 0.999 && $0 <= high * 1.001 }
      } else {
        if high == low { (low, high) = (low - 0.5, high + 0.5) }
        let rough = (high - low) / 6
        let power = Self.power(Int((Elementary.log(rough) / Elementary.log(10)).rounded(.down)))
        let step = [1.0, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? rough
        low = (low / step).rounded(.down) * step
        high = (high / step).rounded(.up) * step
        let count = Int(((high - low) / step).rounded())
        let start = low
        ticks = (0...count).map { start + Double($0) * step }
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

  private static func label(_ value: Double) -> String {
    let text = Text.short(value)
    guard text.contains("."), !text.contains("e") else { return text }
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
      default: out.append(character)
      }
    }
    return out
  }

  /// A file of its own, and a part of a page.
  public var svg: String {
    // Legend rows by the length of names.
    var rows: [[Int]] = [[]]
    var used = 0.0
    let room = Self.width - Self.left - Self.right
    for i in series.indices {
      let size = 40 + 7.2 * Double(series[i].name.count) + 18
      if used + size > room && !(rows.last?.isEmpty ?? true) {
        rows.append([])
        used = 0
      }
      rows[rows.count - 1].append(i)
      used += size
    }
    let top = 40 + 20 * Double(rows.count)
    let values = series.flatMap(\.points)
    let xs = Scale(values.map(\.x), isLog: x.isLog, from: Self.left, to: Self.width - Self.right)
    let extremes = values.flatMap { point -> [Double] in
      guard let error = point.error, !y.isLog else { return [point.y] }
      return [point.y - error, point.y + error]
    }
    let ys = Scale(extremes, isLog: y.isLog, from: Self.height - Self.bottom, to: top)
    let summary =
      title + ". " + series.map { "\($0.name): \($0.points.count) points" }.joined(separator: "; ")
    var out =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 420\" role=\"img\" aria-label=\"\(Self.escaped(summary))\" "
      + "font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"currentColor\" color=\"#444\" class=\"chart\">\n"
    out += "<text x=\"\(Self.left)\" y=\"20\" font-size=\"15\" font-weight=\"600\">\(Self.escaped(title))</text>\n"
    for (r, row) in rows.enumerated() {
      var at = Self.left
      let y = 40 + 20 * Double(r)
      for i in row {
        out += "<path d=\"M\(at) \(y - 4)h26\" \(stroke(i))/>"
        out += "<text x=\"\(at + 32)\" y=\"\(y)\">\(Self.escaped(series[i].name))</text>\n"
        at += 40 + 7.2 * Double(series[i].name.count) + 18
      }
    }
    for tick in ys.ticks {
      let y = Text.fixed(ys.position(tick), 1)
      out +=
        "<path d=\"M\(Self.left) \(y)H\(Self.width - Self.right)\" stroke=\"currentColor\" stroke-opacity=\"0.2\"/>"
      out += "<text x=\"\(Self.left - 8)\" y=\"\(y)\" dy=\"4\" text-anchor=\"end\">\(Self.label(tick))</text>\n"
    }
    var free = -Double.infinity
    for tick in xs.ticks {
      let at = xs.position(tick)
      let half = 4 * Double(Self.label(tick).count) + 4
      out += "<path d=\"M\(Text.fixed(at, 1)) \(Self.height - Self.bottom)v5\" stroke=\"currentColor\"/>"
      // A label that would touch the one before is left out.
      guard at - half > free else { continue }
      free = at + half
      out +=
        "<text x=\"\(Text.fixed(at, 1))\" y=\"\(Self.height - Self.bottom + 20)\" text-anchor=\"middle\">\(Self.label(tick))</text>\n"
    }
    out +=
      "<path d=\"M\(Self.left) \(Self.height - Self.bottom)H\(Self.width - Self.right)\" stroke=\"currentColor\"/>\n"
    out +=
      "<text x=\"\((Self.left + Self.width - Self.right) / 2)\" y=\"\(Self.height - 12)\" text-anchor=\"middle\">\(Self.escaped(x.label))</text>\n"
    let middle = (top + Self.height - Self.bottom) / 2
    out +=
      "<text x=\"16\" y=\"\(middle)\" text-anchor=\"middle\" transform=\"rotate(-90 16 \(middle))\">\(Self.escaped(y.label))</text>\n"
    for (i, line) in series.enumerated() {
      let sorted = line.points.sorted { $0.x < $1.x }
      let path = sorted.map { "\(Text.fixed(xs.position($0.x), 1)) \(Text.fixed(ys.position($0.y), 1))" }.joined(
        separator: "L")
      out += "<path d=\"M\(path)\" fill=\"none\" \(stroke(i))/>\n"
      guard !line.isReference else { continue }
      // At most a hundred marks to hover over: the line has all points, and pages of long runs stay small.
      let every = max(1, (sorted.count + 99) / 100)
      for (k, point) in sorted.enumerated() where k % every == 0 || k == sorted.count - 1 {
        let (px, py) = (Text.fixed(xs.position(point.x), 1), Text.fixed(ys.position(point.y), 1))
        if let error = point.error, !y.isLog || point.y > error {
          let (a, b) = (Text.fixed(ys.position(point.y - error), 1), Text.fixed(ys.position(point.y + error), 1))
          out += "<path d=\"M\(px) \(a)V\(b)\" stroke=\"\(colour(i))\" stroke-width=\"1.5\"/>"
        }
        let spread = point.error.map { " +- \(Text.short($0))" } ?? ""
        let text = "\(line.name): \(x.label) \(Self.label(point.x)), \(y.label) \(Self.label(point.y))\(spread)"
        // Many points: small ones.
        let radius = sorted.count > 40 ? "1.6" : "3.6"
        out +=
          "<circle cx=\"\(px)\" cy=\"\(py)\" r=\"\(radius)\" fill=\"\(colour(i))\"><title>\(Self.escaped(text))</title></circle>\n"
      }
    }
    return out + "</svg>\n"
  }

  private func colour(_ i: Int) -> String { Self.colours[i % Self.colours.count] }

  private func stroke(_ i: Int) -> String {
    let dash = Self.dashes[i % Self.dashes.count]
    return "stroke=\"\(colour(i))\" stroke-width=\"2\"" + (dash.isEmpty ? "" : " stroke-dasharray=\"\(dash)\"")
  }
}
