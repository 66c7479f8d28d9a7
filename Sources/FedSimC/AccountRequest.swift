import FedSim
import Files
import JSONText
import PrivacyAccounting
import Reports
import RunFiles
import Scenarios
import Settings

/// What fs_account is asked, but for rounds, deltas and epsilons, which are lists.
struct AccountRequest: Configurable {
  /// Nil for zero-out, or the ledger's.
  var relation: NeighboringRelation?
  var accountant = Accountant.pld
  var coarse = false
  var curve = false

  static let keys = SettingList(
    AccountRequest(),
    [
      Setting(
        "relation", \.relation, .choice(NeighboringRelation.self), .unset("zero-out, or the ledger's"),
        "what neighboring data sets differ by"),
      Setting("accountant", \.accountant, .choice(Accountant.self), "how epsilon is computed"),
      Setting("coarse", \.coarse, .flag, "bounds that may be 10^-3 apart where closer ones would take longer"),
      Setting("curve", \.curve, .flag, "also delta over epsilon, the trade-off function, mu and rho"),
    ])

  /// What is answered.
  static func answer(_ request: Request) throws -> JSON {
    let own = try request.read(AccountRequest.self, others: ["rounds", "ledger", "deltas", "epsilons"])
    let precision: Accountant.Precision = own.coarse ? .coarse : .fine
    let query = try query(request, hasCurves: own.curve)
    let answer: AccountAnswer
    switch (try request.list("rounds"), try request.object("ledger")) {
    case (let rounds?, nil):
      let relation = own.relation ?? .zeroOut
      guard let query = query ?? (own.curve ? .deltas([AccountAnswer.leastDelta]) : nil) else {
        throw request.error(KeyProblem("deltas", "the key is missing", allowed: Self.forms))
      }
      var least: Double?
      if own.curve, case .deltas(let deltas) = query { least = deltas.min() }
      answer = try AccountAnswer(
        try ledger(rounds, relation, request), relation: relation, accountant: own.accountant, query: query,
        precision: precision, curvesDownTo: least)
    case (nil, let ledger?):
      let bytes = Array(JSON.object(ledger.values).text(pretty: false).utf8)
      let file = try LedgerFile(bytes, name: ledger.place, relation: own.relation ?? .zeroOut)
      if let relation = own.relation, file.hasRelation {
        throw request.error(
          KeyProblem(
            "relation", "found \"\(relation.rawValue)\" with a ledger that has its own, \"\(file.relation.rawValue)\"",
            allowed: "one of both"))
      }
      answer = try AccountAnswer(
        file, accountant: own.accountant, query: query, precision: precision, hasCurves: own.curve)
    case (.some, .some):
      throw request.error(KeyProblem("ledger", "found with \"rounds\"", allowed: "one of both"))
    case (nil, nil):
      throw request.error(KeyProblem("rounds", "the key is missing", allowed: "an array of rounds, or \"ledger\""))
    }
    var json = answer.json()
    json["warnings"] = .array(answer.warnings.map { .string($0) })
    return .object(json)
  }

  private static let forms =
    "an array of numbers above 0 and below 1, or \"epsilons\", an array of numbers from 0 to 1000000"
  private static let most = 1000

  /// Nil where neither is given.
  private static func query(_ request: Request, hasCurves: Bool) throws -> AccountReport.Query? {
    let numbers = { (key: String, range: KeyRange) throws -> [Double]? in
      guard let items = try request.list(key) else { return nil }
      guard (1...most).contains(items.count) else {
        throw request.error(KeyProblem(key, "found \(items.count) numbers", allowed: "1 to \(most) of them"))
      }
      return try items.enumerated().map { i, item in
        let place = JSONParser.childPath(key, index: i)
        if let problem = range.problem(item) { throw request.error(KeyProblem(place, problem, allowed: range.allowed)) }
        return item.double ?? 0
      }
    }
    switch (try numbers("deltas", .number(1e-300..<1)), try numbers("epsilons", .number(0...1e6))) {
    case (let deltas?, nil): return .deltas(deltas)
    case (nil, .some) where hasCurves:
      throw request.error(
        KeyProblem("epsilons", "found with curves, which have all of them", allowed: "\"deltas\", at which they end"))
    case (nil, let epsilons?): return .epsilons(epsilons)
    case (nil, nil): return nil
    case (.some, .some): throw request.error(KeyProblem("epsilons", "found with \"deltas\"", allowed: "one of both"))
    }
  }

  private static let mostKinds = 100_000

  private static func ledger(
    _ rounds: [JSON], _ relation: NeighboringRelation, _ request: Request
  ) throws -> PrivacyLedger {
    guard rounds.count <= mostKinds else {
      throw request.error(
        KeyProblem("rounds", "found \(rounds.count) kinds of rounds", allowed: "at most \(mostKinds)"))
    }
    var ledger = PrivacyLedger()
    for (i, item) in rounds.enumerated() {
      let kind = try Request(item, "\(request.place): \(JSONParser.childPath("rounds", index: i))")
        .read(RoundsRequest.self)
      ledger.append(.event(kind.event(relation)), rounds: kind.count)
    }
    return ledger
  }
}

