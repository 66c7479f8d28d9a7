import Files
import JSONText
import PrivacyAccounting
import RunFiles

/// What is answered about rounds, or about a ledger: the figures of all rounds, of what a run claims, and curves where they are asked for.
public struct AccountAnswer: Sendable {
  /// Of the rounds that are given.
  public let report: AccountReport
  /// Of all planned rounds, where a run's ledger has them: a run claims those, since where it stopped may have been chosen by looking.
  public let claim: AccountReport?
  /// Nil where nobody asks.
  public let curves: CurveReport?
  /// What a reader should not miss.
  public let warnings: [String]

  /// Where curves end that nothing else says the end of.
  public static let leastDelta = 1e-10

  /// Of rounds that somebody describes.
  ///
  /// - Parameters:
  ///   - precision: how close both bounds are; both are bounds whichever it is.
  ///   - curvesDownTo: the delta at which curves end; nil for no curves.
  /// - Throws: `ToolError.input` where there is no proof, with the reason.
  public init(
    _ ledger: PrivacyLedger, relation: NeighboringRelation, accountant: Accountant, query: AccountReport.Query,
    precision: Accountant.Precision = .fine, curvesDownTo least: Double? = nil
  ) throws(ToolError) {
    report = try AccountReport(
      ledger, relation: relation, accountant: accountant, query: query, precision: precision)
    claim = nil
    curves = try least.map { least throws(ToolError) in
      try CurveReport(ledger, accountant: accountant, least: least)
    }
    warnings = report.warnings
  }

  /// Of a ledger.
  ///
  /// - Parameters:
  ///   - query: nil for epsilon at the ledger's own delta.
  ///   - precision: how close both bounds are; both are bounds whichever it is.
  ///   - hasCurves: whether curves are asked for.
  /// - Throws: `ToolError.input` where there is no proof, with the reason, or neither the ledger nor `query` has a delta.
  public init(
    _ file: LedgerFile, accountant: Accountant, query asked: AccountReport.Query?,
    precision: Accountant.Precision = .fine, hasCurves: Bool = false
  ) throws(ToolError) {
    guard let query = asked ?? file.delta.map({ .deltas([$0]) }) ?? (hasCurves ? .deltas([Self.leastDelta]) : nil)
    else { throw .input(place: "the ledger", problem: "no delta is given, and it has none; allowed: one of both") }
    let report = { (ledger: PrivacyLedger) throws(ToolError) in
      try AccountReport(
        ledger, relation: file.relation, accountant: accountant, query: query, truncationDelta: file.reservedDelta,
        precision: precision)
    }
    self.report = try report(file.ledger)
    if let planned = file.planned { claim = try report(planned) } else { claim = nil }
    if hasCurves {
      curves = try CurveReport(
        file.planned ?? file.ledger, accountant: accountant, least: Self.leastDelta(asked, file),
        truncationDelta: file.reservedDelta)
    } else {
      curves = nil
    }
    var warnings = (claim ?? self.report).warnings
    if file.numericalDelta > 0, asked != nil || hasCurves {
      warnings.append(
        "the part of delta that the run keeps for rounding, \(file.numericalDelta), is enough at the epsilon of its own delta; "
          + "figures at a larger epsilon are for noise in real arithmetic (docs/privacy.md, Arithmetic)")
    }
    self.warnings = warnings
  }

  /// Where curves end: at the smallest delta that is given.
  private static func leastDelta(_ asked: AccountReport.Query?, _ file: LedgerFile) -> Double {
    if case .deltas(let deltas)? = asked, let least = deltas.min() { return least }
    if let delta = file.delta, file.reservedDelta > 0 { return delta }
    return leastDelta
  }

  /// The claim where there is one, the rounds that are done beside it, and the curves.
  ///
  /// - Parameter hasCurves: false where they were asked for pictures alone.
  public func json(hasCurves: Bool = true) -> JSONObject {
    var root = JSONObject()
    if case .object(let object) = (claim ?? report).json { root = object }
    if claim != nil {
      root["roundsDone"] = .integer(report.rounds)
      if report.rows.count == 1 {
        let done = report.rows[0].epsilon
        root["epsilonOfRoundsDone"] = done.isFinite ? .number(done) : .string("inf")
      }
    }
    if hasCurves, let curves { for (key, value) in curves.json { root[key] = value } }
    return root
  }
}
