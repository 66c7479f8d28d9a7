import ChannelCoding
import Clients
import Datasets
import Numerics

/// The fit of one picture's posterior over all weights of a sine network by gradient descent, with its memory.
///
/// Weights are m + s y over the prior N(m, s^2); Adam [Kingma & Ba 2015] moves the means of y and ln rho, rho = sigma/s, with the gradient
/// at one sample of the posterior a step, at a rate that falls to 0. ln rho is kept at or below 0: a posterior wider than the prior cannot
/// be sent.
final class SineFit {
  /// What is known before the picture.
  struct Rules {
    var prior: LatentPrior
    var form: PosteriorForm
    var beta: Double
    var steps: Int
    var learningRate: Double
  }

  let sine: SineWorkspace
  /// The mean of y, and ln rho.
  private let position: FloatBuffer
  private let gradient: FloatBuffer
  private let first: FloatBuffer
  private let second: FloatBuffer
  private let weights: FloatBuffer
  private let weightGradient: FloatBuffer
  private var ratios: [Float]
  private var noise: [Float]
  private let count: Int

  init(_ geometry: SineGeometry) {
    count = geometry.weightCount
    sine = SineWorkspace(geometry)
    (position, gradient) = (FloatBuffer(count: 2 * count), FloatBuffer(count: 2 * count))
    (first, second) = (FloatBuffer(count: 2 * count), FloatBuffer(count: 2 * count))
    (weights, weightGradient) = (FloatBuffer(count: count), FloatBuffer(count: count))
    (ratios, noise) = (.init(repeating: 1, count: count), .init(repeating: 0, count: count))
  }

  /// - Returns: the posterior after the rules' steps.
  func run(
    _ target: UnsafePointer<Float>, _ rules: Rules, sent: [Double?]?, start: LatentPosterior?,
    random: inout RandomStream
  ) -> LatentPosterior {
    begin(rules, sent, start)
    let prior = rules.prior
    let (means, scales) = (prior.means.map(Float.init), prior.scales.map(Float.init))
    let isFree = rules.form == .free
    let moving = isFree ? 2 * count : count
    var (power1, power2) = (1.0, 1.0)
    for step in 0..<rules.steps {
      if isFree || step == 0 {
        for j in 0..<count { ratios[j] = Float(Elementary.exp(Double(position.start[count + j]))) }
      }
      for j in 0..<count {
        noise[j] = Float(random.normal())
        if sent?[j] != nil { noise[j] = 0 }
        weights.start[j] = means[j] + scales[j] * (position.start[j] + ratios[j] * noise[j])
      }
      descend(target, scales, beta: Float(rules.beta))
      if let sent { for j in 0..<count where sent[j] != nil { clear(j) } }
      power1 *= 0.9
      power2 *= 0.99
      let rate = rules.learningRate * (1 - Double(step) / Double(rules.steps))
      move(moving, rate: rate, 1 - power1, 1 - power2)
    }
    return posterior(rules, sent)
  }

  private func begin(_ rules: Rules, _ sent: [Double?]?, _ start: LatentPosterior?) {
    let prior = rules.prior
    first.fill()
    second.fill()
    for j in 0..<count {
      var mean = ((start?.means[j] ?? prior.means[j]) - prior.means[j]) / prior.scales[j]
      if let value = sent?[j] { mean = (value - prior.means[j]) / prior.scales[j] }
      position.start[j] = Float(mean)
      let scale = rules.form == .tied ? prior.posteriorScales[j] : start?.scales[j]
      let ratio = scale.map { Elementary.log(min($0 / prior.scales[j], 1)) } ?? -1.5
      position.start[count + j] = Float(ratio)
      ratios[j] = Float(Elementary.exp(ratio))
    }
  }

