import Numerics

/// Both ends of a polar transform's signs: dithers and candidates from shared randomness, flags and indices in the range
/// coder.
///
/// Where the plan sends a node of n signs by one index, its target q is the product law of biases t_1 .. t_n, which the signs before it
/// have fixed, and the proposal p a law that candidates are drawn from, r = q / p:
///
/// - fair signs, r(b) = prod (1 + b_i t_i);
/// - or passes of successive cancellation with dithers of their own (`PassLayout`), in which leaves in G are fair and all others have
///   their bias: r(b) = prod over G of 1 + b t, by the chain rule.
///
/// The client takes the node's signs y through its leaves, as if nothing were planned, and a height h uniform in (0, r(y)).
///
/// - h > M: an escape. y stays, and is sent as its leaves' flags. Given an escape it has the law (q - M p)+, normalised.
/// - Otherwise y is forgotten, and the body min(q, M p) is simulated by a functional representation with candidates
///   that no other dither depends on: their index is sent, and of a pass the flags of the leaves outside G.
///
/// Together they are q = min(q, M p) + (q - M p)+, exactly.
struct SignCoder {
  /// N, a power of two.
  let count: Int
  let shared: SharedRandomness

  /// Room for a transform.
  struct Work {
    var biases: [Double]
    var signs: [Double]
    var scratch: [Double]
    var flags: [UInt8]
    /// By selection in the order of the plan: the index, or 0 for an escape.
    var indices: [UInt64] = []

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

  private func candidates(level: Int, start: Int) -> NormalStream {
    shared.normals(.signs, block: level << 32 | start)
  }

  // MARK: Encoding

  /// Codes signs with `work.biases`; leaves them in `work.signs`.
  ///
  /// - Parameter words: the level's dithers.
  func encode(
    _ plan: SignPlan, level: Int, _ words: [UInt64], _ work: inout Work, _ random: inout RandomStream,
    to coder: inout RangeEncoder, tally: inout CodingTally
  ) {
    work.indices.removeAll(keepingCapacity: true)
    work.biases.withUnsafeMutableBufferPointer { t in
      words.withUnsafeBufferPointer { w in
        work.flags.withUnsafeMutableBufferPointer { f in
          work.signs.withUnsafeMutableBufferPointer { signs in
            work.scratch.withUnsafeMutableBufferPointer { scratch in
              var transform = Transform(
                coder: self, plan: plan, level: level, words: w, flags: f, signs: signs, indices: work.indices)
              transform.node(
                UnsafeMutableBufferPointer(rebasing: t[..<count]), start: 0, segment: 0,
                UnsafeMutableBufferPointer(rebasing: scratch[..<count]), &random, &tally)
              work.indices = transform.indices
            }
          }
        }
      }
    }
    encode(work, words, plan, level: level, to: &coder)
  }

  /// A walk over the nodes of the tree that the plan names.
  private struct Transform {
    let coder: SignCoder
    let plan: SignPlan
    let level: Int
    let words: UnsafeBufferPointer<UInt64>
    let flags: UnsafeMutableBufferPointer<UInt8>
    let signs: UnsafeMutableBufferPointer<Double>
    var indices: [UInt64]

    /// The node of t.count leaves from `start` on, which lies in segments from `segment` on; returns the one that its
    /// end lies in.
    @discardableResult
    mutating func node(
      _ t: UnsafeMutableBufferPointer<Double>, start: Int, segment: Int,
      _ scratch: UnsafeMutableBufferPointer<Double>, _ random: inout RandomStream, _ tally: inout CodingTally
    ) -> Int {
      let range = start..<(start + t.count)
      let first = plan.segments[segment]
      if range.upperBound <= first.range.upperBound {
        if let layout = first.selection?.passes {
          pass(t, first, layout, &random, &tally)
        } else {
          leaves(t, range, scratch)
          if first.selection != nil { select(t, first, &random, &tally) }
        }
        return range.upperBound == first.range.upperBound ? segment + 1 : segment
      }
      let half = t.count / 2
      let (low, high) = (
        UnsafeMutableBufferPointer(rebasing: scratch[..<half]), UnsafeMutableBufferPointer(rebasing: scratch[half...])
      )
      let b = UnsafeMutableBufferPointer(rebasing: signs[range])
      Kernels.best.polarProducts(t, into: low)
      let middle = node(low, start: start, segment: segment, high, &random, &tally)
      Kernels.best.polarSums(t, signs: b, into: low)
      let end = node(low, start: start + half, segment: middle, high, &random, &tally)
      for i in 0..<half { b[i] *= b[half + i] }
      return end
    }

    private func leaves(
      _ t: UnsafeMutableBufferPointer<Double>, _ range: Range<Int>, _ scratch: UnsafeMutableBufferPointer<Double>
    ) {
      Kernels.best.polarize(
        UnsafeBufferPointer(t), UnsafeBufferPointer(rebasing: words[range.lowerBound...]),
        flags: UnsafeMutableBufferPointer(rebasing: flags[range]),
        signs: UnsafeMutableBufferPointer(rebasing: signs[range]), scratch: scratch)
    }

