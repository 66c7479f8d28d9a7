import Datasets
import Settings

/// Fully connected layers with ReLU between them and softmax cross-entropy at the end.
public struct Perceptron: ModelArchitecture, Equatable {
  /// Widths of the hidden layers, from the first on.
  public var hidden: [Int]

  public init(hidden: [Int]) { self.hidden = hidden }

  public static let keys = SettingList(
    Perceptron(hidden: [1]),
    [
      Setting(
        "hidden", \.hidden, .integers(each: 1...100_000, count: 1...16), .needed("the widths of its hidden layers"),
        "widths of the hidden layers")
    ])

  public func makeModel(for data: Dataset) -> any Model {
    Network(features: data.featureCount, hidden: hidden, classes: data.classCount)
  }
}
