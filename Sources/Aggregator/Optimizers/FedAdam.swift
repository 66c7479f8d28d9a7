import Settings

/// v <- beta_2 v + (1 - beta_2) D^2 [Reddi et al. 2021]; see `AdaptiveMoments` for the step.
public struct FedAdam: ServerOptimizing, Equatable {
  public static let name = "fedadam"

  public var learningRate: Double
  /// beta_1; nil for 0.9.
  public var momentum: Double?
  /// Nil for 0.99.
  public var beta2: Double?
  /// tau; nil for 0.001.
  public var adaptivity: Double?

  public init(learningRate: Double = 1, momentum: Double? = nil, beta2: Double? = nil, adaptivity: Double? = nil) {
    self.learningRate = learningRate
    self.momentum = momentum
    self.beta2 = beta2
    self.adaptivity = adaptivity
  }

  private var beta1: Double { momentum ?? 0.9 }
  private var tau: Double { adaptivity ?? 1e-3 }

  public var options: [(name: String, value: Double)] { [("momentum", beta1)] }

  public func scaled(by factor: Double) -> FedAdam? {
    var scaled = self
    scaled.learningRate *= factor
    return scaled
  }

  public func initialState(parameters: Int) -> AdaptiveMoments {
    AdaptiveMoments(parameters: parameters, adaptivity: tau)
  }

  public func step(_ parameters: inout [Float], mean: [Double], _ state: inout AdaptiveMoments) {
    let beta2 = beta2 ?? 0.99
    state.step(&parameters, mean: mean, learningRate: learningRate, beta1: beta1, adaptivity: tau) {
      v, square in
      beta2 * v + (1 - beta2) * square
    }
  }
}

extension FedAdam: Configurable {
  public static let keys = SettingList(
    FedAdam(),
    [
      Setting("learningRate", \.learningRate, .positive, "step size of the server"),
      Setting("momentum", \.momentum, .number(0..<1), .unset("0.9"), "momentum of the server, beta_1"),
      Setting("beta2", \.beta2, .number(0..<1), .unset("0.99"), "decay of the squared updates"),
      Setting("adaptivity", \.adaptivity, .positive, .unset("0.001"), "tau: added to the root of the squared updates"),
    ])
}
