import ChannelCoding
import FedSim
import JSONText
import PrivacyAccounting
import Reports
import Scenarios
import Settings

/// What fs_plan is asked: a federation, before there are data, a model or clients.
struct PlanRequest: Configurable {
  var parameters = 1
  var clients = 1
  /// Nil for everyone.
  var cohort: Int?
  var rounds = 1
  var epsilon: Double?
  var noiseMultiplier: Double?
  var delta: Double?
  var clippingNorm = 1.0
  var sampling = Sampling.Name.poisson
  var relation = NeighboringRelation.zeroOut
  var accountant = Accountant.pld
  /// Bits a second.
  var uplink: Double?

  static let keys = SettingList(
    PlanRequest(),
    [
      Setting("parameters", \.parameters, .integer(1...100_000_000), .required, "parameters of the model"),
      Setting("clients", \.clients, .integer(1...10_000_000), .required, "all clients that there are"),
      Setting(
        "cohort", \.cohort, .integer(1...10_000_000), .unset("everyone is drawn"),
        "the clients of a round, the expected number for poisson"),
      Setting("rounds", \.rounds, .integer(1...1_000_000), .required, "number of rounds"),
      Setting(
        "epsilon", \.epsilon, .number(1e-3...1e4), .unset("`noiseMultiplier` is given"), "epsilon of all rounds"),
      Setting(
        "noiseMultiplier", \.noiseMultiplier, .number(0.01...1e6), .unset("computed from `epsilon`"),
        "z: standard deviation of the noise on the sum of updates over C"),
      Setting("delta", \.delta, .number(1e-300..<1), .unset("min(1e-5, N^-1.1)"), "delta"),
      Setting("clippingNorm", \.clippingNorm, .number(1e-9...1e9), "C: bound on the L2 norm of an update"),
      Setting(
        "sampling", \.sampling, .choice(["poisson", "fixed-size", "everyone"], later: []),
        "how the clients of a round are drawn"),
      Setting(
        "relation", \.relation, .choice(NeighboringRelation.self), "what neighboring data sets differ by"),
      Setting("accountant", \.accountant, .choice(Accountant.self), "how epsilon is computed"),
      Setting("uplink", \.uplink, .number(1...1e15), .unset("no time is said"), "bits a second that a client sends"),
    ])

  var problem: KeyProblem? {
    if (epsilon == nil) == (noiseMultiplier == nil) {
      return KeyProblem(
        "", "found \(epsilon == nil ? "neither" : "both") of \"epsilon\" and \"noiseMultiplier\"",
        allowed: "one of both")
    }
    if sampling == .everyone, let cohort, cohort != clients {
      return KeyProblem("cohort", "found \(cohort) for \"everyone\"", allowed: "all \(clients), or null")
    }
    if sampling != .everyone, !(1...clients).contains(cohort ?? 0) {
      return KeyProblem(
        "cohort", cohort.map { "found \($0) of \(clients) clients" } ?? "the key is missing",
        allowed: "an integer from 1 to \(clients)")
    }
    return nil
  }

  /// What is answered.
  static func answer(_ request: Request) throws -> JSON {
    let own = try request.read(PlanRequest.self, others: ["codecs"])
    let settings = FederationSettings(
      rounds: own.rounds,
      cohort: Cohort(sampling: own.sampling, size: own.sampling == .everyone ? nil : own.cohort),
      privacy: Privacy(
        clippingNorm: own.clippingNorm, noiseMultiplier: own.noiseMultiplier, targetEpsilon: own.epsilon,
        delta: own.delta, relation: own.relation, accountant: own.accountant))
    let plan: FederationPlan
    do {
      plan = try FederationPlan(
        settings, parameters: own.parameters, clients: own.clients, codecs: try codecs(request))
    } catch let error as ScenarioError {
      throw renamed(error, request)
    }
    guard case .object(let report) = PlanReport([plan], uplink: own.uplink).json,
      case .array(let results)? = report["results"], case .object(var json)? = results.first
    else { return .null }
    json["truncationDelta"] = .optional(plan.frame.guaranteedPlan?.truncationDelta)
    json["numericalDelta"] = .optional(plan.frame.guaranteedPlan?.numericalDelta)
    return .object(json)
  }

  /// All exact codecs, or those that are named.
  private static func codecs(_ request: Request) throws -> [CodecName] {
    let exact = FederationPlan.exactCodecs
    guard let items = try request.list("codecs") else { return exact }
    var found: [CodecName] = []
    for (i, item) in items.enumerated() {
      guard case .string(let text) = item, exact.contains(CodecName(rawValue: text)) else {
        throw request.error(
          KeyProblem(
            JSONParser.childPath("codecs", index: i), "found \(item.summary)",
            allowed: exact.map(\.rawValue).joined(separator: ", ")
              + ": codecs with exactly Gaussian noise, from which an epsilon follows"))
      }
      let name = CodecName(rawValue: text)
      if !found.contains(name) { found.append(name) }
    }
    return found
  }

  /// An error about a key of a scenario, as one about the request's.
  private static func renamed(_ error: ScenarioError, _ request: Request) -> ScenarioError {
    let names = [
      "cohort.size": "cohort", "privacy.delta": "delta", "privacy.accountant": "accountant",
      "privacy.targetEpsilon": "epsilon", "privacy.noiseMultiplier": "noiseMultiplier",
      "privacy.clippingNorm": "clippingNorm", "channel.codec": "codecs",
    ]
    switch error {
    case .syntax: return error
    case .key(_, let path, let problem, let allowed):
      return .key(place: request.place, path: names[path] ?? path, problem: problem, allowed: allowed)
    case .refused(_, let path, let reason):
      return .refused(place: request.place, path: names[path] ?? path, reason: reason)
    }
  }
}
