import ChannelCoding
import Files
import Platform

/// The search of adaptive greedy rejection coding: a lid L p(x) that rises under the target's density q(x), layer by layer.
///
/// A layer has the height S / P(B) over the part B of the line, in units of p, so that its area S is what is left of the target there. A
/// candidate is a point in it, uniform in area: it is accepted where it is below q. That is chance ((r - L) P(B) / S), cut to 0 ... 1.
public struct LidTrace: Sendable {
  /// A candidate, with the layer that it was thrown into.
  public struct Step: Sendable, Equatable {
    public let interval: TracedInterval
    /// L: the height of the lid, in units of p.
    public let lid: Double
    /// S: what is left of the target above the lid in the interval.
    public let rest: Double
    /// The coin V that the candidate is accepted by.
    public let coin: Double
    public let x: Double
    public let ratio: Double
    public let isAccepted: Bool
    /// The part where the search goes on; nil where the candidate is accepted.
    public let side: TracedSide?
    /// -log2 of what both ends give that side.
    public let bits: Double
    /// Where the interval is split, on the line; nil where the candidate is accepted.
    public let split: Double?

    /// L + S / P(B): the height of the lid after the layer.
    public var nextLid: Double { lid + rest / interval.mass }
    /// L + V S / P(B): where in the layer the candidate is.
    public var height: Double { lid + coin * rest / interval.mass }
  }

  public let steps: [Step]

  init(
    _ target: any LineTarget, dyadic: Bool, _ random: inout some TraceRandomness
  ) throws(ToolError) {
    var steps: [Step] = []
    var interval = LineInterval()
    var layer = Layer()
    // Candidates of halved intervals have the number of their node, those of a path their depth.
    var number: UInt64 = 1
    while steps.count <= (dyadic ? AlgorithmLimits.heapDepth : AlgorithmLimits.pathDepth) {
      let u = random.candidate(number)
      let point = interval.point(u, target.proposal)
      let ratio = exp(target.logRatio(point))
      let coin = random.coin()
      let isAccepted = layer.accepts(ratio, in: interval.mass, coin: coin)
      var (side, share, after): (TracedSide?, Double, Double) = (nil, 1, 0)
      if !isAccepted {
        let next = layer.lid(after: interval.mass)
        let left = { target.excess(over: log(next), in: interval.part(below: true, $0)) }
        let right = { target.excess(over: log(next), in: interval.part(below: false, $0)) }
        if dyadic {
          let (a, b) = (left(0.5), right(0.5))
          let isLeft = random.coin() * (a + b) <= a
          (side, share, after) = (isLeft ? .left : .right, 0.5, isLeft ? a : b)
        } else {
          let isLeft = point.x > target.mode
          (side, share, after) = (isLeft ? .left : .right, isLeft ? u : 1 - u, isLeft ? left(u) : right(u))
        }
      }
      steps.append(
        Step(
          interval: TracedInterval(interval, target.proposal), lid: layer.lid, rest: layer.rest, coin: coin, x: point.x,
          ratio: ratio, isAccepted: isAccepted, side: side, bits: isAccepted ? 0 : -log2(share),
          split: isAccepted ? nil : dyadic ? interval.point(0.5, target.proposal).x : point.x))
      guard let side else {
        self.steps = steps
        return
      }
      number = dyadic ? 2 * number + (side == .right ? 1 : 0) : number + 1
      layer = Layer(lid: layer.lid(after: interval.mass), rest: after)
      interval = interval.part(below: side == .left, dyadic ? 0.5 : u)
    }
    throw .failed(
      place: dyadic ? "grc-dyadic" : "grc-split", reason: "no candidate was accepted in \(steps.count) steps")
  }

  public var sample: Double { steps.last?.x ?? .nan }
  public var pathBits: Double { steps.reduce(0) { $0 + $1.bits } }
}
