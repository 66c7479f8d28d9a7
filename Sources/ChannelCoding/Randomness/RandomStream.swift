import Numerics

/// A generator that reads a key stream from its start: for whatever one party draws in order.
///
/// Values are the same on every machine and with every instruction set.
public struct RandomStream: Sendable {
  private let words: KeyStream
  private var position: UInt64 = 0
  private var buffer: [UInt64]
  private var used: Int
  private var normals: [Double] = []
  private var usedNormals = 0

  private static let bufferCount = 64

  public init(key: Key, stream: UInt64 = 0) {
    words = KeyStream(key: key, stream: stream)
    buffer = []
    used = 0
  }

  /// The next 64 uniform bits.
  public mutating func word() -> UInt64 {
    if used == buffer.count {
      if buffer.isEmpty { buffer = [UInt64](repeating: 0, count: Self.bufferCount) }
      buffer.withUnsafeMutableBufferPointer { words.read(at: position, into: $0) }
      position += UInt64(Self.bufferCount)
      used = 0
    }
    defer { used += 1 }
    return buffer[used]
  }

  /// Uniform in [0, 1), a multiple of 2^-53.
  public mutating func uniform() -> Double { Double(word() >> 11) * 0x1p-53 }

  /// Uniform on (0, 1), rounded to 53 significant bits down to 2^-75, and never below 2^-129: for tails, which are not to end
  /// where a lattice does. 1 where it rounds up to it.
  public mutating func fraction() -> Double {
    let high = word()
    if high >= 1 << 53 { return (Double(high) + 0.5) * 0x1p-64 }
    return (Double(high) * 0x1p64 + Double(word()) + 0.5) * 0x1p-128
  }

  /// Uniform in 0 ..< bound, without bias: a multiply and a rare rejection (Lemire 2019).
  public mutating func integer(below bound: Int) -> Int {
    precondition(bound > 0)
    let bound = UInt64(bound)
    let threshold = (0 &- bound) % bound
    while true {
      let product = word().multipliedFullWidth(by: bound)
      if product.low >= threshold { return Int(product.high) }
    }
  }

  /// True with probability `probability`, to 2^-53.
  public mutating func bernoulli(_ probability: Double) -> Bool { uniform() < probability }

  /// Standard exponential, in [0, 36.74].
  public mutating func exponential() -> Double { -Elementary.log(Double((word() >> 11) + 1) * 0x1p-53) }

  /// Standard exponential from all 64 bits, in [0, 44.36]: for times and heights, which decide what is sent. Its grid is
  /// 2^-64 wide in e^-value, so that it is finer than rounding at all sizes.
  public mutating func time() -> Double {
    let word = word()
    return -Elementary.log((Double(word >> 11) + 1 - Double(word & 2047) * 0x1p-11) * 0x1p-53)
  }

  /// Standard normal by Box-Muller from 53 bits each of radius and angle; |value| <= 8.58.
  public mutating func normal() -> Double {
    if usedNormals == normals.count {
      if normals.isEmpty { normals = [Double](repeating: 0, count: 16) }
      withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 16) { raw in
        for i in raw.indices { raw[i] = word() }
        normals.withUnsafeMutableBufferPointer { Kernels.best.normals(UnsafeBufferPointer(raw), $0) }
      }
      usedNormals = 0
    }
    defer { usedNormals += 1 }
    return normals[usedNormals]
  }

  /// Gamma with the given shape and scale 1: [Marsaglia & Tsang 2000]; shapes below 1 by the power of a uniform.
  ///
  /// With d = shape - 1/3, c = 1 / sqrt(9 d): v = (1 + c g)^3, g normal, is kept when
  /// ln u < g^2/2 + d - d v + d ln v; d v has the law. More than 95 % are kept.
  public mutating func gamma(shape: Double) -> Double {
    precondition(shape > 0 && shape.isFinite)
    if shape < 1 {
      // gamma(a) = gamma(a + 1) U^(1/a), and -ln U is exponential.
      let boosted = gamma(shape: shape + 1)
      return boosted * Elementary.exp(-exponential() / shape)
    }
    let d = shape - 1.0 / 3.0
    let c = 1 / (9 * d).squareRoot()
    while true {
      let g = normal()
      let base = 1 + c * g
      guard base > 0 else { continue }
      let v = base * base * base
      if -exponential() < g * g / 2 + d - d * v + d * Elementary.log(v) { return d * v }
    }
  }

  /// Fisher-Yates; every order has the same probability.
  ///
  /// Lists of examples are specialised: other modules would swap them by way of their type's description, ten times as slowly.
  @_specialize(where T == Int32)
  @_specialize(where T == Int)
  public mutating func shuffle<T>(_ elements: inout [T]) {
    for i in stride(from: elements.count - 1, to: 0, by: -1) {
      elements.swapAt(i, integer(below: i + 1))
    }
  }

  /// Calls `body` with (index, standard normal) for 0 ..< count: the fast way to many normals.
  ///
  /// Starts at a fresh group of 16 words, whatever was drawn before.
  public mutating func forEachNormal(count: Int, _ body: (Int, Double) -> Void) {
    let chunk = 1024
    // What `word()` has buffered is behind `position`; reading goes on from there.
    withUnsafeTemporaryAllocation(of: UInt64.self, capacity: chunk) { raw in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: chunk) { values in
        var first = 0
        while first < count {
          let n = min(chunk, count - first)
          let whole = (n + 15) / 16 * 16
          let rawPart = UnsafeMutableBufferPointer(rebasing: raw[..<whole])
          words.read(at: position, into: rawPart)
          position += UInt64(whole)
          Kernels.best.normals(
            UnsafeBufferPointer(rawPart), UnsafeMutableBufferPointer(rebasing: values[..<whole]))
          for i in 0..<n { body(first + i, values[i]) }
          first += n
        }
      }
    }
  }

  /// values[i] += scale times the i-th of as many standard normals, the same as `forEachNormal` gives, on all threads.
  public mutating func addNormals(
    scale: Double, to values: UnsafeMutableBufferPointer<Double>, _ parallel: Parallel
  ) {
    let chunk = 2048
    let (words, first) = (words, position)
    // Chunks do not overlap.
    nonisolated(unsafe) let values = values
    _ = parallel.map((values.count + chunk - 1) / chunk) { part in
      var stream = RandomStream(words, at: first + UInt64(part * chunk))
      let range = (part * chunk)..<min((part + 1) * chunk, values.count)
      stream.forEachNormal(count: range.count) { values[range.lowerBound + $0] += scale * $1 }
    }
    position += UInt64((values.count + 15) / 16 * 16)
  }

  private init(_ words: KeyStream, at position: UInt64) {
    self.words = words
    self.position = position
    buffer = []
    used = 0
  }
}
