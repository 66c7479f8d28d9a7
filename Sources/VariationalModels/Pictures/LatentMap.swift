import Clients
import Numerics

/// A learned map w = w0 + A h from latents to the weights of a sine network, laid out for fits.
///
/// The hidden layer is linear in its weights, so that its angles are linear in the latents: angle = offset + slope h with slopes that are
/// made once for all pictures. A picture and its derivative by the latents cost pixels x hidden x latents products each.
final class LatentMap: @unchecked Sendable {
  let geometry: SineGeometry
  let latents: Int
  /// Latents up to the kernels' multiple; what is beyond is 0.
  let stride: Int
  /// pixels x hidden x stride: the derivatives of angles by latents.
  let slopes: FloatBuffer
  /// latents x (pixels x width): the same, turned.
  let turned: FloatBuffer
  /// pixels x width
  let offsets: FloatBuffer
  /// Of the last layer: channels x hidden x stride, then channels x stride for the biases.
  let lastSlopes: FloatBuffer
  let lastOffsets: FloatBuffer
  private let features: FloatBuffer
  private let rows: FloatBuffer

  init(_ geometry: SineGeometry, latents: Int) {
    (self.geometry, self.latents, stride) = (geometry, latents, padded(latents))
    slopes = FloatBuffer(count: geometry.pixels * geometry.hidden * stride)
    turned = FloatBuffer(count: latents * geometry.pixels * geometry.width)
    offsets = FloatBuffer(count: geometry.pixels * geometry.width)
    lastSlopes = FloatBuffer(count: (geometry.hidden + 1) * geometry.channels * stride)
    lastOffsets = FloatBuffer(count: (geometry.hidden + 1) * geometry.channels)
    features = FloatBuffer(geometry.features)
    rows = FloatBuffer(count: geometry.inputs * geometry.hidden * stride)
  }

  /// Weights and latents of the map's parameters, w0 then A row by row.
  var parameterCount: Int { geometry.weightCount * (latents + 1) }

  /// Takes over parameters; not while others read.
  func load(_ parameters: UnsafePointer<Float>) {
    let (hidden, width, channels) = (geometry.hidden, geometry.width, geometry.channels)
    let map = parameters + geometry.weightCount
    for r in 0..<geometry.firstCount { (rows.start + r * stride).update(from: map + r * latents, count: latents) }
    slopes.fill()
    Kernels.best.multiplyAdd(
      .init(features.start, row: geometry.inputs, step: 1), rows.start, bRow: hidden * stride, into: slopes.start,
      cRow: hidden * stride, rows: geometry.pixels, columns: hidden * stride, steps: geometry.inputs)
    let row = geometry.pixels * width
    for p in 0..<geometry.pixels {
      for k in 0..<hidden {
        let from = slopes.start + (p * hidden + k) * stride
        let to = turned.start + p * width + k
        for j in 0..<latents { to[j * row] = from[j] }
        var sum: Float = 0
        for i in 0..<geometry.inputs {
          sum += features.start[p * geometry.inputs + i] * parameters[i * hidden + k]
        }
        offsets.start[p * width + k] = sum
      }
    }
    lastOffsets.start.update(from: parameters + geometry.firstCount, count: lastOffsets.count)
    for k in 0...hidden {
      for c in 0..<channels {
        let to = k < hidden ? c * hidden + k : channels * hidden + c
        (lastSlopes.start + to * stride).update(
          from: map + (geometry.firstCount + k * channels + c) * latents, count: latents)
      }
    }
  }

  /// Angles and last layer of some latents, into a workspace; then its picture.
  func forward(_ latents: UnsafePointer<Float>, _ workspace: SineWorkspace) {
    let (hidden, channels) = (geometry.hidden, geometry.channels)
    workspace.angles.start.update(from: offsets.start, count: offsets.count)
    Kernels.best.multiplyAdd(
      .init(latents, row: 0, step: 1), turned.start, bRow: offsets.count, into: workspace.angles.start,
      cRow: offsets.count, rows: 1, columns: offsets.count, steps: self.latents)
    for k in 0...hidden {
      for c in 0..<channels {
        let from = lastSlopes.start + (k < hidden ? c * hidden + k : channels * hidden + c) * stride
        var sums = SIMD4<Float>()
        for j in Swift.stride(from: 0, to: stride, by: 4) {
          sums +=
            SIMD4(from[j], from[j + 1], from[j + 2], from[j + 3])
            * SIMD4(latents[j], latents[j + 1], latents[j + 2], latents[j + 3])
        }
        workspace.last.start[k * channels + c] =
          lastOffsets.start[k * channels + c] + ((sums[0] + sums[1]) + (sums[2] + sums[3]))
      }
    }
    workspace.forward()
  }

  /// Derivatives of the picture of `forward` by the latents: values x stride.
  ///
  /// - Parameter products: hidden values of the caller's.
  func derivatives(_ workspace: SineWorkspace, products: FloatBuffer, into result: FloatBuffer) {
    let (hidden, width, channels) = (geometry.hidden, geometry.width, geometry.channels)
    for p in 0..<geometry.pixels {
      let (s, cosine) = (workspace.sines.start + p * width, workspace.cosines.start + p * width)
      for c in 0..<channels {
        let to = result.start + (p * channels + c) * stride
        to.update(from: lastSlopes.start + (channels * hidden + c) * stride, count: stride)
        for k in 0..<hidden { products.start[k] = cosine[k] * workspace.last.start[k * channels + c] }
        Kernels.best.multiplyAdd(
          .init(products.start, row: 0, step: 1), slopes.start + p * hidden * stride, bRow: stride, into: to,
          cRow: stride, rows: 1, columns: stride, steps: hidden)
        Kernels.best.multiplyAdd(
          .init(s, row: 0, step: 1), lastSlopes.start + c * hidden * stride, bRow: stride, into: to, cRow: stride,
          rows: 1, columns: stride, steps: hidden)
      }
    }
  }
}
