import ChannelCoding
import Files
import JSONText
import Numerics
import Platform

/// Bits and times of one codec in one channel: fresh randomness a message, one thread.
public struct ChannelBenchmark: Sendable {
  public let codec: CodecName
  public let dimension: Int
  /// sigma, the standard deviation of the noise.
  public let noiseScale: Double
  /// The vectors that were sent, each as often as the others.
  public let updateCount: Int
  /// R = |x|^2 / (d sigma^2), the mean over the vectors.
  public let snr: Double
  /// I(X; Y) = d/2 log2(1 + R) of a Gaussian update of that R, the mean over the vectors.
  public let informationBits: Double
  /// F, below which the mean length of no exact one-shot code is, the mean over the vectors.
  public let lowerBoundBits: Double
  /// What the codec's family predicts, the mean over the vectors.
  public let predictedBits: Double
  /// The options of the codec, by name; empty for one without.
  public let options: JSONObject
  /// Bits of each payload.
  public let bits: [Int]
  /// Means and standard errors of payload bits and model bits.
  public let lengths: MessageLengths
  /// Bits of the indices that searches chose, log2 K, summed over a message: mean and standard error over messages. Nil for a codec that
  /// chose none.
  public let indexBits: Estimate?
  /// Of all messages together.
  public let tally: CodingTally
  /// What the codec's family predicts for an update of norm C; times are a prediction, not of this machine.
  public let prediction: CodingPrediction
  /// Median over messages: clipped update to payload, with the rotation.
  public let encodeSeconds: Double
  /// Median over messages: payload to sample in the channel's coordinates. They are turned back once a round, not once
  /// a message.
  public let decodeSeconds: Double

  /// Sends one vector of a uniform direction, the same for all codecs.
  ///
  /// - Parameters:
  ///   - settings: a channel with noise of variance 1 (`ChannelSettings.unitNoise`).
  ///   - snr: R of the vector.
  ///   - repetitions: messages, after one to warm up.
  public init(
    _ settings: ChannelSettings, snr: Double, repetitions: Int, seed: UInt64
  ) throws(ToolError) {
    let key = Key(seed: seed, label: "channel bench")
    var stream = RandomStream(key: key.derived(.experiment))
    let update = TestUpdate.gaussian(snr: snr, settings: settings, stream: &stream)
    try self.init(settings, updates: [update], snr: snr, repetitions: repetitions, key: key)
  }

  /// Sends given vectors.
  ///
  /// - Parameters:
  ///   - settings: a channel with noise.
  ///   - vectors: at least one, each of `settings.dimension` finite values; a longer one than the clipping norm is clipped.
  ///   - repetitions: messages a vector, after one message to warm up.
  public init(
    _ settings: ChannelSettings, vectors: [[Double]], repetitions: Int, seed: UInt64
  ) throws(ToolError) {
    let updates = vectors.map { ClippedUpdate(clipping: $0, to: settings.clippingNorm) }
    try self.init(
      settings, updates: updates, snr: nil, repetitions: repetitions, key: Key(seed: seed, label: "channel bench"))
  }

  /// - Parameter snr: R of all updates where it is known; else it is computed.
  private init(
    _ settings: ChannelSettings, updates: [ClippedUpdate], snr: Double?, repetitions: Int, key: Key
  ) throws(ToolError) {
    precondition(repetitions > 0 && !updates.isEmpty && updates.allSatisfy { $0.values.count == settings.dimension })
    codec = settings.codec
    (dimension, noiseScale, updateCount) = (settings.dimension, settings.noiseScale, updates.count)
    let link = try KeyedChannel(settings, key: key)
    guard let prediction = settings.prediction else { throw settings.refusal }
    self.prediction = prediction
    options = Self.options(settings)
    let ratios = updates.map { update in
      let eta = update.norm / settings.noiseScale
      return snr ?? eta * eta / Double(settings.dimension)
    }
    self.snr = Self.mean(ratios)
    informationBits = Self.mean(ratios.map { Double(settings.dimension) / 2 * log1p($0) / log(2) })
    lowerBoundBits = Self.mean(Self.lowerBounds(ratios, dimension: settings.dimension))
    predictedBits = snr == nil ? Self.predicted(updates, settings) : prediction.bits
    var run = Run()
    let clock = ContinuousClock()
    for message in 0...(updates.count * repetitions) {
      var noise = PrivateRandomness(key: key.derived(.noise, index: UInt64(message)))
      let shared = link.shared(message: message)
      var work = CodingTally()
      let start = clock.now
      let update = updates[max(message - 1, 0) % updates.count]
      let payload = link.channel.encode(update, shared: shared, private: &noise, tally: &work)
      let middle = clock.now
      do throws(PayloadError) { _ = try link.channel.decode(payload, shared: shared) } catch {
        throw .refusal(error, message: message, codec: codec)
      }
      let end = clock.now
      guard message > 0 else { continue }
      run.add(payload, work, encode: (middle - start).seconds, decode: (end - middle).seconds)
    }
    bits = run.bits
    lengths = run.lengths
    tally = run.tally ?? CodingTally()
    indexBits = tally.indices.count > 0 ? run.indexBits.estimate : nil
    encodeSeconds = Self.median(run.encodeTimes)
    decodeSeconds = Self.median(run.decodeTimes)
  }

