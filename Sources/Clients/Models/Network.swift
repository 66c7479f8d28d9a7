import ChannelCoding
import Datasets

/// Convolutions, if any, then fully connected layers, with ReLU between layers, in float32. At the end is softmax cross-entropy, or the
/// squared error of one output. One dense layer alone is softmax regression, or linear regression.
///
/// Parameters are one flat vector: for each layer the weights, input by input (inputs x outputs, row-major), then the
/// biases. All arithmetic is in a fixed order, so results do not depend on threads; `NetworkWorkspace` does it.
public struct Network: Model, Equatable {
  public let layers: [Layer]
  /// Of an example.
  public let featureCount: Int
  /// Outputs of the last layer.
  public let classCount: Int
  public let parameterCount: Int
  public let output: Output

  /// What the last layer's outputs are, and by which loss they are learned.
  public enum Output: Sendable, Equatable {
    /// Scores of classes; softmax cross-entropy, in nats.
    case classes
    /// The one output y_hat for an example's target y; (y_hat - y)^2, whose gradient in y_hat is 2 (y_hat - y).
    case quantity

    /// What examples like these have.
    public init(for data: Dataset) { self = data.targets == nil ? .classes : .quantity }
  }

  /// - Parameters:
  ///   - layers: each takes what the one before gives; the last one is dense.
  ///   - output: what its outputs are; a quantity is one.
  public init(_ layers: [Layer], output: Output = .classes) {
    guard let first = layers.first, case .dense(_, let classes)? = layers.last else {
      preconditionFailure("a network ends with a dense layer")
    }
    precondition(output == .classes || classes == 1, "a quantity is one output")
    self.layers = layers
    self.output = output
    featureCount =
      switch first {
      case .dense(let inputs, _): inputs
      case .convolution(let layer): layer.height * layer.width * layer.inputs
      }
    classCount = classes
    parameterCount = layers.reduce(0) { $0 + $1.parameterCount }
    for (layer, next) in zip(layers, layers.dropFirst()) {
      switch next {
      case .dense(let inputs, _): precondition(inputs == layer.activationCount)
      case .convolution(let next):
        guard case .convolution(let layer) = layer else { preconditionFailure("an image after a dense layer") }
        precondition(
          layer.outputs == next.inputs && layer.pooledHeight == next.height && layer.pooledWidth == next.width)
      }
    }
  }

  /// A perceptron; softmax regression without hidden layers.
  public init(features: Int, hidden: [Int], classes: Int, output: Output = .classes) {
    let widths = [features] + hidden + [classes]
    self.init(zip(widths, widths.dropFirst()).map { .dense(inputs: $0, outputs: $1) }, output: output)
  }

  /// Convolutions of `channels` outputs each, then dense layers.
  ///
  /// - Returns: nil where pooling leaves nothing of the image.
  public init?(
    image: Dataset.ImageShape, channels: [Int], kernel: Int, hidden: [Int], classes: Int, output: Output = .classes
  ) {
    var layers: [Layer] = []
    var (height, width, inputs) = (image.height, image.width, image.channels)
    for outputs in channels {
      guard height > 1, width > 1 else { return nil }
      let layer = Convolution(height: height, width: width, inputs: inputs, outputs: outputs, kernel: kernel)
      layers.append(.convolution(layer))
      (height, width, inputs) = (layer.pooledHeight, layer.pooledWidth, outputs)
    }
    let widths = [height * width * inputs] + hidden + [classes]
    layers += zip(widths, widths.dropFirst()).map { .dense(inputs: $0, outputs: $1) }
    self.init(layers, output: output)
  }

  /// Hidden weights are normal with variance 2 / inputs [He et al. 2015], everything in the last layer is 0.
  ///
  /// A zero last layer starts at the uniform prediction, loss ln(classes), or at the quantity 0; and the first updates of all clients
  /// agree in scale: useful where they are clipped.
  public func initialParameters(_ random: inout RandomStream) -> [Float] {
    var parameters = [Float](repeating: 0, count: parameterCount)
    var offset = 0
    for layer in layers.dropLast() {
      let scale = (2 / Double(layer.inputs)).squareRoot()
      for i in 0..<(layer.inputs * layer.outputs) { parameters[offset + i] = Float(scale * random.normal()) }
      offset += layer.parameterCount
    }
    return parameters
  }

