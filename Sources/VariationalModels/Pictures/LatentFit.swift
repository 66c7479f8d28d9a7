import Clients
import Datasets
import Numerics

/// The fit of one picture's posterior over the latents of a learned map, with its memory.
///
/// With t = 2/beta the objective is minimised by Gauss and Newton: at the current mean and scales the picture is replaced by its
/// first-order expansion, averaged over a few fixed samples of the posterior. Then
///
///     1/sigma_j^2 = t mean (J^T J)_jj + 1/s_j^2,   (t mean J^T J + 1/s^2) step = t mean J^T (x - picture) - mu/s^2
///
/// which is exact for a linear decoder. A step that does not lower the objective is taken back, and the next one is damped.
final class LatentFit {
  /// What is known before the picture.
  struct Rules {
    /// Variances s^2 of the prior.
    var variances: [Double]
    /// Standard deviations of all posteriors; nil where each has its own.
    var tied: [Double]?
    var beta: Double
    /// Iterations at the posterior's mean alone, and then with samples.
    var plain = 8
    var sampled = 6
  }

  let map: LatentMap
  let sine: SineWorkspace
  private(set) var means: [Double]
  private(set) var scales: [Double]
  /// The diagonal of t J^T J, averaged over samples.
  private(set) var precisions: [Double]
  /// Expected squared error + beta KL, as the samples have it.
  private(set) var objective = 0.0

  private let latents: FloatBuffer
  private let jacobian: FloatBuffer
  private let products: FloatBuffer
  private let gram: FloatBuffer
  private let pull: FloatBuffer
  private var matrix: [Double]
  private var step: [Double]
  private var totalPull: [Double]
  /// t over the samples of the last expansion.
  private var factor = 0.0

  init(_ map: LatentMap) {
    self.map = map
    let n = map.latents
    sine = SineWorkspace(map.geometry)
    (means, scales, precisions) = (
      .init(repeating: 0, count: n), .init(repeating: 1, count: n), .init(repeating: 0, count: n)
    )
    latents = FloatBuffer(count: map.stride)
    jacobian = FloatBuffer(count: map.geometry.values * map.stride)
    products = FloatBuffer(count: map.geometry.hidden)
    gram = FloatBuffer(count: n * map.stride)
    pull = FloatBuffer(count: map.stride)
    matrix = [Double](repeating: 0, count: n * n)
    (step, totalPull) = (means, means)
  }

  /// The picture at some latents, and its squared error.
  func error(at values: (Int) -> Double, _ target: UnsafePointer<Float>) -> Double {
    for j in 0..<map.latents { latents.start[j] = Float(values(j)) }
    map.forward(latents.start, sine)
    return sine.compare(target)
  }

  /// Fits from `means` and `scales` as they are.
  ///
  /// - Parameters:
  ///   - noise: standard normals, a row of as many as there are latents for each sample; each row is used with both signs.
  ///   - sent: latents that are no longer free.
  func run(_ target: UnsafePointer<Float>, _ rules: Rules, noise: [[Double]], sent: [Double?]? = nil) {
    if let sent { for (j, value) in sent.enumerated() { if let value { means[j] = value } } }
    iterate(target, rules, noise: [], sent, rules.plain)
    if rules.sampled > 0 { iterate(target, rules, noise: noise, sent, rules.sampled) }
  }

  /// Starts at the prior.
  func reset(_ rules: Rules) { reset(rules, LatentPosterior(means: means.map { _ in 0 }, scales: scales)) }

  func reset(_ rules: Rules, _ start: LatentPosterior) {
    means = start.means
    scales = rules.tied ?? rules.variances.map { $0.squareRoot() }
  }

  private func iterate(
    _ target: UnsafePointer<Float>, _ rules: Rules, noise: [[Double]], _ sent: [Double?]?, _ count: Int
  ) {
    var damping = 0.0
    // What the next step starts from, should the last one not have helped.
    var (best, bestScales) = (means, scales)
    var low = Double.infinity
    for iteration in 0...count {
      let value = expand(target, rules, noise: noise, sent)
      if value <= low {
        (best, bestScales, low) = (means, scales, value)
        damping = damping < 1e-3 ? 0 : damping / 8
        if iteration == count { break }
        solve(rules, damping: damping, sent)
      } else {
        (means, scales) = (best, bestScales)
        damping = damping == 0 ? 1 : damping * 8
        if iteration == count { break }
        _ = expand(target, rules, noise: noise, sent)
        solve(rules, damping: damping, sent)
      }
    }
    objective = low
  }

