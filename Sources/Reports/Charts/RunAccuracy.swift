extension RunChart {
  public static let accuracy = RunChart("accuracy", figures: [\.round, \.accuracy, \.clientAccuracyMean]) { run in
    let ends = run.rounds.values(\.round)
    let baseline = run.summary.number(\.majorityClassAccuracy).map { share in
      [ends.min(), ends.max()].compactMap { $0 }.map { Chart.Point(x: $0, y: 100 * share) }
    }
    return Chart(
      title: "Accuracy over rounds", x: .round, y: .accuracy,
      series: [
        .init("test examples", run.rounds.points(\.accuracy, scale: 100)),
        .init("clients' own, mean", run.rounds.points(\.clientAccuracyMean, scale: 100)),
        .init("always the most frequent class", baseline ?? [], isReference: true),
      ])
  }
}
