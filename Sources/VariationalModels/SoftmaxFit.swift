import ChannelCoding
import Clients
import Datasets
import Numerics

/// The memory and the arithmetic of normal weights of softmax regression: what they say of examples in expectation, and the posterior that
/// minimises the objective.
///
/// Under a normal law of independent weights the scores of an example are normal and independent, with means that are sums of mu phi and variances
/// that are sums of sigma^2 phi^2, so that expectations are over as many numbers as there are classes and not over all weights. They are means over
/// `drawCount` draws of those, in antithetic pairs, which are drawn once for a fit: the objective is then a smooth function, and the
/// minimum found is that function's.
///
/// With q = N(mu, sigma^2), p = N(m, s^2) and the objective E CE + beta KL, the derivatives by mu and sigma^2 vanish where
///
///     mu      = m + (s^2 / beta) sum of (y - E p) phi
///     1/sigma^2 = 1/s^2 + (1/beta) sum of E[p (1 - p)] phi^2
///
/// with p the probability of the class (Bonnet's and Price's theorems: a derivative by a variance is half the second derivative by the
/// mean). The second line is a step of its own. The first is solved by Nesterov's method in units of the prior's scales, where
/// the curvature is between 1 and 1 + L, L at most half the largest row sum of the examples' Gram matrix over beta: no rate has
/// to be chosen. Features are the example's values and a 1.
final class SoftmaxFit {
  private typealias Draws = SIMD8<Double>

  static let drawCount = 16
  /// Draws of one sign; the others are their negatives.
  private static let pairs = Draws.scalarCount

  private let width: Int
  private let classes: Int
  private var capacity = 0

  // Examples in rows and in columns, and the classes that they have.
  private var rows = Doubles(0)
  private var columns = Doubles(0)
  private var labels: [Int] = []
  // A value for each class and example, class by class.
  private var draws = Doubles(0)
  private var scores = Doubles(0)
  private var variances = Doubles(0)
  private var residuals = Doubles(0)
  private var spreads = Doubles(0)
  // A value for each weight.
  private let point: Doubles
  private let means: Doubles
  private let gradient: Doubles
  private let priorVariances: Doubles
  private let free: Doubles
  /// sum of E[p (1 - p)] phi^2 of each weight, over the examples of the fit.
  let curvature: Doubles
  /// The posterior's variances.
  let posteriorVariances: Doubles

  private let exponents: Doubles
  private let scaled: Doubles

  init(features: Int, classes: Int) {
    (width, self.classes) = (features + 1, classes)
    let weights = width * classes
    (point, means, gradient) = (Doubles(weights), Doubles(weights), Doubles(weights))
    (priorVariances, free) = (Doubles(weights), Doubles(weights))
    (curvature, posteriorVariances) = (Doubles(weights), Doubles(weights))
    (exponents, scaled) = (Doubles(classes * Self.drawCount), Doubles(width))
  }

  // MARK: The posterior

  /// What a fit is asked for.
  struct Request {
    let prior: LatentPrior
    let beta: Double
    let form: PosteriorForm
    var sent: [Double?]?
    var start: LatentPosterior?
    /// Steps of Nesterov's method; nil until nothing moves by more than 10^-6 of the prior's scale, and at most `mostSteps`.
    var steps: Int?
  }

  static let mostSteps = 2000
  private static let smallestMove = 1e-6

  /// The posterior; `curvature` and `posteriorVariances` are then those at its means.
  func posterior(
    of examples: ArraySlice<Int>, in data: Dataset, _ request: Request, random: inout RandomStream
  ) -> LatentPosterior {
    load(examples, data, random: &random)
    begin(request)
    let curved = largestCurvature(beta: request.beta)
    let step = 1 / (1 + curved)
    let root = (1 + curved).squareRoot()
    let momentum = (root - 1) / (root + 1)
    if request.form == .tied { project(posteriorVariances, squared: true, into: variances) }
    for _ in 0..<(request.steps ?? Self.mostSteps) {
      expect(at: point, request)
      addGradient()
      let move = descend(request, step: step, momentum: momentum)
      if request.steps == nil, !(move > Self.smallestMove) { break }
    }
    expect(at: means, request)
    return LatentPosterior(
      means: means.values,
      scales: (0..<means.count).map { min(posteriorVariances[$0].squareRoot(), request.prior.scales[$0]) })
  }

