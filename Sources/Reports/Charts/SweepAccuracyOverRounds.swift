extension SweepChart {
  public static let accuracyOverRounds = SweepChart("rounds-accuracy", figures: [\.round, \.accuracy]) { page in
    RoundCurves(page).chart("Accuracy over rounds", x: .round, over: \.round)
  }
}
