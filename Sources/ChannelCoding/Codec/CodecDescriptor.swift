/// What a user may know of a codec before choosing it.
public struct CodecDescriptor: Sendable, Equatable {
  public let name: CodecName
  /// The law of Y - x, in real arithmetic.
  public let noise: NoiseLaw
  /// Whether updates are rotated before they are coded, and so added up in rotated coordinates.
  public let isRotated: Bool
  /// One line for lists and help.
  public let summary: String
  /// Encoding time, as it grows.
  public let cost: String
  /// Where the algorithm is from.
  public let reference: String

  /// Whether the noise is exactly Gaussian, as every epsilon assumes. A run with another codec reports no guarantee.
  public var isExact: Bool { noise == .gaussian }

  /// Who may see what: the same for every codec whose noise comes out of the shared seed.
  public var views: String {
    switch (name, noise) {
    case (.float32, _): "server: the noisy update; released models: epsilon of the run"
    case (_, .gaussian): "server: trusted, no guarantee against it; released models: epsilon of the run"
    case (_, .uniform), (_, .approximate): "no guarantee against anybody: the noise is not exactly Gaussian"
    }
  }
}

/// The law that a codec gives the noise Y - x.
public enum NoiseLaw: String, Sendable, CaseIterable {
  /// N(0, sigma^2 I), independent of x.
  case gaussian
  /// Independent uniforms of variance sigma^2, independent of x. No Gaussian guarantee.
  case uniform
  /// Near N(0, sigma^2 I) only; depends on x.
  case approximate

  /// Whether the law is what it is called, for every x.
  public var isExact: Bool { self != .approximate }
}

/// The codecs that a scenario can name.
public enum CodecName: String, Sendable, CaseIterable {
  case float32
  case layered
  case layeredShifted = "layered-shifted"
  case universal
  case fastGPRS = "fast-gprs"
  case gprs
  case pfr
  case ringToss = "ring-toss"
  case mrc
  case orc
  case polar
}

/// Settings of single codecs, the same at both ends: they travel once, in the broadcast.
public struct CodecOptions: Sendable, Equatable {
  /// Block codecs: candidates that the encoder draws for a block, on average. More candidates, longer blocks, fewer
  /// bits, more time.
  public var draws: Int
  /// `layered-shifted`: whether every payload has one length, which needs no range coder's model, or is
  /// entropy-coded.
  public var fixedLength: Bool

  /// `polar`: how much time the encoder may take to save bits. 0: no searches beyond a dozen candidates. Each step
  /// more lets four times the time buy the same saving. Decoding takes no longer.
  public var effort: Int

  public static let allowedDraws = 2...1_000_000
  public static let allowedEffort = 0...6
  public static let standard = CodecOptions()

  public init(draws: Int = 100, fixedLength: Bool = true, effort: Int = 0) {
    self.draws = draws
    self.fixedLength = fixedLength
    self.effort = effort
  }
}

extension CodecName {
  /// The options that the codec reads.
  public var usesDraws: Bool {
    switch self {
    case .gprs, .pfr, .ringToss, .mrc, .orc: true
    case .float32, .layered, .layeredShifted, .universal, .fastGPRS, .polar: false
    }
  }

  public var usesEffort: Bool { self == .polar }

  public var usesFixedLength: Bool { self == .layeredShifted }
}
