import ChannelCoding
import Clients
import Datasets
import Numerics
import Settings

/// Softmax regression whose weights have a posterior for each client, of which a sample is sent.
///
/// A datum is all that a client has: the objective is the sum of its examples' cross-entropies under the posterior, in expectation and
/// in nats, plus beta KL(posterior || prior). Latents are the weights: for each class one for every feature, then the bias.
public struct BayesianSoftmax: ModelArchitecture, Equatable {
  public var beta: Double
  /// Whose the scales of posteriors are while the prior is learned.
  public var posterior: PosteriorForm
  /// The standard deviation of every weight in the prior that a run starts from; its mean is 0.
  public var priorScale: Double
  /// The share of its last move that the prior's mean makes again in a round.
  public var momentum: Double

  public static let task = LearningTask.bayesianClassification

  public init(
    beta: Double = 1, posterior: PosteriorForm = .tied, priorScale: Double = 0.5, momentum: Double = 0.8
  ) {
    (self.beta, self.posterior, self.priorScale, self.momentum) = (beta, posterior, priorScale, momentum)
  }

  public static let keys = SettingList(
    BayesianSoftmax(),
    [
      Setting(
        "beta", \.beta, .positive,
        "weight of the KL divergence of a posterior from the prior, in nats, beside the error: large for few bits"),
      Setting(
        "posterior", \.posterior, .choice(PosteriorForm.self),
        "whose the scales of posteriors are: `tied` to public ones, or `free`"),
      Setting(
        "priorScale", \.priorScale, .number(above: 0, upTo: 1000),
        "standard deviation of the weights in the prior that a run starts from"),
      Setting(
        "momentum", \.momentum, .number(0..<1),
        "share of its last move that the prior's mean makes again in a round; 0 for plain expectation maximisation"),
    ])

  public func makeModel(for data: Dataset) -> any Model { model(for: data) }

  public func model(for data: Dataset) -> BayesianSoftmaxModel {
    BayesianSoftmaxModel(self, features: data.featureCount, classes: data.classCount)
  }
}

/// The prior of `BayesianSoftmax` as parameters, a mean, a variance, a curvature and a velocity for each weight, and how clients train them.
///
/// A client fits its posterior q = N(mu, sigma^2) from the prior N(m, s^2) and returns mu, sigma^2 + (mu - m)^2 and its curvature
/// h = sum of E[p (1 - p)] phi^2 in the place of the first three. FedAvg of rate 1 makes their means over clients the next parameters:
///
/// - the mean of sigma^2 + (mu - m)^2 is the variance that minimises the sum of the clients' divergences at the mean m;
/// - the mean of mu is the mean that minimises it;
/// - 1 / (1/s^2 + mean h / beta) is the square of the tied scale: there the derivative of the sum of the clients' objectives by a
///   variance that all posteriors have is 0. Where scales are free, nobody needs the curvatures, and they are learned all the same.
///
/// So a round is a step of expectation maximisation, and without momentum the objective's sum over clients does not rise. Such steps are short
/// where data say little against the prior: a mean moves by s^2 / beta times the gradient. Momentum u repeats a share of the last move, and
/// takes a third of the rounds: a client returns m + u' in the place of m and u' = share u + mu - m in the place of the velocity, whose
/// means over clients are a step of the heavy ball. Variances and curvatures have none: theirs would overshoot below 0.
///
/// A Poisson cohort's means stand for everybody's. A server's rate below 1 averages over rounds. Noise may make a variance
/// or a curvature negative: the prior that such parameters say has the floors `smallestVariance` and 0.
///
/// A mean of mu^2 in place of (mu - m)^2 would be the variance about the new mean, by a difference of two float32 numbers that loses
/// digits, and may be negative where the mean has moved by momentum.
public struct BayesianSoftmaxModel: ClassifierModel {
  public private(set) var architecture: BayesianSoftmax
  public let featureCount: Int
  public let classCount: Int

  public init(_ architecture: BayesianSoftmax, features: Int, classes: Int) {
    (self.architecture, featureCount, classCount) = (architecture, features, classes)
  }

  /// The least variance of a prior: that of a weight of which nothing more is learned.
  public static let smallestVariance = 1e-8

  public var beta: Double {
    get { architecture.beta }
    set { architecture.beta = newValue }
  }
  public var form: PosteriorForm { architecture.posterior }
  public var latentCount: Int { (featureCount + 1) * classCount }
  public var parameterCount: Int { 4 * latentCount }
  public var shape: String { "\(featureCount)-\(classCount), a normal law for each of \(latentCount) weights" }

  public var tensors: [ModelTensor] {
    ["prior.mean", "prior.variance", "posterior.curvature", "prior.velocity"].map {
      ModelTensor(name: $0, shape: [classCount, featureCount + 1])
    }
  }

