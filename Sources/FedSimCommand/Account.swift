import ArgumentParser
import Files
import JSONText
import PrivacyAccounting
import Reports
import RunFiles

/// Sampling, relation and accountant, as `account` and `calibrate` are told them.
struct MechanismArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp("How a round's clients are drawn: poisson, fixed-size or everyone.", valueName: "name"))
  var sampling = "poisson"

  @Option(
    help: ArgumentHelp(
      "What neighboring data sets differ by: zero-out, add-or-remove or replace-one. (default: zero-out, or the ledger's)",
      valueName: "name"))
  var relation: String?

  @Option(help: ArgumentHelp("pld, rdp or gaussian.", valueName: "name"))
  var accountant = "pld"

  func load() throws -> (sampling: Sampling.Name, relation: NeighboringRelation, accountant: Accountant) {
    (
      try Self.choice(sampling, "--sampling", Sampling.Name.init(rawValue:), Sampling.Name.allCases.map(\.rawValue)),
      try loadRelation(),
      try Self.choice(accountant, "--accountant", Accountant.init(rawValue:), Accountant.allCases.map(\.rawValue))
    )
  }

  func loadRelation() throws -> NeighboringRelation {
    try Self.choice(
      relation ?? NeighboringRelation.zeroOut.rawValue, "--relation", NeighboringRelation.init(rawValue:),
      NeighboringRelation.allCases.map(\.rawValue))
  }

  private static func choice<T>(
    _ text: String, _ flag: String, _ make: (String) -> T?, _ names: [String]
  ) throws -> T {
    guard let value = make(text) else {
      throw ToolError.input(place: flag, problem: "found \"\(text)\"; allowed: \(names.joined(separator: ", "))")
    }
    return value
  }

  static func noise(_ text: String, _ flag: String) throws -> Double {
    guard let z = Double(text), AccountRanges.isNoise(z) else {
      throw ToolError.input(place: flag, problem: "found \"\(text)\"; allowed: \(AccountRanges.noise)")
    }
    return z
  }

  static func deltas(_ text: String) throws -> [Double] {
    try FlagValue.list(text).map { try FlagValue.number($0, flag: "--delta", in: 1e-300...1) }.map { delta in
      guard delta < 1 else {
        throw ToolError.input(place: "--delta", problem: "found 1; allowed: a number above 0 and below 1")
      }
      return delta
    }
  }
}

