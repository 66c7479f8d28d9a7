import Files

/// An entry of a picture's legend.
struct TraceLegendItem {
  enum Symbol {
    case cross(TraceStyle)
    case disc
    case line(TraceStyle)
    case box(TraceStyle)
    case hatched
  }

  let symbol: Symbol
  let words: String

  init(_ symbol: Symbol, _ words: String) { (self.symbol, self.words) = (symbol, words) }

  func draw(into out: inout TraceDrawing, _ x: Double, _ y: Double) {
    switch symbol {
    case .cross(let style): out.cross(x + 10, y - 4, style)
    case .disc: out.disc(x + 10, y - 4, .accepted)
    case .line(let style):
      out.path("M\(TraceDrawing.number(x)) \(TraceDrawing.number(y - 4))h20.0", style)
    case .box(let style): out.box(x...(x + 20), (y - 10)...(y + 2), style)
    case .hatched:
      let (a, b) = (TraceDrawing.number(x), TraceDrawing.number(y + 2))
      out.path("M\(a) \(b)h20.0v-12.0h-20.0zl12.0 -12.0m-4.0 12.0l12.0 -12.0", .layer)
    }
  }

  var width: Double { 26 + TraceDrawing.width(of: words) + 14 }
}

/// Frames side by side under a title and a legend: one SVG file.
struct TraceFigure {
  let title: String
  let subtitle: String
  /// For whoever does not see the picture.
  let summary: String
  let legend: [TraceLegendItem]
  /// Groups of frames, each begun on a row of its own, with a name where there are several.
  let groups: [(name: String, panels: [TracePanel])]
  let strip: TraceStrip?
  let size: TraceFrameSize

  private static let margin = 8.0
  private static let gap = 6.0

  func svg(columns: Int) -> String {
    let columns = max(1, min(columns, groups.map(\.panels.count).max() ?? 1))
    // Wide enough for the title at any number of columns.
    let frames = Double(columns) * size.width + Double(columns - 1) * Self.gap + 2 * Self.margin
    let width = max(frames, 440)
    var body = TraceDrawing()
    var y = 24.0
    for line in Self.wrapped(title, to: width - 2 * Self.margin, size: 16) {
      body.label(line, Self.margin, y, size: 16, isBold: true)
      y += 20
    }
    for line in Self.wrapped(subtitle, to: width - 2 * Self.margin, size: 13) {
      body.label(line, Self.margin, y, style: .muted)
      y += 18
    }
    y += 4
    var x = Self.margin
    for item in legend {
      if x + item.width > width, x > Self.margin { (x, y) = (Self.margin, y + 20) }
      item.draw(into: &body, x, y)
      body.label(item.words, x + 26, y)
      x += item.width
    }
    y += 14
    for (name, panels) in groups where !panels.isEmpty {
      if groups.count > 1 {
        y += 18
        body.label(name, Self.margin, y, size: 15, isBold: true)
        y += 4
      }
      let height = panels.map(\.height).max() ?? 0
      for (i, panel) in panels.enumerated() {
        if i > 0, i % columns == 0 { y += height + Self.gap }
        let left = Self.margin + Double(i % columns) * (size.width + Self.gap)
        body.add("<g transform=\"translate(\(TraceDrawing.number(left)) \(TraceDrawing.number(y)))\">\n")
        body.add(panel.svg(strip: strip))
        body.add("</g>\n")
      }
      y += height + Self.gap
    }
    return head(width, y) + body.text + "</svg>\n"
  }

  private func head(_ width: Double, _ height: Double) -> String {
    let label = TraceDrawing.escaped("\(title). \(subtitle). \(summary)")
    let (w, h) = (TraceDrawing.number(width), TraceDrawing.number(height))
    return
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"trace\" viewBox=\"0 0 \(w) \(h)\" role=\"img\" aria-label=\"\(label)\" font-family=\"sans-serif\">\n"
      + "<title>\(TraceDrawing.escaped(title))</title>\n<desc>\(TraceDrawing.escaped(summary))</desc>\n"
      + TraceDrawing.sheet + "<rect class=\"ground\" width=\"\(w)\" height=\"\(h)\"/>\n"
  }

  /// Lines of words that fit a width.
  private static func wrapped(_ text: String, to width: Double, size: Double) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, TraceDrawing.width(of: last + " " + word, size: size) <= width {
        lines[lines.count - 1] = last + " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}
