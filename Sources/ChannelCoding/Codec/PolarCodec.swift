#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

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
/// its coordinates then take part in the transform with bias 0, which carries nothing.
struct PolarCodec: UpdateCodec {
  /// N.
  let count: Int
  let clippingNorm: Double
  let noiseScale: Double
  let effort: Int
  /// A cap in place of the planned one: for tests in which escapes are common.
  var forcedCap: Double?
  private let quantizer: DitheredQuantizer

  init(_ settings: ChannelSettings) {
    count = settings.domain
    clippingNorm = settings.clippingNorm
    noiseScale = settings.noiseScale
    effort = 0
    quantizer = DitheredQuantizer(.direct, clippingNorm: settings.clippingNorm, noiseScale: settings.noiseScale)
  }

  var descriptor: CodecDescriptor {
    CodecDescriptor(
      name: .polar, noise: .gaussian, isRotated: true,
      summary: "the whole update at once: magnitudes by capped selection, signs by a polar transform",
      cost: "O(d log d)", reference: "docs/codecs/polar.md; Sriramu et al. 2024")
  }

  func plan(_ normClass: NormClass) -> PolarPlan {
    let signal = normClass.scale * clippingNorm / noiseScale
    return .make(count: count, snr: signal * signal / Double(count), effort: effort, forcedCap: forcedCap)
  }

  /// The flags of magnitude blocks, learnt by both ends.
  private struct Flags {
    var layered = AdaptiveBit(zeros: 1000)
    var escape: AdaptiveBit

    init(_ plan: PolarPlan) { escape = plan.escapeFlag }
  }

  /// Leaves whose dithers and flags are handled at a time.
  private static let chunk = 4096

  // MARK: Encoding

  func encode(
    _ update: ClippedUpdate, shared: SharedRandomness, private noise: inout PrivateRandomness,
    tally: inout CodingTally
  ) -> Payload {
    precondition(update.values.count == count)
    var coder = RangeEncoder(reservingBytes: 256)
    let normClass = NormClass(norm: update.norm, bound: clippingNorm)
    normClass.encode(to: &coder)
    guard !normClass.isZero else { return Payload(bytes: coder.finish()) }
    let plan = plan(normClass)
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
    var work = Work(padded)
    let cells = encodeLevels(mean, plan, shared, &work, to: &coder)
    var z = [Double](repeating: 0, count: padded)
    for block in 0..<plan.blockCount where !isLayered[block] {
      encode(plan.range(block), block, mean, cells, plan, shared, &noise.stream, &flags, &z, &coder, &tally)
    }
    if !plan.levels.isEmpty { magnitudes(&z, cells, plan) }
    z.withUnsafeBufferPointer { z in
      mean.withUnsafeBufferPointer { mean in
        work.biases.withUnsafeMutableBufferPointer { Kernels.best.biases(z, mean, $0) }
      }
    }
    encodeSigns(plan.leaves, level: 0, shared, &work, to: &coder)
    tally.draws += count * (1 + plan.levels.count)
    return Payload(bytes: coder.finish())
  }