  /// What messages add up to.
  private struct Run {
    var bits: [Int] = []
    var lengths = MessageLengths()
    var tally: CodingTally?
    var indexBits = RunningMean()
    var encodeTimes: [Double] = []
    var decodeTimes: [Double] = []

    mutating func add(_ payload: Payload, _ work: CodingTally, encode: Double, decode: Double) {
      tally = tally.map { $0 + work } ?? work
      bits.append(payload.bits)
      lengths.add(payloadBits: payload.bits, modelBits: work.modelBits)
      indexBits.add(work.indices.bits)
      encodeTimes.append(encode)
      decodeTimes.append(decode)
    }
  }

  /// The mean prediction at each vector's norm; of many vectors by classes of norms, as a plan for each takes milliseconds.
  private static func predicted(_ updates: [ClippedUpdate], _ settings: ChannelSettings) -> Double {
    guard updates.count > 33, settings.noiseScale > 0 else {
      return mean(updates.map { settings.expectedBits(norm: $0.norm) })
    }
    var lengths = PredictedLengths(settings)
    return mean(updates.map { lengths.bits(norm: $0.norm, bound: settings.clippingNorm) ?? .nan })
  }

  /// F of each R: of all where they are few; else from 33 values between which it is all but straight.
  private static func lowerBounds(_ ratios: [Double], dimension: Int) -> [Double] {
    let bound = { ChannelBounds.lowerBoundBits(dimension: dimension, snr: $0) }
    let distinct = Set(ratios)
    guard distinct.count > 33, let low = distinct.min(), let high = distinct.max() else {
      let known = Dictionary(uniqueKeysWithValues: distinct.map { ($0, bound($0)) })
      return ratios.compactMap { known[$0] }
    }
    // Square roots: F bends most where R is small.
    let (from, to) = (low.squareRoot(), high.squareRoot())
    let node = { (i: Int) in from + (to - from) * Double(i) / 32 }
    let grid = (0...32).map { bound(node($0) * node($0)) }
    return ratios.map { ratio in
      let cell = min(Int((ratio.squareRoot() - from) / (to - from) * 32), 31)
      let (left, right) = (node(cell) * node(cell), node(cell + 1) * node(cell + 1))
      return grid[cell] + (grid[cell + 1] - grid[cell]) * (ratio - left) / (right - left)
    }
  }

  private static func options(_ settings: ChannelSettings) -> JSONObject {
    var values = JSONObject()
    for option in settings.codecs[settings.codec]?.options ?? [] { values[option.name] = settings.options[option] }
    return values
  }

  public var meanBits: Double { Double(bits.reduce(0, +)) / Double(bits.count) }
  /// The mean of model bits and its standard error; nil where the codec does not say them.
  public var modelBits: Estimate? { lengths.modelBits }
  public var medianBits: Double { Self.median(bits.map(Double.init)) }
  /// Mean bits over I(X; Y); nil where nothing is sent.
  public var ratio: Double? { informationBits > 0 ? meanBits / informationBits : nil }
  public var drawsPerCoordinate: Double { Double(tally.draws) / Double(bits.count) / Double(dimension) }
  public var encodeNanosecondsPerCoordinate: Double { encodeSeconds * 1e9 / Double(dimension) }
  public var decodeNanosecondsPerCoordinate: Double { decodeSeconds * 1e9 / Double(dimension) }
  /// Indices a message; nil for a codec that chose none.
  private var indicesPerMessage: Double? {
    tally.indices.count > 0 ? Double(tally.indices.count) / Double(bits.count) : nil
  }

