import Datasets
import Settings

/// Convolutions, each with ReLU and 2 x 2 maxima, then fully connected layers; at the end softmax cross-entropy, or the squared error of
/// one quantity.
public struct ConvolutionalNetwork: ModelArchitecture, Equatable {
  /// Widths of the hidden layers after the convolutions; nil for none.
  public var hidden: [Int]?
  /// Outputs of the convolutions, from the first on.
  public var channels: [Int]
  /// Height and width of every convolution, an odd number.
  public var kernel: Int

  public init(channels: [Int], kernel: Int = 5, hidden: [Int]? = nil) {
    self.channels = channels
    self.kernel = kernel
    self.hidden = hidden
  }

  public static let tasks: [LearningTask] = [.classification, .regression]

  public static let keys = SettingList(
    ConvolutionalNetwork(channels: [1]),
    [
      Setting(
        "hidden", \.hidden, .integers(each: 1...100_000, count: 1...16), .unset("no hidden layer"),
        "widths of the hidden layers after the convolutions"),
      Setting(
        "channels", \.channels, .integers(each: 1...4096, count: 1...8), .needed("the outputs of its convolutions"),
        "outputs of the convolutions: each keeps height and width (zero padding), then ReLU and 2 x 2 maxima"),
      Setting(
        "kernel", \.kernel, .integer(1...31), "height and width of the convolutions, an odd number"),
    ])

  public var problem: KeyProblem? {
    kernel % 2 == 1 ? nil : KeyProblem("kernel", "found \(kernel)", allowed: "an odd number from 1 to 31")
  }

  public func makeModel(for data: Dataset) throws(KeyProblem) -> any Model {
    guard let image = data.imageShape else {
      throw KeyProblem(
        "kind",
        "\"convolutional\" needs images, and the data's \(data.featureCount) features have no height and width",
        allowed: "a model without convolutions")
    }
    guard
      let network = Network(
        image: image, channels: channels, kernel: kernel, hidden: hidden ?? [], classes: data.classCount,
        output: .init(for: data))
    else {
      throw KeyProblem(
        "channels",
        "found \(channels.count) convolutions, which halve images of \(image.height) x \(image.width) more often than they can be",
        allowed: "fewer convolutions")
    }
    return network
  }
}
