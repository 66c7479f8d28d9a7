/// What a user may know of a codec before choosing it.
public struct CodecDescriptor: Sendable, Equatable {
  public let name: CodecName
  /// The distribution of Y - x, in real arithmetic. Epsilon rests on it: `.gaussian` is a promise that no run can check.
  public let noise: NoiseLaw
  /// Whether updates are rotated before they are coded, and so added up in rotated coordinates.
  public let isRotated: Bool
  /// What a payload tells the server, which knows the shared randomness. `.noisyUpdate` is a promise that the guarantee against the
  /// server rests on.
  public let payload: PayloadContents
  /// Whether the codec also takes updates without noise or without a bound, as runs without privacy have them.
  public let worksWithoutNoise: Bool
  /// The largest C / sigma that the codec takes.
  public let largestSignal: Double
  /// One line for lists and help.
  public let summary: String
  /// Encoding time, as it grows.
  public let cost: String
  /// Where the algorithm is from.
  public let reference: String
  /// Where the codec's guide is, from the package's folder or as an address; nil for none.
  public let guide: String?

  public init(
    name: CodecName, noise: NoiseLaw, isRotated: Bool, payload: PayloadContents = .codeOfUpdate,
    worksWithoutNoise: Bool = false, largestSignal: Double = ChannelSettings.largestSignal, summary: String,
    cost: String, reference: String, guide: String? = nil
  ) {
    self.name = name
    self.noise = noise
    self.isRotated = isRotated
    self.payload = payload
    self.worksWithoutNoise = worksWithoutNoise
    self.largestSignal = largestSignal
    self.summary = summary
    self.cost = cost
    self.reference = reference
    self.guide = guide
  }

  /// Whether the noise is exactly Gaussian, as every epsilon assumes. A run with another codec reports no guarantee.
  public var isExact: Bool { noise == .gaussian }

  /// Who may see what.
  public var views: String {
    switch (noise, payload) {
    case (.gaussian, .noisyUpdate): "server: the noisy update; released models: epsilon of the run"
    case (.gaussian, .codeOfUpdate):
      "server: trusted, no guarantee against it; released models: epsilon of the run"
    case (.uniform, _), (.approximate, _): "no guarantee against anybody: the noise is not exactly Gaussian"
    }
  }
}

/// What a payload tells whoever knows the shared randomness.
public enum PayloadContents: Sendable, Equatable {
  /// The payload is a function of the noisy update alone, whose noise the client drew in private: the run's guarantee for one
  /// participation also holds against the server.
  case noisyUpdate
  /// Payload and shared randomness tell more of the update than the sample does: no guarantee against the server.
  case codeOfUpdate
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
