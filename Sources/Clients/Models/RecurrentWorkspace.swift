import Datasets
import Numerics

/// Memory and arithmetic for minibatches through one recurrent network: forward, predictions, and backward through time. One for each worker.
///
/// Examples are taken in parts of at most 16, so that memory does not grow with the batch. What does not wait for the place before (products with
/// a layer's inputs, all gradients of weights) is one product of matrices over all places; the rest is one product a place.
public final class RecurrentWorkspace {
  let network: RecurrentNetwork
  private let capacity: Int
  /// The last part's examples.
  private var count = 0
  /// The symbol of each place and example.
  private var symbols: [Int]
  /// Places x examples, as all rows here: place by place, examples within it. The symbols' embeddings.
  private let embedded: FloatBuffer
  private let layers: [Layer]
  /// Arguments and values of the exponential function.
  private let exponentials: UnsafeMutableBufferPointer<Double>
  /// The linear layer at the end, and a copy of its parameters.
  private let output: NetworkWorkspace
  private let outputParameters: FloatBuffer
  private var backward: Backward?

  /// What a layer remembers of a part, place by place.
  private struct Layer {
    /// i, f, g, o.
    let gates: FloatBuffer
    let cells: FloatBuffer
    let cellTanhs: FloatBuffer
    let hidden: FloatBuffer
    /// The sum of both biases.
    let biases: FloatBuffer

    init(_ network: RecurrentNetwork, rows: Int) {
      gates = FloatBuffer(count: rows * padded(4 * network.hidden))
      cells = FloatBuffer(count: rows * padded(network.hidden))
      cellTanhs = FloatBuffer(count: rows * padded(network.hidden))
      hidden = FloatBuffer(count: rows * padded(network.hidden))
      biases = FloatBuffer(count: padded(4 * network.hidden))
    }
  }

  /// What the gradient needs beside: made when one is asked for first.
  private struct Backward {
    /// Padded as the parameters.
    let gradient: FloatBuffer
    let outputGradient: FloatBuffer
    /// By the values under sigmoid and tanh, of one layer: places x examples.
    let gates: FloatBuffer
    /// By what a layer gives to the next, then by what it gets.
    let passed: FloatBuffer
    /// By h and c of the place before, through this layer's own time.
    let hidden: FloatBuffer
    let cells: FloatBuffer
    /// Of each layer, turned: 4 hidden rows.
    let turnedInputs: [FloatBuffer]
    let turnedRecurrent: [FloatBuffer]
    /// classes rows of hidden values.
    let turnedOutput: FloatBuffer
    let one = FloatBuffer([1])

    init(_ network: RecurrentNetwork, capacity: Int) {
      let rows = network.length * capacity
      let width = padded(network.hidden)
      gradient = FloatBuffer(count: network.paddedParameterCount)
      outputGradient = FloatBuffer(count: network.outputBlock.paddedCount)
      gates = FloatBuffer(count: rows * padded(4 * network.hidden))
      passed = FloatBuffer(count: rows * max(width, padded(network.embedding)))
      hidden = FloatBuffer(count: capacity * width)
      cells = FloatBuffer(count: capacity * width)
      turnedInputs = (0..<network.layers).map {
        FloatBuffer(count: 4 * network.hidden * padded(network.inputBlock($0).rows))
      }
      turnedRecurrent = (0..<network.layers).map { _ in FloatBuffer(count: 4 * network.hidden * width) }
      turnedOutput = FloatBuffer(count: network.classCount * width)
    }
  }

  init(_ network: RecurrentNetwork, capacity: Int) {
    precondition(capacity > 0)
    self.network = network
    let most = min(capacity, 16)
    self.capacity = most
    let rows = network.length * most
    symbols = [Int](repeating: 0, count: rows)
    embedded = FloatBuffer(count: rows * network.embedding)
    layers = (0..<network.layers).map { _ in Layer(network, rows: rows) }
    exponentials = .allocate(capacity: (most * 4 * network.hidden + 7) / 8 * 8)
    exponentials.initialize(repeating: 0)
    output = NetworkWorkspace(network.output, capacity: most)
    outputParameters = FloatBuffer(count: network.outputBlock.paddedCount)
  }

  deinit { exponentials.deallocate() }

