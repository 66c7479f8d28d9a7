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

  /// What the budget buys.
  private struct Answer {
    let event: PrivacyEvent
    let rounds: Int
    /// For people.
    let text: String
    /// Keys of the answer as JSON.
    let json: JSONObject
  }

  /// What flags say, checked.
  private struct Given {
    let sampling: Sampling.Name
    let relation: NeighboringRelation
    let accountant: Accountant
    let target: Double
    let delta: Double
  }

  func run() throws {
    let (sampling, relation, accountant) = try mechanism.load()
    let target = try FlagValue.number(epsilon, flag: "--epsilon", in: 1e-6...1e6)
    let deltas = try MechanismArguments.deltas(delta)
    guard deltas.count == 1 else {
      throw ToolError.input(place: "--delta", problem: "found several; allowed: one")
    }
    let given = Given(
      sampling: sampling, relation: relation, accountant: accountant, target: target, delta: deltas[0])
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
    do {
      try report(answer(given, z, rate, count), given)
    } catch let refusal as PrivacyRefusal {
      throw ToolError.input(place: "calibrate", problem: "refused: \(refusal)")
    }
  }

  private func answer(_ given: Given, _ z: Double?, _ rate: Double?, _ count: Int?) throws -> Answer {
    switch (z, rate, count) {
    case (nil, let rate?, let count?): return try leastNoise(given, rate, count)
    case (let z?, let rate?, nil): return try mostRounds(given, z, rate)
    case (let z?, nil, let count?): return try largestRate(given, z, count)
    default:
      throw ToolError.input(
        place: "calibrate",
        problem: "found \([z != nil, rate != nil, count != nil].filter { $0 }.count) of "
          + "--noise-multiplier, --sampling-rate and --rounds; allowed: all but one, which is the answer")
    }
  }

  private func leastNoise(_ given: Given, _ rate: Double, _ count: Int) throws -> Answer {
    let sampling = Sampling(name: given.sampling, rate: rate)
    let found = try given.accountant.calibratedNoiseMultiplier(
      targetEpsilon: given.target, delta: given.delta, rounds: count, sampling: sampling, relation: given.relation)
    let low = found.insufficient
    return Answer(
      event: PrivacyEvent(noiseMultiplier: found.noiseMultiplier, sampling: sampling, relation: given.relation),
      rounds: count,
      text: "noise multiplier  \(found.noiseMultiplier)" + (low.map { "; \($0) is provably too little" } ?? ""),
      json: [
        "noiseMultiplier": .number(found.noiseMultiplier),
        "noiseMultiplierLowerBound": low.map { .number($0) } ?? .null,
      ])
  }

  private func mostRounds(_ given: Given, _ z: Double, _ rate: Double) throws -> Answer {
    let event = PrivacyEvent(
      noiseMultiplier: z, sampling: Sampling(name: given.sampling, rate: rate), relation: given.relation)
    let found = try given.accountant.mostRounds(
      event, targetEpsilon: given.target, delta: given.delta, limit: AccountRanges.mostRounds)
    let note = found == AccountRanges.mostRounds ? " (no more are looked at)" : found == 0 ? ": not even one" : ""
    return Answer(
      event: event, rounds: found, text: "rounds  \(Text.grouped(found))" + note, json: ["rounds": .integer(found)])
  }

  private func largestRate(_ given: Given, _ z: Double, _ count: Int) throws -> Answer {
    let found = try given.accountant.largestSamplingRate(
      noiseMultiplier: z, rounds: count, targetEpsilon: given.target, delta: given.delta, sampling: given.sampling,
      relation: given.relation)
    return Answer(
      event: PrivacyEvent(
        noiseMultiplier: z, sampling: Sampling(name: given.sampling, rate: found), relation: given.relation),
      rounds: count, text: "sampling rate  \(found)", json: ["samplingRate": .number(found)])
  }

  private func report(_ answer: Answer, _ given: Given) throws {
    let report = try AccountReport(
      PrivacyLedger(answer.event, rounds: answer.rounds), relation: given.relation, accountant: given.accountant,
      query: .deltas([given.delta]))
    if formatting.format == .text { return try Console.result(answer.text + "\n\n" + report.text) }
    var json = answer.json
    if case .object(let rest) = report.json {
      for (key, value) in rest where json[key] == nil { json[key] = value }
    }
    json["targetEpsilon"] = .number(given.target)
    try Console.result(JSON.object(json).text(pretty: true))
  }
}
