import ChannelCoding
import Files
import JSONText
import Platform

/// Bits and times of one codec at one dimension and signal-to-noise ratio: one update, fresh randomness a message, one
/// thread.
public struct ChannelBenchmark: Sendable {
  public let codec: CodecName
  public let dimension: Int
  /// R = |x|^2 / (d sigma^2).
  public let snr: Double
  /// Bits of each payload.
  public let bits: [Int]
  public let tally: CodingTally
  /// What the codec's family predicts for an update of norm C; times are a prediction, not of this machine.
  public let prediction: CodingPrediction
  /// Median over messages: clipped update to payload, with the rotation.
  public let encodeSeconds: Double
  /// Median over messages: payload to sample in the channel's coordinates. They are turned back once a round, not once
  /// a message.
  public let decodeSeconds: Double

  /// One message to warm up, then `repetitions`.
  public init(
    _ settings: ChannelSettings, snr: Double, repetitions: Int, seed: UInt64
  ) throws(ToolError) {
    precondition(repetitions > 0)
    codec = settings.codec
    dimension = settings.dimension
    self.snr = snr
    let key = Key(seed: seed, label: "channel bench")
    let link = try KeyedChannel(settings, key: key)
    guard let prediction = settings.prediction else { throw settings.refusal }
    self.prediction = prediction
    var stream = RandomStream(key: key.derived(.experiment))
    let update = TestUpdate.gaussian(snr: snr, settings: settings, stream: &stream)
    let clock = ContinuousClock()
    var bits: [Int] = []
    var tally = CodingTally()
    var times: (encode: [Double], decode: [Double]) = ([], [])
    for message in 0...repetitions {
      var noise = PrivateRandomness(key: key.derived(.noise, index: UInt64(message)))
      let shared = link.shared(message: message)
      var work = message == 0 ? CodingTally() : tally
      let start = clock.now
      let payload = link.channel.encode(update, shared: shared, private: &noise, tally: &work)
      let middle = clock.now
      do throws(PayloadError) { _ = try link.channel.decode(payload, shared: shared) } catch {
        throw .refusal(error, message: message, codec: codec)
      }
      let end = clock.now
      guard message > 0 else { continue }
      tally = work
      bits.append(payload.bits)
      times.encode.append((middle - start).seconds)
      times.decode.append((end - middle).seconds)
    }
    self.bits = bits
    self.tally = tally
    encodeSeconds = Self.median(times.encode)
    decodeSeconds = Self.median(times.decode)
  }

  /// I(X; Y) = d/2 log2(1 + R).
  public var informationBits: Double { Double(dimension) / 2 * log1p(snr) / log(2) }
  public var lowerBoundBits: Double { ChannelBounds.lowerBoundBits(dimension: dimension, snr: snr) }
  public var predictedBits: Double { prediction.bits }
  public var meanBits: Double { Double(bits.reduce(0, +)) / Double(bits.count) }
  public var medianBits: Double { Self.median(bits.map(Double.init)) }
  /// Mean bits over I(X; Y); nil where nothing is sent.
  public var ratio: Double? { informationBits > 0 ? meanBits / informationBits : nil }
  public var drawsPerCoordinate: Double { Double(tally.draws) / Double(bits.count) / Double(dimension) }
  public var encodeNanosecondsPerCoordinate: Double { encodeSeconds * 1e9 / Double(dimension) }
  public var decodeNanosecondsPerCoordinate: Double { decodeSeconds * 1e9 / Double(dimension) }

  public var json: JSON {
    [
      "codec": .string(codec.rawValue), "dimension": .integer(dimension), "snr": .number(snr),
      "informationBits": .number(informationBits), "lowerBoundBits": .number(lowerBoundBits),
      "predictedBits": .number(predictedBits), "meanBits": .number(meanBits), "medianBits": .number(medianBits),
      "ratio": .optional(ratio), "drawsPerCoordinate": .number(drawsPerCoordinate),
      "encodeNanosecondsPerCoordinate": .number(encodeNanosecondsPerCoordinate),
      "decodeNanosecondsPerCoordinate": .number(decodeNanosecondsPerCoordinate),
      "predictedEncodeNanosecondsPerCoordinate": .number(prediction.time.encodeNanoseconds),
      "predictedDecodeNanosecondsPerCoordinate": .number(prediction.time.decodeNanoseconds),
    ]
  }

  public static func table(_ results: [ChannelBenchmark]) -> String {
    let header = [
      "codec", "d", "snr", "I(X;Y)", "bound", "predicted", "mean bits", "median", "ratio", "draws/d", "encode ns/d",
      "decode ns/d",
    ]
    return Text.table(
      header,
      results.map { result in
        [
          result.codec.rawValue, Text.grouped(result.dimension), Text.shown(result.snr),
          Text.short(result.informationBits), Text.short(result.lowerBoundBits), Text.short(result.predictedBits),
          Text.short(result.meanBits), Text.short(result.medianBits), result.ratio.map(Text.short) ?? "-",
          Text.short(result.drawsPerCoordinate), Text.short(result.encodeNanosecondsPerCoordinate),
          Text.short(result.decodeNanosecondsPerCoordinate),
        ]
      })
  }

  /// The mean of the two middle values where there are two.
  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted { $0 < $1 }
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}
