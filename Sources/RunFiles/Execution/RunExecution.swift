import FedSim
import Platform
import Scenarios

/// A run with a folder of its own: from its first round, or from where an earlier process stopped, to its last file.
///
///     let simulation = try Simulation(scenario: scenario, threads: 2)
///     var execution = try RunExecution(simulation, in: "runs/digits-1", start: .resuming)
///     let outcome = try execution.run(update: { record in print(record.accuracy ?? .nan) })
///
/// Whoever has other work between rounds makes them one at a time:
///
///     while let record = try execution.nextRound() { print(record.accuracy ?? .nan) }
///     let outcome = try execution.finish()
///
/// All files but timings.json follow from the scenario, the data and the version: a run that was stopped and resumed ends with
/// the bytes of one that was not. docs/run-files.md says what each file has. A run may also have no folder, and leaves no files then.
public struct RunExecution: Sendable {
  /// What is done with what the folder has already.
  public enum Start: Sendable {
    /// A folder that has a run is refused.
    case new
    /// The files of a run that is there go; other files stay.
    case replacing
    /// The run that is there goes on after its last checkpoint; where there is none a run starts.
    case resuming
  }

  public struct Outcome: Sendable {
    public let summary: RunSummary
    /// Whether all rounds were made that the plan affords. Otherwise the run was stopped, and can be resumed.
    public let isWhole: Bool
  }

  /// It stands after the last round that was made.
  public private(set) var simulation: Simulation
  private var recorder: RunRecorder
  /// Whoever asks for a stop waits no longer than this for a round.
  public var patience = Duration.seconds(3)

  /// Nil for a run that leaves no files.
  public var folder: RunFolder? { recorder.folder }
  /// Of all rounds so far, those of earlier processes first.
  public var records: [RoundRecord] { recorder.records }
  /// Whether there is no further round.
  public var isOver: Bool { simulation.isOver }
  /// What is to be said with the last round that was made: nothing, or everything, was clipped for ten rounds in a row. It is said once.
  public var notice: ClippingNotice? { recorder.notice }
  /// Whether the rounds that are made from here on also go into a file for TensorBoard (`EventFile`).
  public var writesEvents: Bool {
    get { recorder.writesEvents }
    set { recorder.writesEvents = newValue }
  }

  /// Makes the folder or opens it, and restores the simulation where a run goes on.
  ///
  /// - Parameters:
  ///   - simulation: a new one.
  ///   - began: when its set-up began, for timings.json.
  /// - Throws: `RunFolderError` where the folder has another run, or cannot be written.
  public init(
    _ simulation: Simulation, in path: String, start: Start, began: ContinuousClock.Instant = .now
  ) throws(RunFolderError) {
    var restored = simulation
    recorder = try RunRecorder.opening(
      in: path, start: start, began: began, first: { _ in (simulation.setup, simulation.state) },
      restore: { state throws(StateError) in
        try restored.restore(state)
        return restored.round
      })
    self.simulation = restored
  }

  /// A run that leaves no files: the same rounds and the same summary.
  ///
  /// - Parameter simulation: a new one.
  public init(_ simulation: Simulation) {
    self.simulation = simulation
    recorder = RunRecorder(
      simulation.setup, in: nil, records: [], identity: nil, began: .now, setupSeconds: 0)
  }

  /// Takes over a folder for a run that is made anew when it was stopped, and so keeps no checkpoints.
  init(
    withoutCheckpoints simulation: Simulation, in path: String, began: ContinuousClock.Instant
  ) throws(RunFolderError) {
    self.simulation = simulation
    recorder = RunRecorder(
      simulation.setup, in: try RunFolder(creating: path, replacing: true), records: [], identity: nil, began: began,
      setupSeconds: (ContinuousClock.now - began).seconds)
  }

  /// Makes the rounds that are left, each on the disk before the next one begins, and then the files of the whole run.
  ///
  /// - Parameters:
  ///   - stop: asked before each round, and within a long one. A run that is stopped has a summary and can be resumed; a round that
  ///     would take more than `patience` from then on is abandoned, and made again by whoever resumes, with the same result.
  ///   - progress: told how far a long round is.
  ///   - update: told of each round that was made.
  ///   - notice: told once where nothing, or everything, was clipped for ten rounds in a row.
  ///   - sending: told how far the sending of posteriors is, behind the last round of a task about them.
  /// - Returns: what the run came to. summary.json is written after all else but the last checkpoint: a folder that has it is whole. Of a
  ///   run that is whole already nothing is written.
  public mutating func run(
    stop: () -> Bool = { false }, progress: (RoundProgress) -> Void = { _ in },
    update: (RoundRecord) -> Void = { _ in }, notice: (ClippingNotice) -> Void = { _ in },
    sending: (_ done: Int, _ all: Int) -> Void = { _, _ in }
  ) throws -> Outcome {
    while let record = try nextRound(stop: stop, progress: progress) {
      update(record)
      if let found = self.notice { notice(found) }
    }
    return try finish(stop: stop, sending: sending)
  }

