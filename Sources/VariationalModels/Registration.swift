import Clients
import Settings

extension Choices where Value == any ModelArchitecture {
  /// The built-in models of all tasks.
  public static var ofAllTasks: Choices {
    standard
      .adding(
        Choice(
          "linear-decoder", "pictures as mean plus principal components, with posteriors in closed form",
          LinearDecoder.self
        ) { $0 }
      )
      .adding(
        Choice(
          "learned-map", "pictures by a small sine network whose weights a learned map makes of latents",
          LearnedMap.self
        ) { $0 }
      )
      .adding(
        Choice(
          "sine-network", "pictures by a small sine network for each, fitted by gradient descent", SineNetwork.self
        ) { $0 }
      )
      .adding(
        Choice(
          "bayesian-softmax", "softmax regression with a posterior over its weights for each client",
          BayesianSoftmax.self
        ) { $0 })
  }
}
