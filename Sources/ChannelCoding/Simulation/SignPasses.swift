import Numerics

/// The log density ratios of whole successive-cancellation passes as candidates for a node's signs: ln r(b) = sum over the leaves in G
/// of ln(1 + b t), target the leaves' biases, proposal the same with fair leaves in G. Each pass has dithers of its own.
///
/// The pass that was best last is kept as the node's signs and flags.
///
/// - Cost: eight passes side by side, 1 to 10 ns a leaf and pass with AVX2: the less, the more leaves are in G.
struct SignPasses: CandidateSource, ~Copyable {
  private let stream: NormalStream
  private let layout: PassLayout
  private let biases: UnsafeMutableBufferPointer<Double>
  /// Of the node: what `keep` leaves.
  private let signs: UnsafeMutableBufferPointer<Double>
  private let flags: UnsafeMutableBufferPointer<UInt8>
  private let logRatios: UnsafeMutableBufferPointer<Double>
  /// Of eight passes, a bit each.
  private let signBits: UnsafeMutableBufferPointer<UInt8>
  private let flagBits: UnsafeMutableBufferPointer<UInt8>
  private let scratch: UnsafeMutableBufferPointer<Double>
  private var next = lanes
  private var first: UInt64 = 0
  private var kept: Int?
  /// Candidates handed out.
  private(set) var drawn = 0

  private static let lanes = 8

  /// - Parameter biases: of the node's signs, each in [-1, 1].
  init(
    _ stream: NormalStream, _ layout: PassLayout, biases: UnsafeMutableBufferPointer<Double>,
    signs: UnsafeMutableBufferPointer<Double>, flags: UnsafeMutableBufferPointer<UInt8>
  ) {
    precondition(biases.count == layout.count && signs.count == layout.count && flags.count == layout.count)
    self.stream = stream
    self.layout = layout
    self.biases = biases
    self.signs = signs
    self.flags = flags
    logRatios = .allocate(capacity: Self.lanes)
    signBits = .allocate(capacity: layout.count)
    flagBits = .allocate(capacity: layout.outside.count)
    scratch = .allocate(capacity: layout.scratchCount)
  }

  deinit {
    logRatios.deallocate()
    signBits.deallocate()
    flagBits.deallocate()
    scratch.deallocate()
  }

  /// Draws the node's signs leaf by leaf with its own dithers, as if nothing were planned; returns ln r of them.
  ///
  /// - Parameter words: of the node's leaves.
  func drawLeaves(_ words: UnsafeBufferPointer<UInt64>) -> Double {
    Kernels.best.polarRatio(
      biases, words, outside: layout.outside, flags: flags, signs: signs, scratch: scratch)
  }

  @inline(__always)
  mutating func score() -> Double {
    if next == Self.lanes { refill() }
    defer { next += 1 }
    drawn += 1
    return logRatios[next]
  }

  /// The last score is the best one: its pass is kept.
  @inline(__always)
  mutating func keep() { kept = next - 1 }

  /// Writes the pass that was kept.
  mutating func finish() {
    guard let lane = kept else { return }
    kept = nil
    for i in signs.indices { signs[i] = (signBits[i] >> UInt8(lane)) & 1 == 0 ? 1 : -1 }
    flags.update(repeating: 0)
    for i in 0..<layout.outsideCount { flags[Int(layout.outside[i])] = (flagBits[i] >> UInt8(lane)) & 1 }
  }

  @inline(never)
  private mutating func refill() {
    finish()
    stream.polarPasses(
      biases, first: first, stride: layout.stride, outside: layout.outside, logRatios: logRatios, signs: signBits,
      flags: flagBits, scratch: scratch)
    first += UInt64(Self.lanes)
    next = 0
  }
}
