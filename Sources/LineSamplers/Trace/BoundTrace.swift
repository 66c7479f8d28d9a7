import ChannelCoding
import Files
import Platform

/// The search of A*-like samplers: candidates with values T / r(X), of which the smallest wins, and intervals with bounds below which no value
/// of theirs can be.
///
/// An interval's bound is T / sup r: its arrivals come at T at the earliest, and no ratio in it is larger than its supremum. The search ends
/// when no bound is below the best value. `pfr` is the search with one interval, the line, whose next arrival is the next candidate.
public struct BoundTrace: Sendable {
  /// An interval that waits in the queue.
  public struct Waiting: Sendable, Equatable {
    /// The heap index: 1 for the root, 2 H and 2 H + 1 for the parts below and above of node H. For `pfr` the number of the candidate.
    public let node: UInt64
    public let interval: TracedInterval
    /// T / sup r.
    public let bound: Double
  }

  /// A candidate that was looked at.
  public struct Step: Sendable, Equatable {
    public let node: UInt64
    public let depth: Int
    public let interval: TracedInterval
    public let time: Double
    public let x: Double
    public let ratio: Double
    /// T / r(x); infinite where r is 0.
    public let value: Double
    public let bound: Double
    /// The smallest value so far, and whether it is this one.
    public let best: Double
    public let isBest: Bool
    /// What waits after it, by rising bounds.
    public let queue: [Waiting]
  }

  public let algorithm: TraceAlgorithm
  /// What waits before the first candidate.
  public let start: [Waiting]
  public let steps: [Step]
  /// The side and its bits at each level of the way from the root to the winner.
  public let path: [(side: TracedSide, bits: Double)]

  fileprivate struct Node {
    let index: UInt64
    let depth: Int
    let interval: LineInterval
    let uniform: Double
    let time: Double
    let bound: Double
    let path: [(side: TracedSide, bits: Double)]
  }

  init(
    _ target: any LineTarget, _ algorithm: TraceAlgorithm, _ random: inout some TraceRandomness
  ) throws(ToolError) {
    self.algorithm = algorithm
    let supremum = { (interval: LineInterval) in exp(target.logSupremum(in: interval)) }
    let shown = { (nodes: [Node]) in
      nodes.map {
        Waiting(node: $0.index, interval: TracedInterval($0.interval, target.proposal), bound: $0.bound)
      }
    }
    let line = LineInterval()
    let first = random.time()
    var queue = [
      Node(
        index: 1, depth: 0, interval: line, uniform: random.candidate(1), time: first, bound: first / supremum(line),
        path: [])
    ]
    start = shown(queue)
    var steps: [Step] = []
    var best = Double.infinity
    var winner: [(side: TracedSide, bits: Double)] = []
    while let node = queue.first, node.bound < best {
      queue.removeFirst()
      let point = node.interval.point(node.uniform, target.proposal)
      let ratio = exp(target.logRatio(point))
      let value = node.time / ratio
      let isBest = value < best
      if isBest { (best, winner) = (value, node.path) }
      for child in try Self.children(of: node, algorithm, &random) {
        let bound = child.time / supremum(child.interval)
        guard bound < best || algorithm == .pfr else { continue }
        let at = queue.firstIndex { $0.bound > bound } ?? queue.count
        queue.insert(child.bounded(bound), at: at)
      }
      // What a better value rules out would never be taken.
      if algorithm != .pfr { queue.removeAll { $0.bound >= best } }
      steps.append(
        Step(
          node: node.index, depth: node.depth, interval: TracedInterval(node.interval, target.proposal),
          time: node.time, x: point.x, ratio: ratio, value: value, bound: node.bound, best: best, isBest: isBest,
          queue: shown(queue)))
      guard steps.count < ProcessTrace.mostArrivals else {
        throw .failed(
          place: algorithm.rawValue,
          reason: "the search of this seed looks at more than \(Text.grouped(steps.count)) candidates")
      }
    }
    self.steps = steps
    path = winner
  }

  /// The nodes that a node leaves behind; their bounds are for the caller to find.
  fileprivate static func children(
    of node: Node, _ algorithm: TraceAlgorithm, _ random: inout some TraceRandomness
  ) throws(ToolError) -> [Node] {
    if algorithm == .pfr {
      let (index, time) = (node.index + 1, node.time + random.time())
      return [
        Node(
          index: index, depth: 0, interval: node.interval, uniform: random.candidate(index), time: time, bound: 0,
          path: [])
      ]
    }
    guard node.depth < AlgorithmLimits.heapDepth else {
      throw .failed(
        place: algorithm.rawValue,
        reason: "the search of this seed goes deeper than \(AlgorithmLimits.heapDepth), where heap indices end")
    }
    let split = algorithm == .asStar ? node.uniform : 0.5
    return [TracedSide.left, .right].map { side in
      let index = 2 * node.index + (side == .right ? 1 : 0)
      let part = node.interval.part(below: side == .left, split)
      return Node(
        index: index, depth: node.depth + 1, interval: part, uniform: random.candidate(index),
        time: node.time + random.time() / part.mass, bound: 0,
        path: node.path + [(side, -log2(side == .left ? split : 1 - split))])
    }
  }

  /// The candidate with the smallest value.
  public var winner: Step? { steps.last { $0.isBest } }
  /// The smallest bound of what still waited, where the search ended for it; nil where nothing waited.
  public var lastBound: Double? { steps.last?.queue.first?.bound }
  public var pathBits: Double { path.reduce(0) { $0 + $1.bits } }
}

extension BoundTrace.Node {
  fileprivate func bounded(_ bound: Double) -> Self {
    Self(
      index: index, depth: depth, interval: interval, uniform: uniform, time: time, bound: bound, path: path)
  }
}
