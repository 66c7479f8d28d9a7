import Numerics

/// How the step of a dithered quantizer is drawn: which law its noise has.
enum LayerKind: Sendable {
  /// step = 2 R, R^2 chi-square with three degrees of freedom: normal noise, centred slices.
  case direct
  /// Slices of the bell curve with its left half turned over: normal noise, and no step below 2.3548 sigma.
  case shifted
  /// One step, sqrt(12) sigma: uniform noise.
  case uniform

  /// The smallest step over sigma: 2 sqrt(2 ln 2), rounded down, for `shifted`, reached at half the height.
  var smallestStep: Double {
    switch self {
    case .direct: 0x1p-26
    case .shifted: 2.354820045
    case .uniform: 12.0.squareRoot()
    }
  }
}

/// Steps, dithers and centres at sigma = 1, drawn from shared randomness by position: Y = step (M - dither) + centre.
struct LayerStream: Sendable {
  let kind: LayerKind

  /// Coordinates whose randomness is made at a time: 32 KiB of words.
  private static let chunk = 1024

  struct Layers {
    let steps: UnsafeBufferPointer<Double>
    let dithers: UnsafeBufferPointer<Double>
    /// Zero but for `shifted`.
    let centres: UnsafeBufferPointer<Double>
  }

  /// The layers of `range`, a chunk at a time, until `body` says to stop. `first` is the coordinate that each chunk
  /// starts with.
  @inline(__always)
  func forEachChunk(
    _ shared: SharedRandomness, _ range: Range<Int>, _ body: (_ first: Int, _ layers: Layers) -> Bool
  ) {
    let words = shared.words(.layers)
    withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 4 * Self.chunk) { raw in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: 3 * Self.chunk) { values in
        // The kernels take eight coordinates at a time: start at a whole eight.
        var first = range.lowerBound / 8 * 8
        while first < range.upperBound {
          let count = min(Self.chunk, range.upperBound - first)
          let whole = (count + 7) / 8 * 8
          let part = UnsafeMutableBufferPointer(rebasing: raw[..<(4 * whole)])
          words.read(at: UInt64(4 * first), into: part)
          let steps = UnsafeMutableBufferPointer(rebasing: values[..<whole])
          let dithers = UnsafeMutableBufferPointer(rebasing: values[Self.chunk..<(Self.chunk + whole)])
          let centres = UnsafeMutableBufferPointer(rebasing: values[(2 * Self.chunk)..<(2 * Self.chunk + whole)])
          Kernels.best.layers(UnsafeBufferPointer(part), steps: steps, dithers: dithers)
          switch kind {
          case .direct: centres.update(repeating: 0)
          case .shifted: Kernels.best.shifts(UnsafeBufferPointer(part), steps: steps, centres: centres)
          case .uniform:
            steps.update(repeating: kind.smallestStep)
            centres.update(repeating: 0)
          }
          let wanted = max(range.lowerBound - first, 0)..<count
          let isWanted = body(
            first + wanted.lowerBound,
            Layers(
              steps: UnsafeBufferPointer(rebasing: steps[wanted]),
              dithers: UnsafeBufferPointer(rebasing: dithers[wanted]),
              centres: UnsafeBufferPointer(rebasing: centres[wanted])))
          if !isWanted { return }
          first += count
        }
      }
    }
  }
}
