extension SweepChart {
  /// Accuracy over bits, where points differ in bits.
  public static let bitsAndAccuracy = SweepChart("bits-accuracy") { page in
    let bits = page.points.compactMap { $0.mean(\.bits) }
    guard let low = bits.min(), let high = bits.max(), high > 1.01 * low else { return nil }
    let bounds = SweepBounds(page)
    let hasBounds = page.panels.contains { !bounds.referencesOverBits($0).isEmpty }
    return page.chart(
      "Communication and accuracy",
      note: [page.barNote, hasBounds ? bounds.note : ""].filter { !$0.isEmpty }.joined(separator: " "),
      x: .clientBits, at: { point in point.mean(\.bits).map { .number($0) } }, y: .accuracy,
      panels: page.panelsOfTradeOffs,
      isJoined: { line in
        // What takes the same bits at all points would be a line up and down.
        let bits = line.points.compactMap { $0.mean(\.bits) }
        return page.isOverEpsilon && (bits.max() ?? 0) > 1.02 * (bits.min() ?? 0)
          && !line.points.contains(where: \.epsilon.isEmpty)
      }, references: bounds.referencesOverBits, figure: page.mean(\.accuracy))
  }
}
