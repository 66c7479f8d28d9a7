import Settings

/// v <- v - (1 - beta_2) D^2 sign(v - D^2) [Reddi et al. 2021]; see `AdaptiveMoments` for the step.
public struct FedYogi: ServerOptimizing, Configurable, Equatable {
  public static let name = "fedyogi"

  public var learningRate: Double
  /// beta_1
  public var momentum: Double
  public var beta2: Double
  /// tau
  public var adaptivity: Double

  public init(learningRate: Double = 1, momentum: Double = 0.9, beta2: Double = 0.99, adaptivity: Double = 1e-3) {
    self.learningRate = learningRate
    self.momentum = momentum
    self.beta2 = beta2
    self.adaptivity = adaptivity
  }

  public static let keys = SettingList(
    FedYogi(),
    [
      Setting("learningRate", \.learningRate, .positive, "step size of the server"),
      Setting("momentum", \.momentum, .number(0..<1), "momentum of the server, beta_1"),
      Setting("beta2", \.beta2, .number(0..<1), "decay of the squared updates, beta_2"),
      Setting("adaptivity", \.adaptivity, .positive, "tau: added to the root of the squared updates"),
    ])

  public var options: [(name: String, value: Double)] { [("momentum", momentum)] }

  public func initialState(parameters: Int) -> AdaptiveMoments {
    AdaptiveMoments(parameters: parameters, adaptivity: adaptivity)
  }

  public func step(_ parameters: inout [Float], mean: [Double], _ state: inout AdaptiveMoments) {
    state.step(&parameters, mean: mean, learningRate: learningRate, beta1: momentum, adaptivity: adaptivity) {
      v, square in
      v - (1 - beta2) * (v > square ? square : v < square ? -square : 0)
    }
  }
}
