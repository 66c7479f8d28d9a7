import Settings

/// parameters += rate D [McMahan et al. 2017].
public struct FedAvg: ServerOptimizing, Configurable, Equatable {
  public static let name = "fedavg"

  public var learningRate: Double

  public init(learningRate: Double = 1) { self.learningRate = learningRate }

  public static let keys = SettingList(
    FedAvg(),
    [
      Setting("learningRate", \.learningRate, .positive, "step size of the server"),
    ])

  public func initialState(parameters: Int) -> NoServerOptimizerState { NoServerOptimizerState() }

  public func step(_ parameters: inout [Float], mean: [Double], _ state: inout NoServerOptimizerState) {
    parameters.withUnsafeMutableBufferPointer { parameters in
      mean.withUnsafeBufferPointer { mean in
        for i in parameters.indices { parameters[i] = Float(Double(parameters[i]) + learningRate * mean[i]) }
      }
    }
  }
}
