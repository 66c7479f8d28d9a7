import Numerics
import Platform

/// The law P that both ends draw candidates from: a closed family, so that a decoder needs nothing but its name.
public enum LineProposal: String, Sendable, CaseIterable {
  /// N(0, 1).
  case normal
  /// Laplace(0, 1), of density exp(-|x|) / 2.
  case laplace
  /// The uniform law on (0, 1).
  case uniform

  /// The point that has mass `left` below it and `right` above it; left + right = 1, and the smaller of the two counts.
  ///
  /// Both ends evaluate it: it is made from + - * / sqrt and the portable logarithm, and has the same bits on every machine.
  public func quantile(left: Double, right: Double) -> Double {
    switch self {
    case .normal:
      if left <= 0 { return -.infinity }
      if right <= 0 { return .infinity }
      return NormalQuantile.point(left: left, right: right)
    case .laplace: return left < right ? Elementary.log(2 * left) : -Elementary.log(2 * right)
    case .uniform:
      if left < right { return left }
      // A point that is not the end does not round to it: all samples lie inside.
      return right > 0 ? min(1 - right, 1 - 0x1p-53) : 1
    }
  }

  /// P(low, high), from the side on which it does not cancel.
  public func mass(_ low: Double, _ high: Double) -> Double {
    switch self {
    case .normal: NormalMass.between(low, high)
    case .laplace: LaplaceMass.between(low, high)
    case .uniform: max(min(high, 1) - max(low, 0), 0)
    }
  }

  /// The density of P.
  public func density(_ x: Double) -> Double {
    switch self {
    case .normal: exp(-x * x / 2) / (2 * Double.pi).squareRoot()
    case .laplace: exp(-abs(x)) / 2
    case .uniform: x > 0 && x < 1 ? 1 : 0
    }
  }
}

/// Masses of the standard normal law. For encoders and figures only: the platform's erfc decides.
enum NormalMass {
  /// Phi(high) - Phi(low), to relative accuracy where the ends are on one side of 0 and not near each other.
  static func between(_ low: Double, _ high: Double) -> Double {
    low > 0 ? above(low) - above(high) : above(-high) - above(-low)
  }

  /// 1 - Phi(z).
  static func above(_ z: Double) -> Double { 0.5 * erfc(z * 0.5.squareRoot()) }
}

/// Masses of Laplace(0, 1). For encoders and figures only.
enum LaplaceMass {
  static func between(_ low: Double, _ high: Double) -> Double {
    if low >= 0 { return 0.5 * exp(-low) * -expm1(low - high) }
    if high <= 0 { return 0.5 * exp(high) * -expm1(low - high) }
    return -0.5 * (expm1(low) + expm1(-high))
  }
}