  public func initialParameters(_ random: inout RandomStream) -> [Float] {
    let variance = Float(architecture.priorScale * architecture.priorScale)
    return (0..<parameterCount).map { latentCount..<(2 * latentCount) ~= $0 ? variance : 0 }
  }

  public func decoder(_ parameters: [Float]) -> BayesianSoftmaxDecoder {
    parameters.withUnsafeBufferPointer { decoder($0) }
  }

  func decoder(_ parameters: UnsafeBufferPointer<Float>) -> BayesianSoftmaxDecoder {
    let count = latentCount
    var (scales, posteriorScales) = ([Double](), [Double]())
    for k in 0..<count {
      let (found, curvature) = (Double(parameters[count + k]), Double(parameters[2 * count + k]))
      // What is not a number is below any bound.
      let variance = found > Self.smallestVariance ? found : Self.smallestVariance
      let scale = variance.squareRoot()
      scales.append(scale)
      posteriorScales.append(min((1 / (1 / variance + (curvature > 0 ? curvature : 0) / beta)).squareRoot(), scale))
    }
    return BayesianSoftmaxDecoder(
      prior: LatentPrior(
        means: (0..<count).map { Double(parameters[$0]) }, scales: scales, posteriorScales: posteriorScales),
      beta: beta, featureCount: featureCount, classCount: classCount)
  }

  /// The fit takes as many steps as the work has: an epoch, or a step of `work`, is one step with all examples. Neither the size of
  /// minibatches nor the client's optimizer plays a part.
  public func trainer(work: LocalWork, batchSize: Int, optimizer: any ClientOptimizing) -> (any LocalTraining)? {
    BayesianSoftmaxTrainer(model: self, work: work, batchSize: batchSize)
  }

  /// The loss is the objective of an example for somebody who sends nothing: the cross-entropy under the prior, in expectation, with
  /// a posterior that is the prior. The accuracy is that of the prior's mean.
  public func evaluation(
    of parameters: [Float], on examples: ArraySlice<Int>, of data: Dataset, _ parallel: Parallel
  ) -> Evaluation {
    let prior = decoder(parameters).prior
    let law = LatentPosterior(means: prior.means, scales: prior.scales)
    let chunk = 64
    let parts = parallel.map(
      (examples.count + chunk - 1) / chunk, worker: { SoftmaxFit(features: featureCount, classes: classCount) },
      body: { fit, part in
        let start = examples.startIndex + part * chunk
        var random = RandomStream(key: Self.evaluationKey, stream: UInt64(part))
        let found = fit.losses(
          of: examples[start..<min(start + chunk, examples.endIndex)], in: data, law, random: &random)
        return (loss: found.reduce(0) { $0 + $1.loss }, right: found.count { $0.isCorrect })
      })
    let count = Double(max(examples.count, 1))
    return Evaluation(
      loss: parts.reduce(0) { $0 + $1.loss } / count, accuracy: Double(parts.reduce(0) { $0 + $1.right }) / count)
  }

  /// Draws of evaluations are no secret, and always the same.
  private static let evaluationKey = RunKeys.experimentKey(seed: 0, .initialisation)
}

// MARK: Softmax regression with the prior's mean, as a model like any other

extension BayesianSoftmaxModel {
  private var network: Network { Network(features: featureCount, hidden: [], classes: classCount) }

  /// Our order is class by class with the bias last, a network's is feature by feature with the biases last.
  private func networkParameters(_ parameters: FloatBuffer) -> [Float] {
    let width = featureCount + 1
    return (0..<latentCount).map { k in parameters.start[k % classCount * width + k / classCount] }
  }

  public func makeWorkspace(capacity: Int) -> NetworkWorkspace { network.makeWorkspace(capacity: capacity) }

  /// Adds the gradient of the summed cross-entropy of softmax regression with the prior's means; nothing else has one.
  public func addGradient(
    of examples: ArraySlice<Int>, in data: Dataset, at parameters: FloatBuffer, scale: Float, to target: FloatBuffer,
    _ workspace: NetworkWorkspace, _ prepare: (Range<Int>) -> Void
  ) {
    let (network, width) = (network, featureCount + 1)
    let gradient = FloatBuffer(count: network.paddedParameterCount)
    network.addGradient(
      of: examples, in: data, at: network.padding(networkParameters(parameters)), scale: scale, to: gradient, workspace,
      { _ in })
    let flat = network.difference(gradient, FloatBuffer(count: gradient.count))
    prepare(0..<parameterCount)
    for k in 0..<latentCount { target.start[k % classCount * width + k / classCount] += flat[k] }
  }

