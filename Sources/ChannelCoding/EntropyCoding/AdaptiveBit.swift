/// A bit whose probability both ends learn from what has been coded: Krichevsky and Trofimov's estimate, in integers.
///
/// - Cost in bits: at most half log2 n + 1 over the empirical entropy of n bits.
struct AdaptiveBit: Sendable {
  private var ones: UInt32
  private var zeros: UInt32

  /// - Parameters: imagined observations to start from.
  init(ones: UInt32 = 0, zeros: UInt32 = 0) {
    self.ones = ones
    self.zeros = zeros
  }

  private var size: UInt64 {
    // (ones + 1/2) / (n + 1), kept inside (0, 2^32) by the halves.
    let numerator = (UInt64(2 * ones) + 1) << 32
    return min(max(numerator / (2 * UInt64(ones) + 2 * UInt64(zeros) + 2), 16), 1 << 32 - 16)
  }

  private mutating func learn(_ flag: Bool) {
    if flag { ones += 1 } else { zeros += 1 }
    if ones + zeros >= 1 << 16 {
      ones = (ones + 1) / 2
      zeros = (zeros + 1) / 2
    }
  }

  mutating func encode(_ flag: Bool, to coder: inout RangeEncoder) {
    coder.encode(flag, size: size)
    learn(flag)
  }

  mutating func decode(from decoder: inout some SymbolDecoder) -> Bool {
    let flag = decoder.flag(size: size)
    learn(flag)
    return flag
  }
}
