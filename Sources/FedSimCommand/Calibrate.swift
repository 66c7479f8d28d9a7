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
      Give all of --noise-multiplier, --sampling-rate and --rounds but one, which is the answer:

      fedsim calibrate --epsilon 2 --delta 1e-6 --sampling-rate 0.01 --rounds 1000
      fedsim calibrate --epsilon 2 --delta 1e-6 --sampling-rate 0.01 --noise-multiplier 1
      fedsim calibrate --epsilon 2 --delta 1e-6 --rounds 1000 --noise-multiplier 1

      The answer has been evaluated: the upper bound of its epsilon meets the budget. For noise, a value just below that provably
      does not.
      """)

  @Option(parsing: .unconditional, help: ArgumentHelp("The budget.", valueName: "e"))
  var epsilon: String

  @Option(parsing: .unconditional, help: ArgumentHelp("Its delta.", valueName: "d"))
  var delta: String

  @Option(parsing: .unconditional, help: ArgumentHelp("Noise over clipping norm.", valueName: "z"))
  var noiseMultiplier: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Probability that a client is drawn, or cohort over population.", valueName: "q"))
  var samplingRate: String?

  @Option(parsing: .unconditional, help: ArgumentHelp("Number of rounds.", valueName: "t"))
  var rounds: String?

  @OptionGroup var mechanism: MechanismArguments
  @OptionGroup var formatting: FormatOption

  func run() throws {
    let (sampling, relation, accountant) = try mechanism.load()
    let target = try FlagValue.number(epsilon, flag: "--epsilon", in: 1e-6...1e6)
    let deltas = try MechanismArguments.deltas(delta)
    guard deltas.count == 1 else {
      throw ToolError.input(place: "--delta", problem: "found several; allowed: one")
    }
    let delta = deltas[0]
    let z = try noiseMultiplier.map { text in
      try FlagValue.number(text, flag: "--noise-multiplier", in: 0.01...1e6)
    }
    let count = try rounds.map { try FlagValue.integer($0, flag: "--rounds", in: 1...AccountRanges.mostRounds) }
    var rate = try samplingRate.map { try FlagValue.number($0, flag: "--sampling-rate", in: 1e-12...1) }
    if sampling == .everyone {
      if let rate, rate != 1 {
        throw ToolError.input(place: "--sampling-rate", problem: "found \(rate) with --sampling everyone; allowed: 1")
      }
      rate = 1
    }
    var answer: JSONObject = [:]
    var text: String
    var event: PrivacyEvent
    var planned: Int
    do {
      switch (z, rate, count) {
      case (nil, let rate?, let count?):
        let found = try accountant.calibratedNoiseMultiplier(
          targetEpsilon: target, delta: delta, rounds: count, sampling: Sampling(name: sampling, rate: rate),
          relation: relation)
        answer["noiseMultiplier"] = .number(found.noiseMultiplier)
        answer["noiseMultiplierLowerBound"] = found.insufficient.map { .number($0) } ?? .null
        text = "noise multiplier  \(found.noiseMultiplier)"
        if let low = found.insufficient { text += "; \(low) is provably too little" }
        event = PrivacyEvent(
          noiseMultiplier: found.noiseMultiplier, sampling: Sampling(name: sampling, rate: rate), relation: relation)
        planned = count
      case (let z?, let rate?, nil):
        event = PrivacyEvent(noiseMultiplier: z, sampling: Sampling(name: sampling, rate: rate), relation: relation)
        planned = try accountant.mostRounds(
          event, targetEpsilon: target, delta: delta, limit: AccountRanges.mostRounds)
        answer["rounds"] = .integer(planned)
        text =
          "rounds  \(Text.grouped(planned))"
          + (planned == AccountRanges.mostRounds ? " (no more are looked at)" : planned == 0 ? ": not even one" : "")
      case (let z?, nil, let count?):
        let found = try accountant.largestSamplingRate(
          noiseMultiplier: z, rounds: count, targetEpsilon: target, delta: delta, sampling: sampling, relation: relation
        )
        answer["samplingRate"] = .number(found)
        text = "sampling rate  \(found)"
        event = PrivacyEvent(noiseMultiplier: z, sampling: Sampling(name: sampling, rate: found), relation: relation)
        planned = count
      default:
        throw ToolError.input(
          place: "calibrate",
          problem: "found \([z != nil, rate != nil, count != nil].filter { $0 }.count) of "
            + "--noise-multiplier, --sampling-rate and --rounds; allowed: all but one, which is the answer")
      }
      let report = try AccountReport(
        PrivacyLedger(event, rounds: planned), relation: relation, accountant: accountant, query: .deltas([delta]))
      if formatting.format == .text { return try Console.result(text + "\n\n" + report.text) }
      if case .object(let rest) = report.json {
        for (key, value) in rest where answer[key] == nil { answer[key] = value }
      }
      answer["targetEpsilon"] = .number(target)
      try Console.result(JSON.object(answer).text(pretty: true))
    } catch let refusal as PrivacyRefusal {
      throw ToolError.input(place: "calibrate", problem: "refused: \(refusal)")
    }
  }
}
