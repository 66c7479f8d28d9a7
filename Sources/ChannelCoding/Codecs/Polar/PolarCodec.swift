import Numerics

/// Simulates the whole update at once in O(N log N): magnitudes by capped selection in blocks, signs by successive
/// cancellation through a polar transform with dithered leaves.
///
/// Over sigma: target N(x, I_N), proposal N(0, s^2 I_N) with s^2 = 1 + snr, y_j = s a_j b_j with a_j >= 0 and b_j = +-1.
///
/// 1. Magnitudes. Under the proposal a_j = |N(0, 1)|; the target's density over it is
///    r(a) = prod s e^(-(s^2 - 1) a_j^2 / 2 - x_j^2 / 2) cosh(s a_j x_j). Blocks by capped selection, as in `BlockCodec`:
///    private y, its height, the body by a functional representation, what is above the cap by `EscapeCode`.
/// 2. Signs. Given a they are independent with bias tanh(s a_j x_j): `SignPolarization` gives them exactly that law.
///
/// So Y ~ N(x, sigma^2 I) exactly, for every N, plan and model. Updates are padded to a power of two before the rotation,
/// and the server drops the padding after turning back.
///
/// A block of magnitudes that no search reaches, a matter of x alone, is sent by the layered quantizer, signs included;
/// its coordinates then take part in all transforms with bias 0, which carries nothing.
struct PolarCodec: HostilelyReadable {
  /// N.
  let count: Int
  let clippingNorm: Double
  let noiseScale: Double
  let effort: Int
  /// A cap in place of the planned one: for tests in which escapes are common.
  var forcedCap: Double?
  /// Nats above which a block is left to the quantizer, in place of the planned ones: for tests of what selections do far out.
  var forcedLimit: Double?
  /// Quantile levels in place of the planned ones: for tests of few coordinates, which a plan has none for.
  var forcedLevels: Int?
  private let quantizer: DitheredQuantizer

  init(_ settings: ChannelSettings) {
    count = settings.paddedDimension
    clippingNorm = settings.clippingNorm
    noiseScale = settings.noiseScale
    effort = settings.options.values(PolarOptions.self).effort
    quantizer = DitheredQuantizer(.direct, clippingNorm: settings.clippingNorm, noiseScale: settings.noiseScale)
  }

  func plan(_ normClass: NormClass) -> PolarPlan {
    let signal = normClass.scale * clippingNorm / noiseScale
    return .make(
      count: count, snr: signal * signal / Double(count), effort: effort, forcedCap: forcedCap,
      forcedLevels: forcedLevels)
  }

  /// The flags of magnitude blocks, learnt by both ends.
  private struct Flags {
    var layered = AdaptiveBit(zeros: 1000)
    var escape: AdaptiveBit

    init(_ plan: PolarPlan) { escape = plan.escapeFlag }
  }

  // MARK: Encoding

  func encode(
    _ update: ClippedUpdate, shared: SharedRandomness, private noise: inout PrivateRandomness,
    tally: inout CodingTally
  ) -> Payload {
    precondition(update.values.count == count)
    var coder = RangeEncoder(reservingBytes: 256)
    let normClass = NormClass(norm: update.norm, bound: clippingNorm)
    normClass.encode(to: &coder)
    guard !normClass.isZero else { return coder.finish(counting: &tally) }
    encode(update, plan(normClass), shared, &noise.stream, to: &coder, tally: &tally)
    return coder.finish(counting: &tally)
  }

