import Numerics

/// What both ends need to know of the channel, once a round: part of the broadcast.
public struct ChannelSettings: Sendable {
  public var codec: CodecName
  /// The codecs that this end has. They do not travel: a broadcast has the name alone.
  public var codecs: CodecRegistry
  public var options: CodecOptions
  /// Parameters of the model = coordinates of an update.
  public var dimension: Int
  /// The clipping norm C; infinity where there is no privacy.
  public var clippingNorm: Double
  /// The standard deviation of one client's noise, each coordinate: sigma = z C / sqrt(m_max); 0 for none.
  public var noiseScale: Double

  /// - Parameters:
  ///   - codec: the codec's name.
  ///   - codecs: where the name is looked up.
  ///   - options: the options of the codec; those of other codecs are of no account.
  ///   - dimension: d, the coordinates of an update.
  ///   - clippingNorm: C; infinity where there is no privacy.
  ///   - noiseScale: the standard deviation of one client's noise, each coordinate; 0 for none.
  public init(
    codec: CodecName, from codecs: CodecRegistry = .standard, options: CodecOptions = .standard, dimension: Int,
    clippingNorm: Double, noiseScale: Double
  ) {
    self.codec = codec
    self.codecs = codecs
    self.options = options
    self.dimension = dimension
    self.clippingNorm = clippingNorm
    self.noiseScale = noiseScale
  }

  /// The codec's family; nil for a name that is not among `codecs`.
  public var family: (any CodecFamily)? { codecs[codec] }

  /// What there is to know of the codec; nil for a name that is not among `codecs`.
  public var descriptor: CodecDescriptor? { family?.descriptor }

  /// Inside these nothing overflows or vanishes, in float32 neither.
  private static let scales = 1e-30...1e30

  /// Largest C / sigma that the layered codes take: their integers then stay far inside 64 bits.
  public static let largestSignal = 0x1p30

  /// Coordinates in which samples are decoded and added up: the dimension, or more for a codec that pads.
  public var paddedDimension: Int { family?.paddedDimension(dimension) ?? dimension }

  /// The grid of a sum of samples: public, and of more than the decoders of Gaussian codecs let through (`SampleBound`). Others have no
  /// such bound, and neither has a run without a clipping norm.
  ///
  /// - Parameter terms: a public bound on the samples in the sum.
  package func sumGrid(terms: Int) -> SumGrid {
    SumGrid(largestTerm: largestTerm, terms: terms)
  }

  /// The largest unit that any such grid has at this clipping norm.
  package func largestSumUnit(terms: Int) -> Double {
    SumGrid.largestUnit(largestTerm: largestTerm, terms: terms)
  }

  private var largestTerm: Double {
    descriptor?.isExact == true ? (clippingNorm + 64 * noiseScale) * (1 + 1e-5) : .infinity
  }

  /// Why no codec can be made of these settings; nil when one can.
  public var problem: String? {
    guard let family else {
      return "no codec \"\(codec)\"; there are " + codecs.names.map(\.rawValue).joined(separator: ", ")
    }
    if dimension < 1 { return "an update needs at least one coordinate, found \(dimension)" }
    if !(clippingNorm > 0) { return "the clipping norm must be above 0, found \(clippingNorm)" }
    if !(noiseScale >= 0 && noiseScale.isFinite) { return "the noise must be finite, found \(noiseScale)" }
    if clippingNorm.isFinite, !Self.scales.contains(clippingNorm) {
      return "the clipping norm must be from 1e-30 to 1e30, found \(clippingNorm)"
    }
    if noiseScale > 0, !Self.scales.contains(noiseScale) {
      return "the noise of one client must be 0 or from 1e-30 to 1e30, found \(noiseScale)"
    }
    return family.problem(self)
  }

  public func makeCodec() throws(ChannelError) -> any UpdateCodec {
    if let problem { throw .settings(problem) }
    guard let family else { throw .settings("no codec \"\(codec)\"") }
    return family.makeCodec(self)
  }

  /// An upper bound on the probability that one upload's sample is not the one of real arithmetic. Nil for a codec whose
  /// noise is not Gaussian anyway or which gives no bound, and for settings that no codec can be made of.
  ///
  /// - Cost: that of the codec's plan, which is kept.
  public var totalVariationBound: Double? {
    guard problem == nil else { return nil }
    return family?.totalVariationBound(self)
  }
}

/// Settings are the same where all that travels is: the registry, which every end has for itself, is not compared.
extension ChannelSettings: Equatable {
  public static func == (a: Self, b: Self) -> Bool {
    a.codec == b.codec && a.options == b.options && a.dimension == b.dimension && a.clippingNorm == b.clippingNorm
      && a.noiseScale == b.noiseScale
  }
}

// MARK: Codecs of other packages

extension ChannelSettings {
  /// Whether the codec is this package's own. What another one promises is taken at its word.
  public var isBuiltIn: Bool { codecs.isBuiltIn(codec) }

  /// What a codec of another package makes of one update under known keys; nil for a codec of ours, which its name and options tell.
  ///
  /// It belongs into the key of a run: the same codec with its noise corrected would otherwise send S + z1 G and S + z2 G, hence S.
  package var referenceBytes: [UInt8]? {
    guard !isBuiltIn, problem == nil, let channel = try? Channel(self, rotationKey: Self.referenceKey("rotation"))
    else {
      return nil
    }
    let bound = clippingNorm.isFinite ? clippingNorm : 1
    var update = RandomStream(key: Self.referenceKey("update"))
    let values = (0..<dimension).map { _ in update.normal() }
    var noise = PrivateRandomness(key: Self.referenceKey("noise"))
    let shared = SharedRandomness(key: Self.referenceKey("shared"))
    let payload = channel.encode(ClippedUpdate(clipping: values, to: bound), shared: shared, private: &noise)
    let sample = (try? channel.decode(payload, shared: shared)) ?? []
    return payload.bytes + sample.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
  }

