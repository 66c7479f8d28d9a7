extension SweepChart {
  public static let accuracyOverPrivacySpent = SweepChart("spent-accuracy", figures: [\.accuracy, \.epsilon]) { page in
    let stopsEarly = page.points.contains { point in
      ["evaluation.stopAfter", "evaluation.targetAccuracy"].contains {
        point.settings[$0].map { $0 != "null" } ?? false
      }
    }
    return RoundCurves(page).chart(
      "Accuracy over privacy spent",
      note: "Epsilon of the rounds so far." + (stopsEarly ? " \(RunChart.claimNote)" : ""), x: .logarithmicEpsilon,
      over: \.epsilon)
  }
}
