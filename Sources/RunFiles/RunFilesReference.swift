import FedSim

/// docs/run-files.md: every file of a run's and of a sweep's folder, and every figure in them, made from the tables that write them.
public enum RunFilesReference {
  public static var text: String {
    [introduction, runFolder, rounds, summary, timings, sweepFolder].joined(separator: "\n")
  }

  private static let introduction = """
    # Files of a run and of a sweep

    Made from the tables in `Sources/FedSim/RoundFields.swift` and `Sources/FedSim/SummaryFields.swift`, and from the lists of files in
    `Sources/RunFiles`; a test keeps it up to date.

    The column "covered" says whether the guarantee of the run speaks of a figure. What it does not cover is a diagnostic of the simulation, a
    function of the clients' data without noise, and is listed in `outsideGuarantee` of `summary.json`. Figures that follow from the number of
    clients are public constants, and are not covered where neighboring data have one client more or less (`add-or-remove`). The number of
    classes and the shape of an example, and with them the size of the model, count as public too. Where somebody stopped a run, its
    last round was chosen by looking: what tells that round is covered no more (docs/privacy.md).

    """

  private static var runFolder: String {
    section(
      "The folder of a run",
      "A run writes these files. `classes.json`, `summary.json`, `model.safetensors`, `timings.json` and `state.bin` are there as a whole or "
        + "not at all; rows appear as soon as their round is done, and a row that was cut off is dropped when the run is resumed.",
      ["file", "content", "covered"],
      RunFolder.File.allCases.map { ["`\($0.rawValue)`", $0.meaning, $0.coverage] })
        + """

        With `--tensorboard` there is also `events.out.tfevents.SECONDS.fedsim`, one for each process that made rounds: their figures as scalars for TensorBoard, with the time at
        which each was made ([live.md](live.md)). It differs from one run to the next, as `timings.json` does, and no guarantee covers it.

        """
  }

  private static var rounds: String {
    section(
      "rounds.jsonl and rounds.csv",
      """
      Each line of `rounds.jsonl` is an object for one round, in which a dotted name stands for nested objects: `uplink.wireBytes` is `wireBytes` in
      `uplink`. `rounds.csv` has the same figures as columns of these names. A figure that a round lacks is null, or an empty cell; where
      \(RoundFields.objectsThatMayBeNull.sorted().map { "`\($0)`" }.joined(separator: ", ")) has none of its figures, it is null as a whole.
      """, ["figure", "unit", "covered", "meaning"],
      RoundField.all.map { ["`\($0.name)`", $0.unit.rawValue, $0.coverage.words, $0.meaning] })
  }

  private static var summary: String {
    section(
      "summary.json", "One object, written when the run ends or is stopped, with these keys in this order.",
      ["key", "unit", "covered", "meaning"],
      SummaryField.all.map { ["`\($0.name)`", $0.unit.rawValue, $0.coverage.words, $0.meaning] })
  }

  /// Keys of timings.json, with what they mean.
  static let timingKeys: [(name: String, unit: String, meaning: String)] = [
    (
      "wallSeconds", "seconds",
      "from the beginning of the set-up to the last file; of the process that ended the run, where it was resumed"
    ),
    ("cpuSeconds", "seconds", "of all threads of the process"),
    ("peakMemoryBytes", "bytes", "the most memory that the process had"),
    ("wallSecondsByPhase.setup", "seconds", "loading data, calibration, and making clients and server"),
    ("wallSecondsByPhase.accounting", "seconds", "asking the accountant before each round"),
    ("wallSecondsByPhase.enrolment", "seconds", "drawing cohorts, key agreement, and the broadcast"),
    ("wallSecondsByPhase.clients", "seconds", "training, clipping, encoding; decoding uploads and adding them up"),
    ("wallSecondsByPhase.completion", "seconds", "the server's noise and the step of its optimizer"),
    ("wallSecondsByPhase.evaluation", "seconds", "the model on the test examples"),
    (
      "clientSecondsSummedOverThreads.training", "seconds",
      "training, a part of `wallSecondsByPhase.clients` on each thread"
    ),
    ("clientSecondsSummedOverThreads.clippingAndEncoding", "seconds", "the rest of what clients do, on each thread"),
    ("clientSecondsSummedOverThreads.decodingAndAdding", "seconds", "the server's part of an upload, on each thread"),
  ]

  private static var timings: String {
    section(
      "timings.json",
      "These are the only figures of a run, but for the times in a file for TensorBoard, that differ between two machines. None of them is covered.",
      ["key", "unit", "meaning"], timingKeys.map { ["`\($0.name)`", $0.unit, $0.meaning] })
  }

  private static var sweepFolder: String {
    let files = SweepFile.all.map { ["`\($0.name)`", $0.meaning] }
    let results = SweepTable.results.map { "`\($0)`, `\($0).standardError`" }.joined(separator: ", ")
    let left = SweepTable.left.map { "`\($0)`" }.joined(separator: ", ")
    return section(
      "The folder of a sweep", "The tables are written when all runs are whole.", ["file", "content"],
      files + [
        [
          "`runs/0000` ...",
          "a folder for each run, as above, without `state.bin`: a run of a sweep that was stopped is made anew",
        ]
      ])
        + """

        `result.*` has the keys of `summary.json` but for \(left), which are too long for a table. `setting.*` has the keys of docs/scenario.md.
        The results of `points.csv` are \(results).

        """
  }

  private static func section(_ title: String, _ text: String, _ header: [String], _ rows: [[String]]) -> String {
    let lines = [header, header.map { _ in "---" }] + rows
    return "## \(title)\n\n\(text)\n\n" + lines.map { "| " + $0.joined(separator: " | ") + " |\n" }.joined()
  }
}
