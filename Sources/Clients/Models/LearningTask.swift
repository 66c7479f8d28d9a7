/// What the clients' data are for. A model is of one task or of several.
public enum LearningTask: String, CaseIterable, Sendable {
  /// A label for each example.
  case classification
  /// A quantity for each example, by its squared error.
  case regression
  /// A posterior for each picture or signal, of which a sample is sent.
  case representation
  /// A posterior over a classifier's weights for each client, of which a sample is sent.
  case bayesianClassification = "bayesian-classification"

  /// Whether posteriors are sent behind the last round.
  public var isAboutPosteriors: Bool { self == .representation || self == .bayesianClassification }

  /// Whether a model is right or wrong about an example.
  public var hasAccuracy: Bool { self == .classification || self == .bayesianClassification }
}
