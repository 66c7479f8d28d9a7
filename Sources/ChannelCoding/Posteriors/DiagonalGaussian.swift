import Numerics

/// A Gaussian with independent coordinates, in units of a prior N(0, I): the posterior N(mu, diag rho^2) that one sender holds.
///
/// Every scale rho_j is above 0 and below 1, or 1 where the mean is 0. Wider ones have no bounded density ratio to the prior, which
/// exact selections need, and a posterior of a mean-field model that is learned with its prior has none.
public struct DiagonalGaussian: Sendable, Equatable {
  /// The means mu_j, in units of the prior's deviation.
  public let means: [Double]
  /// The deviations rho_j, in the same units.
  public let scales: [Double]

  /// The smallest deviation, 2^-20: beyond, integers of the dithered quantizer would come near the end of their range.
  public static let smallestScale = 0x1p-20

  /// A posterior that some codec can send.
  ///
  /// - Throws: what is wrong with which coordinate, and what is allowed.
  public init(means: [Double], scales: [Double]) throws(PosteriorError) {
    guard means.count == scales.count else { throw .counts(means: means.count, scales: scales.count) }
    guard !means.isEmpty else { throw .dimension(found: 0, expected: nil) }
    for i in means.indices {
      guard means[i].isFinite else { throw .mean(coordinate: i, found: means[i], largest: nil) }
      if let problem = Self.problem(scale: scales[i], coordinate: i) { throw problem }
      guard scales[i] < 1 || means[i] == 0 else { throw .shiftedPrior(coordinate: i, mean: means[i]) }
    }
    self.means = means
    self.scales = scales
  }

  static func problem(scale: Double, coordinate: Int) -> PosteriorError? {
    scale >= smallestScale && scale <= 1 ? nil : .scale(coordinate: coordinate, found: scale)
  }

  /// The number of coordinates d.
  public var count: Int { means.count }

  /// KL(Q || P) of coordinate `i` in nats: -ln rho + (rho^2 + mu^2 - 1) / 2.
  public func nats(_ i: Int) -> Double { Self.nats(mean: means[i], scale: scales[i]) }

  @inline(__always)
  static func nats(mean: Double, scale: Double) -> Double {
    max(-Elementary.log(scale) + ((scale - 1) * (scale + 1) + mean * mean) / 2, 0)
  }

  /// KL(Q || P) of each coordinate, in bits.
  public var coordinateBits: [Double] { means.indices.map { nats($0) / Elementary.ln2 } }

  /// KL(Q || P) in bits: the ideal length of a sample. Codes take more, and bytes are whole.
  public var klBits: Double { means.indices.reduce(0) { $0 + nats($1) } / Elementary.ln2 }

  /// The posterior of some coordinates alone, in the order in which they are named.
  public subscript(coordinates: [Int]) -> DiagonalGaussian {
    DiagonalGaussian(checked: coordinates.map { means[$0] }, coordinates.map { scales[$0] })
  }

  /// For parts of what was checked.
  init(checked means: [Double], _ scales: [Double]) {
    self.means = means
    self.scales = scales
  }
}

/// A Gaussian prior with independent coordinates that both ends know, N(m, diag s^2), and the way into its units and back.
///
/// Both ends need the same bits of m and s: send them as they are stored.
public struct GaussianPrior: Sendable, Equatable {
  /// The means m_j.
  public let means: [Double]
  /// The deviations s_j, above 0.
  public let scales: [Double]

  public init(means: [Double], scales: [Double]) throws(PosteriorError) {
    guard means.count == scales.count else { throw .counts(means: means.count, scales: scales.count) }
    guard !means.isEmpty else { throw .dimension(found: 0, expected: nil) }
    for i in means.indices {
      guard means[i].isFinite else { throw .mean(coordinate: i, found: means[i], largest: nil) }
      guard scales[i] > 0, scales[i].isFinite else { throw .priorScale(coordinate: i, found: scales[i]) }
    }
    self.means = means
    self.scales = scales
  }

  /// The posterior N(mean, diag deviation^2) in units of this prior: ((mean - m) / s, deviation / s).
  public func posterior(means posteriorMeans: [Double], scales deviations: [Double]) throws(PosteriorError)
    -> DiagonalGaussian
  {
    guard posteriorMeans.count == means.count else {
      throw .dimension(found: posteriorMeans.count, expected: means.count)
    }
    guard deviations.count == means.count else { throw .counts(means: means.count, scales: deviations.count) }
    return try DiagonalGaussian(
      means: means.indices.map { (posteriorMeans[$0] - means[$0]) / scales[$0] },
      scales: means.indices.map { deviations[$0] / scales[$0] })
  }

  /// A sample in units of the prior as a value of the coordinates: m + s y.
  public func values(_ sample: [Double]) -> [Double] {
    precondition(sample.count == means.count, "a sample of this prior has as many coordinates")
    return sample.indices.map { means[$0] + scales[$0] * sample[$0] }
  }
}
