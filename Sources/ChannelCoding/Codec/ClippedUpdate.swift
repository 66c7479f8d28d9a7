/// A model update that a codec may take: finite, with an L2 norm of at most the clipping norm. Clipping is the only
/// way to get one.
public struct ClippedUpdate: Sendable {
  /// In double: |values| <= C but for rounding, far inside the 10^-6 that accountants allow for.
  public let values: [Double]

  /// The L2 norm of `values`.
  public let norm: Double

  /// Whether the update was longer than the clipping norm.
  public let wasClipped: Bool

  /// Whether a coordinate was not finite, and the zero update took its place. min(1, C / norm) would let a NaN
  /// through, and leaving the client out would show that its update was bad.
  public let wasReplaced: Bool

  /// - Parameter bound: the clipping norm C > 0; infinity for a run without privacy.
  public init(clipping update: [Float], to bound: Double) {
    precondition(bound > 0)
    var square = 0.0
    for value in update { square += Double(value) * Double(value) }
    guard square.isFinite else {
      values = [Double](repeating: 0, count: update.count)
      norm = 0
      wasClipped = false
      wasReplaced = true
      return
    }
    let length = square.squareRoot()
    wasClipped = length > bound
    wasReplaced = false
    let scale = wasClipped ? bound / length : 1
    values = update.map { Double($0) * scale }
    norm = wasClipped ? bound : length
  }

  private init(values: [Double], of other: ClippedUpdate) {
    self.values = values
    norm = other.norm
    wasClipped = other.wasClipped
    wasReplaced = other.wasReplaced
  }

  /// The same update in the round's rotated coordinates: the norm does not change.
  func rotated(by rotation: Rotation) -> ClippedUpdate {
    var turned = values
    rotation.apply(&turned)
    return ClippedUpdate(values: turned, of: self)
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
