import FedSim

/// Every file of a sweep's folder but those of its runs, with what is in it, and what `fedsim sweep --format json` prints.
enum SweepRecords {
  static let files: [RecordFile] = [
    RecordFile([SweepFile.scenario.name], SweepFile.scenario.meaning, "but for `seed`, and for `add-or-remove`"),
    RecordFile(
      [SweepFile.sweep.name], SweepFile.sweep.meaning, "but for `seed` and `data`, and for `add-or-remove`", plan),
    RecordFile(
      [SweepFile.rows.name, SweepFile.table.name],
      "\(SweepFile.rows.meaning); \(SweepFile.table.name): \(SweepFile.table.meaning)",
      "figure by figure", runs),
    RecordFile([SweepFile.points.name], SweepFile.points.meaning, "figure by figure", points),
    RecordFile([printed], "what the command prints; no file has it", "figure by figure", json),
  ]

  /// The name of what is printed.
  static let printed = "fedsim sweep --format json"

  /// Settings: a seed may be among them.
  private static let own = Coverage.outsideInPart("`seed`", rank: 0)

  private static let plan = [
    RecordColumn("format", .text, .covered, "`fedsim-sweep-1`"),
    RecordColumn("name", .text, .covered, "name of the scenario"),
    RecordColumn("repeats", .integer, .count, .covered, "runs of each point"),
    RecordColumn("common", .boolean, .covered, "whether repeats are paired", onlyWith: "`sweep.common`"),
    RecordColumn("points[].name", .text, .covered, "name of a point", onlyWith: "named points"),
    RecordColumn("points[].*", .any, own, "keys and sections that a point sets", onlyWith: "named points"),
    RecordColumn("axes.*", .list, own, "all values of an axis, under its key or section", onlyWith: "`sweep.axes`"),
    RecordColumn("runs[].*", .any, own, "the scenario of each run, with every default (docs/scenario.md)"),
    RecordColumn(
      "data.*", .text, .outside, "a hash of a file that examples are read from, under its path", onlyWith: "such files"),
  ]

  private static let runs: [RecordColumn] = [
    RecordColumn(
      "run", .integer, .count, .covered, "number of the run, from 0 on: the last axis first, repeats innermost"),
    RecordColumn("point", .integer, .count, .covered, "number of its point, from 0 on"),
    RecordColumn("repetition", .integer, .count, .covered, "which repeat of the point it is, from 0 on"),
    RecordColumn("folder", .text, .covered, "its folder in the sweep's"),
    RecordColumn(
      "label.*", .text, own, "what tables call a section that varies, under its name, and a named point, as `name`",
      onlyWith: "sections that vary, or named points"),
    RecordColumn(
      "setting.*", .any, own, "the keys of the run's scenario.json (docs/scenario.md)"),
    RecordColumn(
      "result.*", .any, .outsideInPart("what summary.json says is not covered", rank: 0),
      "the keys of the run's summary.json but for \(SweepTable.left.map { "`\($0)`" }.joined(separator: ", ")), which are too long for a table"
    ),
  ]

  private static let points: [RecordColumn] =
    [
      RecordColumn("point", .integer, .count, .covered, "number of the point, from 0 on"),
      RecordColumn(
        "<axis>", .any, own,
        "a column for each axis under its key, such as `privacy.targetEpsilon`: the value, of a section the words that tables have; `name` for named "
          + "points"),
      RecordColumn(
        "<detail>", .any, own, "a column for each key that sections and named points differ in: its value",
        onlyWith: "sections that vary, or named points"),
      RecordColumn("repeats", .integer, .count, .covered, "runs of the point that are whole"),
    ] + figures(prefix: "", error: PointFigure.standardError, mean: "")

  private static let json: [RecordColumn] =
    [
      RecordColumn("folder", .text, .covered, "the sweep's folder"),
      RecordColumn("runs", .integer, .count, .covered, "runs that are whole"),
      RecordColumn("plannedRuns", .integer, .count, .covered, "runs that the sweep has"),
      RecordColumn("isWhole", .boolean, .covered, "whether all of them are whole"),
      RecordColumn("points[].point", .integer, .count, .covered, "number of the point, from 0 on"),
      RecordColumn("points[].runs", .integer, .count, .covered, "runs of the point that are whole"),
      RecordColumn("points[].axes.*", .any, own, "value of each axis, under its key; `name` for named points"),
      RecordColumn(
        "points[].settings.*", .any, own, "value of each key that sections and named points differ in",
        onlyWith: "sections that vary, or named points"),
    ] + figures(prefix: "points[].", error: PointFigure.standardError, mean: ".mean")

  /// Figures of points: a mean and its standard error of what is measured, one value of what follows from the plan.
  private static func figures(prefix: String, error: String, mean: String) -> [RecordColumn] {
    let all = (PointFigure.all + PointFigure.ofSomeRuns).map { figure in (figure, figure.onlyWith) }
    let named = all.flatMap { figure, only -> [RecordColumn] in
      column(figure, prefix + figure.name, words: figure.meaning + ending(figure), mean, error, only)
    }
    let differences = all.filter(\.0.isMeasured).flatMap { figure, only in
      column(
        figure, prefix + figure.name + PointFigure.difference,
        words: "its mean difference from the first point, repeat by repeat", mean,
        error, "`sweep.common`" + (only.map { " and \($0)" } ?? ""))
    }
    return named + differences
  }

  private static func column(
    _ figure: PointFigure, _ name: String, words: String, _ mean: String, _ error: String, _ only: String?
  ) -> [RecordColumn] {
    let hasError = figure.isMeasured
    let value = RecordColumn(
      hasError ? name + mean : name, .number, figure.unit, figure.coverage, words, mayBeNull: true, onlyWith: only)
    guard hasError else { return [value] }
    return [
      value,
      RecordColumn(
        name + error, .number, figure.unit, figure.coverage,
        "standard error of that mean over repeats; null with fewer than two",
        mayBeNull: true, onlyWith: only),
    ]
  }

  private static func ending(_ figure: PointFigure) -> String {
    switch figure.repeats {
    case .measured: "; mean over repeats"
    case .plannedAtMost:
      "; it follows from the plan and is the same in all repeats, or the largest where their seeds leave other numbers of clients"
    case .plannedAtLeast:
      "; it follows from the plan and is the same in all repeats, or the smallest where their seeds leave other numbers of clients"
    case .ofTestData: "; mean over repeats, which differ where their seeds make the test examples"
    }
  }
}