  private func forEachPart(_ examples: ArraySlice<Int>, _ body: (ArraySlice<Int>) -> Void) {
    for first in stride(from: examples.startIndex, to: examples.endIndex, by: capacity) {
      body(examples[first..<min(first + capacity, examples.endIndex)])
    }
  }

  /// Loss and success of each example, in their order.
  func predictions(
    of examples: ArraySlice<Int>, in data: Dataset, at parameters: FloatBuffer
  ) -> [Prediction] {
    var result: [Prediction] = []
    result.reserveCapacity(examples.count)
    forEachPart(examples) { part in
      forward(parameters, part, of: data)
      result += output.predictions { Int(data.labels[part[part.startIndex + $0]]) }
    }
    return result
  }

  /// `scale` times the gradient of the summed loss, padded as the parameters. It is this workspace's own, and is there until the next call.
  func gradient(
    of examples: ArraySlice<Int>, in data: Dataset, at parameters: FloatBuffer, scale: Float
  ) -> FloatBuffer {
    let backward = self.backward ?? Backward(network, capacity: capacity)
    self.backward = backward
    backward.gradient.fill()
    backward.outputGradient.fill()
    for layer in 0..<network.layers {
      let inputs = network.inputBlock(layer)
      inputs.turn(parameters, into: backward.turnedInputs[layer], resultStride: padded(inputs.rows))
      network.recurrentBlock(layer).turn(
        parameters, into: backward.turnedRecurrent[layer], resultStride: padded(network.hidden))
    }
    let block = network.outputBlock
    ParameterBlock(rows: network.hidden, width: network.classCount, flatOffset: 0, offset: block.offset).turn(
      parameters, into: backward.turnedOutput, resultStride: padded(network.hidden))
    forEachPart(examples) { part in
      forward(parameters, part, of: data)
      output.backward(
        outputParameters, labels: { Int(data.labels[part[part.startIndex + $0]]) }, scale: scale,
        into: backward.outputGradient)
      passBack(backward)
    }
    (backward.gradient.start + block.offset).update(from: backward.outputGradient.start, count: block.paddedCount)
    return backward.gradient
  }
}

// MARK: Forward

extension RecurrentWorkspace {
  private func forward(_ parameters: FloatBuffer, _ examples: ArraySlice<Int>, of data: Dataset) {
    precondition(examples.count <= capacity && data.featureCount == network.length)
    count = examples.count
    embed(parameters, examples, of: data)
    for (index, layer) in layers.enumerated() { forward(parameters, index, layer) }
    let width = padded(network.hidden)
    let block = network.outputBlock
    outputParameters.start.update(from: parameters.start + block.offset, count: block.paddedCount)
    let last = layers[layers.count - 1].hidden.start + (network.length - 1) * count * width
    output.forward(outputParameters, rows: last, row: width, count: count)
  }

  private func embed(_ parameters: FloatBuffer, _ examples: ArraySlice<Int>, of data: Dataset) {
    let (block, size) = (network.embeddingBlock, network.embedding)
    data.features.withUnsafeBufferPointer { features in
      for (b, example) in examples.enumerated() {
        for t in 0..<network.length {
          let symbol = Int(features[example * network.length + t])
          precondition(symbol >= 0 && symbol < network.symbolCount)
          let row = t * count + b
          symbols[row] = symbol
          (embedded.start + row * size).update(
            from: parameters.start + block.offset + symbol * block.stride, count: size)
        }
      }
    }
  }

  /// What a layer gets: rows of `inputBlock(layer).rows` values, `row` floats apart.
  private func input(_ layer: Int) -> (start: UnsafeMutablePointer<Float>, row: Int) {
    layer == 0 ? (embedded.start, network.embedding) : (layers[layer - 1].hidden.start, padded(network.hidden))
  }

