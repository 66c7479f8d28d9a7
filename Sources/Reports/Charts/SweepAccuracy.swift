extension SweepChart {
  /// Accuracy over what varied.
  public static let accuracy = SweepChart("accuracy") { page in
    page.chart("Accuracy", note: page.barNote, y: .accuracy, figure: page.mean(\.accuracy))
  }
}
