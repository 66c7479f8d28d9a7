import ChannelCoding

/// The uniform numbers that both ends of a line sampler share, by their number: the one rule by which shared randomness is addressed.
///
/// - Candidate number k of a global sampler is number k, from 1 on; of a search that goes down one path it is the depth, from 1 on; of a
///   search tree it is the heap index: 1 for the root, 2 H and 2 H + 1 for the parts below and above of node H.
/// - Public heights have a stream of their own with the same numbers, number 1 being its first word.
///
/// One key belongs to one search: a second sample under the same key would have the same candidates.
public struct SharedUniforms: Sendable {
  private var candidates: WordBlock
  private var heights: WordBlock

  public init(_ shared: SharedRandomness) {
    candidates = WordBlock(shared.words(.search))
    heights = WordBlock(shared.words(.heights))
  }

  /// The share of the mass of the searched interval that lies below candidate `number`: in (0, 1), an odd multiple of 2^-54.
  @inline(__always)
  public mutating func candidate(_ number: UInt64) -> Double { FastGPRS.uniform(candidates.word(number)) }

  /// Public height `number`, in (0, 1).
  @inline(__always)
  public mutating func height(_ number: UInt64) -> Double { FastGPRS.uniform(heights.word(number &- 1)) }
}

/// Words of a key stream by number, of which a few neighbors are made together.
struct WordBlock: Sendable {
  private let words: KeyStream
  private var first: UInt64 = .max
  private var buffer = [UInt64](repeating: 0, count: Self.count)

  private static let count = 16

  init(_ words: KeyStream) { self.words = words }

  @inline(__always)
  mutating func word(_ number: UInt64) -> UInt64 {
    let start = number & ~UInt64(Self.count - 1)
    if start != first {
      buffer.withUnsafeMutableBufferPointer { words.read(at: start, into: $0) }
      first = start
    }
    return buffer[Int(number - start)]
  }
}
