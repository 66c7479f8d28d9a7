import ChannelCoding
import Files
import Platform

/// Adaptive greedy rejection that splits at its candidates [Flamich & Theis 2304.10407], for {r >= h} that are intervals.
///
/// The proposal is P restricted to an interval B with {r > L}: accept with probability clamp((r - L) P(B) / S, 0, 1), else L += S / P(B).
/// After a refusal r(X) < L, so that {r > L} lies on the mode's side of X, which is the next B.
struct SplitGreedy: LineAlgorithm {
  let name = "grc-split"
  let summary = "greedy rejection in ever smaller intervals that are split at the candidates; one hump only"
  let family = AlgorithmFamily.tree

  func form(_ figures: PublicFigures) -> MessageForm {
    .path(split: .sample, addressing: .depth, limit: AlgorithmLimits.pathDepth)
  }

  func refusal(of target: any LineTarget) -> String? { PathSearch.refusal(of: target) }

  func search(for target: any LineTarget) -> any LineSearch { Search(target: target) }

  private struct Search: LineSearch {
    let target: any LineTarget

    func run(_ uniforms: inout SharedUniforms, _ random: inout RandomStream) throws(ToolError) -> SearchOutcome {
      var layer = Layer()
      return try PathSearch.run(target, &uniforms) { point, interval in
        let mass = interval.mass
        if layer.accepts(exp(target.logRatio(point)), in: mass, coin: random.coin()) { return true }
        layer.lid = layer.lid(after: mass)
        layer.rest = target.excess(over: log(layer.lid), in: LineInterval())
        return false
      }
    }
  }
}

/// Searches down one path that splits at its candidates and keeps the mode's side.
enum PathSearch {
  static func refusal(of target: any LineTarget) -> String? {
    if !target.isUnimodal {
      return
        "{r >= h} is not an interval for every h, so that both sides of a refused candidate may be needed; allowed: targets with one hump, or grc-dyadic, as-star, ad-star and those that draw from P"
    }
    guard target.relativeEntropy <= AlgorithmLimits.largestPathNats else {
      let (found, most) = (target.relativeEntropy / log(2), AlgorithmLimits.largestPathNats / log(2))
      return
        "KL is \(Text.short(found)) bits, with which a path may be longer than its code; allowed: up to \(Text.short(most)) bits"
    }
    return nil
  }

  /// - Parameter accepts: whether the candidate that was drawn from an interval is the sample.
  static func run(
    _ target: any LineTarget, _ uniforms: inout SharedUniforms,
    accepts: (_ point: LinePoint, _ interval: LineInterval) -> Bool
  ) throws(ToolError) -> SearchOutcome {
    var interval = LineInterval()
    var path: [PathStep] = []
    while path.count <= AlgorithmLimits.pathDepth {
      let u = uniforms.candidate(UInt64(path.count + 1))
      let point = interval.point(u, target.proposal)
      if accepts(point, interval) {
        return SearchOutcome(point: point, steps: path.count + 1, symbols: .path(path))
      }
      let isBelow = point.x > target.mode
      path.append(PathStep(u: u, isBelow: isBelow))
      interval = interval.part(below: isBelow, u)
    }
    throw .failed(
      place: target.spelling, reason: "a search went deeper than \(AlgorithmLimits.pathDepth) steps; indices end there")
  }
}
