import ArgumentParser
import Files
import Reports

struct Compare: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "What differs between two runs or sweeps, or the points of one: settings, and results with the spread of repeats."
  )

  @Argument(help: "Folder of a run or of a sweep.", completion: .directory)
  var first: String

  @Argument(
    help: "The other one; without it, the points of the sweep are compared with its first.", completion: .directory)
  var second: String?

  @OptionGroup var formatting: FormatOption

  func run() throws {
    let sources = try ([first] + (second.map { [$0] } ?? [])).map { folder in
      try Report.Source(path: folder, readsRuns: false) { name throws(ToolError) in
        try InputFile.readIfThere("\(folder)/\(name)")
      }
    }
    for problem in sources.flatMap(\.problems) { Console.failure(problem) }
    let comparison = try compared(sources)
    switch formatting.format {
    case .json: try Console.result(comparison.json.text(pretty: true))
    case .text: try Console.result(comparison.text)
    }
  }

  private func compared(_ sources: [Report.Source]) throws -> Comparison {
    if sources.count == 2 { return Comparison(sources[0], sources[1]) }
    guard let comparison = Comparison(pointsOf: sources[0]) else {
      throw ToolError.input(
        place: first, problem: "found one point alone; allowed: a second folder, or a sweep of several points")
    }
    return comparison
  }
}