  /// A matter of x alone: whether a selection of the block's magnitudes would be a long search.
  private func isHopeless(_ range: Range<Int>, _ mean: [Double], _ plan: PolarPlan) -> Bool {
    let inverse = 1 / plan.proposalScale
    if !plan.levels.isEmpty {
      // What is left to select lies within a cell; only the outermost has no end.
      let largest = 4 + 4 * plan.snr.squareRoot()
      return range.contains { abs(mean[$0] * inverse) > largest }
    }
    var information = 0.0
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

  /// Room for a transform.
  private struct Work {
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

  /// The quantile bits of all magnitudes, coarse to fine. Given the cell, the upper half has the probability that the
  /// target gives it there: a sign with that bias. Each bit is flipped by a shared fair one first, so that biases are
  /// as often below 0 as above, as the model has them.
  private func encodeLevels(
    _ mean: [Double], _ plan: PolarPlan, _ shared: SharedRandomness, _ work: inout Work, to coder: inout RangeEncoder
  ) -> [Double] {
    var cells = [Double](repeating: 0, count: mean.count)
    let (s, ends) = (plan.proposalScale, plan.boundaries)
    let inverse = 1 / s
    for (depth, model) in plan.levels.enumerated() {
      let flips = dithers(shared, level: depth + 1)
      let width = plan.cellCount >> depth
      for j in 0..<count {
        let x = abs(mean[j] * inverse)
        let first = Int(cells[j]) * width
        let (low, middle, high) = (s * ends[first], s * ends[first + width / 2], s * ends[first + width])
        let lower = Self.mass(low, middle, x)
        let upper = Self.mass(middle, high, x)
        // Both vanish only far from x: the nearer half has all of it.
        let t = lower + upper > 0 ? (upper - lower) / (upper + lower) : (x > middle ? 1 : -1)
        work.biases[j] = flips[j] & 1 == 0 ? t : -t
      }
      encodeSigns(model, level: depth + 1, shared, &work, to: &coder)
      for j in 0..<count {
        let isUpper = (work.signs[j] > 0) == (flips[j] & 1 == 0)
        cells[j] = 2 * cells[j] + (isUpper ? 1 : 0)
      }
    }
    return cells
  }

  /// Pr[low < |y| < high], y ~ N(x, 1), x >= 0.
  private static func mass(_ low: Double, _ high: Double, _ x: Double) -> Double {
    let root = 0.5.squareRoot()
    let tail = { (z: Double) in z > 38 ? 0 : 0.5 * erfc(z * root) }
    let far = tail(low + x) - tail(high + x)
    let (a, b) = (low - x, high - x)
    return far + (a > 0 ? tail(a) - tail(b) : tail(-b) - tail(-a))
  }

  /// Codes the flags of signs with `work.biases`; leaves the signs in `work`.
  private func encodeSigns(
    _ model: LeafModel, level: Int, _ shared: SharedRandomness, _ work: inout Work, to coder: inout RangeEncoder
  ) {
    let words = dithers(shared, level: level)
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
    encode(work.flags, words, model, to: &coder)
  }

  /// Places in cells to magnitudes.
  private func magnitudes(_ z: inout [Double], _ cells: [Double], _ plan: PolarPlan) {
    let places = z
    places.withUnsafeBufferPointer { u in
      cells.withUnsafeBufferPointer { cells in
        z.withUnsafeMutableBufferPointer {
          Kernels.best.magnitudes(u, cells: cells, cellCount: Double(plan.cellCount), $0)
        }
      }
    }
  }

  // MARK: Blocks

  /// One block of magnitudes, or of places in cells, into `z`.
  private func encode(
    _ range: Range<Int>, _ block: Int, _ mean: [Double], _ cells: [Double], _ plan: PolarPlan,
    _ shared: SharedRandomness, _ random: inout RandomStream, _ flags: inout Flags, _ z: inout [Double],
    _ coder: inout RangeEncoder, _ tally: inout CodingTally
  ) {
    let s = plan.proposalScale
    let inverse = 1 / s
    let kind = kind(plan)
    let blockCells = plan.levels.isEmpty ? [] : Array(cells[range])
    let quadratic = plan.snr / 2
    var constant = Double(range.count) / 2 * log1p(plan.snr)
    var y = [Double](repeating: 0, count: range.count)
    var logRatio = 0.0
    if plan.levels.isEmpty {
      random.forEachNormal(count: range.count) { i, g in
        let m = mean[range.lowerBound + i]
        constant -= m * m * inverse * inverse / 2
        y[i] = (m * inverse + g) * inverse
      }
      y.withUnsafeBufferPointer { y in
        mean.withUnsafeBufferPointer { mean in
          withUnsafeMutablePointer(to: &logRatio) {
            guard let y = y.baseAddress else { return }
            Kernels.best.magnitudeScores(
              y, UnsafeBufferPointer(rebasing: mean[range]), quadratic: quadratic, constant: 0,
              into: UnsafeMutableBufferPointer(start: $0, count: 1))
          }
        }
      }
    } else {
      let count = Double(plan.cellCount)
      for i in range {
        let x = abs(mean[i] * inverse)
        let cell = Int(cells[i])
        let (low, high) = (plan.boundaries[cell], plan.boundaries[cell + 1])
        // Given the cell: the target over its mass there, the proposal over 1 / cellCount.
        constant -= x * x / 2 + log(count * Self.mass(s * low, s * high, x))
        let a = Self.sample(x, between: s * low, and: s * high, &random) * inverse
        y[i - range.lowerBound] = Self.place(a, cell: cells[i], count: count)
        logRatio += kind.exponent(a * mean[i]) - quadratic * a * a
      }
    }
    logRatio += constant
    let logHeight = logRatio - random.exponential()
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

  private func kind(_ plan: PolarPlan) -> CandidateScores.Kind {
    plan.levels.isEmpty ? .magnitude : .cells(count: Double(plan.cellCount))
  }

  /// |y| given that it is between two ends, y ~ N(x, 1), x >= 0: the inverse of its distribution function by Newton's
  /// rule, kept between brackets that shrink.
  private static func sample(
    _ x: Double, between low: Double, and high: Double, _ random: inout RandomStream
  ) -> Double {
    let wanted = mass(low, high, x) * FastGPRS.uniform(random.word())
    let scale = 1 / (2 * Double.pi).squareRoot()
    var (a, b) = (low, min(high, max(low, x) + 12))
    var y = b - a < 4 ? (a + b) / 2 : min(max(x, a), b)
    for _ in 0..<60 {
      let excess = mass(low, y, x) - wanted
      if excess < 0 { a = y } else { b = y }
      let slope = scale * (exp(-(y - x) * (y - x) / 2) + exp(-(y + x) * (y + x) / 2))
      let next = y - excess / slope
      let moved = next > a && next < b ? next : (a + b) / 2
      if abs(moved - y) <= 0x1p-48 * max(1, abs(y)) { return moved }
      y = moved
    }
    return y
  }

  /// u with a = magnitude((cell + u) / count): count Pr[|Z| <= a] - cell, kept inside [0, 1).
  private static func place(_ a: Double, cell: Double, count: Double) -> Double {
    let u = count - cell - count * erfc(a * 0.5.squareRoot())
    return min(max(u, 0), 1 - 0x1p-53)
  }

  private func escapeCode(
    _ plan: PolarPlan, _ cells: [Double], _ shared: SharedRandomness, _ block: Int
  ) -> EscapeCode {
    EscapeCode(
      stream: shared.normals(.escapes, block: block), kind: kind(plan), cells: cells,
      rootLimit: Int(4 * exp(plan.logCap).rounded(.up)))
  }

  private func blockScale(_ normClass: NormClass, _ n: Int) -> Double {
    normClass.scale * clippingNorm / (Double(n).squareRoot() * noiseScale)
  }

  // MARK: Leaves

  private func dithers(_ shared: SharedRandomness, level: Int) -> [UInt64] {
    [UInt64](unsafeUninitializedCapacity: (count + 127) / 128 * 128) { buffer, filled in
      shared.normals(.dithers, block: level).readWords(group: 0, into: buffer)
      filled = buffer.count
    }
  }

  /// Leaves that are silent in the model have a flag once in a hundred updates: their number, and where they are.
  private func encode(
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

  private func decode(
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

  /// Bits of all signs, 1 for minus.
  private func decodeSigns(
    _ words: [UInt64], _ model: LeafModel, from decoder: inout RangeDecoder
  ) -> [UInt64]? {
    guard let leaves = decode(words, model, from: &decoder) else { return nil }
    // The guess is plus where w < 1/2, that is where the leading bit is 0.
    var bits = [UInt64](repeating: 0, count: (count + 63) / 64)
    for i in 0..<count { bits[i / 64] |= (words[i] >> 63 ^ UInt64(leaves[i])) << UInt64(i % 64) }
    SignPolarization.butterflies(&bits, count: count)
    return bits
  }

  // MARK: Decoding

  func decode(_ payload: Payload, shared: SharedRandomness) throws(PayloadError) -> [Double] {
    var problem: PayloadError?
    let sample = [Double](unsafeUninitializedCapacity: count) { values, filled in
      values.initialize(repeating: 0)
      problem = payload.bytes.withUnsafeBufferPointer { decode($0, shared, into: values) }
      filled = count
    }
    if let problem { throw problem }
    return sample
  }

  private func decode(
    _ bytes: UnsafeBufferPointer<UInt8>, _ shared: SharedRandomness, into values: UnsafeMutableBufferPointer<Double>
  ) -> PayloadError? {
    var decoder = RangeDecoder(bytes)
    guard let normClass = NormClass(from: &decoder) else { return .notACode(coordinate: 0) }
    guard !normClass.isZero else {
      shared.normals(.candidates).read(at: 0, into: values)
      for i in values.indices { values[i] *= noiseScale }
      return decoder.isAtEnd ? nil : .trailingBytes
    }
    let plan = plan(normClass)
    var flags = Flags(plan)
    var isLayered = [Bool](repeating: false, count: plan.blockCount)
    for block in 0..<plan.blockCount {
      isLayered[block] = flags.layered.decode(from: &decoder)
      guard isLayered[block] else { continue }
      let range = plan.range(block)
      guard let normClass = NormClass(from: &decoder) else { return .notACode(coordinate: range.lowerBound) }
      if let problem = quantizer.decode(
        range, eta: blockScale(normClass, range.count), shared: shared, from: &decoder,
        into: UnsafeMutableBufferPointer(rebasing: values[range]))
      {
        return problem
      }
    }
    var cells = [Double](repeating: 0, count: plan.levels.isEmpty ? 0 : max(count, 8))
    for (depth, model) in plan.levels.enumerated() {
      let words = dithers(shared, level: depth + 1)
      guard let bits = decodeSigns(words, model, from: &decoder) else { return .notACode(coordinate: 0) }
      for j in 0..<count {
        let isUpper = (bits[j / 64] >> UInt64(j % 64)) & 1 == words[j] & 1
        cells[j] = 2 * cells[j] + (isUpper ? 1 : 0)
      }
    }
    var z = [Double](repeating: 0, count: max(count, 8))
    for block in 0..<plan.blockCount where !isLayered[block] {
      let range = plan.range(block)
      let isRead = z.withUnsafeMutableBufferPointer {
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
      guard isRead else { return .notACode(coordinate: range.lowerBound) }
    }
    if !plan.levels.isEmpty { magnitudes(&z, cells, plan) }
    guard let signs = decodeSigns(dithers(shared, level: 0), plan.leaves, from: &decoder) else {
      return .notACode(coordinate: 0)
    }
    let scale = noiseScale * plan.proposalScale
    for block in 0..<plan.blockCount where !isLayered[block] {
      for i in plan.range(block) {
        let sign = (signs[i / 64] >> UInt64(i % 64)) << 63
        values[i] = Double(bitPattern: (abs(z[i]) * scale).bitPattern | sign)
      }
    }
    return decoder.isAtEnd ? nil : .trailingBytes
  }
}
