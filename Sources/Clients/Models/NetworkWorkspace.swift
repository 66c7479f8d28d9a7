import Datasets
import Numerics

/// Memory and arithmetic for minibatches through one network: forward, predictions, backward. One for each worker.
///
/// A batch is at most `capacity` examples; arithmetic is a product of matrices a layer (`Kernels.multiplyAdd`), each element
/// added up in a fixed order.
public final class NetworkWorkspace {
  public let network: Network
  public let capacity: Int
  let places: [PaddedLayer]
  private(set) var count = 0
  /// The batch, row by row.
  private let features: FloatBuffer
  /// Of each layer, with its own stride: dense layers capacity x stride, convolutions after pooling capacity x activations.
  private let activations: [FloatBuffer]
  private let deltas: [FloatBuffer]
  private let convolutions: [ConvolutionWorkspace?]
  private var probabilities: [Double]
  /// For a layer's product with the transposed weights.
  private let turnedDelta: FloatBuffer
  private let turnedResult: FloatBuffer
  private let one = FloatBuffer([1])

  public init(_ network: Network, capacity: Int) {
    precondition(capacity > 0)
    self.network = network
    self.capacity = capacity
    places = network.paddedLayers
    features = FloatBuffer(count: capacity * network.featureCount)
    let rows = network.layers.map { Self.rowStride($0) }
    activations = rows.map { FloatBuffer(count: capacity * $0) }
    deltas = rows.map { FloatBuffer(count: capacity * $0) }
    convolutions = network.layers.enumerated().map { i, layer in
      guard case .convolution(let shape) = layer else { return nil }
      return ConvolutionWorkspace(shape, capacity: capacity, isFirst: i == 0)
    }
    probabilities = [Double](repeating: 0, count: (capacity * network.classCount + 7) / 8 * 8)
    let dense = network.layers.dropFirst().compactMap { layer -> (inputs: Int, outputs: Int)? in
      if case .dense(let inputs, let outputs) = layer { return (inputs, outputs) }
      return nil
    }
    turnedDelta = FloatBuffer(count: padded(capacity) * (dense.map(\.outputs).max() ?? 0))
    turnedResult = FloatBuffer(count: padded(capacity) * (dense.map(\.inputs).max() ?? 0))
  }

  private static func rowStride(_ layer: Layer) -> Int {
    switch layer {
    case .dense(_, let outputs): padded(outputs)
    case .convolution: layer.activationCount
    }
  }

  /// Takes the examples of a batch in, and passes them through the network.
  ///
  /// - Parameter parameters: padded.
  public func forward(_ parameters: FloatBuffer, _ examples: ArraySlice<Int>, of data: Dataset) {
    precondition(examples.count <= capacity && data.featureCount == network.featureCount)
    count = examples.count
    data.features.withUnsafeBufferPointer { all in
      guard let from = all.baseAddress else { return }
      for (row, example) in examples.enumerated() {
        precondition(example >= 0 && example < data.count)
        (features.start + row * network.featureCount).update(
          from: from + example * network.featureCount, count: network.featureCount)
      }
    }
    forward(parameters)
  }

  /// Takes rows of another computation in, `row` floats apart, and passes them through the network.
  ///
  /// - Parameters:
  ///   - parameters: padded.
  ///   - count: at most `capacity`.
  func forward(_ parameters: FloatBuffer, rows: UnsafePointer<Float>, row: Int, count: Int) {
    precondition(count <= capacity && row >= network.featureCount)
    self.count = count
    for example in 0..<count {
      (features.start + example * network.featureCount).update(from: rows + example * row, count: network.featureCount)
    }
    forward(parameters)
  }

  /// The derivatives of the scaled loss by the scores of the last batch, after `backward`: rows, and floats from one to the next.
  var scoreDeltas: (start: UnsafePointer<Float>, row: Int) {
    (UnsafePointer(deltas[places.count - 1].start), places[places.count - 1].stride)
  }