  /// All but the norm class: of any update, whatever the plan is for.
  func encode(
    _ update: ClippedUpdate, _ plan: PolarPlan, _ shared: SharedRandomness, _ random: inout RandomStream,
    to coder: inout RangeEncoder, tally: inout CodingTally
  ) {
    let inverseSigma = 1 / noiseScale
    let s = plan.proposalScale
    // Arrays of whole vectors: short transforms are padded.
    let padded = max(count, 8)
    var mean = [Double](repeating: 0, count: padded)
    for i in 0..<count { mean[i] = update.values[i] * inverseSigma * s }
    var flags = Flags(plan)
    // Blocks that the quantizer takes: what is left of them has mean 0, and is dropped.
    var isLayered = [Bool](repeating: false, count: plan.blockCount)
    for block in 0..<plan.blockCount {
      let range = plan.range(block)
      tally.blocks += 1
      isLayered[block] = isHopeless(range, mean, plan)
      flags.layered.encode(isLayered[block], to: &coder)
      guard isLayered[block] else { continue }
      tally.layered += 1
      encodeLayered(range, update, shared, to: &coder)
      for i in range { mean[i] = 0 }
    }
    let signs = SignCoder(count: count, shared: shared)
    var work = SignCoder.Work(padded)
    var selected = Magnitudes(cells: [], shares: [], logMasses: [])
    if !plan.levels.isEmpty {
      let dropped = (0..<plan.blockCount).filter { isLayered[$0] }.flatMap(plan.range)
      selected = encodeLevels(
        mean, dropped: dropped, plan, signs, &work, &random, to: &coder, tally: &tally)
    }
    var z = [Double](repeating: 0, count: padded)
    for block in 0..<plan.blockCount where !isLayered[block] {
      encode(plan.range(block), block, mean, selected, plan, shared, &random, &flags, &z, &coder, &tally)
    }
    if !plan.levels.isEmpty { magnitudes(&z, selected.cells, plan) }
    z.withUnsafeBufferPointer { z in
      mean.withUnsafeBufferPointer { mean in
        work.biases.withUnsafeMutableBufferPointer { Kernels.best.biases(z, mean, $0) }
      }
    }
    signs.encode(plan.signs, level: 0, signs.dithers(level: 0), &work, &random, to: &coder, tally: &tally)
    tally.draws += count * (1 + plan.levels.count)
  }

  /// A matter of x alone: whether a selection of the block's magnitudes would be a long search.
  private func isHopeless(_ range: Range<Int>, _ mean: [Double], _ plan: PolarPlan) -> Bool {
    // What the quantizer is not for: a class of zero is no code.
    guard range.contains(where: { mean[$0] != 0 }) else { return false }
    let inverse = 1 / plan.proposalScale
    var information = 0.0
    if !plan.levels.isEmpty {
      // What is left to select lies within a cell; only the outermost has no end. A coordinate that is far out there has
      // D(N(x, 1) || N(0, s^2) given the cell) = ln s + (x^2 + 1) / (2 s^2) - 1/2 - (levels + 1) ln 2.
      let square = 1 + plan.snr
      let constant =
        PublicRatioLaw.log1p(plan.snr) / 2 + 1 / (2 * square) - 0.5
        - Double(plan.levels.count + 1) * Elementary.ln2
      for i in range {
        let x = mean[i] * inverse
        information += max(constant + x * x / (2 * square), 0)
      }
      return information > forcedLimit ?? (plan.logCap + 1)
    }
    for i in range {
      let x = mean[i] * inverse
      // E ln r given x to leading order; for large x nearer to x^2.
      let excess = (x * x - plan.snr) / (1 + plan.snr)
      information += min(excess * excess / 4, abs(excess))
    }
    return information > plan.logCap + 1
  }

  private func encodeLayered(
    _ range: Range<Int>, _ update: ClippedUpdate, _ shared: SharedRandomness, to coder: inout RangeEncoder
  ) {
    var square = 0.0
    for i in range { square += update.values[i] * update.values[i] }
    let normClass = NormClass(norm: square.squareRoot(), bound: clippingNorm)
    normClass.encode(to: &coder)
    guard !normClass.isZero else { return }
    update.values.withUnsafeBufferPointer {
      quantizer.encode(
        UnsafeBufferPointer(rebasing: $0[range]), range, eta: blockScale(normClass, range.count), shared: shared,
        to: &coder)
    }
  }

  // MARK: Levels

