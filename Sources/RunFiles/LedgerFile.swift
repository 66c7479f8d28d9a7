import Aggregator
import Files
import JSONText
import PrivacyAccounting

/// A ledger as JSON, and a run's ledger.json: enough to recompute epsilon. docs/accounting.md has the format.
///
///     {"relation": "zero-out", "rounds": [
///       {"noiseMultiplier": 1.1, "samplingRate": 0.01, "sampling": "poisson", "rounds": 100},
///       {"epsilon": 0.1, "delta": 1e-9}]}
public struct LedgerFile: Sendable {
  public let ledger: PrivacyLedger
  public let relation: NeighboringRelation
  /// Whether the file says it.
  public let hasRelation: Bool
  /// The whole delta, where the file has one.
  public let delta: Double?
  /// The part of it that pays for cohorts that may be cut.
  public let truncationDelta: Double
  /// The part of delta that pays for what floating point may choose otherwise.
  public let numericalDelta: Double
  /// What is not left for the rounds.
  public var reservedDelta: Double { truncationDelta + numericalDelta }
  /// All planned rounds of a run, where the file has them: what the run claims.
  public let planned: PrivacyLedger?

  /// - Parameters:
  ///   - name: how messages call the file.
  ///   - relation: for a file that names none.
  /// - Throws: `ToolError.input` with line and column of what is wrong.
  public init(_ bytes: [UInt8], name: String, relation fallback: NeighboringRelation = .zeroOut) throws(ToolError) {
    let parsed: ParsedJSON
    do throws(JSONSyntaxError) {
      parsed = try JSONParser.parse(bytes)
    } catch {
      throw .input(
        place: "\(name):\(error.position.line):\(error.position.column)", problem: "not valid JSON: \(error.message)")
    }
    let reader = Reader(name: name, positions: parsed.positions)
    let root = try reader.object(
      parsed.value, at: "",
      keys: ["format", "relation", "delta", "truncationDelta", "numericalDelta", "planned", "rounds"])
    if let format = root["format"], format != .string(Self.format) {
      throw reader.error(at: "format", "found \(format.summary)", "\"\(Self.format)\"")
    }
    let named = try reader.choice(root["relation"], at: "relation", NeighboringRelation.allCases.map(\.rawValue))
    relation = named.flatMap(NeighboringRelation.init(rawValue:)) ?? fallback
    hasRelation = named != nil
    let whole = try reader.number(root["delta"], at: "delta", "a number above 0 and below 1") { $0 > 0 && $0 < 1 }
    let truncation = try reader.number(
      root["truncationDelta"], at: "truncationDelta", "a number from 0 on, below delta"
    ) {
      $0 >= 0 && $0 < whole ?? 1
    }
    let numerical = try reader.number(
      root["numericalDelta"], at: "numericalDelta", "a number from 0 on, below delta less truncationDelta"
    ) {
      $0 >= 0 && $0 < (whole ?? 1) - (truncation ?? 0)
    }
    delta = whole
    truncationDelta = truncation ?? 0
    numericalDelta = numerical ?? 0
    guard let list = root["rounds"] else { throw reader.error(at: "", "found no \"rounds\"", "an array of rounds") }
    guard case .array(let items) = list else {
      throw reader.error(at: "rounds", "found \(list.kindName)", "an array of rounds")
    }
    var ledger = PrivacyLedger()
    for (i, item) in items.enumerated() {
      let (entry, count) = try reader.rounds(item, at: JSONParser.childPath("rounds", index: i), relation)
      ledger.append(entry, rounds: count)
    }
    self.ledger = ledger
    if let item = root["planned"] {
      planned = try Self.planned(item, relation, done: ledger, reader)
    } else {
      planned = nil
    }
  }

  /// The rounds that were planned, of which those that were done must be the beginning: otherwise the plan is not what the run claims.
  private static func planned(
    _ item: JSON, _ relation: NeighboringRelation, done ledger: PrivacyLedger, _ reader: Reader
  ) throws(ToolError) -> PrivacyLedger {
    let (entry, count) = try reader.rounds(item, at: "planned", relation)
    if let i = ledger.rounds.firstIndex(where: { $0.entry != entry }) {
      throw reader.error(
        at: JSONParser.childPath("rounds", index: i), "found another kind of round than was planned",
        "rounds as in \"planned\"")
    }
    guard ledger.count <= count else {
      throw reader.error(
        at: "planned", "found \(count) planned rounds, and \(ledger.count) done", "no more than planned")
    }
    var planned = PrivacyLedger()
    planned.append(entry, rounds: count)
    return planned
  }

  static let format = "fedsim-ledger-1"

  /// What a run's ledger begins with: all that is public before its first round.
  public static func head(_ plan: PrivacyPlan) -> [(key: String, value: JSON)] {
    [
      ("format", .string(format)), ("relation", .string(plan.relation.rawValue)), ("delta", .number(plan.delta)),
      ("truncationDelta", .number(plan.truncationDelta)), ("numericalDelta", .number(plan.numericalDelta)),
      ("planned", .object(entry(plan.event, [("rounds", .integer(plan.affordedRounds))]))),
    ]
  }

  /// A round of a run: z as the account has it, a hair below the noise that was added.
  public static func round(_ round: Int, _ event: PrivacyEvent) -> JSON {
    .object(entry(event, [("round", .integer(round))]))
  }

