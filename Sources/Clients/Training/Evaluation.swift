import ChannelCoding

/// Mean loss and accuracy over some examples.
public struct Evaluation: Sendable, Equatable {
  /// Not a number where the model has diverged.
  public let loss: Double
  public let accuracy: Double

  /// Evaluates in fixed chunks, added in order: the same for any number of threads. No examples: accuracy 0.
  public init(
    _ network: Network, _ parameters: [Float], on examples: ArraySlice<Int>, of data: Dataset, _ parallel: Parallel
  ) {
    let chunk = 256
    let list = Array(examples)
    let parts = parallel.map((list.count + chunk - 1) / chunk) { part in
      var workspace = network.makeWorkspace()
      var loss = 0.0
      var correct = 0
      data.features.withUnsafeBufferPointer { features in
        for example in list[(part * chunk)..<min((part + 1) * chunk, list.count)] {
          let prediction = network.predict(
            parameters, features: data.row(example, of: features), label: Int(data.labels[example]), &workspace)
          loss += prediction.loss
          if prediction.isCorrect { correct += 1 }
        }
      }
      return (loss: loss, correct: correct)
    }
    let count = Double(max(list.count, 1))
    loss = parts.reduce(0) { $0 + $1.loss } / count
    accuracy = Double(parts.reduce(0) { $0 + $1.correct }) / count
  }
}
