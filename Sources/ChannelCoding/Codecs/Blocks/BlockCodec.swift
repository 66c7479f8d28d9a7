/// Channel simulation of whole blocks: the rotated update is cut into blocks of n coordinates, and of each the index of
/// one shared candidate is sent.
///
/// Per block, over sigma: target Q = N(x, I_n), proposal P = N(0, s^2 I_n), r = dQ/dP, and a public cap M = `draws`.
/// 1. With private randomness y ~ Q and h uniform in (0, r(y)). Then y given h <= M has density min(q, M p) / Z and
///    y given h > M has (q - M p)+ / (1 - Z): together they are Q.
/// 2. h <= M: y is forgotten, and the body min(q, M p) / Z is simulated by the codec's selection, whose output has
///    exactly that law and needs M candidates on average.
/// 3. h > M: the pair (y, h) is sent by `EscapeCode`, exactly.
/// 4. A block whose norm makes its body less than likely (a matter of x alone) is sent coordinate by coordinate by the
///    layered quantizer. No update makes an endless search.
///
/// So Y ~ N(x, sigma^2 I) exactly for `gprs`, `pfr` and `ring-toss`, whatever the plan, the caps and the models are.
/// `mrc` and `orc` send one of N = `draws` candidates drawn in proportion to r: approximate.
///
/// Bits and block lengths: `BlockPlan`. The code, the seed and x determine each other more than Y and x do: no
/// guarantee against the server.
struct BlockCodec: HostilelyReadable {
  let selection: BlockPlan.Selection
  let dimension: Int
  let draws: Int
  let clippingNorm: Double
  let noiseScale: Double
  /// A number of blocks in place of the planned one: for tests in which escapes are common.
  var forcedBlockCount: Int?
  private let quantizer: DitheredQuantizer

  init(_ selection: BlockPlan.Selection, _ settings: ChannelSettings) {
    self.selection = selection
    dimension = settings.dimension
    draws = settings.options.values(BlockOptions.self).draws
    clippingNorm = settings.clippingNorm
    noiseScale = settings.noiseScale
    quantizer = DitheredQuantizer(.direct, clippingNorm: settings.clippingNorm, noiseScale: settings.noiseScale)
  }

  /// The plan for a norm class that is not zero.
  func plan(_ normClass: NormClass) -> BlockPlan {
    let signal = normClass.scale * clippingNorm / noiseScale
    return .make(
      selection, dimension: dimension, draws: draws, snr: signal * signal / Double(dimension),
      forcedCount: forcedBlockCount)
  }

  // MARK: Encoding

  func encode(
    _ update: ClippedUpdate, shared: SharedRandomness, private noise: inout PrivateRandomness,
    tally: inout CodingTally
  ) -> Payload {
    var coder = RangeEncoder(reservingBytes: 64)
    let normClass = NormClass(norm: update.norm, bound: clippingNorm)
    normClass.encode(to: &coder)
    guard !normClass.isZero else { return coder.finish(counting: &tally) }
    let plan = plan(normClass)
    var flags = Flags(plan)
    update.values.withUnsafeBufferPointer { values in
      for block in 0..<plan.blockCount {
        let range = plan.range(block)
        tally.blocks += 1
        encode(
          UnsafeBufferPointer(rebasing: values[range]), range, block, plan, shared, &noise.stream, &flags, &coder,
          &tally)
      }
    }
    return coder.finish(counting: &tally)
  }

  /// One block of an update as its encoder sees it, over sigma: ln r(s z) = constant + z . mean - quadratic |z|^2.
  private struct Block {
    let number: Int
    let range: Range<Int>
    /// s x: what a candidate over s is multiplied with.
    let mean: [Double]
    /// |x|^2
    let square: Double
    let constant: Double
    let quadratic: Double

    init(_ update: UnsafeBufferPointer<Double>, _ range: Range<Int>, _ number: Int, _ plan: BlockPlan, sigma: Double) {
      self.number = number
      self.range = range
      let s = plan.proposalScale
      let inverseSigma = 1 / sigma
      var square = 0.0
      mean = update.map { value in
        let x = value * inverseSigma
        square += x * x
        return x * s
      }
      self.square = square
      // ln r(s z) = n ln s - |x|^2 / 2 + z . (s x) - (s^2 - 1) |z|^2 / 2
      constant = Double(range.count) / 2 * PublicRatioLaw.log1p(plan.snr) - square / 2
      quadratic = plan.snr / 2
    }

    func candidates(_ shared: SharedRandomness, batch: Int) -> CandidateScores {
      CandidateScores(
        shared.normals(.candidates, block: number), mean: mean, quadratic: quadratic, constant: constant, batch: batch)
    }
  }