  /// The quantile bits of all magnitudes, coarse to fine. Given the cell, the upper half has the probability that the
  /// target gives it there: a sign with that bias. Each bit is flipped by a shared fair one first, so that biases are
  /// as often below 0 as above, as the model has them.
  ///
  /// - Parameter dropped: coordinates that the quantizer has sent: their bits are fair.
  private func encodeLevels(
    _ mean: [Double], dropped: [Int], _ plan: PolarPlan, _ signs: SignCoder, _ work: inout SignCoder.Work,
    _ random: inout RandomStream, to coder: inout RangeEncoder, tally: inout CodingTally
  ) -> Magnitudes {
    let inverse = 1 / plan.proposalScale
    var magnitudes = MagnitudeCells(mean: mean, scale: inverse)
    let ends = plan.boundaries.map { plan.proposalScale * $0 }
    for (depth, model) in plan.levels.enumerated() {
      let flips = signs.dithers(level: depth + 1)
      let width = plan.cellCount >> depth
      magnitudes.biases((0..<(1 << depth)).map { ends[$0 * width + width / 2] }, flips: flips, into: &work.biases)
      for j in dropped { work.biases[j] = 0 }
      signs.encode(model, level: depth + 1, flips, &work, &random, to: &coder, tally: &tally)
      magnitudes.take(work.signs, flips: flips)
    }
    let (shares, logMasses) = magnitudes.places(ends: ends, inverseScale: inverse, &random)
    return Magnitudes(cells: magnitudes.cells, shares: shares, logMasses: logMasses)
  }

  /// Cells of all magnitudes, places in them from the target as shares of the cells above, and ln of the cells' masses over
  /// the proposal's.
  private struct Magnitudes {
    let cells: [Double]
    let shares: [Double]
    let logMasses: [Double]
  }

  /// Places in cells to magnitudes.
  private func magnitudes(_ z: inout [Double], _ cells: [Double], _ plan: PolarPlan) {
    let shares = z
    shares.withUnsafeBufferPointer { shares in
      cells.withUnsafeBufferPointer { cells in
        z.withUnsafeMutableBufferPointer {
          Kernels.best.magnitudes(shares, cells: cells, cellCount: Double(plan.cellCount), $0)
        }
      }
    }
  }

  // MARK: Blocks

  /// One block of magnitudes, or of places in cells, into `z`.
  private func encode(
    _ range: Range<Int>, _ block: Int, _ mean: [Double], _ selected: Magnitudes, _ plan: PolarPlan,
    _ shared: SharedRandomness, _ random: inout RandomStream, _ flags: inout Flags, _ z: inout [Double],
    _ coder: inout RangeEncoder, _ tally: inout CodingTally
  ) {
    let blockCells = plan.levels.isEmpty ? [] : Array(selected.cells[range])
    let quadratic = plan.snr / 2
    let (drawn, score, constant) =
      plan.levels.isEmpty
      ? drawMagnitudes(range, mean, plan, &random) : selectedPlaces(range, mean, selected, blockCells, plan)
    var y = drawn
    let logRatio = score + constant
    let logHeight = logRatio - random.time()
    let isEscape = logHeight > plan.logCap
    flags.escape.encode(isEscape, to: &coder)
    if isEscape {
      tally.escapes += 1
      escapeCode(plan, blockCells, shared, block).encode(
        &y, mean: Array(mean[range]), quadratic: quadratic, slack: logRatio - logHeight, to: &coder, tally: &tally)
      for i in range { z[i] = y[i - range.lowerBound] }
      return
    }
    let stream = shared.normals(.candidates, block: block)
    let kind = kind(plan)
    var candidates = CandidateScores(
      stream, kind: kind, mean: mean[range], cells: blockCells, quadratic: quadratic, constant: constant, batch: 4)
    let index = PoissonFunctionalRepresentation.select(&candidates, logCap: plan.logCap, random: &random)
    tally.draws += candidates.drawn * range.count
    plan.indexModel.encode(index, to: &coder)
    z.withUnsafeMutableBufferPointer {
      stream.read(
        at: (index - 1) &* UInt64(range.count), as: kind.law, into: UnsafeMutableBufferPointer(rebasing: $0[range]))
    }
  }

