import FedSim
import Files
import JSONText

/// The reference of every file of a run's and of a sweep's folder, and of every figure in them: docs/run-files.md and
/// `fedsim schema --records`, made from one table (`RecordFile`).
public enum RunFilesReference {
  // MARK: docs/run-files.md

  public static var text: String {
    ([introduction, runFolder] + RecordFile.ofRuns.compactMap(section) + [sweepFolder]
      + RecordFile.ofSweeps.compactMap(section)).joined(separator: "\n")
  }

  private static let introduction = """
    # Files of a run and of a sweep

    Made from the tables in `Sources/FedSim/RoundFields.swift`, `Sources/FedSim/SummaryFields.swift` and `Sources/RunFiles/Records`; a test
    keeps it up to date. `fedsim schema --records` prints the same, `fedsim schema --records summary.json` one file of it, and
    `--format json` makes it one JSON value for programs: `runs` and `sweeps` are lists of files with `files` (their names), `content`,
    `covered`, `onlyWith` and `columns`, each of which has `name`, `type`, `mayBeNull`, `unit`, `covered`, `onlyWith` and `meaning`.

    The column "covered" says whether the guarantee of the run speaks of a figure. What it does not cover is a diagnostic of the simulation, a
    function of the clients' data without noise, and is listed in `outsideGuarantee` of `summary.json`. Figures that follow from the number of
    clients are public constants, and are not covered where neighboring data have one client more or less (`add-or-remove`). The number of
    classes and the shape of an example, and with them the size of the model, count as public too. Where somebody stopped a run, its
    last round was chosen by looking: what tells that round is covered no more (docs/privacy.md).

    A dotted name stands for nested objects: `uplink.wireBytes` is `wireBytes` in `uplink`; `views[].epsilon` is `epsilon` in each element of the
    list `views`. A share is a number from 0 to 1. Words of the tables, such as z, C, I(X;Y) and F, are in docs/terms.md.

    """

  private static var runFolder: String {
    section(
      "The folder of a run",
      "A run writes these files. `classes.json`, `columns.json`, `summary.json`, `model.safetensors`, `timings.json` and `state.bin` are there as a whole or "
        + "not at all; rows appear as soon as their round is done, and a row that was cut off is dropped when the run is resumed.",
      ["file", "content", "covered"],
      RunFolder.File.allCases.map { ["`\($0.rawValue)`", $0.meaning, $0.coverage] })
        + """

        With `--tensorboard` there is also `events.out.tfevents.SECONDS.fedsim`, one for each process that made rounds: their figures as scalars for TensorBoard, with the time at
        which each was made ([live.md](live.md)). It differs from one run to the next, as `timings.json` does, and no guarantee covers it.

        """
  }

  private static var sweepFolder: String {
    let files = RecordFile.ofSweeps.flatMap { file in file.names.map { (name: $0, file: file) } }
      .filter { named in SweepFile.all.contains { $0.name == named.name } }
    return section(
      "The folder of a sweep",
      """
      The tables are written when all runs are whole. The guarantee is of each single run: none is given for all runs of a sweep together, whose
      epsilons add up where the clients are the same, nor for a choice among its points.
      """,
      ["file", "content", "covered"],
      files.map { name, file in
        ["`\(name)`", SweepFile.all.first { $0.name == name }?.meaning ?? "", file.coverage]
      } + [
        [
          "`runs/0000` ...",
          "a folder for each run, as above, without `state.bin`: a run of a sweep that was stopped is made anew",
          "file by file",
        ]
      ])
  }

  /// The columns of a file; nil where it has none.
  private static func section(_ file: RecordFile) -> String? {
    guard !file.columns.isEmpty else { return nil }
    return section(
      file.names.joined(separator: " and "), note(file),
      ["figure", "type", "unit", "covered", "meaning"],
      file.columns.map { column in
        ["`\(column.name)`", column.typeInWords, column.unit, column.coverage, meaning(column)]
      })
  }

  private static func meaning(_ column: RecordColumn) -> String {
    column.meaning + (column.onlyWith.map { "; only with \($0)" } ?? "")
  }

