import Numerics

/// Codes blocks and the parts of those that are split, with what both ends learn from a message's flags.
struct BlockParts {
  private let selection: BlockPlan.Selection
  private let plan: PosteriorPlan
  private let shared: SharedRandomness
  /// Nothing that an honest sender has as a number of its own is beyond.
  private let largest: Double
  private var splitFlag: AdaptiveBit?
  private var escapeFlag: AdaptiveBit?
  private var partSplitFlag = AdaptiveBit(ones: 1, zeros: 4)
  private var partEscapeFlag: AdaptiveBit
  private var coordinates: CoordinateCode
  /// Indices of whole blocks that an encoder has sent.
  private(set) var indices: [UInt64] = []

  init(_ codec: BlockPosterior, shared: SharedRandomness) {
    selection = codec.plan.selection
    plan = codec.plan
    self.shared = shared
    largest = codec.settings.options.largestMean + SampleBound.largestNoise
    partEscapeFlag = plan.partLaw.escapeFlag
    coordinates = CoordinateCode(shared: shared, largest: largest)
  }

  /// A part of a block: where it is, and what both ends know of it.
  private struct Part {
    /// Of the block's coordinates.
    let range: Range<Int>
    /// Names the part's streams: no two parts of a posterior have the same.
    let stream: Int
    let depth: Int
    let capBits: Double
    let law: BlockLaw

    var count: Int { range.count }
    var isWhole: Bool { depth == 0 }
    /// Candidates at the public cap, at least 1.
    var draws: Int { Int(Elementary.exp(capBits * Elementary.ln2).rounded(.up)) }
    var logCap: Double { capBits * Elementary.ln2 }
    /// Tries of an escape's first search.
    var escapeLimit: Int { 4 * draws }
    /// Candidates after which ring toss sends its block as an escape: 10^-6 of typical bodies.
    var tossLimit: Int { 16 * draws }

    init(_ block: PosteriorPlan.Block) {
      self.init(0..<block.coordinates.count, start: block.start, depth: 0, capBits: block.capBits, block.law)
    }

    private init(_ range: Range<Int>, start: Int, depth: Int, capBits: Double, _ law: BlockLaw) {
      self.range = range
      self.start = start
      self.depth = depth
      // Parts that begin at the same coordinate differ in depth.
      stream = (start + range.lowerBound) << 6 | depth
      self.capBits = capBits
      self.law = law
    }

    private let start: Int

    func halves(_ plan: PosteriorPlan) -> [Part] {
      let middle = (range.lowerBound + range.upperBound) / 2
      return [range.lowerBound..<middle, middle..<range.upperBound].map {
        Part($0, start: start, depth: depth + 1, capBits: plan.partCapBits, plan.partLaw)
      }
    }
  }

  /// The posterior of a part, as its sender sees it.
  private struct Target {
    let means: ArraySlice<Double>
    let scales: ArraySlice<Double>
    let inverseScales: [Double]
    /// -sum ln rho.
    let constant: Double
    /// E ln r, the KL divergence in nats, and the variance of ln r.
    let information: Double
    let variance: Double
    /// The largest ln r.
    let logSupremum: Double

    init(_ block: DiagonalGaussian, _ range: Range<Int>) {
      means = block.means[range]
      scales = block.scales[range]
      inverseScales = scales.map { 1 / $0 }
      var (constant, information, variance, supremum) = (0.0, 0.0, 0.0, 0.0)
      for i in range {
        let (mean, scale) = (block.means[i], block.scales[i])
        let (entropy, square) = (-Elementary.log(scale), (1 - scale) * (1 + scale))
        constant += entropy
        information += DiagonalGaussian.nats(mean: mean, scale: scale)
        variance += square * square / 2 + mean * mean * scale * scale
        if square > 0 { supremum += entropy + mean * mean / (2 * square) }
      }
      self.constant = constant
      self.information = information
      self.variance = variance
      logSupremum = supremum
    }

    func bodyMass(logCap: Double) -> Double {
      if logSupremum <= logCap { return 1 }
      return NormalTable.shared.withCumulative {
        BlockPlan.bodyMass(mean: information, variance: variance, logCap: logCap, $0)
      }
    }
  }

  // MARK: Encoding

