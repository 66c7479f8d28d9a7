/// parameters += rate D [McMahan et al. 2017].
public struct FedAvg: ServerOptimizing {
  public static let name = "fedavg"

  public let learningRate: Double

  public init(learningRate: Double) { self.learningRate = learningRate }

  public func initialState(parameters: Int) -> NoServerOptimizerState { NoServerOptimizerState() }

  public func step(_ parameters: inout [Float], mean: [Double], _ state: inout NoServerOptimizerState) {
    parameters.withUnsafeMutableBufferPointer { parameters in
      mean.withUnsafeBufferPointer { mean in
        for i in parameters.indices { parameters[i] = Float(Double(parameters[i]) + learningRate * mean[i]) }
      }
    }
  }
}
