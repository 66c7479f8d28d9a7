import Dispatch
import FedSim
import Files
import JSONText
import Platform
import Scenarios
import Synchronization

/// A sweep in a folder of its own: every point is checked before the first is trained, runs are made side by side, and tables are
/// written when all are whole.
///
///     let sweep = try Sweep(bytes, name: "tradeoff.json")
///     let execution = try SweepExecution(sweep, in: "sweeps/tradeoff", resuming: true)
///     let outcome = try execution.run(update: { print($0.done, "of", $0.total) })
///
/// A sweep that was stopped, or killed, goes on: runs that are whole are not made again. docs/run-files.md says what each file has.
public struct SweepExecution: Sendable {
  /// A run that has been made just now.
  public struct Progress: Sendable {
    public let run: Sweep.Run
    public let summary: RunSummary
    /// How many were made by this process, of those that it has to make.
    public let done: Int
    public let total: Int
    /// Since the first of them began.
    public let seconds: Double
  }

  public struct Outcome: Sendable {
    /// Of the runs that are whole.
    public let table: SweepTable
    /// The first run that is not whole; nil where all are.
    public let firstMissing: Sweep.Run?
    public var isWhole: Bool { firstMissing == nil }

    /// What `fedsim sweep --format json` prints: the points, and how many runs there are.
    ///
    /// - Parameter folder: the sweep's.
    public func json(folder: String) -> JSON {
      [
        "folder": .string(folder), "runs": .integer(table.rows.count), "plannedRuns": .integer(table.sweep.runs.count),
        "isWhole": .bool(isWhole), "points": table.json,
      ]
    }
  }

  public let sweep: Sweep
  public let path: String
  /// Whether the folder had no sweep before.
  public let isNew: Bool
  /// Runs that are not whole yet and are made.
  public let pending: [Sweep.Run]
  /// Runs that are not whole yet and have the same scenario as others: their files are copied.
  public let copies: [Sweep.Run]
  private let accounting: SharedAccounting
  /// The examples that the runs share.
  private let data = SharedData()
  /// What scenario.json of each run must say.
  private let expected: [JSON?]
  /// The first run with the same scenario, often itself.
  private let originals: [Int]
  /// One process at a time works in a sweep's folder.
  private let lock: FileLock

  /// Checks every point, and makes or opens the folder.
  ///
  /// - Parameters:
  ///   - resuming: whether a sweep that is there goes on.
  ///   - accounting: what the runs share.
  ///   - threads: how many read the examples; no result depends on it.
  ///   - warn: told each warning about data, once.
  /// - Throws: `ScenarioError` with the place of an axis's value that does not fit, `ToolError` where the folder has another sweep.
  public init(
    _ sweep: Sweep, in path: String, resuming: Bool = false, accounting: SharedAccounting = SharedAccounting(),
    threads: Int = 1, warn: (String) -> Void = { _ in }
  ) throws {
    (self.sweep, self.path, self.accounting) = (sweep, path, accounting)
    var points: [Int: JSON] = [:]
    try sweep.forEachPoint(accounting, data, threads: threads, warn: warn) { run, setup in
      // As it is read back: 1.0 is written as 1.
      points[run.point] = try JSONParser.parse(setup.resolved.text(pretty: false).utf8).value
    }
    let expected = sweep.runs.map { Self.expected($0, like: points[$0.point]) }
    let originals = Self.originals(expected)
    isNew = try Self.prepare(path, sweep, DataFingerprints(sweep), resuming: resuming)
    guard let lock = FileLock("\(path)/sweep.json") else {
      throw ToolError.failed(place: path, reason: "another fedsim sweep works there")
    }
    let missing = sweep.runs.filter { Self.finished($0, in: path, like: expected[$0.index]) == nil }
    pending = missing.filter { originals[$0.index] == $0.index }
    copies = missing.filter { originals[$0.index] != $0.index }
    (self.expected, self.originals, self.lock) = (expected, originals, lock)
  }

  /// Makes the runs that are missing, and the tables where all are whole.
  ///
  /// - Parameters:
  ///   - jobs: runs at a time; nil for as many as there are cores. Results do not depend on it.
  ///   - stop: asked by all jobs, before each round. A run that is stopped is made anew when the sweep goes on.
  ///   - update: told of each run that was made, by one job at a time.
  public func run(
    jobs: Int? = nil, stop: @escaping @Sendable () -> Bool = { false },
    update: @escaping @Sendable (Progress) -> Void = { _ in }
  ) throws -> Outcome {
    try SweepJobs(
      runs: pending, path: path, accounting: accounting, data: data, stop: stop, update: update
    ).work(jobs: jobs)
    for run in copies where !stop() { try copy(sweep.runs[originals[run.index]], to: run) }
    var rows: [SweepTable.Row] = []
    var firstMissing: Sweep.Run?
    for run in sweep.runs {
      if let (summary, resolved) = Self.finished(run, in: path, like: expected[run.index]) {
        rows.append(SweepTable.Row(run: run, summary: summary, resolved: resolved))
      } else {
        firstMissing = firstMissing ?? run
      }
    }
    let table = SweepTable(sweep, rows: rows)
    if firstMissing == nil {
      try StagedFile.write(table.lines, to: "\(path)/\(SweepFile.rows.name)")
      try StagedFile.write(table.csv, to: "\(path)/\(SweepFile.table.name)")
      try StagedFile.write(table.points, to: "\(path)/\(SweepFile.points.name)")
    }
    return Outcome(table: table, firstMissing: firstMissing)
  }

