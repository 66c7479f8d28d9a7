import ChannelCoding
import Datasets
import Numerics

/// A model that clients train and the server evaluates: a loss with a gradient, of one flat vector of float32 parameters.
///
/// `Network` is ours. A model of another package needs `parameterCount`, `initialParameters`, a workspace, `addGradient` and
/// `predictions`; all else has a default. `Verification` has a check of its gradient against differences.
///
/// All arithmetic must be in a fixed order: results are functions of parameters and examples, whatever the workspace was used for
/// before and on whatever thread.
public protocol Model: Sendable {
  /// Memory for minibatches: made once for each worker.
  associatedtype Workspace

  var parameterCount: Int { get }

  /// The length of `padding`; the default is `parameterCount`.
  var paddedParameterCount: Int { get }

  /// The model's shape in short, for people.
  var shape: String { get }

  /// The parameters' parts by name, in the order in which a file has them. The default is one tensor, "parameters".
  var tensors: [ModelTensor] { get }

  /// The values of one of `tensors` in its own order, row-major. The default takes the flat parameters one tensor after another.
  func values(of tensor: Int, in parameters: [Float]) -> [Float]

  /// Where a run starts from.
  func initialParameters(_ random: inout RandomStream) -> [Float]

  /// Flat parameters as the model's arithmetic wants them. The default copies them.
  func padding(_ parameters: [Float]) -> FloatBuffer

  /// later - earlier of padded parameters, as one flat vector.
  func difference(_ later: FloatBuffer, _ earlier: FloatBuffer) -> [Float]

  /// - Parameter capacity: the most examples of a batch; at least 1.
  func makeWorkspace(capacity: Int) -> Workspace

  /// Adds `scale` times the gradient of the summed loss of some examples to `target`.
  ///
  /// - Parameters:
  ///   - parameters: padded.
  ///   - target: padded as they are. It may be `parameters` itself: a coordinate must not change before the gradient has been taken
  ///     with it.
  ///   - prepare: to be called once with each range of padded coordinates, all of them in the end, before anything is added to
  ///     `target` there. A model that first computes its gradient elsewhere calls it once with all.
  func addGradient(
    of examples: ArraySlice<Int>, in data: Dataset, at parameters: FloatBuffer, scale: Float, to target: FloatBuffer,
    _ workspace: Workspace, _ prepare: (Range<Int>) -> Void)

  /// Loss and success of each example, in their order.
  ///
  /// - Parameter parameters: padded.
  func predictions(
    of examples: ArraySlice<Int>, in data: Dataset, at parameters: FloatBuffer, _ workspace: Workspace
  ) -> [Prediction]

  /// How a client trains the model, where that is not by minibatches of its gradient. The default is nil: `LocalTrainer`.
  func trainer(work: LocalWork, batchSize: Int, optimizer: any ClientOptimizing) -> (any LocalTraining)?

  /// Loss and accuracy of flat parameters over some examples. The default takes them from `predictions`.
  func evaluation(
    of parameters: [Float], on examples: ArraySlice<Int>, of data: Dataset, _ parallel: Parallel
  ) -> Evaluation
}

extension Model {
  public var paddedParameterCount: Int { parameterCount }

  public var shape: String { "\(parameterCount) parameters" }

  public var tensors: [ModelTensor] { [ModelTensor(name: "parameters", shape: [parameterCount])] }

  public func values(of tensor: Int, in parameters: [Float]) -> [Float] {
    let first = tensors[..<tensor].reduce(0) { $0 + $1.count }
    return Array(parameters[first..<(first + tensors[tensor].count)])
  }

  public func padding(_ parameters: [Float]) -> FloatBuffer { FloatBuffer(parameters) }

  public func trainer(work: LocalWork, batchSize: Int, optimizer: any ClientOptimizing) -> (any LocalTraining)? { nil }

  public func evaluation(
    of parameters: [Float], on examples: ArraySlice<Int>, of data: Dataset, _ parallel: Parallel
  ) -> Evaluation {
    Evaluation(self, parameters, on: examples, of: data, parallel)
  }

  public func difference(_ later: FloatBuffer, _ earlier: FloatBuffer) -> [Float] {
    (0..<parameterCount).map { later.start[$0] - earlier.start[$0] }
  }
}

/// A named part of a model's parameters.
public struct ModelTensor: Sendable, Equatable {
  public let name: String
  public let shape: [Int]

  /// The number of its values.
  public var count: Int { shape.reduce(1, *) }

  public init(name: String, shape: [Int]) {
    self.name = name
    self.shape = shape
  }
}

/// Loss, and whether the label has the largest score (the lowest class number among equals wins).
public struct Prediction: Sendable, Equatable {
  /// Not a number where the model has diverged.
  public let loss: Double
  public let isCorrect: Bool
  /// The class with the largest score; nil where the model does not say, and where a score is not finite.
  public let predictedClass: Int?
  /// Of two classes, the score of class 1 less that of class 0: the logarithm of the odds. Nil where the model does not say.
  public let logOdds: Double?

  public init(loss: Double, isCorrect: Bool, predictedClass: Int? = nil, logOdds: Double? = nil) {
    self.loss = loss
    self.isCorrect = isCorrect
    self.predictedClass = predictedClass
    self.logOdds = logOdds
  }
}
