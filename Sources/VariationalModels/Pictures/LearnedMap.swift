import ChannelCoding
import Clients
import Datasets
import Numerics
import Settings

/// Latents that a learned linear map makes the weights of a small sine network: an implicit representation of a picture in as few numbers
/// as there are latents.
public struct LearnedMap: ModelArchitecture, Equatable {
  /// Hidden units of the sine network.
  public var hidden: Int
  /// Sines and cosines of each coordinate that the network gets.
  public var frequencies: Int
  public var latents: Int
  public var beta: Double
  /// Whose the scales of posteriors are in training.
  public var posterior: PosteriorForm

  public static let task = LearningTask.representation

  public init(
    hidden: Int = 16, frequencies: Int = 3, latents: Int = 32, beta: Double = 0.01, posterior: PosteriorForm = .tied
  ) {
    (self.hidden, self.frequencies, self.latents) = (hidden, frequencies, latents)
    (self.beta, self.posterior) = (beta, posterior)
  }

  public static let keys = SettingList(
    LearnedMap(),
    [
      Setting("hidden", \.hidden, .integer(1...1024), hiddenMeaning),
      Setting("frequencies", \.frequencies, .integer(0...64), frequenciesMeaning),
      Setting("latents", \.latents, .integer(1...1024), "latents of which the weights are made"),
      Setting("beta", \.beta, .positive, LinearDecoder.betaMeaning),
      Setting(
        "posterior", \.posterior, .choice(PosteriorForm.self), posteriorMeaning),
    ])

  static let hiddenMeaning = "hidden units of the sine network"
  static let posteriorMeaning =
    "whose the posteriors' scales are in training: public ones for all data, or each its own"
  static let frequenciesMeaning = "frequencies whose sines and cosines of a pixel's coordinates the network gets"

  public func makeModel(for data: Dataset) throws(KeyProblem) -> any Model {
    LearnedMapModel(
      SineGeometry(data, hidden: hidden, frequencies: frequencies), latents: latents, beta: beta, form: posterior)
  }
}

/// The parameters of a learned map: w0; A, weights x latents; the prior's second moments s^2 (its means are 0); and the mean precisions of
/// tied posteriors.
///
/// A client's training takes minibatches of pictures; it fits their posteriors at its current parameters, then moves w0 and A by the rule
/// of the scenario's client optimizer, with the gradient of the squared error at samples of the posteriors. The prior stays as it came; in
/// the end its moments become the means over the client's examples of sigma^2 + mu^2, and of t (J^T J)_jj, t = 2/beta: for an expansion of
/// first order the tied scale that minimises the population's objective is sigma_j^2 = 1/(mean t (J^T J)_jj + 1/s_j^2). Moments are means, so
/// that FedAvg at rate 1 averages them as it should; an adaptive server would not.
public struct LearnedMapModel: PictureModel {
  let geometry: SineGeometry
  public let latentCount: Int
  public var beta: Double
  /// Of training and of evaluations.
  public let form: PosteriorForm

  init(_ geometry: SineGeometry, latents: Int, beta: Double, form: PosteriorForm) {
    (self.geometry, latentCount, self.beta, self.form) = (geometry, latents, beta, form)
  }

  /// w0 and A.
  var mapCount: Int { geometry.weightCount * (latentCount + 1) }

  public var parameterCount: Int { mapCount + 2 * latentCount }

  public var shape: String {
    "\(latentCount)-\(geometry.weightCount), \(geometry.inputs - 1)-\(geometry.hidden)s-\(geometry.channels)"
  }

  public var tensors: [ModelTensor] {
    [
      ModelTensor(name: "weights", shape: [geometry.weightCount]),
      ModelTensor(name: "map", shape: [geometry.weightCount, latentCount]),
      ModelTensor(name: "second moments", shape: [latentCount]),
      ModelTensor(name: "precisions", shape: [latentCount]),
    ]
  }

  /// A sine network at random, a small random map, and the prior N(0, 1) with posteriors of scale e^-1.5.
  public func initialParameters(_ random: inout RandomStream) -> [Float] {
    var parameters = geometry.initialWeights(&random)
    let scale = Self.mapScale / Double(latentCount).squareRoot()
    for _ in 0..<(geometry.weightCount * latentCount) { parameters.append(Float(scale * random.normal())) }
    parameters += [Float](repeating: 1, count: latentCount)
    parameters += [Float](repeating: 19, count: latentCount)
    return parameters
  }

