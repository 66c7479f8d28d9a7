import Aggregator

/// What `fedsim account` answers: epsilon at deltas, or delta at epsilons, with all that the figure rests on.
public struct AccountReport: Sendable {
  public struct Row: Sendable, Equatable {
    public let epsilon: Double
    /// Of epsilon; nil where delta was asked, or where the accountant has none.
    public let epsilonLowerBound: Double?
    public let delta: Double
    /// Of delta; nil where epsilon was asked.
    public let deltaLowerBound: Double?
  }

  public let rows: [Row]
  public let accountant: Accountant
  public let relation: Relation
  /// Nil for a ledger of several kinds.
  public let event: PrivacyEvent?
  public let rounds: Int

  public enum Query: Sendable {
    case deltas([Double])
    case epsilons([Double])
  }

  /// - Throws: `ToolError.failed` where there is no proof, with the reason.
  public init(
    _ ledger: PrivacyLedger, relation: Relation, accountant: Accountant, query: Query
  ) throws(ToolError) {
    self.accountant = accountant
    self.relation = relation
    rounds = ledger.count
    let kinds = Set(ledger.rounds.map(\.entry))
    if kinds.count == 1, case .event(let event)? = kinds.first { self.event = event } else { event = nil }
    // A round without noise tells everything.
    let isNoiseless = ledger.rounds.contains { part in
      if case .event(let event) = part.entry {
        return part.count > 0 && event.sampling.rate > 0 && event.effectiveNoiseMultiplier == 0
      }
      return false
    }
    var rows: [Row] = []
    do throws(PrivacyRefusal) {
      switch query {
      case .deltas(let deltas):
        for delta in deltas {
          if isNoiseless {
            rows.append(Row(epsilon: .infinity, epsilonLowerBound: .infinity, delta: delta, deltaLowerBound: nil))
            continue
          }
          let spending = try accountant.spending(ledger, delta: delta)
          rows.append(
            Row(
              epsilon: spending.epsilon, epsilonLowerBound: spending.lowerBound, delta: delta, deltaLowerBound: nil))
        }
      case .epsilons(let epsilons):
        for epsilon in epsilons {
          if isNoiseless {
            rows.append(Row(epsilon: epsilon, epsilonLowerBound: nil, delta: 1, deltaLowerBound: nil))
            continue
          }
          let (delta, lower) = try accountant.delta(ledger, epsilon: epsilon)
          rows.append(Row(epsilon: epsilon, epsilonLowerBound: nil, delta: delta, deltaLowerBound: lower))
        }
      }
    } catch {
      throw .input(place: "account", problem: "refused: \(error)")
    }
    self.rows = rows
  }

  /// JSON has no infinity.
  private static func number(_ value: Double) -> JSON { value.isFinite ? .number(value) : .string("inf") }

  public var json: JSON {
    let answers = rows.map { row -> JSONObject in
      var object: JSONObject = ["epsilon": Self.number(row.epsilon)]
      object["epsilonLowerBound"] = row.epsilonLowerBound.map(Self.number) ?? .null
      object["delta"] = .number(row.delta)
      if let lower = row.deltaLowerBound { object["deltaLowerBound"] = .number(lower) }
      return object
    }
    var root = answers.count == 1 ? answers[0] : JSONObject()
    if answers.count != 1 { root["curve"] = .array(answers.map { .object($0) }) }
    root["accountant"] = .string(accountant.rawValue)
    root["relation"] = .string(relation.rawValue)
    root["sampling"] = event.map { .string($0.sampling.name) } ?? .null
    root["samplingRate"] = event.map { .number($0.sampling.rate) } ?? .null
    root["noiseMultiplier"] = event.map { .number($0.noiseMultiplier) } ?? .null
    root["rounds"] = .integer(rounds)
    root["adversary"] = "released-model"
    root["theorem"] = .string(theorem)
    return .object(root)
  }

  private var theorem: String {
    (event.map { $0.dominationTheorem + "; " } ?? "dominating pairs of all rounds (docs/privacy.md); ") + accountant.theorem
  }

  /// delta and epsilon with both bounds, a line a row; opens anywhere.
  public var csv: String {
    var lines = ["delta,deltaLowerBound,epsilon,epsilonLowerBound"]
    for row in rows {
      let cells = [row.delta, row.deltaLowerBound, row.epsilon, row.epsilonLowerBound]
      lines.append(cells.map { $0.map { $0.isFinite ? "\($0)" : "inf" } ?? "" }.joined(separator: ","))
    }
    return lines.joined(separator: "\n")
  }

  public var text: String {
    var lines: [String] = []
    for row in rows {
      if let lower = row.deltaLowerBound {
        lines.append("delta    \(row.delta) at epsilon \(row.epsilon), at least \(lower)")
      } else if let lower = row.epsilonLowerBound {
        let tight = row.epsilon > 0 && row.epsilon.isFinite ? " (\(Text.short(100 * (row.epsilon - lower) / row.epsilon)) % apart)" : ""
        lines.append(
          "epsilon  \(Text.fixedUp(row.epsilon, 6)) at delta \(row.delta), at least \(Text.fixedDown(lower, 6))\(tight)")
      } else {
        lines.append("epsilon  \(row.epsilon) at delta \(row.delta)")
      }
    }
    lines.append("")
    if let event {
      let count = event.countNoise.map { " and a count with noise \($0)" } ?? ""
      lines.append(
        "rounds   \(Text.grouped(rounds)), \(event.sampling.name), q = \(event.sampling.rate), z = \(event.noiseMultiplier)\(count)")
    } else {
      lines.append("rounds   \(Text.grouped(rounds)) of several kinds")
    }
    lines.append("relation \(relation.rawValue); the unit is one client with all its data")
    lines.append("against  whoever sees the released models; not the server, nor an observer of cohort sizes")
    lines.append("by       " + Text.wrapped(theorem, width: 90, indent: "         ").drop { $0 == " " })
    return lines.joined(separator: "\n")
  }
}
