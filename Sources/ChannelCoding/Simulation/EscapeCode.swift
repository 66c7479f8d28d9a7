import Numerics

/// Sends a block whose height fell above the cap, exactly.
///
/// The client holds (y, h) with y ~ Q and h uniform in (0, r(y)): given h, y has the proposal's law restricted to
/// {r >= h}, and so given any event that depends on h alone. Replacing a part of y by the first fresh shared candidate
/// that keeps ln r >= ln h, the other parts as they are, leaves that law as it is (a Gibbs step): the candidate has the
/// conditional law of the part. Where none of `limit` candidates qualifies, the old part stays: the failure depends on
/// the other parts and h, not on it. It is then replaced piece by piece, and a single coordinate that finds none is
/// sent as it is. In the end every coordinate is one that the decoder can make or was sent.
///
/// The whole block is the first part: height selection, one index of about log2 1 / P[r >= h] bits.
struct EscapeCode {
  let stream: NormalStream
  var kind = CandidateScores.Kind.whole
  /// For `kind` cells: each coordinate's. For `diagonal`: 1 / rho, which the decoder does without.
  var cells: [Double] = []
  /// Tries for the whole block.
  let rootLimit: Int
  /// Tries for a part, and for one of up to four coordinates, which cost next to nothing to draw and are dear to send as
  /// they are.
  var partLimit = 1024
  var smallPartLimit = 1 << 14
  /// No honest coordinate is beyond, over the proposal's scale: what is sent as it is has to be inside.
  var largest = Double.infinity

  static let fanOut = 4

  private func limit(_ length: Int, isRoot: Bool) -> Int {
    length <= Self.fanOut ? smallPartLimit : (isRoot ? rootLimit : partLimit)
  }

  /// Where a part's candidates start: every part in the order of the walk has positions of its own.
  private func step(_ length: Int, _ limit: Int) -> UInt64 { UInt64(length) * UInt64(limit) }

  /// - Parameters:
  ///   - y: the block, over the proposal's scale; becomes what the decoder gets.
  ///   - mean: s x, so that ln r of a coordinate is mean y - quadratic y^2 and a constant.
  ///   - slack: ln r(y) - ln h >= 0.
  func encode(
    _ y: inout [Double], mean: [Double], quadratic: Double, slack: Double, to coder: inout RangeEncoder,
    tally: inout CodingTally
  ) {
    var position: UInt64 = 0
    var slack = slack
    encode(0..<y.count, isRoot: true, &y, mean, quadratic, &slack, &position, &coder, &tally)
  }

  private func encode(
    _ range: Range<Int>, isRoot: Bool, _ y: inout [Double], _ mean: [Double], _ quadratic: Double,
    _ slack: inout Double, _ position: inout UInt64, _ coder: inout RangeEncoder, _ tally: inout CodingTally
  ) {
    let limit = limit(range.count, isRoot: isRoot)
    var present = 0.0
    for i in range { present += score(i, y[i], mean, quadratic) }
    var found: Int?
    do {
      var candidates = CandidateScores(
        stream, kind: kind, mean: mean[range], cells: cells.isEmpty ? [] : cells[range], quadratic: quadratic,
        constant: 0, start: position,
        batch: range.count <= Self.fanOut ? 64 : (isRoot ? limit / 16 : 16))
      for k in 0..<limit {
        let score = candidates.score()
        if score >= present - slack {
          found = k
          slack += score - present
          break
        }
      }
      tally.draws += candidates.drawn * range.count
    }
    coder.encode(found != nil, size: 3 << 30)
    let start = position
    position += step(range.count, limit)
    if let found {
      Self.encode(found, limit: limit, to: &coder)
      y.withUnsafeMutableBufferPointer {
        stream.read(
          at: start + UInt64(found * range.count), as: kind.law, into: UnsafeMutableBufferPointer(rebasing: $0[range]))
      }
      // The sum of scores and the score of the sum differ in rounding; a slack below zero would only fail a search.
      return
    }
    if range.count == 1 {
      coder.encodeLong(y[range.lowerBound].bitPattern >> 1, count: 63)
      coder.encode(bits: y[range.lowerBound].bitPattern & 1, count: 1)
      return
    }
    for part in Self.parts(range) {
      encode(part, isRoot: false, &y, mean, quadratic, &slack, &position, &coder, &tally)
    }
  }

