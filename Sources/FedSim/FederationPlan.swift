import Aggregator
import ChannelCoding
import Numerics
import PrivacyAccounting
import Scenarios

/// What a federation will cost before there are data, a model or clients: noise, bits and times of each codec, and who is guaranteed what.
///
/// The noise is the one that a run with these settings would add, with its codec's own share of delta for rounding. Times are those that
/// codecs predict (`CodingTime`), and bits those of an update as long as the clipping norm: shorter ones take fewer.
public struct FederationPlan: Sendable {
  /// What a codec takes.
  public struct Channel: Sendable {
    public let codec: CodecName
    /// z of a run with this codec.
    public let noiseMultiplier: Double
    /// sigma, the standard deviation of one client's noise.
    public let noiseScale: Double
    /// Mean payload bits of an update of norm C; nil where the codec cannot be used, for the reason of `problem`.
    public let uplinkBits: Double?
    /// Bits of the broadcast, which every drawn client gets.
    public let downlinkBits: Int?
    /// Seconds that a client takes to encode, on one thread.
    public let encodeSeconds: Double?
    /// Seconds that the server takes to decode the uploads of an expected cohort, on one thread.
    public let roundDecodeSeconds: Double?
    /// What the server has at the same time.
    public let serverBytes: Int?
    /// Why there is no such channel; nil where there is.
    public let problem: String?
  }

  /// The federation with the codec that `auto` takes.
  public let frame: RunFrame
  public let channels: [Channel]
  /// Who is guaranteed what with the codec that `auto` takes.
  public let views: ThreatModel

  /// The codecs from which an epsilon follows.
  public static var exactCodecs: [CodecName] {
    CodecRegistry.standard.families.filter(\.descriptor.isExact).map(\.descriptor.name)
  }

  /// - Parameters:
  ///   - settings: what the federation does; its codec is of no account.
  ///   - parameters: parameters of the model.
  ///   - clients: clients of the population.
  ///   - codecs: those that are compared.
  ///   - accounting: what plans share; no result depends on it.
  /// - Throws: `ScenarioError` where the settings do not go together, or no guarantee follows from them.
  public init(
    _ settings: FederationSettings, parameters: Int, clients: Int, codecs: [CodecName],
    accounting: SharedAccounting = SharedAccounting()
  ) throws {
    var settings = settings
    settings.channel.codec = nil
    try settings.check(parameters: [0], clients: clients, nonce: nil, .standard)
    let make = { (settings: FederationSettings) throws -> RunFrame in
      try RunFrame(
        settings, algorithm: .unweighted, parameters: parameters, clients: clients,
        arrivalRate: 1 - settings.cohort.dropout, parallel: Parallel(threads: 1), accounting: accounting,
        refusal: FederationSettings.refusal)
    }
    let frame = try make(settings)
    self.frame = frame
    views = ThreatModel(frame, arrivalRate: 1 - settings.cohort.dropout)
    channels = try codecs.map { codec in
      var own = settings
      own.channel.codec = codec
      do {
        return Channel(try make(own))
      } catch ScenarioError.refused(_, ChannelSection.codecPath, let reason) {
        return Channel(codec, frame, problem: reason)
      }
    }
  }

  /// |x|^2 / (d sigma^2) of an update as long as may be: the signal-to-noise ratio of a coordinate. Nil without noise.
  public var signalToNoiseRatio: Double? {
    guard frame.channel.noiseScale > 0 else { return nil }
    let ratio = frame.channel.clippingNorm / frame.channel.noiseScale
    return ratio * ratio / Double(frame.channel.dimension)
  }

  /// I(X; Y) of such an update, in bits.
  public var informationBits: Double? {
    signalToNoiseRatio.map { ChannelBounds.informationBits(dimension: frame.channel.dimension, snr: $0) }
  }

  /// F: no exact one-shot code takes fewer bits on average.
  public var lowerBoundBits: Double? {
    signalToNoiseRatio.map { ChannelBounds.lowerBoundBits(dimension: frame.channel.dimension, snr: $0) }
  }
}

extension FederationPlan.Channel {
  fileprivate init(_ frame: RunFrame) {
    let prediction = frame.channel.prediction
    self.init(
      codec: frame.channel.codec, noiseMultiplier: frame.plan?.noiseMultiplier ?? 0,
      noiseScale: frame.channel.noiseScale, uplinkBits: prediction?.bits,
      downlinkBits: 8 * (Self.headerBytes(frame) + 4 * frame.parameterCount),
      encodeSeconds: prediction.map { $0.time.encodeNanoseconds * Double(frame.channel.dimension) * 1e-9 },
      roundDecodeSeconds: prediction.map {
        $0.time.decodeNanoseconds * Double(frame.channel.dimension) * 1e-9 * frame.sampler.expectedSize
      }, serverBytes: MemoryPrediction.server(frame), problem: nil)
  }

  fileprivate init(_ codec: CodecName, _ frame: RunFrame, problem: String) {
    self.init(
      codec: codec, noiseMultiplier: frame.plan?.noiseMultiplier ?? 0, noiseScale: frame.channel.noiseScale,
      uplinkBits: nil, downlinkBits: nil, encodeSeconds: nil, roundDecodeSeconds: nil, serverBytes: nil,
      problem: problem)
  }

  /// A broadcast without its parameters: that of one parameter less 4 bytes, and what the larger numbers take more.
  private static func headerBytes(_ frame: RunFrame) -> Int {
    var channel = frame.channel
    channel.dimension = 1
    let key = Key(seed: 0, label: "broadcast header")
    let bytes = Broadcast(
      round: frame.lastRound, channel: channel, sealsUploads: frame.settings.channel.seal, rotationKey: key,
      serverPublicKey: key, parameters: [0]
    ).bytes.count
    // LEB128 of the dimension and of the number of parameters.
    let more = (Int.bitWidth - frame.parameterCount.leadingZeroBitCount + 6) / 7 - 1
    return bytes - 4 + 2 * more
  }
}
