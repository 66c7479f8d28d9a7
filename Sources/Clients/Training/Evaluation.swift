import Datasets
import Numerics

/// Mean loss, and accuracy or R^2, over some examples.
public struct Evaluation: Sendable, Equatable {
  /// Not a number where the model has diverged.
  public let loss: Double
  /// Nil for a model that is neither right nor wrong about an example.
  public let accuracy: Double?
  /// The coefficient of determination of a quantity: 1 - mean squared error / variance of the targets over the same examples. Nil for
  /// classes, for targets that are all one number, and where the model has diverged.
  public let r2: Double?

  public init(loss: Double, accuracy: Double?, r2: Double? = nil) {
    self.loss = loss
    self.accuracy = accuracy
    self.r2 = r2
  }

  /// Evaluates in fixed chunks, added in order: the same for any number of threads. No examples: accuracy 0.
  ///
  /// - Parameter parameters: padded.
  public init<M: Model>(
    _ model: M, _ parameters: FloatBuffer, on examples: ArraySlice<Int>, of data: Dataset, _ parallel: Parallel
  ) {
    let parts = model.predictions(of: parameters, on: examples, of: data, parallel) { predictions in
      (loss: predictions.reduce(0) { $0 + $1.loss }, correct: predictions.count { $0.isCorrect })
    }
    let count = Double(max(examples.count, 1))
    let loss = parts.reduce(0) { $0 + $1.loss } / count
    self.loss = loss
    accuracy = data.targets == nil ? Double(parts.reduce(0) { $0 + $1.correct }) / count : nil
    r2 = data.targetVariance(of: examples).flatMap { loss.isFinite ? 1 - loss / $0 : nil }
  }

  public init<M: Model>(
    _ model: M, _ parameters: [Float], on examples: ArraySlice<Int>, of data: Dataset, _ parallel: Parallel
  ) {
    self.init(model, model.padding(parameters), on: examples, of: data, parallel)
  }
}

extension Model {
  /// What is made of the predictions of each chunk of 64 examples, in their order: the same for any number of threads.
  ///
  /// - Parameter parameters: padded.
  fileprivate func predictions<Part: Sendable>(
    of parameters: FloatBuffer, on examples: ArraySlice<Int>, of data: Dataset, _ parallel: Parallel,
    _ summary: @Sendable ([Prediction]) -> Part
  ) -> [Part] {
    let chunk = 64
    return parallel.map(
      (examples.count + chunk - 1) / chunk,
      worker: { makeWorkspace(capacity: min(chunk, max(examples.count, 1))) },
      body: { workspace, part in
        let start = examples.startIndex + part * chunk
        let batch = examples[start..<min(start + chunk, examples.endIndex)]
        return summary(predictions(of: batch, in: data, at: parameters, workspace))
      })
  }

  /// The prediction of every example of a data set, in order.
  ///
  /// - Parameter parameters: flat.
  public func predictions(of parameters: [Float], onAll data: Dataset, _ parallel: Parallel) -> [Prediction] {
    predictions(of: padding(parameters), on: Array(0..<data.count)[...], of: data, parallel) { $0 }.flatMap { $0 }
  }
}
