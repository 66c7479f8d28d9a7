/// An optimizer of any kind, as the server holds it.
public struct ServerOptimizer: Sendable {
  /// What was given.
  public let base: any ServerOptimizing

  public init(_ base: some ServerOptimizing) { self.base = base }

  public static func fedavg(learningRate: Double) -> ServerOptimizer {
    ServerOptimizer(FedAvg(learningRate: learningRate))
  }

  public var name: String { type(of: base).name }

  public var learningRate: Double { base.learningRate }

  /// What people are told of it beside the rate.
  public var options: [(name: String, value: Double)] { base.options }

  /// The arrays that are kept between rounds, each as long as the model: what memory is predicted from.
  public var stateNames: [String] { Self.stateNames(base) }

  private static func stateNames<Base: ServerOptimizing>(_ base: Base) -> [String] { Base.State.names }

  /// What is kept between rounds, by name.
  public struct State: Sendable, Equatable {
    public fileprivate(set) var names: [String]
    public fileprivate(set) var arrays: [[Double]]

    public init(names: [String], arrays: [[Double]]) {
      precondition(names.count == arrays.count, "an array of each name")
      self.names = names
      self.arrays = arrays
    }

    /// The array of a name; empty where the optimizer keeps none.
    public subscript(name: String) -> [Double] {
      zip(names, arrays).first { $0.0 == name }?.1 ?? []
    }
  }

  func initialState(parameters: Int) -> State { Self.initialState(base, parameters: parameters) }

  private static func initialState<Base: ServerOptimizing>(_ base: Base, parameters: Int) -> State {
    State(names: Base.State.names, arrays: base.initialState(parameters: parameters).arrays)
  }

  /// Where two steps from zero lead, with means of both signs: whatever decides a step leaves its trace, and so another optimizer, or
  /// the same with another setting, gives a run other keys.
  package var referenceBytes: [UInt8] {
    var parameters: [Float] = [0, 0, 0, 0]
    var state = initialState(parameters: parameters.count)
    for mean in [[1, -0.5, 1e-3, 0], [-0.25, 2, 1e-3, 1]] as [[Double]] { step(&parameters, mean: mean, &state) }
    return parameters.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
  }

  /// - Parameters:
  ///   - mean: at least as many values as parameters.
  ///   - rateFactor: the share of the rate that the round has.
  func step(_ parameters: inout [Float], mean: [Double], rateFactor: Double = 1, _ state: inout State) {
    // Every rule that has no other rate was refused with a schedule.
    let base = rateFactor == 1 ? base : base.scaled(by: rateFactor) ?? base
    Self.step(base, &parameters, mean: mean, &state)
  }

  private static func step<Base: ServerOptimizing>(
    _ base: Base, _ parameters: inout [Float], mean: [Double], _ state: inout State
  ) {
    var own = Base.State(arrays: state.arrays)
    // Held once, the arrays change in place.
    state.arrays = []
    base.step(&parameters, mean: mean, &own)
    state.arrays = own.arrays
  }
}
