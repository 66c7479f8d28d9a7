import ChannelCoding
import Clients
import Datasets
import Numerics
import Scenarios
import VariationalModels

/// The end of a run whose task is about posteriors: with the trained prior and decoder, each test datum has its posterior fitted and sent
/// by every code that the scenario names.
///
/// The results are the same for any number of threads: data are worked on one by one, with randomness of their own, and added up in order.
struct PosteriorStage: Sendable {
  let setup: RunSetup
  let parameters: [Float]
  let section: PosteriorSection
  /// Told how many of how many messages are done; false abandons all.
  typealias Progress = (_ done: Int, _ all: Int) -> Bool

  /// - Returns: nil for a task without posteriors.
  /// - Throws: `SimulationError.abandoned` where `continues` says so; an error of a codec for a posterior that it cannot send.
  static func results(
    _ setup: RunSetup, parameters: [Float], continues: Progress
  ) throws -> PosteriorResults? {
    let stage = PosteriorStage(
      setup: setup, parameters: parameters, section: setup.scenario.posterior ?? PosteriorSection())
    if let model = setup.model as? any PictureModel { return try stage.pictures(model, continues) }
    if let model = setup.model as? any ClassifierModel { return try stage.classifiers(model, continues) }
    return nil
  }

  /// The codes by which each posterior is sent, the standard one where the scenario names none.
  ///
  /// - Throws: `ScenarioError` for one that does not take such posteriors.
  func codecs(_ form: PosteriorForm) throws(ScenarioError) -> [PosteriorCodecDescriptor] {
    try Self.codecs(setup.scenario, form)
  }

  private static func codecs(
    _ scenario: Scenario, _ form: PosteriorForm
  ) throws(ScenarioError) -> [PosteriorCodecDescriptor] {
    let able = PosteriorCodecs.all.filter { form == .tied || $0.takesFreeScales }
    guard let names = scenario.posterior?.codecs else { return Array(able.filter { $0.isExact }.prefix(1)) }
    return try names.map { name throws(ScenarioError) in
      if let codec = able.first(where: { $0.name.rawValue == name }) { return codec }
      throw scenario.error(
        at: PosteriorSection.path(\.codecs),
        "found \"\(name)\", which takes no posteriors with \(form.rawValue) scales",
        allowed: able.map { "\"\($0.name.rawValue)\"" }.joined(separator: ", "))
    }
  }

  /// Checks before the first round what would stop the run behind the last one.
  ///
  /// - Throws: `ScenarioError` for a code that does not take posteriors such as the model's, for pictures with values outside [0, 1], whose
  ///   PSNR would mean nothing, and where no test client has examples to fit to and to test on.
  static func check(
    _ scenario: Scenario, _ model: any Model, test: Dataset, clients: Population?
  ) throws(ScenarioError) {
    guard let model = model as? any VariationalModel else { return }
    _ = try codecs(scenario, model.form)
    if model is any PictureModel, let low = test.features.min(), let high = test.features.max(), low < 0 || high > 1 {
      throw scenario.refusal(
        at: "data.source",
        "found values from \(low) to \(high) in the test examples; a representation is of values from 0 to 1 (for \"npy\": data.scale)"
      )
    }
    if let clients, !(0..<clients.clientCount).contains(where: { clients.exampleCount(of: $0) > 1 }) {
      throw scenario.refusal(
        at: PosteriorSection.path(\.clients),
        "none of \(clients.clientCount) test clients has two examples, one to fit its posterior to and one to test on")
    }
  }

  /// What sends posteriors over a prior.
  ///
  /// - Parameter population: posteriors of training data, from which what is public of free scales is learned; none where training data
  ///   have a guarantee, which would not cover that: the tied scales stand for them then.
  func sender(
    _ codec: PosteriorCodecDescriptor, _ prior: LatentPrior, _ form: PosteriorForm, population: [LatentPosterior]
  ) throws -> PosteriorSender {
    let active = PosteriorSender.active(prior, form)
    guard !active.isEmpty else { return PosteriorSender(prior: prior, active: [], codec: nil) }
    let ratios = active.map { PosteriorSender.ratio(prior.posteriorScales[$0], $0, prior) }
    let known = try population.map { try PosteriorSender.normalized($0, prior, active) }
    let scales: PosteriorScales
    if form == .tied {
      scales = .tied(ratios)
    } else if known.isEmpty {
      scales = .free(meanKL: ratios.map { max(-Elementary.log($0) / Elementary.log(2), 0) })
    } else {
      scales = try .free(population: known)
    }
    var options = PosteriorOptions()
    options.blockBits = section.blockBits
    var settings = PosteriorSettings(codec: codec.name, scales: scales, options: options)
    if !known.isEmpty, codec.name == .pfr { settings = try settings.learned(from: known) }
    return PosteriorSender(prior: prior, active: active, codec: try settings.makeCodec())
  }

  /// As many training data as a public law is learned from.
  private static let largestPopulation = 200

  /// Posteriors of training data, evenly spread, for what is public of free scales. None for tied ones, and none where the training data
  /// have a guarantee.
  ///
  /// - Parameters:
  ///   - count: how many training data there are.
  ///   - fit: fits the posterior of one.
  func trainingPosteriors(
    _ form: PosteriorForm, of count: Int,
    _ fit: @Sendable (_ datum: Int, _ random: inout RandomStream) -> LatentPosterior
  ) -> [LatentPosterior] {
    guard form == .free, setup.plan == nil else { return [] }
    let chosen = min(count, Self.largestPopulation)
    let key = RunKeys.experimentKey(seed: setup.scenario.seed, .testPartition).derived(.training)
    return setup.parallel.map(chosen) { i in
      var random = RandomStream(key: key.derived(.client, index: UInt64(i)))
      return fit(i * count / chosen, &random)
    }
  }

  /// Sends a datum's posterior, and refines what is left of it after each block where the scenario asks for it.
  ///
  /// - Parameter refit: the posterior given latents that were sent, with the scenario's steps.
  func send(
    _ posterior: LatentPosterior, by sender: PosteriorSender, _ keys: PosteriorKeys, message: Int,
    refit: (_ sent: [Double?], _ start: LatentPosterior, _ random: inout RandomStream) -> LatentPosterior
  ) throws -> PosteriorSender.Sent {
    var noise = keys.noise(message: message)
    let shared = keys.shared(message: message)
    guard section.refinement > 0 else { return try sender.send(posterior, shared: shared, private: &noise) }
    var random = keys.fit(message: message)
    return try sender.sendRefining(posterior, shared: shared, private: &noise) { refit($0, $1, &random) }
  }

  /// Does something with each datum on all threads, in parts after which a caller may stop.
  func forEach<Value: Sendable>(
    _ count: Int, _ done: inout Int, of all: Int, _ continues: Progress, _ body: @Sendable (Int) throws -> Value
  ) throws -> [Value] {
    var values: [Value] = []
    let part = max(4 * setup.parallel.threads, 16)
    for first in stride(from: 0, to: count, by: part) {
      guard continues(done, all) else { throw SimulationError.abandoned(round: setup.lastRound) }
      let size = min(part, count - first)
      values += try setup.parallel.map(size) { i in Result { try body(first + i) } }.map { try $0.get() }
      done += size
    }
    return values
  }
}
