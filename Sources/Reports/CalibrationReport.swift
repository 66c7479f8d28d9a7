import Files
import JSONText
import PrivacyAccounting

/// What `fedsim calibrate` answers for one budget: the noise, the rounds or the rate that is left out, and what it spends.
public struct CalibrationReport: Sendable {
  /// A budget, and all but one of noise, rate and rounds.
  public struct Question: Sendable, Equatable {
    public let target: Double
    public let delta: Double
    public let noiseMultiplier: Double?
    public let rate: Double?
    public let rounds: Int?
    /// What the rate comes of, where that was given.
    public let clients: Int?
    public let cohort: Int?
    public let sampling: Sampling.Name
    public let relation: NeighboringRelation
    public let accountant: Accountant
    /// The most rounds that are looked at.
    public let mostRounds: Int

    public init(
      target: Double, delta: Double, noiseMultiplier: Double?, rate: Double?, rounds: Int?, clients: Int? = nil,
      cohort: Int? = nil, sampling: Sampling.Name, relation: NeighboringRelation, accountant: Accountant,
      mostRounds: Int = 10_000_000
    ) {
      (self.target, self.delta, self.noiseMultiplier) = (target, delta, noiseMultiplier)
      (self.rate, self.rounds, self.clients, self.cohort) = (rate, rounds, clients, cohort)
      (self.sampling, self.relation, self.accountant) = (sampling, relation, accountant)
      self.mostRounds = mostRounds
    }
  }

  public let question: Question
  public let ledger: PrivacyLedger
  /// A value below the noise that was found whose lower bound does not meet the budget; nil where noise was not asked, or none is known.
  public let insufficientNoise: Double?
  private let event: PrivacyEvent
  private let account: AccountReport

  /// - Throws: `ToolError.input` where there is no proof, with the reason.
  public init(_ question: Question) throws(ToolError) {
    self.question = question
    do throws(PrivacyRefusal) {
      (event, ledger, insufficientNoise) = try Self.answer(question)
    } catch {
      throw .input(place: "calibrate", problem: "refused: \(error)")
    }
    account = try AccountReport(
      ledger, relation: question.relation, accountant: question.accountant, query: .deltas([question.delta]))
  }

  private static func answer(
    _ question: Question
  ) throws(PrivacyRefusal) -> (PrivacyEvent, PrivacyLedger, insufficient: Double?) {
    let (accountant, relation) = (question.accountant, question.relation)
    var (z, rate, rounds) = (question.noiseMultiplier ?? 1, question.rate ?? 1, question.rounds ?? 0)
    var insufficient: Double?
    if question.noiseMultiplier == nil {
      let found = try accountant.calibratedNoiseMultiplier(
        targetEpsilon: question.target, delta: question.delta, rounds: rounds,
        sampling: Sampling(name: question.sampling, rate: rate), relation: relation)
      (z, insufficient) = (found.noiseMultiplier, found.insufficient)
    } else if question.rate == nil {
      rate = try accountant.largestSamplingRate(
        noiseMultiplier: z, rounds: rounds, targetEpsilon: question.target, delta: question.delta,
        sampling: question.sampling, relation: relation)
    }
    let event = PrivacyEvent(
      noiseMultiplier: z, sampling: Sampling(name: question.sampling, rate: rate), relation: relation)
    if question.rounds == nil {
      rounds = try accountant.mostRounds(
        event, targetEpsilon: question.target, delta: question.delta, limit: question.mostRounds)
    }
    return (event, PrivacyLedger(event, rounds: rounds), insufficient)
  }

  public var noiseMultiplier: Double { event.noiseMultiplier }
  public var samplingRate: Double { event.sampling.rate }
  public var rounds: Int { ledger.count }
  /// Whether rounds were asked for, and no more than so many are looked at: the budget may pay for more.
  public var isRoundsLimit: Bool { question.rounds == nil && rounds == question.mostRounds }
  /// What is spent, at most the target.
  public var epsilon: Double { account.rows.first?.epsilon ?? 0 }
  public var epsilonLowerBound: Double? { account.rows.first?.epsilonLowerBound }

  private var json: JSONObject {
    guard case .object(var json) = account.json else { return [:] }
    if question.noiseMultiplier == nil {
      json["noiseMultiplier"] = .number(noiseMultiplier)
      json["noiseMultiplierLowerBound"] = .optional(insufficientNoise)
    }
    json["targetEpsilon"] = .number(question.target)
    if question.rounds == nil { json["roundsLimitReached"] = .bool(isRoundsLimit) }
    if let clients = question.clients { json["clients"] = .integer(clients) }
    if let cohort = question.cohort { json["cohort"] = .integer(cohort) }
    return json
  }

  /// One answer as it is, several as `results`.
  public static func json(_ answers: [CalibrationReport]) -> JSON {
    if answers.count == 1, let only = answers.first { return .object(only.json) }
    return ["results": .array(answers.map { .object($0.json) })]
  }

  /// A line for each answer; every column is there in every file.
  public static func csv(_ answers: [CalibrationReport]) -> String {
    var lines = [
      "targetEpsilon,delta,sampling,relation,accountant,clients,cohort,samplingRate,rounds,noiseMultiplier,noiseMultiplierLowerBound,"
        + "epsilon,epsilonLowerBound,roundsLimitReached"
    ]
    for answer in answers {
      let question = answer.question
      let cells: [String] = [
        "\(question.target)", "\(question.delta)", question.sampling.rawValue, question.relation.rawValue,
        question.accountant.rawValue, question.clients.map { "\($0)" } ?? "", question.cohort.map { "\($0)" } ?? "",
        "\(answer.samplingRate)", "\(answer.rounds)", "\(answer.noiseMultiplier)",
        answer.insufficientNoise.map { "\($0)" } ?? "", "\(answer.epsilon)",
        answer.epsilonLowerBound.map { "\($0)" } ?? "", question.rounds == nil ? "\(answer.isRoundsLimit)" : "",
      ]
      lines.append(cells.joined(separator: ","))
    }
    return lines.joined(separator: "\n")
  }

  /// The answer in a line.
  private var sentence: String {
    if question.noiseMultiplier == nil {
      return "noise multiplier  \(noiseMultiplier)" + (insufficientNoise.map { "; \($0) is provably too little" } ?? "")
    }
    if question.rate == nil { return "sampling rate  \(samplingRate)" }
    let note = isRoundsLimit ? " (no more are looked at)" : rounds == 0 ? ": not even one" : ""
    return "rounds  \(Text.grouped(rounds))" + note
  }

  /// One answer in full, several as a table.
  public static func text(_ answers: [CalibrationReport]) -> String {
    if answers.count == 1, let only = answers.first { return only.sentence + "\n\n" + only.account.text }
    let isOfClients = answers.contains { $0.question.clients != nil }
    let header =
      ["target epsilon", "delta"] + (isOfClients ? ["clients", "cohort"] : [])
      + ["sampling rate", "rounds", "noise multiplier", "epsilon"]
    let rows = answers.map { answer -> [String] in
      let question = answer.question
      return [Text.shown(question.target), "\(question.delta)"]
        + (isOfClients
          ? [question.clients, question.cohort].map { $0.map(Text.grouped) ?? "" } : [])
        + [
          Text.short(answer.samplingRate), Text.grouped(answer.rounds), Text.fixedUp(answer.noiseMultiplier, 6),
          Text.fixedUp(answer.epsilon, 6),
        ]
    }
    return Text.table(header, rows)
  }
}