  /// Runs at a time, and threads of each: one while there are as many runs as cores.
  static func jobs(_ wanted: Int?, of runs: Int) -> (jobs: Int, threads: Int) {
    let cores = ResourceUsage.processorCount
    let jobs = max(1, min(wanted ?? cores, runs))
    return (jobs, max(1, cores / jobs))
  }

  // MARK: Folder

  /// - Returns: whether the sweep is new.
  private static func prepare(
    _ path: String, _ sweep: Sweep, _ data: DataFingerprints, resuming: Bool
  ) throws -> Bool {
    guard !path.isEmpty else {
      throw ToolError.input(place: "--out", problem: "found \"\"; allowed: the name of a folder")
    }
    let file = "\(path)/\(SweepFile.sweep.name)"
    let text = data.added(to: sweep.json).text(pretty: true) + "\n"
    if FilePath.exists(file) {
      guard resuming else {
        throw ToolError.input(
          place: path,
          problem: "there is a sweep already; allowed: --resume to go on with it, or another folder with --out")
      }
      try check(InputFile.read(file), is: Array(text.utf8), data, file)
      return false
    }
    // Empty where a sweep was killed before it had begun.
    if let found = try? FilePath.names(in: "\(path)/runs"), !found.isEmpty {
      throw ToolError.input(
        place: path, problem: "found runs without sweep.json; allowed: an empty folder, or another --out")
    }
    do throws(FileFailure) {
      try FilePath.makeFolder("\(path)/runs")
    } catch {
      throw ToolError.input(
        place: "--out \(path)",
        problem: "the folder could not be made (\(error.reason)); allowed: a folder, or a name that is free")
    }
    // What makes the sweep again, for reports; sweep.json last: with it there is a sweep.
    try StagedFile.write(String(decoding: sweep.source, as: UTF8.self), to: "\(path)/\(SweepFile.scenario.name)")
    try StagedFile.write(text, to: file)
    return true
  }

  private static func check(
    _ found: [UInt8], is wanted: [UInt8], _ data: DataFingerprints, _ file: String
  ) throws {
    guard found != wanted else { return }
    do {
      let (before, now) = try (JSONParser.parse(found).value, JSONParser.parse(wanted).value)
      if let changed = data.firstChange(from: before, to: now) {
        throw ToolError.input(
          place: changed,
          problem: "found other contents than those that the sweep of \(file) began with; allowed: --resume with "
            + "the data as they were, or another --out")
      }
    } catch let error as JSONSyntaxError {
      throw ToolError.input(
        place: "\(file):\(error.position.line):\(error.position.column)", problem: "damaged: \(error.message)")
    }
    throw ToolError.input(
      place: file,
      problem: "found another sweep than this scenario's; allowed: --resume with the same scenario, or another --out")
  }

  /// What the run's scenario.json says: repeats differ in the seed alone.
  private static func expected(_ run: Sweep.Run, like point: JSON?) -> JSON? {
    guard case .object(var settings)? = point else { return nil }
    settings["seed"] = .integer(Int(run.scenario.seed))
    // A source that makes its examples has a seed of its own, which is the scenario's where nobody gave one.
    var seeded = run.scenario
    seeded.data = seeded.data.seeded(seeded.seed)
    if case .object(var data)? = settings["data"], case .object(let own) = seeded.json,
      let seed = own[path: "data.seed"]
    {
      data["seed"] = seed
      settings["data"] = .object(data)
    }
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

  /// The summary and the scenario of a run that is whole: its summary is written last, with all that a run has, and its scenario is the one that
  /// is asked for.
  private static func finished(_ run: Sweep.Run, in path: String, like expected: JSON?) -> (JSON, JSON)? {
    let folder = "\(path)/\(run.folder)"
    guard let summary = try? JSONParser.parse(InputFile.read("\(folder)/summary.json")).value,
      let resolved = try? JSONParser.parse(InputFile.read("\(folder)/scenario.json")).value,
      case .object(let object) = summary, let reason = object["stoppedBy"],
      ["rounds", "budget", "evaluation"].contains(reason),
      let expected, resolved == expected, object["seed"] == .integer(Int(run.scenario.seed)),
      case .integer? = object["rounds"], object["finalAccuracy"] != nil,
      ["rounds.jsonl", "rounds.csv", "model.safetensors"].allSatisfy({ FilePath.exists("\(folder)/\($0)") })
    else { return nil }
    return (summary, resolved)
  }

  /// The files of a run for one that is the same; the summary last, as always.
  private func copy(_ original: Sweep.Run, to run: Sweep.Run) throws {
    let folder = try RunFolder(creating: "\(path)/\(run.folder)", replacing: true)
    for file in RunFolder.File.allCases.filter({ $0 != .summary }) + [.summary] {
      // A run without privacy has no ledger.
      guard let bytes = try InputFile.readIfThere("\(path)/\(original.folder)/\(file.rawValue)") else { continue }
      try folder.write(bytes, to: file)
    }
  }
}

extension Sweep {
  /// Sets up the first run of every point, and says what its data warn of.
  ///
  /// - Throws: `ScenarioError` with the place of the axis's value that does not fit.
  func forEachPoint(
    _ accounting: SharedAccounting, _ data: SharedData, threads: Int, warn: (String) -> Void,
    _ body: (Run, RunSetup) throws -> Void
  ) throws {
    try forEachPoint(
      warn: warn,
      setup: { try RunSetup(scenario: $0, split: nil, threads: threads, accounting: accounting, data: data) },
      body)
  }

