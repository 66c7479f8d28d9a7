import Files

extension Chart {
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

  /// Where the parts of the picture are.
  private struct Frame {
    let left: Double
    let top: Double
    /// The height of the axis of x.
    let base: Double
    let height: Double
    /// Rows of the legend: lines, and where their names begin.
    let legend: [[(index: Int, at: Double)]]
    let xs: Scale
    let ys: Scale
  }

  private var frame: Frame {
    let values = series.flatMap(\.points)
    let extremes = values.flatMap { point -> [Double] in
      guard let bar = point.bar else { return [point.y] }
      return [point.y] + [bar.lowerBound, bar.upperBound].filter { !y.isLog || $0 > 0 }
    }
    // The axis leaves room for its longest label and for its name.
    let labels = Scale(extremes, y, from: 1, to: 0).ticks.map { Self.width(of: $0.label) }
    let left = max(Self.leastLeft, (labels.max() ?? 0) + 34).rounded()
    let legend = legend(from: left)
    let top = 40 + 20 * Double(legend.count)
    let base = top + Self.plotHeight
    let inset = side.values.map { abs($0) + 4 }.max() ?? 0
    return Frame(
      left: left, top: top, base: base, height: base + Self.bottom, legend: legend,
      xs: Scale(values.map(\.x), x, from: left + inset, to: Self.width - Self.right - inset),
      ys: Scale(extremes, y, from: base, to: top))
  }

  /// Rows by the length of names.
  private func legend(from left: Double) -> [[(index: Int, at: Double)]] {
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
    return rows
  }

  /// A file of its own, and a part of a page. The grey of its text is readable on white and on black: a page has its own.
  public var svg: String {
    let frame = frame
    var out =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Int(Self.width)) \(Int(frame.height))\" role=\"img\" "
      + "aria-label=\"\(Self.escaped(summary))\" font-family=\"system-ui, sans-serif\" font-size=\"\(Int(Self.fontSize))\" "
      + "fill=\"currentColor\" color=\"#767676\" class=\"chart\">\n"
    out += "<text x=\"8\" y=\"20\" font-size=\"15\" font-weight=\"600\">\(Self.escaped(title))</text>\n"
    out += drawing(ofLegend: frame.legend) + drawing(ofTicksOfY: frame) + drawing(ofTicksOfX: frame)
    out += drawing(ofAxes: frame)
    // References below what was measured.
    for i in series.indices.sorted(by: { series[$0].isReference && !series[$1].isReference }) {
      out += drawing(of: i, frame.xs, frame.ys)
    }
    return out + "</svg>\n"
  }

  /// Charts one above the other, as a file of its own: as wide as one of them, so that a phone shows them too.
  static func stacked(_ charts: [Chart]) -> String {
    var (parts, top) = ("", 0)
    for chart in charts {
      let height = Int(chart.frame.height)
      parts += "<svg y=\"\(top)\" width=\"\(Int(width))\" height=\"\(height)\"" + chart.svg.dropFirst("<svg".count)
      top += height
    }
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Int(width)) \(top)\">\n\(parts)</svg>\n"
  }

  private func drawing(ofLegend rows: [[(index: Int, at: Double)]]) -> String {
    var out = ""
    for (r, row) in rows.enumerated() {
      let y = 42 + 20 * Double(r)
      for (i, at) in row {
        out += "<path d=\"M\(Text.fixed(at, 1)) \(y - 4)h26\" \(stroke(i))/>"
        out += "<text x=\"\(Text.fixed(at + 32, 1))\" y=\"\(y)\">\(Self.escaped(Self.short(series[i].name)))</text>\n"
      }
    }
    return out
  }

  private func drawing(ofTicksOfY frame: Frame) -> String {
    var out = ""
    var free = Double.infinity
    for tick in frame.ys.ticks {
      let at = frame.ys.position(tick.value)
      let y = Text.fixed(at, 1)
      out +=
        "<path d=\"M\(frame.left) \(y)H\(Self.width - Self.right)\" stroke=\"currentColor\" stroke-opacity=\"0.2\"/>"
      guard at < free else { continue }
      free = at - 1.3 * Self.fontSize
      out += "<text x=\"\(frame.left - 8)\" y=\"\(y)\" dy=\"4\" text-anchor=\"end\">\(tick.label)</text>\n"
    }
    return out
  }

  private func drawing(ofTicksOfX frame: Frame) -> String {
    var out = ""
    var free = -Double.infinity
    for tick in frame.xs.ticks {
      let at = frame.xs.position(tick.value)
      let half = Self.width(of: tick.label) / 2 + 3
      out += "<path d=\"M\(Text.fixed(at, 1)) \(frame.base)v5\" stroke=\"currentColor\"/>"
      // A label that would touch the one before, or leave the picture, is left out.
      guard at - half > free, at + half < Self.width + 6 else { continue }
      free = at + half
      out +=
        "<text x=\"\(Text.fixed(at, 1))\" y=\"\(frame.base + 20)\" text-anchor=\"middle\">\(tick.label)</text>\n"
    }
    return out
  }

  /// The line of the axis of x, and the names of both.
  private func drawing(ofAxes frame: Frame) -> String {
    let (centre, middle) = ((frame.left + Self.width - Self.right) / 2, (frame.top + frame.base) / 2)
    return "<path d=\"M\(frame.left) \(frame.base)H\(Self.width - Self.right)\" stroke=\"currentColor\"/>\n"
      + "<text x=\"\(centre)\" y=\"\(frame.height - 12)\" text-anchor=\"middle\">\(Self.escaped(x.label))</text>\n"
      + "<text x=\"15\" y=\"\(middle)\" text-anchor=\"middle\" transform=\"rotate(-90 15 \(middle))\">"
      + "\(Self.escaped(y.label))</text>\n"
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
