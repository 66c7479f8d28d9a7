import ChannelCoding
import Files

/// Fast greedy Poisson rejection sampling: arrivals in ever smaller intervals, accepted under the graph of S(r).
struct FastGreedyPoisson: LineAlgorithm {
  let name = "fast-gprs"
  let summary = "greedy Poisson rejection whose search path is the code; one hump only"
  let family = AlgorithmFamily.tree

  func form(_ figures: PublicFigures) -> MessageForm {
    .path(split: .sample, addressing: .depth, limit: AlgorithmLimits.pathDepth)
  }

  func refusal(of target: any LineTarget) -> String? { PathSearch.refusal(of: target) }

  func search(for target: any LineTarget) -> any LineSearch { Search(target: target) }

  private struct Search: LineSearch {
    let target: any LineTarget

    func run(_ uniforms: inout SharedUniforms, _ random: inout RandomStream) throws(ToolError) -> SearchOutcome {
      var time = TimeSum()
      return try PathSearch.run(target, &uniforms) { point, interval in
        time.add(random.time() / interval.mass)
        return target.accepts(point, at: time.value)
      }
    }
  }
}