  private func encode(
    _ update: UnsafeBufferPointer<Double>, _ range: Range<Int>, _ number: Int, _ plan: BlockPlan,
    _ shared: SharedRandomness, _ random: inout RandomStream, _ flags: inout Flags, _ coder: inout RangeEncoder,
    _ tally: inout CodingTally
  ) {
    let block = Block(update, range, number, plan, sigma: noiseScale)
    guard selection.isExact else {
      encodeApproximately(block, plan, shared, &random, &coder, &tally)
      return
    }
    let ratio = GaussianRatio(
      dimension: range.count, shift: block.square.squareRoot() / plan.proposalScale, snr: plan.snr)
    let moments = ratio.targetMoments
    let mass = NormalTable.shared.withCumulative {
      BlockPlan.bodyMass(mean: moments.mean, variance: moments.variance, logCap: plan.logCap, $0)
    }
    let isLayered = mass < BlockPlan.smallestBodyMass
    flags.layered.encode(isLayered, to: &coder)
    if isLayered {
      encodeLayered(update, block, plan, shared, &flags, &coder, &tally)
    } else {
      encodeExactly(block, ratio, plan, shared, &random, &flags, &coder, &tally)
    }
  }

  /// `mrc` and `orc`: one of `draws` candidates, in proportion to r.
  private func encodeApproximately(
    _ block: Block, _ plan: BlockPlan, _ shared: SharedRandomness, _ random: inout RandomStream,
    _ coder: inout RangeEncoder, _ tally: inout CodingTally
  ) {
    var candidates = block.candidates(shared, batch: draws)
    if selection == .mrc {
      let index = ImportanceSelection.minimal(&candidates, count: draws, random: &random)
      coder.encode(start: (index - 1) * uniformSize, size: uniformSize)
      tally.addIndex(index)
    } else {
      let index = ImportanceSelection.ordered(&candidates, count: draws, random: &random)
      plan.indexModel?.encode(index, to: &coder)
      tally.addIndex(index)
    }
    tally.draws += candidates.drawn * block.range.count
  }

  /// A block that no search can reach, coordinate by coordinate, with a class of its own where it stands out.
  private func encodeLayered(
    _ update: UnsafeBufferPointer<Double>, _ block: Block, _ plan: BlockPlan, _ shared: SharedRandomness,
    _ flags: inout Flags, _ coder: inout RangeEncoder, _ tally: inout CodingTally
  ) {
    let n = block.range.count
    tally.layered += 1
    tally.draws += n
    let isOwn = block.square > 9 * Double(n) * plan.snr
    flags.ownClass.encode(isOwn, to: &coder)
    var eta = plan.snr.squareRoot()
    if isOwn {
      let normClass = NormClass(norm: block.square.squareRoot() * noiseScale, bound: clippingNorm)
      normClass.encode(to: &coder)
      eta = blockScale(normClass, n)
    }
    quantizer.encode(update, block.range, eta: eta, shared: shared, to: &coder)
  }

  /// Steps 1 to 3: a private sample and its height, and then the body or the escape.
  private func encodeExactly(
    _ block: Block, _ ratio: GaussianRatio, _ plan: BlockPlan, _ shared: SharedRandomness,
    _ random: inout RandomStream, _ flags: inout Flags, _ coder: inout RangeEncoder, _ tally: inout CodingTally
  ) {
    let (mean, quadratic, s) = (block.mean, block.quadratic, plan.proposalScale)
    // y ~ Q, over s; its height.
    var y = [Double](repeating: 0, count: mean.count)
    var sum = TimeSum()
    random.forEachNormal(count: mean.count) { i, g in
      y[i] = (mean[i] / s + g) / s
      sum.add(y[i] * (mean[i] - quadratic * y[i]))
    }
    let logRatio = block.constant + sum.value
    let logHeight = logRatio - random.time()
    // Where the ratio stays below the public cap, a lower one saves draws. The decoder needs only the index, so the cap
    // may depend on x; the index law and the flags of ring toss are for the public one.
    let stretch = selection == .gprs ? StretchTable(ratio, logCap: plan.logCap) : nil
    let logCap =
      stretch?.logCap ?? (selection == .ringToss ? plan.logCap : ratio.effectiveCap(logCap: plan.logCap))
    let isEscape = logHeight > logCap
    flags.escape.encode(isEscape, to: &coder)
    if !isEscape, encodeBody(block, stretch, logCap: logCap, plan, shared, &random, &coder, &tally) { return }
    tally.escapes += 1
    escapeCode(plan, shared, block.number).encode(
      &y, mean: mean, quadratic: quadratic, slack: logRatio - logHeight, to: &coder, tally: &tally)
  }

