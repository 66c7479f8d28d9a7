extension RunChart {
  public static let accuracyOverEpsilon = RunChart("accuracy-epsilon", figures: [\.accuracy, \.epsilon]) { run in
    Chart(
      title: "Accuracy over privacy spent", x: .epsilon, y: .accuracy,
      series: [.init("test examples", run.rounds.points(\.accuracy, scale: 100, over: \.epsilon))])
  }
}
