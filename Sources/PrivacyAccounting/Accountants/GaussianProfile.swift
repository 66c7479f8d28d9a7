import Numerics
import Platform

/// The privacy profile of one Gaussian mechanism with mean shift over deviation mu:
///
///     delta(epsilon) = Phi(mu/2 - epsilon/mu) - e^epsilon Phi(-mu/2 - epsilon/mu)
///
/// [Balle & Wang 2018, Theorem 8]. T rounds without sampling are one such mechanism with mu^2 = sum of mu_t^2: the pair
/// is attained, so both sides are exact.
struct GaussianProfile {
  let mu: Double

  /// Below this a delta is not told from 0, and above it is nothing that anybody would ask for.
  static let least = 1e-300

  /// With a = epsilon/mu - mu/2, b = a + mu: e^epsilon phi(b) = phi(a), hence
  /// delta = 1/2 e^(-a^2/2) (erfcx(a / sqrt 2) - erfcx(b / sqrt 2)): no overflow, relative accuracy in the tail.
  func delta(epsilon: Double) -> Double {
    guard mu > 0 else { return 0 }
    let a = epsilon / mu - mu / 2
    let b = epsilon / mu + mu / 2
    let root = 2.0.squareRoot()
    let second = exp(-a * a / 2) / 2 * scaledComplementaryError(b / root)
    if mu < 0.25 && a > -1 {
      // Both terms are nearly equal. With the loss beyond epsilon as mu t, delta is the integral of phi(a + t)(1 - e^(-mu t)), all of it
      // positive: panels of a half, or of four e-folds where e^(-a t) falls faster, up to where nothing is left.
      let width = 0.5 / max(1, a / 8)
      var sum = 0.0
      for panel in 0..<26 {
        let middle = width * (Double(panel) + 0.5)
        for (point, weight) in GaussLegendre.ten {
          for t in [middle - width / 2 * point, middle + width / 2 * point] {
            sum += weight * exp(-t * (a + t / 2)) * -expm1(-mu * t)
          }
        }
      }
      return sum * width / 2 * exp(-a * a / 2) / (2 * Double.pi).squareRoot()
    }
    if a < 0 { return erfc(a / root) / 2 - second }
    return exp(-a * a / 2) / 2 * scaledComplementaryError(a / root) - second
  }

  /// The smallest epsilon >= 0 with delta(epsilon) <= delta: bisection to the last bit.
  func epsilon(delta target: Double) -> Double {
    guard mu > 0, delta(epsilon: 0) > target else { return 0 }
    var low = 0.0
    var high = mu
    while delta(epsilon: high) > target {
      low = high
      high *= 2
    }
    while true {
      let middle = (low + high) / 2
      if middle <= low || middle >= high { return high }
      if delta(epsilon: middle) > target { low = middle } else { high = middle }
    }
  }
}