  /// The index of a candidate with the body's law.
  ///
  /// - Returns: false where ring toss reached its limit, and the block is sent as an escape.
  private func encodeBody(
    _ block: Block, _ stretch: StretchTable?, logCap: Double, _ plan: BlockPlan, _ shared: SharedRandomness,
    _ random: inout RandomStream, _ coder: inout RangeEncoder, _ tally: inout CodingTally
  ) -> Bool {
    var candidates = block.candidates(shared, batch: draws / 8)
    defer { tally.draws += candidates.drawn * block.range.count }
    if selection == .ringToss {
      guard
        let index = plan.ringToss?.encode(
          &candidates, heights: shared.words(.heights, block: block.number), logCap: plan.logCap, limit: plan.drawLimit,
          to: &coder)
      else { return false }
      tally.addIndex(index)
      return true
    }
    let index =
      if let stretch {
        GreedyPoissonRejection.select(&candidates, stretch, random: &random)
      } else {
        PoissonFunctionalRepresentation.select(&candidates, logCap: logCap, random: &random)
      }
    plan.indexModel?.encode(index, to: &coder)
    tally.addIndex(index)
    return true
  }

  /// What both ends learn from the blocks of a payload.
  private struct Flags {
    var layered: AdaptiveBit
    var escape: AdaptiveBit
    var ownClass = AdaptiveBit()

    init(_ plan: BlockPlan) {
      layered = plan.layeredFlag
      escape = plan.escapeFlag
    }
  }

  private var uniformSize: UInt64 { (1 << 32) / UInt64(draws) }

  private func escapeCode(_ plan: BlockPlan, _ shared: SharedRandomness, _ block: Int) -> EscapeCode {
    EscapeCode(
      stream: shared.normals(.escapes, block: block), rootLimit: plan.escapeLimit,
      largest: sampleBound.coordinate / (noiseScale * plan.proposalScale))
  }

  /// eta of a block that is coded coordinate by coordinate, from its own norm class.
  private func blockScale(_ normClass: NormClass, _ n: Int) -> Double {
    normClass.scale * clippingNorm / (Double(n).squareRoot() * noiseScale)
  }

  // MARK: Decoding

  var sampleCount: Int { dimension }

  var sampleBound: SampleBound {
    guard !selection.isExact else {
      return SampleBound(clippingNorm: clippingNorm, noiseScale: noiseScale, count: dimension)
    }
    // Smaller updates have fewer blocks and narrower candidates.
    let plan = plan(NormClass(norm: clippingNorm, bound: clippingNorm))
    return SampleBound(
      scale: noiseScale * plan.proposalScale, count: dimension, draws: draws, blocks: plan.blockCount)
  }

  func read(
    from decoder: inout some SymbolDecoder, shared: SharedRandomness, into values: UnsafeMutableBufferPointer<Double>
  ) -> PayloadError? {
    let normClass = NormClass(from: &decoder)
    guard !normClass.isZero else {
      // Nothing to send: the noise is the first candidate.
      shared.fillNoise(values, scale: noiseScale)
      return nil
    }
    let plan = plan(normClass)
    var flags = Flags(plan)
    for block in 0..<plan.blockCount {
      let range = plan.range(block)
      if let problem = decode(
        range, block, plan, shared, &flags, &decoder, into: UnsafeMutableBufferPointer(rebasing: values[range]))
      {
        return problem
      }
    }
    return nil
  }

  private func decode(
    _ range: Range<Int>, _ block: Int, _ plan: BlockPlan, _ shared: SharedRandomness, _ flags: inout Flags,
    _ decoder: inout some SymbolDecoder, into values: UnsafeMutableBufferPointer<Double>
  ) -> PayloadError? {
    let damaged = PayloadError.notACode(coordinate: range.lowerBound)
    var index: UInt64?
    if selection == .mrc {
      let found = decoder.target / uniformSize
      guard found < UInt64(draws) else { return damaged }
      decoder.consume(start: found * uniformSize, size: uniformSize)
      index = found + 1
    } else if !selection.isExact {
      guard let found = plan.indexModel?.decode(from: &decoder), found <= UInt64(draws) else { return damaged }
      index = found
    } else if flags.layered.decode(from: &decoder) {
      var eta = plan.snr.squareRoot()
      if flags.ownClass.decode(from: &decoder) {
        let normClass = NormClass(from: &decoder)
        guard !normClass.isZero else { return damaged }
        eta = blockScale(normClass, range.count)
      }
      return quantizer.decode(range, eta: eta, shared: shared, from: &decoder, into: values)
    } else if !flags.escape.decode(from: &decoder) {
      if let ringToss = plan.ringToss {
        index = ringToss.decode(
          heights: shared.words(.heights, block: block), limit: plan.drawLimit, from: &decoder)
      } else {
        guard let found = plan.indexModel?.decode(from: &decoder) else { return damaged }
        index = found
      }
    }

    if let index {
      shared.normals(.candidates, block: block).read(at: (index - 1) &* UInt64(range.count), into: values)
    } else if !escapeCode(plan, shared, block).decode(into: values, from: &decoder) {
      return damaged
    }
    let scale = noiseScale * plan.proposalScale
    for i in values.indices { values[i] *= scale }
    return nil
  }
}
