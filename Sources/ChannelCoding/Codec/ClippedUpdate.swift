import Numerics

/// A model update that a codec may take: finite, with an L2 norm of at most the clipping norm. Clipping is the only
/// way to get one.
public struct ClippedUpdate: Sendable {
  /// In double: |values| <= C but for rounding, far inside the 10^-6 that accountants allow for.
  public let values: [Double]

  /// The L2 norm of `values`.
  public let norm: Double

  /// The L2 norm before clipping; 0 of an update that was replaced.
  public let unclippedNorm: Double

  /// Whether the update was longer than the clipping norm.
  public let wasClipped: Bool

  /// Whether a coordinate was not finite, and the zero update took its place. min(1, C / norm) would let a NaN
  /// through, and leaving the client out would show that its update was bad.
  public let wasReplaced: Bool

  /// - Parameters:
  ///   - update: any values; one that is not finite makes the update zero.
  ///   - bound: the clipping norm C > 0; infinity for a run without privacy.
  public init(clipping update: [Float], to bound: Double) {
    self = update.withUnsafeBufferPointer { ClippedUpdate(clipping: $0, to: bound) }
  }

  /// As the other one, of values that somebody else keeps: they are read, and not copied.
  ///
  /// - Parameters:
  ///   - update: any values; one that is not finite makes the update zero.
  ///   - bound: the clipping norm C > 0; infinity for a run without privacy.
  public init(clipping update: UnsafeBufferPointer<Float>, to bound: Double) {
    precondition(bound > 0)
    // As the initialiser for doubles does, without a copy in double before the clip.
    let square = Kernels.best.squareSum(update)
    guard Length.safeSquares.contains(square) else {
      self.init(clipping: update.map { Double($0) }, to: bound)
      return
    }
    let length = square.squareRoot()
    let isLong = length > bound
    let values = [Double](unsafeUninitializedCapacity: update.count) { values, count in
      Kernels.best.widen(
        UnsafeRawBufferPointer(update), scale: isLong ? bound / length : 1,
        into: UnsafeMutableBufferPointer(rebasing: values[..<update.count]))
      count = update.count
    }
    self.init(values: values, norm: isLong ? bound : length, unclippedNorm: length, wasClipped: isLong)
  }

  private init(values: [Double], norm: Double, unclippedNorm: Double, wasClipped: Bool) {
    self.values = values
    self.norm = norm
    self.unclippedNorm = unclippedNorm
    self.wasClipped = wasClipped
    wasReplaced = false
  }

  /// Takes every finite update, also one whose squares overflow or vanish in double.
  ///
  /// - Parameters:
  ///   - update: any values; one that is not finite makes the update zero.
  ///   - bound: the clipping norm C > 0; infinity for a run without privacy.
  public init(clipping update: [Double], to bound: Double) {
    precondition(bound > 0)
    guard let size = Length(of: update) else {
      values = [Double](repeating: 0, count: update.count)
      norm = 0
      unclippedNorm = 0
      wasClipped = false
      wasReplaced = true
      return
    }
    wasClipped = size.length > bound
    wasReplaced = false
    var values = update
    if wasClipped {
      let scale = bound / size.scaledLength
      values.withUnsafeMutableBufferPointer { values in
        if size.unit != 1 { for i in values.indices { values[i] *= size.unit } }
        for i in values.indices { values[i] *= scale }
      }
    }
    self.values = values
    norm = wasClipped ? bound : size.length
    unclippedNorm = size.length
  }

  private init(values: [Double], of other: ClippedUpdate) {
    self.values = values
    norm = other.norm
    unclippedNorm = other.unclippedNorm
    wasClipped = other.wasClipped
    wasReplaced = other.wasReplaced
  }

  /// The same update in the round's rotated coordinates: the norm does not change.
  func rotated(by rotation: Rotation) -> ClippedUpdate {
    // Padded where the channel has more coordinates.
    var turned = values + [Double](repeating: 0, count: rotation.dimension - values.count)
    rotation.apply(&turned)
    return ClippedUpdate(values: turned, of: self)
  }

  /// The same update with zeros behind it, in a channel that pads without a rotation.
  func padded(to count: Int) -> ClippedUpdate {
    guard count > values.count else { return self }
    return ClippedUpdate(values: values + [Double](repeating: 0, count: count - values.count), of: self)
  }

  /// What the noisy update is worth: I(X; Y) = d/2 log2(1 + |x|^2 / (d sigma^2)) bits for a Gaussian x of this energy.
  public func informationBits(noiseScale sigma: Double) -> Double {
    guard sigma > 0, !values.isEmpty else { return 0 }
    let d = Double(values.count)
    let ratio = norm / sigma
    let rho = ratio * ratio / d
    // Below 10^-5 three terms of the series leave nothing, where ln(1 + rho) would cancel.
    let natural = rho < 1e-5 ? rho - rho * rho / 2 + rho * rho * rho / 3 : Elementary.log(1 + rho)
    return d / 2 * natural / Elementary.log(2)
  }
}

/// An L2 norm whose squares neither overflow nor vanish.
private struct Length {
  /// A power of two; |unit x| is `scaledLength`.
  let unit: Double
  let scaledLength: Double
  /// |x|; infinite where it is beyond double, though every value is finite.
  var length: Double { scaledLength / unit }

  /// Between these a sum of squares has lost nothing. All float32 values but zero are inside.
  static let safeSquares = 0x1p-900...0x1p1000

  /// - Returns: nil where a value is not finite.
  init?(of values: [Double]) {
    var square = values.withUnsafeBufferPointer { Kernels.best.squareSum($0) }
    if Self.safeSquares.contains(square) {
      unit = 1
      scaledLength = square.squareRoot()
      return
    }
    var largest = 0.0
    for value in values {
      guard value.isFinite else { return nil }
      largest = max(largest, value.magnitude)
    }
    guard largest > 0 else {
      unit = 1
      scaledLength = 0
      return
    }
    // Powers of two round nothing but what is too small to count beside the largest value.
    unit = Double(sign: .plus, exponent: min(-largest.exponent, 1000), significand: 1)
    square = 0
    for value in values { square += (value * unit) * (value * unit) }
    scaledLength = square.squareRoot()
  }
}
