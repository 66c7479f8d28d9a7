import Numerics

/// Each rotated coordinate by greedy Poisson rejection sampling with the search path as its code.
///
/// Target N(x_j, sigma^2), proposal N(0, s^2 sigma^2) with s^2 = 1 + snr of the norm class: the law of Y. Coded per
/// coordinate: at each depth whether the search stops there (a bit whose probability both ends learn as they go, one
/// for each depth), and if not, which side it walks on to, with the probability U or 1 - U that both ends know.
///
/// Exact. Two ways out, so that no update makes an endless search:
/// - Past `depthLimit` steps the client goes on with uniforms of its own and sends the sample: the same search, so the
///   same law. It takes a coordinate of 10^2 nats to get there.
/// - A coordinate of more than `largestInformation` nats, a matter of x alone, is sent by the layered quantizer.
///
/// The decoder needs + - * / sqrt and the portable logarithm.
struct FastGPRSCodec: HostilelyReadable {
  let dimension: Int
  let clippingNorm: Double
  let noiseScale: Double
  private let quantizer: DitheredQuantizer

  /// Steps with shared uniforms; settable for tests in which searches go on beyond.
  var depthLimit = 248
  /// KL of a coordinate in nats, at most.
  static let largestInformation = 40.0

  init(_ settings: ChannelSettings) {
    dimension = settings.dimension
    clippingNorm = settings.clippingNorm
    noiseScale = settings.noiseScale
    quantizer = DitheredQuantizer(.direct, clippingNorm: settings.clippingNorm, noiseScale: settings.noiseScale)
  }

  private func proposalScale(_ normClass: NormClass) -> Double {
    let signal = normClass.scale * clippingNorm / noiseScale
    return (1 + max(signal * signal / Double(dimension), BlockPlan.smallestSNR)).squareRoot()
  }

  /// The flags of a payload, learnt by both ends alike.
  private struct Flags {
    /// Whether a coordinate is left to the quantizer.
    var layered = AdaptiveBit(zeros: 500)
    var stop = [AdaptiveBit](repeating: AdaptiveBit(), count: 64)

    static func context(_ depth: Int) -> Int { min(depth, 63) }
  }

  /// Where a coordinate's uniforms start.
  private static func position(_ coordinate: Int) -> UInt64 { UInt64(coordinate) * 256 }

  func encode(
    _ update: ClippedUpdate, shared: SharedRandomness, private noise: inout PrivateRandomness,
    tally: inout CodingTally
  ) -> Payload {
    var coder = RangeEncoder(reservingBytes: dimension / 2 + 16)
    let normClass = NormClass(norm: update.norm, bound: clippingNorm)
    normClass.encode(to: &coder)
    guard !normClass.isZero else { return coder.finish(counting: &tally) }
    let scale = proposalScale(normClass)
    var flags = Flags()
    var words = DepthWords(shared.words(.search))
    tally.blocks += dimension
    for i in 0..<dimension {
      let x = update.values[i] / noiseScale
      let isLayered = x * x > 2 * Self.largestInformation * scale * scale
      flags.layered.encode(isLayered, to: &coder)
      if isLayered {
        tally.layered += 1
        tally.draws += 1
        let normClass = NormClass(norm: abs(x) * noiseScale, bound: clippingNorm)
        normClass.encode(to: &coder)
        update.values.withUnsafeBufferPointer {
          quantizer.encode(
            UnsafeBufferPointer(rebasing: $0[i...i]), i..<(i + 1), eta: coordinateScale(normClass), shared: shared,
            to: &coder)
        }
        continue
      }
      words.start(Self.position(i))
      tally.draws += search(x, scale, &words, &noise.stream, &flags, &coder)
    }
    return coder.finish(counting: &tally)
  }

