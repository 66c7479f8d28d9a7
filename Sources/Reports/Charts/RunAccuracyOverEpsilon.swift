import FedSim

extension RunChart {
  /// What a chart of rounds so far does not say of a run that the test examples ended.
  static let claimNote = "Where evaluations end a run, the claim is that of all planned rounds."

  public static let accuracyOverEpsilon = RunChart("accuracy-epsilon", figures: [\.accuracy, \.epsilon]) { run in
    Chart(
      title: "Accuracy over privacy spent",
      note: run.summary.plain(\.stoppedBy) == RunSummary.StopReason.evaluation.rawValue ? claimNote : "", x: .epsilon,
      y: .accuracy,
      series: [.init("test examples", run.rounds.points(\.accuracy, scale: 100, over: \.epsilon))])
  }
}
