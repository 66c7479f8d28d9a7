import ChannelCoding
import Files
import Platform

/// Ensemble rejection: a winner of a batch of ceil(M) candidates, and a coin on the batch.
///
/// The winner i is the smallest of T_j / r_j, T_1 < T_2 < ... in the order of a random permutation of exponentials: Pr[i] = r_i / R,
/// R the sum of the batch's ratios. The batch is kept with probability R / (M + R - r_i), so that winner and batch have the joint density
/// prod p(x_j) r_i / (M + sum over j != i of r_j); integrated over the others it is c q(x_i).
struct Ensemble: LineAlgorithm {
  let name = "ers"
  let summary = "a winner among ceil(M) candidates, and a coin on the batch; sends the batch and the place in it"
  let family = AlgorithmFamily.proposal

  func form(_ figures: PublicFigures) -> MessageForm { .batch(size: figures.batchSize) }

  func search(for target: any LineTarget) -> any LineSearch {
    Search(target: target, size: PublicFigures(target).batchSize)
  }

  private struct Search: LineSearch {
    let target: any LineTarget
    let size: Int

    func run(_ uniforms: inout SharedUniforms, _ random: inout RandomStream) throws(ToolError) -> SearchOutcome {
      let bound = exp(target.logSupremum)
      var candidates = CandidateSequence(target, uniforms)
      var batch: UInt64 = 0
      while true {
        batch += 1
        var time = TimeSum()
        var (total, best, place) = (0.0, Double.infinity, 0)
        var winner = (ratio: 0.0, point: candidates.point)
        for j in 1...size {
          time.add(random.time() * Double(size) / Double(size - j + 1))
          let ratio = exp(candidates.score())
          total += ratio
          guard ratio > 0, time.value < best * ratio else { continue }
          (best, place, winner) = (time.value / ratio, j, (ratio, candidates.point))
        }
        guard place > 0, random.coin() * (bound + total - winner.ratio) <= total else { continue }
        return SearchOutcome(
          point: winner.point, steps: Int(candidates.number), symbols: .pair(batch, UInt64(place)))
      }
    }
  }
}
