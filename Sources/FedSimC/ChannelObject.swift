import CFedSim
import ChannelCoding
import JSONText
import Numerics
import Scenarios
import Settings
import Synchronization

/// The settings of a channel as a caller writes them, but for the codec's options, which are the codec's own.
struct ChannelRequest: Configurable {
  var codec = ""
  var dimension = 1
  /// Nil for no clipping.
  var clippingNorm: Double?
  var noiseScale = 0.0

  static let keys = SettingList(
    ChannelRequest(),
    [
      Setting(
        "codec", \.codec, .choice(CodecRegistry.standard.names.map(\.rawValue), later: []), .required,
        "the codec's name"),
      Setting(
        "dimension", \.dimension, .integer(Int(Limits.dimension.lowerBound)...Int(Limits.dimension.upperBound)),
        .required, "coordinates of an update"),
      Setting(
        "clippingNorm", \.clippingNorm, .number(Limits.noise), .unset("no clipping, and no privacy"),
        "C, the bound on the L2 norm of an update"),
      Setting(
        "noiseScale", \.noiseScale, .either([.integer(0...0), .number(Limits.noise)]), .required,
        "sigma, the standard deviation of one message's noise, each coordinate; 0 for none"),
    ])

  static func settings(_ request: Request) throws -> ChannelSettings {
    let own = try request.read(ChannelRequest.self, others: ["options"])
    let name = CodecName(rawValue: own.codec)
    var options = CodecOptions.standard
    if let given = try request.object("options") {
      let keys = CodecRegistry.standard[name]?.options ?? []
      let values = try given.resolved(keys)
      for key in keys { options[key] = values[key.name] ?? key.standard }
    }
    let settings = ChannelSettings(
      codec: name, options: options, dimension: own.dimension, clippingNorm: own.clippingNorm ?? .infinity,
      noiseScale: own.noiseScale)
    if let problem = settings.problem { throw Failure.invalid("\(request.place): \(problem)") }
    return settings
  }
}

/// The channel of a caller: both ends of it, for any rounds.
///
/// What is random in round r follows from keys: what both ends share from `derived(.shared, index: r)` of a pair's key, the public rotation
/// from `derived(.rotation, index: r)` of the channel's, a sender's own from `derived(.noise, index: r)` of his secret, the server's from
/// `derived(.completion, index: r)` of his key. So the key that `fs_session` agrees on gives what a client and the server of a run share.
final class ChannelObject: NamedObject {
  static let kind = "a channel"

  let number: Int64
  let settings: ChannelSettings
  private let rotationKey: Key
  /// Of the round that was asked for last: it has the rotation's signs.
  private let last = Mutex<(round: Int, channel: Channel)?>(nil)

  init(_ settings: ChannelSettings, rotationKey: Key, number: Int64) {
    (self.settings, self.rotationKey, self.number) = (settings, rotationKey, number)
  }

  func channel(round: Int) throws(ChannelError) -> Channel {
    if let (known, channel) = last.withLock({ $0 }), known == round { return channel }
    let channel = try Channel(settings, rotationKey: rotationKey.derived(.rotation, index: UInt64(round)))
    last.withLock { $0 = (round, channel) }
    return channel
  }

  /// What both ends of a pair have in common.
  static func shared(_ pair: Key, round: Int) -> SharedRandomness {
    SharedRandomness(key: pair.derived(.shared, index: UInt64(round)))
  }

  /// The sender's own randomness.
  ///
  /// - Parameter secret: nil for the system's.
  static func noise(_ secret: Key?, round: Int) -> PrivateRandomness {
    guard let secret else { return .fromSystem() }
    return PrivateRandomness(key: secret.derived(.noise, index: UInt64(round)))
  }

  /// Clips and encodes one update.
  ///
  /// - Throws: where a value is not finite: a run's client would send the zero update in its place, but a caller wants to know.
  static func encode(
    _ update: UnsafeBufferPointer<Float>, with channel: Channel, pair: Key, secret: Key?, round: Int
  ) throws(Failure) -> Payload {
    let clipped = ClippedUpdate(clipping: update, to: channel.settings.clippingNorm)
    if clipped.wasReplaced {
      let bad = update.firstIndex { !$0.isFinite } ?? 0
      throw .invalid("update: coordinate \(bad)", found: "\(update[bad])", allowed: "finite numbers")
    }
    var noise = noise(secret, round: round)
    return channel.encode(clipped, shared: shared(pair, round: round), private: &noise)
  }

  /// What callers are told of the channel.
  var about: JSON {
    let hasNoise = settings.noiseScale > 0 && settings.clippingNorm.isFinite
    let ratio = settings.clippingNorm / settings.noiseScale
    let snr = ratio * ratio / Double(settings.dimension)
    var options = JSONObject()
    for option in settings.family?.options ?? [] { options[option.name] = settings.options[option] }
    return [
      "codec": .string(settings.codec.rawValue), "options": .object(options),
      "exact": .bool(settings.descriptor?.isExact == true),
      "noise": .string(settings.descriptor?.noise.rawValue ?? ""),
      "dimension": .integer(settings.dimension), "clippingNorm": .optional(settings.clippingNorm),
      "noiseScale": .number(settings.noiseScale), "predictedBits": .optional(settings.predictedBits),
      "predictedEncodeMicroseconds": .optional(settings.predictedEncodeMicroseconds),
      "oneLength": .bool(settings.hasOneLength), "totalVariationBound": .optional(settings.totalVariationBound),
      "informationBits": .optional(
        hasNoise ? ChannelBounds.informationBits(dimension: settings.dimension, snr: snr) : nil),
      "lowerBoundBits": .optional(
        hasNoise ? ChannelBounds.lowerBoundBits(dimension: settings.dimension, snr: snr) : nil),
    ]
  }
}
