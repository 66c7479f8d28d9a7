import Numerics

/// One convolution with ReLU and pooling, forward and backward.
///
/// No patches are copied. In a zero-padded image the pixels under a row of the kernel are one run of kernel x inputs values, and
/// those of the next place begin stride x inputs later: a row of output is the sum over rows of the kernel of a product of an
/// overlapping matrix with kernel x inputs rows of weights. Backwards, outputs stand as far apart as their places, with zeros between, and
/// the same product has stride 1.
final class ConvolutionWorkspace {
  let shape: Convolution
  /// Floats from an output pixel to the next: its channels, padded.
  private let outputStride: Int
  /// capacity x padded height x padded width x inputs; the border stays 0.
  private let images: FloatBuffer
  /// Which of the window's pixels was pooled: capacity x pooled pixels x outputs.
  private let choices: UnsafeMutablePointer<UInt8>
  /// Before pooling, of one example: height x convolved width x outputStride.
  private let output: FloatBuffer
  /// What `output` gets back: capacity x padded height x padded width x outputStride; the border stays 0.
  private let deltas: FloatBuffer
  /// Weights with the kernel turned round and inputs and outputs exchanged: kernel height x kernel x outputStride rows of `inputs` values.
  private let turned: FloatBuffer?
  /// Of one example: height x width x padded inputs.
  private let passed: FloatBuffer?

