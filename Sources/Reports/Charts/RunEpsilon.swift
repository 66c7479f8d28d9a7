extension RunChart {
  public static let epsilon = RunChart("epsilon", figures: [\.round, \.epsilon, \.epsilonLowerBound]) { run in
    Chart(
      title: "Privacy spent", x: .round, y: .epsilon,
      series: [
        .init("at most", run.rounds.points(\.epsilon)),
        .init("at least", run.rounds.points(\.epsilonLowerBound), isReference: true),
      ])
  }
}