  private static func entry(_ event: PrivacyEvent, _ rest: [(String, JSON)]) -> JSONObject {
    var object: JSONObject = [
      "sampling": .string(event.sampling.name), "samplingRate": .number(event.sampling.rate),
      "noiseMultiplier": .number(event.noiseMultiplier),
    ]
    if let noise = event.countNoise { object["countNoise"] = .number(noise) }
    for (key, value) in rest { object[key] = value }
    return object
  }

  private struct Reader {
    let name: String
    let positions: [String: JSONPosition]

    func error(at path: String, _ problem: String, _ allowed: String) -> ToolError {
      let position = positions[path] ?? positions[""]
      let place = position.map { "\(name):\($0.line):\($0.column)" } ?? name
      return .input(place: path.isEmpty ? place : "\(place): \(path)", problem: "\(problem); allowed: \(allowed)")
    }

    func object(_ value: JSON, at path: String, keys: [String]) throws(ToolError) -> JSONObject {
      guard case .object(let object) = value else {
        throw error(at: path, "found \(value.kindName), \(value.summary)", "an object")
      }
      for (key, _) in object where !keys.contains(key) {
        throw error(
          at: JSONParser.childPath(path, key: key), "unknown key", keys.map { "\"\($0)\"" }.joined(separator: ", "))
      }
      return object
    }

    func number(
      _ value: JSON?, at path: String, _ allowed: String, _ isAllowed: (Double) -> Bool
    ) throws(ToolError) -> Double? {
      guard let value, value != .null else { return nil }
      guard let number = value.double, isAllowed(number) else {
        throw error(at: path, "found \(value.summary)", allowed)
      }
      return number
    }

    func choice(_ value: JSON?, at path: String, _ names: [String]) throws(ToolError) -> String? {
      guard let value, value != .null else { return nil }
      if case .string(let name) = value, names.contains(name) { return name }
      throw error(at: path, "found \(value.summary)", names.map { "\"\($0)\"" }.joined(separator: ", "))
    }

    func rounds(
      _ value: JSON, at path: String, _ relation: NeighboringRelation
    ) throws(ToolError) -> (PrivacyLedger.Entry, Int) {
      let object = try object(
        value, at: path,
        keys: ["noiseMultiplier", "samplingRate", "sampling", "countNoise", "rounds", "round", "epsilon", "delta"])
      let at = { (key: String) in JSONParser.childPath(path, key: key) }
      var count = 1
      if let found = object["rounds"] {
        guard case .integer(let value) = found, (0...AccountRanges.mostRounds).contains(value) else {
          throw error(at: at("rounds"), "found \(found.summary)", "an integer from 0 to \(AccountRanges.mostRounds)")
        }
        count = value
      }
      if object["epsilon"] != nil || object["delta"] != nil {
        for key in ["noiseMultiplier", "samplingRate", "sampling", "countNoise"] where object[key] != nil {
          throw error(
            at: at(key), "found with \"epsilon\" or \"delta\"",
            "either a round's noise and sampling, or the epsilon and delta that are known of it")
        }
        let epsilon = try number(object["epsilon"], at: at("epsilon"), "a number from 0 to 1000") {
          (0...1000).contains($0)
        }
        let delta = try number(object["delta"], at: at("delta"), "a number from 0 on, below 1") { $0 >= 0 && $0 < 1 }
        guard let epsilon, let delta else {
          throw error(
            at: path, "found no \"\(epsilon == nil ? "epsilon" : "delta")\"",
            "\"epsilon\" and \"delta\" (0 where it is pure)")
        }
        return (.guarantee(epsilon: epsilon, delta: delta), count)
      }
      guard
        let z = try number(
          object["noiseMultiplier"], at: at("noiseMultiplier"), AccountRanges.ledgerNoise, AccountRanges.isLedgerNoise)
      else {
        throw error(at: path, "found no \"noiseMultiplier\"", "\"noiseMultiplier\", or \"epsilon\" and \"delta\"")
      }
      let rate = try number(object["samplingRate"], at: at("samplingRate"), "a number from 0 to 1") {
        (0...1).contains($0)
      }
      let named = try choice(object["sampling"], at: at("sampling"), Sampling.Name.allCases.map(\.rawValue))
      let sampling = named.flatMap(Sampling.Name.init(rawValue:)) ?? (rate == nil ? .everyone : .poisson)
      if sampling == .everyone, let rate, rate != 1 {
        throw error(at: at("samplingRate"), "found \(rate) for \"everyone\"", "1, or no rate")
      }
      if sampling != .everyone && rate == nil {
        throw error(at: path, "found no \"samplingRate\" for \"\(sampling.rawValue)\"", "a number from 0 to 1")
      }
      let countNoise = try number(
        object["countNoise"], at: at("countNoise"), AccountRanges.ledgerNoise, AccountRanges.isLedgerNoise)
      return (
        .event(
          PrivacyEvent(
            noiseMultiplier: z, sampling: Sampling(name: sampling, rate: rate ?? 1), relation: relation,
            countNoise: countNoise)), count
      )
    }
  }
}

/// What the account takes: the same for flags and files.
public enum AccountRanges {
  public static let mostRounds = 10_000_000
  public static let noise = "0, or a number from 0.01 to 1e6"
  /// A run's ledger has z with its margin off, and an update's z beside a count's.
  static let ledgerNoise = "0, or a number from 0.005 to 1e9"
  static func isLedgerNoise(_ z: Double) -> Bool { z == 0 || (0.005...1e9).contains(z) }

  public static func isNoise(_ z: Double) -> Bool { z == 0 || (0.01...1e6).contains(z) }
}
