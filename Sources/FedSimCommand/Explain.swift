import ArgumentParser
import FedSim
import Reports

struct Explain: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Say what a scenario means before anything runs: clients, noise, predicted epsilon, bits, time and memory, assumptions."
  )

  @OptionGroup var options: ScenarioOptions
  @OptionGroup var formatting: FormatOption
  @OptionGroup var threading: ThreadsOption

  func run() throws {
    let explanation = Explanation(try RunSetup(explaining: options.load(), threads: threading.count))
    switch formatting.format {
    case .json: try Console.result(explanation.json.text(pretty: true))
    case .text: try Console.result(explanation.text)
    }
  }
}