  /// The target's magnitudes over s, of a private draw; the part of ln r that depends on them, and the constant.
  private func drawMagnitudes(
    _ range: Range<Int>, _ mean: [Double], _ plan: PolarPlan, _ random: inout RandomStream
  ) -> (y: [Double], logRatio: Double, constant: Double) {
    let inverse = 1 / plan.proposalScale
    var constant = Double(range.count) / 2 * PublicRatioLaw.log1p(plan.snr)
    var y = [Double](repeating: 0, count: range.count)
    random.forEachNormal(count: range.count) { i, g in
      let m = mean[range.lowerBound + i]
      constant -= m * m * inverse * inverse / 2
      y[i] = (m * inverse + g) * inverse
    }
    var logRatio = 0.0
    y.withUnsafeBufferPointer { y in
      mean.withUnsafeBufferPointer { mean in
        withUnsafeMutablePointer(to: &logRatio) {
          guard let y = y.baseAddress else { return }
          Kernels.best.magnitudeScores(
            y, UnsafeBufferPointer(rebasing: mean[range]), quadratic: plan.snr / 2, constant: 0,
            into: UnsafeMutableBufferPointer(start: $0, count: 1))
        }
      }
    }
    return (y, logRatio, constant)
  }

  /// The places that were drawn for the block, and the same of them.
  private func selectedPlaces(
    _ range: Range<Int>, _ mean: [Double], _ selected: Magnitudes, _ cells: [Double], _ plan: PolarPlan
  ) -> (y: [Double], logRatio: Double, constant: Double) {
    let inverse = 1 / plan.proposalScale
    var constant = Double(range.count) / 2 * PublicRatioLaw.log1p(plan.snr)
    // Given the cell: the target over its mass there, the proposal over 1 / cellCount.
    for i in range {
      let x = mean[i] * inverse
      constant -= x * x / 2 + selected.logMasses[i]
    }
    let y = Array(selected.shares[range])
    var logRatio = 0.0
    y.withUnsafeBufferPointer { y in
      mean.withUnsafeBufferPointer { mean in
        cells.withUnsafeBufferPointer { cells in
          withUnsafeMutablePointer(to: &logRatio) {
            guard let y = y.baseAddress else { return }
            Kernels.best.cellScores(
              y, cells: cells, cellCount: Double(plan.cellCount), UnsafeBufferPointer(rebasing: mean[range]),
              quadratic: plan.snr / 2, constant: 0, into: UnsafeMutableBufferPointer(start: $0, count: 1))
          }
        }
      }
    }
    return (y, logRatio, constant)
  }

  private func kind(_ plan: PolarPlan) -> CandidateScores.Kind {
    plan.levels.isEmpty ? .magnitude : .cells(count: Double(plan.cellCount))
  }

  private func escapeCode(
    _ plan: PolarPlan, _ cells: [Double], _ shared: SharedRandomness, _ block: Int
  ) -> EscapeCode {
    EscapeCode(
      stream: shared.normals(.escapes, block: block), kind: kind(plan), cells: cells,
      rootLimit: plan.escapeLimit, largest: sampleBound.coordinate / (noiseScale * plan.proposalScale))
  }

  private func blockScale(_ normClass: NormClass, _ n: Int) -> Double {
    normClass.scale * clippingNorm / (Double(n).squareRoot() * noiseScale)
  }

  // MARK: Decoding

  var sampleCount: Int { count }

  var sampleBound: SampleBound {
    SampleBound(clippingNorm: clippingNorm, noiseScale: noiseScale, count: count)
  }

  func read(
    from decoder: inout some SymbolDecoder, shared: SharedRandomness, into values: UnsafeMutableBufferPointer<Double>
  ) -> PayloadError? {
    let normClass = NormClass(from: &decoder)
    guard !normClass.isZero else {
      shared.fillNoise(values, scale: noiseScale)
      return nil
    }
    return read(plan(normClass), from: &decoder, shared: shared, into: values)
  }

