extension SweepChart {
  /// R^2 over what varied, of runs that learn a quantity.
  public static let r2 = SweepChart("r2") { page in
    guard page.points.contains(where: { !$0.r2.isEmpty }) else { return nil }
    return page.chart("R^2", note: page.barNote, y: Chart.Axis("R^2"), figure: page.mean(\.r2))
  }
}
