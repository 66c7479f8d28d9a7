import Numerics

/// The indices K, from 1 on, that searches chose among candidates which both ends can draw: one for each block of a code by blocks, and for
/// each segment of polar's signs. Blocks that were sent in another way, as escapes or by coordinates, have none.
///
/// log2 K is what theory bounds: the mean of log2 K is at most the divergence of a block and a constant (for the Poisson functional
/// representation D + log2 e / e, Li & El Gamal 2018), and a code for K takes that and about its logarithm.
public struct IndexTally: Sendable, Equatable {
  public private(set) var count = 0
  public private(set) var largest: UInt64 = 0
  /// The sum of log2 K.
  public private(set) var bits = 0.0
  /// The sum of K.
  private var sum = 0.0

  public init() {}

  mutating func add(_ index: UInt64) {
    count += 1
    largest = max(largest, index)
    bits += Elementary.log(Double(index)) / Elementary.ln2
    sum += Double(index)
  }

  /// The mean of K; nil where no search chose anything.
  public var mean: Double? { count > 0 ? sum / Double(count) : nil }

  /// The mean of log2 K, in bits; nil where no search chose anything.
  public var meanBits: Double? { count > 0 ? bits / Double(count) : nil }

  static func + (a: IndexTally, b: IndexTally) -> IndexTally {
    var both = a
    both.count += b.count
    both.largest = max(a.largest, b.largest)
    both.bits += b.bits
    both.sum += b.sum
    return both
  }
}