  /// Means and variances to start from, and which weights are free.
  private func begin(_ request: Request) {
    for k in 0..<means.count {
      let scale = request.prior.scales[k]
      priorVariances[k] = scale * scale
      let sigma =
        request.form == .tied ? request.prior.posteriorScales[k] : min(request.start?.scales[k] ?? scale, scale)
      posteriorVariances[k] = sigma * sigma
      means[k] = request.start?.means[k] ?? request.prior.means[k]
      free[k] = 1
      if let sent = request.sent, let value = sent[k] {
        (means[k], posteriorVariances[k], free[k]) = (value, 0, 0)
      }
      point[k] = means[k]
    }
  }

  /// Sets residuals (E p - y) and curvature at some means, and a free posterior's variances to those of that curvature.
  private func expect(at weights: Doubles, _ request: Request) {
    project(weights, squared: false, into: scores)
    if request.form == .free { project(posteriorVariances, squared: true, into: variances) }
    for i in 0..<labels.count { expectExample(i) }
    for c in 0..<classes {
      let target = curvature.start + c * width
      for j in 0..<width { target[j] = 0 }
      for i in 0..<labels.count {
        let (row, spread) = (rows.start + i * width, spreads[c * labels.count + i])
        for j in 0..<width { target[j] += spread * (row[j] * row[j]) }
      }
    }
    guard request.form == .free else { return }
    for k in 0..<means.count where free[k] > 0 {
      posteriorVariances[k] = 1 / (1 / priorVariances[k] + curvature[k] / request.beta)
    }
  }

  /// sum of (E p - y) phi of each weight.
  private func addGradient() {
    for c in 0..<classes {
      let target = gradient.start + c * width
      for j in 0..<width { target[j] = 0 }
      for i in 0..<labels.count {
        let (row, residual) = (rows.start + i * width, residuals[c * labels.count + i])
        for j in 0..<width { target[j] += residual * row[j] }
      }
    }
  }

  /// One step of Nesterov's method.
  ///
  /// - Returns: the largest move, in units of the prior's scales.
  private func descend(_ request: Request, step: Double, momentum: Double) -> Double {
    var largest = 0.0
    for k in 0..<means.count where free[k] > 0 {
      let slope = priorVariances[k] / request.beta * gradient[k] + (point[k] - request.prior.means[k])
      let next = point[k] - step * slope
      let move = next - means[k]
      largest = max(largest, move.magnitude / request.prior.scales[k])
      point[k] = next + momentum * move
      means[k] = next
    }
    return largest
  }

  /// A bound on the curvature of the cross-entropy in units of the prior's scales, over beta: the softmax's own is at most 1/2.
  private func largestCurvature(beta: Double) -> Double {
    for j in 0..<width {
      var largest = 0.0
      for c in 0..<classes { largest = max(largest, free[c * width + j] * priorVariances[c * width + j]) }
      gradient[j] = largest
    }
    var bound = 0.0
    for i in 0..<labels.count {
      let row = rows.start + i * width
      for j in 0..<width { scaled[j] = row[j] * gradient[j] }
      var sum = 0.0
      for k in 0..<labels.count {
        let other = rows.start + k * width
        var product = 0.0
        for j in 0..<width { product += scaled[j] * other[j] }
        sum += product.magnitude
      }
      bound = max(bound, sum)
    }
    return bound / (2 * beta)
  }

  // MARK: Expectations

  /// The examples, and draws for each of them.
  private func load(_ examples: ArraySlice<Int>, _ data: Dataset, random: inout RandomStream) {
    let count = examples.count
    if count > capacity {
      capacity = count
      (rows, columns) = (Doubles(count * width), Doubles(count * width))
      draws = Doubles(count * classes * Self.pairs)
      (scores, variances) = (Doubles(count * classes), Doubles(count * classes))
      (residuals, spreads) = (Doubles(count * classes), Doubles(count * classes))
    }
    labels = examples.map { Int(data.labels[$0]) }
    let features = width - 1
    data.features.withUnsafeBufferPointer { values in
      for (i, example) in examples.enumerated() {
        for j in 0..<features { rows[i * width + j] = Double(values[example * features + j]) }
        rows[i * width + features] = 1
        for j in 0..<width { columns[j * count + i] = rows[i * width + j] }
      }
    }
    let target = draws.start
    random.forEachNormal(count: count * classes * Self.pairs) { target[$0] = $1 }
  }

  /// sum of weight phi, or sum of weight phi^2, for each class and example.
  private func project(_ weights: Doubles, squared: Bool, into target: Doubles) {
    let count = labels.count
    for c in 0..<classes {
      let sums = target.start + c * count
      for i in 0..<count { sums[i] = 0 }
      for j in 0..<width {
        let (weight, column) = (weights[c * width + j], columns.start + j * count)
        if squared {
          for i in 0..<count { sums[i] += weight * (column[i] * column[i]) }
        } else {
          for i in 0..<count { sums[i] += weight * column[i] }
        }
      }
    }
  }

