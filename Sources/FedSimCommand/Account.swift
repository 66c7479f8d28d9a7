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
      fedsim account --noise-multiplier 1 --sampling-rate 0.01 --rounds 1000 --delta 1e-6
      fedsim account --ledger ledger.json --delta 1e-6      rounds of several kinds (docs/accounting.md)
      fedsim account --run runs/digits-1                    what a run claims, computed again from its ledger
      fedsim account ... --curve > curve.csv                epsilon over delta

      z is the deviation of the noise on the sum of updates over the clipping norm C; the relation decides by how much one client
      moves that sum. Bounds hold for z as given; a run accounts for C (1 + 1e-6).
      """)

  @Option(parsing: .unconditional, help: ArgumentHelp("Noise over clipping norm; 0 for none.", valueName: "z"))
  var noiseMultiplier: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Probability that a client is drawn, or cohort over population. (everyone: 1)", valueName: "q"))
  var samplingRate: String?

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

  @Flag(help: "CSV: one row for each delta, 1e-1 to 1e-15 where none is given.")
  var curve = false

  @OptionGroup var formatting: FormatOption

  func run() throws {
    let (sampling, relation, accountant) = try mechanism.load()
    let file = try ledgerFile(relation)
    let rounds = try file?.ledger ?? flags(sampling, relation)
    let query = try query(file)
    let report = try AccountReport(
      rounds, relation: file?.relation ?? relation, accountant: accountant, query: query,
      truncationDelta: file?.reservedDelta ?? 0)
    // A run claims its planned rounds: where it stopped may have been chosen by looking.
    let claim = try file?.planned.map {
      try AccountReport(
        $0, relation: file?.relation ?? relation, accountant: accountant, query: query,
        truncationDelta: file?.reservedDelta ?? 0)
    }
    for warning in (claim ?? report).warnings { Console.warning(warning) }
    if let file, file.numericalDelta > 0, delta != nil || epsilon != nil || curve {
      Console.warning(
        "the part of delta that the run keeps for rounding, \(file.numericalDelta), is enough at the epsilon of its own delta; "
          + "figures at a larger epsilon are for noise in real arithmetic (docs/privacy.md, Arithmetic)")
    }
    if curve && formatting.format == .text { return try Console.result((claim ?? report).csv) }
    switch formatting.format {
    case .json: try Console.result(Self.json(report, claim: claim).text(pretty: true))
    case .text:
      try Console.result((claim ?? report).text)
      if let claim, let note = Self.noteOfRoundsDone(report, claim) { try Console.result(note) }
    }
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
    for (value, flag) in [(samplingRate, "--sampling-rate"), (rounds, "--rounds"), (countNoise, "--count-noise")]
    where value != nil {
      throw ToolError.input(place: flag, problem: "found with a ledger, which has its own; allowed: one of both")
    }
    return file
  }

  /// What is asked: deltas at which epsilon is wanted, or the other way round.
  private func query(_ file: LedgerFile?) throws -> AccountReport.Query {
    switch (delta, epsilon, file?.delta) {
    case (let text?, nil, _): return .deltas(try MechanismArguments.deltas(text))
    case (nil, let text?, _):
      return .epsilons(try FlagValue.list(text).map { try FlagValue.number($0, flag: "--epsilon", in: 0...1e6) })
    case (nil, nil, _) where curve:
      return .deltas((2...30).map { Self.power(-Double($0) / 2) }.filter { $0 > file?.reservedDelta ?? 0 })
    case (nil, nil, let delta?): return .deltas([delta])
    default:
      throw ToolError.input(
        place: delta == nil ? "--delta" : "--epsilon",
        problem: delta == nil
          ? "not given; allowed: a number above 0 and below 1, or --epsilon"
          : "found with --delta; allowed: one of both")
    }
  }

  private static func json(_ report: AccountReport, claim: AccountReport?) -> JSON {
    guard let claim, case .object(var root) = claim.json else { return report.json }
    root["roundsDone"] = .integer(report.rounds)
    if report.rows.count == 1 {
      let done = report.rows[0].epsilon
      root["epsilonOfRoundsDone"] = done.isFinite ? .number(done) : .string("inf")
    }
    return .object(root)
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

  /// 10^x, the shortest way to write it where x is whole.
  private static func power(_ x: Double) -> Double {
    x == x.rounded() ? Double("1e\(Int(x))") ?? 0 : Double("3.1622776601683795e\(Int(x.rounded(.down)))") ?? 0
  }

  private func flags(_ sampling: Sampling.Name, _ relation: NeighboringRelation) throws -> PrivacyLedger {
    let z = try MechanismArguments.noise(noiseMultiplier ?? "", "--noise-multiplier")
    guard let rounds else {
      throw ToolError.input(place: "--rounds", problem: "not given; allowed: a whole number")
    }
    let count = try FlagValue.integer(rounds, flag: "--rounds", in: 0...AccountRanges.mostRounds)
    let rate: Double
    switch (sampling, samplingRate) {
    case (.everyone, nil): rate = 1
    case (_, let text?):
      rate = try FlagValue.number(text, flag: "--sampling-rate", in: 0...1)
      if sampling == .everyone && rate != 1 {
        throw ToolError.input(place: "--sampling-rate", problem: "found \(rate) with --sampling everyone; allowed: 1")
      }
    default:
      throw ToolError.input(
        place: "--sampling-rate", problem: "not given; allowed: a number from 0 to 1, or --sampling everyone")
    }
    let event = PrivacyEvent(
      noiseMultiplier: z, sampling: Sampling(name: sampling, rate: rate), relation: relation,
      countNoise: try countNoise.map { try MechanismArguments.noise($0, "--count-noise") })
    return PrivacyLedger(event, rounds: count)
  }
}
