import Foundation
import Synchronization
import Testing

@testable import FedSim
@testable import Files
@testable import JSONText
@testable import RunFiles
@testable import Scenarios

/// Runs and sweeps in folders, made by the library alone.
@Suite struct ExecutionTests {
  private func files(_ path: String, in folder: String) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in try FilePath.names(in: "\(folder)/\(path)") where !["timings.json", "state.bin"].contains(name) {
      files[name] = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(path)/\(name)"))
    }
    return files
  }

  private func execution(_ path: String, _ start: RunExecution.Start) throws -> RunExecution {
    try RunExecution(Simulation(scenario: scenario(), threads: 1), in: path, start: start)
  }

  @Test func aRunIsStoppedAndGoesOn() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var whole = try execution("\(folder)/whole", .new)
    var rounds: [Int] = []
    let outcome = try whole.run(update: { rounds.append($0.round) })
    #expect(outcome.isWhole && rounds == [1, 2, 3, 4] && outcome.summary.stoppedBy == .rounds)

    var first = try execution("\(folder)/stopped", .resuming)
    let half = try first.run(stop: { rounds.count == 6 }, update: { rounds.append($0.round) })
    #expect(!half.isWhole && half.summary.stoppedBy == .interrupted && half.summary.records.count == 2)
    #expect(try files("stopped", in: folder) != files("whole", in: folder))
    // Nobody else works there as long as the first one lives.
    #expect(throws: RunFolderError.busy(path: "\(folder)/stopped")) { try execution("\(folder)/stopped", .resuming) }
    _ = consume first
    #expect(throws: RunFolderError.occupied(path: "\(folder)/stopped", file: "scenario.json")) {
      try execution("\(folder)/stopped", .new)
    }

    var second = try execution("\(folder)/stopped", .resuming)
    #expect(second.records.map(\.round) == [1, 2])
    let rest = try second.run(update: { rounds.append($0.round) })
    #expect(rest.isWhole && rounds == [1, 2, 3, 4, 1, 2, 3, 4] && rest.summary.records.count == 4)
    #expect(try files("stopped", in: folder) == files("whole", in: folder))
    _ = consume second
    var replaced = try execution("\(folder)/stopped", .replacing)
    #expect(replaced.records.isEmpty)
    #expect(try replaced.run().isWhole)
    #expect(try files("stopped", in: folder) == files("whole", in: folder))
  }

  /// Rounds of about 40 clients: the first ones of a process in batches of 4, 8 and more.
  private func longRounds(_ overrides: [String]) throws -> Simulation {
    try Simulation(
      scenario: scenario(["rounds=3", "evaluation.every=3", "cohort.size=44"] + overrides), threads: 2)
  }

  /// A round that was abandoned is made again with the same result, as if nothing had been.
  @Test(arguments: [
    ["channel.coded=0.1"], ["privacy=null", "channel.codec=float32", "training.algorithm=scaffold"],
  ])
  func anAbandonedRoundLeavesNoTrace(overrides: [String]) throws {
    var whole = try longRounds(overrides)
    var simulation = whole
    let first = try #require(try whole.nextRound())
    #expect(try simulation.nextRound() == first)
    let before = simulation.state
    var told: [RoundProgress] = []
    #expect(throws: SimulationError.abandoned(round: 2)) {
      try simulation.nextRound { progress in
        told.append(progress)
        return false
      }
    }
    #expect(told.count == 1 && simulation.round == 1 && simulation.state == before)
    #expect(told.allSatisfy { $0.round == 2 && $0.done < $0.drawn && $0.timeLeft ?? .zero > .zero })
    for _ in 2...3 { #expect(try simulation.nextRound() == whole.nextRound()) }
    #expect(simulation.state == whole.state && simulation.mostTimesDrawn == whole.mostTimesDrawn)
  }

  /// A stop within a round that would take too long leaves a run that goes on from the round before.
  @Test func aStopWithinARoundLeavesTheRoundsBefore() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let make = { (name: String, start: RunExecution.Start) in
      try RunExecution(longRounds(["channel.coded=0.1"]), in: "\(folder)/\(name)", start: start)
    }
    var whole = try make("whole", .new)
    #expect(try whole.run().isWhole)
    do {
      var stopped = try make("stopped", .new)
      stopped.patience = .zero
      var isAsked = false
      let outcome = try stopped.run(stop: { isAsked }, progress: { isAsked = $0.round == 2 })
      #expect(!outcome.isWhole && outcome.summary.records.count == 1)
    }
    var patient = try make("stopped", .resuming)
    #expect(patient.records.count == 1)
    // With more patience than a round takes, it is finished.
    var isAsked = false
    let outcome = try patient.run(stop: { isAsked }, progress: { _ in isAsked = true })
    #expect(outcome.summary.records.count == 2)
    _ = consume patient
    var rest = try make("stopped", .resuming)
    #expect(try rest.run().isWhole)
    #expect(try files("stopped", in: folder) == files("whole", in: folder))
  }

  private let text = smallScenario.replacing(
    "\"rounds\": 4,",
    with: "\"rounds\": 2, \"sweep\": {\"axes\": {\"training.learningRate\": [0.5, 1]}, \"repeats\": 2},")

  /// Data that are made have a seed, which is the run's where the scenario names none: every repeat is whole when it is read back.
  @Test(arguments: ["", "\"seed\": 9, "]) func repeatsOfGeneratedDataAreWhole(seed: String) throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let generated = text.replacing(
      "\"source\": \"digits\"", with: "\"source\": \"mixture\", \(seed)\"examples\": 300, \"features\": 4")
    let outcome = try SweepExecution(Sweep(Array(generated.utf8), name: "s.json"), in: folder).run(jobs: 1)
    #expect(outcome.isWhole && outcome.table.rows.count == 4)
    let seeds = outcome.table.rows.map { row -> JSON? in
      guard case .object(let resolved) = row.resolved else { return nil }
      return resolved[path: "data.seed"]
    }
    #expect(Set(seeds.map { "\($0 ?? .null)" }).count == (seed.isEmpty ? 2 : 1), "\(seeds)")
  }

  @Test func aSweepIsStoppedAndGoesOn() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let sweep = try Sweep(Array(text.utf8), name: "s.json")
    try #require(sweep.runs.count == 4)
    let whole = try SweepExecution(sweep, in: "\(folder)/whole").run(jobs: 2)
    #expect(whole.isWhole && whole.table.rows.count == 4)

    let done = Mutex<[Int]>([])
    let update = { @Sendable (progress: SweepExecution.Progress) in done.withLock { $0.append(progress.done) } }
    do {
      let first = try SweepExecution(sweep, in: "\(folder)/stopped", resuming: true)
      #expect(first.isNew && first.pending.count == 4 && first.copies.isEmpty)
      let half = try first.run(jobs: 1, stop: { done.withLock { $0.count == 1 } }, update: update)
      #expect(!half.isWhole && half.table.rows.count == 1 && half.firstMissing?.index == 1)
      #expect(!FilePath.exists("\(folder)/stopped/runs.csv"))
      let error = #expect(throws: ToolError.self) { try SweepExecution(sweep, in: "\(folder)/stopped", resuming: true) }
      #expect(error?.description == "\(folder)/stopped: another fedsim sweep works there")
    }
    let error = #expect(throws: ToolError.self) { try SweepExecution(sweep, in: "\(folder)/stopped") }
    #expect(error?.description.contains("there is a sweep already") == true)
    let second = try SweepExecution(sweep, in: "\(folder)/stopped", resuming: true)
    #expect(!second.isNew && second.pending.map(\.index) == [1, 2, 3])
    #expect(try second.run(jobs: 2, update: update).isWhole && done.withLock { $0 } == [1, 1, 2, 3])
    for run in sweep.runs {
      #expect(try files("stopped/\(run.folder)", in: folder) == files("whole/\(run.folder)", in: folder))
    }
    for file in SweepFile.all {
      #expect(
        try Data(contentsOf: URL(fileURLWithPath: "\(folder)/stopped/\(file.name)"))
          == Data(contentsOf: URL(fileURLWithPath: "\(folder)/whole/\(file.name)")), "\(file.name)")
    }
  }

  /// Every point is checked before a folder is made.
  @Test func aPointThatDoesNotFitLeavesNoFolder() throws {
    let folder = scratchPath()
    let wrong = text.replacing("[0.5, 1]}", with: "[0.5, 1], \"cohort.size\": [20, 100000]}")
    let sweep = try Sweep(Array(wrong.utf8), name: "s.json")
    let error = #expect(throws: ScenarioError.self) { try SweepExecution(sweep, in: folder) }
    #expect(error?.description.contains("sweep.axes[\"cohort.size\"][1]") == true, "\(String(describing: error))")
    #expect(!FilePath.exists(folder))
  }

  // MARK: Step by step

  /// Rounds made one at a time, with a summary in between that speaks of fewer, come to the files of a run made at once.
  @Test func roundsOneAtATimeAreTheRun() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var whole = try execution("\(folder)/whole", .new)
    let outcome = try whole.run()

    var steps = try execution("\(folder)/steps", .new)
    let first = try #require(try steps.nextRound())
    #expect(first == whole.records.first && steps.records == [first])
    // A stop before a round changes nothing.
    #expect(try steps.nextRound(stop: { true }) == nil && steps.records.count == 1 && !steps.isOver)
    let early = try steps.finish()
    #expect(!early.isWhole && early.summary.stoppedBy == .interrupted && early.summary.records.count == 1)
    #expect(FilePath.exists("\(folder)/steps/summary.json"))
    #expect(try steps.nextRound()?.round == 2)
    // What was written of an earlier end is gone.
    #expect(!FilePath.exists("\(folder)/steps/summary.json") && !FilePath.exists("\(folder)/steps/model.safetensors"))
    while try steps.nextRound() != nil {}
    #expect(try steps.isOver && steps.nextRound() == nil)
    for _ in 1...2 {
      let last = try steps.finish()
      #expect(last.isWhole && last.summary.json == outcome.summary.json)
    }
    #expect(try files("steps", in: folder) == files("whole", in: folder))
  }

  /// A run that is finished before its first round is one that can be resumed.
  @Test func aRunIsFinishedBeforeItsFirstRound() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    do {
      var none = try execution("\(folder)/none", .new)
      let outcome = try none.finish()
      #expect(!outcome.isWhole && outcome.summary.records.isEmpty)
    }
    var rest = try execution("\(folder)/none", .resuming)
    #expect(try rest.run().isWhole)
    var whole = try execution("\(folder)/whole", .new)
    #expect(try whole.run().isWhole)
    #expect(try files("none", in: folder) == files("whole", in: folder))
  }

  /// Without a folder the rounds and the summary are the same, and nothing is written.
  @Test func aRunWithoutAFolder() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var whole = try execution("\(folder)/whole", .new)
    let wanted = try whole.run().summary.json
    var free = RunExecution(try Simulation(scenario: scenario(), threads: 2))
    #expect(free.folder == nil)
    while try free.nextRound() != nil {}
    let outcome = try free.finish()
    #expect(outcome.isWhole && outcome.summary.json == wanted && free.records == whole.records)
  }

  /// Where a row could not be written memory is ahead of the disk: nothing more is made, and the disk can be resumed.
  @Test func whatCouldNotBeWrittenEndsTheRun() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var whole = try execution("\(folder)/whole", .new)
    #expect(try whole.run().isWhole)
    do {
      var broken = try execution("\(folder)/broken", .new)
      #expect(try broken.nextRound()?.round == 1)
      let table = "\(folder)/broken/rounds.csv"
      try FileManager.default.removeItem(atPath: table)
      try FileManager.default.createDirectory(atPath: table, withIntermediateDirectories: false)
      #expect(throws: RunFolderError.self) { try broken.nextRound() }
      try FileManager.default.removeItem(atPath: table)
      #expect(throws: RunFolderError.self) { try broken.nextRound() }
      #expect(throws: RunFolderError.self) { try broken.finish() }
      #expect(broken.records.count == 1)
    }
    var rest = try execution("\(folder)/broken", .resuming)
    #expect(try rest.run().isWhole)
    #expect(try files("broken", in: folder) == files("whole", in: folder))
  }
}