  private func forward(_ parameters: FloatBuffer, _ index: Int, _ layer: Layer) {
    let (inputs, recurrent, biases) = (
      network.inputBlock(index), network.recurrentBlock(index), network.biasBlock(index)
    )
    let (width, gateWidth) = (padded(network.hidden), recurrent.stride)
    let bias = parameters.start + biases.offset
    for k in 0..<gateWidth { layer.biases.start[k] = bias[k] + bias[gateWidth + k] }
    let rows = network.length * count
    for row in 0..<rows { (layer.gates.start + row * gateWidth).update(from: layer.biases.start, count: gateWidth) }
    let (from, row) = input(index)
    Kernels.best.multiplyAdd(
      .init(from, row: row, step: 1), parameters.start + inputs.offset, bRow: gateWidth, into: layer.gates.start,
      cRow: gateWidth, rows: rows, columns: gateWidth, steps: inputs.rows)
    for t in 0..<network.length {
      let gates = layer.gates.start + t * count * gateWidth
      if t > 0 {
        Kernels.best.multiplyAdd(
          .init(layer.hidden.start + (t - 1) * count * width, row: width, step: 1),
          parameters.start + recurrent.offset, bRow: gateWidth, into: gates, cRow: gateWidth, rows: count,
          columns: gateWidth, steps: network.hidden)
      }
      activateGates(gates, row: gateWidth)
      updateCells(layer, t)
    }
  }

  /// sigmoid and tanh of one place's gates, in place: 1 / (1 + e^-z) and (1 - e^-2z) / (1 + e^-2z), in double and rounded. What is not a number stays
  /// so: a diverged model must stay visible.
  private func activateGates(_ gates: UnsafeMutablePointer<Float>, row: Int) {
    let hidden = network.hidden
    guard let e = exponentials.baseAddress else { return }
    for b in 0..<count {
      let (z, x) = (gates + b * row, e + b * 4 * hidden)
      for k in 0..<(2 * hidden) { x[k] = -Double(z[k]) }
      for k in (2 * hidden)..<(3 * hidden) { x[k] = -2 * Double(z[k]) }
      for k in (3 * hidden)..<(4 * hidden) { x[k] = -Double(z[k]) }
    }
    exponentiate(count * 4 * hidden)
    for b in 0..<count {
      let (z, x) = (gates + b * row, e + b * 4 * hidden)
      for k in 0..<(2 * hidden) { z[k] = z[k] == z[k] ? Float(1 / (1 + x[k])) : z[k] }
      for k in (2 * hidden)..<(3 * hidden) { z[k] = z[k] == z[k] ? Float((1 - x[k]) / (1 + x[k])) : z[k] }
      for k in (3 * hidden)..<(4 * hidden) { z[k] = z[k] == z[k] ? Float(1 / (1 + x[k])) : z[k] }
    }
  }

  private func exponentiate(_ used: Int) {
    let whole = (used + 7) / 8 * 8
    for i in used..<whole { exponentials[i] = 0 }
    Kernels.best.exponentiate(.init(rebasing: exponentials[..<whole]))
  }

  /// c, tanh c and h of a place, from its gates and the place before.
  private func updateCells(_ layer: Layer, _ t: Int) {
    let (hidden, width, gateWidth) = (network.hidden, padded(network.hidden), padded(4 * network.hidden))
    guard let e = exponentials.baseAddress else { return }
    for b in 0..<count {
      let row = t * count + b
      let gates = layer.gates.start + row * gateWidth
      let (cell, x) = (layer.cells.start + row * width, e + b * hidden)
      if t > 0 {
        let before = cell - count * width
        for k in 0..<hidden { cell[k] = gates[hidden + k] * before[k] + gates[k] * gates[2 * hidden + k] }
      } else {
        for k in 0..<hidden { cell[k] = gates[k] * gates[2 * hidden + k] }
      }
      for k in 0..<hidden { x[k] = -2 * Double(cell[k]) }
    }
    exponentiate(count * hidden)
    for b in 0..<count {
      let row = t * count + b
      let gate = layer.gates.start + row * gateWidth + 3 * hidden
      let (cell, x) = (layer.cells.start + row * width, e + b * hidden)
      let (tanh, h) = (layer.cellTanhs.start + row * width, layer.hidden.start + row * width)
      for k in 0..<hidden {
        tanh[k] = cell[k] == cell[k] ? Float((1 - x[k]) / (1 + x[k])) : cell[k]
        h[k] = gate[k] * tanh[k]
      }
    }
  }
}

// MARK: Backward

