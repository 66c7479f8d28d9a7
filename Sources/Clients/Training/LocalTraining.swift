import ChannelCoding
import Datasets

/// How a client makes an update of the broadcast model and its examples.
///
/// `LocalTrainer` is ours: minibatches, a model and a step rule. Any other computation is a type of its own with these
/// requirements; where updates come from outside the process, `ClientEnds` takes them without one.
///
/// A conformer must be deterministic: the update is a function of the task and the random stream, whatever the workspace was used
/// for before and on whatever thread.
public protocol LocalTraining: Sendable {
  /// Memory that a worker makes once and uses for client after client.
  associatedtype Workspace

  /// How much a client does in a round, of which a straggler does a part.
  var work: LocalWork { get }
  /// The examples of a step, by which a straggler's part is counted.
  var batchSize: Int { get }

  /// Whether `LocalTask.rateFactor` is followed. The default is false: schedules of the clients' rate are refused.
  var hasRates: Bool { get }

  /// - Parameter largestClient: the examples of the largest client that the workspace is for.
  func makeWorkspace(largestClient: Int) -> Workspace

  /// The broadcast's parameters as `train` wants them: made once a round. The default copies them.
  func prepare(_ parameters: [Float]) -> FloatBuffer

  /// One client's local work.
  func train(_ task: LocalTask, random: inout RandomStream, _ workspace: Workspace) -> LocalUpdate

  /// How good the prepared parameters are on a client's examples. The default is nil: not known.
  func evaluate(_ parameters: FloatBuffer, on examples: ArraySlice<Int>, of data: Dataset) -> Evaluation?
}

extension LocalTraining {
  /// One client's local work, with memory of its own.
  public func train(_ task: LocalTask, random: inout RandomStream) -> LocalUpdate {
    train(task, random: &random, makeWorkspace(largestClient: task.examples.count))
  }

  public var hasRates: Bool { false }

  public func prepare(_ parameters: [Float]) -> FloatBuffer { FloatBuffer(parameters) }

  public func evaluate(_ parameters: FloatBuffer, on examples: ArraySlice<Int>, of data: Dataset) -> Evaluation? { nil }
}

/// One client's local work in one round.
public struct LocalTask: Sendable {
  /// The broadcast's parameters, as `LocalTraining.prepare` made them. They must not be written to.
  public var start: FloatBuffer
  /// Indices of the client's examples in `data`.
  public var examples: ArraySlice<Int>
  public var data: Dataset
  /// How much to do; nil for all of the trainer's work.
  public var work: LocalWork?
  /// SCAFFOLD's control variates; nil in all other runs.
  public var control: ControlVariates?
  /// The share of the optimizer's rate that the round has, by a schedule; 1 where there is none.
  public var rateFactor: Double

  public init(
    start: FloatBuffer, examples: ArraySlice<Int>, data: Dataset, work: LocalWork? = nil,
    control: ControlVariates? = nil, rateFactor: Double = 1
  ) {
    self.rateFactor = rateFactor
    self.start = start
    self.examples = examples
    self.data = data
    self.work = work
    self.control = control
  }
}

/// SCAFFOLD's control variates of a client and of the server, a value a parameter each [Karimireddy et al. 2020].
public struct ControlVariates: Sendable {
  /// c_i
  public var own: [Float]
  /// c
  public var server: [Float]

  public init(own: [Float], server: [Float]) {
    self.own = own
    self.server = server
  }

  /// The change of the client's variate by option II of the paper: c_i becomes c_i - c - (y - x) / (K rate).
  ///
  /// - Parameters:
  ///   - update: y - x
  ///   - steps: K. Without a step nothing changes.
  public func change(update: [Float], steps: Int, learningRate: Double) -> [Float] {
    let factor = steps > 0 ? 1 / (Float(steps) * Float(learningRate)) : 0
    return zip(update, server).map { steps > 0 ? -$1 - $0 * factor : 0 }
  }
}

/// How much a client trains in a round.
public enum LocalWork: Sendable, Equatable {
  /// Passes over its examples; a part of a pass is so many of its minibatches, rounded up.
  case epochs(Double)
  /// Minibatches, over as many passes as they need.
  case steps(Int)

  /// A straggler's part: uniform in 1 ... n - 1 of n whole epochs, n > 1, or of all minibatches otherwise; all of a single minibatch.
  func part(examples: Int, batchSize: Int, _ random: inout RandomStream) -> LocalWork {
    if case .epochs(let epochs) = self, epochs > 1, let n = Int(exactly: epochs) {
      return .epochs(Double(1 + random.integer(below: n - 1)))
    }
    let n = if case .steps(let steps) = self { steps } else { steps(examples: examples, batchSize: batchSize) }
    return .steps(n > 1 ? 1 + random.integer(below: n - 1) : 1)
  }

  /// The minibatches that it takes of a client with so many examples: none without examples, else at least one.
  ///
  /// Of E epochs of B minibatches they are the smallest whole number from E B on, where a product that differs from a whole number by
  /// rounding alone (10^-9 of it) counts as that: 1.1 epochs of 10 minibatches are 11.
  public func steps(examples: Int, batchSize: Int) -> Int {
    switch self {
    case .epochs(let epochs):
      let batches = (examples + batchSize - 1) / batchSize
      let product = epochs * Double(batches)
      let nearest = product.rounded()
      let whole = abs(product - nearest) <= 1e-9 * nearest ? nearest : product.rounded(.up)
      return batches == 0 ? 0 : max(Int(min(whole, 1e18)), 1)
    case .steps(let steps): return examples == 0 ? 0 : steps
    }
  }
}
