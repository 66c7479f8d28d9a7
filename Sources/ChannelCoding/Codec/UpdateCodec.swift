/// A code for clipped updates: payload bytes from which the other end gets update + noise.
///
/// Guarantee of a codec that calls itself exact: for every update, `decode(encode(x)) - x` is a sample of
/// N(0, sigma^2 I_d), independent of x (in real arithmetic), over the draw of shared and private randomness.
public protocol UpdateCodec: Sendable {
  /// Name, exactness, domain.
  var descriptor: CodecDescriptor { get }

  /// - Parameter tally: counts the work that was done.
  func encode(
    _ update: ClippedUpdate, shared: SharedRandomness, private noise: inout PrivateRandomness,
    tally: inout CodingTally
  ) -> Payload

  /// The sample, d values, all finite. Any bytes give a sample or an error.
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

  public init() {}
}

/// The coded update: what `payloadBits` counts.
public struct Payload: Sendable, Equatable {
  public let bytes: [UInt8]

  public init(bytes: [UInt8]) { self.bytes = bytes }

  public var bits: Int { 8 * bytes.count }
}

extension Payload {
  /// What `decode` makes of the bytes: `count` values, or its error.
  func sample(
    _ count: Int,
    _ decode: (UnsafeBufferPointer<UInt8>, UnsafeMutableBufferPointer<Double>) -> PayloadError?
  ) throws(PayloadError) -> [Double] {
    var problem: PayloadError?
    let sample = [Double](unsafeUninitializedCapacity: count) { values, filled in
      values.initialize(repeating: 0)
      problem = bytes.withUnsafeBufferPointer { decode($0, values) }
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
}
