/// v <- beta_2 v + (1 - beta_2) D^2 [Reddi et al. 2021]; see `AdaptiveMoments` for the step.
public struct FedAdam: ServerOptimizing {
  public static let name = "fedadam"

  public let learningRate: Double
  /// beta_1
  public let momentum: Double
  public let beta2: Double
  /// tau
  public let adaptivity: Double

  public init(learningRate: Double, momentum: Double = 0.9, beta2: Double = 0.99, adaptivity: Double = 1e-3) {
    self.learningRate = learningRate
    self.momentum = momentum
    self.beta2 = beta2
    self.adaptivity = adaptivity
  }

  public var options: [(name: String, value: Double)] { [("momentum", momentum)] }

  public func initialState(parameters: Int) -> AdaptiveMoments {
    AdaptiveMoments(parameters: parameters, adaptivity: adaptivity)
  }

  public func step(_ parameters: inout [Float], mean: [Double], _ state: inout AdaptiveMoments) {
    state.step(&parameters, mean: mean, learningRate: learningRate, beta1: momentum, adaptivity: adaptivity) {
      v, square in
      beta2 * v + (1 - beta2) * square
    }
  }
}
