import Aggregator
import Clients
import Datasets
import Scenarios

/// A federated run on simulated clients: a `Federation` and a pool of clients that train. Call `nextRound()` until it returns nil;
/// the caller owns the loop.
///
///     var simulation = try Simulation(scenario: scenario, threads: 2)
///     while let record = try simulation.nextRound() { print(record.accuracy ?? .nan) }
///
/// Deterministic: one scenario and one set of data give the same records for any number of threads.
public struct Simulation: Sendable {
  public let setup: RunSetup
  private(set) var federation: Federation
  private var clients: ClientPool
  private var pace: BatchPace
  private var watch: EvaluationWatch
  /// The best model of all evaluations, where the scenario asks for it; empty before there is one.
  private var bestParameters: [Float] = []

  /// - Parameters:
  ///   - scenario: what the run does.
  ///   - split: training and test examples; nil loads what the scenario names.
  ///   - threads: how many work at once; never changes a result.
  ///   - accounting: what runs of a sweep share.
  ///   - data: the examples that they share.
  /// - Throws: `ScenarioError` where scenario and data do not fit or no guarantee follows, `DataError` for bad data.
  public init(
    scenario: Scenario, split: Split? = nil, threads: Int, accounting: SharedAccounting = SharedAccounting(),
    data: SharedData = SharedData()
  ) throws {
    setup = try RunSetup(scenario: scenario, split: split, threads: threads, accounting: accounting, data: data)
    federation = Federation(setup.frame, parameters: setup.initialParameters, keys: setup.keys, nonce: nil)
    clients = setup.makeClients()
    pace = BatchPace(threads: setup.parallel.threads)
    watch = EvaluationWatch(setup)
  }

  /// The rounds that are done.
  public var round: Int { federation.round }
  /// Where the time of the rounds went that this value made.
  public var timings: Timings { federation.timings }
  public var server: Server { federation.server }
  /// Whether there is no further round: all are made that the plan affords, or evaluations ended the run.
  public var isOver: Bool { round == setup.lastRound || watch.stopped != nil }
  /// Whether evaluations ended the run before its last round (`evaluation.stopAfter`, `evaluation.targetAccuracy`).
  public var isStoppedEarly: Bool { watch.stopped != nil }
  /// The best model of all evaluations so far and its round, with `evaluation.keepBest`. The test examples chose it: nothing is claimed for
  /// them.
  public var bestModel: (round: Int, parameters: [Float])? {
    guard !bestParameters.isEmpty, let round = watch.bestRound else { return nil }
    return (round, bestParameters)
  }
  /// The norms of the updates that were sent in the last round that this value made; none before that. No guarantee covers them.
  public var norms: UpdateNorms { federation.norms }
  /// Rounds of the client that was drawn most often.
  public var mostTimesDrawn: Int { federation.mostTimesDrawn }

  /// The present model on the test examples.
  public func evaluate() -> Evaluation { setup.evaluate(server.parameters) }

  /// Sends a posterior of each test datum by every code that the scenario names: the end of a run about posteriors.
  ///
  /// - Parameter continues: told how many of how many parts of the work are done; false abandons it.
  /// - Returns: nil for a task without posteriors.
  /// - Throws: `SimulationError.abandoned`; an error of a codec for a posterior that it cannot send.
  public func posteriorResults(
    continues: (_ done: Int, _ all: Int) -> Bool = { _, _ in true }
  ) throws -> PosteriorResults? {
    try PosteriorStage.results(setup, parameters: server.parameters, continues: continues)
  }

  /// All metrics of the present model; nil where the scenario does not ask for them.
  public func metrics() -> EvaluationMetrics? { EvaluationMetrics(setup, parameters: server.parameters) }

  /// The present model on each client's own test.
  ///
  /// - Parameter continues: told how many of how many clients are done; false abandons it.
  /// - Returns: nil where the scenario does not ask for it.
  /// - Throws: `SimulationError.abandoned`.
  public func clientTests(
    continues: (_ done: Int, _ all: Int) -> Bool = { _, _ in true }
  ) throws -> ClientTests? {
    try ClientTests(setup, parameters: server.parameters, continues: continues)
  }

  /// One round: the federation draws and broadcasts, each drawn client trains and sends bytes, the federation adds up, completes
  /// the noise and moves the model.
  ///
  /// - Parameter continues: told how far the round is, some times in a long one; false abandons it.
  /// - Returns: what happened; nil when all rounds are done, or all that the budget pays for, and where evaluations ended the run.
  /// - Throws: `SimulationError.abandoned`; the simulation is as it was before the round.
  public mutating func nextRound(continues: (RoundProgress) -> Bool = { _ in true }) throws -> RoundRecord? {
    guard !isOver, var open = try federation.nextRound() else { return nil }
    let evaluates = open.round % setup.scenario.evaluation.every == 0 || open.round == setup.lastRound
    let variates = clients.variates(of: open.cohort)
    guard try open.participate(&clients, evaluates: evaluates, &pace, continues: continues) else {
      let round = open.round
      clients.restore(variates, of: open.cohort)
      federation.abandon(open)
      throw SimulationError.abandoned(round: round)
    }
    let setup = setup
    var record = try federation.close(open, evaluate: evaluates ? { setup.evaluate($0) } : nil)
    record.clientLearningRate = setup.scenario.training.schedule.rate(
      setup.scenario.training.optimizer.learningRate, round: record.round, of: setup.scenario.rounds)
    if watch.add(record, isEvaluated: evaluates), setup.scenario.evaluation.keepBest {
      bestParameters = server.parameters
    }
    return record
  }

  /// All that later rounds and the summary depend on beside the setup, by name: whatever changes from round to round belongs here
  /// and in `restore`. Sessions are not there: both sides agree again when a client is next drawn. After the last round there are
  /// no later ones: what only they would need is empty.
  public var state: StateSections {
    let variates = round == setup.lastRound ? [] : clients.variates.sorted { $0.key < $1.key }
    return federation.state { state in
      state.put("variateOwners", variates.map(\.key))
      state.put("variates", rows: variates.map(\.value))
      watch.put(into: &state)
      if setup.scenario.evaluation.keepBest { state.put("bestParameters", bestParameters) }
    }
  }

  /// Goes on after the round that `state` is of. The simulation must be new, and of the same run.
  ///
  /// - Throws: `StateError` where the sections are not those of such a simulation.
  public mutating func restore(_ state: StateSections) throws(StateError) {
    var restored = self
    try restored.federation.restoreFields(state)
    let isOver = restored.round == setup.lastRound
    let owners = try state.integers("variateOwners")
    let rows = try state.floatRows(
      "variates", count: owners.count, width: isOver ? 0 : restored.server.state.control.count)
    restored.clients.restore(variates: Dictionary(zip(owners, rows)) { first, _ in first })
    try restored.watch.restore(state)
    if setup.scenario.evaluation.keepBest {
      let count = restored.watch.bestRound == nil ? 0 : setup.model.parameterCount
      restored.bestParameters = try state.floats("bestParameters", count: count)
    }
    // Whatever is not read back would be lost: it is written again and compared.
    guard restored.state == state else { throw StateError(byte: 0, problem: "its sections are not this build's") }
    self = restored
  }
}