  private static let mapScale = 0.3

  public func decoder(_ parameters: [Float]) -> LearnedMapDecoder { LearnedMapDecoder(self, parameters) }

  public func trainer(work: LocalWork, batchSize: Int, optimizer: any ClientOptimizing) -> (any LocalTraining)? {
    func make<Rule: ClientOptimizing>(_ rule: Rule) -> any LocalTraining {
      LearnedMapTrainer(model: self, work: work, batchSize: batchSize, optimizer: rule)
    }
    return make(optimizer)
  }

  public func evaluation(
    of parameters: [Float], on examples: ArraySlice<Int>, of data: Dataset, _ parallel: Parallel
  ) -> Evaluation {
    let decoder = decoder(parameters)
    return pictureEvaluation(on: examples, parallel) {
      decoder.fitted($0, in: data, form: form, steps: nil, sent: nil, start: nil).objective
    }
  }

  /// The public prior that the moments behind w0 and A say.
  func prior(_ moment: (Int) -> Float) -> LatentPrior {
    let scales = (0..<latentCount).map { LatentPrior.scale(ofVariance: Double(moment($0))) }
    let own = scales.indices.map {
      LatentPrior.tiedScale(precision: Double(moment(latentCount + $0)), prior: scales[$0])
    }
    return LatentPrior(means: scales.map { _ in 0 }, scales: scales, posteriorScales: own)
  }

  func rules(_ prior: LatentPrior, _ form: PosteriorForm) -> LatentFit.Rules {
    LatentFit.Rules(
      variances: prior.scales.map { $0 * $0 }, tied: form == .tied ? prior.posteriorScales : nil, beta: beta)
  }
}

// MARK: A model with a gradient, like any other

extension LearnedMapModel {
  public final class Workspace {
    let map: LatentMap
    let fit: LatentFit
    /// A row of weights for each sample of a batch, and its latents.
    fileprivate var weights: FloatBuffer
    fileprivate var samples: FloatBuffer
    fileprivate let product: FloatBuffer
    let noise: [[Double]]

    fileprivate init(_ model: LearnedMapModel, capacity: Int, noise: Int) {
      map = LatentMap(model.geometry, latents: model.latentCount)
      fit = LatentFit(map)
      let rows = capacity * 2 * noise
      weights = FloatBuffer(count: rows * model.geometry.weightCount)
      samples = FloatBuffer(count: rows * map.stride)
      product = FloatBuffer(count: model.geometry.weightCount * map.stride)
      self.noise = fixedNormals(rows: noise, count: model.latentCount)
    }

    /// The rows of a sample's gradient by weights, and of its latents: 2 for each row of noise.
    func addSamples(_ target: UnsafePointer<Float>, _ noise: [[Double]], from first: Int) {
      let count = map.geometry.weightCount
      for s in 0..<(2 * noise.count) {
        let sign = s & 1 == 0 ? 1.0 : -1.0
        let latents = samples.start + (first + s) * map.stride
        _ = fit.error(at: { fit.means[$0] + sign * noise[s / 2][$0] * fit.scales[$0] }, target)
        for j in 0..<map.latents { latents[j] = Float(fit.means[j] + sign * noise[s / 2][j] * fit.scales[j]) }
        let row = weights.start + (first + s) * count
        row.update(repeating: 0, count: count)
        fit.sine.backward(into: row)
      }
    }

    /// target += scale times the sums of the rows (w0), and of their products with latents (A).
    func collect(rows: Int, scale: Float, into target: FloatBuffer) {
      let (count, latents) = (map.geometry.weightCount, map.latents)
      product.fill()
      Kernels.best.multiplyAdd(
        .init(weights.start, row: 1, step: count), samples.start, bRow: map.stride, into: product.start,
        cRow: map.stride, rows: count, columns: map.stride, steps: rows)
      for r in 0..<rows {
        for i in 0..<count { target.start[i] += scale * weights.start[r * count + i] }
      }
      for i in 0..<count {
        let (to, from) = (target.start + count + i * latents, product.start + i * map.stride)
        for j in 0..<latents { to[j] += scale * from[j] }
      }
    }
  }

  public func makeWorkspace(capacity: Int) -> Workspace { Workspace(self, capacity: capacity, noise: 2) }

