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

  /// Names the file: letters and hyphens. A page gives its charts the names that they are registered by.
  public private(set) var name: String
  public let title: String
  /// What bars and lines are, in words: under the chart.
  public let note: String
  public let x: Axis
  public let y: Axis
  public let series: [Series]

  /// More lines than this nobody tells apart.
  static let mostLines = 8

  public init(name: String = "", title: String, note: String = "", x: Axis, y: Axis, series: [Series]) {
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

  func named(_ name: String) -> Chart {
    var chart = self
    chart.name = name
    return chart
  }
}
