import ChannelCoding
import Datasets
import Numerics

/// The linear decoder in closed form: see `LinearPictureModel`.
public struct LinearPictureDecoder: PictureDecoder {
  public let prior: LatentPrior
  public let beta: Double
  /// The population's variance along each latent's direction; where it is at most beta/2 the latent says nothing.
  public let variances: [Double]
  /// The population's mean picture.
  public let mean: [Double]
  /// All eigenvalues of the population's covariance, in falling order.
  public let spectrum: [Double]
  /// Row j is the direction of eigenvalue j.
  let directions: [Double]
  /// Latents that say something; they come first.
  public let activeCount: Int

  private var features: Int { mean.count }

  /// - Parameter parameters: means of x, then of the upper triangle of x x^T.
  init(_ parameters: [Float], features n: Int, latents: Int, beta: Double) {
    precondition(parameters.count == n + n * (n + 1) / 2)
    let mean = parameters[..<n].map { $0.isFinite ? Double($0) : 0 }
    var covariance = [Double](repeating: 0, count: n * n)
    var place = n
    for i in 0..<n {
      for j in i..<n {
        covariance[j * n + i] = Double(parameters[place]) - mean[i] * mean[j]
        place += 1
      }
    }
    let system = SymmetricEigensystem(covariance, count: n)
    (self.mean, self.beta, spectrum, directions) = (mean, beta, system.values, system.vectors)
    let variances = Array(system.values.prefix(latents))
    let active = variances.count { $0 - beta / 2 > LatentPrior.leastVariance }
    (self.variances, activeCount) = (variances, active)
    let scales = variances.map { max($0 - beta / 2, LatentPrior.leastVariance).squareRoot() }
    let own = variances.indices.map { j in
      j < active ? scales[j] * (beta / (2 * variances[j])).squareRoot() : scales[j]
    }
    prior = LatentPrior(means: [Double](repeating: 0, count: variances.count), scales: scales, posteriorScales: own)
  }

  /// The posterior in closed form. Coordinates do not act on each other: those that were sent change nothing about the others.
  public func posterior(
    of examples: ArraySlice<Int>, in data: Dataset, form: PosteriorForm, sent: [Double?]?, start: LatentPosterior?,
    steps: Int?, random: inout RandomStream
  ) -> LatentPosterior {
    var posterior = posterior(of: examples[examples.startIndex], in: data)
    for (j, value) in (sent ?? []).enumerated() { if let value { posterior.means[j] = value } }
    return posterior
  }

  func posterior(of example: Int, in data: Dataset) -> LatentPosterior {
    let z = coordinates(of: example, in: data)
    let means = z.indices.map { $0 < activeCount ? (1 - beta / (2 * variances[$0])) * z[$0] : 0 }
    return LatentPosterior(means: means, scales: prior.posteriorScales)
  }

  /// The centred picture along the directions of the latents.
  func coordinates(of example: Int, in data: Dataset) -> [Double] {
    data.features.withUnsafeBufferPointer { values in
      (0..<variances.count).map { j in
        var sum = 0.0
        for i in 0..<features {
          sum += directions[j * features + i] * (Double(values[example * features + i]) - mean[i])
        }
        return sum
      }
    }
  }

  public func picture(_ latents: [Double]) -> [Float] { exactPicture(latents).map(Float.init) }

  func exactPicture(_ latents: [Double]) -> [Double] {
    var picture = mean
    for (j, value) in latents.enumerated() {
      for i in 0..<features { picture[i] += directions[j * features + i] * value }
    }
    return picture
  }

  /// The expected squared error under the picture's posterior plus beta KL.
  func objective(of example: Int, in data: Dataset) -> Double {
    let posterior = posterior(of: example, in: data)
    let picture = exactPicture(posterior.means)
    var error = 0.0
    for i in 0..<features {
      let difference = Double(data.features[example * features + i]) - picture[i]
      error += difference * difference
    }
    for scale in posterior.scales { error += scale * scale }
    return error + beta * prior.divergence(of: posterior)
  }
}
