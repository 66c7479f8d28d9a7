import Clients
import Numerics

/// One picture of a sine network, forward and backward, in float32.
///
/// Rows of hidden units are padded to `width`; what is beyond `hidden` is 0, and its sine too.
final class SineWorkspace {
  let geometry: SineGeometry
  /// pixels x width: what the hidden units' sines are taken of.
  let angles: FloatBuffer
  let sines: FloatBuffer
  let cosines: FloatBuffer
  /// hidden x channels, then the biases.
  let last: FloatBuffer
  /// pixels x channels
  let picture: FloatBuffer
  /// What the picture's values get back: pixels x channels.
  let residual: FloatBuffer
  private let delta: FloatBuffer
  private let features: FloatBuffer
  private let first: FloatBuffer

  init(_ geometry: SineGeometry) {
    self.geometry = geometry
    let hidden = geometry.pixels * geometry.width
    (angles, sines, cosines) = (FloatBuffer(count: hidden), FloatBuffer(count: hidden), FloatBuffer(count: hidden))
    last = FloatBuffer(count: (geometry.hidden + 1) * geometry.channels)
    (picture, residual) = (FloatBuffer(count: geometry.values), FloatBuffer(count: geometry.values))
    delta = FloatBuffer(count: hidden)
    features = FloatBuffer(geometry.features)
    first = FloatBuffer(count: geometry.inputs * geometry.width)
  }

  /// Angles and the last layer of flat weights.
  func load(_ weights: UnsafePointer<Float>) {
    let (hidden, width) = (geometry.hidden, geometry.width)
    for i in 0..<geometry.inputs {
      for k in 0..<hidden { first.start[i * width + k] = weights[i * hidden + k] }
    }
    angles.fill()
    Kernels.best.multiplyAdd(
      .init(features.start, row: geometry.inputs, step: 1), first.start, bRow: width, into: angles.start, cRow: width,
      rows: geometry.pixels, columns: width, steps: geometry.inputs)
    last.start.update(from: weights + geometry.firstCount, count: last.count)
  }

  /// The picture of `angles` and `last`.
  func forward() {
    let (hidden, width, channels) = (geometry.hidden, geometry.width, geometry.channels)
    SineKernel.evaluate(angles.start, sines.start, cosines.start, count: angles.count)
    let weights = last.start
    for pixel in 0..<geometry.pixels {
      let row = sines.start + pixel * width
      for c in 0..<channels {
        // Four sums, so that they need not wait for each other.
        var sums = SIMD4<Float>()
        var k = 0
        while k + 4 <= hidden {
          let w = SIMD4(
            weights[k * channels + c], weights[(k + 1) * channels + c], weights[(k + 2) * channels + c],
            weights[(k + 3) * channels + c])
          sums += w * SIMD4(row[k], row[k + 1], row[k + 2], row[k + 3])
          k += 4
        }
        var sum = (sums[0] + sums[1]) + (sums[2] + sums[3])
        while k < hidden {
          sum += weights[k * channels + c] * row[k]
          k += 1
        }
        picture.start[pixel * channels + c] = sum + weights[hidden * channels + c]
      }
    }
  }

  /// Adds the gradient of sum residual x picture to flat weights.
  func backward(into gradient: UnsafeMutablePointer<Float>) {
    let (hidden, width, channels) = (geometry.hidden, geometry.width, geometry.channels)
    let lastGradient = gradient + geometry.firstCount
    delta.fill()
    for pixel in 0..<geometry.pixels {
      let (s, d, g) = (
        sines.start + pixel * width, delta.start + pixel * width, residual.start + pixel * channels
      )
      let cosine = cosines.start + pixel * width
      for c in 0..<channels {
        let r = g[c]
        for k in 0..<hidden {
          lastGradient[k * channels + c] += r * s[k]
          d[k] += r * last.start[k * channels + c]
        }
        lastGradient[hidden * channels + c] += r
      }
      for k in 0..<hidden { d[k] *= cosine[k] }
    }
    first.fill()
    Kernels.best.multiplyAdd(
      .init(features.start, row: 1, step: geometry.inputs), delta.start, bRow: width, into: first.start, cRow: width,
      rows: geometry.inputs, columns: width, steps: geometry.pixels)
    for i in 0..<geometry.inputs {
      for k in 0..<hidden { gradient[i * hidden + k] += first.start[i * width + k] }
    }
  }

  /// Makes 2 (picture - target) the residual.
  ///
  /// - Returns: the squared error.
  func compare(_ target: UnsafePointer<Float>) -> Double {
    var sums = SIMD4<Double>()
    for v in 0..<geometry.values {
      let difference = picture.start[v] - target[v]
      residual.start[v] = 2 * difference
      sums[v & 3] += Double(difference * difference)
    }
    return (sums[0] + sums[1]) + (sums[2] + sums[3])
  }
}
