extension SweepChart {
  /// Loss of the last model over what varied.
  public static let loss = SweepChart("loss") { page in
    page.chart(
      "Loss", note: "Mean over the test examples, of the last model. \(page.barNote)",
      y: Chart.Axis(page.points.contains { !$0.r2.isEmpty } ? "mean squared error" : "loss, nats"),
      figure: page.mean(\.loss))
  }
}
