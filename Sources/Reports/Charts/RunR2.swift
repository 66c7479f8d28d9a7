extension RunChart {
  /// Of a model of a quantity.
  public static let r2 = RunChart("r2", figures: [\.round, \.r2]) { run in
    guard run.rounds.points(\.r2).count > 1 else { return nil }
    return Chart(
      title: "R^2 over rounds", note: "1 less the mean squared error over the variance of the test examples' targets.",
      x: .round, y: Chart.Axis("R^2"), series: [.init("test examples", run.rounds.points(\.r2))])
  }
}
