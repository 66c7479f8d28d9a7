import ChannelCoding
import Datasets
import Numerics

/// What a linear decoder makes of the same latents, and so of the same bits.
public enum RealismVariant: String, CaseIterable, Sendable {
  /// The least squared error: the mean of the picture given the latents, which is what `picture` gives. Its variance along a direction is
  /// lambda - beta/2, and 0 along those of which nothing is sent: it is blurred.
  case mean
  /// The latents scaled by sqrt(lambda/(lambda - beta/2)), and directions of which nothing is sent drawn from N(0, lambda).
  case scaled
  /// A draw from the law of the picture given the latents: N(0, beta/2) added along each direction, or N(0, lambda) where that is less.
  case posterior
}

/// How near decoded pictures are to their originals, and to their originals' law.
public struct RealismFigures: Sendable, Equatable {
  /// Mean squared error of a value; pictures are not clipped.
  public let meanSquaredError: Double
  /// sum (sqrt lambda_j - sqrt lambda'_j)^2 / sum lambda_j over the eigenvalues in falling order of the covariances of originals and of
  /// decoded pictures: 0 where they are alike, 1 where nothing varies.
  public let spectrumDistance: Double
  /// Euclidean distance between the means over originals and over decoded pictures of cos(w x + b) for 256 fixed random w, b, over
  /// sqrt(256): an estimate of a kernel's mean discrepancy, which sees more than second moments. Of finitely many pictures it is not 0 even
  /// where laws are alike.
  public let featureDistance: Double
}

extension LinearPictureDecoder {
  /// A picture from latents as a variant has it.
  ///
  /// Along a direction with variance lambda > D = beta/2 the latent h of the picture's coordinate z has E[z | h] = h, Var[h] = lambda - D
  /// and E (z - h)^2 = D. So the error is D for `mean`; 2 lambda (1 - sqrt(1 - D/lambda)) for `scaled`, D (1 + D/(4 lambda) + ...); 2 D for
  /// `posterior`, the factor of two that perfect realism costs at most. Along other directions it is lambda, 2 lambda and 2 lambda. Both
  /// realistic variants have the population's mean and covariance: second-moment realism. They have its law if that is normal only.
  public func picture(_ latents: [Double], as variant: RealismVariant, random: inout RandomStream) -> [Double] {
    guard variant != .mean else { return exactPicture(latents) }
    let distortion = beta / 2
    var moved = [Double](repeating: 0, count: spectrum.count)
    for j in moved.indices {
      let lambda = max(spectrum[j], 0)
      guard j < activeCount else {
        moved[j] = lambda.squareRoot() * random.normal()
        continue
      }
      moved[j] =
        variant == .scaled
        ? latents[j] * (lambda / (lambda - distortion)).squareRoot()
        : latents[j] + distortion.squareRoot() * random.normal()
    }
    return exactPicture(moved)
  }

  /// Figures of a variant over some examples, a sample of the posterior each. All variants decode the same samples.
  public func realism(
    of variant: RealismVariant, on examples: ArraySlice<Int>, of data: Dataset, key: Key
  ) -> RealismFigures {
    let n = mean.count
    var (originals, decoded) = ([[Double]](), [[Double]]())
    var error = 0.0
    for example in examples {
      var sampling = RandomStream(key: key, stream: UInt64(example) << 1)
      var drawing = RandomStream(key: key, stream: UInt64(example) << 1 | 1)
      let posterior = posterior(of: example, in: data)
      let latents = posterior.means.indices.map {
        posterior.means[$0] + posterior.scales[$0] * sampling.normal()
      }
      originals.append((0..<n).map { Double(data.features[example * n + $0]) })
      decoded.append(picture(latents, as: variant, random: &drawing))
      for (a, b) in zip(originals[originals.count - 1], decoded[decoded.count - 1]) { error += (a - b) * (a - b) }
    }
    return RealismFigures(
      meanSquaredError: error / Double(max(examples.count, 1) * n),
      spectrumDistance: spectrumDistance(originals, decoded), featureDistance: featureDistance(originals, decoded))
  }
}

private func spectrumDistance(_ a: [[Double]], _ b: [[Double]]) -> Double {
  let (first, second) = (eigenvalues(a), eigenvalues(b))
  var (sum, total) = (0.0, 0.0)
  for (x, y) in zip(first, second) {
    let difference = max(x, 0).squareRoot() - max(y, 0).squareRoot()
    sum += difference * difference
    total += max(x, 0)
  }
  return total > 0 ? sum / total : sum
}

private func eigenvalues(_ rows: [[Double]]) -> [Double] {
  guard let n = rows.first?.count else { return [] }
  let count = Double(rows.count)
  var means = [Double](repeating: 0, count: n)
  for row in rows { for i in 0..<n { means[i] += row[i] / count } }
  var covariance = [Double](repeating: 0, count: n * n)
  for row in rows {
    for i in 0..<n { for j in 0...i { covariance[i * n + j] += (row[i] - means[i]) * (row[j] - means[j]) / count } }
  }
  return SymmetricEigensystem(covariance, count: n).values
}

/// The features' w are normal with a deviation that makes w x turn by about a third of a circle over the originals' spread.
private func featureDistance(_ a: [[Double]], _ b: [[Double]]) -> Double {
  let features = 256
  let spread = max(eigenvalues(a).reduce(0) { $0 + max($1, 0) }, 1e-12).squareRoot()
  guard let n = a.first?.count else { return 0 }
  var random = RandomStream(key: Key(seed: 0, label: "random features"))
  var sum = 0.0
  let count = padded(max(a.count, b.count))
  var (angles, sines) = ([Float](repeating: 0, count: count), [Float](repeating: 0, count: count))
  var cosines = sines
  for _ in 0..<features {
    let direction = (0..<n).map { _ in 2 * random.normal() / spread }
    let phase = 2 * Double.pi * random.uniform()
    func mean(_ rows: [[Double]]) -> Double {
      for (r, row) in rows.enumerated() {
        var angle = phase
        for i in 0..<n { angle += direction[i] * row[i] }
        angles[r] = Float(angle)
      }
      SineKernel.evaluate(angles, &sines, &cosines, count: count)
      return cosines[..<rows.count].reduce(0.0) { $0 + Double($1) } / Double(rows.count)
    }
    let difference = mean(a) - mean(b)
    sum += difference * difference
  }
  return (sum / Double(features)).squareRoot()
}
