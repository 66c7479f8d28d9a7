import Datasets
import Settings

/// What a scenario says of a model before the data are known: from it and the shape of the examples follows the model.
///
/// Ours have a file each beside this one. One of another package conforms, and is registered as
/// `Choice("my-model", "one line", MyArchitecture.self) { $0 }`.
public protocol ModelArchitecture: Configurable {
  /// What the model is for. The default is classification.
  static var task: LearningTask { get }

  /// All that the model is for, where it can do more than one. The default is `task` alone.
  static var tasks: [LearningTask] { get }

  /// The model for examples like these.
  ///
  /// - Throws: `KeyProblem` with the key that asks for what the examples do not have.
  func makeModel(for data: Dataset) throws(KeyProblem) -> any Model
}

extension ModelArchitecture {
  public static var task: LearningTask { .classification }
  public static var tasks: [LearningTask] { [task] }
}

extension Choices where Value == any ModelArchitecture {
  /// The built-in models.
  public static var standard: Choices {
    Choices(
      [
        Choice("softmax-regression", "one linear layer", SoftmaxRegression.self) { $0 },
        Choice("linear-regression", "one linear layer, for task `regression`", LinearRegression.self) { $0 },
        Choice("perceptron", "fully connected layers with ReLU between them", Perceptron.self) { $0 },
        Choice(
          "convolutional", "convolutions with ReLU and 2 x 2 maxima, then fully connected layers",
          ConvolutionalNetwork.self
        ) { $0 },
      ], alwaysWritten: ["hidden", "channels", "kernel"])
  }
}
