import ArgumentParser
import FedSim

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

/// All bytes of a file or a pipe; nil where it cannot be read.
private func readWhole(_ path: String) -> [UInt8]? {
  guard let file = fopen(path, "r") else { return nil }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = fread(&chunk, 1, chunk.count, file)
    bytes.append(contentsOf: chunk[..<count])
    if count < chunk.count { return ferror(file) == 0 ? bytes : nil }
  }
}

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

  func load() throws -> Scenario {
    let name = scenario == "-" ? "/dev/stdin" : scenario
    guard let bytes = readWhole(name) else {
      let reason = FileManager.default.fileExists(atPath: name) ? "the file could not be read" : "there is no such file"
      throw InputError(description: "\(scenario): \(reason)")
    }
    return try Scenario(ScenarioFile(bytes, name: scenario, overrides: overrides))
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

struct ThreadsOption: ParsableArguments {
  @Option(help: "Threads; results do not depend on it. (default: all cores)")
  var threads: Int?

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads: found \(threads), allowed: 1 to 1024")
    }
  }

  var count: Int { threads ?? min(max(ProcessInfo.processInfo.activeProcessorCount, 1), 1024) }
}
