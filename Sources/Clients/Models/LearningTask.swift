/// What the clients' data are for. A model is of one task.
public enum LearningTask: String, CaseIterable, Sendable {
  /// A label for each example.
  case classification
  /// A posterior for each picture or signal, of which a sample is sent.
  case representation
  /// A posterior over a classifier's weights for each client, of which a sample is sent.
  case bayesianClassification = "bayesian-classification"
}
