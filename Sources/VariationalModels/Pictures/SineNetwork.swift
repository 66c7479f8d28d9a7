import ChannelCoding
import Clients
import Datasets
import Numerics
import Settings

/// A small sine network for each picture, whose weights are all sent: the transform is gradient descent.
public struct SineNetwork: ModelArchitecture, Equatable {
  public var hidden: Int
  public var frequencies: Int
  public var beta: Double
  /// Of the fit of a posterior, each with one sample.
  public var steps: Int
  /// Of the fit, in the prior's standard deviations; it falls to 0.
  public var fitRate: Double
  public var posterior: PosteriorForm

  public static let task = LearningTask.representation

  public init(
    hidden: Int = 16, frequencies: Int = 3, beta: Double = 0.003, steps: Int = 400, fitRate: Double = 0.15,
    posterior: PosteriorForm = .tied
  ) {
    (self.hidden, self.frequencies, self.beta) = (hidden, frequencies, beta)
    (self.steps, self.fitRate, self.posterior) = (steps, fitRate, posterior)
  }

  public static let keys = SettingList(
    SineNetwork(),
    [
      Setting("hidden", \.hidden, .integer(1...1024), LearnedMap.hiddenMeaning),
      Setting("frequencies", \.frequencies, .integer(0...64), LearnedMap.frequenciesMeaning),
      Setting("beta", \.beta, .positive, LinearDecoder.betaMeaning),
      Setting("steps", \.steps, .integer(1...1_000_000), "steps of the gradient descent that fits a posterior"),
      Setting(
        "fitRate", \.fitRate, .positive, "rate of that descent, in standard deviations of the prior; it falls to 0"),
      Setting("posterior", \.posterior, .choice(PosteriorForm.self), LearnedMap.posteriorMeaning),
    ])

  public func makeModel(for data: Dataset) throws(KeyProblem) -> any Model {
    SineNetworkModel(
      SineGeometry(data, hidden: hidden, frequencies: frequencies),
      .init(beta: beta, steps: steps, rate: fitRate, form: posterior))
  }
}

/// The parameters of a sine network's prior: means m of the weights; mean of sigma^2 + (mu - m')^2 about the means m' that the round began
/// with; and mean precisions of tied posteriors.
///
/// A client's training fits posteriors to its examples at the prior that it got, and its copy of the parameters becomes the means over
/// them, so that FedAvg at rate 1 does the closed form m = mean mu, s^2 = mean(sigma^2 + (mu - m)^2) over everyone, but for the square of
/// what m moved in the round, by which s^2 is too large until it moves no more. (Moments about 0 would cancel in float32.) The tied
/// precision is t = 2/beta times the mean square of the picture's derivative by the weight, as in `LearnedMapModel`.
public struct SineNetworkModel: PictureModel {
  struct Fit: Sendable {
    var beta: Double
    var steps: Int
    var rate: Double
    var form: PosteriorForm
  }

  let geometry: SineGeometry
  private(set) var fit: Fit

  init(_ geometry: SineGeometry, _ fit: Fit) { (self.geometry, self.fit) = (geometry, fit) }

  public var latentCount: Int { geometry.weightCount }
  public var beta: Double {
    get { fit.beta }
    set { fit.beta = newValue }
  }
  public var form: PosteriorForm { fit.form }
  public var parameterCount: Int { 3 * latentCount }

  public var shape: String { "\(geometry.inputs - 1)-\(geometry.hidden)s-\(geometry.channels), all weights" }

  public var tensors: [ModelTensor] {
    ["means", "variances", "precisions"].map { ModelTensor(name: $0, shape: [latentCount]) }
  }

  /// A network at random, with a prior of variance 0.1 about it.
  public func initialParameters(_ random: inout RandomStream) -> [Float] {
    geometry.initialWeights(&random) + [Float](repeating: 0.1, count: latentCount)
      + [Float](repeating: 190, count: latentCount)
  }

  public func decoder(_ parameters: [Float]) -> SineNetworkDecoder {
    precondition(parameters.count == parameterCount)
    return SineNetworkDecoder(self, prior { parameters[$0] })
  }

  /// The public prior that parameters say.
  func prior(_ parameter: (Int) -> Float) -> LatentPrior {
    let n = latentCount
    let scales = (0..<n).map { LatentPrior.scale(ofVariance: Double(parameter(n + $0))) }
    return LatentPrior(
      means: (0..<n).map { parameter($0).isFinite ? Double(parameter($0)) : 0 }, scales: scales,
      posteriorScales: (0..<n).map {
        LatentPrior.tiedScale(precision: Double(parameter(2 * n + $0)), prior: scales[$0])
      })
  }

  func rules(_ prior: LatentPrior, _ form: PosteriorForm, steps: Int?) -> SineFit.Rules {
    .init(prior: prior, form: form, beta: beta, steps: steps ?? fit.steps, learningRate: fit.rate)
  }

  var fixedNoise: [[Double]] { fixedNormals(rows: 2, count: latentCount) }

  public func trainer(work: LocalWork, batchSize: Int, optimizer: any ClientOptimizing) -> (any LocalTraining)? {
    SineNetworkTrainer(model: self, work: work, batchSize: batchSize)
  }

