import ChannelCoding
import JSONText
import Numerics

/// The lengths of many messages: of their payloads, in whole bytes, and of an ideal entropy coder with the same models
/// (`CodingTally.modelBits`). Both are means with standard errors, as far as messages are drawn independently.
public struct MessageLengths: Sendable {
  private var payloads = RunningMean()
  private var totalBits = 0
  /// Nil where the codec did not say the model bits of a message.
  private var models: RunningMean? = RunningMean()

  public init() {}

  /// - Parameter modelBits: nil where the codec does not say them.
  public mutating func add(payloadBits: Int, modelBits: Double?) {
    payloads.add(Double(payloadBits))
    totalBits += payloadBits
    if let modelBits { models?.add(modelBits) } else { models = nil }
  }

  public var count: Int { payloads.count }

  /// Bits of a payload; nil without messages.
  public var payloadBits: Estimate? {
    // Whole numbers add up without rounding.
    payloads.estimate.map { Estimate(mean: Double(totalBits) / Double(count), error: $0.error) }
  }

  /// Model bits of a message; nil without messages, and where the codec does not say them of each.
  public var modelBits: Estimate? { models?.estimate }
}

extension JSONObject {
  /// A mean and its standard error under two keys, which are null where there is none.
  mutating func set(_ key: String, to estimate: Estimate?) {
    self[key] = .optional(estimate?.mean)
    self[key + "StandardError"] = .optional(estimate?.error)
  }
}
