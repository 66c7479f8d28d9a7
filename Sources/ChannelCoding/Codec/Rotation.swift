import Numerics

/// A public random rotation of d coordinates, the same for all clients of a round.
///
/// Gaussian noise keeps its law under it, so the server may add up rotated updates and turn back once. It spreads an
/// update's energy over all coordinates, which the *rate* of a coordinate-wise code needs; no law depends on it.
///
/// For d a power of two: random signs and a Walsh-Hadamard transform, twice, H D2 H D1. Once is not enough: an update that is zero
/// but for an aligned part of the coordinates (the weights of one layer in a padded vector) would come out as copies of
/// one short vector, and `polar`, whose kernel has the same butterflies, would pay for that with up to twice the bits. Otherwise, with N the largest power of
/// two below d: H D1 on the first N coordinates, H D2 on the last N, then 2-point transforms between coordinate j and
/// j + floor(d/2). All three are orthonormal, so nothing is padded: padding to 2N would cost a layered code up to
/// sqrt 2 times the bits, because its rate goes as sqrt(coordinates) at small signal.
///
/// - Cost: 2 d log2 d additions at most, O(d) memory. In double: error about 10^-16 log2 d of the norm.
public struct Rotation: Sendable {
  public let dimension: Int
  private let signs: [UInt64]
  private let window: Int

  /// - Parameters:
  ///   - dimension: d, the coordinates that are rotated; at least 1.
  ///   - key: public; in the round's broadcast.
  public init(dimension: Int, key: Key) {
    precondition(dimension > 0)
    self.dimension = dimension
    window = 1 << (Int.bitWidth - 1 - dimension.leadingZeroBitCount)
    let wordsPerDiagonal = (window + 63) / 64
    signs = [UInt64](unsafeUninitializedCapacity: 2 * wordsPerDiagonal) { buffer, count in
      KeyStream(key: key, stream: 0).read(
        at: 0, into: UnsafeMutableBufferPointer(rebasing: buffer[..<(2 * wordsPerDiagonal)]))
      count = 2 * wordsPerDiagonal
    }
  }

  /// Turns `values` in place.
  public func apply(_ values: inout [Double]) {
    precondition(values.count == dimension)
    values.withUnsafeMutableBufferPointer { all in
      let first = UnsafeMutableBufferPointer(rebasing: all[..<window])
      flip(first, diagonal: 0)
      transform(first)
      guard window < dimension else {
        flip(first, diagonal: 1)
        transform(first)
        return
      }
      let last = UnsafeMutableBufferPointer(rebasing: all[(dimension - window)...])
      flip(last, diagonal: 1)
      transform(last)
      mixHalves(all)
    }
  }

  /// Undoes `apply`: each part is its own inverse, in the opposite order.
  public func invert(_ values: inout [Double]) {
    precondition(values.count == dimension)
    values.withUnsafeMutableBufferPointer { all in
      if window < dimension {
        mixHalves(all)
        let last = UnsafeMutableBufferPointer(rebasing: all[(dimension - window)...])
        transform(last)
        flip(last, diagonal: 1)
      }
      let first = UnsafeMutableBufferPointer(rebasing: all[..<window])
      if window == dimension {
        transform(first)
        flip(first, diagonal: 1)
      }
      transform(first)
      flip(first, diagonal: 0)
    }
  }

  private func transform(_ part: UnsafeMutableBufferPointer<Double>) {
    Kernels.best.hadamard(part)
    let scale = 1 / Double(part.count).squareRoot()
    for i in part.indices { part[i] *= scale }
  }

  private func mixHalves(_ all: UnsafeMutableBufferPointer<Double>) {
    let half = dimension / 2
    let scale = 0.5.squareRoot()
    for i in 0..<half {
      let a = all[i]
      let b = all[i + half]
      all[i] = (a + b) * scale
      all[i + half] = (a - b) * scale
    }
  }

  private func flip(_ part: UnsafeMutableBufferPointer<Double>, diagonal: Int) {
    let offset = diagonal * ((window + 63) / 64)
    signs.withUnsafeBufferPointer { words in
      for i in part.indices {
        let sign = (words[offset + i >> 6] >> UInt64(i & 63)) << 63
        part[i] = Double(bitPattern: part[i].bitPattern ^ sign)
      }
    }
  }
}
