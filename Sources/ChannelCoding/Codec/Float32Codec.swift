/// The baseline: the client adds the noise itself and sends d floats, 32 d bits.
///
/// Exact (in real arithmetic: each coordinate is then rounded to float32). Without noise (sigma = 0) it is the plain
/// federated update.
struct Float32Codec: UpdateCodec {
  let dimension: Int
  let noiseScale: Double

  var descriptor: CodecDescriptor {
    CodecDescriptor(
      name: .float32, noise: .gaussian, isRotated: false,
      summary: "the client adds Gaussian noise and sends 32-bit floats: the uncompressed baseline",
      cost: "O(d)", reference: "-")
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
        let raw = UnsafeMutableRawBufferPointer(buffer)
        for i in 0..<dimension {
          raw.storeBytes(of: Float(values[i]).bitPattern.littleEndian, toByteOffset: 4 * i, as: UInt32.self)
        }
        count = 4 * dimension
      }
    }
    return Payload(bytes: bytes)
  }

  func decode(_ payload: Payload, shared: SharedRandomness) throws(PayloadError) -> [Double] {
    guard payload.bytes.count == 4 * dimension else {
      throw .wrongLength(found: payload.bytes.count, expected: 4 * dimension)
    }
    // x - x is not 0 for infinities and NaN alone; a sum of them is a loop without branches.
    var doubt = 0.0
    let sample = payload.bytes.withUnsafeBytes { bytes in
      [Double](unsafeUninitializedCapacity: dimension) { values, count in
        for i in 0..<dimension {
          let bits = bytes.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self)
          let value = Double(Float(bitPattern: UInt32(littleEndian: bits)))
          values.initializeElement(at: i, to: value)
        }
        count = dimension
        var differences = SIMD8<Double>(repeating: 0)
        var i = 0
        while i + 8 <= dimension {
          let chunk = UnsafeRawPointer(values.baseAddress! + i).loadUnaligned(as: SIMD8<Double>.self)
          differences += chunk - chunk
          i += 8
        }
        doubt = differences.sum()
        while i < dimension {
          doubt += values[i] - values[i]
          i += 1
        }
      }
    }
    if doubt != 0, let i = sample.firstIndex(where: { !$0.isFinite }) { throw .notFinite(coordinate: i) }
    return sample
  }
}
