import Aggregator
import ChannelCoding
import Clients
import FedSim
import Files
import Numerics

/// A run whose model left the range in which it could learn: what shows it, and what would keep it there.
///
/// Rates are at fault as a rule, and there are two. Which one is not read off the records, where one looks like the other, but
/// tried: some clients train from the initial model, and their mean update, with nothing of the server's, is applied to it.
struct Divergence {
  /// For people: what shows it.
  let sign: String
  /// For people: what to change.
  let advice: String

  /// A loss of so many times that of guessing is no model's.
  static let factor = 1000.0

  private static func nonFinite(_ summary: RunSummary) -> String {
    let sent = summary.records.reduce(0) { $0 + $1.arrived + $1.refused }
    return
      "\(Text.grouped(summary.nonFiniteUpdates)) of \(Text.grouped(sent)) updates were not finite and counted as zero"
  }

  /// - Returns: nil for a run that did not diverge.
  init?(_ summary: RunSummary) {
    let setup = summary.setup
    guard !setup.isExternal else {
      // Of losses and of training nothing is known.
      guard summary.nonFiniteUpdates > 0 else { return nil }
      sign = Self.nonFinite(summary)
      advice = "they came from the program so"
      return
    }
    // Of a quantity, saying 0, where a model starts.
    let squares = setup.test.targets.map { targets in
      targets.reduce(0) { $0 + Double($1) * Double($1) } / Double(max(targets.count, 1))
    }
    let guessing = squares ?? Elementary.log(Double(setup.test.classCount))
    if summary.nonFiniteUpdates > 0 {
      sign = Self.nonFinite(summary)
    } else if setup.plan == nil, summary.records.contains(where: { $0.refused > 0 }) {
      let refused = summary.records.reduce(0) { $0 + $1.refused }
      sign = "\(Text.grouped(refused)) updates were larger than a sum has room for, and refused"
    } else if summary.finalAccuracy != nil || setup.scenario.task != .classification, summary.finalLoss == nil,
      summary.stoppedBy != .interrupted
    {
      sign = "the final loss is not finite"
    } else if !setup.scenario.task.isAboutPosteriors, guessing > 0, let loss = summary.finalLoss,
      loss > Self.factor * guessing
    {
      sign = "the final loss is \(Text.loss(loss)), where guessing has \(Text.loss(guessing))"
    } else {
      return nil
    }
    let training = "lower training.learningRate (\(Text.short(setup.scenario.training.optimizer.learningRate)))"
    let optimizer = ServerOptimizer(setup.scenario.server.optimizer)
    let server = "lower server.learningRate (\(Text.short(optimizer.learningRate)))"
    if let share = setup.scenario.cohort.byzantine {
      let rule =
        setup.scenario.server.rule == nil
        ? "another server.aggregation than \"mean\"" : "a server.aggregation that withstands more"
      advice =
        "a lower cohort.byzantine (\(Text.short(share))), or \(rule): hostile clients send \(Text.short(setup.scenario.faults.byzantineFactor)) times "
        + "their updates"
    } else if summary.records.first.map({ $0.nonFinite > 0 }) ?? false
      || setup.localTrainingDiverges(limit: Self.factor * guessing)
    {
      advice = "\(training)\(Self.scales(setup)): clients diverge that start from the initial model"
    } else if setup.plan != nil {
      advice =
        "\(server) or privacy.clippingNorm: single clients do not diverge, and these two decide how far updates and noise move the model"
    } else if optimizer.name == FedAvg.name, optimizer.learningRate <= 1 {
      advice = "\(training): the server takes means of what clients make, no more"
    } else {
      advice = "\(server): clients that start from the initial model do not diverge"
    }
  }
}

extension Divergence {
  /// What else helps where features or targets are far from 1: gradients grow with both.
  private static func scales(_ setup: RunSetup) -> String {
    let data = setup.population.data
    let largest = data.features.prefix(1000 * data.featureCount).reduce(Float(0)) { max($0, abs($1)) }
    let target = (data.targets ?? []).prefix(1000).reduce(Float(0)) { max($0, abs($1)) }
    var ways: [String] = []
    if largest > 100, data.symbolNames == nil { ways.append("scale features, of up to \(Text.short(Double(largest)))") }
    if target > 100 { ways.append("set data.targetOffset and data.targetScale") }
    return ways.isEmpty ? "" : ", or \(ways.joined(separator: ", or "))"
  }
}

extension RunSetup {
  /// Whether one step of plain averaging over some clients, each with all its local work from the initial model, ends beyond a loss.
  func localTrainingDiverges(limit: Double) -> Bool {
    localTrainingDiverges(Self.trainer(scenario, model), limit: limit)
  }

  private func localTrainingDiverges(_ trainer: some LocalTraining, limit: Double) -> Bool {
    let start = initialParameters
    let prepared = trainer.prepare(start)
    let most = 8
    let count = population.clientCount
    let clients = (0..<min(most, count)).map { $0 * count / min(most, count) }
      .filter { population.exampleCount(of: $0) > 0 }
    guard !clients.isEmpty else { return false }
    let updates = parallel.map(clients.count) { i -> [Double]? in
      let examples = population.examples(of: clients[i])
      var order = RunKeys.experimentStream(seed: scenario.seed, .training)
      let task = LocalTask(start: prepared, examples: examples, data: population.data)
      let update = trainer.train(task, random: &order).values
      let sent = ClippedUpdate(clipping: update, to: plan?.clippingNorm ?? .infinity)
      return sent.wasReplaced ? nil : sent.values
    }
    let finite = updates.compactMap { $0 }
    guard finite.count == updates.count else { return true }
    let model = start.indices.map { j in
      Float(Double(start[j]) + finite.reduce(0) { $0 + $1[j] } / Double(finite.count))
    }
    guard model.allSatisfy(\.isFinite) else { return true }
    let loss = evaluate(model).loss
    return !(loss <= limit)
  }
}
