import Settings

/// A codec, or a few that share one construction, with all that others have to know of it: one folder of `Codecs`, and one line of
/// `CodecRegistry`.
///
/// A package of its own adds a codec by conforming to this and handing `CodecRegistry.standard.adding(MyFamily())` to the run.
/// `CodecLaws` of the product Verification checks what a family promises. Checks are no proofs: epsilon, and guarantees against the
/// server and an eavesdropper, rest on what descriptor and `ofOneLength` say, and a run with a codec of another package says so.
public protocol CodecFamily: Sendable {
  /// Options with their names, ranges, standard values and meanings: all that scenarios and bytes need of them.
  associatedtype Options: CodecOptionValues = NoOptions

  /// What a user may know before choosing the codec. Its name is the codec's.
  var descriptor: CodecDescriptor { get }

  /// Makes the codec of a round: it gets updates of `paddedDimension` coordinates, and gives samples of as many. Settings and options
  /// are ones without a problem.
  func makeCodec(_ settings: ChannelSettings, _ options: Options) -> any UpdateCodec

  /// Bits, times and memory for an update of norm C. Settings and options are ones without a problem.
  func prediction(_ settings: ChannelSettings, _ options: Options) -> CodingPrediction

  /// Bits to expect of an update of norm |x|, at most C, with what is sent of the norm itself. Settings and options are ones without a
  /// problem, and have noise. Simulations that write a share of the messages alone report it of the others.
  func expectedBits(_ settings: ChannelSettings, _ options: Options, norm: Double) -> Double

  /// Whether payloads begin with the name of a class of norms, as those of FedSim's range codes do: names differ in length, and bits between
  /// two classes are not in between. False where a family does not say.
  func namesNormClass(_ options: Options) -> Bool

  /// What is wrong with settings beyond what the descriptor and the options' ranges say; nil where nothing is.
  func problem(_ settings: ChannelSettings, _ options: Options) -> String?

  /// An upper bound on the probability that one upload's sample is not the one of real arithmetic; nil where the noise is not
  /// Gaussian, and where no bound is known: then a run cannot state what floating point costs it. See docs/codecs/numerics.md.
  func totalVariationBound(_ settings: ChannelSettings, _ options: Options) -> Double?

  /// The options with which every payload has one length, whatever the update and the noise, near the given ones; nil where
  /// there are none.
  func ofOneLength(_ options: Options) -> Options?

  /// Coordinates in which samples are decoded and added up: the dimension, or more where the codec pads updates with zeros.
  func paddedDimension(_ dimension: Int) -> Int
}

extension CodecFamily {
  /// As of updates of norm C, in a channel whose C is the norm; in this channel where payloads have one length, and where the other cannot be.
  public func expectedBits(_ settings: ChannelSettings, _ options: Options, norm: Double) -> Double {
    if ofOneLength(options) == options { return prediction(settings, options).expectedBits }
    guard norm > 0 else { return 0 }
    let narrow = settings.narrowed(to: norm)
    return prediction(problem(narrow) == nil ? narrow : settings, options).expectedBits
  }

  public func namesNormClass(_ options: Options) -> Bool { false }

  public func problem(_ settings: ChannelSettings, _ options: Options) -> String? { nil }

  public func totalVariationBound(_ settings: ChannelSettings, _ options: Options) -> Double? { nil }

  public func ofOneLength(_ options: Options) -> Options? { nil }

  public func paddedDimension(_ dimension: Int) -> Int { dimension }

  /// What is declared of each option.
  public var options: [KeyDescription] { Options.keys.descriptions }
}

// The same with options as they travel: these are what callers of any family use.
extension CodecFamily {
  func makeCodec(_ settings: ChannelSettings) -> any UpdateCodec { makeCodec(settings, settings.options.values()) }

  func prediction(_ settings: ChannelSettings) -> CodingPrediction { prediction(settings, settings.options.values()) }

  func namesNormClass(_ settings: ChannelSettings) -> Bool { namesNormClass(settings.options.values() as Options) }

  func expectedBits(_ settings: ChannelSettings, norm: Double) -> Double {
    expectedBits(settings, settings.options.values(), norm: norm)
  }

  func totalVariationBound(_ settings: ChannelSettings) -> Double? {
    totalVariationBound(settings, settings.options.values())
  }

  func hasOneLength(_ options: CodecOptions) -> Bool {
    let own: Options = options.values()
    return ofOneLength(own) == own
  }

  /// `options` with this family's own changed to ones of one length; nil where there are none.
  func ofOneLength(_ options: CodecOptions) -> CodecOptions? {
    guard let own = ofOneLength(options.values() as Options) else { return nil }
    var changed = options
    changed.set(own)
    return changed
  }

  /// All that is wrong with settings but for what no codec takes.
  func problem(_ settings: ChannelSettings) -> String? {
    let descriptor = descriptor
    let (norm, noise) = (settings.clippingNorm, settings.noiseScale)
    if noise == 0 || !norm.isFinite, !descriptor.worksWithoutNoise {
      return "the noise of \"\(descriptor.name)\" is the channel's own: it needs privacy (clipping and noise)"
    }
    if noise > 0, norm.isFinite, norm / noise > descriptor.largestSignal {
      let largest = descriptor.largestSignal
      let share = largest.significand == 1 && largest > 1 ? "2^-\(largest.exponent)" : "\(1 / largest)"
      return "\"\(descriptor.name)\" needs noise of at least \(share) of the clipping norm, found \(noise / norm)"
    }
    for option in OptionBytes.all(of: self) {
      if let problem = option.range.problem(settings.options[option]) {
        return "\(option.name) must be \(option.allowed), \(problem)"
      }
    }
    let own: Options = settings.options.values()
    if let problem = own.problem { return "\(problem.key): \(problem.problem); allowed: \(problem.allowed)" }
    return problem(settings, own)
  }
}
