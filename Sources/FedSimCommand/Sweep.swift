import ArgumentParser
import Dispatch
import FedSim
import Files
import JSONText
import Platform
import RunFiles
import Scenarios
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One process at a time works in a sweep's folder.
private struct SweepLock {
  private let descriptor: Int32

  init(_ path: String) throws {
    descriptor = openFile("\(path)/sweep.json")
    guard descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw ToolError.failed(place: path, reason: "another fedsim sweep works there")
    }
  }

  func release() { _ = closeFile(descriptor) }
}

/// What the jobs of a sweep have in common.
private final class SharedProgress: Sendable {
  struct State {
    var done = 0
    /// Jobs past their set-up.
    var inRounds = 0
    var error: (any Error)?
  }

  /// The run that is begun next.
  let next = Atomic<Int>(0)
  let state = Mutex(State())
}

private func openFile(_ path: String) -> Int32 { open(path, O_RDONLY) }
private func closeFile(_ descriptor: Int32) -> Int32 { close(descriptor) }

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

      Repeats have other seeds; mode zip takes axes side by side. --set overrides
      keys that no axis varies, and sweep.repeats, sweep.mode.

        fedsim sweep scenarios/tradeoff.json --dry-run
        fedsim sweep scenarios/tradeoff.json
        fedsim report sweeps/tradeoff

      Writes scenario.json (as given), sweep.json, runs/0000 ... (each as fedsim
      run does), and from them runs.csv, runs.jsonl (a row a run: setting.*,
      result.*) and points.csv (means and standard errors). A sweep that was
      stopped goes on with --resume; runs that are whole are not made again, runs
      that are the same are made once. --dry-run lists the runs with predicted
      epsilon, noise and bits.
      """)

  @OptionGroup var options: ScenarioOptions
  @OptionGroup var formatting: FormatOption

  @Option(help: "Output folder. (default: sweeps/NAME)")
  var out: String?

  @Option(help: "Runs at a time; results do not depend on it. (default: all cores)")
  var jobs: Int?

  @Flag(help: "Go on with the sweep that is in the output folder.")
  var resume = false

  @Flag(help: "List the runs with predicted epsilon, noise and bits; train nothing.")
  var dryRun = false

  @Flag(name: .shortAndLong, help: "No progress.")
  var quiet = false

  func validate() throws {
    if let jobs, !(1...1024).contains(jobs) { throw ValidationError("--jobs: found \(jobs), allowed: 1 to 1024") }
  }

  func run() throws {
    let sweep = try RunFiles.Sweep(
      InputFile.read(options.scenario), name: options.scenario, overrides: options.overrides)
    if dryRun { return try list(sweep) }
    Interruption.watch(during: .setUp)
    let path = out ?? "sweeps/\(sweep.name)"
    if let out { try OutputFile.checkFolder(out, flag: "--out") }
    try refuseInputs(in: path, sweep)
    let accounting = SharedAccounting()
    // Every point is checked before the first is trained.
    var points: [Int: JSON] = [:]
    var said = Set<String>()
    for run in sweep.runs where run.repetition == 0 {
      let setup = try setup(run, of: sweep, accounting)
      Self.warn(setup, &said)
      // As it is read back: 1.0 is written as 1.
      points[run.point] = try JSONParser.parse(setup.resolved.text(pretty: false).utf8).value
    }
    let expected = sweep.runs.map { Self.expected($0, like: points[$0.point]) }
    let originals = Self.originals(expected)
    try prepare(path, sweep)
    let lock = try SweepLock(path)
    defer { lock.release() }
    Interruption.watch(during: .sweep)
    let finished = { (run: RunFiles.Sweep.Run) in Self.finished(run, in: path, like: expected[run.index]) }
    let pending = sweep.runs.filter { finished($0) == nil }
    if pending.count < sweep.runs.count {
      Console.error("\(sweep.runs.count - pending.count) of \(Text.counted(sweep.runs.count, "run")) are there already")
    }
    let own = pending.filter { originals[$0.index] == $0.index }
    let copies = pending.filter { originals[$0.index] != $0.index }
    if !copies.isEmpty {
      Console.error("\(copies.count) of \(Text.counted(pending.count, "run")) are the same as others: made once")
    }
    try work(own, path, accounting)
    for run in copies where !Interruption.isRequested {
      try Self.copy(sweep.runs[originals[run.index]], to: run, in: path)
    }
    let rows = sweep.runs.compactMap { run in
      finished(run).map { SweepTable.Row(run: run, summary: $0.0, resolved: $0.1) }
    }
    let table = SweepTable(sweep, rows: rows)
    let isWhole = rows.count == sweep.runs.count
    if isWhole {
      try write(table.lines, to: "\(path)/runs.jsonl")
      try write(table.csv, to: "\(path)/runs.csv")
      try write(table.points, to: "\(path)/points.csv")
    }
    do {
      switch formatting.format {
      case .json:
        try Console.result(
          JSON.object([
            "folder": .string(path), "runs": .integer(rows.count), "plannedRuns": .integer(sweep.runs.count),
            "isWhole": .bool(isWhole), "points": table.json,
          ]).text(pretty: true))
      case .text where isWhole:
        try Console.result(table.closingTable)
        try Console.result("\n\(Text.counted(rows.count, "run")); tables in \(path)/runs.csv and points.csv")
      case .text: break
      }
    } catch  where !isWhole && Interruption.isRequested {
      Console.error("\(error)")
    }
    if isWhole { return }
    if Interruption.isRequested {
      Console.error(
        "stopped after \(rows.count) of \(Text.counted(sweep.runs.count, "run")); fedsim sweep --resume goes on")
      throw ExitCode(Interruption.exitCode)
    }
    let lost = sweep.runs.first { finished($0) == nil }?.folder ?? ""
    throw ToolError.failed(place: "\(path)/\(lost)", reason: "the run was made, and is not whole when read back")
  }

  /// Of the examples, once each.
  private static func warn(_ setup: RunSetup, _ said: inout Set<String>) {
    for warning in setup.dataWarnings where said.insert(warning).inserted { Console.warning(warning) }
  }

  private func setup(
    _ run: RunFiles.Sweep.Run, of sweep: RunFiles.Sweep, _ accounting: SharedAccounting
  ) throws -> RunSetup {
    do {
      return try RunSetup(scenario: run.scenario, split: nil, threads: 1, accounting: accounting)
    } catch let error as ScenarioError {
      throw sweep.placed(error, in: run)
    }
  }

  /// What the run's scenario.json says: repeats differ in the seed alone.
  private static func expected(_ run: RunFiles.Sweep.Run, like point: JSON?) -> JSON? {
    guard case .object(var settings)? = point else { return nil }
    settings["seed"] = .integer(Int(run.scenario.seed))
    return .object(settings)
  }

  /// For each run the first one with the same scenario, often itself: codec "auto" may be a codec that is named too.
  private static func originals(_ scenarios: [JSON?]) -> [Int] {
    var first: [String: Int] = [:]
    return scenarios.enumerated().map { i, scenario in
      guard let text = scenario?.text(pretty: false) else { return i }
      if let original = first[text] { return original }
      first[text] = i
      return i
    }
  }

  /// The files of a run for one that is the same; the summary last, as always.
  private static func copy(_ original: RunFiles.Sweep.Run, to run: RunFiles.Sweep.Run, in path: String) throws {
    let folder = try RunFolder(creating: "\(path)/\(run.folder)", replacing: true)
    for file in RunFolder.File.allCases.filter({ $0 != .summary }) + [.summary] {
      let source = "\(path)/\(original.folder)/\(file.rawValue)"
      // A run without privacy has no ledger.
      guard FileManager.default.fileExists(atPath: source) else { continue }
      try folder.write(InputFile.read(source), to: file)
    }
  }

  /// The scenario and its data are not written over by the files of the sweep.
  private func refuseInputs(in path: String, _ sweep: RunFiles.Sweep) throws {
    var inputs = InputFiles()
    for run in sweep.runs where run.repetition == 0 { inputs.add(run.scenario, from: options.scenario) }
    let flag = out == nil ? "the sweep's folder" : "--out"
    // A sweep that goes on has its scenario already, and may be told to go on with that.
    let goesOn = resume && FileManager.default.fileExists(atPath: "\(path)/sweep.json")
    for name in (goesOn ? [] : ["scenario.json"]) + ["sweep.json", "runs.jsonl", "runs.csv", "points.csv"] {
      try inputs.refuse("\(path)/\(name)", flag: flag)
    }
    for run in sweep.runs {
      for file in RunFolder.File.allCases { try inputs.refuse("\(path)/\(run.folder)/\(file.rawValue)", flag: flag) }
    }
  }

  /// Runs side by side, each on one thread while there are as many as cores.
  private func work(_ pending: [RunFiles.Sweep.Run], _ path: String, _ accounting: SharedAccounting) throws {
    let cores = max(ProcessInfo.processInfo.activeProcessorCount, 1)
    let jobs = max(1, min(self.jobs ?? cores, pending.count))
    let threads = max(1, cores / jobs)
    let start = ContinuousClock.now
    let shared = SharedProgress()
    let isQuiet = quiet
    let job: @Sendable (Int) -> Void = { _ in
      while !Interruption.isRequested, shared.state.withLock({ $0.error == nil }) {
        let i = shared.next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard i < pending.count else { return }
        do {
          let began = ContinuousClock.now
          // What a killed run left behind is made anew.
          let folder = try RunFolder(creating: "\(path)/\(pending[i].folder)", replacing: true)
          var simulation = try Simulation(scenario: pending[i].scenario, threads: threads, accounting: accounting)
          let mayStart = shared.state.withLock { state in
            let mayStart = !Interruption.isRequested
            if mayStart { state.inRounds += 1 }
            return mayStart
          }
          guard mayStart else { return }
          defer { shared.state.withLock { $0.inRounds -= 1 } }
          let (summary, isDone) = try RunExecution.run(
            &simulation, into: folder, start: began, setupSeconds: (ContinuousClock.now - began).seconds,
            stop: { Interruption.isRequested }, update: { _ in })
          guard isDone else { return }
          shared.state.withLock { state in
            state.done += 1
            guard !isQuiet else { return }
            let elapsed = (ContinuousClock.now - start).seconds
            let left = elapsed / Double(state.done) * Double(pending.count - state.done)
            let values = pending[i].values.map(\.plain).joined(separator: ", ")
            Console.error(
              "run \(state.done)/\(pending.count)  \(values), repetition \(pending[i].repetition + 1)  "
                + "accuracy \(summary.finalAccuracy.map { Text.fixed(100 * $0, 1) + " %" } ?? "-")  \(Text.fixed(left, 0)) s left"
            )
          }
        } catch {
          shared.state.withLock { $0.error = $0.error ?? error }
        }
      }
    }
    // A calibration or a load of data cannot be stopped half way, and nothing is lost with it: after a signal only rounds are waited for.
    let isOver = DispatchSemaphore(value: 0)
    DispatchQueue.global().async {
      DispatchQueue.concurrentPerform(iterations: jobs, execute: job)
      isOver.signal()
    }
    while isOver.wait(timeout: .now() + .milliseconds(20)) == .timedOut {
      if Interruption.isRequested, shared.state.withLock({ $0.inRounds == 0 }) { break }
    }
    if let error = shared.state.withLock({ $0.error }) { throw error }
  }

  private func prepare(_ path: String, _ sweep: RunFiles.Sweep) throws {
    guard !path.isEmpty else {
      throw ToolError.input(place: "--out", problem: "found \"\"; allowed: the name of a folder")
    }
    let file = "\(path)/sweep.json"
    let text = sweep.json.text(pretty: true) + "\n"
    if FileManager.default.fileExists(atPath: file) {
      guard resume else {
        throw ToolError.input(
          place: path,
          problem: "there is a sweep already; allowed: --resume to go on with it, or another folder with --out")
      }
      let found = try InputFile.read(file)
      guard found == Array(text.utf8) else {
        do throws(JSONSyntaxError) {
          _ = try JSONParser.parse(found)
        } catch {
          throw ToolError.input(
            place: "\(file):\(error.position.line):\(error.position.column)", problem: "damaged: \(error.message)")
        }
        throw ToolError.input(
          place: file,
          problem:
            "found another sweep than this scenario's; allowed: --resume with the same scenario, or another --out")
      }
      return
    }
    // Empty where a sweep was killed before it had begun.
    if let found = try? FileManager.default.contentsOfDirectory(atPath: "\(path)/runs"), !found.isEmpty {
      throw ToolError.input(
        place: path, problem: "found runs without sweep.json; allowed: an empty folder, or another --out")
    }
    if resume { Console.error("no sweep in \(path) yet: starting one") }
    do {
      try FileManager.default.createDirectory(atPath: "\(path)/runs", withIntermediateDirectories: true)
    } catch {
      throw ToolError.input(
        place: "--out \(path)",
        problem:
          "the folder could not be made (\(FileFailure.reason(error))); allowed: a folder, or a name that is free")
    }
    // What makes the sweep again, for reports; sweep.json last: with it there is a sweep.
    try write(String(decoding: sweep.source, as: UTF8.self), to: "\(path)/scenario.json")
    try write(text, to: file)
  }

  /// The summary and the scenario of a run that is whole: its summary is written last, with all that a run has, and its scenario is the one that
  /// is asked for.
  private static func finished(_ run: RunFiles.Sweep.Run, in path: String, like expected: JSON?) -> (JSON, JSON)? {
    let folder = "\(path)/\(run.folder)"
    guard let summary = try? JSONParser.parse(InputFile.read("\(folder)/summary.json")).value,
      let resolved = try? JSONParser.parse(InputFile.read("\(folder)/scenario.json")).value,
      case .object(let object) = summary, object["stoppedBy"] == "rounds" || object["stoppedBy"] == "budget",
      let expected, resolved == expected, object["seed"] == .integer(Int(run.scenario.seed)),
      case .integer? = object["rounds"], object["finalAccuracy"] != nil,
      ["rounds.jsonl", "rounds.csv", "model.safetensors"].allSatisfy({
        FileManager.default.fileExists(atPath: "\(folder)/\($0)")
      })
    else { return nil }
    return (summary, resolved)
  }

  private func write(_ text: String, to path: String) throws {
    do {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw ToolError.failed(place: path, reason: "could not be written: \(FileFailure.reason(error))")
    }
  }

  private func list(_ sweep: RunFiles.Sweep) throws {
    var rows: [[String]] = []
    var objects: [JSON] = []
    let accounting = SharedAccounting()
    var said = Set<String>()
    for run in sweep.runs where run.repetition == 0 {
      let setup = try setup(run, of: sweep, accounting)
      Self.warn(setup, &said)
      let plan = setup.guaranteedPlan
      rows.append(
        run.values.map(\.plain) + [
          plan.map { Text.fixedUp($0.plannedSpending.epsilon, 4) } ?? "none",
          setup.plan.map { Text.fixed($0.noiseMultiplier, 4) } ?? "none", setup.channel.codec.rawValue,
          Text.grouped(Int(setup.channel.predictedBits.rounded())),
        ])
      var object: JSONObject = [
        "point": .integer(run.point), "epsilon": .optional(plan?.plannedSpending.epsilon),
        "noiseMultiplier": .optional(setup.plan?.noiseMultiplier), "codec": .string(setup.channel.codec.rawValue),
        "predictedBits": .number(setup.channel.predictedBits),
      ]
      for (axis, value) in zip(sweep.axes, run.values) { object[axis.path] = value }
      objects.append(.object(object))
    }
    switch formatting.format {
    case .json:
      try Console.result(
        JSON.object(["runs": .integer(sweep.runs.count), "points": .array(objects)]).text(pretty: true))
    case .text:
      try Console.result(Text.table(sweep.axes.map(\.path) + ["epsilon", "z", "codec", "bits at |x| = C"], rows))
      try Console.result(
        "\n\(Text.counted(sweep.runs.count, "run")): \(Text.counted(rows.count, "point")), \(Text.counted(sweep.repeats, "repeat"))"
      )
    }
  }
}
