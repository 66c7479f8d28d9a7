import ChannelCoding
import Files
import Numerics

/// Many messages of one update through a channel with noise of variance 1, as NumPy files: for a second opinion on a
/// codec's law by other people's tests.
///
/// `x.npy`: the update, d values. `y.npy`: a row a message, K x d, what the decoder made of the payload bytes, in x's
/// coordinates. `bits.npy`: bits of each payload. All float64. The same bytes for one seed and any number of threads.
public struct ChannelSample: Sendable {
  public let repetitions: Int
  private let link: KeyedChannel
  private let update: ClippedUpdate
  private let noiseKey: Key

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
    link = try KeyedChannel(settings, key: key)
    noiseKey = key.derived(.noise)
    var stream = RandomStream(key: key.derived(.experiment))
    update = TestUpdate.gaussian(snr: snr, settings: settings, stream: &stream)
  }

  /// Rows are made and written in batches; none of the files has its name before all are whole.
  ///
  /// - Parameter progress: told how many rows are done.
  public func write(to folder: String, threads: Int, progress: (Int) -> Void) throws(ToolError) {
    do throws(FileFailure) { try FilePath.makeFolder(folder) } catch { throw ToolError(error) }
    let dimension = link.channel.settings.dimension
    let files = (
      x: try StagedFile("\(folder)/x.npy"), y: try StagedFile("\(folder)/y.npy"),
      bits: try StagedFile("\(folder)/bits.npy")
    )
    try files.x.append(NPYFile.vector(update.values))
    try files.y.append(NPYFile.header(shape: [repetitions, dimension]))
    try files.bits.append(NPYFile.header(shape: [repetitions]))
    let parallel = Parallel(threads: threads)
    // About 8 MB of rows; longer rows in turn, one a thread while that stays below 128 MB.
    let batch = max((1 << 20) / dimension, min(threads, (1 << 24) / dimension), 1)
    var first = 0
    while first < repetitions {
      let start = first
      let rows = parallel.map(min(batch, repetitions - first)) { row(start + $0) }
      var bits: [Double] = []
      for row in rows {
        let (sample, rowBits) = try row.get()
        bits.append(rowBits)
        try files.y.append(NPYFile.bytes(of: sample))
      }
      try files.bits.append(NPYFile.bytes(of: bits))
      first += rows.count
      progress(first)
    }
    try files.x.keep()
    try files.bits.keep()
    try files.y.keep()
  }

  private func row(_ index: Int) -> Result<(sample: [Double], bits: Double), ToolError> {
    var noise = PrivateRandomness(key: noiseKey.derived(.noise, index: UInt64(index)))
    var tally = CodingTally()
    let payload = link.encode(update, message: index, private: &noise, tally: &tally)
    do throws(PayloadError) {
      return .success((try link.decode(payload, message: index), Double(payload.bits)))
    } catch {
      return .failure(.refusal(error, message: index, codec: link.channel.settings.codec))
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
