import Numerics

/// Quantizers with a shared random step and dither: one integer a coordinate.
///
/// `layered`, the direct layered quantizer. A standard normal is a uniform of random width: if R^2 is chi-square with
/// three degrees of freedom, a uniform on (-R, R) has density E[1{R > |y|} / (2R)] = integral over r > |y| of
/// sqrt(2/pi) r^2 e^(-r^2/2) / (2r) dr = e^(-y^2/2) / sqrt(2 pi). So with shared step w = 2 sigma R and shared dither U
/// on [-1/2, 1/2),
///
///     M = floor(x / w + U + 1/2),   Y = w (M - U):   Y - x is uniform on (-w/2, w/2] given w, for every x,
///
/// hence Y - x ~ N(0, sigma^2), independent of x and, as steps and dithers are independent, over coordinates.
/// [Wilson 2000; Hegazy & Li 2022]
///
/// `layered-shifted`. The same from other slices of the bell curve: a point (G, V e^(-G^2/2)) below it, its left half
/// turned over, at height tau; the slice at tau is (-sqrt(-2 ln(1 - tau)), sqrt(-2 ln tau)), and G is uniform on it
/// given tau. Its width is the step and its centre is added to Y. No step is below 2 sqrt(2 ln 2) sigma, so M takes at
/// most 2 C / (2.3548 sigma) + 2 values and a code of fixed length exists. [Wilson 2000; arXiv 2312.07060]
///
/// `universal`. One step w = sqrt(12) sigma: Y - x is uniform with variance sigma^2. [Ziv 1985; Agustsson & Theis 2020]
///
/// Bits. M is coded with the law it would have if the rotated coordinate were N(0, eta^2 sigma^2): cell masses of a
/// table of the normal distribution function, given w, U and a public class of |x|. eta changes no law, only the
/// rate: about 1.04 eta bits a coordinate at small eta for `layered`.
///
/// The code is a function of x and the shared seed: whoever knows both learns more than Y. It gives no privacy
/// against the server.
struct DitheredCodec: HostilelyReadable {
  let kind: LayerKind
  let dimension: Int
  let clippingNorm: Double
  let noiseScale: Double
  /// Values of M in a code of fixed length; nil for a range code.
  let fixedCount: UInt64?
  private let quantizer: DitheredQuantizer

  init(_ kind: LayerKind, _ settings: ChannelSettings) {
    self.kind = kind
    dimension = settings.dimension
    clippingNorm = settings.clippingNorm
    noiseScale = settings.noiseScale
    quantizer = DitheredQuantizer(kind, clippingNorm: settings.clippingNorm, noiseScale: settings.noiseScale)
    fixedCount =
      kind == .shifted && settings.options.values(ShiftedOptions.self).fixedLength ? Self.fixedCount(settings) : nil
  }

  func encode(
    _ update: ClippedUpdate, shared: SharedRandomness, private noise: inout PrivateRandomness,
    tally: inout CodingTally
  ) -> Payload {
    tally.draws += dimension
    tally.blocks += dimension
    if let fixedCount { return encodeFixed(update, fixedCount, shared, &tally) }
    var coder = RangeEncoder(reservingBytes: dimension / 4 + 16)
    let normClass = NormClass(norm: update.norm, bound: clippingNorm)
    normClass.encode(to: &coder)
    if !normClass.isZero {
      update.values.withUnsafeBufferPointer { x in
        quantizer.encode(x, 0..<dimension, eta: modelScale(normClass), shared: shared, to: &coder)
      }
    }
    return coder.finish(counting: &tally)
  }

  var sampleCount: Int { dimension }

  var payloadByteCount: Int? { fixedCount.map { Self.fixedBytes(dimension: dimension, count: $0) } }

  var sampleBound: SampleBound {
    kind == .uniform
      ? SampleBound(clippingNorm: clippingNorm, uniformScale: noiseScale, count: dimension)
      : SampleBound(clippingNorm: clippingNorm, noiseScale: noiseScale, count: dimension)
  }

