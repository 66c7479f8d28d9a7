import ChannelCoding
import Datasets
import Numerics

/// A model of rows of symbols: an embedding of each symbol, layers of long short-term memory [Hochreiter & Schmidhuber 1997, with a forget gate], and a
/// linear layer with softmax cross-entropy after the last symbol, in float32.
///
/// At place t a layer has the gates i, f, o = sigmoid and the candidate g = tanh of W x_t + b + U h_(t-1) + b', each of its own rows; then c_t = f
/// c_(t-1) + i g and h_t = o tanh c_t, from h_0 = c_0 = 0. x_t is the symbol's embedding, or h_t of the layer below. Both biases are there because
/// torch.nn.LSTM has both: an optimizer then takes the same steps.
///
/// Parameters are one flat vector: the embedding (symbols x embedding); of each layer W (inputs x 4 hidden), U (hidden x 4 hidden), both input by
/// input with the gates in the order i, f, g, o, then b and b'; the linear layer's weights (hidden x classes) and biases.
/// All arithmetic is in a fixed order, and sigmoid and tanh come from the kernels' exponential function in double: the same bits for any number of
/// threads and every instruction set. `RecurrentWorkspace` does it.
///
/// - Cost: of an example about 3 x 8 x length x hidden x (inputs + hidden) operations a layer.
public struct RecurrentNetwork: Model, Equatable {
  /// Different symbols, of which a feature is one.
  public let symbolCount: Int
  /// Symbols of an example.
  public let length: Int
  public let classCount: Int
  /// Values that stand for a symbol.
  public let embedding: Int
  /// Width of each layer.
  public let hidden: Int
  public let layers: Int
  /// The embedding; W, U and the two biases of each layer; the linear layer with its biases as the last row.
  let blocks: [ParameterBlock]

  public init(symbols: Int, length: Int, classes: Int, embedding: Int, hidden: Int, layers: Int) {
    precondition(symbols > 0 && length > 0 && classes > 0 && embedding > 0 && hidden > 0 && layers > 0)
    (symbolCount, self.length, classCount) = (symbols, length, classes)
    (self.embedding, self.hidden, self.layers) = (embedding, hidden, layers)
    let ofLayers = (0..<layers).flatMap { layer in
      [(rows: layer == 0 ? embedding : hidden, width: 4 * hidden), (hidden, 4 * hidden), (2, 4 * hidden)]
    }
    blocks = ParameterBlock.sequence([(symbols, embedding)] + ofLayers + [(hidden + 1, classes)])
  }

  var embeddingBlock: ParameterBlock { blocks[0] }
  func inputBlock(_ layer: Int) -> ParameterBlock { blocks[1 + 3 * layer] }
  func recurrentBlock(_ layer: Int) -> ParameterBlock { blocks[2 + 3 * layer] }
  func biasBlock(_ layer: Int) -> ParameterBlock { blocks[3 + 3 * layer] }
  var outputBlock: ParameterBlock { blocks[blocks.count - 1] }
  /// The linear layer, as a network of one layer.
  var output: Network { Network(features: hidden, hidden: [], classes: classCount) }

  public var parameterCount: Int { blocks.reduce(0) { $0 + $1.count } }

  public var paddedParameterCount: Int { blocks.reduce(0) { $0 + $1.paddedCount } }

  /// Places, symbols, embedding, layers and classes, such as "80x90-8e-256r-256r-90".
  public var shape: String {
    (["\(length)x\(symbolCount)", "\(embedding)e"] + Array(repeating: "\(hidden)r", count: layers) + ["\(classCount)"])
      .joined(separator: "-")
  }

  /// Embeddings are standard normal; all that the recurrent layers have is uniform on +-1 / sqrt(hidden), as torch has it; the last layer is 0, as in
  /// our other models.
  public func initialParameters(_ random: inout RandomStream) -> [Float] {
    var parameters = [Float](repeating: 0, count: parameterCount)
    for i in 0..<embeddingBlock.count { parameters[i] = Float(random.normal()) }
    let bound = 1 / Double(hidden).squareRoot()
    for i in embeddingBlock.count..<outputBlock.flatOffset {
      parameters[i] = Float(bound * (2 * random.uniform() - 1))
    }
    return parameters
  }

