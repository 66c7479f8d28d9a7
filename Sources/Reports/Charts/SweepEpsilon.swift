extension SweepChart {
  /// Epsilon over what varied, where it is another thing that changes epsilon: the cohort, or the number of rounds.
  public static let epsilon = SweepChart("epsilon") { page in
    guard page.hasOtherEpsilon else { return nil }
    return page.chart("Privacy spent", y: .epsilon, figure: page.mean(\.epsilon))
  }
}
