/// The baseline: the client adds the noise itself and sends d floats, 32 d bits.
///
/// Exact (in real arithmetic: each coordinate is then rounded to float32). Without noise (sigma = 0) it is the plain
/// federated update.
struct Float32Codec: UpdateCodec {
  let dimension: Int
  let noiseScale: Double

  var descriptor: CodecDescriptor {
    CodecDescriptor(
      name: .float32, isExact: true, isRotated: false,
      summary: "the client adds Gaussian noise and sends 32-bit floats: the uncompressed baseline")
  }

  func encode(
    _ update: ClippedUpdate, shared: SharedRandomness, private noise: inout PrivateRandomness
  ) -> Payload {
    var bytes = [UInt8]()
    bytes.reserveCapacity(4 * dimension)
    let put = { (value: Double) in
      let bits = Float(value).bitPattern
      for shift in [0, 8, 16, 24] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: bits >> shift)) }
    }
    if noiseScale > 0 {
      noise.stream.forEachNormal(count: dimension) { put(update.values[$0] + noiseScale * $1) }
    } else {
      update.values.forEach(put)
    }
    return Payload(bytes: bytes)
  }

  func decode(_ payload: Payload, shared: SharedRandomness, addingTo sum: inout [Double]) throws(PayloadError) {
    let bytes = payload.bytes
    guard bytes.count == 4 * dimension else {
      throw .wrongLength(found: bytes.count, expected: 4 * dimension)
    }
    let value = { (i: Int) in
      Float(
        bitPattern: UInt32(bytes[4 * i]) | UInt32(bytes[4 * i + 1]) << 8 | UInt32(bytes[4 * i + 2]) << 16
          | UInt32(bytes[4 * i + 3]) << 24)
    }
    for i in 0..<dimension where !value(i).isFinite { throw .notFinite(coordinate: i) }
    for i in 0..<dimension { sum[i] += Double(value(i)) }
  }
}
