import FedSim
import Files
import JSONText
import RunFiles

/// What the page of a sweep is made from: its points, and how they are arranged in charts.
public struct SweepPage: Sendable {
  /// A figure of a point, as a chart draws it.
  public struct Figure: Sendable {
    public let y: Double
    public let error: Double?
    public let range: ClosedRange<Double>?

    public init(_ y: Double, error: Double? = nil, range: ClosedRange<Double>? = nil) {
      (self.y, self.error, self.range) = (y, error, range)
    }
  }

  /// Points that a chart draws as one line.
  public struct Line: Sendable {
    public let name: String
    public let points: [SweepPoint]
  }

  /// Lines that a chart draws in one picture.
  public struct Panel: Sendable {
    /// Empty where there is one panel.
    public let title: String
    public let lines: [Line]

    public var points: [SweepPoint] { lines.flatMap(\.points) }
  }

  let runs: Int
  /// In the order of the sweep.
  public let points: [SweepPoint]
  /// What varied, in the order of the sweep.
  let factors: [SweepFactor]
  let layout: SweepLayout
  private let tableFactors: [SweepFactor]
  /// What is drawn: all points, but for those of panels beyond the most that a figure has.
  public let panels: [Panel]
  /// Points that no chart draws.
  public let omitted: [SweepPoint]

  init(_ files: Report.Source.SweepFiles) {
    runs = files.rows.count
    var points = Self.points(files)
    let found = SweepFactors(points, axes: files.axes)
    let factors = found.all
    tableFactors = found.columns
    let layout = SweepLayout(factors, count: points.count) { [points] in points[$0].askedCodec }
    for i in points.indices {
      points[i].place = layout.x?.places[i] ?? .slot(0)
      let parts = factors.map(\.names).map { $0[i] }
      points[i].name = parts.isEmpty ? points[i].askedCodec : parts.joined(separator: ", ")
    }
    (self.points, self.factors, self.layout) = (points, factors, layout)
    panels = layout.allPanels.prefix(SweepLayout.mostPanels).map { panel in
      Panel(title: panel.title, lines: panel.lines.map { Line(name: $0.name, points: $0.points.map { points[$0] }) })
    }
    let drawn = Set(panels.flatMap(\.points).map(\.index))
    omitted = points.filter { !drawn.contains($0.index) }
  }

  /// Points in the order of the sweep.
  private static func points(_ files: Report.Source.SweepFiles) -> [SweepPoint] {
    var points: [Int: SweepPoint] = [:]
    for (i, row) in files.rows.enumerated() {
      guard case .integer(let index)? = row["point"], case .object(let result)? = row["result"] else { continue }
      var point = points[index] ?? SweepPoint(codec: result.plain(\.codec))
      if points[index] == nil, let setting = row["setting"] {
        point.take(setting: setting, asked: files.asked[i], label: row["label"], result: result)
        point.summary = files.summaries[index]
      }
      var seed: JSON?
      if case .object(let setting)? = row["setting"] { seed = setting["seed"] }
      point.add(result, seed: seed, files.rounds[i])
      points[index] = point
    }
    var ordered = points.sorted { $0.key < $1.key }.map(\.value)
    for i in ordered.indices { ordered[i].index = i }
    return ordered
  }

  /// The lines of all panels.
  public var lines: [Line] { panels.flatMap(\.lines) }

  /// The axis of what varied.
  public var x: Chart.Axis { layout.x?.axis ?? Chart.Axis("point", slots: [points.first?.name ?? ""]) }

  /// Whether epsilon is the axis of what varied.
  public var isOverEpsilon: Bool { layout.x?.kind == .epsilon }

  /// Whether points differ in epsilon, and it is not the axis of what varied.
  var hasOtherEpsilon: Bool {
    !isOverEpsilon && Set(points.compactMap { $0.mean(\.epsilon).map(Chart.label) }).count > 1
  }

  /// Whether points of a line follow one another: numbers do, categories do not.
  var isOrdered: Bool { layout.x?.isNumeric ?? false }

