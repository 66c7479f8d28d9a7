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
    drawn: Int, aggregate: Aggregate, diagnostics: CohortDiagnostics, broadcastBytes: Int, evaluation: Evaluation?,
    setup: RunSetup, spending: Accountant.Spending?
  ) {
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
    samplingRate = setup.sampler.sampling.rate
    noiseMultiplier = setup.plan?.noiseMultiplier
    payloadBits = Distribution(aggregate.payloadBits.map(Double.init))
    totalPayloadBits = aggregate.payloadBits.reduce(0, +)
    wireBytes = aggregate.wireBytes
    downlinkBytes = broadcastBytes * drawn
    idealBits = setup.plan == nil ? nil : diagnostics.share(diagnostics.idealBits)
  }

  /// One line of rounds.jsonl.
  public var json: JSON {
    [
      "round": .integer(round), "drawn": .integer(drawn), "arrived": .integer(arrived), "refused": .integer(refused),
      "nonFinite": .integer(nonFinite), "clippedFraction": .optional(clippedFraction), "loss": .optional(loss),
      "accuracy": .optional(accuracy),
      "clientAccuracy": clientAccuracy.map {
        ["mean": .number($0.mean), "p10": .number($0.p10), "p90": .number($0.p90)]
      } ?? .null,
      "epsilon": .optional(spending?.epsilon), "epsilonLowerBound": .optional(spending?.lowerBound),
      "samplingRate": .number(samplingRate), "noiseMultiplier": .optional(noiseMultiplier),
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

/// What only a simulation can see of a round's clients, added up in client order.
struct CohortDiagnostics {
  private(set) var sent = 0
  private(set) var clipped = 0.0
  private(set) var nonFinite = 0
  private(set) var idealBits = 0.0
  private(set) var accuracies: [Double] = []
  private(set) var trainingTime = Duration.zero
  private(set) var codingTime = Duration.zero

  mutating func add(_ participations: [Participation]) {
    for client in participations.compactMap(\.sent) {
      sent += 1
      clipped += client.wasClipped ? 1 : 0
      nonFinite += client.wasReplaced ? 1 : 0
      idealBits += client.idealBits
      if let accuracy = client.accuracy { accuracies.append(accuracy) }
      trainingTime += client.trainingTime
      codingTime += client.codingTime
    }
  }

  /// `total` over the clients that sent; nil where none did.
  func share(_ total: Double) -> Double? { sent == 0 ? nil : total / Double(sent) }
}

/// Mean and some quantiles of numbers. The quantile at p is the value at rank ceil(p n), the smallest one for p = 0.
public struct Distribution: Sendable, Equatable {
  public let mean: Double
  public let min: Double
  public let p10: Double
  public let p50: Double
  public let p90: Double
  public let max: Double

  /// Nil for no numbers.
  init?(_ values: [Double]) {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted { $0 < $1 }
    let quantile = { (p: Double) in
      sorted[Swift.max(Int((p * Double(sorted.count)).rounded(.up)) - 1, 0)]
    }
    mean = sorted.reduce(0, +) / Double(sorted.count)
    (min, p10, p50, p90, max) = (quantile(0), quantile(0.1), quantile(0.5), quantile(0.9), quantile(1))
  }
}

extension JSON {
  static func optional(_ value: Double?) -> JSON { value.map { .number($0) } ?? .null }
}
