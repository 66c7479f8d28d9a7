import FedSim

/// Every file of a run's folder, with what is in it.
enum RunRecords {
  static let files: [RecordFile] = {
    // A table stands beside its lines.
    let tables: [RunFolder.File: RunFolder.File] = [.rounds: .table]
    return RunFolder.File.allCases.filter { !tables.values.contains($0) }.map { file in
      RecordFile(
        [file.rawValue] + (tables[file].map { [$0.rawValue] } ?? []), file.meaning, file.coverage,
        onlyWith: file.condition, columns(of: file))
    }
  }()

  private static func columns(of file: RunFolder.File) -> [RecordColumn] {
    switch file {
    case .classes: classes
    case .columns: columns
    case .rounds, .table: RoundField.all.map(RecordColumn.init)
    case .ledger: ledger
    case .summary: summary
    case .posterior: posterior
    case .posteriorTable: posteriorRow(prefix: "")
    case .evaluation: EvaluationRecords.metrics
    case .clients: EvaluationRecords.clients
    case .timings: timings
    case .scenario, .model, .bestModel, .pictures, .state: []
    }
  }

  private static let classes = [
    RecordColumn("classes", .list, .covered, "the data's name of each class, in the order of their numbers, from 0 on")
  ]

  private static let columns: [RecordColumn] = {
    let column = { (name: String, type: FigureType, coverage: Coverage, meaning: String, mayBeNull: Bool) in
      RecordColumn("columns[].\(name)", type, nil, coverage, meaning, mayBeNull: mayBeNull)
    }
    return [
      RecordColumn("format", .text, .covered, "`fedsim-columns-1`"),
      RecordColumn(
        "written", .text, .covered,
        "how the file is written: what parts fields, the decimal mark, whether it has a header"),
      RecordColumn("missing", .text, .covered, "what stands for missing values: `data.missing`"),
      RecordColumn(
        "computed", .list, .covered,
        "what was computed from the data, in words: it is in `outsideGuarantee` of summary.json too; empty where the scenario says it all"
      ),
      column("name", .text, .covered, "the column's name, in the order of the file", false),
      column("kind", .text, .outside, "`number`, `category`, `label`, `client` or `dropped`", false),
      column(
        "firstFeature", .integer, .outside, "place of its first feature in an example, from 0; null where it has none",
        true),
      column("featureCount", .integer, .outside, "features that it makes, one behind the other", false),
      column(
        "categories", .list, .outside,
        "what each of its features stands for, where it is one of categories: 1 for the example's, 0 for the others",
        true),
      column(
        "hasMissingFeature", .boolean, .outside,
        "whether the last of its features is 1 where the value is missing, and 0 elsewhere", false),
      column("offset", .number, .outside, "of a column of numbers: x' = (x - offset) / scale", true),
      column("scale", .number, .outside, "as above", true),
      column(
        "fill", .number, .outside, "what stands for a missing number, before it is scaled; null where nothing does",
        true),
    ]
  }()

  /// summary.json, with the parts of its keys that have some.
  private static let summary: [RecordColumn] = SummaryField.all.flatMap { field in
    [RecordColumn(field)]
      + (field.name == SummaryFields.table.posterior.name
        ? posteriorHeadline
        : field.name == SummaryFields.table.clientTest.name
          ? EvaluationRecords.clientTest : field.name == SummaryFields.table.views.name ? views : [])
  }

  private static let views: [RecordColumn] = {
    let coverage = SummaryFields.table.views.coverage
    let column = { (name: String, type: FigureType, unit: FigureUnit?, meaning: String, isNull: Bool, only: String?) in
      RecordColumn("views[].\(name)", type, unit, coverage, meaning, mayBeNull: isNull, onlyWith: only)
    }
    return [
      column("adversary", .text, nil, "who looks on (docs/privacy.md, Threat model)", false, nil),
      column("knows", .text, nil, "what this adversary sees", false, nil),
      column("guarantee", .text, nil, "`epsilon-delta`, or `none`", false, nil),
      column(
        "epsilon", .number, .nats, "upper bound of epsilon against this adversary; null where nothing is guaranteed",
        true, nil),
      column("delta", .number, .probability, "the delta of that epsilon", true, nil),
      column("theorem", .text, nil, "what the claim rests on", true, nil),
      column(
        "assumptions", .text, nil, "what the claim takes for granted", false, "a guarantee against this adversary"),
      column("reason", .text, nil, "why there is no guarantee", false, "no guarantee against this adversary"),
    ]
  }()