  /// The axes that vary beside codec and target epsilon, which have columns of their own, for tables.
  var columns: [String] { tableFactors.map(\.path) }

  /// What a table has of a point in those columns: its values as the sweep has them.
  func cells(_ point: SweepPoint) -> [String] { tableFactors.map { $0.words[$0.choices[point.index]] } }

  /// A chart of a figure of all points.
  ///
  /// - Parameters:
  ///   - x: the axis; nil for what varied.
  ///   - place: where a point stands on it; nil for what varied.
  ///   - panels: nil for the page's own.
  ///   - isJoined: whether one point of a line leads to the next.
  ///   - references: what else a panel has: bounds.
  ///   - figure: of a point; nil where it has none.
  public func chart(
    _ title: String, note: String = "", x: Chart.Axis? = nil, at place: ((SweepPoint) -> Chart.Place?)? = nil,
    y: Chart.Axis, panels: [Panel]? = nil, isJoined: (Line) -> Bool = { _ in true },
    references: (Panel) -> [Chart.Series] = { _ in [] },
    figure: (SweepPoint) -> Figure?
  ) -> Chart {
    let found = (panels ?? self.panels).map { panel in
      let lines = panel.lines.map { line in
        Chart.Series(
          line.name,
          line.points.compactMap { point in
            let found = if let place { place(point) } else { Optional(point.place) }
            guard let found, let figure = figure(point) else { return nil }
            return Self.point(found, figure)
          }, isJoined: isJoined(line))
      }
      return Chart.Panel(panel.title, lines + references(panel))
    }
    return Chart(
      title: title, note: [note, autoNote, omissionNote].filter { !$0.isEmpty }.joined(separator: " "),
      x: x ?? self.x, y: y, panels: found)
  }

  /// The panels of a chart of one figure over another: where few points have no order, each has its name, and points without a guarantee are
  /// no part of a line over epsilon.
  var panelsOfTradeOffs: [Panel] {
    panels.map { panel in
      if !isOverEpsilon, points.count <= Chart.mostLines {
        return Panel(title: panel.title, lines: panel.points.map { Line(name: $0.name, points: [$0]) })
      }
      guard isOverEpsilon else { return panel }
      let lines = panel.lines.flatMap { line in
        let others = line.points.filter(\.epsilon.isEmpty)
        return [
          Line(name: line.name, points: line.points.filter { !$0.epsilon.isEmpty }),
          Line(name: "\(line.name), no guarantee", points: others),
        ].filter { !$0.points.isEmpty }
      }
      return lines.count > Chart.mostLines ? panel : Panel(title: panel.title, lines: lines)
    }
  }

  static func point(_ place: Chart.Place, _ figure: Figure) -> Chart.Point {
    switch place {
    case .number(let x): Chart.Point(x: x, y: figure.y, error: figure.error, range: figure.range)
    case .slot(let slot): Chart.Point(slot: slot, y: figure.y, error: figure.error, range: figure.range)
    }
  }

  /// The mean over repeats with its standard error.
  public func mean(_ key: KeyPath<SweepPoint, [Double]>) -> (SweepPoint) -> Figure? {
    { point in SweepTable.Estimate(point[keyPath: key]).map { Figure($0.mean, error: $0.error) } }
  }

  /// What bars of means are; empty without repeats.
  var barNote: String {
    points.contains { $0.accuracy.count > 1 || $0.bits.count > 1 } ? "Bars: standard error over repeats." : ""
  }

  /// Points that charts have no room for.
  var omissionNote: String {
    guard let first = omitted.first, let last = omitted.last else { return "" }
    return
      "Drawn are \(SweepLayout.mostPanels) of \(layout.allPanels.count) panels; not drawn \(omitted.count == 1 ? "is" : "are") "
      + "\(Text.counted(omitted.count, "point")), from \(first.name) to \(last.name): the tables have all."
  }

  /// Whether accuracies of clients are known that percentiles say something of.
  var hasSpreadOfAccuracy: Bool { points.contains { $0.rounds.contains(where: Report.spreads) } }
}
