import ArgumentParser
import Files
import JSONText
import PrivacyAccounting
import Reports
import RunFiles

struct Calibrate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say what a budget buys: the least noise, the most rounds or the largest sampling rate.",
    discussion: """
      Give all of --noise-multiplier, --sampling-rate and --rounds but one, which
      is the answer:

        fedsim calibrate --epsilon 2 --delta 1e-6 --sampling-rate 0.01 --rounds 1000
        fedsim calibrate --epsilon 2 --delta 1e-6 --sampling-rate 0.01 \\
          --noise-multiplier 1
        fedsim calibrate --epsilon 2 --delta 1e-6 --rounds 1000 --noise-multiplier 1
        fedsim calibrate --epsilon 1,2,4,8 --delta 1e-6 --clients 1e6 \\
          --cohort 1e3,1e4 --rounds 1000 --format csv

      Every number may be several, with commas: a row for each combination.
      --clients and --cohort stand for the rate. The answer has been evaluated: the
      upper bound of its epsilon meets the budget. For noise, a value just below
      that provably does not.
      """)

  @Option(parsing: .unconditional, help: ArgumentHelp("The budget; several with commas.", valueName: "e"))
  var epsilon: String

  @Option(parsing: .unconditional, help: ArgumentHelp("Its delta; several with commas.", valueName: "d"))
  var delta: String

  @Option(parsing: .unconditional, help: ArgumentHelp("Noise over clipping norm; several with commas.", valueName: "z"))
  var noiseMultiplier: String?

  @OptionGroup var rates: RateArguments

  @Option(parsing: .unconditional, help: ArgumentHelp("Number of rounds; several with commas.", valueName: "t"))
  var rounds: String?

  @OptionGroup var mechanism: MechanismArguments
  @OptionGroup var curves: CurveArguments
  @OptionGroup var formatting: RowFormatOption

  /// More than this takes hours.
  private static let mostRows = 1000

  func run() throws {
    try curves.check()
    let questions = try questions()
    if curves.isAsked && questions.count > 1 {
      throw ToolError.input(
        place: curves.flag,
        problem: "found with \(questions.count) combinations; allowed: one, whose curves these are")
    }
    var answers: [CalibrationReport] = []
    for question in questions { answers.append(try CalibrationReport(question)) }
    var drawn: CurveReport?
    if curves.isAsked, let answer = answers.first {
      drawn = try CurveReport(
        answer.ledger, accountant: answer.question.accountant,
        least: min(AccountAnswer.leastDelta, answer.question.delta))
    }
    if let drawn { try curves.draw(drawn) }
    switch formatting.format {
    case .json:
      var json = CalibrationReport.json(answers)
      if curves.curve, let drawn, case .object(var root) = json {
        for (key, value) in drawn.json { root[key] = value }
        json = .object(root)
      }
      try Console.result(json.text(pretty: true))
    case _ where curves.curve: try Console.result(drawn?.csv ?? "")
    case .csv: try Console.result(CalibrationReport.csv(answers))
    case .text: try Console.result(CalibrationReport.text(answers) + (drawn.map { "\n" + $0.text } ?? ""))
    }
  }

  /// All combinations, checked.
  private func questions() throws -> [CalibrationReport.Question] {
    let (sampling, relation, accountant) = try mechanism.load()
    let targets = try FlagValue.list(epsilon).map { try FlagValue.number($0, flag: "--epsilon", in: 1e-6...1e6) }
    let deltas = try MechanismArguments.deltas(delta)
    let noises = try noiseMultiplier.map { text in
      try FlagValue.list(text).map { try FlagValue.number($0, flag: "--noise-multiplier", in: 0.01...1e6) }
    }
    let counts = try rounds.map { text in
      try FlagValue.list(text).map { try FlagValue.integer($0, flag: "--rounds", in: 1...AccountRanges.mostRounds) }
    }
    let given = try rates.load(sampling, in: 1e-12...1)
    let known = [noises != nil, !given.isEmpty, counts != nil].filter { $0 }.count
    guard known == 2 else {
      throw ToolError.input(
        place: "calibrate",
        problem:
          "found \(known) of --noise-multiplier, --sampling-rate (or --clients with --cohort) and --rounds; allowed: all but one, which is "
          + "the answer")
    }
    var questions: [CalibrationReport.Question] = []
    for target in targets {
      for delta in deltas {
        for noise in noises.map({ $0.map(Optional.some) }) ?? [nil] {
          for rate in given.isEmpty ? [nil] : given.map(Optional.some) {
            for count in counts.map({ $0.map(Optional.some) }) ?? [nil] {
              questions.append(
                .init(
                  target: target, delta: delta, noiseMultiplier: noise, rate: rate?.value, rounds: count,
                  clients: rate?.clients, cohort: rate?.cohort, sampling: sampling, relation: relation,
                  accountant: accountant, mostRounds: AccountRanges.mostRounds))
            }
          }
        }
      }
    }
    guard questions.count <= Self.mostRows else {
      throw ToolError.input(
        place: "calibrate", problem: "found \(questions.count) combinations; allowed: at most \(Self.mostRows)")
    }
    return questions
  }
}
