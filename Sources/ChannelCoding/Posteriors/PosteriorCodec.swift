/// A code for diagonal Gaussians: payload bytes from which the other end gets one sample.
///
/// Guarantee of a codec that calls itself exact: for every posterior Q within the settings, `decode(encode(Q))` has exactly the law Q
/// (in real arithmetic), over the draw of shared and private randomness. One shared randomness is for one message: two
/// messages under the same one have dependent samples.
///
/// Index and seed tell more of Q than its sample does. There is no guarantee against the server, and none of privacy at all: Q is
/// fitted without clipping.
public protocol PosteriorCodec: Sendable {
  /// What the codec was made of.
  var settings: PosteriorSettings { get }

  /// Bits to expect of a payload on average over the population, whole bytes included; an estimate.
  var expectedBits: Double { get }

  /// - Parameters:
  ///   - posterior: Q in units of the prior.
  ///   - shared: the randomness of this message that the decoder has too.
  ///   - noise: the sender's own randomness.
  ///   - tally: counts the work that was done, and model bits.
  /// - Throws: what is wrong with the posterior; nothing is coded then.
  func encode(
    _ posterior: DiagonalGaussian, shared: SharedRandomness, private noise: inout PrivateRandomness,
    tally: inout CodingTally
  ) throws(PosteriorError) -> Payload

  /// An encoder that takes the posterior block by block; nil for a codec without blocks.
  func blockEncoder(shared: SharedRandomness) -> PosteriorBlockEncoder?

  /// The sample of Q in units of the prior. Any bytes give a sample that a posterior within the settings may have, or an error.
  func decode(_ payload: Payload, shared: SharedRandomness) throws(PayloadError) -> [Double]
}

extension PosteriorCodec {
  public func blockEncoder(shared: SharedRandomness) -> PosteriorBlockEncoder? { nil }
}

/// What a user may know of a codec for posteriors before choosing it.
public struct PosteriorCodecDescriptor: Sendable, Equatable {
  public let name: CodecName
  /// One line for lists and help.
  public let summary: String
  /// Whether samples have exactly the posterior's law.
  public let isExact: Bool
  /// Whether deviations may be the sender's own. All codecs take tied ones.
  public let takesFreeScales: Bool
}

/// The codecs for posteriors, by name.
public enum PosteriorCodecs {
  struct Entry: Sendable {
    let descriptor: PosteriorCodecDescriptor
    /// What is wrong with settings beyond what holds for all codecs.
    var problem: @Sendable (PosteriorSettings) -> PosteriorError? = { _ in nil }
    /// Settings are ones without a problem.
    let make: @Sendable (PosteriorSettings) -> any PosteriorCodec
  }

  static let entries: [Entry] = [
    Entry(
      descriptor: PosteriorCodecDescriptor(
        name: .layered,
        summary: "direct layered quantizer, coordinate by coordinate, each with its own scale: no search at all",
        isExact: true, takesFreeScales: false)
    ) { LayeredPosterior($0) },
    Entry(
      descriptor: PosteriorCodecDescriptor(
        name: .polar,
        summary: "polar codes of classes of coordinates with much the same scale; strong ones by the layered quantizer",
        isExact: true, takesFreeScales: false), problem: PolarPosterior.problem
    ) { PolarPosterior($0) },
    Entry(
      descriptor: PosteriorCodecDescriptor(
        name: .pfr, summary: "Poisson functional representation of blocks, capped, with an exact escape",
        isExact: true, takesFreeScales: true)
    ) { BlockPosterior(.pfr, $0) },
    Entry(
      descriptor: PosteriorCodecDescriptor(
        name: .ringToss, summary: "rejection sampling of blocks, its index coded flag by flag, with an exact escape",
        isExact: true, takesFreeScales: true)
    ) { BlockPosterior(.ringToss, $0) },
    Entry(
      descriptor: PosteriorCodecDescriptor(
        name: .mrc,
        summary:
          "minimal random coding of blocks, as Bayesian compression has it: approximate, the output is not the posterior",
        isExact: false, takesFreeScales: true)
    ) { BlockPosterior(.mrc, $0) },
  ]

