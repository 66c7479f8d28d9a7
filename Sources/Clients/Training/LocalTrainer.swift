import ChannelCoding

/// A client's local work: minibatch SGD from the broadcast parameters.
public struct LocalTrainer: Sendable {
  public let network: Network
  public let epochs: Int
  public let batchSize: Int
  public let learningRate: Double

  public init(network: Network, epochs: Int, batchSize: Int, learningRate: Double) {
    precondition(epochs > 0 && batchSize > 0)
    self.network = network
    self.epochs = epochs
    self.batchSize = batchSize
    self.learningRate = learningRate
  }

  /// The model update (pseudo-gradient): local parameters after training minus those of the broadcast. Every epoch
  /// shuffles the examples anew; the last batch may be smaller and is averaged over its own size.
  public func train(
    from start: [Float], on examples: ArraySlice<Int>, of data: Dataset, random: inout PrivateRandomness
  ) -> [Float] {
    var parameters = start
    var gradient = [Float](repeating: 0, count: start.count)
    var workspace = network.makeWorkspace()
    var order = Array(examples)
    data.features.withUnsafeBufferPointer { features in
      for _ in 0..<epochs {
        random.stream.shuffle(&order)
        for first in stride(from: 0, to: order.count, by: batchSize) {
          let batch = order[first..<min(first + batchSize, order.count)]
          for i in gradient.indices { gradient[i] = 0 }
          for example in batch {
            _ = network.addGradient(
              parameters, features: data.row(example, of: features), label: Int(data.labels[example]),
              weight: 1 / Float(batch.count), to: &gradient, &workspace)
          }
          let rate = Float(learningRate)
          for i in parameters.indices { parameters[i] -= rate * gradient[i] }
        }
      }
    }
    for i in parameters.indices { parameters[i] -= start[i] }
    return parameters
  }
}
