import ArgumentParser
import JSONText
import Scenarios

struct Schema: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Every key of a scenario: a JSON Schema for editors, or one key in words.",
    discussion: """
      fedsim schema                    a JSON Schema (draft 2020-12) with range, default and meaning of every key
      fedsim schema privacy.delta      that key in words
      fedsim schema privacy            all keys of a section

      The schema has the rules about single keys; fedsim validate also knows what must go together.
      """)

  @Argument(help: "A key, such as privacy.delta, or a section. (default: all, as JSON)")
  var key: String?

  @Option(help: "text or json. (default: text for a key, json for all)")
  var format: OutputFormat?

  func run() throws {
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
}
