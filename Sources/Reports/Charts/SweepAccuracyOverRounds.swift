extension SweepChart {
  public static let accuracyOverRounds = SweepChart("rounds-accuracy", figures: [\.round, \.accuracy]) { page in
    let curves = RoundCurves(page)
    return Chart(
      title: "Accuracy over rounds", note: curves.note, x: .round, y: .accuracy,
      series: curves.series(over: \.round))
  }
}
