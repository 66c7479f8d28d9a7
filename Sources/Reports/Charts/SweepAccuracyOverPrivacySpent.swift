extension SweepChart {
  public static let accuracyOverPrivacySpent = SweepChart("spent-accuracy", figures: [\.accuracy, \.epsilon]) { page in
    let curves = RoundCurves(page)
    return Chart(
      title: "Accuracy over privacy spent", note: curves.note + " Epsilon of the rounds so far.",
      x: .logarithmicEpsilon, y: .accuracy, series: curves.series(over: \.epsilon))
  }
}