  /// ln r of one coordinate, but for a constant.
  private func score(_ i: Int, _ y: Double, _ mean: [Double], _ quadratic: Double) -> Double {
    if case .diagonal = kind { return DiagonalScores.term(y, mean: mean[i], inverseScale: cells[i]) / 2 }
    var a = y
    if case .cells(let count) = kind { a = Self.magnitude(cell: cells[i], share: y, count: count) }
    return kind.exponent(a * mean[i]) - quadratic * a * a
  }

  /// The magnitude above which `share` of its cell lies.
  static func magnitude(cell: Double, share: Double, count: Double) -> Double {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: 24) { room in
      room.initialize(repeating: 0)
      (room[0], room[8]) = (share, cell)
      Kernels.best.magnitudes(
        UnsafeBufferPointer(rebasing: room[..<8]), cells: UnsafeBufferPointer(rebasing: room[8..<16]), cellCount: count,
        UnsafeMutableBufferPointer(rebasing: room[16...]))
      return room[16]
    }
  }

  /// Coordinates over the proposal's scale; false for a code that no encoder writes.
  func decode(into y: UnsafeMutableBufferPointer<Double>, from decoder: inout some SymbolDecoder) -> Bool {
    var position: UInt64 = 0
    return decode(0..<y.count, isRoot: true, y, &position, &decoder)
  }

  private func decode(
    _ range: Range<Int>, isRoot: Bool, _ y: UnsafeMutableBufferPointer<Double>, _ position: inout UInt64,
    _ decoder: inout some SymbolDecoder
  ) -> Bool {
    let limit = limit(range.count, isRoot: isRoot)
    let start = position
    position += step(range.count, limit)
    if decoder.flag(size: 3 << 30) {
      guard let index = Self.decode(limit: limit, from: &decoder) else { return false }
      stream.read(
        at: start + UInt64(index * range.count), as: kind.law, into: UnsafeMutableBufferPointer(rebasing: y[range]))
      return true
    }
    if range.count == 1 {
      let value = Double(bitPattern: decoder.longBits(count: 63) << 1 | decoder.bits(count: 1))
      var size = abs(value)
      if case .cells(let count) = kind {
        guard value > 0, value <= 1 else { return false }
        size = Self.magnitude(cell: cells[range.lowerBound], share: value, count: count)
      }
      // NaN is beyond every bound.
      guard size <= largest else { return false }
      y[range.lowerBound] = value
      return true
    }
    for part in Self.parts(range) where !decode(part, isRoot: false, y, &position, &decoder) { return false }
    return true
  }

  private static func parts(_ range: Range<Int>) -> [Range<Int>] {
    let count = min(fanOut, range.count)
    return (0..<count).map { i in
      (range.lowerBound + range.count * i / count)..<(range.lowerBound + range.count * (i + 1) / count)
    }
  }

  /// Every octave alike, then even inside it.
  private static func encode(_ index: Int, limit: Int, to coder: inout RangeEncoder) {
    let shifted = index + 1
    let octave = Int.bitWidth - 1 - shifted.leadingZeroBitCount
    let size = (1 << 32) / UInt64(octaves(limit))
    coder.encode(start: UInt64(octave) * size, size: size)
    coder.encodeLong(UInt64(shifted - 1 << octave), count: octave)
  }

  private static func decode(limit: Int, from decoder: inout some SymbolDecoder) -> Int? {
    let size = (1 << 32) / UInt64(octaves(limit))
    let octave = decoder.target / size
    guard octave < UInt64(octaves(limit)) else { return nil }
    decoder.consume(start: octave * size, size: size)
    let index = Int(decoder.longBits(count: Int(octave))) + 1 << Int(octave) - 1
    return index < limit ? index : nil
  }

  private static func octaves(_ limit: Int) -> Int { Int.bitWidth - limit.leadingZeroBitCount }
}
