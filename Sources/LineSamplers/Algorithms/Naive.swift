import ChannelCoding
import Files
import Platform

/// Rejection sampling against the largest ratio M, which must be public.
struct Naive: LineAlgorithm {
  let name = "naive"
  let summary = "rejection against the largest ratio M; K is geometric with mean M whatever the target"
  let family = AlgorithmFamily.causal

  func form(_ figures: PublicFigures) -> MessageForm { .index }

  func search(for target: any LineTarget) -> any LineSearch { Search(target: target) }

  private struct Search: LineSearch {
    let target: any LineTarget

    func run(_ uniforms: inout SharedUniforms, _ random: inout RandomStream) throws(ToolError) -> SearchOutcome {
      let logBound = target.logSupremum
      var candidates = CandidateSequence(target, uniforms)
      while true {
        let score = candidates.score()
        if random.coin() <= exp(score - logBound) {
          return SearchOutcome(
            point: candidates.point, steps: Int(candidates.number), symbols: .index(candidates.number))
        }
      }
    }
  }
}

/// Rejection with public heights: the first candidate whose height is under its ratio. `sort` and `ring-toss` differ in what they send.
struct PublicHeightSearch: LineSearch {
  let target: any LineTarget
  /// What is sent of the number of the accepted candidate.
  let symbols: @Sendable (_ number: UInt64, _ uniforms: inout SharedUniforms) -> MessageSymbols

  func run(_ uniforms: inout SharedUniforms, _ random: inout RandomStream) throws(ToolError) -> SearchOutcome {
    let logBound = target.logSupremum
    var candidates = CandidateSequence(target, uniforms)
    while true {
      let score = candidates.score()
      guard uniforms.height(candidates.number) <= exp(score - logBound) else { continue }
      return SearchOutcome(
        point: candidates.point, steps: Int(candidates.number), symbols: symbols(candidates.number, &uniforms))
    }
  }
}
