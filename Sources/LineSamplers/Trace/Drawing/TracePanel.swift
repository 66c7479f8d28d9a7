import Files

/// Sizes of a frame. Text is as large in narrow frames as in wide ones.
struct TraceFrameSize {
  let width: Double
  let plotHeight: Double
  static let left = 48.0
  static let right = 6.0
  static let strip = 40.0

  /// Frames in a row of so many.
  init(columns: Int) { (width, plotHeight) = columns == 1 ? (440, 270) : (226, 190) }
}

/// One frame: its words, and what is drawn over its axes.
struct TracePanel {
  let heading: String
  let captions: [String]
  private let size: TraceFrameSize
  private let xs: TraceAxis
  private let ys: TraceAxis
  private let hasStrip: Bool
  private var shapes = TraceDrawing()

  init(
    _ heading: String, _ captions: [String], _ size: TraceFrameSize, _ xs: TraceAxis, _ ys: TraceAxis, hasStrip: Bool
  ) {
    (self.heading, self.captions, self.size, self.xs, self.ys, self.hasStrip) = (
      heading, captions, size, xs, ys, hasStrip
    )
  }

  private var top: Double { 22 + 17 * Double(captions.count) + 8 }
  private var base: Double { top + size.plotHeight }
  private var foot: Double { hasStrip ? base + 6 + TraceFrameSize.strip : base + 5 }
  /// The whole frame's.
  var height: Double { foot + 24 }

  // MARK: Places

  private func place(_ x: Double) -> Double {
    TraceFrameSize.left + xs.share(x) * (size.width - TraceFrameSize.left - TraceFrameSize.right)
  }
  private func level(_ y: Double) -> Double { base - ys.share(y) * size.plotHeight }

  // MARK: Shapes, in values of the axes

  /// A closed area or a line through points; what is beyond the axes is cut to their ends.
  mutating func curve(_ points: [(x: Double, y: Double)], _ style: TraceStyle, isClosed: Bool = false) {
    shapes.line(points.map { (place($0.x), level($0.y)) }, style, isClosed: isClosed)
  }

  mutating func box(_ x: (Double, Double), from low: Double, to high: Double, _ style: TraceStyle) {
    shapes.box(place(x.0)...max(place(x.0), place(x.1)), min(level(high), level(low))...level(low), style)
  }

  mutating func across(_ y: Double, _ x: (Double, Double), _ style: TraceStyle) {
    guard ys.contains(y) else { return }
    shapes.line([(place(x.0), level(y)), (place(x.1), level(y))], style)
  }

  mutating func up(_ x: Double, from low: Double, to high: Double, _ style: TraceStyle) {
    shapes.line([(place(x), level(low)), (place(x), level(high))], style)
  }

  /// A point that was refused; an arrow at the upper edge where it is beyond.
  mutating func cross(_ x: Double, _ y: Double, _ style: TraceStyle = .rejected) {
    if y > ys.high { return arrow(x, style) }
    shapes.cross(place(x), level(y), style)
  }

  /// The accepted point, or the best one so far.
  mutating func disc(_ x: Double, _ y: Double) {
    if y > ys.high { return arrow(x, .beyond) }
    shapes.disc(place(x), level(y), .accepted)
  }

  private mutating func arrow(_ x: Double, _ style: TraceStyle) {
    let (a, b) = (TraceDrawing.number(place(x)), TraceDrawing.number(top + 14))
    shapes.path("M\(a) \(b)v-12.0m-4.0 4.0l4.0 -4.0l4.0 4.0", style)
  }

