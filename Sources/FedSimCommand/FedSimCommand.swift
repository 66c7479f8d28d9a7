import ArgumentParser
import Files
import JSONText
import Numerics
import Platform
import RunFiles
import Scenarios

@main
struct FedSimCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fedsim",
    abstract: "Shows what private federated learning really costs: privacy, bits, accuracy.",
    discussion: """
      A scenario is a JSON file (docs/scenario.md lists every key). Start with

        fedsim explain scenarios/digits.json    what it means, before anything runs
        fedsim run scenarios/digits.json        train, and write everything to runs/digits-1; --resume goes on after any stop
        fedsim init my.json, fedsim schema      a scenario to start from; every key with its range and default
        fedsim sweep scenarios/tradeoff.json    many runs, one table
        fedsim account, fedsim calibrate        what rounds cost, what a budget buys
        fedsim plan                             what a federation would cost, without data
        fedsim channel                          the channel alone: sample, encode, decode, bench, verify

      Exit codes: 0 done, 1 failed, 2 usage or bad input, 130 interrupted, 143 terminated,
      129 hung up, 141 nobody read on (what was done is kept; --resume goes on).
      """,
    version: FedSimVersion.current,
    subcommands: [
      Run.self, Validate.self, Explain.self, Init.self, Schema.self, Account.self, Calibrate.self, Plan.self,
      SweepCommand.self,
      ReportCommand.self,
      Compare.self,
      ChannelCommand.self,
    ])

  /// ArgumentParser's own exit code for wrong usage is 64; ours is 2 for every kind of bad input.
  static func main() {
    Kernels.keepFreedMemory()
    MemoryLimit.report()
    do {
      try checkName()
      var command = try parseAsRoot()
      try command.run()
    } catch let code as ExitCode {
      endProcess(code.rawValue)
    } catch {
      let code = exitCode(for: error)
      if code.isSuccess {
        try? Console.result(fullMessage(for: error))
        endProcess(0)
      }
      switch error {
      case is ScenarioError, is InputError: Console.failure(error)
      case let tool as ToolError:
        Console.failure(tool)
        if case .failed = tool { endProcess(1) }
      case let folder as RunFolderError:
        Console.failure(folder)
        switch folder {
        case .failed, .busy: endProcess(1)
        case .unusable, .occupied, .notResumable: break
        }
      case _ where code == .validationFailure: Console.error(fullMessage(for: error))
      default:
        Console.failure(error)
        endProcess(1)
      }
      endProcess(2)
    }
  }

  /// Otherwise the first flag of a command that is not there would be blamed.
  private static func checkName() throws {
    let names = configuration.subcommands.map { $0._commandName } + ["help"]
    guard let name = CommandLine.arguments.dropFirst().first, !name.hasPrefix("-"), !names.contains(name) else {
      return
    }
    throw InputError(description: "found \"\(name)\"; allowed: \(names.joined(separator: ", "))")
  }
}

/// Outside `FedSimCommand`, whose own `exit` would hide the system's.
private func endProcess(_ code: Int32) -> Never { exit(code) }

/// Input that is not a scenario's text: a file that cannot be read, a flag out of range.
struct InputError: Error, CustomStringConvertible {
  let description: String
}
