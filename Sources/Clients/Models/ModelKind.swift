import Datasets
import Settings

/// A kind of model, before the data are known: what a scenario chooses.
public protocol ModelKind: Sendable {
  /// The model for examples of a shape.
  func model(for examples: ExampleShape) throws(ModelError) -> any Model
}

/// What a model needs to know of examples.
public struct ExampleShape: Sendable, Equatable {
  public var featureCount: Int
  public var classCount: Int
  /// What an example is a picture of; nil where it is none.
  public var image: Dataset.ImageShape?

  public init(featureCount: Int, classCount: Int, image: Dataset.ImageShape? = nil) {
    self.featureCount = featureCount
    self.classCount = classCount
    self.image = image
  }

  public init(_ data: Dataset) {
    self.init(featureCount: data.featureCount, classCount: data.classCount, image: data.imageShape)
  }
}

/// Why a kind has no model for some examples.
public enum ModelError: Error, Equatable, CustomStringConvertible {
  /// A model of images, and examples that are none.
  case noImages(features: Int)
  /// So many convolutions, each of which halves the image, that nothing is left of it.
  case imageTooSmall(convolutions: Int, image: Dataset.ImageShape)
  /// What another package's kind finds wrong.
  case other(String)

  public var description: String {
    switch self {
    case .noImages(let features):
      "\"convolutional\" needs images, and the data's \(features) features have no height and width"
    case .imageTooSmall(let convolutions, let image):
      "found \(convolutions) convolutions, which halve images of \(image.height) x \(image.width) more often than they can be"
    case .other(let reason): reason
    }
  }
}

/// Softmax regression: one dense layer.
public struct SoftmaxRegression: ModelKind {
  public init() {}

  public func model(for examples: ExampleShape) throws(ModelError) -> any Model {
    Network(features: examples.featureCount, hidden: [], classes: examples.classCount)
  }
}

extension SoftmaxRegression: Configurable {
  public static let keys = SettingList(SoftmaxRegression(), [])
}

/// Dense layers with ReLU between them.
public struct Perceptron: ModelKind {
  /// The widths of the hidden layers.
  public var hidden: [Int]

  public init(hidden: [Int]) { self.hidden = hidden }

  public func model(for examples: ExampleShape) throws(ModelError) -> any Model {
    Network(features: examples.featureCount, hidden: hidden, classes: examples.classCount)
  }
}

private let hiddenRange = KeyRange.integers(each: 1...100_000, count: 1...16)

extension Perceptron: Configurable {
  public static let keys = SettingList(
    Perceptron(hidden: []),
    [
      Setting(
        "hidden", \.hidden, hiddenRange, .needed("the widths of its hidden layers"), "widths of the hidden layers")
    ])
}

/// Convolutions with ReLU and 2 x 2 maxima, then dense layers.
public struct ConvolutionalNetwork: ModelKind {
  /// The outputs of the convolutions: each keeps height and width.
  public var channels: [Int]
  /// The height and width of the convolutions, an odd number.
  public var kernel: Int
  /// The widths of the hidden layers after the images; nil for none.
  public var hidden: [Int]?

  public init(channels: [Int], kernel: Int = 5, hidden: [Int]? = nil) {
    self.channels = channels
    self.kernel = kernel
    self.hidden = hidden
  }

  public func model(for examples: ExampleShape) throws(ModelError) -> any Model {
    guard let image = examples.image else { throw .noImages(features: examples.featureCount) }
    guard
      let network = Network(
        image: image, channels: channels, kernel: kernel, hidden: hidden ?? [], classes: examples.classCount)
    else { throw .imageTooSmall(convolutions: channels.count, image: image) }
    return network
  }
}

extension ConvolutionalNetwork: Configurable {
  public static let keys = SettingList(
    ConvolutionalNetwork(channels: []),
    [
      Setting(
        "hidden", \.hidden, hiddenRange, .unset("none after the images"), "widths of the hidden layers after the images"
      ),
      Setting(
        "channels", \.channels, .integers(each: 1...4096, count: 1...8), .needed("the outputs of its convolutions"),
        "outputs of the convolutions: each keeps height and width (zero padding), then ReLU and 2 x 2 maxima"),
      Setting("kernel", \.kernel, .integer(1...31), "height and width of the convolutions, an odd number"),
    ])

  public var problem: KeyProblem? {
    kernel % 2 == 1 ? nil : KeyProblem("kernel", "found \(kernel)", allowed: "an odd number from 1 to 31")
  }
}

extension Choices where Value == any ModelKind {
  /// Ours, as a scenario's `model.kind` names them.
  public static let standard = Choices(
    [
      Choice("softmax-regression", "one dense layer", SoftmaxRegression.self) { $0 },
      Choice("perceptron", "dense layers with ReLU between them", Perceptron.self) { $0 },
      Choice("convolutional", "convolutions, then dense layers", ConvolutionalNetwork.self) { $0 },
    ], alwaysWritten: ["hidden", "channels", "kernel"])
}
