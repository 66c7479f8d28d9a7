import Settings

/// The rule of a client's local step: how the gradient of a minibatch moves the parameters.
///
/// `LocalTrainer` calls it once a minibatch. A conformer is deterministic and does its arithmetic in a fixed order.
public protocol ClientOptimizing: Sendable {
  /// What a client keeps from step to step, such as a momentum.
  associatedtype State

  /// The rate by which a step's length is scaled; SCAFFOLD's control variates are in its units.
  var learningRate: Double { get }

  /// Whether the client corrects its steps by control variates, which it keeps from round to round. The default is false.
  var usesControlVariates: Bool { get }

  /// What people are told of it beside the rate, such as a momentum. The default is nothing.
  var options: [(name: String, value: Double)] { get }

  /// The same rule at a share of its rate, as a schedule asks for. The default is nil: there is none, and schedules are refused.
  func scaled(by factor: Double) -> Self?

  /// - Parameter parameters: how many there are, padding included.
  func makeState(parameters: Int) -> State

  /// Makes the state that of a client which starts to train: a workspace serves client after client.
  func reset(_ state: inout State)

  /// One step.
  ///
  /// - Parameters:
  ///   - parameters: those at which the gradient is taken, and which the step moves.
  ///   - start: those of the broadcast.
  ///   - addGradient: adds a scale times the mean gradient of the minibatch at `parameters` to a buffer of as many values. To be
  ///     called once. The buffer may be `parameters` itself; the last argument is called with each range of coordinates before
  ///     anything is added to it, when the gradient has no more need of the parameters there.
  func step(
    _ parameters: FloatBuffer, from start: FloatBuffer, _ state: inout State,
    addGradient: (_ scale: Float, _ target: FloatBuffer, _ prepare: (Range<Int>) -> Void) -> Void)
}

extension ClientOptimizing {
  public var usesControlVariates: Bool { false }

  public var options: [(name: String, value: Double)] { [] }

  public func scaled(by factor: Double) -> Self? { nil }
}

extension Choices where Value == any ClientOptimizing {
  /// The built-in rules.
  public static var standard: Choices {
    Choices([
      Choice("sgd", "minibatch SGD", SGD.self) { $0 },
      Choice(
        "scaffold", "SGD corrected by control variates, which doubles both messages; not for runs with privacy",
        Scaffold.self
      ) { $0 },
      Choice("adam", "Adam, from zero moments in every round", Adam.self) { $0 },
    ])
  }
}
