import ArgumentParser
import FedSim
import Files
import RunFiles
import Scenarios

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train, account and measure; write everything to a folder.",
    discussion: """
      Writes scenario.json (every default filled in), classes.json (what a CSV calls its classes), rounds.jsonl and rounds.csv (a row a
      round), ledger.json (what was spent, for fedsim account --run), summary.json, model.safetensors, timings.json and state.bin (a
      checkpoint).
      All but timings.json are the same for any number of threads.

      After any stop (Ctrl-C, kill, a full disk) the same command with --resume goes on, and ends with the files that an undisturbed
      run writes, byte for byte. The scenario, the data and the version must be the same.
      """)

  @OptionGroup var options: ScenarioOptions
  @OptionGroup var formatting: FormatOption
  @OptionGroup var threading: ThreadsOption

  @Option(help: "Output folder. (default: runs/NAME-SEED)")
  var out: String?

  @Flag(help: "Replace the run that is already in the output folder.")
  var force = false

  @Flag(help: "Go on with the run that is in the output folder, or start it where there is none.")
  var resume = false

  @Flag(name: .shortAndLong, help: "No progress.")
  var quiet = false

  func validate() throws {
    if force && resume {
      throw ValidationError(
        "found --force, which replaces a run, with --resume, which goes on with it; allowed: one of both")
    }
  }

  func run() throws {
    let start = ContinuousClock.now
    Interruption.watch(during: .setUp)
    let scenario = try options.load()
    let path = out ?? "runs/\(scenario.name)-\(scenario.seed)"
    if let out { try OutputFile.checkFolder(out, flag: "--out") }
    var simulation = try Simulation(scenario: scenario, threads: threading.count)
    let setupSeconds = (ContinuousClock.now - start).seconds
    try refuseInputs(in: path, simulation.setup)
    // Before a checkpoint is read, which is a part of what rounds have.
    let memoryWarning = Self.memoryWarning(simulation.setup)
    let (folder, position) = try open(path, &simulation)
    for warning in simulation.setup.warnings + (memoryWarning.map { [$0] } ?? []) { Console.warning(warning) }
    Interruption.watch(during: .run)
    var progress = Progress(total: simulation.setup.lastRound, after: simulation.round, isQuiet: quiet)
    let (summary, isDone) = try RunExecution.run(
      &simulation, into: folder, position: position, start: start, setupSeconds: setupSeconds,
      stop: { Interruption.isRequested }, update: { progress.update($0) })
    progress.finish()
    let wall = (ContinuousClock.now - start).seconds

    do {
      switch formatting.format {
      case .json: try Console.result(summary.json.text(pretty: true))
      case .text:
        try Console.result(summary.closingTable)
        try Console.result("time       \(Text.fixed(wall, 1)) s; files in \(folder.path)")
        try Console.result("\n" + Text.wrapped(GuaranteeStatement(simulation.setup).sentence))
      }
    } catch  where !isDone {
      // A terminal that is closed takes its reader along: that is why the run stopped, not another error.
      Console.error("\(error)")
    }
    if !isDone {
      Console.error(
        "stopped after round \(simulation.round) of \(simulation.setup.lastRound); to go on:\n  \(Self.resumingCommand)"
      )
      throw ExitCode(Interruption.exitCode)
    }
  }

  /// The scenario and its data are not written over by the files of the run.
  private func refuseInputs(in path: String, _ setup: RunSetup) throws {
    var inputs = InputFiles()
    inputs.add(setup.scenario, from: options.scenario)
    let flag = out == nil ? "the run's folder" : "--out"
    for file in RunFolder.File.allCases {
      let output = "\(path)/\(file.rawValue)"
      // A run that goes on leaves its own scenario.json as it is: that may be what it is told to go on with.
      if file == .scenario, resume, (try? InputFile.read(output)) == Array(setup.scenarioFile.utf8) { continue }
      try inputs.refuse(output, flag: flag)
    }
  }

  /// A run that is not expected to fit into what the system gives it.
  private static func memoryWarning(_ setup: RunSetup) -> String? {
    guard let left = MemoryLimit.left else { return nil }
    let needed = MemoryPrediction.rounds(setup)
    guard needed > left.bytes else { return nil }
    return
      "rounds are expected to take about \(needed / 1_000_000) MB more, and \(left.limit) leaves \(max(left.bytes, 0) / 1_000_000) MB: the "
      + "run may end before its last round"
  }

  /// The folder, and what is known of earlier rounds there; the simulation stands after the last of them.
  private func open(_ path: String, _ simulation: inout Simulation) throws -> (RunFolder, RunExecution.Position) {
    let identity = RunIdentity(simulation.setup)
    let first = Checkpoint(identity, simulation, rowBytes: 0)
    guard resume else {
      return (
        try RunFolder(creating: path, replacing: force, checkpoint: first),
        RunExecution.Position(identity: identity, records: [])
      )
    }
    let (folder, checkpoint) = try RunFolder.resuming(path, first: first)
    do throws(StateError) {
      try simulation.restore(checkpoint.state)
    } catch {
      throw RunFolderError.notResumable(path: "\(path)/state.bin", reason: "\(error)")
    }
    let records = try folder.rounds(upTo: checkpoint, round: simulation.round)
    if !quiet {
      switch simulation.round {
      case 0: Console.error("no rounds in \(path) yet: starting with the first")
      case simulation.setup.lastRound: Console.error("all \(simulation.round) rounds are there already")
      case let round: Console.error("going on after round \(round) of \(simulation.setup.lastRound) in \(path)")
      }
    }
    return (folder, RunExecution.Position(identity: identity, records: records))
  }

  /// This process's own command with --resume, for a shell.
  private static var resumingCommand: String {
    var words = CommandLine.arguments.filter { $0 != "--force" && $0 != "--resume" }
    words.append("--resume")
    return words.map(Shell.quoted).joined(separator: " ")
  }
}