  /// The codecs in the order in which they are listed.
  public static var all: [PosteriorCodecDescriptor] { entries.map(\.descriptor) }

  /// The names of codecs that take such deviations.
  public static func names(tied: Bool) -> [CodecName] {
    all.filter { tied || $0.takesFreeScales }.map(\.name)
  }

  /// The settings with the exact codec that is expected to take the fewest bits; the first of several.
  ///
  /// Strong coordinates (deviations below a third of the prior's or so) are `layered`'s or `polar`'s, many weak ones `polar`'s or `pfr`'s. What a
  /// search takes of time is not weighed: `pfr` takes about 2 to the power of `blockBits` + 4 candidates a block.
  ///
  /// - Throws: what is wrong with scales or options.
  public static func fewestBits(
    _ scales: PosteriorScales, options: PosteriorOptions = PosteriorOptions()
  ) throws(PosteriorError) -> PosteriorSettings {
    var best: (settings: PosteriorSettings, bits: Double)?
    for descriptor in all where descriptor.isExact && (scales.isTied || descriptor.takesFreeScales) {
      let settings = PosteriorSettings(codec: descriptor.name, scales: scales, options: options)
      let bits = try settings.makeCodec().expectedBits
      if best.map({ bits < $0.bits }) ?? true { best = (settings, bits) }
    }
    guard let best else { throw .codec(.pfr, allowed: []) }
    return best.settings
  }

  static subscript(name: CodecName) -> Entry? { entries.first { $0.descriptor.name == name } }
}

/// A codec for posteriors whose payload is one range code: it decodes by reading symbols, from payload bytes or from whoever chooses them.
protocol PosteriorRangeCodec: PosteriorCodec {
  /// Reads a sample's symbols. `values` are zeros.
  func read(
    from decoder: inout some SymbolDecoder, shared: SharedRandomness, into values: UnsafeMutableBufferPointer<Double>
  ) -> PayloadError?
}

extension PosteriorRangeCodec {
  /// What whole bytes and the range coder's end take beyond the model bits of a long message, on average.
  static var endBits: Double { 2.56 }

  func decode(_ payload: Payload, shared: SharedRandomness) throws(PayloadError) -> [Double] {
    let sample = try payload.sample(settings.dimension, within: .none) { bytes, values in
      var decoder = RangeDecoder(bytes)
      return read(from: &decoder, shared: shared, into: values) ?? (decoder.isAtEnd ? nil : .trailingBytes)
    }
    if let problem = settings.problem(sample: sample) { throw problem }
    return sample
  }
}

extension PosteriorSettings {
  /// What is wrong with a sample; nil for one that a posterior within the settings has, but with the probability of a normal beyond 40 of its
  /// deviations: no codec's noise reaches there.
  func problem(sample: [Double]) -> PayloadError? {
    let reach = SampleBound.largestNoise
    for (i, value) in sample.enumerated() {
      var scale = 1.0
      if case .tied(let scales) = self.scales { scale = scales[i] }
      guard abs(value) <= (options.largestMean + reach * scale) * (1 + 1e-6) else {
        return value.isFinite ? .tooLarge(coordinate: i) : .notFinite(coordinate: i)
      }
    }
    return nil
  }

  /// What is wrong with a posterior; nil for one that these settings are for.
  func problem(_ posterior: DiagonalGaussian) -> PosteriorError? {
    guard posterior.count == dimension else { return .dimension(found: posterior.count, expected: dimension) }
    return problem(posterior, coordinates: 0..<dimension)
  }

  /// The same of some coordinates' posterior, as many as it has.
  func problem(_ posterior: DiagonalGaussian, coordinates: some Collection<Int>) -> PosteriorError? {
    for (mean, coordinate) in zip(posterior.means, coordinates) where !(abs(mean) <= options.largestMean) {
      return .mean(coordinate: coordinate, found: mean, largest: options.largestMean)
    }
    guard case .tied(let scales) = scales else { return nil }
    for (scale, coordinate) in zip(posterior.scales, coordinates) where scale != scales[coordinate] {
      return .tiedScale(coordinate: coordinate, found: scale, tied: scales[coordinate])
    }
    return nil
  }
}
