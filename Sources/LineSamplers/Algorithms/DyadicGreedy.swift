import ChannelCoding
import Files
import Platform

/// Adaptive greedy rejection that halves its interval [Flamich & Theis 2304.10407], for any ratio.
///
/// After a refusal the interval B is halved at its median under P. The child is chosen by a private coin with probability
/// S_child / (S_left + S_right), S_child the integral over it of (q - L p)+, and the search goes on with S = S_child: given the child, what
/// is left of the target has that mass.
struct DyadicGreedy: LineAlgorithm {
  let name = "grc-dyadic"
  let summary = "greedy rejection in intervals that are halved; one bit a level, any ratio"
  let family = AlgorithmFamily.tree

  func form(_ figures: PublicFigures) -> MessageForm {
    .path(split: .median, addressing: .heap, limit: AlgorithmLimits.heapDepth)
  }

  func refusal(of target: any LineTarget) -> String? { TreeSearch.refusal(of: target) }

  func search(for target: any LineTarget) -> any LineSearch { Search(target: target) }

  private struct Search: LineSearch {
    let target: any LineTarget

    func run(_ uniforms: inout SharedUniforms, _ random: inout RandomStream) throws(ToolError) -> SearchOutcome {
      var interval = LineInterval()
      var layer = Layer()
      var (path, heap): ([PathStep], UInt64) = ([], 1)
      while true {
        let point = interval.point(uniforms.candidate(heap), target.proposal)
        if layer.accepts(exp(target.logRatio(point)), in: interval.mass, coin: random.coin()) {
          return SearchOutcome(point: point, steps: path.count + 1, symbols: .path(path))
        }
        guard path.count < AlgorithmLimits.heapDepth else { throw TreeSearch.tooDeep(target) }
        layer.lid = layer.lid(after: interval.mass)
        let children = [true, false].map { interval.part(below: $0, 0.5) }
        let rests = children.map { target.excess(over: log(layer.lid), in: $0) }
        let isBelow = random.coin() * (rests[0] + rests[1]) <= rests[0]
        layer.rest = isBelow ? rests[0] : rests[1]
        interval = isBelow ? children[0] : children[1]
        path.append(PathStep(u: 0.5, isBelow: isBelow))
        heap = 2 * heap + (isBelow ? 0 : 1)
      }
    }
  }
}
