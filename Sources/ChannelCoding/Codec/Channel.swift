/// What both ends need to know of the channel, once a round: part of the broadcast.
public struct ChannelSettings: Sendable, Equatable {
  public var codec: CodecName
  public var options: CodecOptions
  /// Parameters of the model = coordinates of an update.
  public var dimension: Int
  /// The clipping norm C; infinity where there is no privacy.
  public var clippingNorm: Double
  /// The standard deviation of one client's noise, each coordinate: sigma = z C / sqrt(m_max); 0 for none.
  public var noiseScale: Double

  public init(
    codec: CodecName, options: CodecOptions = .standard, dimension: Int, clippingNorm: Double, noiseScale: Double
  ) {
    self.codec = codec
    self.options = options
    self.dimension = dimension
    self.clippingNorm = clippingNorm
    self.noiseScale = noiseScale
  }

  /// Inside these nothing overflows or vanishes, in float32 neither.
  private static let scales = 1e-30...1e30

  /// Largest C / sigma that the layered codes take: their integers then stay far inside 64 bits.
  public static let largestSignal = 0x1p30

  /// Coordinates in which samples are decoded and added up: the dimension, padded to a power of two for `polar`.
  public var domain: Int {
    guard codec == .polar, dimension > 1 else { return dimension }
    return 1 << (Int.bitWidth - (dimension - 1).leadingZeroBitCount)
  }

  /// Why no codec can be made of these settings; nil when one can.
  public var problem: String? {
    if dimension < 1 { return "an update needs at least one coordinate, found \(dimension)" }
    if !(clippingNorm > 0) { return "the clipping norm must be above 0, found \(clippingNorm)" }
    if !(noiseScale >= 0 && noiseScale.isFinite) { return "the noise must be finite, found \(noiseScale)" }
    if clippingNorm.isFinite, !Self.scales.contains(clippingNorm) {
      return "the clipping norm must be from 1e-30 to 1e30, found \(clippingNorm)"
    }
    if noiseScale > 0, !Self.scales.contains(noiseScale) {
      return "the noise of one client must be 0 or from 1e-30 to 1e30, found \(noiseScale)"
    }
    if codec == .float32 { return nil }
    if noiseScale == 0 || !clippingNorm.isFinite {
      return "the noise of \"\(codec.rawValue)\" is the channel's own: it needs privacy (clipping and noise)"
    }
    if clippingNorm / noiseScale > Self.largestSignal {
      return
        "\"\(codec.rawValue)\" needs noise of at least 2^-30 of the clipping norm, found \(noiseScale / clippingNorm)"
    }
    if codec.usesDraws, !CodecOptions.allowedDraws.contains(options.draws) {
      return "draws must be from \(CodecOptions.allowedDraws.lowerBound) to \(CodecOptions.allowedDraws.upperBound), "
        + "found \(options.draws)"
    }
    if codec.usesEffort, !CodecOptions.allowedEffort.contains(options.effort) {
      return
        "effort must be from \(CodecOptions.allowedEffort.lowerBound) to \(CodecOptions.allowedEffort.upperBound), "
        + "found \(options.effort)"
    }
    return nil
  }

  public func makeCodec() throws(ChannelError) -> any UpdateCodec {
    if let problem { throw .settings(problem) }
    switch codec {
    case .float32: return Float32Codec(self)
    case .layered: return DitheredCodec(.direct, self)
    case .layeredShifted: return DitheredCodec(.shifted, self)
    case .universal: return DitheredCodec(.uniform, self)
    case .fastGPRS: return FastGPRSCodec(self)
    case .gprs: return BlockCodec(.gprs, self)
    case .pfr: return BlockCodec(.pfr, self)
    case .ringToss: return BlockCodec(.ringToss, self)
    case .mrc: return BlockCodec(.mrc, self)
    case .orc: return BlockCodec(.orc, self)
    case .polar: return PolarCodec(self)
    }
  }
}

public enum ChannelError: Error, Equatable {
  case settings(String)
}

/// One round's channel, as both ends build it from the broadcast: the codec and the public rotation.
public struct Channel: Sendable {
  public let settings: ChannelSettings
  public let codec: any UpdateCodec
  private let rotation: Rotation?

  public init(_ settings: ChannelSettings, rotationKey: Key) throws(ChannelError) {
    self.settings = settings
    codec = try settings.makeCodec()
    rotation = codec.descriptor.isRotated ? Rotation(dimension: settings.domain, key: rotationKey) : nil
  }

  /// An update in the channel's coordinates: what a codec codes, and a sample is a noisy version of.
  public func inDomain(_ update: ClippedUpdate) -> ClippedUpdate { rotation.map(update.rotated(by:)) ?? update }

  /// The client's end.
  public func encode(
    _ update: ClippedUpdate, shared: SharedRandomness, private noise: inout PrivateRandomness
  ) -> Payload {
    var tally = CodingTally()
    return encode(update, shared: shared, private: &noise, tally: &tally)
  }

  /// The client's end, with a count of its work.
  public func encode(
    _ update: ClippedUpdate, shared: SharedRandomness, private noise: inout PrivateRandomness,
    tally: inout CodingTally
  ) -> Payload {
    precondition(update.values.count == settings.dimension)
    precondition(update.norm <= settings.clippingNorm)
    return codec.encode(inDomain(update), shared: shared, private: &noise, tally: &tally)
  }

  /// The server's end: the sample in the channel's own coordinates, in which samples may be added up.
  public func decode(_ payload: Payload, shared: SharedRandomness) throws(PayloadError) -> [Double] {
    try codec.decode(payload, shared: shared)
  }

  /// As `decode`, for a sum of samples.
  public func decodeSample(_ payload: Payload, shared: SharedRandomness) throws(PayloadError) -> DecodedSample {
    try codec.decodeSample(payload, shared: shared)
  }

  /// From the channel's coordinates (`settings.domain` of them) to the model's: once a round, for the whole sum.
  public func unrotate(_ sum: inout [Double]) {
    rotation?.invert(&sum)
    sum.removeLast(sum.count - settings.dimension)
  }
}
