import Settings

/// When the model is evaluated on the test examples, and what follows from that.
public struct EvaluationSection: ScenarioSection, Equatable {
  /// Rounds between evaluations; the last round is always evaluated.
  public var every: Int
  /// By what one model is better than another; nil for the accuracy, or the loss where the task has none.
  public var bestBy: Metric?
  /// Whether the best model of all evaluations is kept beside the last.
  public var keepBest = false
  /// Evaluations in a row without an improvement, after which the run stops; nil for none.
  public var stopAfter: Int?
  /// By how much a model must be better to be an improvement; nil for 0: any better one is.
  public var minimumChange: Double?
  /// The accuracy with which the run stops; nil for none.
  public var targetAccuracy: Double?

  public enum Metric: String, CaseIterable, SettingValue {
    /// More is better.
    case accuracy
    /// Less is better.
    case loss
  }

  /// Whether all metrics of the last model are written: evaluation.json.
  public var metrics: Bool?
  /// Whether the last model is measured on each client's own test examples: clients.csv. Nil: where `data.testOf` is each client.
  public var clients: Bool?
  /// Epochs of local training after which clients' own tests are measured again; nil for none.
  public var fineTuneEpochs: Int?

  public init(
    every: Int = 5, bestBy: Metric? = nil, keepBest: Bool = false, stopAfter: Int? = nil, minimumChange: Double? = nil,
    targetAccuracy: Double? = nil, metrics: Bool? = nil, clients: Bool? = nil, fineTuneEpochs: Int? = nil
  ) {
    self.every = every
    self.bestBy = bestBy
    self.keepBest = keepBest
    self.stopAfter = stopAfter
    self.minimumChange = minimumChange
    self.targetAccuracy = targetAccuracy
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
        "bestBy", \.bestBy, .choice(Metric.self), .absent("the accuracy, or the loss where the task has none"),
        "by what one model is better than another, for `keepBest` and `stopAfter`",
        objection: { $0.watches ? nil : "it is for `keepBest` and `stopAfter`, and neither is set" }
      ),
      Setting(
        "keepBest", \.writtenKeepBest, .flag, .absent("as for false: the last model alone is written"),
        "true: the best model of all evaluations is kept, as `model-best.safetensors`; the test examples choose it, for which nothing is "
          + "claimed"),
      Setting(
        "stopAfter", \.stopAfter, .integer(1...1_000_000), .absent("all rounds are made"),
        "evaluations in a row without an improvement, after which the run stops; epsilon stays that of all planned rounds"
      ),
      Setting(
        "minimumChange", \.minimumChange, .number(0...1e6), .absent("0: any better model is an improvement"),
        "by more than this a model must be better than the last improvement to be one",
        objection: { $0.stopAfter == nil ? "it is for `stopAfter`, which is not set" : nil }),
      Setting(
        "targetAccuracy", \.targetAccuracy, .number(above: 0, upTo: 1), .absent("all rounds are made"),
        "share of the test examples with which the run stops, from the first evaluation that has it; epsilon stays that of all planned "
          + "rounds"),
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

  /// Absent where it is false, however that was said: a run has one scenario.json.
  var writtenKeepBest: Bool? {
    get { keepBest ? true : nil }
    set { keepBest = newValue ?? false }
  }

  /// Whether evaluations may end a run.
  package var stopsEarly: Bool { stopAfter != nil || targetAccuracy != nil }

  /// Whether it is of account which round's model is best.
  package var watches: Bool { stopsEarly || keepBest }

  /// What evaluations do beside being recorded, in words; nil where they do nothing.
  package var words: String? {
    var parts: [String] = []
    if let targetAccuracy { parts.append("stops with an accuracy of \(targetAccuracy)") }
    if let stopAfter {
      let change = minimumChange.map { " by more than \($0)" } ?? ""
      parts.append("stops after \(stopAfter) evaluations in a row without an improvement\(change)")
    }
    if keepBest { parts.append("keeps the best model") }
    guard !parts.isEmpty else { return nil }
    // Of a rule by accuracy alone nobody shall read that it goes by the loss.
    if let bestBy {
      parts.append("the best model is that of the \(bestBy == .loss ? "lowest loss" : "highest accuracy")")
    }
    return parts.joined(separator: ", ")
  }
}