  public func evaluation(
    of parameters: [Float], on examples: ArraySlice<Int>, of data: Dataset, _ parallel: Parallel
  ) -> Evaluation {
    let (prior, noise) = (prior { parameters[$0] }, fixedNoise)
    return pictureEvaluation(on: examples, parallel) { objective(of: $0, in: data, prior, noise, SineFit(geometry)) }
  }

  private func objective(
    of example: Int, in data: Dataset, _ prior: LatentPrior, _ noise: [[Double]], _ fit: SineFit
  ) -> Double {
    withPicture(example, in: data) { target in
      var random = RandomStream(key: Key(seed: UInt64(example), label: "evaluation"))
      let posterior = fit.run(target, rules(prior, self.fit.form, steps: nil), sent: nil, start: nil, random: &random)
      return fit.error(posterior, target, noise: noise, beta: beta, precisions: nil)
        + beta * prior.divergence(of: posterior)
    }
  }

  /// The means of an example's moments over some examples, at a prior.
  func moments(
    of examples: ArraySlice<Int>, in data: Dataset, _ prior: LatentPrior, random: inout RandomStream, _ fit: SineFit
  ) -> [Double] {
    let (n, noise) = (latentCount, fixedNoise)
    var sums = [Double](repeating: 0, count: 3 * n)
    for example in examples {
      withPicture(example, in: data) { target in
        let posterior = fit.run(target, rules(prior, self.fit.form, steps: nil), sent: nil, start: nil, random: &random)
        for j in 0..<n {
          let moved = posterior.means[j] - prior.means[j]
          sums[j] += posterior.means[j]
          sums[n + j] += posterior.scales[j] * posterior.scales[j] + moved * moved
        }
        sums.withUnsafeMutableBufferPointer { sums in
          guard let start = sums.baseAddress else { return }
          _ = fit.error(posterior, target, noise: noise, beta: beta, precisions: start + 2 * n)
        }
      }
    }
    return sums.map { $0 / Double(max(examples.count, 1)) }
  }
}

// MARK: A model like any other

extension SineNetworkModel {
  public final class Workspace {
    fileprivate let fit: SineFit
    fileprivate init(_ geometry: SineGeometry) { fit = SineFit(geometry) }
  }

  public func makeWorkspace(capacity: Int) -> Workspace { Workspace(geometry) }

  /// Points from the examples' moments to the parameters: SGD at rate 1 with one batch goes to the moments. It is not the derivative of the
  /// objective.
  public func addGradient(
    of examples: ArraySlice<Int>, in data: Dataset, at parameters: FloatBuffer, scale: Float, to target: FloatBuffer,
    _ workspace: Workspace, _ prepare: (Range<Int>) -> Void
  ) {
    var random = RandomStream(key: Key(seed: 0, label: "fits of posteriors"))
    let moments = moments(of: examples, in: data, prior { parameters.start[$0] }, random: &random, workspace.fit)
    let change = moments.indices.map {
      scale * Float(examples.count) * Float(Double(parameters.start[$0]) - moments[$0])
    }
    prepare(0..<parameterCount)
    for i in change.indices { target.start[i] += change[i] }
  }

  /// The objective at the fitted posterior.
  public func predictions(
    of examples: ArraySlice<Int>, in data: Dataset, at parameters: FloatBuffer, _ workspace: Workspace
  ) -> [Prediction] {
    let (prior, noise) = (prior { parameters.start[$0] }, fixedNoise)
    return examples.map {
      Prediction(loss: objective(of: $0, in: data, prior, noise, workspace.fit), isCorrect: false)
    }
  }
}

/// A client's local work for the prior of a sine network: see `SineNetworkModel`. Batches, optimizers, control variates and a straggler's
/// part do not apply.
struct SineNetworkTrainer: LocalTraining {
  let model: SineNetworkModel
  let work: LocalWork
  let batchSize: Int

  func makeWorkspace(largestClient: Int) -> SineFit { SineFit(model.geometry) }

  func train(_ task: LocalTask, random: inout RandomStream, _ workspace: SineFit) -> LocalUpdate {
    let start = task.start.start
    let moments = model.moments(
      of: task.examples, in: task.data, model.prior { start[$0] }, random: &random, workspace)
    return LocalUpdate(
      moments.indices.map { task.examples.isEmpty ? 0 : Float(moments[$0] - Double(start[$0])) },
      exampleCount: task.examples.count, steps: task.examples.count * model.fit.steps,
      controlChange: task.control.map { $0.own.map { _ in 0 } } ?? [])
  }
}

/// The decoder of a sine network: latents are its weights.
public struct SineNetworkDecoder: PictureDecoder {
  public let prior: LatentPrior
  private let model: SineNetworkModel

  init(_ model: SineNetworkModel, _ prior: LatentPrior) { (self.model, self.prior) = (model, prior) }

  public func posterior(
    of examples: ArraySlice<Int>, in data: Dataset, form: PosteriorForm, sent: [Double?]?, start: LatentPosterior?,
    steps: Int?, random: inout RandomStream
  ) -> LatentPosterior {
    withPicture(examples[examples.startIndex], in: data) {
      SineFit(model.geometry).run(
        $0, model.rules(prior, form, steps: steps), sent: sent, start: start, random: &random)
    }
  }

  public func picture(_ latents: [Double]) -> [Float] {
    let sine = SineWorkspace(model.geometry)
    sine.load(latents.map(Float.init))
    sine.forward()
    return sine.picture.values
  }
}
