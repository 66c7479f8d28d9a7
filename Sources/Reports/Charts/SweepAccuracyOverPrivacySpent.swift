extension SweepChart {
  public static let accuracyOverPrivacySpent = SweepChart("spent-accuracy", figures: [\.accuracy, \.epsilon]) { page in
    RoundCurves(page).chart(
      "Accuracy over privacy spent", note: "Epsilon of the rounds so far.", x: .logarithmicEpsilon, over: \.epsilon)
  }
}
