import ChannelCoding
import Clients
import Datasets
import Files
import JSONText
import Numerics
import Scenarios
import VariationalModels

extension PosteriorStage {
  /// A client whose posterior is sent: the examples that it is fitted to, and those that it is tested on.
  private struct TestClient: Sendable {
    let fit: ArraySlice<Int>
    let test: ArraySlice<Int>
  }

  /// Sends each test client's posterior by every code.
  func classifiers(
    _ model: some ClassifierModel, _ continues: Progress
  ) throws -> PosteriorResults {
    let decoder = model.decoder(parameters)
    guard let population = setup.testClients else { preconditionFailure("the task has test clients") }
    let clients = split(population)
    let data = population.data
    let codecs = try codecs(model.form)
    var done = 0
    let all = clients.count * (codecs.count + 1)
    let posteriors = try forEach(clients.count, &done, of: all, continues) { i in
      var random = try keys(of: i).fit(message: 0)
      return decoder.posterior(
        of: clients[i].fit, in: data, form: model.form, sent: nil, start: nil, steps: nil, random: &random)
    }
    let training = setup.population
    let known = trainingPosteriors(model.form, of: training.clientCount) { client, random in
      decoder.posterior(
        of: training.examples(of: client), in: training.data, form: model.form, sent: nil, start: nil, steps: nil,
        random: &random)
    }
    var rows: [PosteriorResults.Row] = []
    for (c, codec) in codecs.enumerated() {
      let sender = try sender(codec, decoder.prior, model.form, population: known)
      let sent = try forEach(clients.count, &done, of: all, continues) { i in
        let sent = try send(posteriors[i], by: sender, keys(of: i), message: c + 1) { sent, start, random in
          decoder.posterior(
            of: clients[i].fit, in: data, form: model.form, sent: sent, start: start, steps: section.refinement,
            random: &random)
        }
        return (
          message: MessageFigures(sent, of: posteriors[i], decoder.prior),
          accuracy: Self.accuracy(decoder, sent.latents, clients[i], data)
        )
      }
      rows.append(
        PosteriorResults.Row(
          sent.map(\.message), by: codec, beta: model.beta, accuracy: Estimate(sent.map(\.accuracy))))
    }
    return PosteriorResults(
      task: setup.scenario.task.rawValue, dataCount: clients.count, valueCount: 0, latentCount: model.latentCount,
      activeCount: PosteriorSender.active(decoder.prior, model.form).count, form: model.form.rawValue, rows: rows,
      references: try references(decoder, posteriors, clients, data, codecCount: codecs.count), sheet: nil,
      sheetRows: [], notes: [])
  }

  private func keys(of client: Int) throws -> PosteriorKeys {
    try PosteriorKeys(setup.keys, datum: setup.population.clientCount + client)
  }

  private static func accuracy(
    _ decoder: some ClassifierDecoder, _ latents: [Double], _ client: TestClient, _ data: Dataset
  ) -> Double {
    let right = decoder.isRight(latents, on: client.test, of: data)
    return Double(right.count { $0 }) / Double(max(right.count, 1))
  }

  /// What nobody sends: the accuracy of the prior's mean, of a sample of the prior, and of the posteriors' means.
  private func references(
    _ decoder: some ClassifierDecoder, _ posteriors: [LatentPosterior], _ clients: [TestClient], _ data: Dataset,
    codecCount: Int
  ) throws -> [PosteriorResults.Reference] {
    let prior = decoder.prior
    let figures = try setup.parallel.map(clients.count) { i in
      Result {
        // Behind the messages about this client.
        var random = try keys(of: i).fit(message: codecCount + 1)
        let sample = prior.means.indices.map { prior.means[$0] + prior.scales[$0] * random.normal() }
        return [prior.means, sample, posteriors[i].means].map { Self.accuracy(decoder, $0, clients[i], data) }
      }
    }.map { try $0.get() }
    let mean = { (which: Int) in figures.reduce(0) { $0 + $1[which] } / Double(figures.count) }
    let named = [
      ("accuracyOfPriorMean", "accuracy of the prior's mean, without a message"),
      ("accuracyOfPriorSample", "accuracy of a sample of the prior"),
      ("accuracyOfPosteriorMean", "accuracy of the posteriors' means, which nobody can send at these bits"),
    ]
    return named.enumerated().map { i, reference in
      PosteriorResults.Reference(name: reference.0, meaning: reference.1, value: mean(i), isShare: true)
    }
  }

  /// Each client's examples in two parts, of which both have one at least; clients of a single example are left out.
  private func split(_ population: Population) -> [TestClient] {
    let key = RunKeys.experimentKey(seed: setup.scenario.seed, .testPartition)
    return (0..<population.clientCount).compactMap { client in
      let count = population.exampleCount(of: client)
      guard count > 1 else { return nil }
      let least = 1 / Double(count)
      let share = min(max(1 - section.fitShare, least), 1 - least)
      let parts = population.parts(of: client, testFraction: share, key: key)
      return TestClient(fit: parts.fit[...], test: parts.test[...])
    }
  }
}
