import ChannelCoding
import Files
import Platform

/// Greedy rejection [Harsha et al. 2010; Flamich & Theis 2304.10407].
///
/// L = 0, S = 1; X_k is accepted with probability clamp((r(X_k) - L) / S, 0, 1), else L += S, S = A(L). What is accepted at step k has
/// the density p min(r - L, S)+, which are layers of q: their sum is q. Pr[K > k] = S after k steps.
struct Greedy: LineAlgorithm {
  let name = "greedy"
  let summary = "takes as much of the target's mass as the candidate can give at each step; E[K] = M"
  let family = AlgorithmFamily.causal

  func form(_ figures: PublicFigures) -> MessageForm { .index }

  func search(for target: any LineTarget) -> any LineSearch { Search(target) }

  private struct Search: LineSearch {
    let target: any LineTarget
    /// Levels of the first steps, which are the same for all samples.
    private let levels: [Layer]

    private static let kept = 1024

    init(_ target: any LineTarget) {
      self.target = target
      var levels = [Layer()]
      while levels.count < Self.kept, levels[levels.count - 1].rest > 1e-12 {
        levels.append(levels[levels.count - 1].next(target))
      }
      self.levels = levels
    }

    func run(_ uniforms: inout SharedUniforms, _ random: inout RandomStream) throws(ToolError) -> SearchOutcome {
      var candidates = CandidateSequence(target, uniforms)
      var layer = Layer()
      while true {
        let score = candidates.score()
        if layer.accepts(exp(score), in: 1, coin: random.coin()) {
          return SearchOutcome(
            point: candidates.point, steps: Int(candidates.number), symbols: .index(candidates.number))
        }
        let k = Int(candidates.number)
        layer = k < levels.count ? levels[k] : layer.next(target)
      }
    }
  }
}

/// How much of the target greedy rejection has used up: the lid L on r, and the mass S that is left above it.
struct Layer {
  var lid = 0.0
  var rest = 1.0

  /// Whether a candidate of an interval of this mass is taken.
  @inline(__always)
  func accepts(_ ratio: Double, in mass: Double, coin: Double) -> Bool {
    // With nothing left above the lid but rounding, whatever reaches it is taken: the search ends.
    rest > 0 ? coin * rest <= (ratio - lid) * mass : ratio >= lid * (1 - 1e-12)
  }

  /// The lid after a candidate of an interval of this mass was refused.
  func lid(after mass: Double) -> Double { lid + rest / mass }

  /// The next layer of a search over the whole line.
  func next(_ target: any LineTarget) -> Layer {
    let lid = lid(after: 1)
    return Layer(lid: lid, rest: target.excess(over: log(lid), in: LineInterval()))
  }
}
