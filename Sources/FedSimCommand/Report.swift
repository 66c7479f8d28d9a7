import ArgumentParser
import Files
import Reports

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "One page about runs or sweeps: charts, tables, guarantees; no network.",
    discussion: """
      Beside the page a folder NAME-files gets every chart as .svg and .pdf, with
      its numbers as .csv, and every table as .csv (means and standard errors in
      columns of their own) and .md.

        fedsim report sweeps/tradeoff
        fedsim report runs/a runs/b --out both.html

      A file that is damaged or lacks a key is named, and the rest of the report is
      made (exit code 1).
      """)

  @Argument(help: "Folders of runs or sweeps.", completion: .directory)
  var folders: [String]

  @Option(help: "The page.")
  var out = "report.html"

  func run() throws {
    var sources: [Report.Source] = []
    var problems: [String] = []
    var inputs = InputFiles()
    var seen = Set<String>()
    for folder in folders {
      // A tab key completes a name with a slash.
      guard seen.insert(Self.plain(folder)).inserted else {
        throw ToolError.input(place: folder, problem: "found twice among the folders; allowed: each once")
      }
      do throws(ToolError) {
        let source = try Report.Source(path: folder) { name throws(ToolError) in
          inputs.add("\(folder)/\(name)", as: "a file of \(folder)")
          return try InputFile.readIfThere("\(folder)/\(name)")
        }
        for problem in source.problems { Console.failure(problem) }
        sources.append(source)
      } catch {
        problems.append("\(error)")
        Console.failure(error)
      }
    }
    guard !sources.isEmpty else { throw ExitCode(2) }
    let report = Report(sources, problems: problems)
    guard out.hasSuffix(".html"), out.count > 5 else {
      throw ToolError.input(place: "--out", problem: "found \"\(out)\"; allowed: a name that ends in .html")
    }
    // Never the name of a sweep's or a run's own folder.
    let base = String(out.dropLast(5)) + "-files"
    let files =
      report.charts.flatMap { chart in
        [("svg", chart.svg), ("pdf", chart.pdf), ("csv", chart.csv)].map { ("\(base)/\(chart.name).\($0)", $1) }
      }
      + report.tables.flatMap { table in
        [("csv", table.csv), ("md", table.markdown)].map { ("\(base)/\(table.name).\($0)", $1) }
      }
    for name in [out] + files.map(\.0) { try inputs.refuse(name, flag: "--out") }
    try StagedFile.write(report.html, to: out)
    try FilePath.makeFolder(base)
    for (name, text) in files { try StagedFile.write(text, to: name) }
    Console.error(
      "\(out): \(Text.counted(report.charts.count, "chart")) (.svg, .pdf, .csv), \(Text.counted(report.tables.count, "table")) (.csv, .md); each also in \(base)/"
    )
    if !problems.isEmpty || sources.contains(where: { !$0.problems.isEmpty }) { throw ExitCode(1) }
  }

  /// A folder's name without slashes at its end.
  private static func plain(_ folder: String) -> String {
    var name = folder[...]
    while name.count > 1, name.hasSuffix("/") { name.removeLast() }
    return String(name)
  }
}