  public func padding(_ parameters: [Float]) -> FloatBuffer {
    precondition(parameters.count == parameterCount)
    let result = FloatBuffer(count: paddedParameterCount)
    parameters.withUnsafeBufferPointer { flat in
      guard let from = flat.baseAddress else { return }
      for block in blocks { block.pad(from, into: result.start) }
    }
    return result
  }

  public func difference(_ later: FloatBuffer, _ earlier: FloatBuffer) -> [Float] {
    var flat: [Float] = []
    flat.reserveCapacity(parameterCount)
    for block in blocks {
      for row in 0..<block.rows {
        let place = block.offset + row * block.stride
        for i in place..<(place + block.width) { flat.append(later.start[i] - earlier.start[i]) }
      }
    }
    return flat
  }

  public func makeWorkspace(capacity: Int) -> RecurrentWorkspace { RecurrentWorkspace(self, capacity: capacity) }

  public func addGradient(
    of examples: ArraySlice<Int>, in data: Dataset, at parameters: FloatBuffer, scale: Float, to target: FloatBuffer,
    _ workspace: RecurrentWorkspace, _ prepare: (Range<Int>) -> Void
  ) {
    let gradient = workspace.gradient(of: examples, in: data, at: parameters, scale: scale)
    prepare(0..<gradient.count)
    for i in 0..<gradient.count { target.start[i] += gradient.start[i] }
  }

  public func predictions(
    of examples: ArraySlice<Int>, in data: Dataset, at parameters: FloatBuffer, _ workspace: RecurrentWorkspace
  ) -> [Prediction] {
    workspace.predictions(of: examples, in: data, at: parameters)
  }
}

// MARK: Tensors with torch's names and orders

extension RecurrentNetwork {
  /// `embedding.weight`; `lstm.weight_ih_lL`, `lstm.weight_hh_lL`, `lstm.bias_ih_lL` and `lstm.bias_hh_lL` of layer L, with the gates i, f, g, o one
  /// after another; `output.weight` and `output.bias`: as torch.nn.Embedding, LSTM and Linear have them.
  public var tensors: [ModelTensor] {
    let ofLayers = (0..<layers).flatMap { layer in
      [
        ModelTensor(name: "lstm.weight_ih_l\(layer)", shape: [4 * hidden, inputBlock(layer).rows]),
        ModelTensor(name: "lstm.weight_hh_l\(layer)", shape: [4 * hidden, hidden]),
        ModelTensor(name: "lstm.bias_ih_l\(layer)", shape: [4 * hidden]),
        ModelTensor(name: "lstm.bias_hh_l\(layer)", shape: [4 * hidden]),
      ]
    }
    return [ModelTensor(name: "embedding.weight", shape: [symbolCount, embedding])] + ofLayers + [
      ModelTensor(name: "output.weight", shape: [classCount, hidden]),
      ModelTensor(name: "output.bias", shape: [classCount]),
    ]
  }

  public func values(of tensor: Int, in parameters: [Float]) -> [Float] {
    if tensor == 0 { return Array(parameters[..<embeddingBlock.count]) }
    let (layer, part) = (tensor - 1).quotientAndRemainder(dividingBy: 4)
    guard layer < layers else {
      let (first, weights) = (outputBlock.flatOffset, hidden * classCount)
      if part == 1 { return Array(parameters[(first + weights)...]) }
      return ParameterBlock(rows: hidden, width: classCount, flatOffset: first, offset: 0).turned(parameters)
    }
    switch part {
    case 0: return inputBlock(layer).turned(parameters)
    case 1: return recurrentBlock(layer).turned(parameters)
    default:
      let first = biasBlock(layer).flatOffset + (part - 2) * 4 * hidden
      return Array(parameters[first..<(first + 4 * hidden)])
    }
  }
}
