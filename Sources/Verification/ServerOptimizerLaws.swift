import Aggregator
import ChannelCoding

/// Checks of what `ServerOptimizing` promises, for optimizers of other packages:
///
///     #expect(ServerOptimizerLaws.violations(of: MyOptimizer(learningRate: 0.1)).isEmpty)
public enum ServerOptimizerLaws {
  private static let parameters = 33
  private static let rounds = 4

  /// All laws, over a few rounds of normal updates.
  ///
  /// - Returns: what does not hold; empty where all does.
  public static func violations(of optimizer: some ServerOptimizing, seed: UInt64 = 1) -> [LawViolation] {
    var found = stateIsNamed(optimizer)
    // Without arrays that fit nothing can be restored.
    guard found.isEmpty else { return found }
    var random = RandomStream(key: Key(seed: seed, label: "server optimizer laws"))
    let start = (0..<parameters).map { _ in Float(random.normal()) }
    let means = (0..<rounds).map { _ in (0..<parameters).map { _ in 0.1 * random.normal() } }
    var order = Array(0..<parameters)
    random.shuffle(&order)
    let run = Run(optimizer: optimizer, parameters: start)
    found += run.zeroMovesNothing()
    found += run.isDeterministic(means)
    found += run.continuesFromItsArrays(means)
    found += run.treatsCoordinatesAlike(means, order)
    found += run.looksAtParametersOnly(means)
    return found
  }

  private static func stateIsNamed<Optimizer: ServerOptimizing>(_ optimizer: Optimizer) -> [LawViolation] {
    let names = Optimizer.State.names
    let arrays = optimizer.initialState(parameters: parameters).arrays
    var found: [LawViolation] = []
    if Set(names).count != names.count || names.contains("") {
      found.append(LawViolation(law: "arrays have names, each once", found: "\(names)"))
    }
    if arrays.count != names.count {
      found.append(LawViolation(law: "an array of each name", found: "\(arrays.count) of \(names.count)"))
    }
    return found
  }

  private struct Run<Optimizer: ServerOptimizing> {
    let optimizer: Optimizer
    let parameters: [Float]

    /// The rounds of some means, one after another; the state is written out and read back before each where that is asked for.
    func after(
      _ means: [[Double]], order: [Int]? = nil, restores: Bool = false
    ) -> (parameters: [Float], arrays: [[Double]]) {
      var state = optimizer.initialState(parameters: parameters.count)
      var model = parameters
      if let order { model = order.map { parameters[$0] } }
      for mean in means {
        if restores { state = Optimizer.State(arrays: state.arrays) }
        optimizer.step(&model, mean: mean, &state)
      }
      return (model, state.arrays)
    }

    private func isSame(_ a: [Float], _ b: [Float]) -> Bool {
      a.count == b.count && zip(a, b).allSatisfy { $0.bitPattern == $1.bitPattern }
    }

    private func report(_ holds: Bool, _ law: String, _ found: String) -> [LawViolation] {
      holds ? [] : [LawViolation(law: law, found: found)]
    }

    /// From the first state, where there is no momentum yet.
    func zeroMovesNothing() -> [LawViolation] {
      let zero = [Double](repeating: 0, count: parameters.count)
      return report(
        isSame(after([zero, zero]).parameters, parameters), "a mean update of zero moves nothing at first",
        "other parameters")
    }

    func isDeterministic(_ means: [[Double]]) -> [LawViolation] {
      let (first, second) = (after(means), after(means))
      return report(
        isSame(first.parameters, second.parameters) && first.arrays == second.arrays, "a step is deterministic",
        "other parameters or another state from the same rounds")
    }

    func continuesFromItsArrays(_ means: [[Double]]) -> [LawViolation] {
      let (whole, restored) = (after(means), after(means, restores: true))
      return report(
        isSame(whole.parameters, restored.parameters) && whole.arrays == restored.arrays,
        "a state made of its arrays goes on as it would have", "other parameters or another state")
        + report(
          whole.arrays.map(\.count) == optimizer.initialState(parameters: parameters.count).arrays.map(\.count),
          "arrays keep their lengths", "\(whole.arrays.map(\.count)) values")
    }

    func treatsCoordinatesAlike(_ means: [[Double]], _ order: [Int]) -> [LawViolation] {
      let whole = after(means)
      let turned = after(means.map { mean in order.map { mean[$0] } }, order: order)
      return report(
        isSame(order.map { whole.parameters[$0] }, turned.parameters),
        "permuting coordinates before a step or after it is the same", "other parameters")
    }

    /// A sum may have coordinates beyond the parameters', such as a count.
    func looksAtParametersOnly(_ means: [[Double]]) -> [LawViolation] {
      let longer = after(means.map { $0 + [7, -7] })
      return report(
        isSame(after(means).parameters, longer.parameters), "values of a mean beyond the parameters are not looked at",
        "other parameters")
    }
  }
}
