import RunFiles

extension SweepChart {
  /// Of a sweep whose clients have more than one example.
  public static let accuracyOverClients = SweepChart(
    "client-accuracy", figures: [\.clientAccuracyP10, \.clientAccuracyP50, \.clientAccuracyP90]
  ) { page in
    guard page.hasSpreadOfAccuracy else { return nil }
    return page.chart(
      "Accuracy over clients",
      note: "On clients' own examples in the last round: median, 10th to 90th percentile; means over repeats.",
      y: .accuracy
    ) { point in
      let ends = Report.quantiles.map { figure in
        SweepTable.Estimate(point.rounds.compactMap { $0.values(figure).last })
      }
      guard let low = ends[0]?.mean, let middle = ends[1]?.mean, let high = ends[2]?.mean, low <= high else {
        return nil
      }
      return SweepPage.Figure(100 * middle, range: (100 * low)...(100 * high))
    }
  }
}