  /// The objective, and the expansion about means and scales: sums over samples of J^T J and of J^T (picture - x).
  private func expand(
    _ target: UnsafePointer<Float>, _ rules: Rules, noise: [[Double]], _ sent: [Double?]?
  ) -> Double {
    let (n, stride) = (map.latents, map.stride)
    gram.fill()
    pull.fill()
    var value = 0.0
    let samples = max(2 * noise.count, 1)
    for s in 0..<samples {
      let sign = s & 1 == 0 ? 1.0 : -1.0
      value += error(
        at: { j in
          noise.isEmpty || sent?[j] != nil ? self.means[j] : self.means[j] + sign * noise[s / 2][j] * self.scales[j]
        }, target)
      map.derivatives(sine, products: products, into: jacobian)
      Kernels.best.multiplyAdd(
        .init(jacobian.start, row: 1, step: stride), jacobian.start, bRow: stride, into: gram.start, cRow: stride,
        rows: n, columns: stride, steps: map.geometry.values)
      Kernels.best.multiplyAdd(
        .init(sine.residual.start, row: 0, step: 1), jacobian.start, bRow: stride, into: pull.start, cRow: stride,
        rows: 1, columns: stride, steps: map.geometry.values)
    }
    value /= Double(samples)
    // Of the first expansion about the mean alone the scales have no part.
    for j in 0..<n where sent?[j] == nil {
      let variance = rules.variances[j]
      let square = noise.isEmpty ? 0 : scales[j] * scales[j]
      value += rules.beta / 2 * (means[j] * means[j] + square) / variance
      if !noise.isEmpty { value -= rules.beta / 2 * (1 + Elementary.log(square / variance)) }
    }
    factor = 2 / rules.beta / Double(samples)
    for j in 0..<n {
      totalPull[j] = -factor / 2 * Double(pull.start[j])
      precisions[j] = factor * Double(gram.start[j * stride + j])
    }
    return value
  }

  /// Moves means by a damped step, and scales to where they are best.
  private func solve(_ rules: Rules, damping: Double, _ sent: [Double?]?) {
    let (n, stride) = (map.latents, map.stride)
    for i in 0..<n {
      for j in 0...i { matrix[i * n + j] = factor * Double(gram.start[i * stride + j]) }
      matrix[i * n + i] += 1 / rules.variances[i]
      matrix[i * n + i] *= 1 + damping
      step[i] = totalPull[i] - means[i] / rules.variances[i]
    }
    for i in 0..<n where sent?[i] != nil { fix(i) }
    choleskySolve(&matrix, &step, n)
    for i in 0..<n where step[i].isFinite { means[i] += step[i] }
    guard rules.tied == nil else { return }
    for i in 0..<n where sent?[i] == nil {
      let scale = 1 / (precisions[i] + 1 / rules.variances[i]).squareRoot()
      scales[i] = scale > 0 ? min(scale, rules.variances[i].squareRoot()) : scales[i]
    }
  }

  /// Makes the step along a latent 0, and takes it out of the equations of all others.
  private func fix(_ i: Int) {
    let n = map.latents
    for j in 0..<n { matrix[max(i, j) * n + min(i, j)] = i == j ? 1 : 0 }
    step[i] = 0
  }
}

/// Solves a symmetric positive system in place; the matrix, of which the lower triangle is read, becomes its factor.
func choleskySolve(_ matrix: inout [Double], _ vector: inout [Double], _ n: Int) {
  matrix.withUnsafeMutableBufferPointer { a in
    vector.withUnsafeMutableBufferPointer { x in
      for i in 0..<n {
        for j in 0...i {
          var sum = a[i * n + j]
          for k in 0..<j { sum -= a[i * n + k] * a[j * n + k] }
          a[i * n + j] = i == j ? max(sum, 1e-300).squareRoot() : sum / a[j * n + j]
        }
      }
      for i in 0..<n {
        for k in 0..<i { x[i] -= a[i * n + k] * x[k] }
        x[i] /= a[i * n + i]
      }
      for i in stride(from: n - 1, through: 0, by: -1) {
        for k in (i + 1)..<max(n, i + 1) { x[i] -= a[k * n + i] * x[k] }
        x[i] /= a[i * n + i]
      }
    }
  }
}