extension RecurrentWorkspace {
  /// Adds the last part's gradient of all but the linear layer, from the scores' deltas on.
  private func passBack(_ backward: Backward) {
    let width = padded(network.hidden)
    let (length, rows) = (network.length, network.length * count)
    let passed = backward.passed.start
    passed.update(repeating: 0, count: rows * width)
    let delta = output.scoreDeltas
    Kernels.best.multiplyAdd(
      .init(delta.start, row: delta.row, step: 1), backward.turnedOutput.start, bRow: width,
      into: passed + (length - 1) * count * width, cRow: width, rows: count, columns: width, steps: network.classCount)
    for index in layers.indices.reversed() {
      passThroughTime(backward, index)
      addWeights(backward, index)
      let inputs = network.inputBlock(index)
      let inputWidth = padded(inputs.rows)
      passed.update(repeating: 0, count: rows * inputWidth)
      let gateWidth = inputs.stride
      Kernels.best.multiplyAdd(
        .init(backward.gates.start, row: gateWidth, step: 1), backward.turnedInputs[index].start, bRow: inputWidth,
        into: passed, cRow: inputWidth, rows: rows, columns: inputWidth, steps: inputs.width)
    }
    let block = network.embeddingBlock
    for row in 0..<rows {
      let to = backward.gradient.start + block.offset + symbols[row] * block.stride
      let from = passed + row * block.stride
      for k in 0..<block.width { to[k] += from[k] }
    }
  }

  /// The deltas of a layer's gates at all places, from the last to the first.
  private func passThroughTime(_ backward: Backward, _ index: Int) {
    let layer = layers[index]
    let (hidden, width, gateWidth) = (network.hidden, padded(network.hidden), padded(4 * network.hidden))
    backward.hidden.fill()
    backward.cells.fill()
    for t in (0..<network.length).reversed() {
      for b in 0..<count {
        let row = t * count + b
        let gates = layer.gates.start + row * gateWidth
        let delta = backward.gates.start + row * gateWidth
        let tanh = layer.cellTanhs.start + row * width
        let before = t > 0 ? layer.cells.start + (row - count) * width : nil
        let (above, own) = (backward.passed.start + row * width, backward.hidden.start + b * width)
        let cells = backward.cells.start + b * width
        for k in 0..<hidden {
          let (i, f, g, o) = (gates[k], gates[hidden + k], gates[2 * hidden + k], gates[3 * hidden + k])
          let h = above[k] + own[k]
          let c = cells[k] + h * o * (1 - tanh[k] * tanh[k])
          delta[k] = c * g * i * (1 - i)
          delta[hidden + k] = (before.map { c * $0[k] } ?? 0) * f * (1 - f)
          delta[2 * hidden + k] = c * i * (1 - g * g)
          delta[3 * hidden + k] = h * tanh[k] * o * (1 - o)
          cells[k] = c * f
        }
      }
      if t > 0 {
        backward.hidden.fill()
        Kernels.best.multiplyAdd(
          .init(backward.gates.start + t * count * gateWidth, row: gateWidth, step: 1),
          backward.turnedRecurrent[index].start, bRow: width, into: backward.hidden.start, cRow: width, rows: count,
          columns: width, steps: 4 * hidden)
      }
    }
  }

  /// Adds the gradient of a layer's weights and biases: sums over places from the first on, and over examples within each.
  private func addWeights(_ backward: Backward, _ index: Int) {
    let (inputs, recurrent, biases) = (
      network.inputBlock(index), network.recurrentBlock(index), network.biasBlock(index)
    )
    let (width, gateWidth) = (padded(network.hidden), recurrent.stride)
    let (delta, gradient) = (backward.gates.start, backward.gradient.start)
    let rows = network.length * count
    let (from, row) = input(index)
    Kernels.best.multiplyAdd(
      .init(from, row: 1, step: row), delta, bRow: gateWidth, into: gradient + inputs.offset, cRow: gateWidth,
      rows: inputs.rows, columns: gateWidth, steps: rows)
    if network.length > 1 {
      Kernels.best.multiplyAdd(
        .init(layers[index].hidden.start, row: 1, step: width), delta + count * gateWidth, bRow: gateWidth,
        into: gradient + recurrent.offset, cRow: gateWidth, rows: network.hidden, columns: gateWidth,
        steps: rows - count)
    }
    for bias in 0..<2 {
      Kernels.best.multiplyAdd(
        .init(backward.one.start, row: 0, step: 0), delta, bRow: gateWidth,
        into: gradient + biases.offset + bias * gateWidth, cRow: gateWidth, rows: 1, columns: gateWidth, steps: rows)
    }
  }
}
