import Numerics

/// `polar` for posteriors with public deviations: classes of coordinates with much the same eta, each the polar code of one vector.
///
/// Over rho_j, y_j / rho_j = x_j + N(0, 1), x_j = mu_j / rho_j, of which both ends know eta_j^2 = 1 / rho_j^2 - 1. A class C is coded by
/// `PolarCodec` as an update of n coordinates with noise of deviation 1: padded with zeros to N, turned by a shared rotation, over the proposal
/// N(0, s^2 I) with s^2 = 1 + sum over C of eta_j^2 / N. Its proof is for any x and any public s: the output less x_C is N(0, I) for every
/// class, independent over classes, which have shared randomness of their own. Turned back and times rho_j that is Q.
///
/// Bits. A class is worth N/2 log2(1 + sum eta_j^2 / N) beside the ideal sum of log2(1 + eta_j^2) / 2: more by the padding, and by Jensen's
/// inequality where eta differs within a class. Against that stands what each code of its own takes beyond its information. `PolarClasses`
/// weighs both; classes that the layered quantizer sends in fewer bits (strong signals, few coordinates) are sent by it.
struct PolarPosterior: PosteriorRangeCodec {
  let settings: PosteriorSettings
  let classes: [PolarClasses.Part]
  private let codes: [Code]
  private let scales: [Double]

  /// The codec of one class.
  private enum Code: Sendable {
    case layered(LayeredPosterior)
    case polar(PolarCodec, PolarPlan)
  }

  /// - Parameter settings: ones without a problem, with tied scales.
  init(_ settings: PosteriorSettings) {
    guard case .tied(let scales) = settings.scales else { preconditionFailure("the scales were checked to be tied") }
    self.init(settings, classes: PolarClasses.best(scales: scales, effort: settings.options.effort))
  }

  /// With classes of one's own: for tests in which few coordinates are polarized.
  init(_ settings: PosteriorSettings, classes: [PolarClasses.Part]) {
    self.settings = settings
    self.classes = classes
    scales = settings.scales.coordinateScales
    let (scales, options) = (scales, settings.options)
    codes = classes.map { part in
      guard part.isPolar else {
        return .layered(
          LayeredPosterior(
            PosteriorSettings(
              codec: .layered, scales: .tied(part.coordinates.map { scales[$0] }), options: options)))
      }
      return .polar(
        PolarCodec(Self.channel(part.coordinates.map { scales[$0] }, options)),
        PolarPlan.make(count: part.paddedCount, snr: part.snr, effort: options.effort))
    }
  }

  /// The channel of a class: noise of deviation 1, and no vector longer than means at their bound make it.
  private static func channel(_ scales: [Double], _ options: PosteriorOptions) -> ChannelSettings {
    ChannelSettings(
      codec: .polar, options: CodecOptions(PolarOptions(effort: options.effort)), dimension: scales.count,
      clippingNorm: largestNorm(scales, options), noiseScale: 1)
  }

  /// The bound on |x|, with room for rounding.
  private static func largestNorm(_ scales: [Double], _ options: PosteriorOptions) -> Double {
    scales.reduce(0) { $0 + 1 / ($1 * $1) }.squareRoot() * options.largestMean * (1 + 1e-6)
  }

  /// Why the scales are not ones that vectors can be made of; nil where they are.
  static func problem(_ settings: PosteriorSettings) -> PosteriorError? {
    let norm = largestNorm(settings.scales.coordinateScales, settings.options)
    guard norm > ChannelSettings.largestSignal else { return nil }
    return .option(
      "largestMean", found: "\(settings.options.largestMean)",
      allowed:
        "with polar at most \(settings.options.largestMean * ChannelSettings.largestSignal / norm) at these deviations")
  }

  var expectedBits: Double {
    zip(codes, classes).reduce(Self.endBits) { bits, item in
      switch item.0 {
      case .layered(let codec): bits + codec.expectedBits - Self.endBits
      case .polar(_, let plan): bits + plan.predictedBits
      }
    }
  }

  func encode(
    _ posterior: DiagonalGaussian, shared: SharedRandomness, private noise: inout PrivateRandomness,
    tally: inout CodingTally
  ) throws(PosteriorError) -> Payload {
    if let problem = settings.problem(posterior) { throw problem }
    var coder = RangeEncoder(reservingBytes: 256)
    for (number, (code, part)) in zip(codes, classes).enumerated() {
      let shared = shared.part(number)
      switch code {
      case .layered(let codec):
        codec.encode(part.coordinates.map { posterior.means[$0] }, shared: shared, to: &coder, tally: &tally)
      case .polar(let codec, let plan):
        var x = part.coordinates.map { posterior.means[$0] / scales[$0] }
        x += [Double](repeating: 0, count: part.paddedCount - x.count)
        Rotation(dimension: part.paddedCount, key: shared.rotationKey).apply(&x)
        codec.encode(
          ClippedUpdate(clipping: x, to: codec.clippingNorm), plan, shared, &noise.stream, to: &coder, tally: &tally)
      }
    }
    return coder.finish(counting: &tally)
  }

  func read(
    from decoder: inout some SymbolDecoder, shared: SharedRandomness, into values: UnsafeMutableBufferPointer<Double>
  ) -> PayloadError? {
    for (number, (code, part)) in zip(codes, classes).enumerated() {
      let shared = shared.part(number)
      var y = [Double](repeating: 0, count: part.paddedCount)
      let problem = y.withUnsafeMutableBufferPointer { y in
        switch code {
        case .layered(let codec):
          codec.read(
            from: &decoder, shared: shared, into: UnsafeMutableBufferPointer(rebasing: y[..<part.coordinates.count]))
        case .polar(let codec, let plan):
          codec.read(plan, from: &decoder, shared: shared, into: y)
            ?? codec.sampleBound.problem(UnsafeBufferPointer(y))
        }
      }
      if problem != nil { return .notACode(coordinate: part.coordinates[0]) }
      if case .polar = code {
        Rotation(dimension: part.paddedCount, key: shared.rotationKey).invert(&y)
        for (i, j) in part.coordinates.enumerated() { values[j] = y[i] * scales[j] }
      } else {
        for (i, j) in part.coordinates.enumerated() { values[j] = y[i] }
      }
    }
    return nil
  }
}
