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

  /// Whether the model is for rows of symbols (`Dataset.symbolNames`), and for nothing else. The default is false: features are quantities.
  static var readsSymbols: Bool { get }

  /// The model for examples like these, which are rows of symbols where the model reads them.
  ///
  /// - Throws: `KeyProblem` with the key that asks for what the examples do not have.
  func makeModel(for data: Dataset) throws(KeyProblem) -> any Model
}

extension ModelArchitecture {
  public static var task: LearningTask { .classification }

  public static var tasks: [LearningTask] { [task] }

  public static var readsSymbols: Bool { false }

  /// The model for examples like these, if they are what it reads: symbols or quantities.
  ///
  /// - Throws: `KeyProblem` with the key that asks for what the examples do not have.
  public func model(for data: Dataset) throws(KeyProblem) -> any Model {
    if Self.readsSymbols, data.symbolNames == nil {
      throw KeyProblem(
        "kind", "the model reads rows of symbols, such as characters, and the data's features are quantities",
        allowed: "a model of quantities, such as \"perceptron\"")
    }
    if !Self.readsSymbols, let symbols = data.symbolNames {
      throw KeyProblem(
        "kind",
        "the model reads quantities, and the data's features are numbers of \(symbols.count) symbols, which have no order",
        allowed: "a model of symbols, such as \"character-lstm\"")
    }
    return try makeModel(for: data)
  }
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
        Choice(
          "convolutional-1d", "convolutions of a line with ReLU, strides and maxima, then fully connected layers",
          LineConvolutionalNetwork.self
        ) { $0 },
        Choice(
          "character-lstm", "embedded symbols, LSTM layers, and a linear layer after the last symbol, for text",
          CharacterLSTM.self
        ) { $0 },
        Choice(
          "external", "that of a program that computes the updates itself, known by its size alone", ExternalModel.self
        ) { $0 },
      ], alwaysWritten: ["hidden", "channels", "kernel"])
  }
}
