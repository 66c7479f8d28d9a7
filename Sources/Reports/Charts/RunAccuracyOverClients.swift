extension RunChart {
  /// Of a run whose clients have more than one example.
  public static let accuracyOverClients = RunChart(
    "client-accuracy", figures: [\.round, \.clientAccuracyP10, \.clientAccuracyP50, \.clientAccuracyP90]
  ) { run in
    guard Report.spreads(run.rounds) else { return nil }
    return Chart(
      title: "Accuracy over clients",
      note: "Of the model that was sent, on each drawn client's own examples: median, 10th to 90th percentile.",
      x: .round, y: .accuracy,
      series: [
        .init(
          "median",
          run.rounds.points(\.clientAccuracyP50, scale: 100, range: (\.clientAccuracyP10, \.clientAccuracyP90)))
      ])
  }
}
