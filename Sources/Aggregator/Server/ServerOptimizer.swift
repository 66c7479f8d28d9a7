/// How the mean update moves the model; the mean is sum / divisor. Post-processing: no privacy is spent here.
public enum ServerOptimizer: Sendable, Equatable {
  /// parameters += learningRate x mean [McMahan et al. 2017; with a server rate, Reddi et al. 2021].
  case fedavg(learningRate: Double)

  func step(_ parameters: inout [Float], sum: [Double], divisor: Double) {
    switch self {
    case .fedavg(let learningRate):
      let factor = learningRate / divisor
      for i in parameters.indices { parameters[i] = Float(Double(parameters[i]) + factor * sum[i]) }
    }
  }
}
