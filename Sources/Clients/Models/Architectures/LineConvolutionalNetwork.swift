import Datasets
import Settings

/// Convolutions of a line, each with ReLU and maxima where they are asked for, then fully connected layers and softmax cross-entropy, or
/// a squared error for quantities: for signals and sequences, whose features have an order.
public struct LineConvolutionalNetwork: ModelArchitecture, Equatable {
  /// Widths of the hidden layers after the convolutions; nil for none.
  public var hidden: [Int]?
  /// Outputs of the convolutions, from the first on.
  public var channels: [Int]
  /// Widths of the convolutions, odd numbers: one for each, or one for all.
  public var kernels: [Int]
  /// How far apart the places of a kernel are: one for each convolution, or one for all.
  public var strides: [Int]
  /// Of how many neighbouring outputs the largest is kept, 1 for all of them: one for each convolution, or one for all.
  public var pooling: [Int]

  public init(
    channels: [Int], kernels: [Int] = [5], strides: [Int] = [1], pooling: [Int] = [1], hidden: [Int]? = nil
  ) {
    self.channels = channels
    self.kernels = kernels
    self.strides = strides
    self.pooling = pooling
    self.hidden = hidden
  }

  public static let tasks: [LearningTask] = [.classification, .regression]

  public static let keys = SettingList(
    LineConvolutionalNetwork(channels: [1]),
    [
      Setting(
        "hidden", \.hidden, .integers(each: 1...100_000, count: 1...16), .unset("no hidden layer"),
        "widths of the hidden layers after the convolutions"),
      Setting(
        "channels", \.channels, .integers(each: 1...4096, count: 1...16), .needed("the outputs of its convolutions"),
        "outputs of the convolutions, each followed by ReLU; zero padding of half a kernel at both ends"),
      Setting(
        "kernels", \.kernels, .integers(each: 1...1023, count: 1...16),
        "widths of the convolutions, odd numbers: one for each, or one for all"),
      Setting(
        "strides", \.strides, .integers(each: 1...1024, count: 1...16),
        "steps of the convolutions along the line, which keep ceil(length / stride) places: one for each, or one for all"
      ),
      Setting(
        "pooling", \.pooling, .integers(each: 1...256, count: 1...16),
        "of how many neighbouring outputs the largest is kept, 1 for all: one for each convolution, or one for all"),
    ])

  public var problem: KeyProblem? {
    for (name, list) in [("kernels", kernels), ("strides", strides), ("pooling", pooling)]
    where list.count != 1 && list.count != channels.count {
      return KeyProblem(
        name, "found \(list.count) for \(channels.count) convolutions",
        allowed: channels.count == 1 ? "one" : "one for each, or one for all")
    }
    if let even = kernels.first(where: { $0 % 2 == 0 }) {
      return KeyProblem("kernels", "found \(even)", allowed: "odd numbers from 1 to 1023")
    }
    return nil
  }

  public func makeModel(for data: Dataset) throws(KeyProblem) -> any Model {
    let shape = data.imageShape ?? .init(height: 1, width: data.featureCount, channels: 1)
    guard shape.height == 1 || shape.width == 1 else {
      throw KeyProblem(
        "kind",
        "\"convolutional-1d\" needs lines, and the data have pictures of \(shape.height) x \(shape.width)",
        allowed: "\"convolutional\", or another model")
    }
    let length = max(shape.height, shape.width)
    let all = { (list: [Int], i: Int) in list.count == 1 ? list[0] : list[i] }
    let convolutions = channels.indices.map {
      (outputs: channels[$0], kernel: all(kernels, $0), stride: all(strides, $0), pooling: all(pooling, $0))
    }
    guard
      let network = Network(
        length: length, channels: shape.channels, convolutions: convolutions, hidden: hidden ?? [],
        classes: data.classCount, output: .init(for: data))
    else {
      throw KeyProblem(
        "pooling", "found windows that are longer than what is left of a line of \(length)",
        allowed: "smaller windows or strides, or fewer convolutions")
    }
    return network
  }
}
