import ChannelCoding
import Clients
import Datasets
import Files
import JSONText
import Numerics
import Scenarios

/// A run's last model on each client's own test examples, and where it is asked for, on the same after each client has trained it further on
/// its own training examples: clients.csv. None of it is covered by a guarantee; tuned models stay with their clients.
public struct ClientTests: Sendable {
  /// A client that has test examples.
  public struct Row: Sendable, Equatable {
    public let client: Int
    public let trainingExamples: Int
    public let testExamples: Int
    /// Of the last model.
    public let before: Evaluation
    /// Of the model that the client makes of it; nil where none does.
    public let after: Evaluation?
  }

  /// In the order of clients.
  public let rows: [Row]
  /// Clients of the run that have no test example: they are in no figure.
  public let clientsWithoutTest: Int
  private let hasAccuracy: Bool
  private let isTuned: Bool

  // MARK: Files

  /// clients.csv: a line a client. What is not finite is an empty cell.
  public var csv: String {
    var header = ["client", "trainingExamples", "testExamples"]
    for prefix in isTuned ? ["", "tuned"] : [""] {
      header += (hasAccuracy ? ["loss", "accuracy"] : ["loss"]).map { name in
        prefix.isEmpty ? name : prefix + name.prefix(1).uppercased() + name.dropFirst()
      }
    }
    let cells = { (evaluation: Evaluation) -> [JSON] in
      let loss = JSON.optional(evaluation.loss.isFinite ? evaluation.loss : nil)
      return hasAccuracy ? [loss, .optional(evaluation.accuracy)] : [loss]
    }
    let lines = rows.map { row -> String in
      let counts = [row.client, row.trainingExamples, row.testExamples].map { JSON.integer($0) }
      return (counts + cells(row.before) + (row.after.map(cells) ?? [])).map { CSV.cell($0) }.joined(separator: ",")
    }
    return ([header.joined(separator: ",")] + lines).map { $0 + "\n" }.joined()
  }

  /// Over clients, each counted once whatever its examples; nil for a figure of which one is not finite.
  public struct Figures: Sendable, Equatable {
    public let mean: Double
    public let p10: Double
    public let p50: Double
    public let p90: Double
    /// The lowest accuracy, the highest loss.
    public let worst: Double

    init?(_ values: [Double], isLowWorst: Bool) {
      guard values.allSatisfy(\.isFinite), let found = Percentiles(values),
        let worst = isLowWorst ? values.min() : values.max()
      else { return nil }
      (mean, p10, p50, p90, self.worst) = (found.mean, found.p10, found.p50, found.p90, worst)
    }

    var json: JSON {
      [
        "mean": .number(mean), "p10": .number(p10), "p50": .number(p50), "p90": .number(p90), "worst": .number(worst),
      ]
    }
  }

  public var accuracyBefore: Figures? { accuracy(rows.map(\.before)) }
  public var accuracyAfter: Figures? { accuracy(rows.compactMap(\.after)) }
  public var lossBefore: Figures? { Figures(rows.map(\.before.loss), isLowWorst: false) }
  public var lossAfter: Figures? { Figures(rows.compactMap { $0.after?.loss }, isLowWorst: false) }

  private func accuracy(_ found: [Evaluation]) -> Figures? { Figures(found.compactMap(\.accuracy), isLowWorst: true) }

  /// What summary.json has of it.
  var headline: JSON {
    let part = { (accuracy: Figures?, loss: Figures?) -> JSON in
      var object = JSONObject()
      if hasAccuracy { object["accuracy"] = accuracy?.json ?? .null }
      object["loss"] = loss?.json ?? .null
      return .object(object)
    }
    var root = JSONObject()
    root["clients"] = .integer(rows.count)
    root["clientsWithoutTest"] = .integer(clientsWithoutTest)
    root["before"] = part(accuracyBefore, lossBefore)
    if isTuned { root["after"] = part(accuracyAfter, lossAfter) }
    return .object(root)
  }

  // MARK: Measuring

