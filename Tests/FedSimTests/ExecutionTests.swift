import Foundation
import Synchronization
import Testing

@testable import FedSim
@testable import Files
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

  private let text = smallScenario.replacing(
    "\"rounds\": 4,",
    with: "\"rounds\": 2, \"sweep\": {\"axes\": {\"training.learningRate\": [0.5, 1]}, \"repeats\": 2},")

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
}
