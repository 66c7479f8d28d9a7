extension SweepChart {
  /// Bits of an upload over what varied, beside the information that they carry and the least that any code takes.
  public static let bits = SweepChart("bits") { page in
    let bounds = SweepBounds(page)
    return page.chart(
      "Bits of an upload", note: [page.barNote, bounds.note].filter { !$0.isEmpty }.joined(separator: " "),
      y: .clientBits, panels: bounds.panels, references: bounds.references, figure: page.mean(\.bits))
  }
}
