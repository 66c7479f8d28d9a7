import Platform

extension ChannelSettings {
  /// The payload bits to expect of an update of norm C, whole: for plans and explanations, never for a decode.
  ///
  /// `float32` and a fixed length: exact. Quantizers: d H(M | step, dither) for Gaussian coordinates of variance
  /// C^2 / d. Block codecs: what their index laws say of the planned blocks. Each with one bit for the norm class and
  /// 2.56 bits of rounding. Against measured means: `Tests`, `docs/codecs`.
  public var predictedBits: Double { codec == .float32 ? expectedBits : max(expectedBits, 8) }

  /// As `predictedBits`, also below the one byte that a payload has at least: what decides where both round to that.
  private var expectedBits: Double {
    let d = Double(dimension)
    let eta = clippingNorm / (d.squareRoot() * noiseScale)
    let body: Double
    switch codec {
    case .float32: return 32 * d
    case .layered: body = d * layeredEntropy(eta: eta)
    case .layeredShifted:
      if options.fixedLength { return Double(DitheredCodec.fixedBits(self)) }
      body = d * dithererEntropy(.shifted, eta: eta)
    case .universal: body = d * dithererEntropy(.uniform, eta: eta)
    case .fastGPRS:
      // Two flags of a coordinate are learned, half of log2 d bits each; the table has what that cost at d = 16384.
      body = d * fastGPRSBits(eta: eta) + max(log2(d) - 14 * d / 16384, 0)
    case .polar: body = polarPlan?.predictedBits ?? 0
    case .gprs, .pfr, .ringToss, .mrc, .orc: body = blockPlan?.predictedBits ?? 0
    }
    // An interval of 2^-B, B = 8 k - f, has a point of fewer than k bytes with probability 2^(f - 8) for k - 1, a 256th of that for
    // k - 2 and so on: 8 k - 8 2^(f - 8) 256/255 bits, for f uniform B + 4 - 1 / ln 2 to three digits.
    let rounding = 2.56
    return body + 1 + rounding
  }

  /// Whether every payload has one length, whatever the update and the noise.
  public var hasOneLength: Bool {
    codec == .float32 || (codec == .layeredShifted && options.fixedLength)
  }

  /// Whether this takes fewer bits than another choice; where both are predicted to take the shortest payload there is, whether
  /// more of its payloads are that short.
  private func isShorter(than other: ChannelSettings) -> Bool {
    (predictedBits, expectedBits) < (other.predictedBits, other.expectedBits)
  }

  /// The same with the exact codec of one length that takes the fewest bits.
  public var withFewestBitsOfOneLength: ChannelSettings {
    let candidates = [CodecName.float32, .layeredShifted].map { codec in
      var settings = self
      settings.codec = codec
      settings.options.fixedLength = true
      return settings
    }
    return candidates.filter { $0.problem == nil }.min { $0.isShorter(than: $1) } ?? self
  }

  /// The same with the exact codec that is predicted to take the fewest bits.
  public var withFewestBits: ChannelSettings {
    let candidates = CodecName.allCases.map { codec in
      var settings = self
      settings.codec = codec
      return settings
    }
    let exact = candidates.filter { (try? $0.makeCodec())?.descriptor.isExact == true }
    return exact.min { $0.isShorter(than: $1) } ?? self
  }

  /// How a block codec cuts an update of norm C; nil for other codecs and where there is no codec.
  var blockPlan: BlockPlan? {
    guard problem == nil, let codec = try? makeCodec() as? BlockCodec else { return nil }
    return codec.plan(NormClass(norm: clippingNorm, bound: clippingNorm))
  }

  /// How `polar` codes an update of norm C.
  var polarPlan: PolarPlan? {
    guard problem == nil, let codec = try? makeCodec() as? PolarCodec else { return nil }
    return codec.plan(NormClass(norm: clippingNorm, bound: clippingNorm))
  }

