/// Codes a range of coordinates one by one, each as the integer of a dithered quantizer, range-coded with the law it
/// has for x ~ N(0, eta^2 sigma^2). Used for whole updates, and by block codecs for blocks that no search can reach.
struct DitheredQuantizer: Sendable {
  let layers: LayerStream
  /// C / sigma: no coordinate is larger.
  let largestSignal: Double
  let noiseScale: Double

  init(_ kind: LayerKind, clippingNorm: Double, noiseScale: Double) {
    layers = LayerStream(kind: kind)
    self.noiseScale = noiseScale
    largestSignal = clippingNorm / noiseScale * (1 + 1e-6)
  }

  /// M = floor(x / step + dither + 1/2).
  @inline(__always)
  static func index(_ x: Double, step: Double, dither: Double) -> Int {
    let shifted = x / step + dither + 0.5
    let index = Int(shifted)
    return Double(index) > shifted ? index - 1 : index
  }

  /// - Parameters:
  ///   - x: coordinates `range` of the update.
  ///   - eta: their model's deviation over sigma, above 0.
  func encode(
    _ x: UnsafeBufferPointer<Double>, _ range: Range<Int>, eta: Double, shared: SharedRandomness,
    to coder: inout RangeEncoder
  ) {
    let inverseScale = 1 / eta
    let inverseSigma = 1 / noiseScale
    NormalTable.shared.withCumulative { cumulative in
      layers.forEachChunk(shared, range) { first, layers in
        for i in layers.steps.indices {
          let (step, dither) = (layers.steps[i], layers.dithers[i])
          let index = Self.index(x[first - range.lowerBound + i] * inverseSigma, step: step, dither: dither)
          LayerModel(step: step * inverseScale, dither: dither).encode(index, cumulative, to: &coder)
        }
        return true
      }
    }
  }

  /// Writes coordinates `range` of the sample to `values`, which starts at `range.lowerBound`. Zero `eta`: the update
  /// was zero and nothing was coded.
  func decode(
    _ range: Range<Int>, eta: Double, shared: SharedRandomness, from decoder: inout some SymbolDecoder,
    into values: UnsafeMutableBufferPointer<Double>
  ) -> PayloadError? {
    let inverseScale = eta > 0 ? 1 / eta : 0
    var problem: PayloadError?
    NormalTable.shared.withCumulative { cumulative in
      layers.forEachChunk(shared, range) { first, layers in
        for i in layers.steps.indices {
          let (step, dither) = (layers.steps[i], layers.dithers[i])
          var index = 0
          if eta > 0 {
            let model = LayerModel(step: step * inverseScale, dither: dither)
            guard let found = model.decode(cumulative, from: &decoder), isPossible(found, step: step) else {
              problem = .notACode(coordinate: first + i)
              return false
            }
            index = found
          }
          values[first - range.lowerBound + i] = value(index, layers, i)
        }
        return true
      }
    }
    return problem
  }

  @inline(__always)
  func value(_ index: Int, _ layers: LayerStream.Layers, _ i: Int) -> Double {
    noiseScale * (layers.steps[i] * (Double(index) - layers.dithers[i]) + layers.centres[i])
  }

  /// What no encoder sends: a coordinate beyond the clipping norm. It could outweigh all honest clients.
  @inline(__always)
  func isPossible(_ index: Int, step: Double) -> Bool {
    Double(index.magnitude) * step <= largestSignal + 2 * step
  }
}
