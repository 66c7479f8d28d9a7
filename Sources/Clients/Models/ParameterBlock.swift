/// A matrix of a model's parameters: where its rows are in the flat parameters, and in memory that kernels work on, where each row is padded
/// with zeros to a multiple of 16.
struct ParameterBlock: Sendable, Equatable {
  let rows: Int
  let width: Int
  /// Of the first value, in flat and in padded parameters.
  let flatOffset: Int
  let offset: Int

  var count: Int { rows * width }
  var stride: Int { padded(width) }
  var paddedCount: Int { rows * stride }

  /// Blocks of rows x width, one after another.
  static func sequence(_ shapes: [(rows: Int, width: Int)]) -> [ParameterBlock] {
    var (flat, place) = (0, 0)
    return shapes.map { rows, width in
      let block = ParameterBlock(rows: rows, width: width, flatOffset: flat, offset: place)
      flat += block.count
      place += block.paddedCount
      return block
    }
  }

  /// Copies the block's flat values to their padded places.
  func pad(_ flat: UnsafePointer<Float>, into padded: UnsafeMutablePointer<Float>) {
    for row in 0..<rows {
      (padded + offset + row * stride).update(from: flat + flatOffset + row * width, count: width)
    }
  }

  /// The block's values turned: width x rows, row-major.
  func turned(_ flat: [Float]) -> [Float] {
    var values: [Float] = []
    values.reserveCapacity(count)
    for column in 0..<width { for row in 0..<rows { values.append(flat[flatOffset + row * width + column]) } }
    return values
  }

  /// The padded block turned into `result`: `width` rows, `resultStride` apart, of `rows` values.
  func turn(_ padded: FloatBuffer, into result: FloatBuffer, resultStride: Int) {
    for row in 0..<rows {
      let from = padded.start + offset + row * stride
      for column in 0..<width { result.start[column * resultStride + row] = from[column] }
    }
  }
}