  /// All but the norm class.
  func read(
    _ plan: PolarPlan, from decoder: inout some SymbolDecoder, shared: SharedRandomness,
    into values: UnsafeMutableBufferPointer<Double>
  ) -> PayloadError? {
    var flags = Flags(plan)
    var isLayered = [Bool](repeating: false, count: plan.blockCount)
    if let problem = readLayered(plan, shared, &flags, &isLayered, from: &decoder, into: values) { return problem }
    let coder = SignCoder(count: count, shared: shared)
    guard let cells = readLevels(plan, coder, from: &decoder) else { return .notACode(coordinate: 0) }
    var z = [Double](repeating: 0, count: max(count, 8))
    for block in 0..<plan.blockCount where !isLayered[block] {
      guard readMagnitudes(block, plan, cells, shared, &flags, from: &decoder, into: &z) else {
        return .notACode(coordinate: plan.range(block).lowerBound)
      }
    }
    if !plan.levels.isEmpty { magnitudes(&z, cells, plan) }
    guard let signs = coder.decode(coder.dithers(level: 0), plan.signs, level: 0, from: &decoder) else {
      return .notACode(coordinate: 0)
    }
    let scale = noiseScale * plan.proposalScale
    for block in 0..<plan.blockCount where !isLayered[block] {
      for i in plan.range(block) {
        let sign = (signs[i / 64] >> UInt64(i % 64)) << 63
        values[i] = Double(bitPattern: (abs(z[i]) * scale).bitPattern | sign)
      }
    }
    return nil
  }

  /// Which blocks the quantizer has sent, and their values.
  private func readLayered(
    _ plan: PolarPlan, _ shared: SharedRandomness, _ flags: inout Flags, _ isLayered: inout [Bool],
    from decoder: inout some SymbolDecoder, into values: UnsafeMutableBufferPointer<Double>
  ) -> PayloadError? {
    for block in 0..<plan.blockCount {
      isLayered[block] = flags.layered.decode(from: &decoder)
      guard isLayered[block] else { continue }
      let range = plan.range(block)
      let normClass = NormClass(from: &decoder)
      guard !normClass.isZero else {
        return .notACode(coordinate: range.lowerBound)
      }
      if let problem = quantizer.decode(
        range, eta: blockScale(normClass, range.count), shared: shared, from: &decoder,
        into: UnsafeMutableBufferPointer(rebasing: values[range]))
      {
        return problem
      }
    }
    return nil
  }

  /// The cells of all magnitudes, from their quantile bits; nil where these are no code.
  private func readLevels(
    _ plan: PolarPlan, _ coder: SignCoder, from decoder: inout some SymbolDecoder
  ) -> [Double]? {
    var cells = [Double](repeating: 0, count: plan.levels.isEmpty ? 0 : max(count, 8))
    for (depth, model) in plan.levels.enumerated() {
      let words = coder.dithers(level: depth + 1)
      guard let bits = coder.decode(words, model, level: depth + 1, from: &decoder) else { return nil }
      cells.withUnsafeMutableBufferPointer { Kernels.best.readHalves(bits, flips: words, cells: $0) }
    }
    return cells
  }

  /// One block of magnitudes, or of places in cells; false where it is no code.
  private func readMagnitudes(
    _ block: Int, _ plan: PolarPlan, _ cells: [Double], _ shared: SharedRandomness, _ flags: inout Flags,
    from decoder: inout some SymbolDecoder, into z: inout [Double]
  ) -> Bool {
    let range = plan.range(block)
    return z.withUnsafeMutableBufferPointer {
      let part = UnsafeMutableBufferPointer(rebasing: $0[range])
      if flags.escape.decode(from: &decoder) {
        return escapeCode(plan, plan.levels.isEmpty ? [] : Array(cells[range]), shared, block).decode(
          into: part, from: &decoder)
      }
      guard let index = plan.indexModel.decode(from: &decoder) else { return false }
      shared.normals(.candidates, block: block).read(
        at: (index - 1) &* UInt64(range.count), as: kind(plan).law, into: part)
      return true
    }
  }
}
