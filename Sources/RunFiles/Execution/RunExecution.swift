import FedSim
import Platform
import Scenarios

/// A run with a folder of its own: from its first round, or from where an earlier process stopped, to its last file.
///
///     let simulation = try Simulation(scenario: scenario, threads: 2)
///     var execution = try RunExecution(simulation, in: "runs/digits-1", start: .resuming)
///     let outcome = try execution.run(update: { record in print(record.accuracy ?? .nan) })
///
/// All files but timings.json follow from the scenario, the data and the version: a run that was stopped and resumed ends with
/// the bytes of one that was not. docs/run-files.md says what each file has.
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

  public let folder: RunFolder
  /// It stands after the last round that was made.
  public private(set) var simulation: Simulation
  /// Of all rounds so far, those of earlier processes first.
  public private(set) var records: [RoundRecord]
  /// Nil for a run that keeps no checkpoints.
  private let identity: RunIdentity?
  private let began: ContinuousClock.Instant
  private let setupSeconds: Double
  private var schedule = CheckpointSchedule()
  /// Whether the rounds that are made from here on also go into a file for TensorBoard (`EventFile`).
  public var writesEvents = false
  /// The round that the last checkpoint is of.
  private var keptRound: Int
  /// Of rounds.csv.
  private let columns: [RoundField]

  /// Makes the folder or opens it, and restores the simulation where a run goes on.
  ///
  /// - Parameters:
  ///   - simulation: a new one.
  ///   - began: when its set-up began, for timings.json.
  /// - Throws: `RunFolderError` where the folder has another run, or cannot be written.
  public init(
    _ simulation: Simulation, in path: String, start: Start, began: ContinuousClock.Instant = .now
  ) throws(RunFolderError) {
    let setupSeconds = (ContinuousClock.now - began).seconds
    let identity = RunIdentity(simulation.setup)
    let first = Checkpoint(identity, simulation, rowBytes: 0)
    switch start {
    case .new, .replacing:
      var isReplaced = false
      if case .replacing = start { isReplaced = true }
      self.init(
        simulation, try RunFolder(creating: path, replacing: isReplaced, checkpoint: first), identity, [], began,
        setupSeconds)
    case .resuming:
      let (folder, checkpoint) = try RunFolder.resuming(path, first: first)
      var restored = simulation
      do throws(StateError) {
        try restored.restore(checkpoint.state)
      } catch {
        throw .notResumable(path: "\(path)/state.bin", reason: "\(error)")
      }
      let records = try folder.rounds(upTo: checkpoint, round: restored.round)
      self.init(restored, folder, identity, records, began, setupSeconds)
    }
  }

  /// Takes over a folder for a run that is made anew when it was stopped, and so keeps no checkpoints.
  init(
    withoutCheckpoints simulation: Simulation, in path: String, began: ContinuousClock.Instant
  ) throws(RunFolderError) {
    let setupSeconds = (ContinuousClock.now - began).seconds
    self.init(simulation, try RunFolder(creating: path, replacing: true), nil, [], began, setupSeconds)
  }

  private init(
    _ simulation: Simulation, _ folder: RunFolder, _ identity: RunIdentity?, _ records: [RoundRecord],
    _ began: ContinuousClock.Instant, _ setupSeconds: Double
  ) {
    (self.simulation, self.folder, self.identity, self.records) = (simulation, folder, identity, records)
    (self.began, self.setupSeconds, keptRound) = (began, setupSeconds, simulation.round)
    columns = RoundField.columns(of: simulation.setup)
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
    try settleBeginning()
    schedule = CheckpointSchedule()
    let events = writesEvents && !isOver ? try folder.beginEvents(after: simulation.round) : nil
    var clipping = ClippingWatch(simulation.setup)
    // What earlier processes saw counts, and was said by them.
    for record in records { _ = clipping.add(record) }
    while !stop(), let record = try nextRound(stop, progress) {
      try append(record)
      if let events { try folder.append(record, to: events) }
      if schedule.isDue() { try keepCheckpoint() }
      update(record)
      if let found = clipping.add(record, norms: simulation.norms) { notice(found) }
    }
    let posterior = try settlePosteriors(stop, sending)
    let tests = try settleTests(stop)
    let summary = summary(posterior, tests)
    try settleEnd(summary)
    // Last: should it fail, what the run came to is there, and the checkpoint before it to go on from.
    try keepCheckpoint()
    return Outcome(summary: summary, isWhole: isOver && posterior.isWhole && tests.isWhole)
  }

  /// Whoever asks for a stop waits no longer than this for a round.
  var patience = Duration.seconds(3)

  /// Nil where there is no further round, and where one was abandoned.
  private mutating func nextRound(
    _ stop: () -> Bool, _ progress: (RoundProgress) -> Void
  ) throws -> RoundRecord? {
    let patience = patience
    do {
      return try simulation.nextRound { state in
        progress(state)
        return !(stop() && state.timeLeft ?? .zero > patience)
      }
    } catch SimulationError.abandoned {
      return nil
    }
  }

  private var isOver: Bool { simulation.isOver }

  /// What stands in the folder before the next round: the scenario, and all that follows from the rows of earlier rounds.
  private func settleBeginning() throws {
    let setup = simulation.setup
    // What a stopped run wrote last speaks of fewer rounds.
    if !isOver {
      try folder.remove([
        .summary, .model, .bestModel, .posterior, .posteriorTable, .pictures, .evaluation, .clients, .timings,
      ])
    }
    try folder.settle(Array(setup.scenarioFile.utf8), in: .scenario)
    if let classes = setup.classes {
      try folder.settle(Array((classes.text(pretty: true) + "\n").utf8), in: .classes)
    }
    if let columns = setup.columns {
      try folder.settle(Array((columns.json.text(pretty: true) + "\n").utf8), in: .columns)
    }
    // Both follow from the rows; whatever a killed run left of them is made again.
    if let plan = setup.guaranteedPlan {
      try folder.begin(
        LedgerFile.head(plan), array: "rounds", elements: records.map { LedgerFile.round($0.round, plan.event) },
        in: .ledger)
    }
    if records.isEmpty {
      try folder.remove([.table])
    } else {
      let lines = [RoundRecord.csvHeader(columns)] + records.map { $0.csvLine(columns) }
      try folder.settle(Array(lines.map { $0 + "\n" }.joined().utf8), in: .table)
    }
  }

  private mutating func append(_ record: RoundRecord) throws {
    if records.isEmpty { try folder.append(RoundRecord.csvHeader(columns), to: .table) }
    try folder.append(record.json.text(pretty: false), to: .rounds)
    try folder.append(record.csvLine(columns), to: .table)
    if let plan = simulation.setup.guaranteedPlan {
      try folder.append(
        element: LedgerFile.round(record.round, plan.event), isFirst: records.isEmpty, to: .ledger)
    }
    records.append(record)
  }

  private mutating func keepCheckpoint() throws {
    guard let identity, simulation.round != keptRound else { return }
    let began = ContinuousClock.now
    // Rows first: a checkpoint never speaks of a row that is not on the disk.
    let checkpoint = Checkpoint(identity, simulation, rowBytes: try folder.synchronizeRows())
    try folder.write(checkpoint)
    keptRound = simulation.round
    schedule.wrote(in: ContinuousClock.now - began)
  }

  /// What sending posteriors came to: nothing where the task has none, or not all rounds were made.
  private struct SentPosteriors {
    var results: PosteriorResults?
    /// False where it was stopped.
    var isWhole = true
  }

  private func settlePosteriors(
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
    try folder.settle(Array((results.json.text(pretty: true) + "\n").utf8), in: .posterior)
    try folder.settle(Array(results.csv.utf8), in: .posteriorTable)
    if let sheet = results.sheet { try folder.settle(sheet, in: .pictures) }
    return SentPosteriors(results: results)
  }

  /// What the last model does on test examples, beside loss and accuracy: nothing where not all rounds were made.
  private struct Tests {
    var metrics: EvaluationMetrics?
    var clients: ClientTests?
    /// False where it was stopped.
    var isWhole = true
  }

  private func settleTests(_ stop: () -> Bool) throws -> Tests {
    guard isOver else { return Tests() }
    var tests = Tests(metrics: simulation.metrics())
    do {
      tests.clients = try simulation.clientTests { _, _ in !stop() }
    } catch SimulationError.abandoned {
      tests.isWhole = false
    }
    if let metrics = tests.metrics {
      try folder.settle(Array((metrics.json.text(pretty: true) + "\n").utf8), in: .evaluation)
    }
    if let clients = tests.clients { try folder.settle(Array(clients.csv.utf8), in: .clients) }
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

  /// The model, the timings and, after them, the summary.
  private func settleEnd(_ summary: RunSummary) throws {
    let encoded = { (parameters: [Float], rounds: Int) in
      Safetensors.encode(
        parameters, of: simulation.setup.model,
        metadata: [
          ("fedsim", FedSimVersion.current), ("rounds", "\(rounds)"), ("activation", "relu"),
          ("layout", "weight is outputs x inputs, as in torch.nn.Linear"),
        ])
    }
    let model = encoded(simulation.server.parameters, records.count)
    if let best = simulation.bestModel { try folder.settle(encoded(best.parameters, best.round), in: .bestModel) }
    let bytes = Array((summary.json.text(pretty: true) + "\n").utf8)
    if try folder.settle(model, in: .model) || folder.read(.summary) != bytes || folder.read(.timings) == nil {
      var timings = simulation.timings
      timings.setup = setupSeconds
      let wall = (ContinuousClock.now - began).seconds
      try folder.write(timings.json(wallSeconds: wall).text(pretty: true) + "\n", to: .timings)
    }
    try folder.settle(bytes, in: .summary)
  }
}
