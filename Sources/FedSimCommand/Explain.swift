import ArgumentParser
import FedSim
import Reports
import Scenarios

struct Explain: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Say what a scenario means before anything runs: clients, noise, predicted epsilon, bits, time and memory, assumptions."
  )

  @OptionGroup var options: ScenarioOptions
  @OptionGroup var formatting: FormatOption
  @OptionGroup var threading: ThreadsOption

  @Option(
    help: ArgumentHelp(
      "Train this many rounds without messages, and predict bits at the norms of their updates, where otherwise they are those of the longest "
        + "updates, |x| = C. It looks at the clients' data: outside the guarantee.",
      valueName: "rounds"))
  var pilot: Int?

  func run() throws {
    let explanation = try explanation(of: options.load(leavesSweep: true))
    switch formatting.format {
    case .json: try Console.result(explanation.json.text(pretty: true))
    case .text: try Console.result(explanation.text)
    }
  }

  private func explanation(of scenario: Scenario) throws -> Explanation {
    guard let pilot else { return Explanation(try RunSetup(explaining: scenario, threads: threading.count)) }
    try RunPilot.check(scenario, rounds: pilot)
    let setup = try RunSetup(scenario: scenario, split: nil, threads: threading.count)
    return Explanation(setup, pilot: try RunPilot(setup, rounds: pilot))
  }
}
