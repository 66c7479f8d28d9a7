import ArgumentParser
import FedSim

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train, account and measure; write everything to a folder.",
    discussion: """
      Writes scenario.json (every default filled in), rounds.jsonl and rounds.csv (a row a round), ledger.json (what was spent,
      for fedsim account --run), summary.json, model.safetensors and timings.json. All but timings.json are the same for any number of threads.
      """)

  @OptionGroup var options: ScenarioOptions
  @OptionGroup var formatting: FormatOption
  @OptionGroup var threading: ThreadsOption

  @Option(help: "Output folder. (default: runs/NAME-SEED)")
  var out: String?

  @Flag(help: "Replace the run that is already in the output folder.")
  var force = false

  @Flag(name: .shortAndLong, help: "No progress.")
  var quiet = false

  func run() throws {
    let start = ContinuousClock.now
    let scenario = try options.load()
    var simulation = try Simulation(scenario: scenario, threads: threading.count)
    let setupSeconds = (ContinuousClock.now - start).seconds
    let folder = try RunFolder(creating: out ?? "runs/\(scenario.name)-\(scenario.seed)", replacing: force)
    for warning in simulation.setup.warnings { Console.error("warning: \(warning)") }
    let interruption = Interruption()
    var progress = Progress(total: simulation.setup.lastRound, isQuiet: quiet)
    let (summary, isDone) = try RunExecution.run(
      &simulation, into: folder, start: start, setupSeconds: setupSeconds, stop: { interruption.isRequested },
      update: { progress.update($0) })
    progress.finish()
    let wall = (ContinuousClock.now - start).seconds

    switch formatting.format {
    case .json: try Console.result(summary.json.text(pretty: true))
    case .text:
      try Console.result(summary.closingTable)
      try Console.result("time       \(Text.fixed(wall, 1)) s; files in \(folder.path)")
      try Console.result("\n" + Text.wrapped(GuaranteeStatement(simulation.setup).sentence))
    }
    if !isDone { throw ExitCode(130) }
  }
}

/// A run from its first round to the last file: what `run` and `sweep` have in common.
enum RunExecution {
  /// - Returns: the summary, and whether all rounds were made. summary.json is written last: a folder that has it is whole.
  static func run(
    _ simulation: inout Simulation, into folder: RunFolder, start: ContinuousClock.Instant, setupSeconds: Double,
    stop: () -> Bool, update: (RoundRecord) -> Void
  ) throws -> (summary: RunSummary, isDone: Bool) {
    try folder.write(simulation.setup.resolved.text(pretty: true) + "\n", to: .scenario)
    let plan = simulation.setup.guaranteedPlan
    if let plan { try folder.begin(LedgerFile.head(plan), array: "rounds", in: .ledger) }
    var records: [RoundRecord] = []
    while !stop(), let record = try simulation.nextRound() {
      if records.isEmpty { try folder.append(record.csvHeader, to: .table) }
      try folder.append(record.json.text(pretty: false), to: .rounds)
      try folder.append(record.csvLine, to: .table)
      if let plan {
        try folder.append(element: LedgerFile.round(record.round, plan.event), isFirst: records.isEmpty, to: .ledger)
      }
      records.append(record)
      update(record)
    }
    let lastRound = simulation.setup.lastRound
    let isDone = simulation.round == lastRound
    let summary = RunSummary(
      simulation.setup, records: records,
      stoppedBy: !isDone ? .interrupted : lastRound < simulation.setup.scenario.rounds ? .budget : .rounds,
      finalEvaluation: records.last?.accuracy == nil ? simulation.evaluate() : nil,
      mostParticipations: simulation.mostParticipations)
    try folder.write(
      Safetensors.encode(
        simulation.server.parameters, of: simulation.setup.network,
        metadata: [
          ("fedsim", RunSetup.version), ("rounds", "\(records.count)"), ("activation", "relu"),
          ("layout", "weight is outputs x inputs, as in torch.nn.Linear"),
        ]), to: .model)
    var timings = simulation.timings
    timings.setup = setupSeconds
    let wall = (ContinuousClock.now - start).seconds
    try folder.write(timings.json(wallSeconds: wall).text(pretty: true) + "\n", to: .timings)
    try folder.write(summary.json.text(pretty: true) + "\n", to: .summary)
    return (summary, isDone)
  }
}
