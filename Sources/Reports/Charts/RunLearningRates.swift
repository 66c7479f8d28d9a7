extension RunChart {
  /// Of a run whose rates follow a schedule.
  public static let learningRates = RunChart(
    "rates", figures: [\.round, \.clientLearningRate, \.serverLearningRate]
  ) { run in
    let series = [
      Chart.Series("clients", run.rounds.points(\.clientLearningRate)),
      Chart.Series("server", run.rounds.points(\.serverLearningRate)),
    ].filter { !$0.points.isEmpty }
    guard !series.isEmpty else { return nil }
    return Chart(
      title: "Learning rates", note: "By the schedules of the scenario, which follow from the plan alone.", x: .round,
      y: .init("rate", isLog: true), series: series)
  }
}