  /// In short, such as "64-64-10", "28x28x1-16c5-32c5-10", or "40x1-25c5s2-25c3m4-10" for a line with a stride of 2 and maxima of 4.
  public var shape: String {
    let first =
      switch layers[0] {
      case .dense(let inputs, _): "\(inputs)"
      case .convolution(let layer):
        (layer.height > 1 ? "\(layer.height)x" : "") + "\(layer.width)x\(layer.inputs)"
      }
    return
      ([first]
      + layers.map { layer in
        switch layer {
        case .dense(_, let outputs): "\(outputs)"
        case .convolution(let layer):
          "\(layer.outputs)c\(layer.kernel)" + (layer.stride > 1 ? "s\(layer.stride)" : "")
            + (layer.height == 1 && layer.pooling > 1 ? "m\(layer.pooling)" : "")
        }
      }).joined(separator: "-")
  }
}

// MARK: A model like any other

extension Network {
  public var paddedParameterCount: Int { paddedLayers.last?.range.upperBound ?? 0 }

  public func makeWorkspace(capacity: Int) -> NetworkWorkspace { NetworkWorkspace(self, capacity: capacity) }

  public func addGradient(
    of examples: ArraySlice<Int>, in data: Dataset, at parameters: FloatBuffer, scale: Float, to target: FloatBuffer,
    _ workspace: NetworkWorkspace, _ prepare: (Range<Int>) -> Void
  ) {
    workspace.forward(parameters, examples, of: data)
    if output == .quantity {
      let targets = Self.targets(of: data)
      workspace.backward(
        parameters, targets: { targets[examples[examples.startIndex + $0]] }, scale: scale, into: target,
        prepare: prepare)
      return
    }
    data.labels.withUnsafeBufferPointer { labels in
      workspace.backward(
        parameters, labels: { Int(labels[examples[examples.startIndex + $0]]) }, scale: scale, into: target,
        prepare: prepare)
    }
  }

  public func predictions(
    of examples: ArraySlice<Int>, in data: Dataset, at parameters: FloatBuffer, _ workspace: NetworkWorkspace
  ) -> [Prediction] {
    workspace.forward(parameters, examples, of: data)
    if output == .quantity {
      let targets = Self.targets(of: data)
      return workspace.squaredErrors(of: { targets[examples[examples.startIndex + $0]] })
    }
    return workspace.predictions { Int(data.labels[examples[examples.startIndex + $0]]) }
  }

  private static func targets(of data: Dataset) -> [Float] {
    guard let targets = data.targets else { preconditionFailure("a quantity is learned of examples that have one") }
    return targets
  }

  /// `layers.I.weight` (row-major, as torch.nn.Linear, Conv1d and Conv2d have it, with outputs first) and `layers.I.bias` of each layer.
  public var tensors: [ModelTensor] {
    layers.enumerated().flatMap { index, layer in
      let weight =
        switch layer {
        case .dense(let inputs, let outputs): [outputs, inputs]
        case .convolution(let shape):
          [shape.outputs, shape.inputs] + (shape.height > 1 ? [shape.kernelHeight] : []) + [shape.kernel]
        }
      return [
        ModelTensor(name: "layers.\(index).weight", shape: weight),
        ModelTensor(name: "layers.\(index).bias", shape: [layer.outputs]),
      ]
    }
  }

  public func values(of tensor: Int, in parameters: [Float]) -> [Float] {
    let index = tensor / 2
    let layer = layers[index]
    let first = layers[..<index].reduce(0) { $0 + $1.parameterCount }
    let biases = first + layer.inputs * layer.outputs
    if tensor % 2 == 1 { return Array(parameters[biases..<(biases + layer.outputs)]) }
    let order = torchInputs(of: index)
    var values: [Float] = []
    values.reserveCapacity(layer.inputs * layer.outputs)
    for output in 0..<layer.outputs {
      for input in order { values.append(parameters[first + input * layer.outputs + output]) }
    }
    return values
  }

  /// Our inputs in torch's order, which has channels before rows and columns, also where an image is flattened.
  private func torchInputs(of index: Int) -> [Int] {
    let (channels, height, width): (Int, Int, Int)
    switch (layers[index], index > 0 ? layers[index - 1] : nil) {
    case (.convolution(let shape), _): (channels, height, width) = (shape.inputs, shape.kernelHeight, shape.kernel)
    case (.dense, .convolution(let image)?):
      (channels, height, width) = (image.outputs, image.pooledHeight, image.pooledWidth)
    case (.dense(let inputs, _), _): return Array(0..<inputs)
    }
    return (0..<channels).flatMap { c in
      (0..<height).flatMap { y in (0..<width).map { x in (y * width + x) * channels + c } }
    }
  }
}
