import Datasets
import Settings

/// Fully connected layers with ReLU between them; at the end softmax cross-entropy, or the squared error of one quantity.
public struct Perceptron: ModelArchitecture, Equatable {
  /// Widths of the hidden layers, from the first on.
  public var hidden: [Int]

  public init(hidden: [Int]) { self.hidden = hidden }

  public static let tasks: [LearningTask] = [.classification, .regression]

  public static let keys = SettingList(
    Perceptron(hidden: [1]),
    [
      Setting(
        "hidden", \.hidden, .integers(each: 1...100_000, count: 1...16), .needed("the widths of its hidden layers"),
        "widths of the hidden layers")
    ])

  public func makeModel(for data: Dataset) -> any Model {
    Network(features: data.featureCount, hidden: hidden, classes: data.classCount, output: .init(for: data))
  }
}
