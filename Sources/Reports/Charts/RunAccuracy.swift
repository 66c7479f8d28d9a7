extension RunChart {
  public static let accuracy = RunChart("accuracy", figures: [\.round, \.accuracy, \.clientAccuracyMean]) { run in
    Chart(
      title: "Accuracy over rounds", x: .round, y: .accuracy,
      series: [
        .init("test examples", run.rounds.points(\.accuracy, scale: 100)),
        .init("clients' own, mean", run.rounds.points(\.clientAccuracyMean, scale: 100)),
      ])
  }
}
