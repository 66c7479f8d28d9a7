/// A client that does not encode an update but *chooses* what the decoder reads, symbol by symbol: escapes of escapes, the last
/// index of every range, numbers sent as they are. It knows the shared seed, as a drawn client does.
///
/// What it can reach is what any bytes can: `SampleBound`. For fuzzing, and to see what one bad client does to a sum.
public struct HostileClient {
  /// A payload, and what the server is expected to make of it.
  public struct Upload: Sendable {
    public let payload: Payload
    /// Nil where it is refused.
    public let sample: [Double]?
  }

  private let settings: ChannelSettings
  private let codec: any UpdateCodec
  private var random: RandomStream

  /// - Parameters:
  ///   - settings: the channel that it attacks.
  ///   - random: what choices are made with.
  public init(_ settings: ChannelSettings, random: RandomStream) throws(ChannelError) {
    self.settings = settings
    codec = try settings.makeCodec()
    self.random = random
  }

  /// Another choice each time.
  public mutating func upload(shared: SharedRandomness) -> Upload {
    switch codec {
    case let codec as any HostilelyReadable: choose(codec, shared) { codec.readChosen(from: &$0, $1, into: $2) }
    case let codec as any RangeCodec: choose(codec, shared) { codec.read(from: &$0, shared: $1, into: $2) }
    default: floats()
    }
  }

  /// - Parameter read: reads a sample's symbols from choices.
  private mutating func choose(
    _ codec: any RangeCodec, _ shared: SharedRandomness,
    _ read: (inout HostileDecoder, SharedRandomness, UnsafeMutableBufferPointer<Double>) -> PayloadError?
  ) -> Upload {
    var decoder = HostileDecoder(random)
    var values = [Double](repeating: 0, count: codec.sampleCount)
    let isRefused = values.withUnsafeMutableBufferPointer { buffer in
      (read(&decoder, shared, buffer) ?? codec.sampleBound.problem(UnsafeBufferPointer(buffer))) != nil
    }
    random = decoder.random
    // What was refused is written too, as far as it can be.
    if isRefused { decoder.consume(start: decoder.target, size: 1) }
    var bytes = decoder.coder.finish()
    var sample = isRefused ? nil : values
    if let length = codec.payloadByteCount {
      if bytes.count > length { sample = nil }
      bytes += [UInt8](repeating: 0, count: max(length - bytes.count, 0))
    }
    return Upload(payload: Payload(bytes: bytes), sample: sample)
  }

  /// Any floats: largest, smallest, at the bound, none.
  private mutating func floats() -> Upload {
    let bound = SampleBound(
      clippingNorm: settings.clippingNorm, noiseScale: settings.noiseScale, count: settings.dimension)
    let kind = random.integer(below: 4)
    var bytes: [UInt8] = []
    var values: [Double] = []
    for _ in 0..<settings.dimension {
      let word = random.word()
      let value: Float
      switch kind {
      case 0: value = Float(bitPattern: UInt32(truncatingIfNeeded: word))
      case 1: value = Float(bound.coordinate) * Float(random.uniform())
      case 2: value = Float(bound.norm / Double(settings.dimension).squareRoot() * (0.9 + 0.2 * random.uniform()))
      default: value = word % 2 == 0 ? .greatestFiniteMagnitude : -0.0
      }
      for i in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> UInt32(8 * i))) }
      values.append(Double(value))
    }
    let isRefused =
      !values.allSatisfy(\.isFinite) || bytes.withUnsafeBytes { bound.problem(floats: $0) } != nil
    return Upload(payload: Payload(bytes: bytes), sample: isRefused ? nil : values)
  }
}

/// A codec whose decoder is compiled for hostile choices too: many millions of them are tried.
protocol HostilelyReadable: RangeCodec {
  func readChosen(
    from decoder: inout HostileDecoder, _ shared: SharedRandomness, into values: UnsafeMutableBufferPointer<Double>
  ) -> PayloadError?
}

extension HostilelyReadable {
  func readChosen(
    from decoder: inout HostileDecoder, _ shared: SharedRandomness, into values: UnsafeMutableBufferPointer<Double>
  ) -> PayloadError? {
    read(from: &decoder, shared: shared, into: values)
  }
}

/// Chooses each symbol, and writes it with the decoder's own model: what it writes decodes to its choices.
struct HostileDecoder: SymbolDecoder {
  fileprivate(set) var coder = RangeEncoder()
  fileprivate var random: RandomStream
  /// How often the ends of the range are chosen, out of 8: what is there is rare by every model.
  private let extremes: UInt64
  private(set) var target: UInt64 = 0

  init(_ random: RandomStream) {
    self.random = random
    extremes = [0, 2, 5, 8][self.random.integer(below: 4)]
    target = choice()
  }

  private mutating func choice() -> UInt64 {
    let word = random.word()
    guard word & 7 < extremes else { return word >> 32 }
    // An end, or a power of two away from it.
    let distance: UInt64 = (word >> 4) & 1 == 0 ? 0 : 1 << ((word >> 8) & 31)
    return (word >> 3) & 1 == 0 ? distance : (1 << 32 - 1) - distance
  }

  @inline(__always)
  func isAtLeast(_ start: UInt64) -> Bool { target >= start }

  mutating func consume(start: UInt64, size: UInt64) {
    coder.encode(start: start, size: size)
    target = choice()
  }
}