  /// The gradient by w0 and A; the moments have none, they are no part of the descent.
  public func addGradient(
    of examples: ArraySlice<Int>, in data: Dataset, at parameters: FloatBuffer, scale: Float, to target: FloatBuffer,
    _ workspace: Workspace, _ prepare: (Range<Int>) -> Void
  ) {
    let noise = workspace.noise
    workspace.map.load(parameters.start)
    let rules = rules(prior { parameters.start[mapCount + $0] }, form)
    for (i, example) in examples.enumerated() {
      withPicture(example, in: data) { target in
        workspace.fit.reset(rules)
        workspace.fit.run(target, rules, noise: noise)
        workspace.addSamples(target, noise, from: i * 2 * noise.count)
      }
    }
    prepare(0..<parameterCount)
    workspace.collect(
      rows: examples.count * 2 * noise.count, scale: scale / Float(2 * noise.count), into: target)
  }

  /// The objective at the fitted posterior.
  public func predictions(
    of examples: ArraySlice<Int>, in data: Dataset, at parameters: FloatBuffer, _ workspace: Workspace
  ) -> [Prediction] {
    workspace.map.load(parameters.start)
    let rules = rules(prior { parameters.start[mapCount + $0] }, form)
    return examples.map { example in
      withPicture(example, in: data) { target in
        workspace.fit.reset(rules)
        workspace.fit.run(target, rules, noise: workspace.noise)
      }
      return Prediction(loss: workspace.fit.objective, isCorrect: false)
    }
  }
}

func withPicture<R>(_ example: Int, in data: Dataset, _ body: (UnsafePointer<Float>) -> R) -> R {
  data.features.withUnsafeBufferPointer { values in
    // A data set has at least one feature, and the example is one of its own.
    guard let start = values.baseAddress else { preconditionFailure("a data set without features") }
    return body(start + example * data.featureCount)
  }
}

/// A client's local work for a learned map: see `LearnedMapModel`.
struct LearnedMapTrainer<Rule: ClientOptimizing>: LocalTraining {
  let model: LearnedMapModel
  let work: LocalWork
  let batchSize: Int
  let optimizer: Rule

  final class Workspace {
    let batch: LearnedMapModel.Workspace
    let parameters: FloatBuffer
    var state: Rule.State

    init(_ trainer: LearnedMapTrainer, capacity: Int) {
      batch = LearnedMapModel.Workspace(trainer.model, capacity: capacity, noise: 1)
      parameters = FloatBuffer(count: trainer.model.parameterCount)
      state = trainer.optimizer.makeState(parameters: trainer.model.parameterCount)
    }
  }

  var hasRates: Bool { optimizer.scaled(by: 1) != nil }

  func makeWorkspace(largestClient: Int) -> Workspace {
    Workspace(self, capacity: min(batchSize, max(largestClient, 1)))
  }

  func train(_ task: LocalTask, random: inout RandomStream, _ workspace: Workspace) -> LocalUpdate {
    let (parameters, mapCount) = (workspace.parameters, model.mapCount)
    parameters.start.update(from: task.start.start, count: parameters.count)
    optimizer.reset(&workspace.state)
    let prior = model.prior { task.start.start[mapCount + $0] }
    var rules = model.rules(prior, model.form)
    var order = Array(task.examples)
    var posteriors: [Int: LatentPosterior] = [:]
    let steps = (task.work ?? work).steps(examples: order.count, batchSize: batchSize)
    // The round's own rate, where a schedule gives it another one.
    let optimizer = task.rateFactor == 1 ? optimizer : optimizer.scaled(by: task.rateFactor) ?? optimizer
    var left = steps
    while left > 0 {
      random.shuffle(&order)
      for first in stride(from: 0, to: order.count, by: batchSize) where left > 0 {
        step(
          order[first..<min(first + batchSize, order.count)], task, optimizer, &rules, &posteriors, random: &random,
          workspace)
        left -= 1
      }
    }
    if !order.isEmpty { takeMoments(order.sorted()[...], task, &rules, posteriors, workspace) }
    return LocalUpdate(
      (0..<parameters.count).map { parameters.start[$0] - task.start.start[$0] }, exampleCount: order.count,
      steps: steps, controlChange: task.control.map { $0.own.map { _ in 0 } } ?? [])
  }