struct Account: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say what rounds cost: epsilon at a delta, or delta at an epsilon, from above and below.",
    discussion: """
        fedsim account --noise-multiplier 1 --sampling-rate 0.01 --rounds 1000 \\
          --delta 1e-6
        fedsim account --noise-multiplier 1 --clients 1e6 --cohort 1e4 \\
          --rounds 1000 --delta 1e-6,1e-8 --format csv

      Rounds of several kinds, as in docs/accounting.md, and what a run claims,
      computed again from its ledger:

        fedsim account --ledger ledger.json --delta 1e-6
        fedsim account --run runs/digits-1

      Delta over epsilon, the trade-off function f, mu and rho, and their picture:

        fedsim account ... --curve > curve.csv
        fedsim account ... --curve --svg curve.svg

      z is the deviation of the noise on the sum of updates over the clipping norm
      C; the relation decides by how much one client moves that sum. Bounds hold for
      z as given; a run accounts for C (1 + 1e-6).
      """)

  @Option(parsing: .unconditional, help: ArgumentHelp("Noise over clipping norm; 0 for none.", valueName: "z"))
  var noiseMultiplier: String?

  @OptionGroup var rates: RateArguments

  @Option(parsing: .unconditional, help: ArgumentHelp("Number of such rounds.", valueName: "t"))
  var rounds: String?

  @Option(parsing: .unconditional, help: ArgumentHelp("Delta; several with commas.", valueName: "d"))
  var delta: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("In place of --delta: answers delta. Several with commas.", valueName: "e"))
  var epsilon: String?

  @OptionGroup var mechanism: MechanismArguments

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Adaptive clipping: noise on the sum of b - 1/2, released with the update.", valueName: "s"))
  var countNoise: String?

  @Option(help: ArgumentHelp("Rounds of several kinds, as JSON.", valueName: "file"), completion: .file())
  var ledger: String?

  @Option(
    name: .customLong("run"), help: ArgumentHelp("The folder of a run.", valueName: "dir"), completion: .directory)
  var folder: String?

  @OptionGroup var curves: CurveArguments
  @OptionGroup var formatting: RowFormatOption

  func run() throws {
    let (sampling, relation, accountant) = try mechanism.load()
    var inputs = InputFiles()
    if let ledger { inputs.add(ledger, as: "the ledger") }
    if let folder { inputs.add(folder, as: "a file of \(folder)") }
    try curves.check(inputs)
    let file = try ledgerFile(relation)
    let answer: AccountAnswer
    if let file {
      answer = try AccountAnswer(file, accountant: accountant, query: query(file), hasCurves: curves.isAsked)
    } else {
      let rounds = try flags(sampling, relation)
      let query = try query(nil) ?? .deltas([AccountAnswer.leastDelta])
      answer = try AccountAnswer(
        rounds, relation: relation, accountant: accountant, query: query,
        curvesDownTo: curves.isAsked ? leastDelta(query) : nil)
    }
    for warning in answer.warnings { Console.warning(warning) }
    if let drawn = answer.curves { try curves.draw(drawn) }
    try print(answer)
  }

  private func print(_ answer: AccountAnswer) throws {
    let shown = answer.claim ?? answer.report
    switch formatting.format {
    case .json: try Console.result(JSON.object(answer.json(hasCurves: curves.curve)).text(pretty: true))
    case _ where curves.curve: try Console.result(answer.curves?.csv ?? "")
    case .csv: try Console.result(shown.csv)
    case .text:
      try Console.result(shown.text + (answer.curves.map { "\n" + $0.text } ?? ""))
      if let claim = answer.claim, let note = Self.noteOfRoundsDone(answer.report, claim) { try Console.result(note) }
    }
  }

  /// Where curves end: at the smallest delta that is given.
  private func leastDelta(_ query: AccountReport.Query) -> Double {
    if delta != nil, case .deltas(let deltas) = query, let least = deltas.min() { return least }
    return AccountAnswer.leastDelta
  }

  /// The file with the rounds; nil where flags have them.
  private func ledgerFile(_ relation: NeighboringRelation) throws -> LedgerFile? {
    let sources = [ledger, folder, noiseMultiplier].compactMap { $0 }.count
    guard sources == 1 else {
      throw ToolError.input(
        place: "account",
        problem: (sources == 0 ? "no rounds are given" : "rounds are given twice")
          + "; allowed: one of --noise-multiplier with --rounds, --ledger, --run")
    }
    var file: LedgerFile?
    if let folder {
      if FilePath.exists("\(folder)/sweep.json") {
        throw ToolError.input(
          place: "--run \(folder)",
          problem: "found a sweep, which is many runs; allowed: one of them, such as \(folder)/runs/0000")
      }
      file = try LedgerFile(InputFile.read("\(folder)/ledger.json"), name: "\(folder)/ledger.json")
    } else if let ledger {
      file = try LedgerFile(InputFile.read(ledger), name: ledger, relation: relation)
    }
    guard let file else { return nil }
    if mechanism.relation != nil && file.hasRelation {
      throw ToolError.input(
        place: "--relation",
        problem: "found with a ledger that has its own, \(file.relation.rawValue); allowed: one of both")
    }
    let others = [
      (rates.samplingRate, "--sampling-rate"), (rates.clients, "--clients"), (rates.cohort, "--cohort"),
      (rounds, "--rounds"), (countNoise, "--count-noise"),
    ]
    for (value, flag) in others where value != nil {
      throw ToolError.input(place: flag, problem: "found with a ledger, which has its own; allowed: one of both")
    }
    return file
  }

  /// What is asked: deltas at which epsilon is wanted, or the other way round; nil for the ledger's own delta, or where curves end.
  private func query(_ file: LedgerFile?) throws -> AccountReport.Query? {
    switch (delta, epsilon, file?.delta) {
    case (let text?, nil, _): return .deltas(try MechanismArguments.deltas(text))
    case (nil, _?, _) where curves.isAsked:
      throw ToolError.input(
        place: "--epsilon", problem: "found with curves, which have all of them; allowed: --delta, at which they end")
    case (nil, let text?, _):
      return .epsilons(try FlagValue.list(text).map { try FlagValue.number($0, flag: "--epsilon", in: 0...1e6) })
    case (nil, nil, _?): return nil
    case (nil, nil, nil) where curves.isAsked: return nil
    default:
      throw ToolError.input(
        place: delta == nil ? "--delta" : "--epsilon",
        problem: delta == nil
          ? "not given; allowed: a number above 0 and below 1, or --epsilon"
          : "found with --delta; allowed: one of both")
    }
  }

  /// What a run that has not made all its rounds has spent; nil where there is nothing to say.
  private static func noteOfRoundsDone(_ report: AccountReport, _ claim: AccountReport) -> String? {
    guard claim.rounds > report.rounds, report.rows.count == 1, report.rows[0].deltaLowerBound == nil else {
      return nil
    }
    return Text.wrapped(
      "done     \(Text.grouped(report.rounds)) of \(Text.grouped(claim.rounds)) rounds. Had the plan been \(report.rounds): epsilon "
        + "\(Text.fixedUp(report.rows[0].epsilon, 6)). The claim is for all, because where a run stops may depend on the data.",
      width: 90, indent: "         "
    ).drop { $0 == " " }.description
  }

  private func flags(_ sampling: Sampling.Name, _ relation: NeighboringRelation) throws -> PrivacyLedger {
    let z = try MechanismArguments.noise(noiseMultiplier ?? "", "--noise-multiplier")
    guard let rounds else {
      throw ToolError.input(place: "--rounds", problem: "not given; allowed: a whole number")
    }
    let count = try FlagValue.integer(rounds, flag: "--rounds", in: 0...AccountRanges.mostRounds)
    let given = try rates.load(sampling)
    guard let rate = given.first?.value else {
      throw ToolError.input(
        place: "--sampling-rate",
        problem: "not given; allowed: a number from 0 to 1, both of --clients and --cohort, or --sampling everyone")
    }
    guard given.count == 1 else {
      throw ToolError.input(
        place: rates.samplingRate == nil ? "--cohort" : "--sampling-rate",
        problem: "found \(given.count) rates; allowed: one (fedsim calibrate takes several)")
    }
    let event = PrivacyEvent(
      noiseMultiplier: z, sampling: Sampling(name: sampling, rate: rate), relation: relation,
      countNoise: try countNoise.map { try MechanismArguments.noise($0, "--count-noise") })
    return PrivacyLedger(event, rounds: count)
  }
}