  /// Makes the next round. Its rows are on the disk when it returns.
  ///
  /// After `finish` a run that was not over goes on: what was written of its end goes, as when it is resumed.
  ///
  /// - Parameters:
  ///   - stop: asked before the round, and within a long one: a round that would take more than `patience` from then on is abandoned.
  ///   - progress: told how far a long round is.
  /// - Returns: nil where there is no further round (`isOver`), and where it was stopped: then the run is as it was before the call.
  /// - Throws: `RunFolderError` where a file could not be written, from then on; what the disk has can be resumed.
  public mutating func nextRound(
    stop: () -> Bool = { false }, progress: (RoundProgress) -> Void = { _ in }
  ) throws -> RoundRecord? {
    try recorder.begin(isOver: isOver)
    let patience = patience
    guard !stop() else { return nil }
    let record: RoundRecord?
    do {
      record = try simulation.nextRound { state in
        progress(state)
        return !(stop() && state.timeLeft ?? .zero > patience)
      }
    } catch SimulationError.abandoned {
      return nil
    }
    guard let record else { return nil }
    try recorder.append(record, norms: simulation.norms)
    try recorder.keepCheckpointIfDue(simulation.state)
    return record
  }

  /// Writes what a run has at its end: of one that is over, posteriors and tests too; of any other a summary that says that it was
  /// interrupted, and it can be resumed.
  ///
  /// - Parameters:
  ///   - stop: asked within what takes long. What is stopped is left out, and the run is not whole.
  ///   - sending: told how far the sending of posteriors is, for a task about them.
  /// - Returns: what the run came to. summary.json is written after all else but the last checkpoint: a folder that has it is whole. Of a
  ///   run that is whole already nothing is written.
  public mutating func finish(
    stop: () -> Bool = { false }, sending: (_ done: Int, _ all: Int) -> Void = { _, _ in }
  ) throws -> Outcome {
    try recorder.begin(isOver: isOver)
    let posterior = try settlePosteriors(stop, sending)
    let tests = try settleTests(stop)
    let summary = summary(posterior, tests)
    if let best = simulation.bestModel {
      try recorder.settle(file(of: best.parameters, rounds: best.round), in: .bestModel)
    }
    try recorder.end(
      summary, model: file(of: simulation.server.parameters, rounds: records.count), timings: simulation.timings)
    // Last: should it fail, what the run came to is there, and the checkpoint before it to go on from.
    try recorder.keepCheckpoint(simulation.state)
    return Outcome(summary: summary, isWhole: isOver && posterior.isWhole && tests.isWhole)
  }

  /// What sending posteriors came to: nothing where the task has none, or not all rounds were made.
  private struct SentPosteriors {
    var results: PosteriorResults?
    /// False where it was stopped.
    var isWhole = true
  }

  private mutating func settlePosteriors(
    _ stop: () -> Bool, _ sending: (_ done: Int, _ all: Int) -> Void
  ) throws -> SentPosteriors {
    guard isOver else { return SentPosteriors() }
    let results: PosteriorResults?
    do {
      results = try simulation.posteriorResults { done, all in
        sending(done, all)
        return !stop()
      }
    } catch SimulationError.abandoned {
      return SentPosteriors(results: nil, isWhole: false)
    }
    guard let results else { return SentPosteriors() }
    try recorder.settle(Array((results.json.text(pretty: true) + "\n").utf8), in: .posterior)
    try recorder.settle(Array(results.csv.utf8), in: .posteriorTable)
    if let sheet = results.sheet { try recorder.settle(sheet, in: .pictures) }
    return SentPosteriors(results: results)
  }

  /// What the last model does on test examples, beside loss and accuracy: nothing where not all rounds were made.
  private struct Tests {
    var metrics: EvaluationMetrics?
    var clients: ClientTests?
    /// False where it was stopped.
    var isWhole = true
  }

  private mutating func settleTests(_ stop: () -> Bool) throws -> Tests {
    guard isOver else { return Tests() }
    var tests = Tests(metrics: simulation.metrics())
    do {
      tests.clients = try simulation.clientTests { _, _ in !stop() }
    } catch SimulationError.abandoned {
      tests.isWhole = false
    }
    if let metrics = tests.metrics {
      try recorder.settle(Array((metrics.json.text(pretty: true) + "\n").utf8), in: .evaluation)
    }
    if let clients = tests.clients { try recorder.settle(Array(clients.csv.utf8), in: .clients) }
    return tests
  }

  private func summary(_ posterior: SentPosteriors, _ tests: Tests) -> RunSummary {
    let setup = simulation.setup
    return RunSummary(
      setup, records: records, posterior: posterior.results, metrics: tests.metrics, clientTests: tests.clients,
      stoppedBy: !isOver || !posterior.isWhole || !tests.isWhole
        ? .interrupted
        : simulation.isStoppedEarly ? .evaluation : setup.lastRound < setup.scenario.rounds ? .budget : .rounds,
      finalEvaluation: records.last?.accuracy == nil && records.last?.loss == nil ? simulation.evaluate() : nil,
      mostParticipations: simulation.mostTimesDrawn)
  }

  /// model.safetensors of a model.
  private func file(of parameters: [Float], rounds: Int) -> [UInt8] {
    Safetensors.encode(
      parameters, of: simulation.setup.model,
      metadata: [
        ("fedsim", FedSimVersion.current), ("rounds", "\(rounds)"), ("activation", "relu"),
        ("layout", "weight is outputs x inputs, as in torch.nn.Linear"),
      ])
  }
}
