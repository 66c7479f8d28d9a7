import ArgumentParser
import Dispatch
import FedSim
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
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

private func openFile(_ path: String) -> Int32 { open(path, O_RDONLY) }
private func closeFile(_ descriptor: Int32) -> Int32 { close(descriptor) }

struct SweepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Run a scenario over axes of its keys, with repeats; one tidy table.",
    discussion: """
      The scenario has a section such as

        "sweep": {"axes": {"privacy.targetEpsilon": {"from": 0.5, "to": 16, "count": 6, "scale": "log"},
                           "channel.codec": ["float32", "polar"]}, "mode": "grid", "repeats": 3}

      Repeats have other seeds; mode zip takes axes side by side. Writes sweep.json, runs/0000 ... (each as fedsim run does), and from them
      runs.csv, runs.jsonl (a row a run: setting.*, result.*) and points.csv (means and standard errors). A sweep that was stopped goes on
      with --resume; runs that are whole are not made again.
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
    let sweep = try FedSim.Sweep(
      InputFile.read(options.scenario), name: options.scenario, overrides: options.overrides)
    if dryRun { return try list(sweep) }
    let path = out ?? "sweeps/\(sweep.name)"
    // Every point is checked before the first is trained.
    var expected: [Int: JSON] = [:]
    for run in sweep.runs where run.repetition == 0 {
      expected[run.point] = try RunSetup(scenario: run.scenario, split: nil, threads: 1).resolved
    }
    try prepare(path, sweep)
    let lock = try SweepLock(path)
    defer { lock.release() }
    let interruption = Interruption()
    let finished = { (run: FedSim.Sweep.Run) in Self.finished(run, in: path, like: expected[run.point]) }
    let pending = sweep.runs.filter { finished($0) == nil }
    if pending.count < sweep.runs.count {
      Console.error("\(sweep.runs.count - pending.count) of \(sweep.runs.count) runs are there already")
    }
    try work(pending, path, interruption)
    if interruption.isRequested {
      Console.error("stopped; fedsim sweep --resume goes on")
      throw ExitCode(130)
    }
    let rows = sweep.runs.compactMap { run in
      finished(run).map { SweepTable.Row(run: run, summary: $0.0, resolved: $0.1) }
    }
    let table = SweepTable(sweep, rows: rows)
    try write(table.lines, to: "\(path)/runs.jsonl")
    try write(table.csv, to: "\(path)/runs.csv")
    try write(table.points, to: "\(path)/points.csv")
    switch formatting.format {
    case .json:
      try Console.result(JSON.object(["folder": .string(path), "runs": .integer(rows.count)]).text(pretty: true))
    case .text:
      try Console.result(table.closingTable)
      try Console.result("\n\(rows.count) runs; tables in \(path)/runs.csv and points.csv")
    }
  }

  /// Runs side by side, each on one thread while there are as many as cores.
  private func work(_ pending: [FedSim.Sweep.Run], _ path: String, _ interruption: Interruption) throws {
    let cores = max(ProcessInfo.processInfo.activeProcessorCount, 1)
    let jobs = max(1, min(self.jobs ?? cores, pending.count))
    let threads = max(1, cores / jobs)
    let start = ContinuousClock.now
    let next = Atomic<Int>(0)
    let state = Mutex<(done: Int, error: (any Error)?)>((0, nil))
    let isQuiet = quiet
    DispatchQueue.concurrentPerform(iterations: jobs) { _ in
      while !interruption.isRequested, state.withLock({ $0.error == nil }) {
        let i = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard i < pending.count else { return }
        do {
          let began = ContinuousClock.now
          // What a killed run left behind is made anew.
          let folder = try RunFolder(creating: "\(path)/\(pending[i].folder)", replacing: true)
          var simulation = try Simulation(scenario: pending[i].scenario, threads: threads)
          let (summary, isDone) = try RunExecution.run(
            &simulation, into: folder, start: began, setupSeconds: (ContinuousClock.now - began).seconds,
            stop: { interruption.isRequested }, update: { _ in })
          guard isDone else { return }
          state.withLock { state in
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
          state.withLock { $0.error = $0.error ?? error }
        }
      }
    }
    if let error = state.withLock({ $0.error }) { throw error }
  }

  private func prepare(_ path: String, _ sweep: FedSim.Sweep) throws {
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
    if FileManager.default.fileExists(atPath: "\(path)/runs") {
      throw ToolError.input(
        place: path, problem: "found runs without sweep.json; allowed: an empty folder, or another --out")
    }
    if resume { Console.error("no sweep in \(path) yet: starting one") }
    do {
      try FileManager.default.createDirectory(atPath: "\(path)/runs", withIntermediateDirectories: true)
    } catch {
      throw ToolError.input(
        place: "--out \(path)", problem: "the folder could not be made; allowed: a folder, or a name that is free")
    }
    try write(text, to: file)
  }

  /// The summary and the scenario of a run that is whole: its summary is written last, with all that a run has, and its scenario is the one that
  /// is asked for.
  private static func finished(_ run: FedSim.Sweep.Run, in path: String, like expected: JSON?) -> (JSON, JSON)? {
    let folder = "\(path)/\(run.folder)"
    guard let summary = try? JSONParser.parse(InputFile.read("\(folder)/summary.json")).value,
      let resolved = try? JSONParser.parse(InputFile.read("\(folder)/scenario.json")).value,
      case .object(let object) = summary, object["stoppedBy"] == "rounds" || object["stoppedBy"] == "budget",
      case .object(var settings) = resolved, case .object(var asked)? = expected,
      ["rounds.jsonl", "rounds.csv", "model.safetensors"].allSatisfy({
        FileManager.default.fileExists(atPath: "\(folder)/\($0)")
      })
    else { return nil }
    // Repeats differ in the seed alone.
    guard settings["seed"] == .integer(Int(run.scenario.seed)), object["seed"] == settings["seed"] else { return nil }
    (settings["seed"], asked["seed"]) = (.integer(0), .integer(0))
    guard settings == asked, case .integer? = object["rounds"], object["finalAccuracy"] != nil else { return nil }
    return (summary, resolved)
  }

  private func write(_ text: String, to path: String) throws {
    do {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw ToolError.failed(place: path, reason: "could not be written")
    }
  }

  private func list(_ sweep: FedSim.Sweep) throws {
    var rows: [[String]] = []
    var objects: [JSON] = []
    for run in sweep.runs where run.repetition == 0 {
      let setup = try RunSetup(scenario: run.scenario, split: nil, threads: 1)
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
      try Console.result("\n\(sweep.runs.count) runs: \(rows.count) points, \(sweep.repeats) repeats")
    }
  }
}
