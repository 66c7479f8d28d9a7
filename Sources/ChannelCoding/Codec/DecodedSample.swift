import Numerics

/// What a decoder gives: values in double, or float32 bytes that are widened where they are added.
public struct DecodedSample: Sendable {
  private enum Storage {
    case doubles([Double])
    /// Little-endian, all finite.
    case floats([UInt8])
  }

  private let storage: Storage

  public init(_ values: [Double]) { storage = .doubles(values) }

  init(floats bytes: [UInt8]) { storage = .floats(bytes) }

  public var values: [Double] {
    switch storage {
    case .doubles(let values): return values
    case .floats(let bytes):
      return bytes.withUnsafeBytes { bytes in
        [Double](unsafeUninitializedCapacity: bytes.count / 4) { values, count in
          count = bytes.count / 4
          Kernels.best.widen(bytes, into: UnsafeMutableBufferPointer(rebasing: values[..<count]))
        }
      }
    }
  }

  /// sum[i] += values[i] for i in `range`.
  public func add(_ range: Range<Int>, to sum: UnsafeMutableBufferPointer<Double>) {
    let target = UnsafeMutableBufferPointer(rebasing: sum[range])
    switch storage {
    case .doubles(let values):
      values.withUnsafeBufferPointer { Kernels.best.accumulate(.init(rebasing: $0[range]), into: target) }
    case .floats(let bytes):
      bytes.withUnsafeBytes {
        Kernels.best.accumulate(.init(rebasing: $0[(4 * range.lowerBound)..<(4 * range.upperBound)]), into: target)
      }
    }
  }
}
