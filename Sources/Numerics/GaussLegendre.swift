/// Quadrature for integrands that are smooth up to ends at which they do not vanish.
package enum GaussLegendre {
  /// The rule of ten points on [-1, 1]: five points with their weights, and their mirror images
  /// (computed by Scripts/fit-kernels.py).
  package static let ten: [(point: Double, weight: Double)] = [
    (0.148874338981631211, 0.295524224714752870),
    (0.433395394129247191, 0.269266719309996355),
    (0.679409568299024406, 0.219086362515982044),
    (0.865063366688984511, 0.149451349150580593),
    (0.973906528517171720, 0.0666713443086881376),
  ]

  /// The integral of `f` from `a` to `b` by ten points: exact for polynomials of degree 19.
  @inline(__always)
  package static func integrate(from a: Double, to b: Double, _ f: (Double) -> Double) -> Double {
    let (centre, half) = ((a + b) / 2, (b - a) / 2)
    var total = 0.0
    for (point, weight) in ten { total += weight * (f(centre - half * point) + f(centre + half * point)) }
    return total * half
  }
}