  private static func note(_ file: RecordFile) -> String {
    switch file.names[0] {
    case RunFolder.File.rounds.rawValue:
      """
      Each line of `rounds.jsonl` is an object for one round. `rounds.csv` has the same figures as columns of these names. A figure that a round
      lacks is null, or an empty cell; where \(RoundFields.objectsThatMayBeNull.sorted().map { "`\($0)`" }.joined(separator: ", ")) has \
      none of its figures, it is null as a whole.
      """
    case RunFolder.File.summary.rawValue:
      "One object, written when the run ends or is stopped, with these keys in this order."
    case RunFolder.File.timings.rawValue:
      "These are the only figures of a run, but for the times in a file for TensorBoard, that differ between two machines."
    case SweepFile.points.name:
      """
      What is measured differs from repeat to repeat: it has a mean and, in `X.standardError`, the standard error of that mean (the standard
      deviation over repeats, over the square root of their number). What follows from the plan has one value and no standard error.
      """
    case SweepFile.rows.name:
      "A JSON object a line, or a row a run; arrays in `runs.csv` are JSON in quotes."
    case SweepRecords.printed:
      """
      One JSON value on standard output, and in no file. A figure that no repeat of a point has is null as a whole.
      """
    default: Text.wrapped(file.content.prefix(1).uppercased() + file.content.dropFirst() + ".", width: 140)
    }
  }

  private static func section(_ title: String, _ text: String, _ header: [String], _ rows: [[String]]) -> String {
    let lines = [header, header.map { _ in "---" }] + rows
    return "## \(title)\n\n\(text)\n\n" + lines.map { "| " + $0.joined(separator: " | ") + " |\n" }.joined()
  }

  // MARK: fedsim schema --records

  /// The same as one JSON value.
  public static var json: JSON {
    [
      "format": "fedsim-records-1", "runs": .array(RecordFile.ofRuns.map(\.json)),
      "sweeps": .array(RecordFile.ofSweeps.map(\.json)),
    ]
  }

  /// The same for a terminal.
  ///
  /// - Parameter name: a file, such as `points.csv`; nil for all.
  /// - Throws: `ToolError.input` where no run and no sweep writes such a file.
  public static func terminalText(of name: String? = nil) throws(ToolError) -> String {
    let chosen = try files(named: name)
    return chosen.map { place, file in text(of: file, place) }.joined(separator: "\n\n")
  }

  /// As `terminalText`, as JSON: a list of the files of that name.
  public static func json(of name: String) throws(ToolError) -> JSON {
    .array(try files(named: name).map(\.file.json))
  }

  private static func files(named name: String?) throws(ToolError) -> [(place: String, file: RecordFile)] {
    let all = RecordFile.ofRuns.map { ("a run", $0) } + RecordFile.ofSweeps.map { ("a sweep", $0) }
    guard let name else { return all }
    let found = all.filter { $0.1.names.contains(name) }
    guard !found.isEmpty else {
      let names = (RecordFile.ofRuns + RecordFile.ofSweeps).flatMap(\.names)
      throw .input(
        place: "schema --records",
        problem: "found \"\(name)\"; allowed: nothing, or a file: \(names.joined(separator: ", "))")
    }
    return found
  }

  private static func text(of file: RecordFile, _ place: String) -> String {
    let plain = { (text: String) in text.split(separator: "`", omittingEmptySubsequences: false).joined() }
    let only = file.onlyWith.map { "; only with \(plain($0))" } ?? ""
    var lines = [
      "\(file.title) (of \(place)\(only))", Text.wrapped(plain(file.content), indent: "  "),
      Text.wrapped("covered by the guarantee: \(plain(file.coverage))", indent: "  "),
    ]
    for column in file.columns {
      let facts = [column.typeInWords, column.unit == "-" ? nil : column.unit, "covered: \(plain(column.coverage))"]
      lines += [
        "  \(column.name)", Text.wrapped(facts.compactMap { $0 }.joined(separator: "; "), indent: "      "),
        Text.wrapped(plain(meaning(column)), indent: "      "),
      ]
    }
    return lines.joined(separator: "\n")
  }
}
