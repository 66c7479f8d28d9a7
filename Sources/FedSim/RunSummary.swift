import Clients
import JSONText
import PrivacyAccounting

/// The last word on a run: summary.json, and what the closing table is made from.
public struct RunSummary: Sendable {
  public let setup: RunSetup
  public let stoppedBy: StopReason
  public let records: [RoundRecord]
  /// What sending posteriors came to; nil for a task without them, and where it was not done.
  public let posterior: PosteriorResults?
  /// All metrics of the last model; nil where the scenario does not ask for them, and where the run was interrupted.
  public let metrics: EvaluationMetrics?
  /// The last model on each client's own test; nil as well where that was not asked for.
  public let clientTests: ClientTests?
  private let finalEvaluation: Evaluation?
  /// Who is guaranteed what.
  public let views: ThreatModel

  public enum StopReason: String, Sendable {
    case rounds
    /// The next round would have cost more than `privacy.budget`.
    case budget
    /// A rule of `evaluation` stopped it.
    case evaluation
    case interrupted
  }

  /// - Parameters:
  ///   - setup: the run.
  ///   - records: those of all rounds that were made.
  ///   - posterior: what sending posteriors came to, for a task about them.
  ///   - metrics: all metrics of the last model.
  ///   - clientTests: the last model on each client's own test.
  ///   - stoppedBy: why there are no more.
  ///   - finalEvaluation: of the last model, where the last record has none because a run was interrupted.
  ///   - mostParticipations: of one client, for an observer who sees who sends.
  public init(
    _ setup: RunSetup, records: [RoundRecord], posterior: PosteriorResults? = nil, metrics: EvaluationMetrics? = nil,
    clientTests: ClientTests? = nil, stoppedBy: StopReason,
    finalEvaluation: Evaluation? = nil,
    mostParticipations: Int? = nil
  ) {
    views = ThreatModel(setup, records: records, mostParticipations: mostParticipations)
    self.setup = setup
    self.posterior = posterior
    (self.metrics, self.clientTests) = (metrics, clientTests)
    self.finalEvaluation = finalEvaluation
    self.records = records
    self.stoppedBy = stoppedBy
  }

  /// Of the model that the run ends with; nil where that was not evaluated.
  public var finalAccuracy: Double? { finalEvaluation?.accuracy ?? records.last?.accuracy }
  public var bestAccuracy: Double? { (records.map(\.accuracy) + [finalEvaluation?.accuracy]).compactMap { $0 }.max() }
  /// The round of the best model of all evaluations in rounds; nil where none has a finite figure.
  public var bestRound: Int? { watch.bestRound }
  /// The rule of `evaluation` that ended the run; nil where none did.
  public var stopRule: String? { watch.stopped?.rawValue }

  private var watch: EvaluationWatch {
    var watch = EvaluationWatch(setup)
    for record in records {
      _ = watch.add(
        record, isEvaluated: record.round % setup.scenario.evaluation.every == 0 || record.round == setup.lastRound)
    }
    return watch
  }

  public var finalLoss: Double? {
    finalEvaluation.flatMap { $0.loss.isFinite ? $0.loss : nil } ?? records.last?.loss
  }
  /// R^2 of the model that the run ends with; nil for other tasks than regression.
  public var finalR2: Double? { finalEvaluation.map(\.r2) ?? records.last?.r2 }
  /// The root of the mean squared error, in the unit of the data; nil for other tasks.
  public var finalRMSE: Double? {
    setup.scenario.task == .regression
      ? finalLoss.map { $0.squareRoot() * setup.scenario.targetUnits.scale } : nil
  }
  /// Updates with a value that was not finite: each counted as zero.
  public var nonFiniteUpdates: Int { records.reduce(0) { $0 + $1.nonFinite } }

  /// Of all *planned* rounds: where a run is stopped may have been chosen by looking at it.
  public var spending: PrivacySpent? { setup.guaranteedPlan?.plannedSpending }

  /// Uploads that counted and were written.
  public var coded: Int { records.reduce(0) { $0 + $1.coded } }

  /// Mean payload bits of an upload that counted and was written; nil where none was.
  public var payloadBitsPerClientRound: Double? {
    coded == 0 ? nil : Double(records.reduce(0) { $0 + $1.totalPayloadBits }) / Double(coded)
  }

  /// The standard error of that mean; nil with fewer than two uploads.
  public var payloadBitsError: Double? {
    Estimate(
      records.compactMap { record in
        record.payloadBits.map { (Estimate(mean: $0.mean, error: record.payloadBitsError), record.coded) }
      })?.error
  }

  /// Mean predicted bits of all uploads that were sent, written or not; nil where nothing can be predicted.
  public var predictedBitsPerClientRound: Double? {
    mean(\.predictedBits) { $0.arrived + $0.refused }
  }

  /// Bits of the payloads that were written, over those predicted of them; nil where none was.
  public var measuredOverPredicted: Double? {
    let parts = records.compactMap { record in
      record.measuredOverPredicted.map { (measured: Double(record.totalPayloadBits), ratio: $0) }
    }
    let predicted = parts.reduce(0) { $0 + $1.measured / $1.ratio }
    return predicted > 0 ? parts.reduce(0) { $0 + $1.measured } / predicted : nil
  }

  /// Mean bytes of an upload with its envelope, refused ones included, of those that were written.
  public var wireBytesPerClientRound: Double? {
    let uploads = coded + records.reduce(0) { $0 + $1.refused }
    return uploads == 0 ? nil : Double(records.reduce(0) { $0 + $1.wireBytes }) / Double(uploads)
  }

  /// Mean I(X; Y) of the updates that were sent, weighted by uploads.
  public var idealBitsPerClientRound: Double? { mean(\.idealBits) { $0.arrived + $0.refused } }

  /// The mean of a figure over rounds that have it, weighted.
  private func mean(_ figure: KeyPath<RoundRecord, Double?>, weight: (RoundRecord) -> Int) -> Double? {
    let parts = records.compactMap { record in record[keyPath: figure].map { (value: $0, count: weight(record)) } }
    let count = parts.reduce(0) { $0 + $1.count }
    return count == 0 ? nil : parts.reduce(0) { $0 + $1.value * Double($1.count) } / Double(count)
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