    private mutating func select(
      _ t: UnsafeMutableBufferPointer<Double>, _ segment: SignPlan.Segment, _ random: inout RandomStream,
      _ tally: inout CodingTally
    ) {
      guard let logCap = plan.logCap(segment) else { return }
      let stream = coder.candidates(level: level, start: segment.start)
      let b = UnsafeMutableBufferPointer(rebasing: signs[segment.range])
      var candidates = SignCandidates(stream, biases: t)
      tally.blocks += 1
      guard candidates.logRatio(b) - random.time() <= logCap else {
        tally.escapes += 1
        indices.append(0)
        return
      }
      let index = PoissonFunctionalRepresentation.select(&candidates, logCap: logCap, random: &random)
      tally.draws += candidates.drawn * segment.count
      tally.addIndex(index)
      indices.append(index)
      let bits = SignCandidates.words(stream, index: index, count: segment.count)
      for i in b.indices {
        b[i] = (bits[i / 64] >> UInt64(i % 64)) & 1 == 0 ? 1 : -1
        flags[segment.start + i] = 0
      }
    }

    /// A node by passes: its leaves and their ratio, and in place of what does not escape the pass that is chosen.
    private mutating func pass(
      _ t: UnsafeMutableBufferPointer<Double>, _ segment: SignPlan.Segment, _ layout: PassLayout,
      _ random: inout RandomStream, _ tally: inout CodingTally
    ) {
      guard let logCap = plan.logCap(segment) else { return }
      var passes = SignPasses(
        coder.candidates(level: level, start: segment.start), layout, biases: t,
        signs: UnsafeMutableBufferPointer(rebasing: signs[segment.range]),
        flags: UnsafeMutableBufferPointer(rebasing: flags[segment.range]))
      tally.blocks += 1
      guard passes.drawLeaves(UnsafeBufferPointer(rebasing: words[segment.range])) - random.time() <= logCap else {
        tally.escapes += 1
        indices.append(0)
        return
      }
      let index = PoissonFunctionalRepresentation.select(&passes, logCap: logCap, random: &random)
      tally.addIndex(index)
      indices.append(index)
      passes.finish()
      tally.draws += passes.drawn * segment.count
    }
  }

  /// Leaves that are silent in the model have a flag once in a hundred updates: their number, and where they are. Then
  /// segment by segment.
  private func encode(
    _ work: Work, _ words: [UInt64], _ plan: SignPlan, level: Int, to coder: inout RangeEncoder
  ) {
    let model = plan.leaves
    let silent = Self.flagged(work.flags, count).filter { model.classes[$0] <= model.silent }
    coder.encode(!silent.isEmpty, size: Self.silentSize)
    if !silent.isEmpty {
      coder.encodeGamma(UInt64(silent.count - 1))
      for leaf in silent { coder.encodeLong(UInt64(leaf), count: count.trailingZeroBitCount) }
    }
    var flags = SignPolarization.FlagCoder(model)
    var escapes = EscapeModel()
    var selections = 0
    var heard = 0
    for segment in plan.segments {
      let leaves = model.heard(in: segment.range, from: &heard)
      if let selection = segment.selection {
        let index = work.indices[selections]
        selections += 1
        let law = selection.law
        escapes.encode(index == 0, law, to: &coder)
        if index > 0 {
          law.indexModel.encode(index, to: &coder)
          if let layout = selection.passes {
            let (_, dithers) = layout.words(candidates(level: level, start: segment.start), index: index)
            let outside = layout.outside[..<layout.outsideCount].map { UInt32(segment.start) + $0 }
            flags.encode(outside[...], dither: { i, _ in dithers[i] }, work.flags, to: &coder)
          }
          continue
        }
      }
      flags.encode(leaves, dither: { words[$1] }, work.flags, to: &coder)
    }
  }

  /// Leaves with a flag, in order: few.
  private static func flagged(_ flags: [UInt8], _ count: Int) -> [Int] {
    var found: [Int] = []
    flags.withUnsafeBytes { bytes in
      // Transforms of fewer than eight leaves are padded with flags that nobody sets.
      for group in 0..<((count + 7) / 8)
      where bytes.loadUnaligned(fromByteOffset: 8 * group, as: UInt64.self) != 0 {
        found += (8 * group..<min(8 * group + 8, count)).filter { bytes[$0] != 0 }
      }
    }
    return found
  }

  /// Flags of escapes: escapes that came against those that were expected correct the laws.
  private struct EscapeModel {
    private var seen = 0.0
    private var expected = 0.0
    /// Imagined escapes that agree with the laws.
    private static let trust = 0.5

    private mutating func size(_ law: SelectionLaw) -> UInt64 {
      let corrected = law.escapeProbability * (seen + Self.trust) / (expected + Self.trust)
      expected += law.escapeProbability
      return UInt64(min(max(corrected, 0x1p-20), 0.5) * 0x1p32)
    }

