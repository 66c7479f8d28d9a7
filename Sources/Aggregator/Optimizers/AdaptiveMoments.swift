/// The state of the adaptive optimizers [Reddi et al. 2021, Algorithm 2]: a momentum m and a square v for each parameter.
///
/// With the mean update D, m <- beta_1 m + (1 - beta_1) D, v by the optimizer's own rule, and parameters += rate m / (sqrt(v) + tau).
/// m starts at 0 and v at tau^2; there is no bias correction.
public struct AdaptiveMoments: ServerOptimizerState {
  public static let names = ["momentum", "squares"]

  /// m
  var momentum: [Double]
  /// v
  var squares: [Double]

  public init(arrays: [[Double]]) { (momentum, squares) = (arrays[0], arrays[1]) }

  public var arrays: [[Double]] { [momentum, squares] }

  /// - Parameter adaptivity: tau
  init(parameters: Int, adaptivity: Double) {
    momentum = [Double](repeating: 0, count: parameters)
    squares = [Double](repeating: adaptivity * adaptivity, count: parameters)
  }

  /// One round.
  ///
  /// - Parameters:
  ///   - beta1: beta_1
  ///   - adaptivity: tau
  ///   - next: v of the next round, from v and D^2.
  @inline(__always)
  mutating func step(
    _ parameters: inout [Float], mean: [Double], learningRate: Double, beta1: Double, adaptivity: Double,
    next: (_ square: Double, _ update: Double) -> Double
  ) {
    for i in parameters.indices {
      let d = mean[i]
      momentum[i] = beta1 * momentum[i] + (1 - beta1) * d
      squares[i] = next(squares[i], d * d)
      let move = momentum[i] / (squares[i].squareRoot() + adaptivity)
      parameters[i] = Float(Double(parameters[i]) + learningRate * move)
    }
  }
}
