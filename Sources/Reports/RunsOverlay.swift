import FedSim
import Files
import RunFiles

/// Rounds of several runs in one chart each of accuracy, loss, epsilon and bits: a line a run, and a line a point of a sweep beside them.
struct RunsOverlay {
  private struct Line {
    let name: String
    let tables: [RoundTable]
    let parameters: Int?
  }

  private let lines: [Line]

  /// - Returns: nil where there are no two lines, or no run among the folders.
  init?(_ sources: [Report.Source]) {
    let isThere = sources.contains { if case .run = $0.content { true } else { false } }
    guard isThere, sources.count > 1 else { return nil }
    let names = sources.map(\.name)
    lines = sources.flatMap { source -> [Line] in
      let name = names.count { $0 == source.name } > 1 ? source.path : source.name
      switch source.content {
      case .run(let files):
        let parameters = files.summary.number(\.parameters).flatMap { Int(exactly: $0) }
        return [Line(name: name, tables: [files.rounds], parameters: parameters)]
      case .sweep(let files):
        return SweepPage(files).points.filter { !$0.rounds.isEmpty }.map {
          Line(name: "\(name): \($0.name)", tables: $0.rounds, parameters: $0.parameters)
        }
      }
    }
    guard lines.count > 1 else { return nil }
  }

  /// What the loss of the runs is: of some that learn a quantity and others that do not, no unit is that of all.
  private var loss: Chart.Axis {
    let quantities = lines.count { $0.tables.contains { !$0.values(\.r2).isEmpty } }
    return Chart.Axis(quantities == 0 ? "loss, nats" : quantities == lines.count ? "mean squared error" : "loss")
  }

  var charts: [Chart] {
    [
      chart("runs-accuracy", "Accuracy over rounds", .accuracy, \.accuracy, scale: 100),
      chart("runs-r2", "R^2 over rounds", Chart.Axis("R^2"), \.r2),
      chart("runs-loss", "Loss over rounds", loss, \.loss),
      chart("runs-epsilon", "Privacy spent", .epsilon, \.epsilon),
      chart(
        "runs-bits", "Bits of an upload", .clientBits, \.payloadBitsMean, note: boundNote, references: references),
    ]
  }

  private func chart(
    _ name: String, _ title: String, _ y: Chart.Axis, _ figure: KeyPath<RoundFields, RoundField>, scale: Double = 1,
    note: String = "", references: (Line) -> [Chart.Series] = { _ in [] }
  ) -> Chart {
    let found = lines.map { line in
      Chart.Series(line.name, Self.means(line.tables, figure, scale: scale))
    }
    let panel = SweepLayout.Panel(
      title: "", lines: lines.indices.map { SweepLayout.Line(name: lines[$0].name, points: [$0]) })
    let parts = SweepLayout.split(panel)
    let rest = parts.dropFirst(SweepLayout.mostPanels).flatMap(\.lines)
    let restNote = rest.isEmpty ? "" : "Not drawn: \(Text.counted(rest.count, "line")), from \(rest[0].name) on."
    let barNote = lines.contains { $0.tables.count > 1 } ? "Of sweeps means over repeats, with standard errors." : ""
    return Chart(
      name: name, title: title, note: [note, barNote, restNote].filter { !$0.isEmpty }.joined(separator: " "),
      x: .round,
      y: y,
      panels: parts.prefix(SweepLayout.mostPanels).map { part in
        let indices = part.lines.flatMap(\.points)
        return Chart.Panel(part.title, indices.map { found[$0] } + indices.flatMap { references(lines[$0]) })
      })
  }

  /// By round, over the repeats that have it.
  private static func means(
    _ tables: [RoundTable], _ figure: KeyPath<RoundFields, RoundField>, scale: Double
  ) -> [Chart.Point] {
    var found: [Double: [Double]] = [:]
    for table in tables {
      for point in table.points(figure, scale: scale) { found[point.x, default: []].append(point.y) }
    }
    return found.sorted { $0.key < $1.key }.compactMap { x, values in
      SweepTable.Estimate(values).map { Chart.Point(x: x, y: $0.mean, error: $0.error) }
    }
  }

  // MARK: Bounds

  /// Lines that have room for their own information and bound beside them.
  private var hasReferences: Bool { lines.count <= Chart.mostLines / 3 }

  private var boundNote: String {
    guard lines.contains(where: { $0.tables.contains { !$0.values(\.idealBits).isEmpty } }) else { return "" }
    return hasReferences
      ? Report.boundNote : "The I(X;Y) and the lower bound F of each run are in its own chart of bits."
  }

  private func references(_ line: Line) -> [Chart.Series] {
    guard hasReferences else { return [] }
    let ideal = Self.means(line.tables, \.idealBits, scale: 1).map { Chart.Point(x: $0.x, y: $0.y) }
    let bounds = line.parameters.map { Report.lowerBounds(information: ideal, parameters: $0) } ?? []
    return [
      Chart.Series("Gaussian I(X;Y), \(line.name)", ideal, isReference: true),
      Chart.Series("lower bound F, \(line.name)", bounds, isReference: true),
    ]
  }
}

extension Report {
  /// Runs beside one another, above the sections of their own.
  mutating func addOverlay(_ sources: [Source]) {
    for chart in RunsOverlay(sources)?.charts ?? [] { add(chart) }
  }
}
