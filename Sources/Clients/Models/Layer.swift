/// One layer with parameters. All but the last are followed by ReLU.
public enum Layer: Sendable, Equatable {
  case dense(inputs: Int, outputs: Int)
  /// Of an image or of a line; followed by ReLU and, where its shape says so, maxima of neighbours.
  case convolution(Convolution)

  /// Rows and columns of the weights: `inputs` products go into each output.
  public var inputs: Int {
    switch self {
    case .dense(let inputs, _): inputs
    case .convolution(let layer): layer.kernelHeight * layer.kernel * layer.inputs
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

/// The shape of a convolution. Images are height x width x channels, row-major, and a line is an image of height 1; weights are
/// kernel height x kernel x inputs rows of `outputs` values.
///
/// Zero padding lets the kernel's middle stand on the first and on the last pixel. A line may have a stride s: the middle then stands on pixels
/// 0, s, 2 s, ..., so that ceil(width / s) outputs follow.
public struct Convolution: Sendable, Equatable {
  public let height: Int
  public let width: Int
  /// Channels of the image.
  public let inputs: Int
  public let outputs: Int
  /// The kernel's width; odd.
  public let kernel: Int
  /// The kernel's width again, or 1 of a line.
  public let kernelHeight: Int
  /// Pixels from one place of the kernel to the next; 1 of an image.
  public let stride: Int
  /// Of how many neighbours in a row the largest is kept; 2 of an image, which has two rows of as many.
  public let pooling: Int

  /// Of an image: stride 1, then maxima of 2 x 2.
  public init(height: Int, width: Int, inputs: Int, outputs: Int, kernel: Int) {
    precondition(height > 1 && width > 1 && inputs > 0 && outputs > 0 && kernel > 0 && kernel % 2 == 1)
    self.height = height
    self.width = width
    self.inputs = inputs
    self.outputs = outputs
    self.kernel = kernel
    kernelHeight = kernel
    stride = 1
    pooling = 2
  }

  /// Of a line.
  ///
  /// - Parameter pooling: 1 to 256; 1 for no maxima. At least one output must be left.
  public init(length: Int, inputs: Int, outputs: Int, kernel: Int, stride: Int = 1, pooling: Int = 1) {
    precondition(length > 0 && inputs > 0 && outputs > 0 && kernel > 0 && kernel % 2 == 1 && stride > 0)
    precondition((1...256).contains(pooling) && (length + stride - 1) / stride >= pooling)
    height = 1
    width = length
    self.inputs = inputs
    self.outputs = outputs
    self.kernel = kernel
    kernelHeight = 1
    self.stride = stride
    self.pooling = pooling
  }

  /// Of the rows' ends.
  var padding: Int { kernel / 2 }
  /// Rows above and below.
  var rowPadding: Int { kernelHeight / 2 }
  var paddedHeight: Int { height + 2 * rowPadding }
  var paddedWidth: Int { width + 2 * padding }
  /// Outputs in a row before pooling.
  var convolvedWidth: Int { (width + stride - 1) / stride }
  /// Pooling drops an odd last row, and pixels at the end that fill no window.
  public var pooledHeight: Int { height > 1 ? height / 2 : 1 }
  public var pooledWidth: Int { convolvedWidth / pooling }
}