  /// A hatched area between a lower and an upper line over the same places.
  mutating func hatch(_ lower: [(x: Double, y: Double)], _ upper: [(x: Double, y: Double)]) {
    guard lower.count > 1, let first = lower.first, let last = lower.last else { return }
    curve(lower + upper.reversed(), .layer, isClosed: true)
    // Slanting lines, cut where they meet the area: no pattern, which needs a name that two pictures of a page would share.
    let slope = 1.0
    var offset = place(first.x) - (base - top)
    var data = ""
    while offset < place(last.x) {
      var start: (Double, Double)?
      var end: (Double, Double)?
      for (low, high) in zip(lower, upper) {
        let x = place(low.x)
        // y of the slanting line at x.
        let y = base - (x - offset) * slope
        let isInside = y <= level(low.y) && y >= level(high.y) && y >= top && y <= base
        if isInside {
          if start == nil { start = (x, y) }
          end = (x, y)
        }
        if !isInside || low.x == last.x, let a = start, let b = end {
          if b.0 > a.0 {
            data +=
              "M\(TraceDrawing.number(a.0)) \(TraceDrawing.number(a.1))L\(TraceDrawing.number(b.0)) \(TraceDrawing.number(b.1))"
          }
          (start, end) = (nil, nil)
        }
      }
      offset += 6
    }
    if !data.isEmpty { shapes.path(data, .layer) }
  }

  // MARK: The frame

  /// The frame with its upper left corner at the origin.
  ///
  /// - Parameter strip: areas of both densities under the axis, where there is a strip.
  func svg(strip: TraceStrip?) -> String {
    var out = TraceDrawing()
    out.label(heading, 6, 16, isBold: true)
    for (i, caption) in captions.enumerated() where !caption.isEmpty { out.label(caption, 6, 34 + 17 * Double(i)) }
    let (left, right) = (TraceFrameSize.left, size.width - TraceFrameSize.right)
    for tick in ys.ticks {
      let y = level(tick.value)
      out.path("M\(TraceDrawing.number(left)) \(TraceDrawing.number(y))H\(TraceDrawing.number(right))", .grid)
      out.label(tick.label, left - 5, y + 4, size: 12, anchor: "end", style: .muted)
    }
    var free = 0.0
    for tick in xs.ticks {
      let x = place(tick.value)
      out.path("M\(TraceDrawing.number(x)) \(TraceDrawing.number(top))V\(TraceDrawing.number(base))", .grid)
      let half = TraceDrawing.width(of: tick.label, size: 12) / 2
      // A label that would touch the one before, or the axis' name, is left out.
      guard x - half > free, x + half < right - 12 else { continue }
      free = x + half + 4
      out.label(tick.label, x, foot + 15, size: 12, anchor: "middle", style: .muted)
    }
    out.label(xs.name, right, foot + 15, size: 12, anchor: "end", style: .muted)
    let middle = TraceDrawing.number((top + base) / 2)
    out.add(
      "<text class=\"muted\" x=\"11.0\" y=\"\(middle)\" font-size=\"12\" text-anchor=\"middle\" transform=\"rotate(-90 11.0 \(middle))\">"
        + "\(TraceDrawing.escaped(ys.name))</text>\n")
    out.add(shapes.text)
    if let strip, hasStrip {
      let floor = base + 6 + TraceFrameSize.strip
      let points = { (values: [(x: Double, y: Double)]) in
        values.map { (x: self.place($0.x), y: floor - $0.y * (TraceFrameSize.strip - 2)) }
      }
      for (values, area, line) in [
        (strip.proposal, TraceStyle.proposal, TraceStyle.proposalLine), (strip.target, .target, .targetLine),
      ] {
        guard let first = values.first, let last = values.last else { continue }
        out.line(points([(first.x, 0)] + values + [(last.x, 0)]), area, isClosed: true)
        out.line(points(values), line)
      }
      out.path("M\(TraceDrawing.number(left)) \(TraceDrawing.number(floor))H\(TraceDrawing.number(right))", .axis)
    }
    out.path(
      "M\(TraceDrawing.number(left)) \(TraceDrawing.number(top))V\(TraceDrawing.number(base))H\(TraceDrawing.number(right))",
      .axis)
    return out.text
  }
}

/// Both densities over the axis of x, as shares of the larger one's top.
struct TraceStrip {
  let proposal: [(x: Double, y: Double)]
  let target: [(x: Double, y: Double)]
}