    mutating func encode(_ isEscape: Bool, _ law: SelectionLaw, to coder: inout RangeEncoder) {
      coder.encode(isEscape, size: size(law))
      if isEscape { seen += 1 }
    }

    mutating func decode(_ law: SelectionLaw, from decoder: inout some SymbolDecoder) -> Bool {
      let isEscape = decoder.flag(size: size(law))
      if isEscape { seen += 1 }
      return isEscape
    }
  }

  private static let silentSize: UInt64 = 1 << 25

  // MARK: Decoding

  /// Bits of all signs, 1 for minus; nil for a code that no encoder writes.
  func decode(
    _ words: [UInt64], _ plan: SignPlan, level: Int, from decoder: inout some SymbolDecoder
  ) -> [UInt64]? {
    let model = plan.leaves
    var silent: Set<Int> = []
    if decoder.flag(size: Self.silentSize) {
      guard let more = decoder.gamma(), more < UInt64(count) else { return nil }
      for _ in 0...more {
        let leaf = Int(decoder.longBits(count: count.trailingZeroBitCount))
        guard model.classes[leaf] <= model.silent else { return nil }
        silent.insert(leaf)
      }
    }
    // The guess is plus where w < 1/2, that is where the leading bit is 0.
    var bits = [UInt64](repeating: 0, count: words.count / 64)
    words.withUnsafeBufferPointer { words in
      bits.withUnsafeMutableBufferPointer { Kernels.best.leadingBits(words, $0) }
    }
    var flags = SignPolarization.FlagCoder(model)
    var escapes = EscapeModel()
    var heard = 0
    for segment in plan.segments {
      let leaves = model.heard(in: segment.range, from: &heard)
      if let selection = segment.selection {
        let law = selection.law
        if !escapes.decode(law, from: &decoder) {
          guard let index = law.indexModel.decode(from: &decoder) else { return nil }
          if let layout = selection.passes {
            read(layout, index, segment, level: level, &flags, from: &decoder, into: &bits)
          } else {
            take(index, segment, level: level, into: &bits)
          }
          continue
        }
      }
      flags.decode(
        leaves, dither: { words[$1] }, from: &decoder,
        flagged: { _, leaf in bits[leaf / 64] ^= 1 << UInt64(leaf % 64) })
      if !silent.isEmpty {
        for leaf in silent where segment.range.contains(leaf) { bits[leaf / 64] ^= 1 << UInt64(leaf % 64) }
      }
    }
    // Words come in groups: there may be more of them than leaves.
    bits.removeLast(bits.count - (count + 63) / 64)
    if count < 64 { bits[0] &= 1 << UInt64(count) - 1 }
    SignPolarization.butterflies(&bits, count: count)
    return bits
  }

  /// A candidate's signs as the leaves that they come from.
  private func take(_ index: UInt64, _ segment: SignPlan.Segment, level: Int, into bits: inout [UInt64]) {
    var signs = SignCandidates.words(
      candidates(level: level, start: segment.start), index: index, count: segment.count)
    if segment.count < 64 { signs[0] &= 1 << UInt64(segment.count) - 1 }
    SignPolarization.butterflies(&signs, count: segment.count)
    put(signs, segment, into: &bits)
  }

  /// The leaves of a segment, of which a word has all or none.
  private func put(_ leaves: [UInt64], _ segment: SignPlan.Segment, into bits: inout [UInt64]) {
    let (first, shift) = (segment.start / 64, UInt64(segment.start % 64))
    let mask: UInt64 = segment.count < 64 ? (1 << UInt64(segment.count) - 1) << shift : .max
    for i in leaves.indices { bits[first + i] = bits[first + i] & ~mask | leaves[i] << shift & mask }
  }

  /// The leaves of a pass: those in G from its bits, all others from its dithers and their flags.
  private func read(
    _ layout: PassLayout, _ index: UInt64, _ segment: SignPlan.Segment, level: Int,
    _ flags: inout SignPolarization.FlagCoder, from decoder: inout some SymbolDecoder, into bits: inout [UInt64]
  ) {
    let stream = candidates(level: level, start: segment.start)
    let (fair, dithers) = layout.words(stream, index: index)
    var leaves = fair
    let outside = layout.outside[..<layout.outsideCount]
    for (i, leaf) in outside.enumerated() {
      let place = UInt64(leaf % 64)
      leaves[Int(leaf) / 64] = leaves[Int(leaf) / 64] & ~(1 << place) | (dithers[i] >> 63) << place
    }
    flags.decode(
      outside.map { UInt32(segment.start) + $0 }[...], dither: { i, _ in dithers[i] }, from: &decoder,
      flagged: { i, _ in leaves[Int(outside[i]) / 64] ^= 1 << UInt64(outside[i] % 64) })
    put(leaves, segment, into: &bits)
  }
}