  private static func referenceKey(_ label: String) -> Key { Key(seed: 0, label: "codec reference \(label)") }
}

// MARK: The choice of a codec

extension ChannelSettings {
  /// Whether every payload has one length, whatever the update and the noise.
  public var hasOneLength: Bool { family?.hasOneLength(options) ?? false }

  /// The same with the exact codec that is predicted to take the fewest bits.
  public var withFewestBits: ChannelSettings { shortest { _ in true } ?? self }

  /// The same with the exact codec of one length that takes the fewest bits.
  public var withFewestBitsOfOneLength: ChannelSettings { ofOneLength.shortest(where: \.hasOneLength) ?? self }

  /// The same with the exact codec that is predicted to take the fewest bits of those that are predicted to be fast enough.
  ///
  /// - Parameters:
  ///   - budget: microseconds that encoding an update of norm C may take on one thread, by `CodingTime`, which is within a factor of two
  ///     or so on the machine that it was fitted on.
  ///   - hasOneLength: whether only codecs of one length count.
  /// - Returns: nil where none is fast enough.
  public func withFewestBits(within budget: Double, ofOneLength hasOneLength: Bool = false) -> ChannelSettings? {
    (hasOneLength ? ofOneLength : self).shortest { settings in
      (settings.hasOneLength || !hasOneLength) && settings.predictedEncodeMicroseconds <= budget
    }
  }

  /// Microseconds that encoding an update of norm C is predicted to take; infinite where no codec can be made of the settings.
  public var predictedEncodeMicroseconds: Double {
    prediction.map { $0.time.encodeNanoseconds * Double(dimension) / 1000 } ?? .infinity
  }

  private var ofOneLength: ChannelSettings {
    var settings = self
    for family in codecs.families { settings.options = family.ofOneLength(settings.options) ?? settings.options }
    return settings
  }

  /// The exact codec with the shortest predicted payloads among those for which `isWanted`; the first of several.
  private func shortest(where isWanted: (ChannelSettings) -> Bool) -> ChannelSettings? {
    var best: (settings: ChannelSettings, prediction: CodingPrediction)?
    for name in codecs.names {
      var settings = self
      settings.codec = name
      guard settings.descriptor?.isExact == true, isWanted(settings), let prediction = settings.prediction else {
        continue
      }
      if best.map({ prediction.isShorter(than: $0.prediction) }) ?? true { best = (settings, prediction) }
    }
    return best?.settings
  }
}

public enum ChannelError: Error, Equatable {
  case settings(String)
}

/// One round's channel, as both ends build it from the broadcast: the codec and the public rotation.
public struct Channel: Sendable {
  public let settings: ChannelSettings
  public let codec: any UpdateCodec
  /// Coordinates of the channel.
  public let paddedDimension: Int
  private let rotation: Rotation?
  /// For samples of a codec of another package, which may not have looked at them; nil for ours, which do.
  private let foreignBound: ForeignBound?

  /// What a sum of samples needs of each: as many values as the channel has, finite, and for Gaussian noise within the bound of an
  /// honest client.
  private struct ForeignBound {
    let count: Int
    let bound: SampleBound?

    func problem(_ sample: [Double]) -> PayloadError? {
      guard sample.count == count else { return .wrongLength(found: sample.count, expected: count) }
      if let i = sample.firstIndex(where: { !$0.isFinite }) { return .notFinite(coordinate: i) }
      return bound.flatMap { bound in sample.withUnsafeBufferPointer { bound.problem($0) } }
    }
  }

  public init(_ settings: ChannelSettings, rotationKey: Key) throws(ChannelError) {
    self.settings = settings
    codec = try settings.makeCodec()
    paddedDimension = settings.paddedDimension
    let isGaussian = settings.descriptor?.isExact == true && settings.clippingNorm.isFinite && settings.noiseScale > 0
    foreignBound =
      settings.isBuiltIn
      ? nil
      : ForeignBound(
        count: paddedDimension,
        bound: isGaussian
          ? SampleBound(
            clippingNorm: settings.clippingNorm, noiseScale: settings.noiseScale, count: paddedDimension) : nil)
    rotation =
      settings.descriptor?.isRotated == true ? Rotation(dimension: paddedDimension, key: rotationKey) : nil
  }

  /// An update in the channel's coordinates: what a codec codes, and a sample is a noisy version of.
  public func inDomain(_ update: ClippedUpdate) -> ClippedUpdate {
    rotation.map(update.rotated(by:)) ?? update.padded(to: paddedDimension)
  }

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
    let sample = try codec.decode(payload, shared: shared)
    if let problem = foreignBound?.problem(sample) { throw problem }
    return sample
  }

  /// As `decode`, whatever the codec makes of it: for laws, which look at it themselves.
  package func decodeUnchecked(_ payload: Payload, shared: SharedRandomness) throws(PayloadError) -> [Double] {
    try codec.decode(payload, shared: shared)
  }

  /// As `decode`, for a sum of samples.
  public func decodeSample(_ payload: Payload, shared: SharedRandomness) throws(PayloadError) -> DecodedSample {
    let sample = try codec.decodeSample(payload, shared: shared)
    if let problem = foreignBound?.problem(sample.values) { throw problem }
    return sample
  }

  /// From the channel's coordinates (`paddedDimension` of them) to the model's: once a round, for the whole sum.
  public func unrotate(_ sum: inout [Double]) {
    rotation?.invert(&sum)
    sum.removeLast(sum.count - settings.dimension)
  }
}