  public var json: JSON {
    var object: JSONObject = [
      "codec": .string(codec.rawValue)
    ]
    for option in CodecRegistry.standard.options { object[option.name] = options[option.name] ?? .null }
    let sizes: JSONObject = [
      "dimension": .integer(dimension), "sigma": .number(noiseScale), "vectors": .integer(updateCount),
      "messages": .integer(bits.count), "snr": .number(snr),
      "informationBits": .number(informationBits), "lowerBoundBits": .number(lowerBoundBits),
      "predictedBits": .number(predictedBits), "meanBits": .number(meanBits),
      "meanBitsStandardError": .optional(lengths.payloadBits?.error), "medianBits": .number(medianBits),
    ]
    for (key, value) in sizes { object[key] = value }
    object.set("meanModelBits", to: modelBits)
    object["ratio"] = .optional(ratio)
    object["indicesPerMessage"] = .optional(indicesPerMessage)
    object.set("meanIndexBits", to: indexBits)
    object["meanIndex"] = .optional(tally.indices.mean)
    object["largestIndex"] = tally.indices.count > 0 ? .integer(Int(clamping: tally.indices.largest)) : .null
    object["drawsPerCoordinate"] = .number(drawsPerCoordinate)
    object["encodeNanosecondsPerCoordinate"] = .number(encodeNanosecondsPerCoordinate)
    object["decodeNanosecondsPerCoordinate"] = .number(decodeNanosecondsPerCoordinate)
    object["predictedEncodeNanosecondsPerCoordinate"] = .number(prediction.time.encodeNanoseconds)
    object["predictedDecodeNanosecondsPerCoordinate"] = .number(prediction.time.decodeNanoseconds)
    return .object(object)
  }

  /// A column for each key of `json`, a row for each result.
  public static func csv(_ results: [ChannelBenchmark]) -> String { CSV.table(results.map(\.json)) }

  /// A row for each result. The columns "s.e." have the standard errors of the means before them; sigma, vectors and options have columns
  /// where they are not 1 and the standard ones.
  public static func table(_ results: [ChannelBenchmark]) -> String {
    let optional = { (value: Double?) in value.map(Text.short) ?? "-" }
    let columns: [(header: String, cell: (ChannelBenchmark) -> String)] = [
      ("codec", { $0.codec.rawValue }), ("options", \.optionText), ("d", { Text.grouped($0.dimension) }),
      ("sigma", { Text.shown($0.noiseScale) }), ("vectors", { Text.grouped($0.updateCount) }),
      ("snr", { $0.updateCount > 1 ? Text.short($0.snr) : Text.shown($0.snr) }),
      ("I(X;Y)", { Text.short($0.informationBits) }), ("bound", { Text.short($0.lowerBoundBits) }),
      ("predicted", { Text.short($0.predictedBits) }), ("mean bits", { Text.short($0.meanBits) }),
      ("s.e.", { optional($0.lengths.payloadBits?.error) }), ("median", { Text.short($0.medianBits) }),
      ("model bits", { optional($0.modelBits?.mean) }), ("s.e.", { optional($0.modelBits?.error) }),
      ("ratio", { optional($0.ratio) }), ("indices", { optional($0.indicesPerMessage) }),
      ("log2 K", { optional($0.indexBits?.mean) }), ("s.e.", { optional($0.indexBits?.error) }),
      ("draws/d", { Text.short($0.drawsPerCoordinate) }),
      ("encode ns/d", { Text.short($0.encodeNanosecondsPerCoordinate) }),
      ("decode ns/d", { Text.short($0.decodeNanosecondsPerCoordinate) }),
    ]
    var unneeded: Set<String> = []
    if results.allSatisfy({ $0.noiseScale == 1 }) { unneeded.insert("sigma") }
    if results.allSatisfy({ $0.updateCount == 1 }) { unneeded.insert("vectors") }
    if results.allSatisfy({ $0.optionText == "-" }) { unneeded.insert("options") }
    let shown = columns.filter { !unneeded.contains($0.header) }
    return Text.table(shown.map(\.header), results.map { result in shown.map { $0.cell(result) } })
  }

  /// Options that are not the standard ones, "draws 64".
  private var optionText: String {
    let changed = CodecRegistry.standard.options.compactMap { option -> String? in
      guard let value = options[option.name], value != option.standard else { return nil }
      return "\(option.flag) \(value.summary)"
    }
    return changed.isEmpty ? "-" : changed.joined(separator: ", ")
  }

  private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  /// The mean of the two middle values where there are two.
  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted { $0 < $1 }
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}
