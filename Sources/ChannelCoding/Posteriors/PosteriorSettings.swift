import Numerics

/// What both ends know of the deviations of posteriors.
public enum PosteriorScales: Sendable, Equatable {
  /// Deviations rho_j in units of the prior that all senders have: public, learned with the prior.
  case tied([Double])
  /// Deviations that the sender alone knows. Public is the mean KL of each coordinate over the population, in bits: blocks are filled by
  /// it, and no law depends on it.
  case free(meanKL: [Double])

  /// The number of coordinates.
  public var count: Int {
    switch self {
    case .tied(let scales): scales.count
    case .free(let meanKL): meanKL.count
    }
  }

  /// Bits that each coordinate carries on average over the population.
  ///
  /// Tied ones carry I(mu; y) = -log2 rho_j each where means have the law that goes with the prior, N(0, 1 - rho_j^2).
  public var coordinateBits: [Double] {
    switch self {
    case .tied(let scales): scales.map { -Elementary.log($0) / Elementary.ln2 }
    case .free(let meanKL): meanKL
    }
  }

  /// The sum of `coordinateBits`: what no code goes below on average.
  public var idealBits: Double { coordinateBits.reduce(0, +) }

  /// The largest deviation that a coordinate may have: the public one, or the prior's.
  var coordinateScales: [Double] {
    switch self {
    case .tied(let scales): scales
    case .free(let meanKL): [Double](repeating: 1, count: meanKL.count)
    }
  }

  var isTied: Bool { if case .tied = self { true } else { false } }

  var problem: PosteriorError? {
    guard count > 0 else { return .dimension(found: 0, expected: nil) }
    switch self {
    case .tied(let scales):
      for (i, scale) in scales.enumerated() {
        if let problem = DiagonalGaussian.problem(scale: scale, coordinate: i) { return problem }
      }
    case .free(let meanKL):
      for (i, bits) in meanKL.enumerated() where !(bits >= 0 && bits.isFinite) {
        return .meanKL(coordinate: i, found: bits)
      }
    }
    return nil
  }
}

/// Choices of codecs for posteriors that both ends have to make alike. They decide bits and times, never a law, but for
/// `marginBits` of `mrc`, which is approximate.
public struct PosteriorOptions: Sendable, Equatable {
  /// The largest |mu_j| in units of the prior's deviation. Encoders refuse what is beyond, and decoders what no such mean gives.
  public var largestMean = 64.0
  /// The mean KL that blocks are filled to, in bits: time grows with 2 to this power.
  public var blockBits = 8.0
  /// Candidates a block may take, as a power of two beyond its mean KL: log2 of the cap of exact selections, and of the number of candidates
  /// of `mrc`. Nil is 4 for exact selections and 0 for `mrc`.
  public var marginBits: Double?
  /// How long `polar` may take, 0 to 6.
  public var effort = 0
  /// What was learned of indices over a population; nil takes what the prior makes of them. See `PosteriorSettings.learned`.
  public var indexLaw: PosteriorIndexLaw?
  /// The public seed that coordinates are dealt into blocks with.
  public var order: UInt64 = 0

  public init() {}

  var problem: PosteriorError? {
    guard largestMean > 0, largestMean <= 0x1p10 else {
      return .option("largestMean", found: "\(largestMean)", allowed: "above 0, at most 1024")
    }
    guard blockBits >= 1, blockBits <= 20 else {
      return .option("blockBits", found: "\(blockBits)", allowed: "1 to 20")
    }
    if let marginBits, !(marginBits >= 0 && marginBits <= 12) {
      return .option("marginBits", found: "\(marginBits)", allowed: "0 to 12, or none")
    }
    guard (0...6).contains(effort) else { return .option("effort", found: "\(effort)", allowed: "0 to 6") }
    return nil
  }
}

/// All that both ends know before a posterior is sent, but for the shared randomness.
public struct PosteriorSettings: Sendable, Equatable {
  /// The codec's name; `PosteriorCodecs.all` lists them.
  public var codec: CodecName
  public var scales: PosteriorScales
  public var options: PosteriorOptions

  public init(codec: CodecName, scales: PosteriorScales, options: PosteriorOptions = PosteriorOptions()) {
    self.codec = codec
    self.scales = scales
    self.options = options
  }

  /// Coordinates of a posterior.
  public var dimension: Int { scales.count }

  /// Why no codec can be made of these settings; nil when one can.
  public var problem: PosteriorError? {
    guard let entry = PosteriorCodecs[codec] else {
      return .codec(codec, allowed: PosteriorCodecs.names(tied: scales.isTied))
    }
    guard scales.isTied || entry.descriptor.takesFreeScales else {
      return .freeScales(codec, allowed: PosteriorCodecs.names(tied: false))
    }
    return scales.problem ?? options.problem ?? entry.problem(self)
  }

  /// The codec, with its plan made.
  public func makeCodec() throws(PosteriorError) -> any PosteriorCodec {
    if let problem { throw problem }
    guard let entry = PosteriorCodecs[codec] else { throw .codec(codec, allowed: PosteriorCodecs.names(tied: true)) }
    return entry.make(self)
  }
}