/// Rounds of one kind.
struct RoundsRequest: Configurable {
  var noiseMultiplier = 0.0
  /// Nil for everyone.
  var samplingRate: Double?
  /// Nil for Poisson where there is a rate, and everyone where there is none.
  var sampling: Sampling.Name?
  var count = 1
  /// Nil without adaptive clipping.
  var countNoise: Double?

  static let noise = KeyRange.either([.integer(0...0), .number(0.01...1e6)])

  static let keys = SettingList(
    RoundsRequest(),
    [
      Setting(
        "noiseMultiplier", \.noiseMultiplier, noise, .required,
        "z: standard deviation of the noise on the sum of updates over C; 0 for none"),
      Setting(
        "samplingRate", \.samplingRate, .number(0...1), .unset("everyone is drawn"),
        "probability that a client is drawn, or cohort over population"),
      Setting(
        "sampling", \.sampling, .choice(["poisson", "fixed-size", "everyone"], later: []),
        .unset("poisson with a rate, everyone without"), "how the clients of a round are drawn"),
      Setting("count", \.count, .integer(0...AccountRanges.mostRounds), "number of such rounds"),
      Setting(
        "countNoise", \.countNoise, noise, .unset("clipping does not adapt"),
        "adaptive clipping: standard deviation of the noise on the sum of b - 1/2"),
    ])

  var problem: KeyProblem? { RateProblem.of(sampling, samplingRate) }

  func event(_ relation: NeighboringRelation) -> PrivacyEvent {
    let name = sampling ?? (samplingRate == nil ? .everyone : .poisson)
    return PrivacyEvent(
      noiseMultiplier: noiseMultiplier, sampling: Sampling(name: name, rate: samplingRate ?? 1), relation: relation,
      countNoise: countNoise)
  }
}

/// What is wrong with a rate beside a sampling.
enum RateProblem {
  static func of(_ sampling: Sampling.Name?, _ rate: Double?) -> KeyProblem? {
    if sampling == .everyone, let rate, rate != 1 {
      return KeyProblem("samplingRate", "found \(rate) for \"everyone\"", allowed: "1, or null")
    }
    if let sampling, sampling != .everyone, rate == nil {
      return KeyProblem(
        "samplingRate", "\"\(sampling.rawValue)\" needs the share of clients that is drawn",
        allowed: "a number from 0 to 1")
    }
    return nil
  }
}

/// What fs_calibrate is asked: a budget, and all but one of noise, rate and rounds.
struct CalibrationRequest: Configurable {
  var epsilon = 1.0
  var delta = 1e-5
  var noiseMultiplier: Double?
  var samplingRate: Double?
  var rounds: Int?
  var sampling = Sampling.Name.poisson
  var relation = NeighboringRelation.zeroOut
  var accountant = Accountant.pld

  static let keys = SettingList(
    CalibrationRequest(),
    [
      Setting("epsilon", \.epsilon, .number(1e-6...1e6), .required, "the budget"),
      Setting("delta", \.delta, .number(1e-300..<1), .required, "its delta"),
      Setting(
        "noiseMultiplier", \.noiseMultiplier, .number(0.01...1e6), .unset("it is the answer"),
        "z: standard deviation of the noise on the sum of updates over C"),
      Setting(
        "samplingRate", \.samplingRate, .number(1e-12...1), .unset("it is the answer; for \"everyone\" it is 1"),
        "probability that a client is drawn, or cohort over population"),
      Setting(
        "rounds", \.rounds, .integer(1...AccountRanges.mostRounds), .unset("it is the answer"), "number of rounds"),
      Setting(
        "sampling", \.sampling, .choice(["poisson", "fixed-size", "everyone"], later: []),
        "how the clients of a round are drawn"),
      Setting(
        "relation", \.relation, .choice(NeighboringRelation.self), "what neighboring data sets differ by"),
      Setting("accountant", \.accountant, .choice(Accountant.self), "how epsilon is computed"),
    ])

  var problem: KeyProblem? {
    if sampling == .everyone, let problem = RateProblem.of(sampling, samplingRate) { return problem }
    let known = [noiseMultiplier != nil, rate != nil, rounds != nil].filter { $0 }.count
    guard known != 2 else { return nil }
    return KeyProblem(
      "", "found \(known) of \"noiseMultiplier\", \"samplingRate\" and \"rounds\"",
      allowed: "all but one, which is the answer")
  }

  private var rate: Double? { sampling == .everyone ? 1 : samplingRate }

  /// What is answered.
  static func answer(_ request: Request) throws -> JSON {
    let own = try request.read(CalibrationRequest.self)
    let report = try CalibrationReport(
      CalibrationReport.Question(
        target: own.epsilon, delta: own.delta, noiseMultiplier: own.noiseMultiplier, rate: own.rate,
        rounds: own.rounds, sampling: own.sampling, relation: own.relation, accountant: own.accountant,
        mostRounds: AccountRanges.mostRounds))
    return CalibrationReport.json([report])
  }
}
