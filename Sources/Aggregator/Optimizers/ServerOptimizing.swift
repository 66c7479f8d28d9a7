import Settings

/// How the mean update moves the model. It is post-processing: no privacy is spent here.
///
/// One file beside this one for each of ours. One of another package conforms, and is given to the server as
/// `ServerOptimizer(MyOptimizer(...))`; `Verification` has a check of what is promised here.
///
/// A conformer is deterministic, and treats all coordinates alike: permuting them before a step or after it is the same.
public protocol ServerOptimizing: Sendable {
  /// What is kept between rounds.
  associatedtype State: ServerOptimizerState

  /// The name in scenarios and reports, such as "fedavg".
  static var name: String { get }

  /// The rate by which a move is scaled.
  var learningRate: Double { get }

  /// What people are told of it beside the rate, such as a momentum. The default is nothing.
  var options: [(name: String, value: Double)] { get }

  /// The same optimizer at a share of its rate, as a schedule asks for. The default is nil: there is none, and schedules are refused.
  func scaled(by factor: Double) -> Self?

  /// Before the first round.
  ///
  /// - Parameter parameters: how many the model has.
  func initialState(parameters: Int) -> State

  /// One round.
  ///
  /// - Parameter mean: the mean update D; at least as many values as parameters, of which those beyond are not looked at.
  func step(_ parameters: inout [Float], mean: [Double], _ state: inout State)
}

extension ServerOptimizing {
  public var options: [(name: String, value: Double)] { [] }

  public func scaled(by factor: Double) -> Self? { nil }
}

/// What an optimizer keeps between rounds, as arrays of doubles with names: the form in which checkpoints have it.
public protocol ServerOptimizerState: Sendable {
  /// The arrays' names, each once; "momentum" and "squares" are those of the standard optimizers.
  static var names: [String] { get }

  /// - Parameter arrays: as many as there are names, in their order, of the lengths that `arrays` had.
  init(arrays: [[Double]])

  /// In the order of `names`.
  var arrays: [[Double]] { get }
}

/// The state of an optimizer that keeps nothing.
public struct NoServerOptimizerState: ServerOptimizerState {
  public static let names: [String] = []

  public init() {}

  public init(arrays: [[Double]]) {}

  public var arrays: [[Double]] { [] }
}

extension Choices where Value == any ServerOptimizing {
  /// The built-in optimizers.
  public static var standard: Choices {
    Choices(
      [
        Choice(FedAvg.name, "the mean update", FedAvg.self) { $0 },
        Choice(FedAvgM.name, "the mean update with momentum", FedAvgM.self) { $0 },
        Choice(FedAdagrad.name, "steps by the sum of squared updates", FedAdagrad.self) { $0 },
        Choice(FedAdam.name, "steps by a decaying mean of squared updates", FedAdam.self) { $0 },
        Choice(FedYogi.name, "as fedadam, with squares that fall more slowly", FedYogi.self) { $0 },
      ], alwaysWritten: ["learningRate", "momentum", "beta2", "adaptivity"])
  }
}
