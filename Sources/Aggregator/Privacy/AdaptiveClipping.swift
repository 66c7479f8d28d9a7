import Numerics

/// The clipping norm follows a quantile of the update norms [Andrew et al. 2021], at no privacy beyond the plan's z.
///
/// A client sends (clipped update, (b - 1/2) unit), b = 1 where its norm is at most C: one vector of one Gaussian mechanism. With
/// unit = C z_u / sigma_b, noise z_u C on every coordinate of the sum is noise sigma_b on the count, and
///
///     |vector|^2 <= C^2 + (unit / 2)^2 = C^2 (1 + (z_u / (2 sigma_b))^2) = (z_u C / z)^2,  z^-2 = z_u^-2 + (2 sigma_b)^-2.
///
/// C of the next round is C exp(-rate (share - quantile)), computed from what was released.
public struct AdaptiveClipping: Sendable, Hashable {
  /// gamma: the share of updates that should not be clipped.
  public let quantile: Double
  /// eta_C
  public let learningRate: Double
  /// sigma_b: deviation of the noise on the count.
  public let countNoise: Double
  /// The share of drawn clients that is expected to send: a public constant.
  public let arrivalRate: Double

  public init(quantile: Double, learningRate: Double, countNoise: Double, arrivalRate: Double = 1) {
    self.arrivalRate = arrivalRate
    self.quantile = quantile
    self.learningRate = learningRate
    self.countNoise = countNoise
  }

  /// The clipping norm stays inside these.
  static let bounds = 1e-9...1e9

  /// - Parameters:
  ///   - centredCount: the released sum of b - 1/2.
  ///   - divisor: the expected cohort size. Those who are expected to send nothing are no half of a client each.
  func next(after norm: Double, centredCount: Double, divisor: Double) -> Double {
    // The noise is unbounded: a share outside 0 ... 1 says nothing more than 0 or 1 do.
    let share = arrivalRate > 0 ? min(max(centredCount / (divisor * arrivalRate) + 0.5, 0), 1) : quantile
    let moved = norm * Elementary.exp(-learningRate * (share - quantile))
    return min(max(moved, Self.bounds.lowerBound), Self.bounds.upperBound)
  }
}
