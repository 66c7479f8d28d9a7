import ChannelCoding
import Files
import JSONText
import Numerics

/// Many messages of one update through a channel with noise of variance 1, as NumPy files: for a second opinion on a
/// codec's law by other people's tests.
///
/// `x.npy`: the update, d values. `y.npy`: a row a message, K x d, what the decoder made of the payload bytes, in x's
/// coordinates. `bits.npy`: bits of each payload. `model-bits.npy`: the model bits of each message, not a number where the codec does
/// not say them. All float64. The same bytes for one seed and any number of threads.
public struct ChannelSample: Sendable {
  public let repetitions: Int
  private let link: KeyedChannel
  private let update: ClippedUpdate
  private let noiseKey: Key
  private let snr: Double

  /// Bytes of `y.npy` that are still taken for meant: 2^40.
  public static let largestFile = 1 << 40

  public init(
    _ settings: ChannelSettings, snr: Double, repetitions: Int, seed: UInt64
  ) throws(ToolError) {
    let (values, overflows) = repetitions.multipliedReportingOverflow(by: settings.dimension)
    guard !overflows, values < Self.largestFile / 8 else {
      throw .input(
        place: "--repetitions",
        problem: "\(repetitions) rows of \(settings.dimension) numbers; allowed: fewer than 2^37 numbers (a terabyte)")
    }
    let key = Key(seed: seed, label: "channel sample")
    self.repetitions = repetitions
    self.snr = snr
    link = try KeyedChannel(settings, key: key)
    noiseKey = key.derived(.noise)
    var stream = RandomStream(key: key.derived(.experiment))
    update = TestUpdate.gaussian(snr: snr, settings: settings, stream: &stream)
  }

  /// Rows are made and written in batches; none of the files has its name before all are whole.
  ///
  /// - Parameter progress: told how many rows are done.
  /// - Returns: means over all messages, the same for any number of threads.
  @discardableResult
  public func write(to folder: String, threads: Int, progress: (Int) -> Void) throws(ToolError) -> Summary {
    do throws(FileFailure) { try FilePath.makeFolder(folder) } catch { throw ToolError(error) }
    let dimension = link.channel.settings.dimension
    let files = (
      x: try StagedFile("\(folder)/x.npy"), y: try StagedFile("\(folder)/y.npy"),
      bits: try StagedFile("\(folder)/bits.npy"), modelBits: try StagedFile("\(folder)/model-bits.npy")
    )
    try files.x.append(NPYFile.vector(update.values))
    try files.y.append(NPYFile.header(shape: [repetitions, dimension]))
    try files.bits.append(NPYFile.header(shape: [repetitions]))
    try files.modelBits.append(NPYFile.header(shape: [repetitions]))
    var lengths = MessageLengths()
    let parallel = Parallel(threads: threads)
    // About 8 MB of rows; longer rows in turn, one a thread while that stays below 128 MB.
    let batch = max((1 << 20) / dimension, min(threads, (1 << 24) / dimension), 1)
    var first = 0
    while first < repetitions {
      let start = first
      let rows = parallel.map(min(batch, repetitions - first)) { row(start + $0) }
      var (bits, modelBits): ([Double], [Double]) = ([], [])
      for row in rows {
        let row = try row.get()
        bits.append(Double(row.bits))
        modelBits.append(row.modelBits ?? .nan)
        lengths.add(payloadBits: row.bits, modelBits: row.modelBits)
        try files.y.append(NPYFile.bytes(of: row.sample))
      }
      try files.bits.append(NPYFile.bytes(of: bits))
      try files.modelBits.append(NPYFile.bytes(of: modelBits))
      first += rows.count
      progress(first)
    }
    try files.x.keep()
    try files.bits.keep()
    try files.modelBits.keep()
    try files.y.keep()
    return Summary(codec: link.channel.settings.codec, dimension: dimension, snr: snr, lengths: lengths)
  }

  private struct Row {
    let sample: [Double]
    let bits: Int
    let modelBits: Double?
  }

  private func row(_ index: Int) -> Result<Row, ToolError> {
    var noise = PrivateRandomness(key: noiseKey.derived(.noise, index: UInt64(index)))
    var tally = CodingTally()
    let payload = link.encode(update, message: index, private: &noise, tally: &tally)
    do throws(PayloadError) {
      return .success(
        Row(sample: try link.decode(payload, message: index), bits: payload.bits, modelBits: tally.modelBits))
    } catch {
      return .failure(.refusal(error, message: index, codec: link.channel.settings.codec))
    }
  }
}

extension ChannelSample {
  /// The lengths of the messages that were written.
  public struct Summary: Sendable {
    public let codec: CodecName
    public let dimension: Int
    /// R = |x|^2 / (d sigma^2).
    public let snr: Double
    public let lengths: MessageLengths

    /// I(X; Y) = d/2 log2(1 + R).
    public var informationBits: Double { ChannelBounds.informationBits(dimension: dimension, snr: snr) }

    public var json: JSON {
      var object: JSONObject = [
        "codec": .string(codec.rawValue), "dimension": .integer(dimension), "snr": .number(snr),
        "messages": .integer(lengths.count), "informationBits": .number(informationBits),
      ]
      object.set("meanBits", to: lengths.payloadBits)
      object.set("meanModelBits", to: lengths.modelBits)
      return .object(object)
    }

    public var text: String {
      let shown = { (e: Estimate) in Text.short(e.mean) + (e.error.map { " +- " + Text.short($0) } ?? "") }
      return [
        lengths.payloadBits.map { "\(shown($0)) bits a payload, mean of \(Text.counted(lengths.count, "message"))" },
        lengths.modelBits.map { "\(shown($0)) model bits" },
        "I(X;Y) = \(Text.short(informationBits)) bits",
      ].compactMap(\.self).joined(separator: "\n")
    }
  }
}

extension ToolError {
  /// A decoder that does not take what its own encoder wrote.
  static func refusal(_ error: PayloadError, message: Int, codec: CodecName) -> ToolError {
    .failed(
      place: "channel \"\(codec.rawValue)\"",
      reason: "the decoder refused what the encoder wrote as message \(message): \(error.text)")
  }
}
