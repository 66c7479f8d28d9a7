/// Both ends of a polar transform's signs: dithers from shared randomness, flags in the range coder.
struct SignCoder {
  /// N, a power of two.
  let count: Int
  let shared: SharedRandomness

  /// Leaves whose dithers and flags are handled at a time.
  private static let chunk = 4096

  /// Room for a transform.
  struct Work {
    var biases: [Double]
    var signs: [Double]
    var scratch: [Double]
    var flags: [UInt8]

    init(_ count: Int) {
      biases = [Double](repeating: 0, count: count)
      signs = biases
      scratch = biases
      flags = [UInt8](repeating: 0, count: count)
    }
  }

  /// Words of a transform's dithers; their lowest bits, which no dither uses, are fair bits of their own.
  func dithers(level: Int) -> [UInt64] {
    [UInt64](unsafeUninitializedCapacity: (count + 127) / 128 * 128) { buffer, filled in
      shared.normals(.dithers, block: level).readWords(group: 0, into: buffer)
      filled = buffer.count
    }
  }

  /// Leaves that are silent in the model have a flag once in a hundred updates: their number, and where they are.
  private func encodeFlags(
    _ flags: [UInt8], _ words: [UInt64], _ model: LeafModel, to coder: inout RangeEncoder
  ) {
    let silent = (0..<count).filter { flags[$0] != 0 && model.classes[$0] <= model.silent }
    coder.encode(!silent.isEmpty, size: Self.silentSize)
    if !silent.isEmpty {
      coder.encodeGamma(UInt64(silent.count - 1))
      for leaf in silent { coder.encodeLong(UInt64(leaf), count: count.trailingZeroBitCount) }
    }
    var flagCoder = SignPolarization.FlagCoder(model)
    forEachChunk(words) { first, thresholds in
      flags.withUnsafeBufferPointer {
        flagCoder.encode(
          UnsafeBufferPointer(rebasing: $0[first..<(first + thresholds.count)]), thresholds: thresholds, first: first,
          to: &coder)
      }
    }
  }

  private static let silentSize: UInt64 = 1 << 25

  private func decodeFlags(
    _ words: [UInt64], _ model: LeafModel, from decoder: inout RangeDecoder
  ) -> [UInt8]? {
    var flags = [UInt8](repeating: 0, count: count)
    if decoder.flag(size: Self.silentSize) {
      guard let more = decoder.gamma(), more < UInt64(count) else { return nil }
      for _ in 0...more {
        let leaf = Int(decoder.longBits(count: count.trailingZeroBitCount))
        guard model.classes[leaf] <= model.silent else { return nil }
        flags[leaf] = 1
      }
    }
    var flagCoder = SignPolarization.FlagCoder(model)
    forEachChunk(words) { first, thresholds in
      flags.withUnsafeMutableBufferPointer {
        flagCoder.decode(
          into: UnsafeMutableBufferPointer(rebasing: $0[first..<(first + thresholds.count)]), thresholds: thresholds,
          first: first, from: &decoder)
      }
    }
    return flags
  }

  @inline(__always)
  private func forEachChunk(_ words: [UInt64], _ body: (_ first: Int, UnsafeBufferPointer<Double>) -> Void) {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: Self.chunk) { thresholds in
      words.withUnsafeBufferPointer { words in
        for first in stride(from: 0, to: count, by: Self.chunk) {
          let part = min(Self.chunk, count - first)
          let whole = (part + 7) / 8 * 8
          let room = UnsafeMutableBufferPointer(rebasing: thresholds[..<whole])
          Kernels.best.thresholds(UnsafeBufferPointer(rebasing: words[first..<(first + whole)]), room)
          body(first, UnsafeBufferPointer(rebasing: room[..<part]))
        }
      }
    }
  }

  /// Codes the flags of signs with `work.biases`; leaves the signs in `work`.
  func encode(_ model: LeafModel, level: Int, _ work: inout Work, to coder: inout RangeEncoder) {
    let words = dithers(level: level)
    work.biases.withUnsafeBufferPointer { t in
      words.withUnsafeBufferPointer { w in
        work.flags.withUnsafeMutableBufferPointer { f in
          work.signs.withUnsafeMutableBufferPointer { signs in
            work.scratch.withUnsafeMutableBufferPointer { scratch in
              Kernels.best.polarize(
                UnsafeBufferPointer(rebasing: t[..<count]), w, flags: f, signs: signs, scratch: scratch)
            }
          }
        }
      }
    }
    encodeFlags(work.flags, words, model, to: &coder)
  }

  /// Bits of all signs, 1 for minus.
  func decode(
    _ words: [UInt64], _ model: LeafModel, from decoder: inout RangeDecoder
  ) -> [UInt64]? {
    guard let leaves = decodeFlags(words, model, from: &decoder) else { return nil }
    // The guess is plus where w < 1/2, that is where the leading bit is 0.
    var bits = [UInt64](repeating: 0, count: (count + 63) / 64)
    for i in 0..<count { bits[i / 64] |= (words[i] >> 63 ^ UInt64(leaves[i])) << UInt64(i % 64) }
    SignPolarization.butterflies(&bits, count: count)
    return bits
  }
}
