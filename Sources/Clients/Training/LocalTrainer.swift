import ChannelCoding
import Datasets

/// How much a client trains in a round.
public enum LocalWork: Sendable, Equatable {
  /// Passes over its examples.
  case epochs(Int)
  /// Minibatches, over as many passes as they need.
  case steps(Int)

  /// A straggler's part: uniform in 1 ... n - 1 of n epochs, or of the steps where there is one epoch; all of a single step.
  func part(examples: Int, batchSize: Int, _ random: inout RandomStream) -> LocalWork {
    switch self {
    case .epochs(let n) where n > 1: return .epochs(1 + random.integer(below: n - 1))
    case .epochs:
      let steps = (examples + batchSize - 1) / batchSize
      return .steps(steps > 1 ? 1 + random.integer(below: steps - 1) : 1)
    case .steps(let n): return .steps(n > 1 ? 1 + random.integer(below: n - 1) : 1)
    }
  }
}

/// A client's local work: minibatch SGD from the broadcast parameters, with momentum and FedProx's term where they are asked
/// for.
///
/// A step: g = mean gradient of the batch + mu (w - w_0); v = momentum v + g; w = w - rate v [Li et al. 2020 for mu].
public struct LocalTrainer: Sendable {
  public let network: Network
  public let work: LocalWork
  public let batchSize: Int
  public let learningRate: Double
  public let momentum: Double
  /// FedProx's mu.
  public let proximal: Double

  public init(
    network: Network, work: LocalWork, batchSize: Int, learningRate: Double, momentum: Double = 0,
    proximal: Double = 0
  ) {
    precondition(batchSize > 0)
    self.network = network
    self.work = work
    self.batchSize = batchSize
    self.learningRate = learningRate
    self.momentum = momentum
    self.proximal = proximal
  }

  /// What training needs beside the data: made once a worker.
  public final class Workspace {
    let batch: NetworkWorkspace
    let parameters: FloatBuffer
    let velocity: FloatBuffer?

    fileprivate init(_ trainer: LocalTrainer, largestBatch: Int) {
      batch = NetworkWorkspace(trainer.network, capacity: min(trainer.batchSize, max(largestBatch, 1)))
      let count = batch.places.last?.range.upperBound ?? 0
      parameters = FloatBuffer(count: count)
      velocity = trainer.momentum > 0 ? FloatBuffer(count: count) : nil
    }
  }

  /// - Parameter largestClient: examples of the largest client that it is for.
  public func makeWorkspace(largestClient: Int) -> Workspace { Workspace(self, largestBatch: largestClient) }

  /// The model update (pseudo-gradient): local parameters after training minus those of the broadcast. Every epoch
  /// shuffles the examples anew; the last batch may be smaller and is averaged over its own size.
  ///
  /// - Parameters:
  ///   - start: the broadcast's parameters, padded.
  ///   - shift: what every step adds to the parameters beside its gradient (SCAFFOLD's correction), padded.
  /// - Returns: parameterCount values, and the steps that were made.
  public func train(
    from start: FloatBuffer, on examples: ArraySlice<Int>, of data: Dataset, work: LocalWork? = nil,
    shift: FloatBuffer? = nil, random: inout RandomStream, _ workspace: Workspace
  ) -> (update: [Float], steps: Int) {
    let parameters = workspace.parameters
    parameters.start.update(from: start.start, count: start.count)
    workspace.velocity?.fill()
    var order = Array(examples)
    var left =
      switch work ?? self.work {
      case .epochs(let epochs): epochs * ((order.count + batchSize - 1) / batchSize)
      case .steps(let steps): order.isEmpty ? 0 : steps
      }
    let made = left
    data.labels.withUnsafeBufferPointer { labels in
      while left > 0 {
        random.shuffle(&order)
        for first in stride(from: 0, to: order.count, by: batchSize) where left > 0 {
          step(start, order[first..<min(first + batchSize, order.count)], data, labels, shift, workspace)
          left -= 1
        }
      }
    }
    return (network.difference(parameters, start), made)
  }

  /// SCAFFOLD's correction of a step, rate (c_i - c), padded [Karimireddy et al. 2020].
  func shift(_ own: [Float], _ server: [Float]) -> FloatBuffer {
    let rate = Float(learningRate)
    return network.padding(zip(own, server).map { rate * ($0 - $1) })
  }

  private func step(
    _ start: FloatBuffer, _ batch: ArraySlice<Int>, _ data: Dataset, _ labels: UnsafeBufferPointer<Int32>,
    _ shift: FloatBuffer?, _ workspace: Workspace
  ) {
    let parameters = workspace.parameters
    let rate = Float(learningRate)
    workspace.batch.forward(parameters, batch, of: data)
    let label = { Int(labels[batch[batch.startIndex + $0]]) }
    let pull = Float(proximal)
    if let velocity = workspace.velocity {
      let kept = Float(momentum)
      workspace.batch.backward(parameters, labels: label, scale: 1 / Float(batch.count), into: velocity) { range in
        let v = velocity.start
        if proximal > 0 {
          for i in range { v[i] = kept * v[i] + pull * (parameters.start[i] - start.start[i]) }
        } else {
          for i in range { v[i] *= kept }
        }
      }
      for i in 0..<parameters.count { parameters.start[i] -= rate * velocity.start[i] }
    } else {
      // The gradient goes straight into the parameters.
      workspace.batch.backward(parameters, labels: label, scale: -rate / Float(batch.count), into: parameters) {
        range in
        guard proximal > 0 else { return }
        for i in range { parameters.start[i] -= rate * pull * (parameters.start[i] - start.start[i]) }
      }
    }
    if let shift { for i in 0..<parameters.count { parameters.start[i] += shift.start[i] } }
  }
}
