import ArgumentParser
import Files
import Platform
import Scenarios

/// How every command is told its scenario.
struct ScenarioOptions: ParsableArguments {
  @Argument(help: "The scenario file (JSON), or - for standard input.", completion: .file(extensions: ["json"]))
  var scenario: String

  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: ArgumentHelp(
      "Override a key, as in --set privacy.targetEpsilon=4; may be repeated. --set privacy=null removes the section (the codec must then be auto or float32).",
      valueName: "key=value"))
  var overrides: [String] = []

  /// Where files are sought that are not in the working directory: beside the scenario.
  var folder: String? { FilePath.folder(of: scenario) }

  /// - Parameter leavesSweep: whether a file with a sweep stands for its scenario without it.
  func load(leavesSweep: Bool = false) throws -> Scenario {
    let file = try ScenarioFile(
      InputFile.read(scenario), name: scenario, overrides: overrides, allowsSweep: leavesSweep, folder: folder)
    if file.sweep != nil {
      Console.error("This is the scenario without its sweep; fedsim sweep --dry-run explains every run of it.")
    }
    return try Scenario(file)
  }
}

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  case text
  case json
}

struct FormatOption: ParsableArguments {
  @Option(help: "text for people; json prints one JSON value to standard output and nothing else.")
  var format: OutputFormat = .text
}

/// The formats of a command that goes on for long.
enum LiveFormat: String, ExpressibleByArgument, CaseIterable {
  case text
  case json
  case jsonl
}

/// The formats of commands whose results are rows.
enum RowFormat: String, ExpressibleByArgument, CaseIterable {
  case text
  case json
  case csv
}

struct RowFormatOption: ParsableArguments {
  @Option(
    help: "text for people; json prints one JSON value to standard output and nothing else; csv has its keys as header."
  )
  var format: RowFormat = .text
}

struct ThreadsOption: ParsableArguments {
  @Option(help: "Threads; results do not depend on it. (default: all cores)")
  var threads: Int?

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads: found \(threads), allowed: 1 to 1024")
    }
  }

  var count: Int { threads ?? Self.all }

  /// As many as there are cores.
  static var all: Int { min(ResourceUsage.processorCount, 1024) }
}
