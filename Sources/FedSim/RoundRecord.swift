import Aggregator
import Clients
import JSONText
import PrivacyAccounting

/// What one round did and cost. All but epsilon, its rate and its noise multiplier are un-noised functions of the data:
/// diagnostics of a simulation, outside the guarantee.
public struct RoundRecord: Sendable, Equatable {
  public let round: Int
  public let drawn: Int
  /// Uploads that counted.
  public let arrived: Int
  /// Uploads that the server refused.
  public let refused: Int
  /// Updates with a value that was not finite, replaced by zero.
  public let nonFinite: Int
  /// Of the uploads that were sent; nil where none was.
  public let clippedFraction: Double?
  /// On the test examples, after the round; nil in rounds without evaluation, and the loss where it is not finite.
  public let loss: Double?
  public let accuracy: Double?
  /// Of the broadcast model on each drawn client's own examples.
  public let clientAccuracy: Distribution?
  /// Nil without privacy.
  public let spending: PrivacySpent?
  public let samplingRate: Double
  public let noiseMultiplier: Double?
  /// C, to which updates were clipped; nil without privacy.
  public let clippingNorm: Double?
  /// Bits of the payloads that counted; nil where none arrived.
  public let payloadBits: Distribution?
  public let totalPayloadBits: Int
  /// All uploads with their envelopes.
  public let wireBytes: Int
  /// The broadcast, once for each drawn client.
  public let downlinkBytes: Int
  /// Mean over clients of I(X; Y).
  public let idealBits: Double?

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
    clientAccuracy = Distribution(diagnostics.accuracies)
    self.spending = spending
    samplingRate = frame.sampler.sampling.rate
    noiseMultiplier = frame.plan?.noiseMultiplier
    payloadBits = Distribution(aggregate.payloadBits.map(Double.init))
    totalPayloadBits = aggregate.payloadBits.reduce(0, +)
    wireBytes = aggregate.wireBytes
    downlinkBytes = broadcastBytes * drawn
    idealBits = frame.channel.noiseScale == 0 ? nil : diagnostics.share(diagnostics.idealBits)
  }

  /// One line of rounds.jsonl.
  public var json: JSON {
    [
      "round": .integer(round), "drawn": .integer(drawn), "arrived": .integer(arrived), "refused": .integer(refused),
      "nonFinite": .integer(nonFinite), "clippedFraction": .optional(clippedFraction), "loss": .optional(loss),
      "accuracy": .optional(accuracy),
      "clientAccuracy": clientAccuracy.map {
        ["mean": .number($0.mean), "p10": .number($0.p10), "p50": .number($0.p50), "p90": .number($0.p90)]
      } ?? .null,
      "epsilon": .optional(spending?.epsilon), "epsilonLowerBound": .optional(spending?.lowerBound),
      "samplingRate": .number(samplingRate), "noiseMultiplier": .optional(noiseMultiplier),
      "clippingNorm": .optional(clippingNorm),
      "uplink": [
        "payloadBits": [
          "mean": .optional(payloadBits?.mean), "min": .optional(payloadBits?.min),
          "max": .optional(payloadBits?.max), "p50": .optional(payloadBits?.p50),
          "total": .integer(totalPayloadBits),
        ],
        "wireBytes": .integer(wireBytes),
      ],
      "downlinkBytes": .integer(downlinkBytes), "idealBits": ["mean": .optional(idealBits)],
    ]
  }
}