  /// - Parameter block: the posterior of the block's coordinates.
  /// - Returns: the sample.
  mutating func encode(
    _ block: DiagonalGaussian, _ planned: PosteriorPlan.Block, _ random: inout RandomStream,
    to coder: inout RangeEncoder, tally: inout CodingTally
  ) -> [Double] {
    var y = [Double](repeating: 0, count: block.count)
    encode(block, Part(planned), &random, into: &y, to: &coder, tally: &tally)
    return y
  }

  private mutating func encode(
    _ block: DiagonalGaussian, _ part: Part, _ random: inout RandomStream, into y: inout [Double],
    to coder: inout RangeEncoder, tally: inout CodingTally
  ) {
    let target = Target(block, part.range)
    guard selection.isExact else {
      encodeApproximately(target, part, &random, into: &y, to: &coder, tally: &tally)
      return
    }
    let logCap = cap(target, part)
    let isSplit = target.bodyMass(logCap: logCap) < BlockPlan.smallestBodyMass
    withSplitFlag(part) { $0.encode(isSplit, to: &coder) }
    if !isSplit {
      encodeSelected(target, part, logCap: logCap, &random, into: &y, to: &coder, tally: &tally)
    } else if part.count == 1 {
      tally.blocks += 1
      tally.layered += 1
      let i = part.range.lowerBound
      y[i] = coordinates.encode(
        mean: block.means[i], scale: block.scales[i], stream: part.stream, &random, to: &coder, tally: &tally)
    } else {
      for half in part.halves(plan) { encode(block, half, &random, into: &y, to: &coder, tally: &tally) }
    }
  }

  /// ln M of this posterior, by mu and rho alone. The decoder of a functional representation has no use for the cap: it may be the sender's own,
  /// at most `PosteriorPlan.reachBits` beyond the public one. Of those below which 9 in 10 heights lie it is the one whose candidates and
  /// escapes cost least.
  private func cap(_ target: Target, _ part: Part) -> Double {
    guard selection == .pfr else { return part.logCap }
    let largest = min(part.logCap + PosteriorPlan.reachBits * Elementary.ln2, max(target.logSupremum, 0))
    var best = (cap: largest, cost: Double.infinity)
    for step in 0...Int(largest * 4) + 1 {
      let cap = min(Double(step) / 4, largest)
      let escape = 1 - target.bodyMass(logCap: cap)
      let cost = Elementary.exp(cap) * Double(part.count) * Self.bitsOfNormal + Self.bitsOfEscape * escape
      if escape < 0.1, cost < best.cost { best = (cap, cost) }
    }
    return best.cap
  }

  /// What a normal is worth: three million to save a bit, which take some 10 ms.
  private static let bitsOfNormal = 3e-7
  /// What an escape takes beyond an index.
  private static let bitsOfEscape = 30.0

  /// A private sample and its height, and then the body or the escape.
  private mutating func encodeSelected(
    _ target: Target, _ part: Part, logCap: Double, _ random: inout RandomStream, into y: inout [Double],
    to coder: inout RangeEncoder, tally: inout CodingTally
  ) {
    tally.blocks += 1
    var drawn = [Double](repeating: 0, count: part.count)
    let (means, scales) = (target.means, target.scales)
    let first = part.range.lowerBound
    var sum = TimeSum()
    random.forEachNormal(count: part.count) { i, g in
      let value = means[first + i] + scales[first + i] * g
      drawn[i] = value
      sum.add(DiagonalScores.term(value, mean: means[first + i], inverseScale: target.inverseScales[i]) / 2)
    }
    let logRatio = target.constant + sum.value
    let logHeight = logRatio - random.time()
    let isEscape = logHeight > logCap
    withEscapeFlag(part) { $0.encode(isEscape, to: &coder) }
    if !isEscape,
      let index = encodeBody(target, part, logCap: logCap, &random, to: &coder, tally: &tally)
    {
      tally.addIndex(index)
      if part.isWhole { indices.append(index) }
      read(part, index, into: &y)
      return
    }
    tally.escapes += 1
    escapeCode(part, target.inverseScales).encode(
      &drawn, mean: Array(means), quadratic: 0, slack: logRatio - logHeight, to: &coder, tally: &tally)
    for i in part.range { y[i] = drawn[i - first] }
  }

