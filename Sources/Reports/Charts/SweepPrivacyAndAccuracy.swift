extension SweepChart {
  public static let privacyAndAccuracy = SweepChart("privacy-accuracy") { page in
    Chart(
      title: "Privacy and accuracy", note: page.barNote, x: .logarithmicEpsilon, y: .accuracy,
      series: page.lines.map { page.curve($0, \.epsilon, \.accuracy) })
  }
}
