import Clients
import JSONText
import PrivacyAccounting

/// The last word on a run: summary.json, and what the closing table is made from.
public struct RunSummary: Sendable {
  public let setup: RunSetup
  public let stoppedBy: StopReason
  public let records: [RoundRecord]
  private let finalEvaluation: Evaluation?
  /// Who is guaranteed what.
  public let views: ThreatModel

  public enum StopReason: String, Sendable {
    case rounds
    /// The next round would have cost more than `privacy.budget`.
    case budget
    case interrupted
  }

  /// - Parameters:
  ///   - setup: the run.
  ///   - records: those of all rounds that were made.
  ///   - stoppedBy: why there are no more.
  ///   - finalEvaluation: of the last model, where the last record has none because a run was interrupted.
  ///   - mostParticipations: of one client, for an observer who sees who sends.
  public init(
    _ setup: RunSetup, records: [RoundRecord], stoppedBy: StopReason, finalEvaluation: Evaluation? = nil,
    mostParticipations: Int? = nil
  ) {
    views = ThreatModel(setup, records: records, mostParticipations: mostParticipations)
    self.setup = setup
    self.finalEvaluation = finalEvaluation
    self.records = records
    self.stoppedBy = stoppedBy
  }

  /// Of the model that the run ends with; nil where that was not evaluated.
  public var finalAccuracy: Double? { finalEvaluation?.accuracy ?? records.last?.accuracy }
  public var bestAccuracy: Double? { (records.map(\.accuracy) + [finalEvaluation?.accuracy]).compactMap { $0 }.max() }
  public var finalLoss: Double? {
    finalEvaluation.flatMap { $0.loss.isFinite ? $0.loss : nil } ?? records.last?.loss
  }
  /// Updates with a value that was not finite: each counted as zero.
  public var nonFiniteUpdates: Int { records.reduce(0) { $0 + $1.nonFinite } }

  /// Of all *planned* rounds: where a run is stopped may have been chosen by looking at it.
  public var spending: PrivacySpent? { setup.guaranteedPlan?.plannedSpending }

  private var arrived: Int { records.reduce(0) { $0 + $1.arrived } }

  /// Mean payload bits of an upload that counted; nil where none did.
  public var payloadBitsPerClientRound: Double? {
    arrived == 0 ? nil : Double(records.reduce(0) { $0 + $1.totalPayloadBits }) / Double(arrived)
  }

  /// Mean bytes of an upload with its envelope, refused ones included.
  public var wireBytesPerClientRound: Double? {
    let uploads = arrived + records.reduce(0) { $0 + $1.refused }
    return uploads == 0 ? nil : Double(records.reduce(0) { $0 + $1.wireBytes }) / Double(uploads)
  }

  /// Mean I(X; Y) of the updates that were sent, weighted by uploads.
  public var idealBitsPerClientRound: Double? {
    let parts = records.compactMap { record in
      record.idealBits.map { (bits: $0, count: record.arrived + record.refused) }
    }
    let count = parts.reduce(0) { $0 + $1.count }
    return count == 0 ? nil : parts.reduce(0) { $0 + $1.bits * Double($1.count) } / Double(count)
  }

  public var float32Bits: Int { 32 * setup.model.parameterCount }

  var statement: GuaranteeStatement { GuaranteeStatement(setup) }

  /// summary.json, as `SummaryFields` has it.
  public var json: JSON {
    var summary = JSONObject()
    for field in SummaryField.all { summary[field.name] = field.value(self) }
    return .object(summary)
  }
}
