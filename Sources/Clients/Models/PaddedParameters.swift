/// Where a layer's parameters are in memory that kernels work on: rows of weights, then the row of biases, each padded
/// with zeros to a multiple of 16.
struct PaddedLayer {
  let layer: Layer
  /// Of the first weight, in padded and in flat parameters.
  let offset: Int
  let flatOffset: Int

  var stride: Int { padded(layer.outputs) }
  var rows: Int { layer.inputs + 1 }
  var biases: Int { offset + layer.inputs * stride }
  var range: Range<Int> { offset..<(offset + rows * stride) }
}

/// The next multiple of 16 floats, the width of a kernel's vector.
func padded(_ count: Int) -> Int { (count + 15) / 16 * 16 }

extension Network {
  var paddedLayers: [PaddedLayer] {
    var result: [PaddedLayer] = []
    var (offset, flat) = (0, 0)
    for layer in layers {
      let place = PaddedLayer(layer: layer, offset: offset, flatOffset: flat)
      result.append(place)
      offset = place.range.upperBound
      flat += layer.parameterCount
    }
    return result
  }

  /// The parameters as kernels want them; the padding is zero and stays so.
  public func padding(_ parameters: [Float]) -> FloatBuffer {
    precondition(parameters.count == parameterCount)
    let places = paddedLayers
    let result = FloatBuffer(count: places.last?.range.upperBound ?? 0)
    parameters.withUnsafeBufferPointer { flat in
      guard let from = flat.baseAddress else { return }
      for place in places {
        let width = place.layer.outputs
        for row in 0..<place.rows {
          (result.start + place.offset + row * place.stride).update(
            from: from + place.flatOffset + row * width, count: width)
        }
      }
    }
    return result
  }

  public func difference(_ later: FloatBuffer, _ earlier: FloatBuffer) -> [Float] {
    [Float](unsafeUninitializedCapacity: parameterCount) { flat, count in
      for place in paddedLayers {
        let width = place.layer.outputs
        for row in 0..<place.rows {
          let (a, b) = (
            later.start + place.offset + row * place.stride, earlier.start + place.offset + row * place.stride
          )
          let to = flat.baseAddress! + place.flatOffset + row * width
          for i in 0..<width { to[i] = a[i] - b[i] }
        }
      }
      count = parameterCount
    }
  }
}

/// Floats at a fixed address, aligned to 64 bytes, zero at first. Written by its owner alone; may be read from several
/// threads once it is filled.
public final class FloatBuffer: @unchecked Sendable {
  public let start: UnsafeMutablePointer<Float>
  public let count: Int

  public init(count: Int) {
    self.count = count
    let raw = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * 4, alignment: 64)
    start = raw.initializeMemory(as: Float.self, repeating: 0, count: count)
  }

  /// A copy of some values.
  public convenience init(_ values: [Float]) {
    self.init(count: values.count)
    values.withUnsafeBufferPointer { if let from = $0.baseAddress { start.update(from: from, count: values.count) } }
  }

  deinit { start.deallocate() }

  /// The values as an array of their own.
  public var values: [Float] { Array(UnsafeBufferPointer(start: start, count: count)) }

  public func fill(_ value: Float = 0) { start.update(repeating: value, count: count) }
}