  /// - Returns: the number of steps.
  private func search(
    _ x: Double, _ scale: Double, _ words: inout DepthWords, _ random: inout RandomStream, _ flags: inout Flags,
    _ coder: inout RangeEncoder
  ) -> Int {
    let pair = GaussianPair(mean: x, proposalScale: scale)
    var interval = FastGPRS.Interval()
    var mass = FastGPRS.Mass()
    var time = TimeSum()
    var depth = 0
    while true {
      let isShared = depth < depthLimit
      let u = FastGPRS.uniform(isShared ? words.word(depth) : random.word())
      let masses = interval.candidate(u)
      let y = pair.proposalQuantile(left: masses.left, right: masses.right)
      time.add(random.time() / mass.value)
      let isAccepted = pair.accepts(y, at: time.value)
      if isShared { flags.stop[Flags.context(depth)].encode(isAccepted, to: &coder) }
      depth += 1
      if isAccepted {
        if !isShared {
          coder.encodeLong(y.bitPattern >> 1, count: 63)
          coder.encode(bits: y.bitPattern & 1, count: 1)
        }
        return depth
      }
      let keepsBelow = y > pair.mode
      if isShared { coder.encode(keepsBelow, size: Self.size(u)) }
      if keepsBelow { interval.keepBelow(u) } else { interval.keepAbove(u) }
      mass.keep(keepsBelow ? u : 1 - u)
    }
  }

  /// The chance of the part below, out of 2^32.
  @inline(__always)
  private static func size(_ u: Double) -> UInt64 { min(max(UInt64(u * 0x1p32), 1), 1 << 32 - 1) }

  var sampleCount: Int { dimension }

  var sampleBound: SampleBound {
    SampleBound(clippingNorm: clippingNorm, noiseScale: noiseScale, count: dimension)
  }

  func read(
    from decoder: inout some SymbolDecoder, shared: SharedRandomness, into values: UnsafeMutableBufferPointer<Double>
  ) -> PayloadError? {
    let normClass = NormClass(from: &decoder)
    guard !normClass.isZero else {
      shared.fillNoise(values, scale: noiseScale)
      return nil
    }
    let scale = proposalScale(normClass)
    var flags = Flags()
    var words = DepthWords(shared.words(.search))
    for i in 0..<dimension {
      if flags.layered.decode(from: &decoder) {
        let normClass = NormClass(from: &decoder)
        guard !normClass.isZero else { return .notACode(coordinate: i) }
        let problem = quantizer.decode(
          i..<(i + 1), eta: coordinateScale(normClass), shared: shared, from: &decoder,
          into: UnsafeMutableBufferPointer(rebasing: values[i...i]))
        if let problem { return problem }
        continue
      }
      words.start(Self.position(i))
      guard let y = follow(&words, scale, &flags, &decoder) else { return .notACode(coordinate: i) }
      values[i] = y * noiseScale
    }
    return nil
  }

  private func follow(
    _ words: inout DepthWords, _ scale: Double, _ flags: inout Flags, _ decoder: inout some SymbolDecoder
  ) -> Double? {
    var interval = FastGPRS.Interval()
    for depth in 0..<depthLimit {
      let u = FastGPRS.uniform(words.word(depth))
      if flags.stop[Flags.context(depth)].decode(from: &decoder) {
        let masses = interval.candidate(u)
        return scale * NormalQuantile.point(left: masses.left, right: masses.right)
      }
      if decoder.flag(size: Self.size(u)) { interval.keepBelow(u) } else { interval.keepAbove(u) }
    }
    let value = Double(bitPattern: decoder.longBits(count: 63) << 1 | decoder.bits(count: 1))
    // NaN is beyond every bound.
    return abs(value) <= sampleBound.coordinate / noiseScale ? value : nil
  }

  private func coordinateScale(_ normClass: NormClass) -> Double { normClass.scale * clippingNorm / noiseScale }
}

/// The uniforms of one coordinate's search, by depth: read eight at a time, which is one block of the key stream.
struct DepthWords {
  private let stream: KeyStream
  private var position: UInt64 = 0
  private var buffer = [UInt64](repeating: 0, count: 8)
  private var filled = -1

  init(_ stream: KeyStream) { self.stream = stream }

  mutating func start(_ position: UInt64) {
    self.position = position
    filled = -1
  }

  @inline(__always)
  mutating func word(_ depth: Int) -> UInt64 {
    if depth / 8 != filled {
      filled = depth / 8
      buffer.withUnsafeMutableBufferPointer { stream.read(at: position + UInt64(8 * filled), into: $0) }
    }
    return buffer[depth % 8]
  }
}
