import Aggregator
import ChannelCoding
import Clients

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
  public let spending: Accountant.Spending?
  public let samplingRate: Double
  public let noiseMultiplier: Double?
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
    round: Int, drawn: Int, participations: [Participation], aggregate: Aggregate, broadcastBytes: Int,
    evaluation: Evaluation?, plan: PrivacyPlan?, spending: Accountant.Spending?
  ) {
    let sent = participations.compactMap(\.sent)
    self.round = round
    self.drawn = drawn
    arrived = aggregate.arrived
    refused = aggregate.refused
    nonFinite = sent.count { $0.wasReplaced }
    clippedFraction = sent.isEmpty ? nil : Double(sent.count { $0.wasClipped }) / Double(sent.count)
    loss = evaluation.flatMap { $0.loss.isFinite ? $0.loss : nil }
    accuracy = evaluation?.accuracy
    clientAccuracy = Distribution(sent.compactMap(\.accuracy))
    self.spending = spending
    samplingRate = plan?.sampling.rate ?? 1
    noiseMultiplier = plan?.noiseMultiplier
    payloadBits = Distribution(aggregate.payloadBits.map(Double.init))
    totalPayloadBits = aggregate.payloadBits.reduce(0, +)
    wireBytes = aggregate.wireBytes
    downlinkBytes = broadcastBytes * drawn
    let ideal = sent.map(\.idealBits)
    idealBits = ideal.isEmpty || plan == nil ? nil : ideal.reduce(0, +) / Double(ideal.count)
  }

  /// One line of rounds.jsonl.
  public var json: JSON {
    [
      "round": .integer(round), "drawn": .integer(drawn), "arrived": .integer(arrived), "refused": .integer(refused),
      "nonFinite": .integer(nonFinite), "clippedFraction": .optional(clippedFraction), "loss": .optional(loss),
      "accuracy": .optional(accuracy),
      "clientAccuracy": clientAccuracy.map {
        ["mean": .number($0.mean), "p10": .number($0.quantile(0.1)), "p90": .number($0.quantile(0.9))]
      } ?? .null,
      "epsilon": .optional(spending?.epsilon), "epsilonLowerBound": .optional(spending?.lowerBound),
      "samplingRate": .number(samplingRate), "noiseMultiplier": .optional(noiseMultiplier),
      "uplink": [
        "payloadBits": [
          "mean": .optional(payloadBits?.mean), "min": .optional(payloadBits?.quantile(0)),
          "max": .optional(payloadBits?.quantile(1)), "p50": .optional(payloadBits?.quantile(0.5)),
          "total": .integer(totalPayloadBits),
        ],
        "wireBytes": .integer(wireBytes),
      ],
      "downlinkBytes": .integer(downlinkBytes), "idealBits": ["mean": .optional(idealBits)],
    ]
  }
}

/// Some numbers, sorted. Never empty.
public struct Distribution: Sendable, Equatable {
  private let sorted: [Double]

  init?(_ values: [Double]) {
    guard !values.isEmpty else { return nil }
    sorted = values.sorted()
  }

  public var mean: Double { sorted.reduce(0, +) / Double(sorted.count) }

  /// The value at rank ceil(p n), the smallest one for p = 0.
  public func quantile(_ p: Double) -> Double {
    sorted[min(max(Int((p * Double(sorted.count)).rounded(.up)) - 1, 0), sorted.count - 1)]
  }
}

extension JSON {
  static func optional(_ value: Double?) -> JSON { value.map { .number($0) } ?? .null }
}
