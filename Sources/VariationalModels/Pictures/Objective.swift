import ChannelCoding
import Clients
import Numerics

extension LatentPrior {
  /// The least variance of a prior's coordinate: where parameters say less, or nothing that is a number, the coordinate has this one and
  /// says nothing that could be seen.
  static let leastVariance = 0x1p-40

  /// The standard deviation of a variance that parameters say, in bounds that every arithmetic bears.
  static func scale(ofVariance variance: Double) -> Double {
    (variance > leastVariance ? min(variance, 0x1p40) : leastVariance).squareRoot()
  }

  /// The public scale 1/sqrt(precision + 1/s^2) of tied posteriors, at most the prior's.
  static func tiedScale(precision: Double, prior scale: Double) -> Double {
    guard precision > 0 else { return scale }
    return min(1 / (min(precision, 0x1p60) + 1 / (scale * scale)).squareRoot(), scale)
  }

  /// KL(posterior || prior) in nats.
  public func divergence(of posterior: LatentPosterior) -> Double {
    var sum = 0.0
    for j in means.indices {
      let ratio = posterior.scales[j] / scales[j]
      let shift = (posterior.means[j] - means[j]) / scales[j]
      sum += (ratio * ratio + shift * shift - 1) / 2 - Elementary.log(ratio)
    }
    return sum
  }
}

/// The mean objective over some examples, in fixed chunks, added in order.
func pictureEvaluation(
  on examples: ArraySlice<Int>, _ parallel: Parallel, objective: @Sendable (Int) -> Double
) -> Evaluation {
  let chunk = 16
  let parts = parallel.map((examples.count + chunk - 1) / chunk) { part in
    let start = examples.startIndex + part * chunk
    return examples[start..<min(start + chunk, examples.endIndex)].reduce(0.0) { $0 + objective($1) }
  }
  return Evaluation(loss: parts.reduce(0, +) / Double(max(examples.count, 1)), accuracy: nil)
}

/// Standard normals, the same for all fits whose result is kept.
func fixedNormals(rows: Int, count: Int) -> [[Double]] {
  var random = RandomStream(key: Key(seed: 0, label: "fits of posteriors"))
  return (0..<rows).map { _ in (0..<count).map { _ in random.normal() } }
}
