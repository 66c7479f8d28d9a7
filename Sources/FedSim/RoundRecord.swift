import Aggregator
import Clients
import PrivacyAccounting

/// What one round did and cost. `RoundFields` has the meaning of each figure, its unit, and whether the guarantee covers it.
public struct RoundRecord: Sendable, Equatable {
  public internal(set) var round = 0
  public internal(set) var drawn = 0
  public internal(set) var arrived = 0
  public internal(set) var refused = 0
  public internal(set) var nonFinite = 0
  public internal(set) var clippedFraction: Double?
  public internal(set) var loss: Double?
  public internal(set) var accuracy: Double?
  public internal(set) var r2: Double?
  public internal(set) var clientAccuracy: Percentiles?
  public internal(set) var epsilon: Double?
  public internal(set) var epsilonLowerBound: Double?
  public internal(set) var samplingRate = 0.0
  public internal(set) var noiseMultiplier: Double?
  public internal(set) var clippingNorm: Double?
  public internal(set) var payloadBits: Spread?
  public internal(set) var totalPayloadBits = 0
  public internal(set) var coded = 0
  public internal(set) var payloadBitsError: Double?
  public internal(set) var predictedBits: Double?
  public internal(set) var measuredOverPredicted: Double?
  public internal(set) var wireBytes = 0
  public internal(set) var downlinkBytes = 0
  public internal(set) var idealBits: Double?
  public internal(set) var clientLearningRate: Double?
  public internal(set) var serverLearningRate: Double?

  /// A record of nothing: every figure that can be missing is.
  init() {}

  /// The same with what somebody measured of the model after the round.
  ///
  /// - Parameters:
  ///   - accuracy: from 0 to 1; nil for nothing.
  ///   - loss: finite; nil for nothing.
  package func measured(accuracy: Double?, loss: Double?) -> RoundRecord {
    var record = self
    (record.accuracy, record.loss) = (accuracy, loss)
    return record
  }

  /// The same as of a round whose model nobody measured.
  package var withoutEvaluation: RoundRecord { measured(accuracy: nil, loss: nil) }

  /// What was spent up to the round; nil without privacy.
  public var spending: PrivacySpent? { epsilon.map { PrivacySpent(epsilon: $0, lowerBound: epsilonLowerBound) } }

  init(
    drawn: Int, aggregate: Aggregate, diagnostics: CohortDiagnostics, broadcastBytes: Int, evaluation: Evaluation?,
    frame: RunFrame, spending: PrivacySpent?, clippingNorm: Double
  ) {
    self.clippingNorm = frame.plan == nil ? nil : clippingNorm
    round = aggregate.round
    self.drawn = drawn
    arrived = aggregate.arrived
    refused = aggregate.refusals.count
    nonFinite = diagnostics.nonFinite
    clippedFraction = diagnostics.share(diagnostics.clipped)
    loss = evaluation.flatMap { $0.loss.isFinite ? $0.loss : nil }
    accuracy = evaluation?.accuracy
    r2 = evaluation?.r2
    clientAccuracy = Percentiles(diagnostics.accuracies)
    epsilon = spending?.epsilon
    epsilonLowerBound = spending?.lowerBound
    samplingRate = frame.sampler.sampling.rate
    noiseMultiplier = frame.plan?.noiseMultiplier
    payloadBits = Spread(aggregate.payloadBits.map(Double.init))
    totalPayloadBits = aggregate.payloadBits.reduce(0, +)
    coded = aggregate.coded
    payloadBitsError = Estimate(aggregate.payloadBits.map(Double.init))?.error
    predictedBits = diagnostics.meanPredictedBits
    measuredOverPredicted = diagnostics.measuredOverPredicted
    wireBytes = aggregate.wireBytes
    downlinkBytes = broadcastBytes * drawn
    idealBits = frame.channel.noiseScale == 0 ? nil : diagnostics.share(diagnostics.idealBits)
  }
}
