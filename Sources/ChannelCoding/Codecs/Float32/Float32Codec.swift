import Numerics

/// The baseline: the client adds the noise itself and sends d floats, 32 d bits.
///
/// Exact (in real arithmetic: each coordinate is then rounded to float32). Without noise (sigma = 0) it is the plain
/// federated update.
struct Float32Codec: UpdateCodec {
  let dimension: Int
  let noiseScale: Double
  let sampleBound: SampleBound

  init(_ settings: ChannelSettings) {
    dimension = settings.dimension
    noiseScale = settings.noiseScale
    sampleBound = SampleBound(
      clippingNorm: settings.clippingNorm, noiseScale: settings.noiseScale, count: settings.dimension)
  }

  func encode(
    _ update: ClippedUpdate, shared: SharedRandomness, private noise: inout PrivateRandomness,
    tally: inout CodingTally
  ) -> Payload {
    tally.draws += dimension
    var noisy = update.values
    if noiseScale > 0 {
      noisy.withUnsafeMutableBufferPointer { values in
        noise.stream.forEachNormal(count: dimension) { values[$0] += noiseScale * $1 }
      }
    }
    let bytes = noisy.withUnsafeBufferPointer { values in
      [UInt8](unsafeUninitializedCapacity: 4 * dimension) { buffer, count in
        Kernels.best.narrow(
          values,
          into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<(4 * dimension)]))
        count = 4 * dimension
      }
    }
    tally.addModelBits(Double(8 * bytes.count))
    return Payload(bytes: bytes)
  }

  func decode(_ payload: Payload, shared: SharedRandomness) throws(PayloadError) -> [Double] {
    try decodeSample(payload, shared: shared).values
  }

  func decodeSample(_ payload: Payload, shared: SharedRandomness) throws(PayloadError) -> DecodedSample {
    guard payload.bytes.count == 4 * dimension else {
      throw .wrongLength(found: payload.bytes.count, expected: 4 * dimension)
    }
    let sample = DecodedSample(floats: payload.bytes)
    guard payload.bytes.withUnsafeBytes({ Kernels.best.areFinite($0) }) else {
      throw .notFinite(coordinate: sample.values.firstIndex { !$0.isFinite } ?? 0)
    }
    if let problem = payload.bytes.withUnsafeBytes({ sampleBound.problem(floats: $0) }) { throw problem }
    return sample
  }
}