  /// The gradient at `weights`, which have `noise`.
  private func descend(_ target: UnsafePointer<Float>, _ scales: [Float], beta: Float) {
    sine.load(weights.start)
    sine.forward()
    _ = sine.compare(target)
    weightGradient.fill()
    sine.backward(into: weightGradient.start)
    for j in 0..<count {
      let g = weightGradient.start[j] * scales[j]
      let ratio = ratios[j]
      gradient.start[j] = g + beta * position.start[j]
      gradient.start[count + j] = g * noise[j] * ratio + beta * (ratio * ratio - 1)
    }
  }

  private func clear(_ j: Int) { (gradient.start[j], gradient.start[count + j]) = (0, 0) }

  private func move(_ moving: Int, rate: Double, _ correction1: Double, _ correction2: Double) {
    let root = correction2.squareRoot()
    let (rate, small) = (Float(rate * root / correction1), Float(1e-8 * root))
    let (x, g, m, v) = (position.start, gradient.start, first.start, second.start)
    for i in 0..<moving {
      m[i] = 0.9 * m[i] + 0.1 * g[i]
      v[i] = 0.99 * v[i] + 0.01 * (g[i] * g[i])
      x[i] -= rate * m[i] / (v[i].squareRoot() + small)
    }
    for i in count..<(2 * count) { x[i] = min(x[i], 0) }
  }

  private func posterior(_ rules: Rules, _ sent: [Double?]?) -> LatentPosterior {
    let prior = rules.prior
    var result = LatentPosterior(means: prior.means, scales: prior.posteriorScales)
    for j in 0..<count {
      let y = Double(position.start[j])
      result.means[j] = sent?[j] ?? (y.isFinite ? prior.means[j] + prior.scales[j] * y : prior.means[j])
      guard rules.form == .free else { continue }
      let ratio = Elementary.exp(max(Double(position.start[count + j]), -30))
      result.scales[j] = prior.scales[j] * (ratio < 1 ? ratio : 1)
    }
    return result
  }

  /// The expected squared error over samples with given noise, each with both signs; and to `precisions` t times the squared derivatives
  /// of the picture by each weight, averaged.
  func error(
    _ posterior: LatentPosterior, _ target: UnsafePointer<Float>, noise: [[Double]], beta: Double,
    precisions: UnsafeMutablePointer<Double>?
  ) -> Double {
    var error = 0.0
    let factor = 2 / beta / Double(2 * noise.count)
    for s in 0..<(2 * noise.count) {
      for j in 0..<count {
        let e = s & 1 == 0 ? noise[s / 2][j] : -noise[s / 2][j]
        weights.start[j] = Float(posterior.means[j] + posterior.scales[j] * e)
      }
      sine.load(weights.start)
      sine.forward()
      error += sine.compare(target)
      if let precisions { sine.addSquares(scale: factor, into: precisions) }
    }
    return error / Double(2 * noise.count)
  }
}

extension SineWorkspace {
  /// Adds `scale` times the sum over values of the squared derivatives by each weight.
  func addSquares(scale: Double, into squares: UnsafeMutablePointer<Double>) {
    let (hidden, width, channels, inputs) = (geometry.hidden, geometry.width, geometry.channels, geometry.inputs)
    for k in 0..<hidden {
      var (norm, sines2) = (0.0, 0.0)
      for c in 0..<channels { norm += Double(last.start[k * channels + c]) * Double(last.start[k * channels + c]) }
      for p in 0..<geometry.pixels {
        let (s, slope) = (Double(sines.start[p * width + k]), Double(cosines.start[p * width + k]))
        sines2 += s * s
        let square = scale * norm * slope * slope
        for i in 0..<inputs {
          let x = Double(geometry.features[p * inputs + i])
          squares[i * hidden + k] += square * x * x
        }
      }
      for c in 0..<channels { squares[geometry.firstCount + k * channels + c] += scale * sines2 }
    }
    for c in 0..<channels { squares[geometry.firstCount + hidden * channels + c] += scale * Double(geometry.pixels) }
  }
}
