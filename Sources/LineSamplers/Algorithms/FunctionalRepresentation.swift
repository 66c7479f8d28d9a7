import ChannelCoding
import Files

/// The Poisson functional representation: the candidate of the smallest T_k / r(X_k).
struct FunctionalRepresentation: LineAlgorithm {
  let name = "pfr"
  let summary = "the smallest arrival time over ratio; an earlier candidate may win, and its index is the shortest"
  let family = AlgorithmFamily.proposal

  func form(_ figures: PublicFigures) -> MessageForm { .index }

  func search(for target: any LineTarget) -> any LineSearch { Search(target: target) }

  private struct Search: LineSearch {
    let target: any LineTarget

    func run(_ uniforms: inout SharedUniforms, _ random: inout RandomStream) throws(ToolError) -> SearchOutcome {
      var candidates = CandidateSequence(target, uniforms)
      let index = PoissonFunctionalRepresentation.select(
        &candidates, logCap: target.logSupremum, random: &random)
      return SearchOutcome(point: candidates.kept, steps: Int(candidates.number), symbols: .index(index))
    }
  }
}
