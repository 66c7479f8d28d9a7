/// A code for clipped updates: payload bytes from which the other end gets update + noise.
///
/// Guarantee of a codec that calls itself exact: for every update, `decode(encode(x)) - x` is a sample of
/// N(0, sigma^2 I_d), independent of x (in real arithmetic), over the draw of shared and private randomness.
public protocol UpdateCodec: Sendable {
  /// - Parameters:
  ///   - update: the clipped update x.
  ///   - shared: the randomness of the round that the decoder has too.
  ///   - noise: the client's own randomness.
  ///   - tally: counts the work that was done.
  func encode(
    _ update: ClippedUpdate, shared: SharedRandomness, private noise: inout PrivateRandomness,
    tally: inout CodingTally
  ) -> Payload

  /// The sample: as many values as the update had (`CodecFamily.paddedDimension`), inside `SampleBound`. Any bytes give one or an error.
  func decode(_ payload: Payload, shared: SharedRandomness) throws(PayloadError) -> [Double]

  /// As `decode`, for a sum of samples.
  func decodeSample(_ payload: Payload, shared: SharedRandomness) throws(PayloadError) -> DecodedSample
}

extension UpdateCodec {
  public func decodeSample(_ payload: Payload, shared: SharedRandomness) throws(PayloadError) -> DecodedSample {
    DecodedSample(try decode(payload, shared: shared))
  }
}

/// What an encoder did, for benchmarks; nothing that is sent depends on it.
public struct CodingTally: Sendable, Equatable {
  /// Normals drawn for candidates, steps of a search, or coordinates where each is coded once: over the dimension,
  /// the candidates of a block or the steps of a coordinate.
  public var draws = 0
  /// Blocks that were coded.
  public var blocks = 0
  /// Blocks whose height fell above the cap.
  public var escapes = 0
  /// Blocks too large for the search, which were coded coordinate by coordinate.
  public var layered = 0
  /// The indices that searches chose.
  public private(set) var indices = IndexTally()
  /// Model bits are minus log2 of the probability that the codec's models gave to everything that was coded: what an ideal entropy
  /// coder would have taken, where a payload has whole bytes.
  ///
  /// They are real numbers of bits. For a codec without models they are the bits that it writes, as for `float32`. Nil as long as no
  /// encoder has said them: a codec of another package need not. They are no measure of information: models that
  /// do not fit cost model bits, and I(X; Y) is the least that any could give.
  public private(set) var modelBits: Double?

  public init() {}

  /// Says the model bits of what was coded, beside those that were said before.
  ///
  /// - Parameter bits: minus log2 of a probability.
  public mutating func addModelBits(_ bits: Double) { modelBits = (modelBits ?? 0) + bits }

  /// Says that a search chose a candidate.
  ///
  /// - Parameter index: its place among the candidates of its block, from 1 on.
  public mutating func addIndex(_ index: UInt64) { indices.add(index) }

  /// The tally of two messages. Its model bits are nil where those of either are.
  public static func + (a: CodingTally, b: CodingTally) -> CodingTally {
    var sum = CodingTally()
    sum.draws = a.draws + b.draws
    sum.blocks = a.blocks + b.blocks
    sum.escapes = a.escapes + b.escapes
    sum.layered = a.layered + b.layered
    sum.indices = a.indices + b.indices
    if let bits = a.modelBits, let more = b.modelBits { sum.modelBits = bits + more }
    return sum
  }
}

extension RangeEncoder {
  /// The payload of all symbols, whose model bits go into the tally.
  public consuming func finish(counting tally: inout CodingTally) -> Payload {
    tally.addModelBits(modelBits)
    return Payload(bytes: finish())
  }
}

/// The coded update: what `payloadBits` counts.
public struct Payload: Sendable, Equatable {
  public let bytes: [UInt8]

  public init(bytes: [UInt8]) { self.bytes = bytes }

  /// The bits of whole bytes.
  public var bits: Int { 8 * bytes.count }
}

/// A codec whose payload is one range code: it decodes by reading symbols, from payload bytes or from whoever chooses them.
public protocol RangeCodec: UpdateCodec {
  /// Values of a sample.
  var sampleCount: Int { get }

  /// What no honest client sends is outside.
  var sampleBound: SampleBound { get }

  /// Bytes of every payload, the range code's own and zeros behind them; nil where payloads end where the code does.
  var payloadByteCount: Int? { get }

  /// Reads a sample's symbols, all of them from `decoder`. `values` are zeros.
  func read(
    from decoder: inout some SymbolDecoder, shared: SharedRandomness, into values: UnsafeMutableBufferPointer<Double>
  ) -> PayloadError?
}

extension RangeCodec {
  public var payloadByteCount: Int? { nil }

  public func decode(_ payload: Payload, shared: SharedRandomness) throws(PayloadError) -> [Double] {
    try payload.sample(sampleCount, within: sampleBound) { bytes, values in
      var bytes = bytes
      if let length = payloadByteCount {
        guard bytes.count == length else { return .wrongLength(found: bytes.count, expected: length) }
        bytes = UnsafeBufferPointer(rebasing: bytes[..<((bytes.lastIndex { $0 != 0 } ?? -1) + 1)])
      }
      var decoder = RangeDecoder(bytes)
      return read(from: &decoder, shared: shared, into: values) ?? (decoder.isAtEnd ? nil : .trailingBytes)
    }
  }
}

extension Payload {
  /// What `decode` makes of the bytes: `count` values within the bound, or an error.
  public func sample(
    _ count: Int, within bound: SampleBound,
    _ decode: (UnsafeBufferPointer<UInt8>, UnsafeMutableBufferPointer<Double>) -> PayloadError?
  ) throws(PayloadError) -> [Double] {
    var problem: PayloadError?
    let sample = [Double](unsafeUninitializedCapacity: count) { values, filled in
      values.initialize(repeating: 0)
      problem = bytes.withUnsafeBufferPointer { decode($0, values) }
      if problem == nil { problem = bound.problem(UnsafeBufferPointer(values)) }
      filled = count
    }
    if let problem { throw problem }
    return sample
  }
}

/// Why a payload is not one that the encoder wrote.
public enum PayloadError: Error, Equatable {
  case wrongLength(found: Int, expected: Int)
  case notFinite(coordinate: Int)
  case notACode(coordinate: Int)
  case trailingBytes
  /// A coordinate that no clipped update with noise has.
  case tooLarge(coordinate: Int)
  /// A norm that no clipped update with noise has, but with probability below 10^-15.
  case tooLong
}

extension PayloadError {
  /// For people.
  package var text: String {
    switch self {
    case .wrongLength(let found, let expected): "\(found) bytes; allowed: exactly \(expected)"
    case .notFinite(let coordinate): "the value of coordinate \(coordinate) is not finite"
    case .notACode(let coordinate): "no encoder writes what stands there for coordinate \(coordinate)"
    case .trailingBytes: "bytes follow the last coordinate; allowed: none"
    case .tooLarge(let coordinate):
      "coordinate \(coordinate) is larger than any clipped update with this noise has (clipping norm + 40 sigma)"
    case .tooLong:
      "the vector is longer than any clipped update with this noise is (clipping norm + sigma (sqrt(d) + 8.32))"
    }
  }
}