  /// Signs of the polar transform of an update of norm C, quantile bits of the magnitudes, nodes that are taken in one
  /// piece, and what searches take in nanoseconds a coordinate; nil for other codecs.
  public var transform: (length: Int, levels: Int, pieces: Int, searchNanoseconds: Double)? {
    polarPlan.map { plan in
      let pieces = ([plan.signs] + plan.levels).reduce(0) { $0 + $1.segments.count { $0.selection != nil } }
      return (plan.count, plan.levels.count, pieces, plan.searchNanoseconds)
    }
  }

  /// Coordinates a block and expected candidates a block of an update of norm C; nil for codecs without blocks.
  public var blocks: (length: Int, count: Int, draws: Int)? {
    blockPlan.map { ($0.blockLength, $0.blockCount, $0.draws) }
  }
}

/// H(M | step, dither) in bits of the direct layered quantizer at sigma = 1 for x ~ N(0, eta^2).
func layeredEntropy(eta: Double) -> Double { dithererEntropy(.direct, eta: eta) }

/// H(M | step, dither) in bits of a dithered quantizer at sigma = 1 for x ~ N(0, eta^2).
///
/// Summing over M and averaging over the dither is one integral over the output y = w (M - U):
/// H(w) = -integral dy / w P(y) log2 P(y), P(y) = Phi((y + w/2) / eta) - Phi((y - w/2) / eta).
/// P is 1 or 0 but for 9 eta round |y| = w/2. For `direct` the step w = 2 r has density sqrt(2/pi) r^2 e^(-r^2/2) in r;
/// for `shifted` it is r + sqrt(-2 ln(1 - e^(-r^2/2))) with the same r.
func dithererEntropy(_ kind: LayerKind, eta: Double) -> Double {
  guard eta > 0 else { return 0 }
  if kind == .uniform { return entropy(step: kind.smallestStep, eta: eta) }
  let radii = 200
  var total = 0.0
  for i in 0..<radii {
    let r = (Double(i) + 0.5) * 8 / Double(radii)
    let density = (2 / Double.pi).squareRoot() * r * r * exp(-r * r / 2) * 8 / Double(radii)
    let step = kind == .direct ? 2 * r : r + (-2 * log(-expm1(-r * r / 2))).squareRoot()
    total += density * entropy(step: step, eta: eta)
  }
  return total
}

private func entropy(step w: Double, eta: Double) -> Double {
  let cells = 400
  let r = w / 2
  let low = max(0, r - 9 * eta)
  let cell = (r + 9 * eta - low) / Double(cells)
  var integral = 0.0
  for j in 0..<cells {
    let y = low + (Double(j) + 0.5) * cell
    let mass = (erfc((y - r) / (eta * 2.0.squareRoot())) - erfc((y + r) / (eta * 2.0.squareRoot()))) / 2
    if mass > 0 { integral -= mass * log2(mass) }
  }
  return 2 * integral * cell / w
}

/// Bits a coordinate of `fast-gprs` for x ~ N(0, eta^2): measured means at d = 16384, interpolated on logarithmic
/// scales; beyond the table as 1/2 log2 snr and as a power.
func fastGPRSBits(eta: Double) -> Double {
  let table: [(snr: Double, bits: Double)] = [
    (1e-6, 0.00732), (1e-4, 0.05176), (1e-3, 0.12728), (0.003, 0.20199), (0.01, 0.33122), (0.03, 0.52263),
    (0.1, 0.84505), (0.3, 1.27458), (1, 1.92350), (3, 2.65658), (10, 3.52474), (30, 4.35400), (100, 5.25651),
    (1e3, 6.97705), (1e4, 8.72766), (1e6, 12.2025),
  ]
  let snr = eta * eta
  if snr >= 1e6 { return 12.2025 + 0.5 * log2(snr / 1e6) }
  let i = max((table.firstIndex { $0.snr > snr } ?? table.count - 1) - 1, 0)
  let (a, b) = (table[i], table[i + 1])
  let t = (log(max(snr, 1e-30)) - log(a.snr)) / (log(b.snr) - log(a.snr))
  return exp(log(a.bits) + t * (log(b.bits) - log(a.bits)))
}
