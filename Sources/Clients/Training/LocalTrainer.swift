import ChannelCoding
import Datasets
import Numerics

/// A client's local work in minibatches: from the broadcast parameters, a step of the rule for each batch.
///
/// Every epoch shuffles the examples anew; the last batch may be smaller and is averaged over its own size.
public struct LocalTrainer<M: Model, Rule: ClientOptimizing>: LocalTraining {
  public let model: M
  public let work: LocalWork
  public let batchSize: Int
  public let optimizer: Rule

  public init(model: M, work: LocalWork, batchSize: Int, optimizer: Rule) {
    precondition(batchSize > 0)
    self.model = model
    self.work = work
    self.batchSize = batchSize
    self.optimizer = optimizer
  }

  /// What training needs beside the data: made once a worker.
  public final class Workspace {
    fileprivate let batch: M.Workspace
    fileprivate let parameters: FloatBuffer
    fileprivate var state: Rule.State

    fileprivate init(_ trainer: LocalTrainer, largestClient: Int) {
      batch = trainer.model.makeWorkspace(capacity: min(trainer.batchSize, max(largestClient, 1)))
      parameters = FloatBuffer(count: trainer.model.paddedParameterCount)
      state = trainer.optimizer.makeState(parameters: trainer.model.paddedParameterCount)
    }
  }

  public func makeWorkspace(largestClient: Int) -> Workspace { Workspace(self, largestClient: largestClient) }

  public func prepare(_ parameters: [Float]) -> FloatBuffer { model.padding(parameters) }

  public func evaluate(_ parameters: FloatBuffer, on examples: ArraySlice<Int>, of data: Dataset) -> Evaluation? {
    Evaluation(model, parameters, on: examples, of: data, Parallel(threads: 1))
  }

  public var hasRates: Bool { optimizer.scaled(by: 1) != nil }

  public func train(_ task: LocalTask, random: inout RandomStream, _ workspace: Workspace) -> LocalUpdate {
    // The round's own rate, where a schedule gives it another one.
    let optimizer = task.rateFactor == 1 ? optimizer : optimizer.scaled(by: task.rateFactor) ?? optimizer
    let (start, parameters) = (task.start, workspace.parameters)
    parameters.start.update(from: start.start, count: start.count)
    optimizer.reset(&workspace.state)
    let shift = task.control.map { correction($0, learningRate: optimizer.learningRate) }
    var order = Array(task.examples)
    let steps = (task.work ?? work).steps(examples: order.count, batchSize: batchSize)
    var left = steps
    while left > 0 {
      random.shuffle(&order)
      for first in stride(from: 0, to: order.count, by: batchSize) where left > 0 {
        let batch = order[first..<min(first + batchSize, order.count)]
        let count = Float(batch.count)
        optimizer.step(parameters, from: start, &workspace.state) { scale, target, prepare in
          model.addGradient(
            of: batch, in: task.data, at: parameters, scale: scale / count, to: target, workspace.batch, prepare)
        }
        if let shift { for i in 0..<parameters.count { parameters.start[i] += shift.start[i] } }
        left -= 1
      }
    }
    let update = model.difference(parameters, start)
    return LocalUpdate(
      update, exampleCount: task.examples.count, steps: steps,
      controlChange: task.control?.change(update: update, steps: steps, learningRate: optimizer.learningRate) ?? [])
  }

  /// SCAFFOLD's correction, which every step adds to the parameters beside its gradient: rate (c_i - c), padded
  /// [Karimireddy et al. 2020].
  private func correction(_ control: ControlVariates, learningRate: Double) -> FloatBuffer {
    let rate = Float(learningRate)
    return model.padding(zip(control.own, control.server).map { rate * ($0 - $1) })
  }
}

extension LocalTrainer where M == Network, Rule == SGD {
  /// Our networks, trained by stochastic gradient descent.
  public init(
    network: Network, work: LocalWork, batchSize: Int, learningRate: Double, momentum: Double = 0,
    proximal: Double = 0
  ) {
    self.init(
      model: network, work: work, batchSize: batchSize,
      optimizer: SGD(learningRate: learningRate, momentum: momentum, proximal: proximal))
  }
}
