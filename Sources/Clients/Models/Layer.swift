/// One layer with parameters. All but the last are followed by ReLU.
public enum Layer: Sendable, Equatable {
  case dense(inputs: Int, outputs: Int)
  /// With stride 1 and zero padding that keeps height and width; followed by ReLU and 2 x 2 max pooling.
  case convolution(Convolution)

  /// Rows and columns of the weights: `inputs` products go into each output.
  public var inputs: Int {
    switch self {
    case .dense(let inputs, _): inputs
    case .convolution(let layer): layer.kernel * layer.kernel * layer.inputs
    }
  }

  public var outputs: Int {
    switch self {
    case .dense(_, let outputs): outputs
    case .convolution(let layer): layer.outputs
    }
  }

  /// Weights and biases.
  public var parameterCount: Int { (inputs + 1) * outputs }

  /// Activations that the next layer gets of one example.
  var activationCount: Int {
    switch self {
    case .dense(_, let outputs): outputs
    case .convolution(let layer): layer.pooledHeight * layer.pooledWidth * layer.outputs
    }
  }
}

/// The shape of a convolution. Images are height x width x channels, row-major; weights are kernel x kernel x inputs rows of
/// `outputs` values.
public struct Convolution: Sendable, Equatable {
  public let height: Int
  public let width: Int
  /// Channels of the image.
  public let inputs: Int
  public let outputs: Int
  /// Odd.
  public let kernel: Int

  public init(height: Int, width: Int, inputs: Int, outputs: Int, kernel: Int) {
    precondition(height > 1 && width > 1 && inputs > 0 && outputs > 0 && kernel > 0 && kernel % 2 == 1)
    self.height = height
    self.width = width
    self.inputs = inputs
    self.outputs = outputs
    self.kernel = kernel
  }

  var padding: Int { kernel / 2 }
  var paddedHeight: Int { height + 2 * padding }
  var paddedWidth: Int { width + 2 * padding }
  /// Pooling drops an odd last row or column.
  public var pooledHeight: Int { height / 2 }
  public var pooledWidth: Int { width / 2 }
}
