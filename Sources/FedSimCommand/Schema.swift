import ArgumentParser
import JSONText
import RunFiles
import Scenarios

struct Schema: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Every key of a scenario, or every column of what runs write: in words, or for programs.",
    discussion: """
      fedsim schema                    a JSON Schema (draft 2020-12) with range, default and meaning of every key
      fedsim schema privacy.delta      that key in words
      fedsim schema privacy            all keys of a section

      fedsim schema --records          every file that runs and sweeps write, with type, unit, coverage and meaning of every column and key
      fedsim schema --records points.csv --format json

      The schema has the rules about single keys; fedsim validate also knows what must go together. --records is docs/run-files.md.
      """)

  @Argument(
    help: "A key, such as privacy.delta, or a section; with --records a file, such as summary.json. (default: all)")
  var key: String?

  @Flag(help: "What runs and sweeps write, instead of what a scenario has.")
  var records = false

  @Option(help: "text or json. (default: json for all keys of a scenario, else text)")
  var format: OutputFormat?

  func run() throws {
    if records { return try printRecords() }
    guard let key else {
      if format == .text {
        let table = ScenarioTable.standard
        let sections = table.keys.map(\.path).filter { !$0.contains(".") } + table.sectionNames + ["sweep"]
        return try Console.result(sections.map { try ScenarioSchema.text(of: $0) }.joined(separator: "\n\n"))
      }
      return try Console.result(ScenarioSchema.json.text(pretty: true))
    }
    switch format ?? .text {
    case .json: try Console.result(ScenarioSchema.json(of: key).text(pretty: true))
    case .text: try Console.result(ScenarioSchema.text(of: key))
    }
  }

  private func printRecords() throws {
    switch format ?? .text {
    case .json:
      let found = try key.map { try RunFilesReference.json(of: $0) } ?? RunFilesReference.json
      try Console.result(found.text(pretty: true))
    case .text: try Console.result(RunFilesReference.terminalText(of: key))
    }
  }
}
