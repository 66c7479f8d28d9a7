/// The direct layered quantizer: one integer a coordinate, range-coded given everything that both ends know.
///
/// Law. A standard normal is a uniform of random width: if R^2 is chi-square with three degrees of freedom, a uniform
/// on (-R, R) has density E[1{R > |y|} / (2R)] = integral over r > |y| of sqrt(2/pi) r^2 e^(-r^2/2) / (2r) dr
/// = e^(-y^2/2) / sqrt(2 pi). So with shared step w = 2 sigma R and shared dither U on [-1/2, 1/2),
///
///     M = floor(x / w + U + 1/2),   Y = w (M - U):   Y - x is uniform on (-w/2, w/2] given w, for every x,
///
/// hence Y - x ~ N(0, sigma^2), independent of x and, as steps and dithers are independent, over coordinates.
/// [Wilson 2000; Hegazy & Li 2022]
///
/// Bits. M is coded with the law it would have if the rotated coordinate were N(0, eta^2 sigma^2): cell masses of a
/// table of the normal distribution function, given w, U and a public class of |x|. eta changes no law, only the
/// rate: about 1.04 eta bits a coordinate at small eta.
///
/// The code is a function of x and the shared seed: whoever knows both learns more than Y. It gives no privacy
/// against the server.
struct LayeredCodec: UpdateCodec {
  let dimension: Int
  let clippingNorm: Double
  let noiseScale: Double

  var descriptor: CodecDescriptor {
    CodecDescriptor(
      name: .layered, isExact: true, isRotated: true,
      summary: "direct layered quantizer, range-coded given step, dither and norm class: exact, one pass")
  }

  /// Coordinates whose randomness is made at a time: 32 KiB of words.
  private static let chunk = 1024

  func encode(
    _ update: ClippedUpdate, shared: SharedRandomness, private noise: inout PrivateRandomness
  ) -> Payload {
    var coder = RangeEncoder(reservingBytes: dimension / 4 + 16)
    let normClass = NormClass(norm: update.norm, bound: clippingNorm)
    normClass.encode(to: &coder)
    guard !normClass.isZero else { return Payload(bytes: coder.finish()) }
    let inverseScale = 1 / modelScale(normClass)
    let inverseSigma = 1 / noiseScale
    update.values.withUnsafeBufferPointer { x in
      NormalTable.shared.withCumulative { cumulative in
        forEachChunk(shared) { first, steps, dithers in
          for i in steps.indices {
            let (step, dither) = (steps[i], dithers[i])
            let shifted = x[first + i] * inverseSigma / step + dither + 0.5
            var index = Int(shifted)
            if Double(index) > shifted { index -= 1 }
            LayerModel(step: step * inverseScale, dither: dither).encode(index, cumulative, to: &coder)
          }
          return true
        }
      }
    }
    return Payload(bytes: coder.finish())
  }

  func decode(_ payload: Payload, shared: SharedRandomness) throws(PayloadError) -> [Double] {
    var problem: PayloadError?
    let sample = [Double](unsafeUninitializedCapacity: dimension) { values, count in
      values.initialize(repeating: 0)
      problem = payload.bytes.withUnsafeBufferPointer { decode($0, shared: shared, into: values) }
      count = dimension
    }
    if let problem { throw problem }
    return sample
  }

  private func decode(
    _ bytes: UnsafeBufferPointer<UInt8>, shared: SharedRandomness, into values: UnsafeMutableBufferPointer<Double>
  ) -> PayloadError? {
    var decoder = RangeDecoder(bytes)
    guard let normClass = NormClass(from: &decoder) else { return .notACode(coordinate: 0) }
    let inverseScale = normClass.isZero ? 0 : 1 / modelScale(normClass)
    let largestSignal = clippingNorm / noiseScale * (1 + 1e-6)
    var problem: PayloadError?
    NormalTable.shared.withCumulative { cumulative in
      forEachChunk(shared) { first, steps, dithers in
        for i in steps.indices {
          let (step, dither) = (steps[i], dithers[i])
          var index = 0
          if !normClass.isZero {
            let model = LayerModel(step: step * inverseScale, dither: dither)
            guard let found = model.decode(cumulative, from: &decoder) else {
              problem = .notACode(coordinate: first + i)
              return false
            }
            index = found
            // What no encoder sends: a coordinate beyond the clipping norm. It could outweigh all honest clients.
            guard Double(found.magnitude) * step <= largestSignal + 2 * step else {
              problem = .notACode(coordinate: first + i)
              return false
            }
          }
          values[first + i] = noiseScale * (step * (Double(index) - dither))
        }
        return true
      }
    }
    return problem ?? (decoder.isAtEnd ? nil : .trailingBytes)
  }

  /// eta: the standard deviation of a rotated coordinate over sigma, by the class.
  private func modelScale(_ normClass: NormClass) -> Double {
    normClass.scale * clippingNorm / (Double(dimension).squareRoot() * noiseScale)
  }

  /// Steps and dithers at sigma = 1, a chunk at a time, until `body` says to stop.
  @inline(__always)
  private func forEachChunk(
    _ shared: SharedRandomness,
    _ body: (_ first: Int, _ steps: UnsafeBufferPointer<Double>, _ dithers: UnsafeBufferPointer<Double>) -> Bool
  ) {
    let words = shared.words(.layers)
    withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 4 * Self.chunk) { raw in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * Self.chunk) { values in
        for first in stride(from: 0, to: dimension, by: Self.chunk) {
          let count = min(Self.chunk, dimension - first)
          let whole = (count + 7) / 8 * 8
          let part = UnsafeMutableBufferPointer(rebasing: raw[..<(4 * whole)])
          words.read(at: UInt64(4 * first), into: part)
          let steps = UnsafeMutableBufferPointer(rebasing: values[..<whole])
          let dithers = UnsafeMutableBufferPointer(rebasing: values[Self.chunk..<(Self.chunk + whole)])
          Kernels.best.layers(UnsafeBufferPointer(part), steps: steps, dithers: dithers)
          let isWanted = body(
            first, UnsafeBufferPointer(rebasing: steps[..<count]), UnsafeBufferPointer(rebasing: dithers[..<count]))
          if !isWanted { return }
        }
      }
    }
  }
}
