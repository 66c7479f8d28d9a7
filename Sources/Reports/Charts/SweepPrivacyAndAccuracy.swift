extension SweepChart {
  /// Accuracy over epsilon, where something else is varied and changes epsilon.
  public static let privacyAndAccuracy = SweepChart("privacy-accuracy") { page in
    guard page.hasOtherEpsilon else { return nil }
    // What a logarithmic axis has no place for.
    let word = { (point: SweepPoint) -> String? in
      point.mean(\.epsilon).map { $0 > 0 ? nil : "0" } ?? "none"
    }
    let words = Set(page.points.compactMap(word)).sorted()
    return page.chart(
      "Privacy and accuracy", note: page.barNote, x: Chart.Axis("epsilon", isLog: true, slots: words),
      at: { point in
        word(point).flatMap { words.firstIndex(of: $0) }.map { .slot($0) } ?? point.mean(\.epsilon).map { .number($0) }
      }, y: .accuracy, panels: page.panelsOfTradeOffs, isJoined: { _ in page.isOrdered }, figure: page.mean(\.accuracy))
  }
}