  func read(
    from decoder: inout some SymbolDecoder, shared: SharedRandomness, into values: UnsafeMutableBufferPointer<Double>
  ) -> PayloadError? {
    if let fixedCount { return readFixed(fixedCount, from: &decoder, shared, into: values) }
    let normClass = NormClass(from: &decoder)
    return quantizer.decode(
      0..<dimension, eta: modelScale(normClass), shared: shared, from: &decoder, into: values)
  }

  /// eta: the standard deviation of a rotated coordinate over sigma, by the class.
  private func modelScale(_ normClass: NormClass) -> Double {
    normClass.scale * clippingNorm / (Double(dimension).squareRoot() * noiseScale)
  }

  // MARK: Fixed length

  /// M is floor(x / w + U + 1/2) with |x| <= C: at most 2 C / w + 2 values in a row.
  private static func fixedCount(_ settings: ChannelSettings) -> UInt64 {
    let signal = settings.clippingNorm / settings.noiseScale * (1 + 1e-6)
    return UInt64(2 * signal / LayerKind.shifted.smallestStep) + 2
  }

  /// Bytes of every payload: d symbols of equal probability and two bytes for the range coder's end.
  static func fixedBytes(dimension: Int, count: UInt64) -> Int {
    let size = (1 << 32) / count
    let bits = 32 - Elementary.log(Double(size)) / Elementary.log(2) + 1e-6
    return Int(Double(dimension) * bits / 8) + 3
  }

  static func fixedBits(_ settings: ChannelSettings) -> Int {
    8 * fixedBytes(dimension: settings.dimension, count: fixedCount(settings))
  }

  /// The smallest M of any coordinate within the clipping norm.
  @inline(__always)
  private func lowest(step: Double, dither: Double) -> Int {
    DitheredQuantizer.index(-quantizer.largestSignal, step: step, dither: dither)
  }

  private func encodeFixed(
    _ update: ClippedUpdate, _ count: UInt64, _ shared: SharedRandomness, _ tally: inout CodingTally
  ) -> Payload {
    let length = Self.fixedBytes(dimension: dimension, count: count)
    var coder = RangeEncoder(reservingBytes: length)
    let size = (1 << 32) / count
    let inverseSigma = 1 / noiseScale
    quantizer.layers.forEachChunk(shared, 0..<dimension) { first, layers in
      for i in layers.steps.indices {
        let (step, dither) = (layers.steps[i], layers.dithers[i])
        let index = DitheredQuantizer.index(update.values[first + i] * inverseSigma, step: step, dither: dither)
        let symbol = UInt64(max(index - lowest(step: step, dither: dither), 0))
        precondition(symbol < count, "no coordinate is beyond the clipping norm")
        coder.encode(start: symbol * size, size: size)
      }
      return true
    }
    // Without the zeros behind the code: no model gives a probability to them.
    tally.addModelBits(coder.modelBits)
    var bytes = coder.finish()
    bytes.append(contentsOf: repeatElement(0, count: length - bytes.count))
    return Payload(bytes: bytes)
  }

  private func readFixed(
    _ count: UInt64, from decoder: inout some SymbolDecoder, _ shared: SharedRandomness,
    into values: UnsafeMutableBufferPointer<Double>
  ) -> PayloadError? {
    let size = (1 << 32) / count
    var problem: PayloadError?
    quantizer.layers.forEachChunk(shared, 0..<dimension) { first, layers in
      for i in layers.steps.indices {
        let symbol = decoder.target / size
        let index = lowest(step: layers.steps[i], dither: layers.dithers[i]) + Int(symbol)
        guard symbol < count, quantizer.isPossible(index, step: layers.steps[i]) else {
          problem = .notACode(coordinate: first + i)
          return false
        }
        decoder.consume(start: symbol * size, size: size)
        values[first + i] = quantizer.value(index, layers, i)
      }
      return true
    }
    return problem
  }
}
