import Numerics

/// One convolution with ReLU and pooling, forward and backward.
///
/// No patches are copied. In a zero-padded image the pixels under a row of the kernel are one run of kernel x inputs values, and
/// those of the next pixel begin `inputs` later: a row of output is the sum over rows of the kernel of a product of an
/// overlapping matrix with kernel x inputs rows of weights.
final class ConvolutionWorkspace {
  let shape: Convolution
  private let stride: Int
  /// capacity x padded height x padded width x inputs; the border stays 0.
  private let images: FloatBuffer
  /// Which of four pixels was pooled: capacity x pooled pixels x outputs.
  private let choices: UnsafeMutablePointer<UInt8>
  /// Before pooling, of one example: height x width x stride.
  private let output: FloatBuffer
  /// What `output` gets back: capacity x padded height x padded width x stride; the border stays 0.
  private let deltas: FloatBuffer
  /// Weights with the kernel turned round and inputs and outputs exchanged: kernel x kernel x stride rows of `inputs` values.
  private let turned: FloatBuffer?
  /// Of one example: height x width x padded inputs.
  private let passed: FloatBuffer?

  init(_ shape: Convolution, capacity: Int, isFirst: Bool) {
    self.shape = shape
    stride = padded(shape.outputs)
    let pixels = shape.paddedHeight * shape.paddedWidth
    images = FloatBuffer(count: capacity * pixels * shape.inputs)
    let pooled = shape.pooledHeight * shape.pooledWidth * shape.outputs
    choices = .allocate(capacity: capacity * pooled)
    choices.initialize(repeating: 0, count: capacity * pooled)
    output = FloatBuffer(count: shape.height * shape.width * stride)
    deltas = FloatBuffer(count: capacity * pixels * stride)
    turned = isFirst ? nil : FloatBuffer(count: shape.kernel * shape.kernel * stride * padded(shape.inputs))
    passed = isFirst ? nil : FloatBuffer(count: shape.height * shape.width * padded(shape.inputs))
  }

  deinit { choices.deallocate() }

  /// - Parameters:
  ///   - input: count x height x width x inputs
  ///   - result: count x pooled height x pooled width x outputs
  func forward(
    _ parameters: FloatBuffer, _ place: PaddedLayer, _ input: UnsafePointer<Float>, count: Int,
    into result: UnsafeMutablePointer<Float>
  ) {
    let row = shape.width * shape.inputs
    for example in 0..<count {
      let image = images.start + example * shape.paddedHeight * shape.paddedWidth * shape.inputs
      for y in 0..<shape.height {
        let to = image + ((y + shape.padding) * shape.paddedWidth + shape.padding) * shape.inputs
        to.update(from: input + (example * shape.height + y) * row, count: row)
      }
      for pixel in 0..<(shape.height * shape.width) {
        (output.start + pixel * stride).update(from: parameters.start + place.biases, count: stride)
      }
      convolve(image, channels: shape.inputs, parameters.start + place.offset, columns: stride, into: output.start)
      pool(example, into: result)
    }
  }

  /// output += image * weights, for an image of padded height x padded width x channels.
  private func convolve(
    _ image: UnsafePointer<Float>, channels: Int, _ weights: UnsafePointer<Float>, columns: Int,
    into output: UnsafeMutablePointer<Float>
  ) {
    let steps = shape.kernel * channels
    for y in 0..<shape.height {
      for row in 0..<shape.kernel {
        Kernels.best.multiplyAdd(
          .init(image + (y + row) * shape.paddedWidth * channels, row: channels, step: 1),
          weights + row * steps * columns, bRow: columns, into: output + y * shape.width * columns, cRow: columns,
          rows: shape.width, columns: columns, steps: steps)
      }
    }
  }

