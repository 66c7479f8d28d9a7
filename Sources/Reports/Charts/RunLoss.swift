extension RunChart {
  /// Of a model that is neither right nor wrong: its objective.
  public static let loss = RunChart("loss", figures: [\.round, \.loss, \.accuracy]) { run in
    guard run.rounds.points(\.accuracy).isEmpty, run.rounds.points(\.loss).count > 1 else { return nil }
    if !run.rounds.points(\.r2).isEmpty {
      return Chart(
        title: "Mean squared error over rounds", note: "In squares of what targets are learned in.", x: .round,
        y: Chart.Axis("mean squared error"), series: [.init("test examples", run.rounds.points(\.loss))])
    }
    return Chart(
      title: "Objective over rounds", note: "Mean over test data, in the units of the model's loss.", x: .round,
      y: Chart.Axis("objective"), series: [.init("test data", run.rounds.points(\.loss))])
  }
}
