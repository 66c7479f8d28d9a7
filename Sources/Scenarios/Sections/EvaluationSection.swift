import Settings

/// When the model is evaluated on the test examples.
public struct EvaluationSection: ScenarioSection, Equatable {
  /// Rounds between evaluations; the last round is always evaluated.
  public var every: Int

  public init(every: Int = 5) { self.every = every }

  public static let section = "evaluation"

  public static let keys = SettingList(
    EvaluationSection(),
    [
      Setting(
        "every", \.every, .integer(1...1_000_000),
        "rounds between evaluations on the test examples; the last round is always evaluated")
    ])
}