  /// - Parameter make: sets a run up.
  func forEachPoint(
    warn: (String) -> Void, setup make: (Scenario) throws -> RunSetup, _ body: (Run, RunSetup) throws -> Void
  ) throws {
    var said = Set<String>()
    for run in runs where run.repetition == 0 {
      let setup: RunSetup
      do {
        setup = try make(run.scenario)
      } catch let error as ScenarioError {
        throw placed(error, in: run)
      }
      for warning in setup.dataWarnings where said.insert(warning).inserted { warn(warning) }
      try body(run, setup)
    }
  }
}

/// Runs side by side: each job takes the next one that nobody has begun.
private final class SweepJobs: Sendable {
  private struct State {
    var done = 0
    /// Jobs past their set-up.
    var inRounds = 0
    var error: (any Error)?
  }

  private let runs: [Sweep.Run]
  private let path: String
  private let accounting: SharedAccounting
  private let data: SharedData
  private let stop: @Sendable () -> Bool
  private let update: @Sendable (SweepExecution.Progress) -> Void
  private let start = ContinuousClock.now
  /// The run that is begun next.
  private let next = Atomic<Int>(0)
  private let state = Mutex(State())

  init(
    runs: [Sweep.Run], path: String, accounting: SharedAccounting, data: SharedData,
    stop: @escaping @Sendable () -> Bool, update: @escaping @Sendable (SweepExecution.Progress) -> Void
  ) {
    (self.runs, self.path, self.accounting, self.data) = (runs, path, accounting, data)
    (self.stop, self.update) = (stop, update)
  }

  func work(jobs wanted: Int?) throws {
    let (jobs, threads) = SweepExecution.jobs(wanted, of: runs.count)
    // A calibration or a load of data cannot be stopped half way, and nothing is lost with it: once stopped, only rounds are waited for.
    let isOver = DispatchSemaphore(value: 0)
    DispatchQueue.global().async {
      DispatchQueue.concurrentPerform(iterations: jobs) { _ in self.job(threads: threads) }
      isOver.signal()
    }
    while isOver.wait(timeout: .now() + .milliseconds(20)) == .timedOut {
      if stop(), state.withLock({ $0.inRounds == 0 }) { break }
    }
    if let error = state.withLock({ $0.error }) { throw error }
  }

  private func job(threads: Int) {
    while !stop(), state.withLock({ $0.error == nil }) {
      let i = next.wrappingAdd(1, ordering: .relaxed).oldValue
      guard i < runs.count else { return }
      do {
        guard try make(runs[i], threads: threads) else { return }
      } catch {
        state.withLock { $0.error = $0.error ?? error }
      }
    }
  }

  /// - Returns: whether the run is whole; it is not where all jobs stop.
  private func make(_ run: Sweep.Run, threads: Int) throws -> Bool {
    let began = ContinuousClock.now
    let simulation = try Simulation(
      scenario: run.scenario, threads: threads, accounting: accounting, data: data)
    let mayStart = state.withLock { state in
      let mayStart = !stop()
      if mayStart { state.inRounds += 1 }
      return mayStart
    }
    guard mayStart else { return false }
    defer { state.withLock { $0.inRounds -= 1 } }
    // What a killed run left behind is made anew.
    var execution = try RunExecution(
      withoutCheckpoints: consume simulation, in: "\(path)/\(run.folder)", began: began)
    let outcome = try execution.run(stop: stop)
    guard outcome.isWhole else { return false }
    state.withLock { state in
      state.done += 1
      update(
        SweepExecution.Progress(
          run: run, summary: outcome.summary, done: state.done, total: runs.count,
          seconds: (ContinuousClock.now - start).seconds))
    }
    return true
  }
}