/// A run from its first round, or from a checkpoint, to the last file: what `run` and `sweep` have in common.
enum RunExecution {
  /// Where a run that keeps checkpoints begins or goes on.
  struct Position {
    let identity: RunIdentity
    /// Of the rounds before the checkpoint that is in the folder.
    let records: [RoundRecord]
  }

  /// - Parameters:
  ///   - simulation: new, or restored to where `position` is.
  ///   - position: nil for a new run that keeps no checkpoints.
  /// - Returns: the summary, and whether all rounds were made. summary.json is written after all else but the last checkpoint: a folder
  ///   that has it is whole. Of a run that is whole already nothing is written.
  static func run(
    _ simulation: inout Simulation, into folder: RunFolder, position: Position? = nil,
    start: ContinuousClock.Instant, setupSeconds: Double, stop: () -> Bool, update: (RoundRecord) -> Void
  ) throws -> (summary: RunSummary, isDone: Bool) {
    let lastRound = simulation.setup.lastRound
    let plan = simulation.setup.guaranteedPlan
    var records = position?.records ?? []
    // What a stopped run wrote last speaks of fewer rounds.
    if simulation.round < lastRound { try folder.remove([.summary, .model, .timings]) }
    try folder.settle(Array(simulation.setup.scenarioFile.utf8), in: .scenario)
    if let classes = simulation.setup.classes {
      try folder.settle(Array((classes.text(pretty: true) + "\n").utf8), in: .classes)
    }
    // Both follow from the rows; whatever a killed run left of them is made again.
    if let plan {
      try folder.begin(
        LedgerFile.head(plan), array: "rounds", elements: records.map { LedgerFile.round($0.round, plan.event) },
        in: .ledger)
    }
    if let first = records.first {
      try folder.settle(Array(([first.csvHeader] + records.map(\.csvLine)).map { $0 + "\n" }.joined().utf8), in: .table)
    } else {
      try folder.remove([.table])
    }
    var schedule = CheckpointSchedule()
    var keptRound = simulation.round
    let keep = { (simulation: Simulation) in
      guard let position, simulation.round != keptRound else { return }
      let began = ContinuousClock.now
      // Rows first: a checkpoint never speaks of a row that is not on the disk.
      let checkpoint = Checkpoint(position.identity, simulation, rowBytes: try folder.synchronizeRows())
      try folder.write(checkpoint)
      keptRound = simulation.round
      schedule.wrote(in: ContinuousClock.now - began)
    }
    while !stop(), let record = try simulation.nextRound() {
      if records.isEmpty { try folder.append(record.csvHeader, to: .table) }
      try folder.append(record.json.text(pretty: false), to: .rounds)
      try folder.append(record.csvLine, to: .table)
      if let plan {
        try folder.append(element: LedgerFile.round(record.round, plan.event), isFirst: records.isEmpty, to: .ledger)
      }
      records.append(record)
      if schedule.isDue() { try keep(simulation) }
      update(record)
    }
    let isDone = simulation.round == lastRound
    let summary = RunSummary(
      simulation.setup, records: records,
      stoppedBy: !isDone ? .interrupted : lastRound < simulation.setup.scenario.rounds ? .budget : .rounds,
      finalEvaluation: records.last?.accuracy == nil ? simulation.evaluate() : nil,
      mostParticipations: simulation.mostTimesDrawn)
    let model = Safetensors.encode(
      simulation.server.parameters, of: simulation.setup.model,
      metadata: [
        ("fedsim", FedSimVersion.current), ("rounds", "\(records.count)"), ("activation", "relu"),
        ("layout", "weight is outputs x inputs, as in torch.nn.Linear"),
      ])
    let summaryBytes = Array((summary.json.text(pretty: true) + "\n").utf8)
    if try folder.settle(model, in: .model) || folder.read(.summary) != summaryBytes || folder.read(.timings) == nil {
      var timings = simulation.timings
      timings.setup = setupSeconds
      let wall = (ContinuousClock.now - start).seconds
      try folder.write(timings.json(wallSeconds: wall).text(pretty: true) + "\n", to: .timings)
    }
    try folder.settle(summaryBytes, in: .summary)
    // Last: should it fail, what the run came to is there, and the checkpoint before it to go on from.
    try keep(simulation)
    return (summary, isDone)
  }
}
