import ArgumentParser
import FedSim
import Files
import JSONText
import RunFiles
import Scenarios

struct Validate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check a scenario: keys, values, what goes together, whether its epsilon can be proved.")

  @OptionGroup var options: ScenarioOptions
  @OptionGroup var threading: ThreadsOption
  @OptionGroup var formatting: FormatOption

  func run() throws {
    let bytes = try InputFile.read(options.scenario)
    if case .object(let root)? = try? JSONParser.parse(bytes).value, root["sweep"] != nil {
      let sweep = try RunFiles.Sweep(
        bytes, name: options.scenario, overrides: options.overrides, folder: options.folder)
      var said = Set<String>()
      let data = SharedData()
      for run in sweep.runs where run.repetition == 0 {
        let setup = try RunSetup(
          validating: run.scenario, threads: threading.count, data: data)
        for warning in setup.dataWarnings where said.insert(warning).inserted { Console.warning(warning) }
      }
      if formatting.format == .json { return try Console.result(sweep.json.text(pretty: true)) }
      return try Console.result("\(options.scenario): valid, a sweep of \(sweep.runs.count) runs")
    }
    let setup = try RunSetup(
      validating: Scenario(
        ScenarioFile(bytes, name: options.scenario, overrides: options.overrides, folder: options.folder)),
      threads: threading.count)
    for warning in setup.warnings { Console.warning(warning) }
    switch formatting.format {
    case .json: try Console.result(setup.resolved.text(pretty: true))
    case .text:
      try Console.result("\(options.scenario): valid")
    }
  }
}
