import FedSim
import Files
import RunFiles

/// Accuracy of a sweep's points over their rounds: a line a point, in panels where there are more than can be told apart.
struct RoundCurves {
  private struct Panel {
    let title: String
    let lines: [(name: String, point: SweepPoint)]
  }

  private let panels: [Panel]
  private let omissionNote: String
  private let barNote: String
  /// Rounds of a line that are drawn.
  private let most: Int

  /// Values of a chart; a page of many long runs stays readable by machines too.
  private static let mostValues = 4000

  /// More lines that differ in two things are read better in panels of one of them.
  private static let mostOfTwoFactors = 5

  init(_ page: SweepPage) {
    let points = page.points.filter { !$0.rounds.isEmpty }
    let all = Self.panels(points, page.layout)
    panels = Array(all.prefix(SweepLayout.mostPanels))
    let rest = all.dropFirst(SweepLayout.mostPanels)
    let count = rest.reduce(0) { $0 + $1.lines.count }
    omissionNote =
      rest.isEmpty
      ? ""
      : "Drawn are \(panels.count) of \(all.count) panels, without \(Text.counted(count, "point")), from "
        + "\(rest.first?.lines.first?.point.name ?? "") to \(rest.last?.lines.last?.point.name ?? "")."
    // Rules that stop a run early stop its repeats in different rounds.
    let isUneven = points.contains { point in Set(point.rounds.map { $0.values(\.round).last }).count > 1 }
    barNote =
      points.contains { $0.rounds.count > 1 }
      ? "Means over the repeats\(isUneven ? " that are still running" : ""), with standard errors." : ""
    most = max(50, Self.mostValues / max(1, points.count))
  }

  /// All points in one panel, else a panel for each value of one factor with a line for each value of the other, whichever are fewer.
  private static func panels(_ points: [SweepPoint], _ layout: SweepLayout) -> [Panel] {
    let isAlone = layout.line == nil && layout.panelFactors.isEmpty
    guard points.count > (isAlone ? Chart.mostLines : mostOfTwoFactors) else {
      return [Panel(title: "", lines: points.map { ($0.name, $0) })]
    }
    let by = { (lines: SweepFactor?, others: [SweepFactor]) -> [Panel] in
      let groups = Dictionary(grouping: points) { point in others.map { $0.choices[point.index] } }
      return groups.sorted { $0.key.lexicographicallyPrecedes($1.key) }.flatMap { _, group -> [Panel] in
        let title = group.first.map { point in others.map { $0.title(point.index) }.joined(separator: ", ") } ?? ""
        return split(title, group.map { (lines?.names[$0.index] ?? $0.name, $0) })
      }
    }
    let options = [
      by(layout.x, layout.panelFactors + [layout.line].compactMap { $0 }),
      by(layout.line, layout.panelFactors + [layout.x].compactMap { $0 }),
    ]
    return options[1].count < options[0].count ? options[1] : options[0]
  }

  private static func split(_ title: String, _ lines: [(name: String, point: SweepPoint)]) -> [Panel] {
    let panel = SweepLayout.Panel(
      title: title, lines: lines.enumerated().map { SweepLayout.Line(name: $1.name, points: [$0]) })
    return SweepLayout.split(panel).map { part in
      Panel(title: part.title, lines: part.lines.flatMap(\.points).map { lines[$0] })
    }
  }

  func chart(
    _ title: String, note: String = "", x axis: Chart.Axis, over x: KeyPath<RoundFields, RoundField>
  ) -> Chart {
    var isThinned = false
    let panels = panels.map { panel in
      Chart.Panel(
        panel.title,
        panel.lines.map { name, point in
          let all = Self.means(point, over: x)
          let step = (all.count + most - 1) / max(1, most)
          isThinned = isThinned || step > 1
          // The last one is always there.
          return Chart.Series(name, all.indices.filter { (all.count - 1 - $0) % max(1, step) == 0 }.map { all[$0] })
        })
    }
    let thinNote = isThinned ? "Of long runs not every round is drawn; rounds.csv of each run has all." : ""
    return Chart(
      title: title, note: [barNote, note, thinNote, omissionNote].filter { !$0.isEmpty }.joined(separator: " "),
      x: axis, y: .accuracy, panels: panels)
  }

  /// By round: repeats have the same plan, and so the same epsilon.
  private static func means(_ point: SweepPoint, over x: KeyPath<RoundFields, RoundField>) -> [Chart.Point] {
    var found: [Double: [Double]] = [:]
    for table in point.rounds {
      for value in table.points(\.accuracy, scale: 100, over: x) { found[value.x, default: []].append(value.y) }
    }
    return found.sorted { $0.key < $1.key }.compactMap { x, values in
      SweepTable.Estimate(values).map { Chart.Point(x: x, y: $0.mean, error: $0.error) }
    }
  }
}
