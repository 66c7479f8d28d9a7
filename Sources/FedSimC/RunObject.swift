import CFedSim
import FedSim
import JSONText
import RunFiles
import Synchronization

/// A run of a caller, who makes its rounds one at a time.
final class RunObject: NamedObject {
  static let kind = "a run"

  let number: Int64
  let setup: RunSetup
  private let folder: String?
  /// Whoever calls holds it until the call ends.
  private let execution: Mutex<RunExecution>
  private let progress = Mutex<RoundProgress?>(nil)

  init(_ execution: consuming RunExecution, folder: String?, number: Int64) {
    setup = execution.simulation.setup
    self.execution = Mutex(execution)
    (self.folder, self.number) = (folder, number)
  }

  /// Makes a call that fs_stop ends.
  private func stoppable<Result: Sendable>(_ body: (inout RunExecution) throws -> Result) throws -> Result {
    try execution.withLock { execution in
      fedsim_stop_enter(number)
      defer {
        fedsim_stop_leave(number)
        progress.withLock { $0 = nil }
      }
      return try body(&execution)
    }
  }

  /// The next round; nil where there is none.
  func next() throws -> JSON? {
    try stoppable { execution in
      let record = try execution.nextRound(
        stop: { isStopped(number) }, progress: { state in progress.withLock { $0 = state } })
      guard record != nil || execution.isOver else { throw Failure.stopped }
      return record?.json
    }
  }

  /// What is left to be written, and what the run came to.
  func finish() throws -> JSON {
    try stoppable { execution in
      let outcome = try execution.finish(stop: { isStopped(number) })
      guard outcome.isWhole || !execution.isOver else { throw Failure.stopped }
      return outcome.summary.json
    }
  }

  var about: JSON {
    let round = execution.withLock { $0.simulation.round }
    guard case .object(var line) = LiveLine.run(setup, folder: folder, after: round) else { return .null }
    line["parameters"] = .integer(setup.model.parameterCount)
    line["clients"] = .integer(setup.population.clientCount)
    return .object(line)
  }

  var parameters: [Float] { execution.withLock { $0.simulation.server.parameters } }

  /// The rounds that are done.
  var round: Int { execution.withLock { $0.simulation.round } }

  /// How far the call is that is going on; nil where none is, or none has said it yet.
  var state: RoundProgress? { progress.withLock { $0 } }
}
