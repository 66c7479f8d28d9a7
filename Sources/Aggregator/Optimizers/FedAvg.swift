import Settings

/// parameters += rate D [McMahan et al. 2017].
public struct FedAvg: ServerOptimizing, Equatable {
  public static let name = "fedavg"

  public var learningRate: Double
  /// Nil or 0: there is none, and a scenario may say so.
  public var momentum: Double?

  public init(learningRate: Double = 1) { self.learningRate = learningRate }

  public func scaled(by factor: Double) -> FedAvg? {
    var scaled = self
    scaled.learningRate *= factor
    return scaled
  }

  public func initialState(parameters: Int) -> NoServerOptimizerState { NoServerOptimizerState() }

  public func step(_ parameters: inout [Float], mean: [Double], _ state: inout NoServerOptimizerState) {
    parameters.withUnsafeMutableBufferPointer { parameters in
      mean.withUnsafeBufferPointer { mean in
        for i in parameters.indices { parameters[i] = Float(Double(parameters[i]) + learningRate * mean[i]) }
      }
    }
  }
}

extension FedAvg: Configurable {
  public static let keys = SettingList(
    FedAvg(),
    [
      Setting("learningRate", \.learningRate, .positive, "step size of the server"),
      Setting(
        "momentum", \.momentum, .number(0..<1), .unset("none"), "momentum of the server; 0 is none",
        objection: { $0.momentum == 0 ? nil : "\"\(name)\" has none" }),
    ])
}