  private static let posteriorHeadline: [RecordColumn] = {
    let whole = ["code", "klBits", "payloadBits", "psnr", "accuracy"]
    return posteriorRow(prefix: "posterior.").filter { column in whole.contains { "posterior.\($0)" == column.name } }
      .map { $0.only(with: "a task about posteriors") }
  }()

  // MARK: The ledger

  private static let ledger: [RecordColumn] = {
    let own: (Int) -> Coverage = { .clientCount(rank: $0) }
    let entry = { (prefix: String) in
      [
        RecordColumn(
          "\(prefix).sampling", .text, .covered, "how a cohort is drawn: `poisson`, `fixed-size`, `everyone`"),
        RecordColumn(
          "\(prefix).samplingRate", .number, .probability, own(2),
          "probability that a client is drawn, or cohort over population"),
        RecordColumn(
          "\(prefix).noiseMultiplier", .number, .clippingNorms, own(14),
          "z of updates as the account has it, a hair below the noise that was added"),
        RecordColumn(
          "\(prefix).countNoise", .number, .count, own(5),
          "standard deviation of the noise on the number of updates that are not clipped", onlyWith: "adaptive clipping"
        ),
      ]
    }
    return [
      RecordColumn("format", .text, .covered, "`\(LedgerFile.format)`"),
      RecordColumn("relation", .text, .covered, "what neighboring data differ by"),
      RecordColumn("delta", .number, .probability, own(9), "the whole delta of the guarantee"),
      RecordColumn(
        "truncationDelta", .number, .probability, own(10), "its part that pays for cohorts that may be cut"),
      RecordColumn(
        "numericalDelta", .number, .probability, own(11),
        "its part that pays for what floating point may choose otherwise"),
    ] + entry("planned") + [
      RecordColumn("planned.rounds", .integer, .count, own(19), "all rounds that the plan affords: what the run claims")
    ] + entry("rounds[]") + [
      RecordColumn("rounds[].round", .integer, .count, .covered, "number of a round that was made, from 1")
    ]
  }()

  // MARK: Posteriors

  private static let posterior: [RecordColumn] =
    [
      RecordColumn("task", .text, .outside, "the run's task"),
      RecordColumn("guarantee", .text, .outside, "`none`: no row has a guarantee"),
      RecordColumn("guaranteeStatement", .text, .outside, "why, in words"),
      RecordColumn("data", .integer, .count, .outside, "pictures or clients whose posterior was sent"),
      RecordColumn("values", .integer, .count, .outside, "values of a picture; 0 for a classifier"),
      RecordColumn("latents", .integer, .count, .outside, "coordinates of a posterior"),
      RecordColumn(
        "activeLatents", .integer, .count, .outside, "coordinates whose posterior differs from the prior in some datum"),
      RecordColumn("posterior", .text, .outside, "form of the scales: `tied` or `free`"),
      RecordColumn(
        "references.*", .number, .outside,
        "figures that belong to no code, by name: accuracies as shares, and others as docs/representations.md has them",
        onlyWith: "figures of that kind"),
    ] + posteriorRow(prefix: "results[].") + [
      RecordColumn("sheetRows", .list, .outside, "what the rows of pictures.png are, from the top"),
      RecordColumn("notes", .list, .outside, "what could not be measured, and why: a sentence each"),
    ]