  init(_ shape: Convolution, capacity: Int, isFirst: Bool) {
    self.shape = shape
    outputStride = padded(shape.outputs)
    let pixels = shape.paddedHeight * shape.paddedWidth
    images = FloatBuffer(count: capacity * pixels * shape.inputs)
    let pooled = shape.pooledHeight * shape.pooledWidth * shape.outputs
    choices = .allocate(capacity: capacity * pooled)
    choices.initialize(repeating: 0, count: capacity * pooled)
    output = FloatBuffer(count: shape.height * shape.convolvedWidth * outputStride)
    deltas = FloatBuffer(count: capacity * pixels * outputStride)
    turned = isFirst ? nil : FloatBuffer(count: shape.kernelHeight * shape.kernel * outputStride * padded(shape.inputs))
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
        let to = image + ((y + shape.rowPadding) * shape.paddedWidth + shape.padding) * shape.inputs
        to.update(from: input + (example * shape.height + y) * row, count: row)
      }
      for pixel in 0..<(shape.height * shape.convolvedWidth) {
        (output.start + pixel * outputStride).update(from: parameters.start + place.biases, count: outputStride)
      }
      convolve(
        image, channels: shape.inputs, step: shape.stride, parameters.start + place.offset, columns: outputStride,
        into: output.start, width: shape.convolvedWidth)
      if shape.height > 1 { pool(example, into: result) } else { poolLine(example, into: result) }
    }
  }

  /// output += image * weights, for an image of padded height x padded width x channels and an output of `width` pixels a row, which
  /// stand `step` pixels of the image apart.
  private func convolve(
    _ image: UnsafePointer<Float>, channels: Int, step: Int, _ weights: UnsafePointer<Float>, columns: Int,
    into output: UnsafeMutablePointer<Float>, width: Int
  ) {
    let steps = shape.kernel * channels
    for y in 0..<shape.height {
      for row in 0..<shape.kernelHeight {
        Kernels.best.multiplyAdd(
          .init(image + (y + row) * shape.paddedWidth * channels, row: step * channels, step: 1),
          weights + row * steps * columns, bRow: columns, into: output + y * width * columns, cRow: columns,
          rows: width, columns: columns, steps: steps)
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
        let from = output.start + (2 * y * shape.width + 2 * x) * outputStride
        let below = from + shape.width * outputStride
        for k in 0..<outputs {
          var best = from[k]
          var index: UInt8 = 0
          if from[outputStride + k] > best { (best, index) = (from[outputStride + k], 1) }
          if below[k] > best { (best, index) = (below[k], 2) }
          if below[outputStride + k] > best { (best, index) = (below[outputStride + k], 3) }
          to[k] = best < 0 ? 0 : best
          choice[k] = index
        }
        to += outputs
        choice += outputs
      }
    }
  }

  /// Of a line, whose windows are `pooling` neighbours: the first of equal ones is chosen.
  private func poolLine(_ example: Int, into result: UnsafeMutablePointer<Float>) {
    let outputs = shape.outputs
    let pooled = example * shape.pooledWidth * outputs
    var to = result + pooled
    var choice = choices + pooled
    var from = output.start
    for _ in 0..<shape.pooledWidth {
      for k in 0..<outputs {
        var best = from[k]
        var index: UInt8 = 0
        for i in 1..<max(shape.pooling, 1) where from[i * outputStride + k] > best {
          (best, index) = (from[i * outputStride + k], UInt8(i))
        }
        to[k] = best < 0 ? 0 : best
        choice[k] = index
      }
      to += outputs
      choice += outputs
      from += shape.pooling * outputStride
    }
  }

  /// Brings a delta of pooled activations, already 0 where ReLU was, back to the pixels that were pooled.
  func spread(_ delta: UnsafePointer<Float>, count: Int) {
    let outputs = shape.outputs
    let size = shape.paddedHeight * shape.paddedWidth * outputStride
    deltas.start.update(repeating: 0, count: count * size)
    var from = delta
    var choice = choices
    for example in 0..<count {
      if shape.height == 1 {
        for x in 0..<shape.pooledWidth {
          let to = deltas.start + example * size + shape.padding * outputStride
          for k in 0..<outputs {
            let place = x * shape.pooling + Int(choice[k])
            to[place * shape.stride * outputStride + k] = from[k]
          }
          from += outputs
          choice += outputs
        }
        continue
      }
      for y in 0..<shape.pooledHeight {
        for x in 0..<shape.pooledWidth {
          let to =
            deltas.start + example * size
            + ((2 * y + shape.padding) * shape.paddedWidth + 2 * x + shape.padding) * outputStride
          for k in 0..<outputs {
            let pixel = Int(choice[k] & 1) + Int(choice[k] >> 1) * shape.paddedWidth
            to[pixel * outputStride + k] = from[k]
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
    let (lastRow, last) = (shape.kernelHeight - 1, shape.kernel - 1)
    for y in 0..<shape.kernelHeight {
      for x in 0..<shape.kernel {
        let from =
          parameters.start + place.offset + ((lastRow - y) * shape.kernel + last - x) * shape.inputs * outputStride
        let to = turned.start + (y * shape.kernel + x) * outputStride * columns
        for c in 0..<shape.inputs { for k in 0..<shape.outputs { to[k * columns + c] = from[c * outputStride + k] } }
      }
    }
    let pixels = shape.height * shape.width
    for example in 0..<count {
      passed.fill()
      convolve(
        deltas.start + example * shape.paddedHeight * shape.paddedWidth * outputStride, channels: outputStride, step: 1,
        turned.start, columns: columns, into: passed.start, width: shape.width)
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
      let delta = deltas.start + example * shape.paddedHeight * shape.paddedWidth * outputStride
      for y in 0..<shape.height {
        let from = delta + ((y + shape.rowPadding) * shape.paddedWidth + shape.padding) * outputStride
        // The deltas at the places where the kernel stood; what lies between them is 0.
        let step = shape.stride * outputStride
        for row in 0..<shape.kernelHeight {
          Kernels.best.multiplyAdd(
            .init(image + (y + row) * shape.paddedWidth * shape.inputs, row: 1, step: shape.stride * shape.inputs),
            from,
            bRow: step, into: target.start + place.offset + row * rows * outputStride, cRow: outputStride, rows: rows,
            columns: outputStride, steps: shape.convolvedWidth)
        }
        for x in 0..<shape.convolvedWidth { for k in 0..<shape.outputs { biases[k] += from[x * step + k] } }
      }
    }
  }
}