  private func pool(_ example: Int, into result: UnsafeMutablePointer<Float>) {
    let outputs = shape.outputs
    let pooled = example * shape.pooledHeight * shape.pooledWidth * outputs
    var to = result + pooled
    var choice = choices + pooled
    for y in 0..<shape.pooledHeight {
      for x in 0..<shape.pooledWidth {
        let from = output.start + (2 * y * shape.width + 2 * x) * stride
        let below = from + shape.width * stride
        for k in 0..<outputs {
          var best = from[k]
          var index: UInt8 = 0
          if from[stride + k] > best { (best, index) = (from[stride + k], 1) }
          if below[k] > best { (best, index) = (below[k], 2) }
          if below[stride + k] > best { (best, index) = (below[stride + k], 3) }
          to[k] = best < 0 ? 0 : best
          choice[k] = index
        }
        to += outputs
        choice += outputs
      }
    }
  }

  /// Brings a delta of pooled activations, already 0 where ReLU was, back to the pixels that were pooled.
  func spread(_ delta: UnsafePointer<Float>, count: Int) {
    let outputs = shape.outputs
    let size = shape.paddedHeight * shape.paddedWidth * stride
    deltas.start.update(repeating: 0, count: count * size)
    var from = delta
    var choice = choices
    for example in 0..<count {
      for y in 0..<shape.pooledHeight {
        for x in 0..<shape.pooledWidth {
          let to =
            deltas.start + example * size
            + ((2 * y + shape.padding) * shape.paddedWidth + 2 * x + shape.padding) * stride
          for k in 0..<outputs {
            let pixel = Int(choice[k] & 1) + Int(choice[k] >> 1) * shape.paddedWidth
            to[pixel * stride + k] = from[k]
          }
          from += outputs
          choice += outputs
        }
      }
    }
  }

  /// The delta of the layer before, 0 where its activation is: a convolution with the turned weights.
  ///
  /// - Parameters:
  ///   - mask: those activations, count x height x width x inputs, as the result.
  func pass(
    _ parameters: FloatBuffer, _ place: PaddedLayer, count: Int, mask: UnsafePointer<Float>,
    into result: UnsafeMutablePointer<Float>
  ) {
    guard let turned, let passed else { preconditionFailure("nothing comes before the first layer") }
    let columns = padded(shape.inputs)
    let last = shape.kernel - 1
    for y in 0..<shape.kernel {
      for x in 0..<shape.kernel {
        let from = parameters.start + place.offset + ((last - y) * shape.kernel + last - x) * shape.inputs * stride
        let to = turned.start + (y * shape.kernel + x) * stride * columns
        for c in 0..<shape.inputs { for k in 0..<shape.outputs { to[k * columns + c] = from[c * stride + k] } }
      }
    }
    let pixels = shape.height * shape.width
    for example in 0..<count {
      passed.fill()
      convolve(
        deltas.start + example * shape.paddedHeight * shape.paddedWidth * stride, channels: stride, turned.start,
        columns: columns, into: passed.start)
      let active = mask + example * pixels * shape.inputs
      let to = result + example * pixels * shape.inputs
      for pixel in 0..<pixels {
        for c in 0..<shape.inputs {
          let i = pixel * shape.inputs + c
          to[i] = active[i] > 0 ? passed.start[pixel * columns + c] : 0
        }
      }
    }
  }

  /// target += image^T delta, and the sums of delta to the biases.
  func update(_ target: FloatBuffer, _ place: PaddedLayer, count: Int) {
    let rows = shape.kernel * shape.inputs
    let biases = target.start + place.biases
    for example in 0..<count {
      let image = images.start + example * shape.paddedHeight * shape.paddedWidth * shape.inputs
      let delta = deltas.start + example * shape.paddedHeight * shape.paddedWidth * stride
      for y in 0..<shape.height {
        let from = delta + ((y + shape.padding) * shape.paddedWidth + shape.padding) * stride
        for row in 0..<shape.kernel {
          Kernels.best.multiplyAdd(
            .init(image + (y + row) * shape.paddedWidth * shape.inputs, row: 1, step: shape.inputs), from, bRow: stride,
            into: target.start + place.offset + row * rows * stride, cRow: stride, rows: rows, columns: stride,
            steps: shape.width)
        }
        for x in 0..<shape.width { for k in 0..<shape.outputs { biases[k] += from[x * stride + k] } }
      }
    }
  }
}