  /// A row a code and beta, with its place.
  private static func posteriorRow(prefix: String) -> [RecordColumn] {
    let number = { (name: String, unit: FigureUnit, meaning: String) in
      RecordColumn(prefix + name, .number, unit, .outside, meaning, mayBeNull: true)
    }
    return [
      RecordColumn(prefix + "code", .text, .outside, "name of the code"),
      RecordColumn(
        prefix + "kind", .text, .outside, "`sample` of a posterior, or `baseline`: another code of the same data"),
      RecordColumn(
        prefix + "exact", .boolean, .outside,
        "whether what is decoded has the posterior's distribution; for a baseline, whether nothing is lost"),
      number("beta", .ratio, "weight of the KL divergence; null for a baseline"),
      number("setting", .ratio, "step or quality of a baseline, as its code counts it; null where it has none"),
      number("klBits", .bits, "mean KL(posterior, prior) of a datum: the ideal; null for a baseline"),
      number("modelBits", .bits, "mean of minus log2 of what the code's models gave a payload; null where it has none"),
      RecordColumn(prefix + "payloadBits", .number, .bits, .outside, "mean length of a payload in whole bytes"),
      number("payloadBitsStandardError", .bits, "standard error of that mean over data; null with fewer than two"),
      number("klBitsPerValue", .bitsPerValue, "`klBits` over the values of a picture; null for a classifier"),
      number("payloadBitsPerValue", .bitsPerValue, "`payloadBits` over the values of a picture; null for a classifier"),
      number(
        "meanSquaredError", .squares, "mean squared error of a decoded value, clipped to [0, 1]; null for a classifier"),
      number(
        "psnr", .decibels,
        "peak signal-to-noise ratio, from the mean squared error of decoded values; null for a classifier, and where nothing is lost"
      ),
      number(
        "meanPsnr", .decibels, "mean over pictures of each one's; null for a classifier, and where one of them is exact"
      ),
      number(
        "accuracy", .share,
        "mean accuracy of the decoded classifier on its client's own test examples; null for pictures"),
      number("accuracyStandardError", .share, "standard error of that mean over clients; null with fewer than two"),
      number("drawsPerDatum", .count, "mean candidates or steps of a datum; null where nothing is searched"),
    ]
  }

  // MARK: Times

  static let timings: [RecordColumn] = {
    let seconds = { (name: String, meaning: String) in RecordColumn(name, .number, .seconds, .outside, meaning) }
    return [
      seconds(
        "wallSeconds",
        "from the beginning of the set-up to the last file; of the process that ended the run, where it was resumed"),
      seconds("cpuSeconds", "of all threads of the process"),
      RecordColumn("peakMemoryBytes", .integer, .bytes, .outside, "the most memory that the process had"),
      seconds("wallSecondsByPhase.setup", "loading data, calibration, and making clients and server"),
      seconds("wallSecondsByPhase.accounting", "asking the accountant before each round"),
      seconds("wallSecondsByPhase.enrolment", "drawing cohorts, key agreement, and the broadcast"),
      seconds(
        "wallSecondsByPhase.clients", "training, clipping, encoding; decoding uploads and adding them up"),
      seconds("wallSecondsByPhase.completion", "the server's noise and the step of its optimizer"),
      seconds("wallSecondsByPhase.evaluation", "the model on the test examples"),
      seconds(
        "clientSecondsSummedOverThreads.training", "training, a part of `wallSecondsByPhase.clients` on each thread"),
      seconds("clientSecondsSummedOverThreads.clippingAndEncoding", "the rest of what clients do, on each thread"),
      seconds("clientSecondsSummedOverThreads.decodingAndAdding", "the server's part of an upload, on each thread"),
    ]
  }()
}

extension RecordColumn {
  /// The same column of a file that has it under a condition.
  func only(with condition: String) -> RecordColumn {
    RecordColumn(copying: self, onlyWith: condition)
  }

  private init(copying column: RecordColumn, onlyWith: String) {
    (name, type, mayBeNull, unit) = (column.name, column.type, column.mayBeNull, column.unit)
    (coverage, meaning, self.onlyWith) = (column.coverage, column.meaning, onlyWith)
  }
}
