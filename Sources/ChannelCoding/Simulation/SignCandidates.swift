import Numerics

/// The log density ratios of shared candidates for n signs: ln r(b) = sum of ln(1 + b_i t_i), target biases t, proposal
/// fair. A candidate is n bits, 1 for minus, of max(1, n / 64) words of a key stream; n is a power of two, so that none
/// lies across two groups of the stream.
///
/// - Cost: one choice of two logarithms and one addition for eight signs, one word of key stream for 64.
struct SignCandidates: CandidateSource, ~Copyable {
  private let stream: NormalStream
  /// ln(1 + t) of eight biases, ln(1 - t) of the same, and so on.
  private let logs: UnsafeMutableBufferPointer<Double>
  private let stride: Int
  private let window: UnsafeMutableBufferPointer<UInt64>
  private let scores: UnsafeMutableBufferPointer<Double>
  private var next: Int
  private var group: UInt64 = 0
  /// Candidates handed out.
  private(set) var drawn = 0

  /// - Parameter biases: n of them, each in [-1, 1].
  init(_ stream: NormalStream, biases: UnsafeMutableBufferPointer<Double>) {
    self.stream = stream
    stride = Self.stride(biases.count)
    window = .allocate(capacity: max(stride, NormalStream.groupCount))
    window.initialize(repeating: 0)
    scores = .allocate(capacity: window.count / stride)
    scores.initialize(repeating: 0)
    next = scores.count
    let padded = max(biases.count, 8)
    logs = .allocate(capacity: 2 * padded)
    logs.initialize(repeating: 0)
    if biases.count >= 8 {
      Kernels.best.signRatios(biases, into: logs)
    } else {
      // Signs without bias are free whatever their bits are.
      withUnsafeTemporaryAllocation(of: Double.self, capacity: 8) { [logs] room in
        room.initialize(repeating: 0)
        for i in biases.indices { room[i] = biases[i] }
        Kernels.best.signRatios(room, into: logs)
      }
    }
  }

  deinit {
    logs.deallocate()
    window.deallocate()
    scores.deallocate()
  }

  static func stride(_ count: Int) -> Int { max(1, count / 64) }

  /// ln r of given signs.
  func logRatio(_ signs: UnsafeMutableBufferPointer<Double>) -> Double {
    var total = TimeSum()
    for i in signs.indices { total.add(logs[2 * i - i % 8 + (signs[i] < 0 ? 8 : 0)]) }
    return total.value
  }

  @inline(__always)
  mutating func score() -> Double {
    if next == scores.count { refill() }
    defer { next += 1 }
    drawn += 1
    return scores[next]
  }

  @inline(never)
  private mutating func refill() {
    stream.readWords(group: group, into: window)
    group += UInt64(window.count / NormalStream.groupCount)
    if let words = window.baseAddress {
      Kernels.best.signScores(logs, words, stride: stride, into: scores)
    }
    next = 0
  }

  /// The words of candidate `index`, from 1 on.
  static func words(_ stream: NormalStream, index: UInt64, count: Int) -> [UInt64] {
    let stride = UInt64(stride(count))
    let size = UInt64(NormalStream.groupCount)
    let position = (index - 1) &* stride
    let words = [UInt64](unsafeUninitializedCapacity: Int(max(stride, size))) { buffer, filled in
      stream.readWords(group: position / size, into: buffer)
      filled = buffer.count
    }
    return stride >= size ? words : Array(words[Int(position % size)..<Int(position % size + stride)])
  }
}
