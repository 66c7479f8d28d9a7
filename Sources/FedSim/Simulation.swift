import Aggregator
import ChannelCoding
import Clients
import Datasets
import Scenarios

/// A federated run: call `nextRound()` until it returns nil. The caller owns the loop.
///
///     var simulation = try Simulation(scenario: scenario, threads: 2)
///     while let record = try simulation.nextRound() { print(record.accuracy ?? .nan) }
///
/// Deterministic: one scenario and one set of data give the same records for any number of threads.
public struct Simulation: Sendable {
  public let setup: RunSetup
  public private(set) var round = 0
  public private(set) var server: Server
  public private(set) var timings = Timings()
  /// How often each client was drawn.
  private var participations: [Int: Int] = [:]

  /// Rounds of the client that was drawn most often.
  public var mostParticipations: Int { participations.values.max() ?? 0 }
  private var clients: ClientPool

  /// - Parameters:
  ///   - split: training and test examples; nil loads what the scenario names.
  ///   - threads: how many work at once; never changes a result.
  ///   - accounting: what runs of a sweep share.
  ///   - codecs: the codecs that both ends have; a scenario names one of them, or `auto` chooses.
  /// - Throws: `ScenarioError` where scenario and data do not fit or no guarantee follows, `DataError` for bad data.
  public init(
    scenario: Scenario, split: Split? = nil, threads: Int, accounting: SharedAccounting = SharedAccounting(),
    codecs: CodecRegistry = .standard
  ) throws {
    setup = try RunSetup(
      scenario: scenario, split: split, threads: threads, accounting: accounting, codecs: codecs)
    server = setup.makeServer()
    clients = setup.makeClients()
  }

  /// All that later rounds and the summary depend on beside the setup, by name: whatever changes from round to round belongs here
  /// and in `restore`. Sessions are not there: both sides agree again when a client is next drawn. After the last round there are
  /// no later ones: what only they would need is empty.
  public var state: StateSections {
    let isOver = round == setup.lastRound
    var state = StateSections()
    state.put("round", [round])
    state.put("parameters", server.state.parameters)
    state.put("clippingNorm", [server.state.clippingNorm])
    let optimizer = server.state.optimizer
    for name in optimizer.storedNames {
      state.put(ServerOptimizer.State.section(of: name), isOver ? [] : optimizer[name])
    }
    state.put("control", isOver ? [] : server.state.control)
    let variates = isOver ? [] : clients.variates.sorted { $0.key < $1.key }
    state.put("variateOwners", variates.map(\.key))
    state.put("variates", rows: variates.map(\.value))
    state.put("participations", participations.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] })
    return state
  }

  /// Goes on after the round that `state` is of. The simulation must be new, and of the same run.
  ///
  /// - Throws: `StateError` where the sections are not those of such a simulation.
  public mutating func restore(_ state: StateSections) throws(StateError) {
    precondition(round == 0, "a new simulation")
    var restored = self
    restored.round = try state.integer("round", in: 0...setup.lastRound)
    let fresh = server.state
    let isOver = restored.round == setup.lastRound
    let optimizer = try fresh.optimizer.names.map { name throws(StateError) in
      try state.doubles(ServerOptimizer.State.section(of: name), count: isOver ? 0 : fresh.optimizer[name].count)
    }
    restored.server.restore(
      Server.State(
        parameters: try state.floats("parameters", count: fresh.parameters.count),
        clippingNorm: try state.doubles("clippingNorm", count: 1)[0],
        optimizer: ServerOptimizer.State(names: fresh.optimizer.names, arrays: optimizer),
        control: try state.floats("control", count: isOver ? 0 : fresh.control.count)))
    let owners = try state.integers("variateOwners")
    let rows = try state.floatRows("variates", count: owners.count, width: isOver ? 0 : fresh.control.count)
    restored.clients.restore(variates: Dictionary(zip(owners, rows)) { first, _ in first })
    let counts = try state.integers("participations")
    for i in stride(from: 0, to: counts.count - 1, by: 2) { restored.participations[counts[i]] = counts[i + 1] }
    // Whatever is not read back would be lost: it is written again and compared.
    guard restored.state == state else { throw StateError(byte: 0, problem: "its sections are not this build's") }
    self = restored
  }

  /// The present model on the test examples.
  public func evaluate() -> Evaluation { setup.evaluate(server.parameters) }

  /// One round, from top to bottom.
  ///
  /// - Returns: what happened; nil when all rounds are done, or all that the budget pays for.
  public mutating func nextRound() throws -> RoundRecord? {
    guard round < setup.lastRound else { return nil }
    let next = round + 1
    let evaluates = next % setup.scenario.evaluateEvery == 0 || next == setup.lastRound
    var watch = Stopwatch()

    // The accountant is asked first: a round that it refuses is not run. It speaks of Gaussian noise only.
    let spending = try setup.spending(rounds: next)
    watch.lap(\.accounting, &timings)

    let cohort = server.cohort(round: next)
    for client in cohort { participations[client, default: 0] += 1 }
    let newcomers = cohort.filter { !server.isEnrolled($0) }
    let publicKeys = clients.enrol(newcomers, keys: setup.clientKeys(of: newcomers), setup.parallel)
    server.enrol(newcomers, publicKeys: publicKeys, setup.parallel)
    let broadcast = server.broadcast(round: next).bytes
    watch.lap(\.enrolment, &timings)

    let received = try clients.receive(broadcast)
    var aggregate = try server.open(round: next, cohort: cohort)
    var diagnostics = CohortDiagnostics()
    for batch in setup.batches(of: cohort) {
      // Each drawn client trains, clips, encodes and sends; all that leaves it is bytes.
      let participations = try clients.participate(batch, in: received, evaluates: evaluates, setup.parallel)
      diagnostics.add(participations)
      watch.lap(\.clients, &timings)

      // The server decodes and adds up.
      server.receive(participations.compactMap { $0.sent?.bytes }, into: &aggregate, setup.parallel)
      watch.lap(\.decoding, &timings)
    }

    // It completes the noise to z C and moves the model.
    let clippingNorm = server.state.clippingNorm
    server.step(server.complete(aggregate))
    round = next
    watch.lap(\.completion, &timings)

    let evaluation = evaluates ? setup.evaluate(server.parameters) : nil
    watch.lap(\.evaluation, &timings)
    timings.add(training: diagnostics.trainingTime, coding: diagnostics.codingTime)

    return RoundRecord(
      drawn: cohort.count, aggregate: aggregate, diagnostics: diagnostics, broadcastBytes: broadcast.count,
      evaluation: evaluation, setup: setup, spending: spending, clippingNorm: clippingNorm)
  }
}

extension ServerOptimizer.State {
  /// The arrays that a checkpoint has: the two of the standard optimizers, empty where there are none, then all others.
  fileprivate var storedNames: [String] { AdaptiveMoments.names + names.filter { !AdaptiveMoments.names.contains($0) } }

  fileprivate static func section(of name: String) -> String {
    AdaptiveMoments.names.contains(name) ? name : "optimizer." + name
  }
}
