import ArgumentParser
import FedSim

struct Validate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check a scenario: keys, values, what goes together, whether its epsilon can be proved.")

  @OptionGroup var options: ScenarioOptions
  @OptionGroup var formatting: FormatOption

  func run() throws {
    let setup = try RunSetup(scenario: options.load(), split: nil, threads: 1)
    for warning in setup.warnings { Console.error("warning: \(warning)") }
    switch formatting.format {
    case .json: try Console.result(setup.resolved.text(pretty: true))
    case .text:
      try Console.result("\(options.scenario): valid")
    }
  }
}
