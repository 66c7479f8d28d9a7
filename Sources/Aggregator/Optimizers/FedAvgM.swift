import Settings

/// v <- momentum v + D, parameters += rate v [Hsu et al. 2019].
public struct FedAvgM: ServerOptimizing, Equatable {
  public static let name = "fedavgm"

  public var learningRate: Double
  /// beta_1; nil for 0.9.
  public var momentum: Double?

  public init(learningRate: Double = 1, momentum: Double? = nil) {
    self.learningRate = learningRate
    self.momentum = momentum
  }

  private var beta1: Double { momentum ?? 0.9 }

  public var options: [(name: String, value: Double)] { [("momentum", beta1)] }

  /// The velocity v, zero at first.
  public struct State: ServerOptimizerState {
    public static let names = ["momentum"]

    var velocity: [Double]

    public init(arrays: [[Double]]) { velocity = arrays[0] }

    public var arrays: [[Double]] { [velocity] }
  }

  public func scaled(by factor: Double) -> FedAvgM? {
    var scaled = self
    scaled.learningRate *= factor
    return scaled
  }

  public func initialState(parameters: Int) -> State {
    State(arrays: [[Double](repeating: 0, count: parameters)])
  }

  public func step(_ parameters: inout [Float], mean: [Double], _ state: inout State) {
    for i in parameters.indices {
      state.velocity[i] = beta1 * state.velocity[i] + mean[i]
      parameters[i] = Float(Double(parameters[i]) + learningRate * state.velocity[i])
    }
  }
}

extension FedAvgM: Configurable {
  public static let keys = SettingList(
    FedAvgM(),
    [
      Setting("learningRate", \.learningRate, .positive, "step size of the server"),
      Setting("momentum", \.momentum, .number(0..<1), .unset("0.9"), "momentum of the server, beta_1"),
    ])
}