  /// Residuals and spreads of one example, E p - y and E[p (1 - p)].
  private func expectExample(_ i: Int) {
    let count = labels.count
    _ = exponentiate(i)
    exponents.start.withMemoryRebound(to: Draws.self, capacity: 2 * classes) { values in
      var (up, down) = (Draws.zero, Draws.zero)
      for c in 0..<classes {
        up += values[2 * c]
        down += values[2 * c + 1]
      }
      for c in 0..<classes {
        let (a, b) = (values[2 * c] / up, values[2 * c + 1] / down)
        let mean = Self.sum(a + b) / Double(Self.drawCount)
        residuals[c * count + i] = mean - (c == labels[i] ? 1 : 0)
        spreads[c * count + i] = Self.sum(a * (1 - a) + b * (1 - b)) / Double(Self.drawCount)
      }
    }
  }

  /// e to the scores of one example's draws, the largest score of each draw taken off.
  ///
  /// - Returns: those largest scores.
  private func exponentiate(_ i: Int) -> (up: Draws, down: Draws) {
    let count = labels.count
    let top = exponents.start.withMemoryRebound(to: Draws.self, capacity: 2 * classes) { values in
      draws.start.withMemoryRebound(to: Draws.self, capacity: count * classes) { draws in
        var (up, down) = (Draws(repeating: -.infinity), Draws(repeating: -.infinity))
        for c in 0..<classes {
          let noise = variances[c * count + i].squareRoot() * draws[i * classes + c]
          values[2 * c] = scores[c * count + i] + noise
          values[2 * c + 1] = scores[c * count + i] - noise
          up = pointwiseMax(up, values[2 * c])
          down = pointwiseMax(down, values[2 * c + 1])
        }
        for c in 0..<classes {
          values[2 * c] -= up
          values[2 * c + 1] -= down
        }
        return (up, down)
      }
    }
    Kernels.best.exponentiate(UnsafeMutableBufferPointer(start: exponents.start, count: exponents.count))
    return top
  }

  /// The sum in one order, whatever the machine has.
  private static func sum(_ values: Draws) -> Double {
    let four = values.lowHalf + values.highHalf
    let two = four.lowHalf + four.highHalf
    return two[0] + two[1]
  }

  /// The cross-entropy of each example in expectation over normal weights, in nats, and whether the weights' means are right on it.
  func losses(
    of examples: ArraySlice<Int>, in data: Dataset, _ weights: LatentPosterior, random: inout RandomStream
  ) -> [Prediction] {
    load(examples, data, random: &random)
    for k in 0..<means.count {
      means[k] = weights.means[k]
      posteriorVariances[k] = weights.scales[k] * weights.scales[k]
    }
    project(means, squared: false, into: scores)
    project(posteriorVariances, squared: true, into: variances)
    let count = labels.count
    return (0..<count).map { i in
      // Of the class that the example has, before the exponentials take its place.
      let own = scores[labels[i] * count + i]
      let best = (0..<classes).reduce(0) { scores[$1 * count + i] > scores[$0 * count + i] ? $1 : $0 }
      let top = exponentiate(i)
      var total = 0.0
      exponents.start.withMemoryRebound(to: Draws.self, capacity: 2 * classes) { values in
        var (up, down) = (Draws.zero, Draws.zero)
        for c in 0..<classes {
          up += values[2 * c]
          down += values[2 * c + 1]
        }
        for t in 0..<Self.pairs { total += top.up[t] + Elementary.log(up[t]) + (top.down[t] + Elementary.log(down[t])) }
      }
      // Antithetic draws of the own score have its mean as theirs.
      return Prediction(loss: total / Double(Self.drawCount) - own, isCorrect: own.isFinite && best == labels[i])
    }
  }
}

/// Doubles at a fixed address, zero at first.
final class Doubles {
  let start: UnsafeMutablePointer<Double>
  let count: Int

  init(_ count: Int) {
    self.count = count
    let raw = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * 8, alignment: 64)
    start = raw.initializeMemory(as: Double.self, repeating: 0, count: count)
  }

  deinit { start.deallocate() }

  @inline(__always)
  subscript(_ i: Int) -> Double {
    get { start[i] }
    set { start[i] = newValue }
  }

  var values: [Double] { Array(UnsafeBufferPointer(start: start, count: count)) }
}
