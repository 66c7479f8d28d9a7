import ArgumentParser
import Files
import Reports

struct Compare: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "What differs between two runs or sweeps: settings, and results with the spread of repeats.")

  @Argument(help: "Folder of a run or of a sweep.", completion: .directory)
  var first: String

  @Argument(help: "The other one.", completion: .directory)
  var second: String

  @OptionGroup var formatting: FormatOption

  func run() throws {
    let sources = try [first, second].map { folder in
      try Report.Source(path: folder, readsRuns: false) { name throws(ToolError) in
        try InputFile.readIfThere("\(folder)/\(name)")
      }
    }
    for problem in sources.flatMap(\.problems) { Console.failure(problem) }
    let comparison = Comparison(sources[0], sources[1])
    switch formatting.format {
    case .json: try Console.result(comparison.json.text(pretty: true))
    case .text: try Console.result(comparison.text)
    }
  }
}
