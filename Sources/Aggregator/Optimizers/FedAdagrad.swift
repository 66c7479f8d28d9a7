import Settings

/// v <- v + D^2 [Reddi et al. 2021]; see `AdaptiveMoments` for the step.
public struct FedAdagrad: ServerOptimizing, Equatable {
  public static let name = "fedadagrad"

  public var learningRate: Double
  /// beta_1; nil for 0.
  public var momentum: Double?
  /// tau; nil for 0.001.
  public var adaptivity: Double?

  public init(learningRate: Double = 1, momentum: Double? = nil, adaptivity: Double? = nil) {
    self.learningRate = learningRate
    self.momentum = momentum
    self.adaptivity = adaptivity
  }

  private var beta1: Double { momentum ?? 0 }
  private var tau: Double { adaptivity ?? 1e-3 }

  public var options: [(name: String, value: Double)] { [("momentum", beta1)] }

  public func scaled(by factor: Double) -> FedAdagrad? {
    var scaled = self
    scaled.learningRate *= factor
    return scaled
  }

  public func initialState(parameters: Int) -> AdaptiveMoments {
    AdaptiveMoments(parameters: parameters, adaptivity: tau)
  }

  public func step(_ parameters: inout [Float], mean: [Double], _ state: inout AdaptiveMoments) {
    state.step(&parameters, mean: mean, learningRate: learningRate, beta1: beta1, adaptivity: tau) {
      v, square in
      v + square
    }
  }
}

extension FedAdagrad: Configurable {
  public static let keys = SettingList(
    FedAdagrad(),
    [
      Setting("learningRate", \.learningRate, .positive, "step size of the server"),
      Setting("momentum", \.momentum, .number(0..<1), .unset("0"), "momentum of the server, beta_1"),
      Setting("adaptivity", \.adaptivity, .positive, .unset("0.001"), "tau: added to the root of the squared updates"),
    ])
}
