import Numerics

/// The standard normal distribution function as straight lines between exact nodes: 1025 nodes, 1/64 apart,
/// over [-8, 8]; 0 and 1 beyond.
///
/// It never falls, and it is built from + - * / sqrt alone: both ends of a channel, on any machines, get the same
/// bits. Within 10^-5 of the truth; masses of whole cells are exact and only their split is not, so that as a coding model it
/// costs nothing that can be measured (docs/codecs/layered.md).
public struct NormalTable: Sendable {
  public static let shared = NormalTable()

  private let nodes: [Double]
  private static let reach = 8.0
  private static let perUnit = 64.0

  private init() {
    let half = Int(Self.reach * Self.perUnit)
    var nodes = [Double](repeating: 0.5, count: 2 * half + 2)
    for i in 1...half {
      let t = Double(i) / Self.perUnit
      // Phi(t) - 1/2 = phi(t) (t + t^3/3 + t^5/(3 5) + ...): every term is positive.
      var term = t
      var sum = t
      var odd = 3.0
      while term > sum * 0x1p-60 {
        term *= t * t / odd
        sum += term
        odd += 2
      }
      let excess = min(Elementary.exp(-t * t / 2) / (2 * Double.pi).squareRoot() * sum, 0.5)
      nodes[half + i] = 0.5 + excess
      nodes[half - i] = 0.5 - excess
    }
    nodes[0] = 0
    nodes[2 * half] = 1
    nodes[2 * half + 1] = 1
    for i in 1..<nodes.count { nodes[i] = max(nodes[i], nodes[i - 1]) }
    self.nodes = nodes
    var node = 0
    quantiles = (0...Self.quantileCells).map { cell in
      let p = Double(cell) / Double(Self.quantileCells)
      while node < 2 * half, nodes[node] < p { node += 1 }
      return Double(node - half) / Self.perUnit
    }
  }

  /// The nodes nearest to p = k / 512.
  private let quantiles: [Double]
  fileprivate static let quantileCells = 512

  /// Calls `body` with the distribution function as a value that hot loops can hold.
  @inline(__always)
  public func withCumulative<R>(_ body: (Cumulative) throws -> R) rethrows -> R {
    try nodes.withUnsafeBufferPointer { nodes in
      try quantiles.withUnsafeBufferPointer { quantiles in
        guard let nodes = nodes.baseAddress, let quantiles = quantiles.baseAddress else {
          preconditionFailure("the tables are never empty")
        }
        return try body(Cumulative(nodes: nodes, quantiles: quantiles))
      }
    }
  }

  public struct Cumulative {
    fileprivate let nodes: UnsafePointer<Double>
    fileprivate let quantiles: UnsafePointer<Double>

    /// Never falls as `t` rises.
    @inline(__always)
    public func callAsFunction(_ t: Double) -> Double {
      let clamped = t < -reach ? -reach : (t > reach ? reach : t)
      let scaled = (clamped + reach) * perUnit
      let cell = Int(scaled)
      let low = nodes[cell]
      return low + (scaled - Double(cell)) * (nodes[cell + 1] - low)
    }

    /// Roughly where the distribution function is `p` in [0, 1]: to start a search, never to decide one.
    @inline(__always)
    public func roughQuantile(_ p: Double) -> Double {
      let scaled = p * Double(quantileCells)
      let cell = Swift.min(Int(scaled), quantileCells - 1)
      return quantiles[cell] + (scaled - Double(cell)) * (quantiles[cell + 1] - quantiles[cell])
    }
  }
}