  private func input(_ layer: Int) -> (start: UnsafeMutablePointer<Float>, row: Int) {
    layer == 0
      ? (features.start, network.featureCount)
      : (activations[layer - 1].start, Self.rowStride(network.layers[layer - 1]))
  }

  private func forward(_ parameters: FloatBuffer) {
    for (i, place) in places.enumerated() {
      let (from, row) = input(i)
      if let convolution = convolutions[i] {
        convolution.forward(parameters, place, from, count: count, into: activations[i].start)
        continue
      }
      let stride = place.stride
      let to = activations[i].start
      for example in 0..<count {
        (to + example * stride).update(from: parameters.start + place.biases, count: stride)
      }
      Kernels.best.multiplyAdd(
        .init(from, row: row, step: 1), parameters.start + place.offset, bRow: stride, into: to, cRow: stride,
        rows: count, columns: stride, steps: place.layer.inputs)
      if i < places.count - 1 {
        // Not max(x, 0): a diverged model must stay visible.
        for k in 0..<(count * stride) { to[k] = to[k] < 0 ? 0 : to[k] }
      }
    }
  }

  /// Probabilities of the last batch, shifted by the largest score so that nothing overflows; NaN where a score is not finite.
  private func softmax(_ body: (_ example: Int, _ scores: UnsafePointer<Float>, _ top: Float, _ total: Double) -> Void)
  {
    let classes = network.classCount
    let last = places[places.count - 1]
    let scores = activations[places.count - 1].start
    for example in 0..<count {
      let row = scores + example * last.stride
      var top = row[0]
      var isFinite = true
      for k in 0..<classes {
        if row[k] > top { top = row[k] }
        isFinite = isFinite && row[k].isFinite
      }
      for k in 0..<classes {
        probabilities[example * classes + k] = isFinite ? Double(row[k]) - Double(top) : 0
      }
      if !isFinite { probabilities[example * classes] = .nan }
    }
    let whole = (count * classes + 7) / 8 * 8
    for i in (count * classes)..<whole { probabilities[i] = 0 }
    let bad = (0..<count).filter { probabilities[$0 * classes].isNaN }
    probabilities.withUnsafeMutableBufferPointer { Kernels.best.exponentiate(.init(rebasing: $0[..<whole])) }
    for example in 0..<count {
      let row = scores + example * last.stride
      var top = row[0]
      var total = 0.0
      for k in 0..<classes {
        if row[k] > top { top = row[k] }
        total += probabilities[example * classes + k]
      }
      if bad.contains(example) { total = .nan }
      body(example, row, top, total)
    }
  }

  /// Of the last forward batch, in order.
  public func predictions(_ labels: (Int) -> Int) -> [Prediction] {
    var result: [Prediction] = []
    result.reserveCapacity(count)
    softmax { example, scores, top, total in
      let label = labels(example)
      guard total.isFinite else {
        result.append(Prediction(loss: .nan, isCorrect: false))
        return
      }
      var best = 0
      for k in 0..<network.classCount where scores[k] > scores[best] { best = k }
      result.append(
        Prediction(
          loss: Elementary.log(total) - (Double(scores[label]) - Double(top)), isCorrect: best == label,
          predictedClass: best, logOdds: network.classCount == 2 ? Double(scores[1]) - Double(scores[0]) : nil))
    }
    return result
  }

  /// Squared errors of the last forward batch, in order.
  func squaredErrors(of targets: (Int) -> Float) -> [Prediction] {
    let last = places[places.count - 1]
    let outputs = activations[places.count - 1].start
    return (0..<count).map { example in
      let error = Double(outputs[example * last.stride]) - Double(targets(example))
      return Prediction(loss: error.isFinite ? error * error : .nan, isCorrect: false)
    }
  }