  /// The client of each test example, -1 where it belongs to none.
  ///
  /// A source numbers owners alike in both parts. Where every owner's training examples are with one client, its test examples are that
  /// client's own.
  ///
  /// - Parameter areOwnersClients: whether owners are clients by their numbers already.
  /// - Returns: nil where owners of test examples are not known, or their training examples are with several clients, or none is a client's.
  static func owners(of test: Dataset, _ population: Population, areOwnersClients: Bool) -> [Int32]? {
    guard let owners = test.owners else { return nil }
    if areOwnersClients { return owners }
    guard let known = population.data.owners else { return nil }
    var clientOf: [Int32: Int32] = [:]
    for (owner, client) in zip(known, population.owners) {
      if let other = clientOf.updateValue(client, forKey: owner), other != client { return nil }
    }
    let clients = owners.map { clientOf[$0] ?? -1 }
    return clients.contains { $0 >= 0 } ? clients : nil
  }

  /// Measures flat parameters on all clients, in an order and with random numbers that no other work of the run knows of.
  ///
  /// - Parameter continues: told how many of how many clients are done; false abandons all.
  /// - Returns: nil for a run that does not ask for it.
  /// - Throws: `SimulationError.abandoned`.
  init?(_ setup: RunSetup, parameters: [Float], continues: (_ done: Int, _ all: Int) -> Bool) throws {
    guard let owners = setup.testOwners else { return nil }
    let population = setup.population
    var examples = [[Int]](repeating: [], count: population.clientCount)
    for (example, client) in owners.enumerated() where client >= 0 { examples[Int(client)].append(example) }
    let clients = examples.indices.filter { !examples[$0].isEmpty }
    let stage = ClientTestStage(setup: setup, parameters: parameters, examples: examples)
    rows = try stage.rows(clients, continues)
    clientsWithoutTest = population.clientCount - clients.count
    hasAccuracy = setup.scenario.task.hasAccuracy
    isTuned = setup.scenario.evaluation.fineTuneEpochs != nil
  }
}

/// One model on the test examples of client after client.
private struct ClientTestStage {
  let setup: RunSetup
  let parameters: [Float]
  /// Of each client, indices of its test examples.
  let examples: [[Int]]

  func rows(_ clients: [Int], _ continues: (Int, Int) -> Bool) throws -> [ClientTests.Row] {
    try rows(clients, continues, model: setup.model)
  }

  private func rows<M: Model>(_ clients: [Int], _ continues: (Int, Int) -> Bool, model: M) throws -> [ClientTests.Row] {
    let trainer = RunSetup.trainer(setup.scenario, model)
    let start = model.padding(parameters)
    var rows: [ClientTests.Row] = []
    // Tuning takes long: whoever waits for it to stop waits for a client of each thread. Evaluations alone do not.
    let threads = setup.parallel.threads
    let part = setup.scenario.evaluation.fineTuneEpochs == nil ? max(16 * threads, 64) : threads
    for first in stride(from: 0, to: clients.count, by: part) {
      guard continues(first, clients.count) else { throw SimulationError.abandoned(round: setup.lastRound) }
      let batch = clients[first..<min(first + part, clients.count)]
      let before = setup.parallel.map(batch.count) { i in evaluation(model, start, of: batch[first + i]) }
      let after = tuned(Array(batch), trainer, model)
      for (i, client) in batch.enumerated() {
        rows.append(
          ClientTests.Row(
            client: client, trainingExamples: setup.population.exampleCount(of: client),
            testExamples: examples[client].count, before: before[i], after: after?[i]))
      }
    }
    return rows
  }

  private func evaluation(_ model: some Model, _ padded: FloatBuffer, of client: Int) -> Evaluation {
    Evaluation(model, padded, on: examples[client][...], of: setup.test, Parallel(threads: 1))
  }

  /// Each client's own model on its test; nil where nothing is tuned.
  private func tuned(_ clients: [Int], _ trainer: some LocalTraining, _ model: some Model) -> [Evaluation]? {
    guard let epochs = setup.scenario.evaluation.fineTuneEpochs else { return nil }
    let population = setup.population
    let key = RunKeys.experimentKey(seed: setup.scenario.seed, .fineTuning)
    let start = trainer.prepare(parameters)
    let largest = clients.reduce(0) { max($0, population.exampleCount(of: $1)) }
    return setup.parallel.map(
      clients.count, worker: { trainer.makeWorkspace(largestClient: largest) },
      body: { workspace, i in
        var order = RandomStream(key: key.derived(.client, index: UInt64(clients[i])))
        let task = LocalTask(
          start: start, examples: population.examples(of: clients[i]), data: population.data,
          work: .epochs(Double(epochs)))
        let update = trainer.train(task, random: &order, workspace).values
        return evaluation(model, model.padding(zip(parameters, update).map { $0 + $1 }), of: clients[i])
      })
  }
}
