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

  /// Adds the sample to a sum of samples.
  ///
  /// - Throws: where a value is larger than the sum has room for: then nothing is added.
  public func add(to sum: inout ExactSum) throws(PayloadError) {
    let isInside =
      switch storage {
      case .doubles(let values): sum.add(values)
      case .floats(let bytes): bytes.withUnsafeBytes { sum.add(floats: $0) }
      }
    guard !isInside else { return }
    throw .tooLarge(coordinate: values.firstIndex { $0.magnitude > sum.grid.largestTerm } ?? 0)
  }
}