  private func step(
    _ examples: ArraySlice<Int>, _ task: LocalTask, _ optimizer: Rule, _ rules: inout LatentFit.Rules,
    _ posteriors: inout [Int: LatentPosterior], random: inout RandomStream, _ workspace: Workspace
  ) {
    let (batch, n) = (workspace.batch, model.latentCount)
    batch.map.load(workspace.parameters.start)
    for (i, example) in examples.enumerated() {
      fit(example, task, &rules, posteriors[example], noise: [(0..<n).map { _ in random.normal() }], batch)
      let noise = [(0..<n).map { _ in random.normal() }]
      withPicture(example, in: task.data) { batch.addSamples($0, noise, from: 2 * i) }
      posteriors[example] = LatentPosterior(means: batch.fit.means, scales: batch.fit.scales)
    }
    optimizer.step(workspace.parameters, from: task.start, &workspace.state) { scale, target, prepare in
      prepare(0..<workspace.parameters.count)
      batch.collect(rows: 2 * examples.count, scale: scale / Float(2 * examples.count), into: target)
    }
  }

  private func fit(
    _ example: Int, _ task: LocalTask, _ rules: inout LatentFit.Rules, _ start: LatentPosterior?, noise: [[Double]],
    _ batch: LearnedMapModel.Workspace
  ) {
    if let start { batch.fit.reset(rules, start) } else { batch.fit.reset(rules) }
    (rules.plain, rules.sampled) = start == nil ? (8, 2) : (1, 1)
    withPicture(example, in: task.data) { batch.fit.run($0, rules, noise: noise) }
  }

  /// The client's moments at its last parameters.
  private func takeMoments(
    _ examples: ArraySlice<Int>, _ task: LocalTask, _ rules: inout LatentFit.Rules,
    _ posteriors: [Int: LatentPosterior], _ workspace: Workspace
  ) {
    let (batch, n) = (workspace.batch, model.latentCount)
    batch.map.load(workspace.parameters.start)
    var moments = [Double](repeating: 0, count: 2 * n)
    for example in examples {
      fit(example, task, &rules, posteriors[example], noise: batch.noise, batch)
      for j in 0..<n {
        moments[j] += batch.fit.means[j] * batch.fit.means[j] + batch.fit.scales[j] * batch.fit.scales[j]
        moments[n + j] += batch.fit.precisions[j]
      }
    }
    for j in moments.indices {
      workspace.parameters.start[model.mapCount + j] = Float(moments[j] / Double(examples.count))
    }
  }
}

/// The decoder of a learned map.
public struct LearnedMapDecoder: PictureDecoder {
  public let prior: LatentPrior
  private let model: LearnedMapModel
  private let map: LatentMap
  private let noise: [[Double]]

  init(_ model: LearnedMapModel, _ parameters: [Float]) {
    precondition(parameters.count == model.parameterCount)
    self.model = model
    let finite = parameters.map { $0.isFinite ? $0 : 0 }
    prior = model.prior { finite[model.mapCount + $0] }
    map = LatentMap(model.geometry, latents: model.latentCount)
    map.load(finite)
    noise = fixedNormals(rows: 2, count: model.latentCount)
  }

  public func posterior(
    of examples: ArraySlice<Int>, in data: Dataset, form: PosteriorForm, sent: [Double?]?, start: LatentPosterior?,
    steps: Int?, random: inout RandomStream
  ) -> LatentPosterior {
    fitted(examples[examples.startIndex], in: data, form: form, steps: steps, sent: sent, start: start).posterior
  }

  /// The fitted posterior and its objective.
  func fitted(
    _ example: Int, in data: Dataset, form: PosteriorForm, steps: Int?, sent: [Double?]?, start: LatentPosterior?
  ) -> (posterior: LatentPosterior, objective: Double) {
    let fit = LatentFit(map)
    var rules = model.rules(prior, form)
    if let steps {
      rules.sampled = (steps + 1) / 2
      rules.plain = steps - rules.sampled
    }
    if let start {
      rules.plain = 0
      fit.reset(rules, start)
    } else {
      fit.reset(rules)
    }
    withPicture(example, in: data) { fit.run($0, rules, noise: noise, sent: sent) }
    return (LatentPosterior(means: fit.means, scales: fit.scales), fit.objective)
  }

  public func picture(_ latents: [Double]) -> [Float] {
    let sine = SineWorkspace(map.geometry)
    let buffer = FloatBuffer(count: map.stride)
    for (j, value) in latents.enumerated() { buffer.start[j] = Float(value) }
    map.forward(buffer.start, sine)
    return sine.picture.values
  }
}
