import Numerics

/// The update that has the nearest neighbors, or the mean of several of them [Blanchard et al. 2017].
///
/// The score of an update is the sum of its squared distances to the n - f - 2 updates that are nearest to it. Krum takes the one with the
/// lowest score; multi-Krum takes the mean of the n - f - 2 with the lowest. Among equal scores the lower client number comes first. The
/// theorem is for n >= 2 f + 3 updates of which f are hostile.
public struct Krum: RobustRule, Equatable {
  /// f: the hostile updates that a round may have.
  public let byzantine: Int
  /// Whether it takes the mean of n - f - 2 updates, and not one alone.
  public let isMulti: Bool

  public var leastUpdates: Int { 2 * byzantine + 3 }

  /// - Parameter byzantine: f, from 0 to 10^6.
  public init(byzantine: Int, isMulti: Bool = false) {
    precondition((0...1_000_000).contains(byzantine))
    self.byzantine = byzantine
    self.isMulti = isMulti
  }

  /// - Complexity: n^2 / 2 distances of d coordinates.
  public func aggregate(_ updates: [[Float]], _ parallel: Parallel) -> [Double] {
    let count = updates.count
    // Row i has the distances to those before it.
    let rows = parallel.map(count) { i in (0..<i).map { Self.squaredDistance(updates[i], updates[$0]) } }
    let neighbors = count - byzantine - 2
    let scores = (0..<count).map { i in
      let distances = (0..<count).filter { $0 != i }.map { $0 < i ? rows[i][$0] : rows[$0][i] }
      return distances.sorted().prefix(neighbors).reduce(0, +)
    }
    let order = (0..<count).sorted { (scores[$0], $0) < (scores[$1], $1) }
    let chosen = order.prefix(isMulti ? neighbors : 1).sorted()
    var sum = [Double](repeating: 0, count: updates[0].count)
    for i in chosen {
      for (place, value) in updates[i].enumerated() { sum[place] += Double(value) }
    }
    return sum.map { $0 / Double(chosen.count) }
  }

  /// In double, in four sums of every fourth coordinate: one order on every machine.
  private static func squaredDistance(_ a: [Float], _ b: [Float]) -> Double {
    var lanes = SIMD4<Double>.zero
    let whole = a.count / 4 * 4
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        for i in stride(from: 0, to: whole, by: 4) {
          let difference =
            SIMD4<Double>(Double(a[i]), Double(a[i + 1]), Double(a[i + 2]), Double(a[i + 3]))
            - SIMD4<Double>(Double(b[i]), Double(b[i + 1]), Double(b[i + 2]), Double(b[i + 3]))
          lanes += difference * difference
        }
      }
    }
    var sum = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
    for i in whole..<a.count {
      let difference = Double(a[i]) - Double(b[i])
      sum += difference * difference
    }
    return sum
  }
}
