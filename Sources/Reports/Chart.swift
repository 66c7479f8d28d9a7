import Files

/// A line chart: units on axes, a legend of what is drawn, and panels side by side where more varies than lines can show.
///
/// What it is drawn as (`svg`, `pdf`) and the numbers behind it (`csv`) are made from this alone. A panel is drawn for a column of about
/// 450 pixels, two of which fit a wide page and one a phone: its text is readable in both.
public struct Chart: Sendable {
  public struct Point: Sendable, Equatable {
    /// The place on a numeric axis; of no meaning where there is a slot.
    public let x: Double
    /// The index of a category among `Axis.slots`; nil for a number.
    public let slot: Int?
    public let y: Double
    /// Standard error of y; nil without repeats.
    public let error: Double?
    /// What lies about y: quantiles, or the least and the most. Nil where it is y alone.
    public let range: ClosedRange<Double>?

    public init(x: Double, y: Double, error: Double? = nil, range: ClosedRange<Double>? = nil) {
      (self.x, slot, self.y, self.error, self.range) = (x, nil, y, error, range)
    }

    /// A point of a category, or of "none" beside numbers.
    public init(slot: Int, y: Double, error: Double? = nil, range: ClosedRange<Double>? = nil) {
      (x, self.slot, self.y, self.error, self.range) = (0, slot, y, error, range)
    }

    /// From where to where its bar is drawn; nil for an error that is no number.
    var bar: ClosedRange<Double>? {
      range ?? error.flatMap { $0.isFinite && $0 >= 0 ? (y - $0)...(y + $0) : nil }
    }
  }

  public struct Series: Sendable {
    /// Lines of one name have one colour in all panels, and one place in the legend.
    public let name: String
    public let points: [Point]
    /// Drawn without dots, dashed: a bound or a reference.
    public let isReference: Bool
    /// Whether one point leads to the next; else there is nothing between its dots.
    public let isJoined: Bool

    public init(_ name: String, _ points: [Point], isReference: Bool = false, isJoined: Bool = true) {
      (self.name, self.points, self.isReference, self.isJoined) = (name, points, isReference, isJoined)
    }
  }

  /// One of several pictures with the same axes, scales and legend, side by side.
  public struct Panel: Sendable {
    /// What its points have in common, "classes a client 2"; empty where there is one panel.
    public let title: String
    public let series: [Series]

    public init(_ title: String = "", _ series: [Series]) { (self.title, self.series) = (title, series) }
  }

  public struct Axis: Sendable {
    public let label: String
    public let isLog: Bool
    /// Whether it counts: no fractions at its ticks.
    public let isInteger: Bool
    /// Categories: places of equal distance behind the numbers, or alone where no point has a number. Points of categories are not joined by
    /// lines.
    public let slots: [String]

    public init(_ label: String, isLog: Bool = false, isInteger: Bool = false, slots: [String] = []) {
      (self.label, self.isLog, self.isInteger, self.slots) = (label, isLog, isInteger, slots)
    }
  }

  /// Names the file: letters and hyphens. A page gives its charts the names that they are registered by.
  public private(set) var name: String
  public let title: String
  /// What bars and lines are, in words: under the chart.
  public let note: String
  public let x: Axis
  public let y: Axis
  /// Those that have a point that can be drawn.
  public let panels: [Panel]

  /// More lines than this nobody tells apart.
  static let mostLines = 8

  /// A chart of one panel.
  public init(name: String = "", title: String, note: String = "", x: Axis, y: Axis, series: [Series]) {
    self.init(name: name, title: title, note: note, x: x, y: y, panels: [Panel("", series)])
  }

  /// A chart of panels that share axes and legend.
  public init(name: String = "", title: String, note: String = "", x: Axis, y: Axis, panels: [Panel]) {
    // A logarithm has no place for 0, nor a picture one for numbers that no run has.
    let hasPlace = { (value: Double, axis: Axis) in
      value.isFinite && (axis.isLog ? value > 0 : true) && (value == 0 || (1e-150...1e150).contains(abs(value)))
    }
    let isDrawn = { (point: Point) in
      guard hasPlace(point.y, y) else { return false }
      if let slot = point.slot { return x.slots.indices.contains(slot) }
      return hasPlace(point.x, x)
    }
    let lost = panels.flatMap(\.series).filter { !$0.isReference }.reduce(0) { $0 + $1.points.count { !isDrawn($0) } }
    let words =
      lost == 0
      ? ""
      : "\(Text.counted(lost, "value")) \(lost == 1 ? "has" : "have") no place on these axes and \(lost == 1 ? "is" : "are") in the tables alone."
    (self.name, self.title, self.x, self.y) = (name, title, x, y)
    self.note = [note, words].filter { !$0.isEmpty }.joined(separator: " ")
    self.panels = panels.map { panel in
      Panel(
        panel.title,
        panel.series.map { line in
          Series(
            line.name, line.points.filter(isDrawn).sorted { ($0.slot ?? -1, $0.x) < ($1.slot ?? -1, $1.x) },
            isReference: line.isReference, isJoined: line.isJoined)
        }.filter { !$0.points.isEmpty })
    }.filter { !$0.series.isEmpty }
  }

  /// The lines of all panels.
  public var series: [Series] { panels.flatMap(\.series) }

  func named(_ name: String) -> Chart {
    var chart = self
    chart.name = name
    return chart
  }
}
