import ArgumentParser
import FedSim
import Files
import JSONText
import Platform
import RunFiles

struct SweepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Run a scenario over axes of its keys, with repeats; one tidy table.",
    discussion: """
      The scenario has a section such as

        "sweep": {"axes": {"privacy.targetEpsilon":
                             {"from": 0.5, "to": 16, "count": 6, "scale": "log"},
                           "channel.codec": ["float32", "polar"]},
                  "mode": "grid", "repeats": 3}

      An axis may be a whole section ("privacy": [null, {...}]), and null unsets a
      key. Points that no grid makes have names of their own:

        "points": [{"name": "central", "privacy.noise": "central"}, {...}]

      Repeats have other seeds; mode zip takes axes side by side. With "common":
      true the runs of a repeat have cohorts and batches in common, and points.csv
      has paired differences from the first point. --set overrides keys that no
      axis varies, and sweep.repeats, sweep.mode, sweep.common.

        fedsim sweep scenarios/tradeoff.json --dry-run
        fedsim sweep scenarios/tradeoff.json
        fedsim report sweeps/tradeoff

      Writes scenario.json (as given), sweep.json, runs/0000 ... (each as fedsim
      run does), and from them runs.csv, runs.jsonl (a row a run: setting.*,
      result.*) and points.csv (means and standard errors;
      fedsim schema --records points.csv says what each column is). A sweep that was
      stopped goes on with --resume; runs that are whole are not made again, runs
      that are the same are made once. --dry-run lists the runs with predicted
      epsilon, noise, bits, time on this machine and memory.
      """)

  @OptionGroup var options: ScenarioOptions
  @OptionGroup var formatting: FormatOption

  @Option(help: "Output folder. (default: sweeps/NAME)")
  var out: String?

  @Option(help: "Runs at a time; results do not depend on it. (default: all cores)")
  var jobs: Int?

  @Flag(help: "Go on with the sweep that is in the output folder.")
  var resume = false

  @Flag(help: "List the runs with predicted epsilon, noise, bits, time and memory; make none.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "No progress.")
  var quiet = false

  func validate() throws {
    if let jobs, !(1...1024).contains(jobs) { throw ValidationError("--jobs: found \(jobs), allowed: 1 to 1024") }
  }

  func run() throws {
    let sweep = try RunFiles.Sweep(
      InputFile.read(options.scenario), name: options.scenario, overrides: options.overrides, folder: options.folder)
    if dryRun { return try list(sweep) }
    Interruption.watch(during: .setUp)
    let path = out ?? "sweeps/\(sweep.name)"
    if let out { try OutputFile.checkFolder(out, flag: "--out") }
    try refuseInputs(in: path, sweep)
    let execution = try SweepExecution(
      sweep, in: path, resuming: resume, threads: ThreadsOption.all, warn: Console.warning)
    if resume && execution.isNew { Console.error("no sweep in \(path) yet: starting one") }
    Interruption.watch(during: .sweep)
    sayWhatIsLeft(execution)
    let isQuiet = quiet
    let outcome = try execution.run(
      jobs: jobs, stop: { Interruption.isRequested },
      update: { progress in if !isQuiet { Console.error(Self.line(progress)) } })
    try report(outcome, path)
    guard let missing = outcome.firstMissing else { return }
    if Interruption.isRequested {
      Console.error(
        "stopped after \(outcome.table.rows.count) of \(Text.counted(sweep.runs.count, "run")); fedsim sweep --resume goes on"
      )
      throw ExitCode(Interruption.exitCode)
    }
    throw ToolError.failed(
      place: "\(path)/\(missing.folder)", reason: "the run was made, and is not whole when read back")
  }

  private func sayWhatIsLeft(_ execution: SweepExecution) {
    let all = execution.sweep.runs.count
    let pending = execution.pending.count + execution.copies.count
    if pending < all { Console.error("\(all - pending) of \(Text.counted(all, "run")) are there already") }
    if !execution.copies.isEmpty {
      Console.error(
        "\(execution.copies.count) of \(Text.counted(pending, "run")) are the same as others: made once")
    }
  }

  private static func line(_ progress: SweepExecution.Progress) -> String {
    let left = progress.seconds / Double(progress.done) * Double(progress.total - progress.done)
    let values = progress.run.labels.joined(separator: ", ")
    let accuracy = progress.summary.finalAccuracy.map { Text.fixed(100 * $0, 1) + " %" } ?? "-"
    return "run \(progress.done)/\(progress.total)  \(values), repetition \(progress.run.repetition + 1)  "
      + "accuracy \(accuracy)  \(Text.fixed(left, 0)) s left"
  }

  private func report(_ outcome: SweepExecution.Outcome, _ path: String) throws {
    let table = outcome.table
    do {
      switch formatting.format {
      case .json:
        try Console.result(outcome.json(folder: path).text(pretty: true))
      case .text where outcome.isWhole:
        try Console.result(table.closingTable)
        try Console.result("\n\(Text.counted(table.rows.count, "run")); tables in \(path)/runs.csv and points.csv")
      case .text: break
      }
    } catch  where !outcome.isWhole && Interruption.isRequested {
      Console.error("\(error)")
    }
  }

  /// The scenario and its data are not written over by the files of the sweep.
  private func refuseInputs(in path: String, _ sweep: RunFiles.Sweep) throws {
    var inputs = InputFiles()
    for run in sweep.runs where run.repetition == 0 { inputs.add(run.scenario, from: options.scenario) }
    let flag = out == nil ? "the sweep's folder" : "--out"
    // A sweep that goes on has its scenario already, and may be told to go on with that.
    let goesOn = resume && FilePath.exists("\(path)/sweep.json")
    for name in SweepFile.all.map(\.name) where !(goesOn && name == SweepFile.scenario.name) {
      try inputs.refuse("\(path)/\(name)", flag: flag)
    }
    for run in sweep.runs {
      for file in RunFolder.File.allCases { try inputs.refuse("\(path)/\(run.folder)/\(file.rawValue)", flag: flag) }
    }
  }

  private func list(_ sweep: RunFiles.Sweep) throws {
    let prediction = try SweepPrediction(sweep, jobs: jobs, warn: Console.warning)
    switch formatting.format {
    case .json: try Console.result(prediction.json.text(pretty: true))
    case .text: try Console.result(prediction.text)
    }
  }
}
