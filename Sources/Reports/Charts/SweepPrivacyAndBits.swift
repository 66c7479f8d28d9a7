extension SweepChart {
  public static let privacyAndBits = SweepChart("privacy-bits") { page in
    let references = bounds(page) + floats(page.points)
    return Chart(
      title: "Privacy and bits",
      note: references.isEmpty
        ? page.barNote : [page.barNote, Report.boundNote].filter { !$0.isEmpty }.joined(separator: " "),
      x: .logarithmicEpsilon, y: .clientBits, series: page.lines.map { page.curve($0, \.epsilon, \.bits) } + references)
  }

  /// Where more than epsilon decides the information there is no one line of it.
  private static func bounds(_ page: SweepPage) -> [Chart.Series] {
    let best = page.cheapest
    guard page.paths.isEmpty, let parameters = best.first?.parameters else { return [] }
    let information = best.compactMap { point in
      point.mean(\.epsilon).flatMap { x in point.mean(\.information).map { Chart.Point(x: x, y: $0) } }
    }
    return [
      .init("Gaussian I(X;Y)", information, isReference: true),
      .init(
        "lower bound F", information.flatMap { Report.lowerBounds(information: [$0], parameters: parameters) },
        isReference: true),
    ]
  }

  /// What plain floats take, where all points have models of one size.
  private static func floats(_ points: [SweepPoint]) -> [Chart.Series] {
    let floats = Set(points.compactMap(\.float32))
    guard floats.count == 1, let bits = floats.first, !points.contains(where: { $0.codec == "float32" }) else {
      return []
    }
    let ends = points.compactMap { $0.mean(\.epsilon) }
    return [
      .init(
        "float32", [ends.min(), ends.max()].compactMap { $0 }.map { Chart.Point(x: $0, y: bits) }, isReference: true)
    ]
  }
}
