import Numerics

/// What a decoder accepts: vectors that an honest client sends. Everything else is an error, so that one upload of a few bytes
/// cannot outweigh all others.
///
/// An honest sample is Y = x + sigma G, |x| <= C. The norm of n standard normals is 1-Lipschitz with a mean below sqrt(n), so
/// Pr[|G| > sqrt(n) + t] <= e^(-t^2 / 2): an honest vector is beyond C + sigma (sqrt(n) + t), t = 8.32, with probability below
/// 10^-15. A coordinate's own noise ends below 40 sigma with every codec (docs/codecs/numerics.md, reach).
///
/// What is left to a malicious client: any vector inside, in any direction, of its choice; C + sigma (sqrt(n) + 8.32) in place
/// of C. That is what it could send as noise anyway.
public struct SampleBound: Sendable, Equatable {
  /// Largest |Y_j|.
  public let coordinate: Double
  /// Largest |Y|.
  public let norm: Double

  /// Noise of one coordinate over sigma.
  static let largestNoise = 40.0
  /// t, and the probability that goes with it.
  static let margin = 8.32
  static let refusal = 1e-15
  /// Clipping and rounding, to float32 too.
  private static let rounding = 1 + 1e-6

  /// No bound: a run without clipping.
  public static let none = SampleBound(coordinate: .infinity, norm: .infinity)

  public init(coordinate: Double, norm: Double) {
    self.coordinate = coordinate
    self.norm = norm
  }

  /// Of Gaussian noise on `count` coordinates, or of none.
  public init(clippingNorm: Double, noiseScale: Double, count: Int) {
    guard clippingNorm.isFinite else {
      self = .none
      return
    }
    let noise = noiseScale > 0 ? noiseScale * (Double(count).squareRoot() + Self.margin) : 0
    coordinate = (clippingNorm + Self.largestNoise * noiseScale) * Self.rounding
    norm = (clippingNorm + noise) * Self.rounding
  }

  /// Of uniform noise of deviation sigma: never more than sqrt(3) sigma a coordinate.
  public init(clippingNorm: Double, uniformScale: Double, count: Int) {
    let half = uniformScale * 3.0.squareRoot()
    coordinate = (clippingNorm + half) * Self.rounding
    norm = (clippingNorm + half * Double(count).squareRoot()) * Self.rounding
  }

  /// Of a sample that is one of `draws` shared candidates N(0, scale^2 I) in each of `blocks` blocks, however it is chosen: its
  /// density is at most draws^blocks times the candidates', and Pr[|Z|^2 >= n + 2 sqrt(n t) + 2 t] <= e^-t [Laurent & Massart
  /// 2000]; t = blocks ln(draws) + ln 10^15. No candidate's coordinate is beyond 8.58 of its deviations.
  init(scale: Double, count: Int, draws: Int, blocks: Int) {
    let n = Double(count)
    let t = Double(blocks) * Elementary.log(Double(draws)) + 34.54
    coordinate = 8.6 * scale
    norm = min((n + 2 * (n * t).squareRoot() + 2 * t).squareRoot(), 8.6 * n.squareRoot()) * scale * Self.rounding
  }

  /// What is wrong with values that were decoded; nil for an honest vector.
  public func problem(_ values: UnsafeBufferPointer<Double>) -> PayloadError? {
    guard norm < .infinity else { return nil }
    let length = Kernels.best.squareSum(values).squareRoot()
    var isInside = true
    for value in values { isInside = isInside && abs(value) <= coordinate }
    // Numbers that are none are inside of nothing.
    guard isInside else { return .tooLarge(coordinate: values.firstIndex { !(abs($0) <= coordinate) } ?? 0) }
    return length <= norm ? nil : .tooLong
  }

  /// The same of little-endian floats, all finite.
  func problem(floats: UnsafeRawBufferPointer) -> PayloadError? {
    guard norm < .infinity else { return nil }
    let count = floats.count / 4
    let limit = Float(coordinate).nextUp
    var isInside = true
    for i in 0..<count {
      isInside = isInside && abs(floats.loadUnaligned(fromByteOffset: 4 * i, as: Float.self)) <= limit
    }
    guard isInside else {
      let first = (0..<count).first { !(abs(floats.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self)) <= limit) }
      return .tooLarge(coordinate: first ?? 0)
    }
    return Kernels.best.squareSum(floats: floats).squareRoot() <= norm ? nil : .tooLong
  }
}