  /// The loss and success of softmax regression with the prior's means.
  public func predictions(
    of examples: ArraySlice<Int>, in data: Dataset, at parameters: FloatBuffer, _ workspace: NetworkWorkspace
  ) -> [Prediction] {
    let network = network
    return network.predictions(
      of: examples, in: data, at: network.padding(networkParameters(parameters)), workspace)
  }
}

/// What both ends know of `BayesianSoftmax` before anything is sent: the prior over weights.
public struct BayesianSoftmaxDecoder: ClassifierDecoder {
  public let prior: LatentPrior
  public let beta: Double
  public let featureCount: Int
  public let classCount: Int

  public init(prior: LatentPrior, beta: Double, featureCount: Int, classCount: Int) {
    precondition(prior.means.count == (featureCount + 1) * classCount)
    (self.prior, self.beta, self.featureCount, self.classCount) = (prior, beta, featureCount, classCount)
  }

  /// The posterior of a client's examples (`SoftmaxFit`). A latent that has been sent keeps its value as the mean, and has the scale
  /// of a posterior that the prior says, which is of no account.
  public func posterior(
    of examples: ArraySlice<Int>, in data: Dataset, form: PosteriorForm, sent: [Double?]?, start: LatentPosterior?,
    steps: Int?, random: inout RandomStream
  ) -> LatentPosterior {
    let fit = SoftmaxFit(features: featureCount, classes: classCount)
    var found = fit.posterior(
      of: examples, in: data,
      SoftmaxFit.Request(prior: prior, beta: beta, form: form, sent: sent, start: start, steps: steps), random: &random)
    if let sent {
      for (k, value) in sent.enumerated() where value != nil { found.scales[k] = prior.posteriorScales[k] }
    }
    return found
  }

  public func isRight(_ latents: [Double], on examples: ArraySlice<Int>, of data: Dataset) -> [Bool] {
    let width = featureCount + 1
    return examples.map { example in
      var (best, largest) = (0, -Double.infinity)
      for c in 0..<classCount {
        var score = latents[c * width + featureCount]
        for j in 0..<featureCount {
          score += latents[c * width + j] * Double(data.features[example * featureCount + j])
        }
        if score > largest { (best, largest) = (c, score) }
      }
      return largest.isFinite && best == Int(data.labels[example])
    }
  }
}

/// A client's part in learning the prior: it fits its posterior, and returns what the server averages (`BayesianSoftmaxModel`).
public struct BayesianSoftmaxTrainer: LocalTraining {
  public let model: BayesianSoftmaxModel
  public let work: LocalWork
  public let batchSize: Int

  public init(model: BayesianSoftmaxModel, work: LocalWork, batchSize: Int) {
    (self.model, self.work, self.batchSize) = (model, work, batchSize)
  }

  public final class Workspace {
    fileprivate let fit: SoftmaxFit

    fileprivate init(_ model: BayesianSoftmaxModel) {
      fit = SoftmaxFit(features: model.featureCount, classes: model.classCount)
    }
  }

  public func makeWorkspace(largestClient: Int) -> Workspace { Workspace(model) }

  public func train(_ task: LocalTask, random: inout RandomStream, _ workspace: Workspace) -> LocalUpdate {
    let decoder = model.decoder(UnsafeBufferPointer(start: task.start.start, count: model.parameterCount))
    let steps =
      switch task.work ?? work {
      // Newton's steps are counted; a part of one is one.
      case .epochs(let count): Int(count.rounded(.up))
      case .steps(let count): count
      }
    let posterior = workspace.fit.posterior(
      of: task.examples, in: task.data,
      SoftmaxFit.Request(prior: decoder.prior, beta: model.beta, form: model.architecture.posterior, steps: steps),
      random: &random)
    let count = model.latentCount
    var update = [Float](repeating: 0, count: model.parameterCount)
    for k in 0..<count {
      let shift = posterior.means[k] - decoder.prior.means[k]
      let second = posterior.scales[k] * posterior.scales[k] + shift * shift
      let velocity = Double(task.start.start[3 * count + k])
      let move = model.architecture.momentum * velocity + shift
      update[k] = Float(move)
      update[count + k] = Float(second - Double(task.start.start[count + k]))
      update[2 * count + k] = Float(workspace.fit.curvature[k] - Double(task.start.start[2 * count + k]))
      update[3 * count + k] = Float(move - velocity)
    }
    return LocalUpdate(update, exampleCount: task.examples.count, steps: steps)
  }

  public func evaluate(_ parameters: FloatBuffer, on examples: ArraySlice<Int>, of data: Dataset) -> Evaluation? {
    model.evaluation(of: parameters.values, on: examples, of: data, Parallel(threads: 1))
  }
}
