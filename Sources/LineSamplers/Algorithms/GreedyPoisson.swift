import ChannelCoding
import Files

/// Greedy Poisson rejection sampling over the whole line: the first arrival under the graph of S(r).
struct GreedyPoisson: LineAlgorithm {
  let name = "gprs"
  let summary = "the first arrival of a Poisson process under the graph of the stretch function; E[K] = M"
  let family = AlgorithmFamily.causal

  func form(_ figures: PublicFigures) -> MessageForm { .index }

  func search(for target: any LineTarget) -> any LineSearch { Search(target: target) }

  private struct Search: LineSearch {
    let target: any LineTarget

    func run(_ uniforms: inout SharedUniforms, _ random: inout RandomStream) throws(ToolError) -> SearchOutcome {
      var candidates = CandidateSequence(target, uniforms)
      var time = TimeSum()
      while true {
        let point = candidates.next()
        time.add(random.time())
        if target.accepts(point, at: time.value) {
          return SearchOutcome(point: point, steps: Int(candidates.number), symbols: .index(candidates.number))
        }
      }
    }
  }
}
