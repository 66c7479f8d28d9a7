import Files
import JSONText
import Numerics
import PrivacyAccounting

extension Elementary {
  /// x^n by squaring.
  fileprivate static func power(_ x: Double, _ n: Int) -> Double {
    var (result, square, rest) = (1.0, x, n)
    while rest > 0 {
      if rest & 1 == 1 { result *= square }
      square *= square
      rest >>= 1
    }
    return result
  }
}

/// What `fedsim account` answers: epsilon at deltas, or delta at epsilons, with all that the figure rests on.
public struct AccountReport: Sendable {
  public struct Row: Sendable, Equatable {
    public let epsilon: Double
    /// Of epsilon; nil where delta was asked, or where the accountant has none.
    public let epsilonLowerBound: Double?
    public let delta: Double
    /// Of delta; nil where epsilon was asked.
    public let deltaLowerBound: Double?
    /// Of the composed pairs' epsilon: what lies above it is the computation's share of the gap.
    public var pairLowerBound: Double?
  }

  public let rows: [Row]
  public let accountant: Accountant
  public let relation: NeighboringRelation
  /// Nil for a ledger of several kinds.
  public let event: PrivacyEvent?
  public let rounds: Int
  /// Of delta: what pays for cohorts that may be cut.
  public let truncationDelta: Double

  public enum Query: Sendable {
    case deltas([Double])
    case epsilons([Double])
  }

  /// - Parameter precision: how close both bounds are; both are bounds whichever it is.
  /// - Throws: `ToolError.input` where there is no proof, with the reason.
  public init(
    _ ledger: PrivacyLedger, relation: NeighboringRelation, accountant: Accountant, query: Query,
    truncationDelta: Double = 0, precision: Accountant.Precision = .fine
  ) throws(ToolError) {
    self.accountant = accountant
    self.truncationDelta = truncationDelta
    self.relation = relation
    rounds = ledger.count
    let kinds = Set(ledger.rounds.map(\.entry))
    if kinds.count == 1, case .event(let event)? = kinds.first { self.event = event } else { event = nil }
    // A round without noise tells whoever is drawn for certain, and one that is drawn in none of them is not told by them.
    let hidden = ledger.rounds.reduce(1.0) { product, part in
      guard case .event(let event) = part.entry, event.effectiveNoiseMultiplier == 0 else { return product }
      return product * Elementary.power(1 - event.sampling.rate, part.count)
    }
    let isNoiseless = hidden < 1
    var rows: [Row] = []
    do throws(PrivacyRefusal) {
      switch query {
      case .deltas(let deltas):
        for delta in deltas {
          if isNoiseless {
            let lower = delta < 1 - hidden ? Double.infinity : 0
            rows.append(Row(epsilon: .infinity, epsilonLowerBound: lower, delta: delta, deltaLowerBound: nil))
            continue
          }
          let spending = try accountant.spending(
            ledger, delta: delta, truncation: truncationDelta, precision: precision)
          rows.append(
            Row(
              epsilon: spending.epsilon, epsilonLowerBound: spending.lowerBound, delta: delta, deltaLowerBound: nil,
              pairLowerBound: spending.pairLowerBound))
        }
      case .epsilons(let epsilons):
        for epsilon in epsilons {
          if isNoiseless {
            rows.append(Row(epsilon: epsilon, epsilonLowerBound: nil, delta: 1, deltaLowerBound: 1 - hidden))
            continue
          }
          let (delta, lower) = try accountant.delta(
            ledger, epsilon: epsilon, truncation: truncationDelta, precision: precision)
          rows.append(Row(epsilon: epsilon, epsilonLowerBound: nil, delta: delta, deltaLowerBound: lower))
        }
      }
    } catch {
      throw .input(place: "--accountant \(accountant.rawValue)", problem: "refused: \(error)")
    }
    self.rows = rows
  }

  /// Six significant digits, upwards or downwards.
  private static func sixUp(_ value: Double) -> String { six(value, .up) }
  private static func sixDown(_ value: Double) -> String { six(value, .down) }

  private static func six(_ value: Double, _ rule: FloatingPointRoundingRule) -> String {
    guard value > 0, value.isFinite, value < 1 else { return "\(value)" }
    // Through the decimal text, so that 1e-05 stays 1e-05.
    var exponent = 0
    var scaled = value
    while scaled < 1e5 && exponent < 300 {
      scaled *= 10
      exponent += 1
    }
    let nearest = scaled.rounded()
    let digits = abs(scaled - nearest) < 1e-9 * nearest ? nearest : scaled.rounded(rule)
    return "\(Double("\(Int(digits))e-\(exponent)") ?? value)"
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
    if truncationDelta > 0 { root["truncationDelta"] = .number(truncationDelta) }
    root["adversary"] = "released-model"
    root["theorem"] = .string(theorem)
    return .object(root)
  }

  private var theorem: String {
    (event.map { $0.dominationTheorem + "; " } ?? "dominating pairs of all rounds (docs/privacy.md); ")
      + accountant.theorem
  }

  /// What a reader should not miss: bounds that are further apart than one would use them.
  public var warnings: [String] {
    rows.compactMap { row in
      guard let lower = row.pairLowerBound ?? row.epsilonLowerBound, row.epsilon.isFinite, row.epsilon > 1e-6,
        row.epsilon > (1 + Self.noticeableGap) * lower
      else { return nil }
      return
        "the bounds of the composed pair at delta \(row.delta) are \(Text.short(100 * (1 - lower / row.epsilon))) % apart, as far as the grid of "
        + "losses and rounding allow: epsilon is at most \(Text.fixedUp(row.epsilon, 3)), and the theorem may give less"
    }
  }

  /// Bounds of one pair that are further apart than this are worth a word.
  private static let noticeableGap = 1e-3

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
        lines.append(
          "delta    \(Self.sixUp(row.delta)) at epsilon \(row.epsilon), at least \(Self.sixDown(lower))")
      } else if let lower = row.epsilonLowerBound {
        let tight =
          row.epsilon > 0 && row.epsilon.isFinite
          ? " (\(Text.short(100 * (row.epsilon - lower) / row.epsilon)) % apart)" : ""
        lines.append(
          "epsilon  \(Text.fixedUp(row.epsilon, 6)) at delta \(row.delta), at least \(Text.fixedDown(lower, 6))\(tight)"
        )
      } else {
        lines.append("epsilon  \(Text.fixedUp(row.epsilon, 6)) at delta \(Self.sixUp(row.delta)), no lower bound")
      }
    }
    if truncationDelta > 0 {
      lines.append(
        "         of which \(Self.sixUp(truncationDelta)) pays for cohorts that may be cut to m_max and for rounding")
    }
    lines.append("")
    if let event {
      let count = event.countNoise.map { " and a count with noise \($0)" } ?? ""
      lines.append(
        "rounds   \(Text.grouped(rounds)), \(event.sampling.name), q = \(event.sampling.rate), z = \(event.noiseMultiplier)\(count)"
      )
    } else {
      lines.append("rounds   \(Text.grouped(rounds))\(rounds == 0 ? ": nothing was released" : " of several kinds")")
    }
    lines.append("relation \(relation.rawValue); the unit is one client with all its data")
    lines.append("against  whoever sees the released models; not the server, nor an observer of cohort sizes")
    lines.append("by       " + Text.wrapped(theorem, width: 90, indent: "         ").drop { $0 == " " })
    return lines.joined(separator: "\n")
  }
}
