import Numerics

/// Simulates N independent signs with given biases through N fair shared ones, by successive cancellation over a polar
/// transform with dithered leaves.
///
/// encode(t) of n = 1: w = shared uniform, b = + if w < (1 + t) / 2. Of n > 1, with t1, t2 the halves of t:
///
///     c = encode(t1 t2),   b2 = encode((c t1 + t2) / (1 + c t1 t2)),   b = (c b2, b2).
///
/// Law: if b1, b2 are independent with biases t1, t2, their product has bias t1 t2, and b2 given the product c has bias
/// (c t1 + t2) / (1 + c t1 t2). So each leaf has its right conditional law, and by the chain rule b has exactly its law,
/// for any N. The dither w is uniform whatever t is: it says nothing of t, and b's law holds given everything else.
///
/// Code: a leaf's guess is + if w < 1/2; what is sent is the flag [b != guess], whose probability given w is
/// Pr[|T| > |2w - 1|] / 2 under the model of the leaf's bias T. Where T is near 0 a flag far from w = 1/2 is known to be
/// unset. The decoder knows w and the flags, hence all leaves, and XORs them back: no arithmetic on t decides.
///
/// [Honda & Yamamoto 2013; Sriramu et al. 2024; dithered leaves: here]
enum SignPolarization {
  /// Codes flags, leaf by leaf, from the words of their dithers. `flags[i]` is read by an encoder, written by a decoder.
  struct FlagCoder {
    let model: LeafModel
    /// Flags that came against those that were expected, by groups of leaf laws: the model's error is learnt. (Groups by
    /// the dither's distance too were tried: no shorter.)
    private var seen = [Double](repeating: 0, count: LeafLaws.count / Self.lawsInGroup)
    private var expected = [Double](repeating: 0, count: LeafLaws.count / Self.lawsInGroup)

    private static let lawsInGroup = 8
    /// Imagined flags that agree with the model.
    private static let trust = 12.0

    init(_ model: LeafModel) { self.model = model }

    @inline(__always)
    private func size(_ probability: Double, _ group: Int) -> UInt64 {
      let corrected = probability * (seen[group] + Self.trust) / (expected[group] + Self.trust)
      return UInt64((corrected > 0.5 ? 0.5 : corrected) * 0x1p32) | 1
    }

    @inline(__always)
    private mutating func learn(_ flag: Bool, _ probability: Double, _ group: Int) {
      expected[group] += probability
      if flag { seen[group] += 1 }
    }

    /// Codes the flags of leaves that are not silent.
    ///
    /// - Parameters:
    ///   - dither: the word of the i-th of `leaves`, by i and by leaf.
    ///   - flags: by leaf.
    @inline(__always)
    mutating func encode(
      _ leaves: ArraySlice<UInt32>, dither: (_ i: Int, _ leaf: Int) -> UInt64, _ flags: [UInt8],
      to coder: inout RangeEncoder
    ) {
      forEach(leaves, dither) { model, _, leaf, p, group in
        let flag = flags[leaf] != 0
        coder.encode(flag, size: model.size(p, group))
        model.learn(flag, p, group)
      }
    }

    /// - Parameter flagged: is given the leaves that have a flag, as `dither`.
    @inline(__always)
    mutating func decode(
      _ leaves: ArraySlice<UInt32>, dither: (_ i: Int, _ leaf: Int) -> UInt64, from decoder: inout some SymbolDecoder,
      flagged: (_ i: Int, _ leaf: Int) -> Void
    ) {
      forEach(leaves, dither) { model, i, leaf, p, group in
        let flag = decoder.flag(size: model.size(p, group))
        model.learn(flag, p, group)
        if flag { flagged(i, leaf) }
      }
    }

    /// Leaves whose thresholds are made at a time.
    private static let chunk = 256

    @inline(__always)
    private mutating func forEach(
      _ leaves: ArraySlice<UInt32>, _ dither: (Int, Int) -> UInt64,
      _ body: (inout FlagCoder, _ i: Int, _ leaf: Int, _ probability: Double, _ group: Int) -> Void
    ) {
      guard !leaves.isEmpty else { return }
      withUnsafeTemporaryAllocation(of: UInt64.self, capacity: Self.chunk) { words in
        withUnsafeTemporaryAllocation(of: Double.self, capacity: Self.chunk) { thresholds in
          NormalTable.shared.withCumulative { cumulative in
            for first in stride(from: leaves.startIndex, to: leaves.endIndex, by: Self.chunk) {
              let part = first..<min(first + Self.chunk, leaves.endIndex)
              // Thresholds are made eight at a time.
              let whole = (part.count + 7) & ~7
              for i in part { words[i - first] = dither(i - leaves.startIndex, Int(leaves[i])) }
              for i in part.count..<whole { words[i] = 0 }
              Kernels.best.thresholds(
                UnsafeBufferPointer(rebasing: words[..<whole]),
                UnsafeMutableBufferPointer(rebasing: thresholds[..<whole]))
              for i in part {
                let leaf = Int(leaves[i])
                let (p, group) = probability(model.classes[leaf], thresholds[i - first], cumulative)
                body(&self, i - leaves.startIndex, leaf, p, group)
              }
            }
          }
        }
      }
    }

    @inline(__always)
    private func probability(
      _ law: UInt8, _ threshold: Double, _ cumulative: NormalTable.Cumulative
    ) -> (Double, Int) {
      let laws = LeafLaws.shared
      let p = LeafLaws.probability(threshold, laws.centres[Int(law)], laws.slopes[Int(law)], cumulative)
      return (p, Int(law) / Self.lawsInGroup)
    }
  }

  /// Leaf bits (1 for minus) to sign bits, in place: (b1, b2) = (c xor b2, b2), from pairs to halves.
  static func butterflies(_ bits: inout [UInt64], count: Int) {
    bits.withUnsafeMutableBufferPointer { butterflies($0, count: count) }
  }

  /// The same; twice, they are the identity.
  static func butterflies(_ words: UnsafeMutableBufferPointer<UInt64>, count: Int) {
    for (level, mask) in masks.enumerated() where 2 << level <= count {
      for i in words.indices { words[i] ^= (words[i] >> UInt64(1 << level)) & mask }
    }
    var half = 1
    while 128 * half <= count {
      for start in stride(from: 0, to: words.count, by: 2 * half) {
        for i in start..<(start + half) { words[i] ^= words[i + half] }
      }
      half *= 2
    }
  }

  private static let masks: [UInt64] = [
    0x5555_5555_5555_5555, 0x3333_3333_3333_3333, 0x0F0F_0F0F_0F0F_0F0F, 0x00FF_00FF_00FF_00FF,
    0x0000_FFFF_0000_FFFF, 0x0000_0000_FFFF_FFFF,
  ]
}
