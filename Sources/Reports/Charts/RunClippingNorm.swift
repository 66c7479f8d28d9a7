extension RunChart {
  /// Of a run whose clipping norm moves.
  public static let clippingNorm = RunChart("clipping", figures: [\.round, \.clippingNorm]) { run in
    guard Set(run.rounds.values(\.clippingNorm)).count > 1 else { return nil }
    return Chart(
      title: "Adaptive clipping",
      note: "The norm that updates are clipped to, from noisy counts: part of what is released.", x: .round,
      y: .init("clipping norm C", isLog: true), series: [.init("C", run.rounds.points(\.clippingNorm))])
  }
}