  /// The index of a candidate with the body's law; nil where ring toss reached its limit, and the block is sent as an escape.
  private func encodeBody(
    _ target: Target, _ part: Part, logCap: Double, _ random: inout RandomStream, to coder: inout RangeEncoder,
    tally: inout CodingTally
  ) -> UInt64? {
    var candidates = candidates(target, part)
    defer { tally.draws += candidates.drawn * part.count }
    if let toss = part.law.ringToss {
      return toss.encode(
        &candidates, heights: shared.words(.heights, block: part.stream), logCap: logCap, limit: part.tossLimit,
        to: &coder)
    }
    let index = PoissonFunctionalRepresentation.select(&candidates, logCap: logCap, random: &random)
    part.law.indexModel?.encode(index, to: &coder)
    return index
  }

  /// `mrc`: one of N candidates in proportion to r, and log2 N bits.
  private func encodeApproximately(
    _ target: Target, _ part: Part, _ random: inout RandomStream, into y: inout [Double],
    to coder: inout RangeEncoder, tally: inout CodingTally
  ) {
    var candidates = candidates(target, part)
    let index = ImportanceSelection.minimal(&candidates, count: 1 << Int(part.capBits), random: &random)
    coder.encodeLong(index - 1, count: Int(part.capBits))
    tally.blocks += 1
    tally.addIndex(index)
    tally.draws += candidates.drawn * part.count
    read(part, index, into: &y)
  }

  private func candidates(_ target: Target, _ part: Part) -> CandidateScores {
    CandidateScores(
      shared.normals(.candidates, block: part.stream), kind: .diagonal, mean: target.means,
      cells: target.inverseScales, quadratic: 0, constant: target.constant, batch: max(part.draws / 8, 1))
  }

  private func read(_ part: Part, _ index: UInt64, into y: inout [Double]) {
    y.withUnsafeMutableBufferPointer { read(part, index, into: UnsafeMutableBufferPointer(rebasing: $0[part.range])) }
  }

  private func read(_ part: Part, _ index: UInt64, into y: UnsafeMutableBufferPointer<Double>) {
    shared.normals(.candidates, block: part.stream).read(at: (index - 1) &* UInt64(part.count), into: y)
  }

  private func escapeCode(_ part: Part, _ inverseScales: [Double]) -> EscapeCode {
    EscapeCode(
      stream: shared.normals(.escapes, block: part.stream), kind: .diagonal, cells: inverseScales,
      rootLimit: part.escapeLimit, largest: largest)
  }

  private mutating func withSplitFlag<R>(_ part: Part, _ body: (inout AdaptiveBit) -> R) -> R {
    guard part.isWhole else { return body(&partSplitFlag) }
    var flag = splitFlag ?? part.law.splitFlag
    defer { splitFlag = flag }
    return body(&flag)
  }

  private mutating func withEscapeFlag<R>(_ part: Part, _ body: (inout AdaptiveBit) -> R) -> R {
    guard part.isWhole else { return body(&partEscapeFlag) }
    var flag = escapeFlag ?? part.law.escapeFlag
    defer { escapeFlag = flag }
    return body(&flag)
  }

  // MARK: Decoding

  /// - Returns: false for a code that no encoder writes.
  mutating func decode(
    _ block: PosteriorPlan.Block, from decoder: inout some SymbolDecoder, into y: UnsafeMutableBufferPointer<Double>
  ) -> Bool {
    decode(Part(block), from: &decoder, into: y)
  }

  private mutating func decode(
    _ part: Part, from decoder: inout some SymbolDecoder, into block: UnsafeMutableBufferPointer<Double>
  ) -> Bool {
    let y = UnsafeMutableBufferPointer(rebasing: block[part.range])
    guard selection.isExact else {
      read(part, decoder.longBits(count: Int(part.capBits)) + 1, into: y)
      return true
    }
    if withSplitFlag(part, { $0.decode(from: &decoder) }) {
      if part.count == 1 {
        guard let value = coordinates.decode(stream: part.stream, from: &decoder) else { return false }
        y[0] = value
        return true
      }
      for half in part.halves(plan) where !decode(half, from: &decoder, into: block) { return false }
      return true
    }
    var index: UInt64?
    if !withEscapeFlag(part, { $0.decode(from: &decoder) }) {
      if let toss = part.law.ringToss {
        index = toss.decode(
          heights: shared.words(.heights, block: part.stream), limit: part.tossLimit, from: &decoder)
      } else {
        guard let found = part.law.indexModel?.decode(from: &decoder) else { return false }
        index = found
      }
    }
    guard let index else { return escapeCode(part, []).decode(into: y, from: &decoder) }
    read(part, index, into: y)
    return true
  }
}
