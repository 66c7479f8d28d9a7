import Settings

/// When the model is evaluated on the test examples.
public struct EvaluationSection: ScenarioSection, Equatable {
  /// Rounds between evaluations; the last round is always evaluated.
  public var every: Int
  /// Whether all metrics of the last model are written: evaluation.json.
  public var metrics: Bool?
  /// Whether the last model is measured on each client's own test examples: clients.csv. Nil: where `data.testOf` is each client.
  public var clients: Bool?
  /// Epochs of local training after which clients' own tests are measured again; nil for none.
  public var fineTuneEpochs: Int?

  public init(every: Int = 5, metrics: Bool? = nil, clients: Bool? = nil, fineTuneEpochs: Int? = nil) {
    self.every = every
    (self.metrics, self.clients, self.fineTuneEpochs) = (metrics, clients, fineTuneEpochs)
  }

  public static let section = "evaluation"

  public static let keys = SettingList(
    EvaluationSection(),
    [
      Setting(
        "every", \.every, .integer(1...1_000_000),
        "rounds between evaluations on the test examples; the last round is always evaluated"),
      Setting(
        "metrics", \.metrics, .flag, .absent("false"),
        "whether all metrics of the last model are written to `evaluation.json`: a confusion matrix, precision, recall and F1 of each class, macro "
          + "F1, AUC of two classes; for regression RMSE, mean absolute error and R^2"),
      Setting(
        "clients", \.clients, .flag, .absent("true where `data.testOf` is `each-client`"),
        "whether the last model is measured on each client's own test examples (`clients.csv`): those that `data.testOf` keeps, or whose client "
          + "the source names"),
      Setting(
        "fineTuneEpochs", \.fineTuneEpochs, .integer(1...1_000_000), .absent("no fine-tuning"),
        "epochs in which each client trains the last model on its own training examples, by the rule of `training`, to be measured on its own "
          + "test again"),
    ])
}
