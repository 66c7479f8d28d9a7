import Numerics

/// An endless sequence of standard normals, any of which can be reached directly: Box-Muller on ChaCha20 under a key
/// and a stream number. The same bits on every machine and with every instruction set.
///
/// The key stream is libsodium's ChaCha20 in another order (16 blocks side by side), so that it can be made in vector
/// registers and never leaves the first-level cache. Normals come in groups of 128.
///
/// - Cost: `Benchmarks`, `CandidateBenchmark`.
public struct NormalStream: Sendable {
  private let key: Key
  private let stream: UInt64
  private let kernels: Kernels

  public static let groupCount = 128

  public init(key: Key, stream: UInt64, kernels: Kernels = .best) {
    self.key = key
    self.stream = stream
    self.kernels = kernels
  }

  /// What the words of the key stream are made into.
  public enum Law: Sendable {
    case normal
    /// Uniform on (0, 1]: odd multiples of 2^-65, rounded to 53 significant bits.
    case share
  }

  /// Whole groups from `group` on; `output.count` is a multiple of 128.
  public func read(group: UInt64, as law: Law = .normal, into output: UnsafeMutableBufferPointer<Double>) {
    switch law {
    case .normal: withKeyWords { kernels.keyedNormals($0, stream: stream, group: group, into: output) }
    case .share:
      // In place: a word and its share take the same room.
      output.withMemoryRebound(to: UInt64.self) { words in
        readWords(group: group, into: words)
        kernels.makeShares(words)
      }
    }
  }

  /// Normals `position` ..< `position` + `output.count`, or shares.
  public func read(
    at position: UInt64, as law: Law = .normal, into output: UnsafeMutableBufferPointer<Double>
  ) {
    guard !output.isEmpty else { return }
    let size = UInt64(Self.groupCount)
    var group = position / size
    var skipped = Int(position % size)
    var filled = 0
    withUnsafeTemporaryAllocation(of: Double.self, capacity: Self.groupCount) { edge in
      while filled < output.count {
        let whole = (output.count - filled) / Self.groupCount
        if skipped == 0, whole > 0 {
          let count = whole * Self.groupCount
          read(
            group: group, as: law, into: UnsafeMutableBufferPointer(rebasing: output[filled..<(filled + count)]))
          filled += count
          group += UInt64(whole)
        } else {
          read(group: group, as: law, into: edge)
          let count = min(Self.groupCount - skipped, output.count - filled)
          for i in 0..<count { output[filled + i] = edge[skipped + i] }
          filled += count
          group += 1
          skipped = 0
        }
      }
    }
  }

  /// The words that normals are made of, in whole groups.
  func readWords(group: UInt64, into output: UnsafeMutableBufferPointer<UInt64>) {
    withKeyWords { kernels.keystream($0, stream: stream, group: group, into: output) }
  }

  /// Eight passes of successive cancellation whose dithers are words of this stream; see `Kernels.polarPasses`.
  func polarPasses(
    _ biases: UnsafeMutableBufferPointer<Double>, first: UInt64, stride: Int, outside: [UInt32],
    logRatios: UnsafeMutableBufferPointer<Double>, signs: UnsafeMutableBufferPointer<UInt8>,
    flags: UnsafeMutableBufferPointer<UInt8>, scratch: UnsafeMutableBufferPointer<Double>
  ) {
    withKeyWords {
      kernels.polarPasses(
        biases, key: $0, stream: stream, first: first, stride: stride, outside: outside, logRatios: logRatios,
        signs: signs, flags: flags, scratch: scratch)
    }
  }

  /// Those of one group.
  func words(group: UInt64) -> [UInt64] {
    [UInt64](unsafeUninitializedCapacity: Self.groupCount) { buffer, count in
      readWords(group: group, into: UnsafeMutableBufferPointer(rebasing: buffer[..<Self.groupCount]))
      count = Self.groupCount
    }
  }

  private func withKeyWords<R>(_ body: (UnsafePointer<UInt32>) -> R) -> R {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 8) { words in
      key.withPointer { bytes in
        for i in 0..<8 {
          words[i] =
            UInt32(bytes[4 * i]) | UInt32(bytes[4 * i + 1]) << 8 | UInt32(bytes[4 * i + 2]) << 16
            | UInt32(bytes[4 * i + 3]) << 24
        }
      }
      guard let address = words.baseAddress else { preconditionFailure("eight words were allocated") }
      return body(address)
    }
  }
}
