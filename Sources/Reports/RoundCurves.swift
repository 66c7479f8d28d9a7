import FedSim

/// Accuracy of a sweep's points over their rounds: of all points where there are few, else of the codec with the fewest bits.
struct RoundCurves {
  private let points: [SweepPoint]
  private let paths: [String]
  /// For under the chart.
  let note: String

  init(_ page: SweepPage) {
    let all = page.points.filter { !$0.rounds.isEmpty }
    paths = page.paths
    guard all.count > Chart.mostLines else {
      (points, note) = (all, "Means over repeats.")
      return
    }
    let best = SweepPage.cheapest(all)
    points = SweepPage.evenly(best.isEmpty ? all : best, Chart.mostLines)
    let share = points.count < best.count ? ", \(points.count) of \(best.count)" : ""
    note = "Means over repeats." + (best.first.map { " Points of \($0.codec)\(share)." } ?? "")
  }

  func series(over x: KeyPath<RoundFields, RoundField>) -> [Chart.Series] {
    points.map { point in
      // By round: repeats have the same plan, and so the same epsilon.
      var found: [Double: [Double]] = [:]
      for table in point.rounds {
        for value in table.points(\.accuracy, scale: 100, over: x) { found[value.x, default: []].append(value.y) }
      }
      return .init(
        name(point), found.map { Chart.Point(x: $0.key, y: $0.value.reduce(0, +) / Double($0.value.count)) })
    }
  }

  /// What tells a point from the others.
  private func name(_ point: SweepPoint) -> String {
    var parts = Set(points.map(\.codec)).count > 1 ? [point.codec] : []
    if Set(points.compactMap { $0.mean(\.epsilon).map(Chart.label) }).count > 1 {
      parts.append(point.mean(\.epsilon).map { "epsilon " + Chart.label($0) } ?? "no epsilon")
    }
    parts += paths.filter { path in Set(points.map { $0.settings[path] }).count > 1 }
      .map { "\(SweepPage.short($0)) \(point.settings[$0] ?? "-")" }
    return parts.isEmpty ? point.codec : parts.joined(separator: ", ")
  }
}
