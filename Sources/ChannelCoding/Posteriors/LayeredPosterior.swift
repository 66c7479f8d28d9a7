import Numerics

/// `layered` for posteriors with public deviations: the direct layered quantizer, coordinate by coordinate.
///
/// Over rho_j, y_j / rho_j = mu_j / rho_j + N(0, 1) is a signal with noise of deviation 1. With step w = 2 R, R^2 chi-square with three
/// degrees of freedom, and dither U, both shared, M = floor(mu_j / (rho_j w) + U + 1/2) and y_j = rho_j w (M - U) has the law
/// N(mu_j, rho_j^2) for every mu_j: see `DitheredCodec`, whose proof is by coordinate.
///
/// Bits. M is coded with the law that it has for mu_j / rho_j ~ N(0, eta_j^2), eta_j^2 = 1 / rho_j^2 - 1: what the prior makes of it. There
/// is no rotation and no norm class, since each coordinate's eta is public.
struct LayeredPosterior: PosteriorRangeCodec {
  let settings: PosteriorSettings
  private let coordinates: [Coordinate]
  private let layers = LayerStream(kind: .direct)

  /// What the quantizer needs of a coordinate.
  private struct Coordinate {
    let scale: Double
    let inverseScale: Double
    /// 1 / eta; 0 where nothing is coded.
    let inverseEta: Double
    /// The bound on |mu| / rho.
    let largestSignal: Double
  }

  /// - Parameter settings: ones without a problem, with tied scales.
  init(_ settings: PosteriorSettings) {
    self.settings = settings
    guard case .tied(let scales) = settings.scales else { preconditionFailure("the scales were checked to be tied") }
    coordinates = scales.map { scale in
      let square = (1 - scale) * (1 + scale)
      return Coordinate(
        scale: scale, inverseScale: 1 / scale, inverseEta: square > 0 ? scale / square.squareRoot() : 0,
        largestSignal: settings.options.largestMean / scale * (1 + 1e-6))
    }
  }

  var expectedBits: Double {
    var table = LayeredEntropies()
    let body = coordinates.reduce(0) { $0 + ($1.inverseEta > 0 ? table.bits(eta: 1 / $1.inverseEta) : 0) }
    return body + Self.endBits
  }

  func encode(
    _ posterior: DiagonalGaussian, shared: SharedRandomness, private noise: inout PrivateRandomness,
    tally: inout CodingTally
  ) throws(PosteriorError) -> Payload {
    if let problem = settings.problem(posterior) { throw problem }
    var coder = RangeEncoder(reservingBytes: coordinates.count / 4 + 16)
    encode(posterior.means, shared: shared, to: &coder, tally: &tally)
    return coder.finish(counting: &tally)
  }

  /// - Parameter means: of all coordinates, within the bound.
  func encode(_ means: [Double], shared: SharedRandomness, to coder: inout RangeEncoder, tally: inout CodingTally) {
    NormalTable.shared.withCumulative { cumulative in
      layers.forEachChunk(shared, 0..<coordinates.count) { first, layers in
        for i in layers.steps.indices {
          let (step, dither, c) = (layers.steps[i], layers.dithers[i], coordinates[first + i])
          guard c.inverseEta > 0 else { continue }
          let index = DitheredQuantizer.index(
            means[first + i] * c.inverseScale, step: step, dither: dither)
          LayerModel(step: step * c.inverseEta, dither: dither).encode(index, cumulative, to: &coder)
        }
        return true
      }
    }
    tally.draws += coordinates.count
    tally.blocks += coordinates.count
  }

  func read(
    from decoder: inout some SymbolDecoder, shared: SharedRandomness, into values: UnsafeMutableBufferPointer<Double>
  ) -> PayloadError? {
    var problem: PayloadError?
    NormalTable.shared.withCumulative { cumulative in
      layers.forEachChunk(shared, 0..<coordinates.count) { first, layers in
        for i in layers.steps.indices {
          let (step, dither, c) = (layers.steps[i], layers.dithers[i], coordinates[first + i])
          var index = 0
          if c.inverseEta > 0 {
            let model = LayerModel(step: step * c.inverseEta, dither: dither)
            guard let found = model.decode(cumulative, from: &decoder),
              Double(found.magnitude) * step <= c.largestSignal + 2 * step
            else {
              problem = .notACode(coordinate: first + i)
              return false
            }
            index = found
          }
          values[first + i] = c.scale * (step * (Double(index) - dither))
        }
        return true
      }
    }
    return problem
  }
}

/// The entropy of the layered quantizer by eta, on a grid that is filled as it is asked for: an integral a node takes milliseconds.
private struct LayeredEntropies {
  private var nodes: [Int: Double] = [:]
  private static let perOctave = 4.0

  mutating func bits(eta: Double) -> Double {
    let place = Elementary.log(eta) / Elementary.ln2 * Self.perOctave
    let low = Int(place.rounded(.down))
    let share = place - Double(low)
    return (1 - share) * node(low) + share * node(low + 1)
  }

  private mutating func node(_ i: Int) -> Double {
    if let bits = nodes[i] { return bits }
    let bits = layeredEntropy(eta: Elementary.exp(Double(i) / Self.perOctave * Elementary.ln2))
    nodes[i] = bits
    return bits
  }
}
