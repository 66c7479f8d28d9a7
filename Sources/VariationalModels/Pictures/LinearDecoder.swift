import ChannelCoding
import Clients
import Datasets
import Numerics
import Settings

/// A linear decoder of pictures: picture = mean + V h with orthonormal V, the principal components of the training population.
///
/// It is the one decoder with a closed form, and the strongest here for small pictures: see `LinearPictureModel`.
public struct LinearDecoder: ModelArchitecture, Equatable {
  /// The most latents; nil for as many as there are features. Those that would say nothing say nothing.
  public var latents: Int?
  public var beta: Double

  public static let task = LearningTask.representation

  public init(latents: Int? = nil, beta: Double = 0.01) { (self.latents, self.beta) = (latents, beta) }

  public static let keys = SettingList(
    LinearDecoder(),
    [
      Setting("latents", \.latents, .integer(1...65_536), .unset("as many as say something"), "the most latents"),
      Setting("beta", \.beta, .positive, betaMeaning),
    ])

  static let betaMeaning =
    "weight of the KL divergence in nats beside the squared error of a picture, summed over its values"

  /// The triangle of second moments is a parameter each.
  private static let mostFeatures = 4096

  public func makeModel(for data: Dataset) throws(KeyProblem) -> any Model {
    guard data.featureCount <= Self.mostFeatures else {
      throw KeyProblem(
        "kind", "\"linear-decoder\" learns the covariance of the values, and found \(data.featureCount) of them",
        allowed: "examples of at most \(Self.mostFeatures) values, or a decoder of another kind")
    }
    return LinearPictureModel(
      features: data.featureCount, latents: min(latents ?? data.featureCount, data.featureCount), beta: beta)
  }
}

/// The parameters of a linear decoder: the mean of the training population's pictures x, and the upper triangle of the mean of x x^T.
///
/// A client's training sets its copy to the means over its own examples, whatever it got. So one round of FedAvg at rate 1 with everyone
/// and updates weighted by examples gives the population's moments, and later rounds change nothing. With Poisson cohorts a round gives
/// the moments of its cohort; a server's rate below 1 averages over rounds. Noise on the update (privacy) or clipping makes moments that
/// no data have: eigenvalues of the covariance at or below beta/2, also negative ones, say nothing.
///
/// The gradient is that of 1/2 sum (parameters - moments of x)^2: plain SGD with rate 1 and one batch does the same.
///
/// **The decoder in closed form.** In an eigenvector with variance lambda let z be the centred picture's coordinate and t = 2/beta. The
/// minimum of the objective is at sigma^2 = 1/(t + 1/s^2), mu = t sigma^2 z. A prior that fits the population has s^2 = sigma^2 + mean mu^2
/// = v/(1 + t v) + t^2 v^2 lambda/(1 + t v)^2 with v = s^2, which is (1 + t v) t v = t^2 v lambda, hence
///
///     s^2 = lambda - beta/2,   sigma^2 = beta/2 (1 - beta/(2 lambda)),   mu = (1 - beta/(2 lambda)) z,   KL = 1/2 ln(2 lambda/beta)
///
/// where lambda > beta/2, and nothing elsewhere. This is reverse water-filling: beta/2 is the squared error in each such direction, and no
/// code whatever has fewer bits at that error if the population is normal. The scales do not depend on the picture, so that tied posteriors
/// lose nothing.
public struct LinearPictureModel: PictureModel {
  public let featureCount: Int
  public let latentCount: Int
  public var beta: Double
  public var form: PosteriorForm { .tied }

  public init(features: Int, latents: Int, beta: Double) {
    precondition(features > 0 && (1...features).contains(latents) && beta > 0)
    (featureCount, latentCount, self.beta) = (features, latents, beta)
  }

  public var parameterCount: Int { featureCount + featureCount * (featureCount + 1) / 2 }

  public var shape: String { "\(latentCount)-\(featureCount), linear" }

  public var tensors: [ModelTensor] {
    [
      ModelTensor(name: "mean", shape: [featureCount]),
      ModelTensor(name: "second moments", shape: [featureCount * (featureCount + 1) / 2]),
    ]
  }

  /// Zeros: a picture without variance, of which nothing is said.
  public func initialParameters(_ random: inout RandomStream) -> [Float] {
    [Float](repeating: 0, count: parameterCount)
  }

