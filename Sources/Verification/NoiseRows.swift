import ChannelCoding
import Files
import Numerics

/// Noise of many messages, a row of d coordinates each, with what was sent: what the checks of a channel look at.
/// In units of sigma.
public struct NoiseRows: Sendable {
  public let dimension: Int
  /// The updates, row after row, in the channel's own (rotated) coordinates.
  public var sent: [Double]
  /// Y - x in the channel's own coordinates.
  public var noise: [Double]
  /// The same noise in the coordinates of the model; nil where they are the channel's own.
  public var modelNoise: [Double]?
  /// Payload bits of each row.
  public var payloadBits: [Int]

  public var count: Int { payloadBits.count }

  public init(dimension: Int, sent: [Double], noise: [Double], modelNoise: [Double]?, payloadBits: [Int]) {
    precondition(dimension > 0 && noise.count == dimension * payloadBits.count && sent.count == noise.count)
    // Fewer in the model's coordinates where the channel pads.
    precondition(modelNoise.map { $0.count <= noise.count } ?? true)
    self.dimension = dimension
    self.sent = sent
    self.noise = noise
    self.modelNoise = modelNoise
    self.payloadBits = payloadBits
  }

  /// Sends `rows` updates through the channel: encode, bytes, decode, with fresh randomness for each.
  ///
  /// Updates are heavy-tailed, each another one, every other one as long as the clipping norm allows and the rest of
  /// uniform length: the law must not depend on any of it.
  ///
  /// - Parameters:
  ///   - settings: sigma = 1.
  ///   - progress: told how many rows are done.
  public init(
    through settings: ChannelSettings, snr: Double, rows: Int, seed: UInt64, threads: Int, progress: (Int) -> Void
  ) throws(ToolError) {
    precondition(settings.noiseScale == 1)
    let (codec, dimension) = (settings.codec, settings.paddedDimension)
    // Two codecs, or one at two ratios, must not use the same random words: their results are counted separately.
    let key = Key(seed: seed, label: "channel verify \(codec.rawValue) \(dimension) \(snr)")
    let link = try KeyedChannel(settings, key: key)
    let isRotated = settings.descriptor?.isRotated ?? false
    let parallel = Parallel(threads: threads)
    let batch = max(threads, (1 << 18) / dimension)
    var all = NoiseRows(
      dimension: dimension, sent: [], noise: [], modelNoise: isRotated ? [] : nil, payloadBits: [])
    while all.count < rows {
      let first = all.count
      let part = parallel.map(min(batch, rows - first)) { i in
        Self.row(first + i, link: link, snr: snr, key: key)
      }
      for row in part { all.append(try row.get()) }
      progress(all.count)
    }
    self = all
  }

  private mutating func append(_ row: NoiseRows) {
    sent += row.sent
    noise += row.noise
    if let model = row.modelNoise { modelNoise? += model }
    payloadBits += row.payloadBits
  }

  private static func row(
    _ index: Int, link: KeyedChannel, snr: Double, key: Key
  ) -> Result<NoiseRows, ToolError> {
    let settings = link.channel.settings
    var stream = RandomStream(key: key.derived(.experiment, index: UInt64(index)))
    let fraction = index % 2 == 0 ? 1 : stream.uniform()
    let update = TestUpdate.heavyTailed(snr: snr, fraction: fraction, settings: settings, stream: &stream)
    var noise = PrivateRandomness(key: key.derived(.noise, index: UInt64(index)))
    var tally = CodingTally()
    let payload = link.encode(update, message: index, private: &noise, tally: &tally)
    // The bytes are all that the receiver gets.
    let received = Payload(bytes: payload.bytes)
    let sample: [Double]
    do throws(PayloadError) {
      sample = try link.channel.decode(received, shared: link.shared(message: index))
    } catch {
      return .failure(.refusal(error, message: index, codec: settings.codec))
    }
    let sent = link.channel.inDomain(update).values
    var model = sample
    link.channel.unrotate(&model)
    return .success(
      NoiseRows(
        dimension: settings.paddedDimension, sent: sent, noise: zip(sample, sent).map { $0 - $1 },
        modelNoise: settings.descriptor?.isRotated != true ? nil : zip(model, update.values).map { $0 - $1 },
        payloadBits: [payload.bits]))
  }
}
