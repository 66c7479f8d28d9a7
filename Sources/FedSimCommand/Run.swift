import ArgumentParser
import FedSim
import Files
import RunFiles

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train, account and measure; write everything to a folder.",
    discussion: """
      Writes scenario.json (every default filled in), rounds.jsonl and rounds.csv (a
      row a round), ledger.json (what was spent, for fedsim account --run),
      summary.json, model.safetensors, timings.json and state.bin (a checkpoint);
      classes.json and columns.json (what a table calls its classes, and makes of
      its columns); where `evaluation` asks for them evaluation.json, clients.csv and
      model-best.safetensors; and of a task about posteriors posterior.json,
      posterior.csv and, of pictures, pictures.png.
      All but timings.json are the same for any number of threads. --tensorboard
      adds events.out.tfevents.*.fedsim, which has wall times.

      --format jsonl prints a run as it goes on, for programs that follow it
      (docs/live.md). A reader that goes away stops the run as Ctrl-C does.

      After any stop (Ctrl-C, kill, a full disk) the same command with --resume goes
      on, and ends with the files that an undisturbed run writes, byte for byte. The
      scenario, the data and the version must be the same.
      """)

  @OptionGroup var options: ScenarioOptions
  @OptionGroup var threading: ThreadsOption

  @Option(
    help: ArgumentHelp(
      "text for people; json prints the summary to standard output and nothing else; jsonl prints a line of JSON for the run, one for each round "
        + "as soon as it is made, and one for the summary."))
  var format: LiveFormat = .text

  @Flag(help: "Write the figures of each round to a file in the run's folder that TensorBoard reads.")
  var tensorboard = false

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
    let simulation = try Simulation(scenario: scenario, threads: threading.count)
    let setup = simulation.setup
    try refuseInputs(in: path, setup)
    // Before a checkpoint is read, which is a part of what rounds have.
    let memoryWarning = Self.memoryWarning(setup)
    var execution = try RunExecution(
      consume simulation, in: path, start: resume ? .resuming : force ? .replacing : .new, began: start)
    if resume && !quiet { sayWhereItGoesOn(execution.simulation, path) }
    for warning in setup.warnings + (memoryWarning.map { [$0] } ?? []) { Console.warning(warning) }
    Interruption.watch(during: .run)
    execution.writesEvents = tensorboard
    let live = LiveOutput(isOn: format == .jsonl)
    live.put(LiveLine.run(setup, folder: path, after: execution.simulation.round))
    let outcome = try follow(&execution, live)
    let wall = (ContinuousClock.now - start).seconds

    try report(outcome, wall, path, setup, live)
    if let error = live.error { Console.failure(error) }
    if !outcome.isWhole {
      Console.error(
        "stopped after round \(execution.simulation.round) of \(setup.lastRound); to go on:\n  \(Self.resumingCommand)"
      )
      throw ExitCode(Interruption.signal == nil ? live.exitCode : Interruption.exitCode)
    }
    if live.error != nil { throw ExitCode(live.exitCode) }
  }

  /// Makes the rounds, and shows them.
  private func follow(_ execution: inout RunExecution, _ live: LiveOutput) throws -> RunExecution.Outcome {
    let total = execution.simulation.setup.lastRound
    var progress = Progress(total: total, after: execution.simulation.round, isQuiet: quiet)
    let outcome = try execution.run(
      stop: { Interruption.isRequested || live.isCut }, progress: { progress.update($0) },
      update: { record in
        progress.update(record)
        live.put(LiveLine.round(record))
      }, notice: { Console.warning($0.text + ".") }, sending: { progress.update(sent: $0, of: $1) })
    progress.finish()
    return outcome
  }

  private func report(
    _ outcome: RunExecution.Outcome, _ wall: Double, _ path: String, _ setup: RunSetup, _ live: LiveOutput
  ) throws {
    do {
      switch format {
      case .json: try Console.result(outcome.summary.json.text(pretty: true))
      case .jsonl: live.put(LiveLine.summary(outcome.summary))
      case .text:
        try Console.result(outcome.summary.closingTable)
        try Console.result("time       \(Text.fixed(wall, 1)) s; files in \(path)")
        try Console.result("\n" + Text.wrapped(GuaranteeStatement(setup).sentence))
      }
    } catch  where !outcome.isWhole {
      // A terminal that is closed takes its reader along: that is why the run stopped, not another error.
      Console.error("\(error)")
    }
  }

  private func sayWhereItGoesOn(_ simulation: Simulation, _ path: String) {
    switch simulation.round {
    case 0: Console.error("no rounds in \(path) yet: starting with the first")
    case _ where simulation.isOver: Console.error("all \(simulation.round) rounds are there already")
    case let round: Console.error("going on after round \(round) of \(simulation.setup.lastRound) in \(path)")
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

  /// This process's own command with --resume, for a shell.
  private static var resumingCommand: String {
    var words = CommandLine.arguments.filter { $0 != "--force" && $0 != "--resume" }
    words.append("--resume")
    return words.map(Shell.quoted).joined(separator: " ")
  }
}
