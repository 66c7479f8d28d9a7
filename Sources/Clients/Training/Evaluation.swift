import Datasets
import Numerics

/// Mean loss and accuracy over some examples.
public struct Evaluation: Sendable, Equatable {
  /// Not a number where the model has diverged.
  public let loss: Double
  /// Nil for a model that is neither right nor wrong about an example.
  public let accuracy: Double?

  public init(loss: Double, accuracy: Double?) {
    self.loss = loss
    self.accuracy = accuracy
  }

  /// Evaluates in fixed chunks, added in order: the same for any number of threads. No examples: accuracy 0.
  ///
  /// - Parameter parameters: padded.
  public init<M: Model>(
    _ model: M, _ parameters: FloatBuffer, on examples: ArraySlice<Int>, of data: Dataset, _ parallel: Parallel
  ) {
    let chunk = 64
    let parts = parallel.map(
      (examples.count + chunk - 1) / chunk,
      worker: { model.makeWorkspace(capacity: min(chunk, max(examples.count, 1))) },
      body: { workspace, part in
        let start = examples.startIndex + part * chunk
        let batch = examples[start..<min(start + chunk, examples.endIndex)]
        let predictions = model.predictions(of: batch, in: data, at: parameters, workspace)
        return (loss: predictions.reduce(0) { $0 + $1.loss }, correct: predictions.count { $0.isCorrect })
      })
    let count = Double(max(examples.count, 1))
    loss = parts.reduce(0) { $0 + $1.loss } / count
    accuracy = Double(parts.reduce(0) { $0 + $1.correct }) / count
  }

  public init<M: Model>(
    _ model: M, _ parameters: [Float], on examples: ArraySlice<Int>, of data: Dataset, _ parallel: Parallel
  ) {
    self.init(model, model.padding(parameters), on: examples, of: data, parallel)
  }
}
