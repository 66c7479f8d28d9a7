import Numerics

/// Ring toss: rejection sampling whose index is coded flag by flag [arXiv 2604.23076].
///
/// Shared candidates y_k ~ p and shared u_k uniform; K = first k with u_k M <= r(y_k): y_K has density min(r, M) p / Z,
/// as in any rejection sampler, and K does not depend on it. Each flag [k = K] is coded with
/// w(u_k M) = Pr[r >= u_k M] under the public law: a large u_k is known to fail and costs nothing.
///
/// M / Z candidates on average. The decoder reads K numbers u_k, and of the candidates only the last.
package struct RingToss: Sendable {
  /// Sizes of "success" out of 2^32, by the leading bits of u.
  private let sizes: [UInt64]
  /// Bits of a body, on average, if the public law is right.
  package let expectedBits: Double

  private static let octaves = 24
  private static let perOctave = 32

  init(_ law: PublicRatioLaw, _ grid: HeightGrid, _ cumulative: NormalTable.Cumulative) {
    self.sizes = Self.sizes { law.proposalTail(Elementary.log($0 * grid.cap), cumulative) }
    var bits = 0.0
    for i in 0..<(grid.edges.count - 1) {
      let p = (grid.tails[i] + grid.tails[i + 1]) / 2
      if p > 0, p < 1 {
        let entropy = -(p * Elementary.log(p) + (1 - p) * Elementary.log(1 - p)) / Elementary.log(2)
        bits += (grid.edges[i + 1] - grid.edges[i]) * entropy
      }
    }
    expectedBits = bits / grid.bodyMass
  }

  /// The model for one pair of laws that is public.
  ///
  /// - Parameters:
  ///   - expectedBits: mean bits of a message.
  ///   - tail: P[r >= u M] for u in (0, 1].
  package init(expectedBits: Double, tail: (Double) -> Double) {
    sizes = Self.sizes(tail)
    self.expectedBits = expectedBits
  }

  private static func sizes(_ tail: (Double) -> Double) -> [UInt64] {
    (0..<(octaves * perOctave)).map { cell in
      // u in the cell's middle, from the topmost octave down.
      let (octave, part) = cell.quotientAndRemainder(dividingBy: perOctave)
      var u = (1 + (Double(part) + 0.5) / Double(perOctave)) / 2
      for _ in 0..<octave { u /= 2 }
      return UInt64(min(max(tail(u), 0x1p-30), 1 - 0x1p-30) * 0x1p32)
    }
  }

  /// The probability model of u = (word >> 11) 2^-53.
  @inline(__always)
  private func size(_ word: UInt64) -> UInt64 {
    let octave = min(word.leadingZeroBitCount, Self.octaves - 1)
    let part = Int((word << UInt64(octave)) >> 58) & (Self.perOctave - 1)
    return sizes[octave * Self.perOctave + part]
  }

  /// Codes the flags up to the first success; false where `limit` candidates failed.
  func encode(
    _ candidates: inout CandidateScores, heights: KeyStream, logCap: Double, limit: Int, to coder: inout RangeEncoder
  ) -> UInt64? {
    var words = WordReader(heights)
    for k in 1...limit {
      let word = words.next()
      let height = Elementary.log(Double((word >> 11) + 1) * 0x1p-53) + logCap
      let isHit = height <= candidates.score()
      coder.encode(isHit, size: size(word))
      if isHit { return UInt64(k) }
    }
    return nil
  }

  /// Codes the flags of a search that ended with candidate `index`, from 1 on.
  package func encode(_ index: UInt64, heights: KeyStream, to coder: inout RangeEncoder) {
    var words = WordReader(heights)
    for k in 1...index { coder.encode(k == index, size: size(words.next())) }
  }

  package func decode(heights: KeyStream, limit: Int, from decoder: inout some SymbolDecoder) -> UInt64? {
    var words = WordReader(heights)
    for k in 1...limit where decoder.flag(size: size(words.next())) { return UInt64(k) }
    return nil
  }
}

/// Reads a key stream in order, 64 words at a time.
struct WordReader {
  private let stream: KeyStream
  private var position: UInt64 = 0
  private var buffer = [UInt64](repeating: 0, count: 64)
  private var used = 64

  init(_ stream: KeyStream) { self.stream = stream }

  @inline(__always)
  mutating func next() -> UInt64 {
    if used == 64 {
      buffer.withUnsafeMutableBufferPointer { stream.read(at: position, into: $0) }
      position += 64
      used = 0
    }
    defer { used += 1 }
    return buffer[used]
  }
}
