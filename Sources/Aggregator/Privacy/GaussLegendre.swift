/// Quadrature for integrands that are smooth up to ends at which they do not vanish.
enum GaussLegendre {
  /// The rule of ten points on [-1, 1]: five points with their weights, and their mirror images.
  static let ten: [(point: Double, weight: Double)] = [
    (0.148874338981631211, 0.295524224714752870),
    (0.433395394129247191, 0.269266719309996355),
    (0.679409568299024406, 0.219086362515982044),
    (0.865063366688984511, 0.149451349150580593),
    (0.973906528517171720, 0.0666713443086881376),
  ]
}
