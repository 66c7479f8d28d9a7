import ArgumentParser
import Files
import Scenarios

struct Init: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a scenario to start from.",
    discussion: """
      Templates:

      \(ScenarioTemplate.all.map { "  " + $0.name + String(repeating: " ", count: max(13 - $0.name.count, 1)) + $0.summary }.joined(separator: "\n"))
      """)

  @Argument(help: "The file to write, or - for standard output.", completion: .file(extensions: ["json"]))
  var file = "scenario.json"

  @Option(
    help: ArgumentHelp(
      "Which one: \(ScenarioTemplate.all.map(\.name).joined(separator: ", ")).", valueName: "name"))
  var template = ScenarioTemplate.all[0].name

  @Flag(help: "Write every key with its default; null is \"not set\".")
  var full = false

  @Flag(help: "Replace a file that is already there.")
  var force = false

  func run() throws {
    guard let chosen = ScenarioTemplate.all.first(where: { $0.name == template }) else {
      throw ToolError.input(
        place: "--template",
        problem: "found \"\(template)\"; allowed: \(ScenarioTemplate.all.map(\.name).joined(separator: ", "))")
    }
    guard file != "-" else { return try Console.result(String(chosen.text(isFull: full).dropLast())) }
    guard !file.isEmpty else {
      throw ToolError.input(place: "fedsim init", problem: "found \"\"; allowed: the name of a file, or -")
    }
    if !force && FilePath.exists(file) {
      throw ToolError.input(
        place: file, problem: "the file is there already; allowed: another name, or --force to replace it")
    }
    let name = file.split(separator: "/").last.map { $0.hasSuffix(".json") ? String($0.dropLast(5)) : String($0) }
    let staged = try StagedFile(file)
    try staged.append(Array(chosen.text(scenarioName: name, isFull: full).utf8))
    try staged.keep()
    let argument = Shell.quoted(file)
    var next = [("validate \(argument)", "check it"), ("explain \(argument)", "what it means, before anything runs")]
    next.append(("run \(argument)", "train, and write everything to a folder"))
    if chosen.isSweep { next = [next[0], ("sweep \(argument)", "make all its runs, and one table of them")] }
    next.append(("schema privacy", "what the keys of a section mean; docs/scenario.md has all"))
    let width = next.map(\.0.count).max() ?? 0
    let lines = next.map { "  fedsim \($0)\(String(repeating: " ", count: width - $0.count + 3))\($1)" }
    try Console.result((["wrote \(file): \(chosen.summary)"] + lines).joined(separator: "\n"))
  }
}
