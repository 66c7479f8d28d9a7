import ChannelCoding
import Files
import JSONText
import Numerics
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
  /// Means and standard errors of payload bits and model bits.
  public let lengths: MessageLengths
  /// Of all messages together.
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
    var lengths = MessageLengths()
    var tally: CodingTally?
    var times: (encode: [Double], decode: [Double]) = ([], [])
    for message in 0...repetitions {
      var noise = PrivateRandomness(key: key.derived(.noise, index: UInt64(message)))
      let shared = link.shared(message: message)
      var work = CodingTally()
      let start = clock.now
      let payload = link.channel.encode(update, shared: shared, private: &noise, tally: &work)
      let middle = clock.now
      do throws(PayloadError) { _ = try link.channel.decode(payload, shared: shared) } catch {
        throw .refusal(error, message: message, codec: codec)
      }
      let end = clock.now
      guard message > 0 else { continue }
      tally = tally.map { $0 + work } ?? work
      bits.append(payload.bits)
      lengths.add(payloadBits: payload.bits, modelBits: work.modelBits)
      times.encode.append((middle - start).seconds)
      times.decode.append((end - middle).seconds)
    }
    self.bits = bits
    self.lengths = lengths
    self.tally = tally ?? CodingTally()
    encodeSeconds = Self.median(times.encode)
    decodeSeconds = Self.median(times.decode)
  }

  /// I(X; Y) = d/2 log2(1 + R).
  public var informationBits: Double { Double(dimension) / 2 * log1p(snr) / log(2) }
  public var lowerBoundBits: Double { ChannelBounds.lowerBoundBits(dimension: dimension, snr: snr) }
  public var predictedBits: Double { prediction.bits }
  public var meanBits: Double { Double(bits.reduce(0, +)) / Double(bits.count) }
  /// The mean of model bits and its standard error; nil where the codec does not say them.
  public var modelBits: Estimate? { lengths.modelBits }
  public var medianBits: Double { Self.median(bits.map(Double.init)) }
  /// Mean bits over I(X; Y); nil where nothing is sent.
  public var ratio: Double? { informationBits > 0 ? meanBits / informationBits : nil }
  public var drawsPerCoordinate: Double { Double(tally.draws) / Double(bits.count) / Double(dimension) }
  public var encodeNanosecondsPerCoordinate: Double { encodeSeconds * 1e9 / Double(dimension) }
  public var decodeNanosecondsPerCoordinate: Double { decodeSeconds * 1e9 / Double(dimension) }

  public var json: JSON {
    var object: JSONObject = [
      "codec": .string(codec.rawValue), "dimension": .integer(dimension), "snr": .number(snr),
      "informationBits": .number(informationBits), "lowerBoundBits": .number(lowerBoundBits),
      "predictedBits": .number(predictedBits), "meanBits": .number(meanBits),
      "meanBitsStandardError": .optional(lengths.payloadBits?.error), "medianBits": .number(medianBits),
    ]
    object.set("meanModelBits", to: modelBits)
    object["ratio"] = .optional(ratio)
    object["drawsPerCoordinate"] = .number(drawsPerCoordinate)
    object["encodeNanosecondsPerCoordinate"] = .number(encodeNanosecondsPerCoordinate)
    object["decodeNanosecondsPerCoordinate"] = .number(decodeNanosecondsPerCoordinate)
    object["predictedEncodeNanosecondsPerCoordinate"] = .number(prediction.time.encodeNanoseconds)
    object["predictedDecodeNanosecondsPerCoordinate"] = .number(prediction.time.decodeNanoseconds)
    return .object(object)
  }

  /// A column for each key of `json`, a row for each result.
  public static func csv(_ results: [ChannelBenchmark]) -> String { CSV.table(results.map(\.json)) }

  /// The columns "s.e." have the standard errors of the means before them.
  public static func table(_ results: [ChannelBenchmark]) -> String {
    let header = [
      "codec", "d", "snr", "I(X;Y)", "bound", "predicted", "mean bits", "s.e.", "median", "model bits", "s.e.", "ratio",
      "draws/d", "encode ns/d", "decode ns/d",
    ]
    let optional = { (value: Double?) in value.map(Text.short) ?? "-" }
    return Text.table(
      header,
      results.map { result in
        [
          result.codec.rawValue, Text.grouped(result.dimension), Text.shown(result.snr),
          Text.short(result.informationBits), Text.short(result.lowerBoundBits), Text.short(result.predictedBits),
          Text.short(result.meanBits), optional(result.lengths.payloadBits?.error), Text.short(result.medianBits),
          optional(result.modelBits?.mean), optional(result.modelBits?.error), optional(result.ratio),
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