  public func decoder(_ parameters: [Float]) -> LinearPictureDecoder {
    LinearPictureDecoder(parameters, features: featureCount, latents: latentCount, beta: beta)
  }

  public func trainer(work: LocalWork, batchSize: Int, optimizer: any ClientOptimizing) -> (any LocalTraining)? {
    MomentTrainer(model: self, work: work, batchSize: batchSize)
  }

  public func evaluation(
    of parameters: [Float], on examples: ArraySlice<Int>, of data: Dataset, _ parallel: Parallel
  ) -> Evaluation {
    let decoder = decoder(parameters)
    return pictureEvaluation(on: examples, parallel) { decoder.objective(of: $0, in: data) }
  }

  /// Calls `body` with each of the moments of an example, in the order of the parameters.
  private func forEachMoment(_ example: Int, _ data: Dataset, _ body: (Int, Float) -> Void) {
    data.features.withUnsafeBufferPointer { features in
      let x = UnsafeBufferPointer(rebasing: features[(example * featureCount)..<((example + 1) * featureCount)])
      var place = featureCount
      for i in 0..<featureCount {
        body(i, x[i])
        for j in i..<featureCount {
          body(place, x[i] * x[j])
          place += 1
        }
      }
    }
  }

  /// The means of the moments over some examples, added up in double.
  func moments(of examples: ArraySlice<Int>, in data: Dataset, _ sums: UnsafeMutableBufferPointer<Double>) {
    sums.update(repeating: 0)
    for example in examples { forEachMoment(example, data) { sums[$0] += Double($1) } }
    let count = Double(max(examples.count, 1))
    for i in sums.indices { sums[i] /= count }
  }
}

// MARK: A model with a gradient, like any other

extension LinearPictureModel {
  public func makeWorkspace(capacity: Int) {}

  public func addGradient(
    of examples: ArraySlice<Int>, in data: Dataset, at parameters: FloatBuffer, scale: Float, to target: FloatBuffer,
    _ workspace: Void, _ prepare: (Range<Int>) -> Void
  ) {
    var sums = [Float](repeating: 0, count: parameterCount)
    for example in examples { forEachMoment(example, data) { sums[$0] += $1 } }
    let count = Float(examples.count)
    for i in sums.indices { sums[i] = scale * (count * parameters.start[i] - sums[i]) }
    prepare(0..<parameterCount)
    for i in sums.indices { target.start[i] += sums[i] }
  }

  /// Half the squared distance of the parameters from the example's moments, which is what the gradient is of. The objective is in
  /// `evaluation`.
  public func predictions(
    of examples: ArraySlice<Int>, in data: Dataset, at parameters: FloatBuffer, _ workspace: Void
  ) -> [Prediction] {
    examples.map { example in
      var loss = 0.0
      forEachMoment(example, data) { i, moment in
        let difference = Double(parameters.start[i]) - Double(moment)
        loss += difference * difference / 2
      }
      return Prediction(loss: loss, isCorrect: false)
    }
  }
}

/// A client's local work for a linear decoder: the means of the moments over its examples. Straggling, batches and control variates do not
/// apply: there is one pass, with nothing to be cut short.
struct MomentTrainer: LocalTraining {
  let model: LinearPictureModel
  let work: LocalWork
  let batchSize: Int

  func makeWorkspace(largestClient: Int) -> DoubleBuffer { DoubleBuffer(count: model.parameterCount) }

  func train(_ task: LocalTask, random: inout RandomStream, _ workspace: DoubleBuffer) -> LocalUpdate {
    let means = workspace.values
    model.moments(of: task.examples, in: task.data, means)
    let update = (0..<model.parameterCount).map { i in
      task.examples.isEmpty ? 0 : Float(means[i] - Double(task.start.start[i]))
    }
    return LocalUpdate(
      update, exampleCount: task.examples.count, steps: task.examples.isEmpty ? 0 : 1,
      controlChange: task.control.map { $0.own.map { _ in 0 } } ?? [])
  }
}

/// Doubles at a fixed address, zero at first, for the use of one worker.
final class DoubleBuffer {
  let values: UnsafeMutableBufferPointer<Double>

  init(count: Int) {
    values = .allocate(capacity: count)
    values.initialize(repeating: 0)
  }

  deinit { values.deallocate() }
}
