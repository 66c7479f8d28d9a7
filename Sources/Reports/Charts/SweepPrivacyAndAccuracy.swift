extension SweepChart {
  /// Accuracy over epsilon, where something else is varied and changes epsilon.
  public static let privacyAndAccuracy = SweepChart("privacy-accuracy") { page in
    guard page.hasOtherEpsilon else { return nil }
    let lacks = page.points.contains { $0.epsilon.isEmpty }
    return page.chart(
      "Privacy and accuracy", note: page.barNote,
      x: Chart.Axis("epsilon", isLog: true, slots: lacks ? ["none"] : []),
      at: { point in point.mean(\.epsilon).map { .number($0) } ?? .slot(0) }, y: .accuracy,
      figure: page.mean(\.accuracy))
  }
}