  /// Adds `scale` times the gradient of the summed loss of the last forward batch to `target`, from the last layer to the
  /// first. `target` may be `parameters` itself: a layer changes after the gradient has passed through it.
  ///
  /// - Parameter prepare: called with a layer's range of padded parameters before they change.
  func backward(
    _ parameters: FloatBuffer, labels: (Int) -> Int, scale: Float, into target: FloatBuffer,
    prepare: (Range<Int>) -> Void = { _ in }
  ) {
    let classes = network.classCount
    let last = places[places.count - 1]
    let delta = deltas[places.count - 1].start
    softmax { example, _, _, total in
      let label = labels(example)
      for k in 0..<classes {
        let probability = probabilities[example * classes + k] / total
        delta[example * last.stride + k] = Float(probability - (k == label ? 1 : 0)) * scale
      }
    }
    propagate(parameters, into: target, prepare: prepare)
  }

  /// As the other one, of the summed squared error.
  func backward(
    _ parameters: FloatBuffer, targets: (Int) -> Float, scale: Float, into target: FloatBuffer,
    prepare: (Range<Int>) -> Void = { _ in }
  ) {
    let last = places[places.count - 1]
    let (outputs, delta) = (activations[places.count - 1].start, deltas[places.count - 1].start)
    for example in 0..<count {
      let error = Double(outputs[example * last.stride]) - Double(targets(example))
      delta[example * last.stride] = Float(2 * error) * scale
    }
    propagate(parameters, into: target, prepare: prepare)
  }

  /// From the last layer's delta to the first layer's parameters.
  private func propagate(_ parameters: FloatBuffer, into target: FloatBuffer, prepare: (Range<Int>) -> Void) {
    for (i, place) in places.enumerated().reversed() {
      let (from, row) = input(i)
      let delta = deltas[i].start
      if let convolution = convolutions[i] {
        convolution.spread(delta, count: count)
        if i > 0 {
          convolution.pass(parameters, place, count: count, mask: activations[i - 1].start, into: deltas[i - 1].start)
        }
        prepare(place.range)
        convolution.update(target, place, count: count)
        continue
      }
      if i > 0 { pass(parameters, place, delta, mask: from, row: row, into: deltas[i - 1].start) }
      prepare(place.range)
      // target += inputs^T delta
      Kernels.best.multiplyAdd(
        .init(from, row: 1, step: row), delta, bRow: place.stride, into: target.start + place.offset,
        cRow: place.stride,
        rows: place.layer.inputs, columns: place.stride, steps: count)
      // biases += ones^T delta
      Kernels.best.multiplyAdd(
        .init(one.start, row: 0, step: 0), delta, bRow: place.stride, into: target.start + place.biases,
        cRow: place.stride, rows: 1, columns: place.stride, steps: count)
    }
  }

  /// (delta weights^T) where the activation is above 0: as weights times the transposed delta, so that it is the same kernel.
  private func pass(
    _ parameters: FloatBuffer, _ place: PaddedLayer, _ delta: UnsafeMutablePointer<Float>,
    mask: UnsafeMutablePointer<Float>, row: Int, into result: UnsafeMutablePointer<Float>
  ) {
    let columns = padded(count)
    let (inputs, outputs) = (place.layer.inputs, place.layer.outputs)
    let (turned, product) = (turnedDelta.start, turnedResult.start)
    turned.update(repeating: 0, count: outputs * columns)
    for example in 0..<count {
      for k in 0..<outputs { turned[k * columns + example] = delta[example * place.stride + k] }
    }
    product.update(repeating: 0, count: inputs * columns)
    Kernels.best.multiplyAdd(
      .init(parameters.start + place.offset, row: place.stride, step: 1), turned, bRow: columns, into: product,
      cRow: columns, rows: inputs, columns: columns, steps: outputs)
    Kernels.best.rectifyColumns(
      product, stride: columns, activations: mask, into: result, row: row, width: inputs, count: count)
  }
}
