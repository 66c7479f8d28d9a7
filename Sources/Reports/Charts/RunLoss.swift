extension RunChart {
  /// Of a model that is neither right nor wrong: its objective.
  public static let loss = RunChart("loss", figures: [\.round, \.loss, \.accuracy]) { run in
    guard run.rounds.points(\.accuracy).isEmpty, run.rounds.points(\.loss).count > 1 else { return nil }
    return Chart(
      title: "Objective over rounds", note: "Mean over test data, in the units of the model's loss.", x: .round,
      y: Chart.Axis("objective"), series: [.init("test data", run.rounds.points(\.loss))])
  }
}
