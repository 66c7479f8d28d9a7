import Numerics

/// Shared candidates, one after the other, as a search sees them.
package protocol CandidateSource: ~Copyable {
  /// ln r of the next candidate.
  mutating func score() -> Double
  /// The candidate of the last score is the best one so far.
  mutating func keep()
}

extension CandidateSource where Self: ~Copyable {
  /// A source whose candidates are made again from their indices keeps nothing.
  @inline(__always)
  package mutating func keep() {}
}

/// The log density ratios of a block's shared candidates, one after the other: z_k standard normals, candidate s z_k,
///
///     ln r(s z) = constant + z . (s x) - quadratic |z|^2.
///
/// or, for magnitudes a = |z|, with ln cosh(z . (s x)) in place of the product, coordinate by coordinate; or the ratio of a Gaussian
/// with a scale of its own for each coordinate.
///
/// Normals are made in groups of 128 in the order of their positions; candidate k of n coordinates takes positions
/// k n ..< (k + 1) n, so that a decoder reads just the one that was chosen.
struct CandidateScores: CandidateSource, ~Copyable {
  /// What the update does to the ratio of a coordinate.
  enum Kind: Sendable {
    /// u = s x z: the ratio of the coordinate itself.
    case whole
    /// ln cosh(s x z): the ratio of its magnitude.
    case magnitude
    /// The same where the magnitude is known to be in one of `count` cells of equal probability: a candidate is the share of
    /// the cell above it, uniform on (0, 1].
    case cells(count: Double)
    /// (y^2 - (y - mu)^2 / rho^2) / 2: the ratio of N(mu, rho^2) to N(0, 1), with `mean` for mu and `cells` for 1 / rho. Neither end of
    /// it loses digits where the target has mass. The factor of y^2 is then a matter of each coordinate, and `quadratic` of none.
    case diagonal

    var law: NormalStream.Law { if case .cells = self { .share } else { .normal } }

    @inline(__always)
    func exponent(_ u: Double) -> Double {
      switch self {
      case .whole, .diagonal: u
      case .magnitude, .cells: abs(u) + Elementary.log(1 + Elementary.exp(-2 * abs(u))) - 0x1.62e42fefa39efp-1
      }
    }
  }

  private let kind: Kind
  private let stream: NormalStream
  private let quadratic: Double
  private let constant: Double
  private let length: Int
  private let mean: UnsafeMutableBufferPointer<Double>
  private let cells: UnsafeMutableBufferPointer<Double>
  private let window: UnsafeMutableBufferPointer<Double>
  private var windowGroup: UInt64 = 0
  private var windowFilled = 0
  private let scores: UnsafeMutableBufferPointer<Double>
  private var next = 0
  private var available = 0
  private var position: UInt64
  /// Candidates handed out.
  private(set) var drawn = 0

  /// - Parameters:
  ///   - mean: s x.
  ///   - start: the position of the first candidate's first normal.
  ///   - batch: about how many candidates to make at a time; no result depends on it.
  init(
    _ stream: NormalStream, kind: Kind = .whole, mean: some Collection<Double>,
    cells: some Collection<Double> = [], quadratic: Double, constant: Double, start: UInt64 = 0, batch: Int
  ) {
    self.cells = .allocate(capacity: max(cells.count, 1))
    _ = self.cells.initialize(from: cells)
    self.kind = kind
    self.stream = stream
    self.quadratic = quadratic
    self.constant = constant
    length = mean.count
    // A window of about 16 KiB stays in the first-level cache.
    let perBatch = max(1, min(batch, 2048 / length))
    self.mean = .allocate(capacity: length)
    _ = self.mean.initialize(from: mean)
    let groups = (perBatch * length + 2 * NormalStream.groupCount - 1) / NormalStream.groupCount + 1
    window = .allocate(capacity: groups * NormalStream.groupCount)
    window.initialize(repeating: 0)
    scores = .allocate(capacity: perBatch)
    scores.initialize(repeating: 0)
    position = start
  }

  deinit {
    mean.deallocate()
    cells.deallocate()
    window.deallocate()
    scores.deallocate()
  }

  /// ln r of the next candidate.
  @inline(__always)
  mutating func score() -> Double {
    if next == available { refill() }
    defer { next += 1 }
    drawn += 1
    return scores[next]
  }

  @inline(never)
  private mutating func refill() {
    let size = UInt64(NormalStream.groupCount)
    let wanted = scores.count
    let firstGroup = position / size
    let end = position + UInt64(wanted * length)
    let groups = Int((end + size - 1) / size - firstGroup)
    // The group that the last batch ended in is kept.
    var kept = 0
    if windowFilled > 0, windowGroup + UInt64(windowFilled) - 1 == firstGroup {
      let last = (windowFilled - 1) * NormalStream.groupCount
      for i in 0..<NormalStream.groupCount { window[i] = window[last + i] }
      kept = 1
    }
    if groups > kept {
      let range = (kept * NormalStream.groupCount)..<(groups * NormalStream.groupCount)
      stream.read(
        group: firstGroup + UInt64(kept), as: kind.law, into: UnsafeMutableBufferPointer(rebasing: window[range]))
    }
    windowGroup = firstGroup
    windowFilled = groups
    if let base = window.baseAddress {
      let first = base + Int(position % size)
      switch kind {
      case .whole:
        Kernels.best.scores(first, UnsafeBufferPointer(mean), quadratic: quadratic, constant: constant, into: scores)
      case .magnitude:
        Kernels.best.magnitudeScores(
          first, UnsafeBufferPointer(mean), quadratic: quadratic, constant: constant, into: scores)
      case .cells(let count):
        Kernels.best.cellScores(
          first, cells: UnsafeBufferPointer(rebasing: cells[..<mean.count]), cellCount: count,
          UnsafeBufferPointer(mean), quadratic: quadratic, constant: constant, into: scores)
      case .diagonal:
        DiagonalScores.fill(
          first, means: UnsafeBufferPointer(mean), inverseScales: UnsafeBufferPointer(rebasing: cells[..<mean.count]),
          constant: constant, into: scores)
      }
    }
    position = end
    next = 0
    available = wanted
  }
}
