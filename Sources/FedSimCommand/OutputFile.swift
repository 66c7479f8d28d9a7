import Files
import Scenarios

extension InputFiles {
  /// Adds the scenario and the files that its data come from.
  mutating func add(_ scenario: Scenario, from path: String) {
    add(path, as: "the scenario")
    for file in scenario.data.paths { add(file, as: "data of the scenario") }
    if let file = scenario.initialModel { add(file, as: "the model that the scenario starts from") }
  }
}

/// Files that commands write.
enum OutputFile {
  /// - Throws: `ToolError.input` where a folder is asked for and `path` says standard output, or nothing.
  static func checkFolder(_ path: String, flag: String) throws(ToolError) {
    guard path != "-" else {
      throw .input(
        place: flag, problem: "found -, which is standard output; allowed: a folder (./- is one of that name)")
    }
    guard !path.isEmpty else { throw .input(place: flag, problem: "found \"\"; allowed: the name of a folder") }
  }
}
