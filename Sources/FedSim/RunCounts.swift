import Clients
import Numerics

/// How much work a run is, in expectation: what follows from a scenario alone, on whatever machine.
struct RunCounts: Sendable, Equatable {
  var rounds: Double
  /// Clients that are drawn, a round.
  var drawn: Double
  /// Of them, those that train and send.
  var sent: Double
  /// Of the drawn, those whose upload would be written: they agree on a key, whether they send or not.
  var agreeing: Double
  /// Uploads that are written, a round.
  var coded: Double
  /// Clients that agree on a key with the server, of the whole run.
  var newcomers: Double
  /// Minibatches and examples of a client that sends, as its share of the stragglers' makes them.
  var steps: Double
  var examples: Double
  /// Examples that a client has.
  var examplesOfClient: Double
  /// Evaluations of the model on the test examples.
  var evaluations: Double
  /// Those in rounds, in which each client that sends measures the model on its own examples too.
  var evaluatedRounds: Double
  var testExamples: Double

  init(_ setup: RunSetup) {
    let (scenario, sampler) = (setup.scenario, setup.sampler)
    let faults = scenario.faults
    rounds = Double(setup.lastRound)
    drawn = sampler.expectedSize
    sent = drawn * faults.arrivalRate
    let share = setup.frame.codedShare
    (agreeing, coded) = (drawn * share, sent * share)
    let clients = Double(setup.population.clientCount)
    let untouched = min(max(1 - agreeing / clients, 0), 1)
    let never = untouched > 0 ? Elementary.exp(rounds * Elementary.log(untouched)) : rounds > 0 ? 0 : 1
    newcomers = clients * (1 - never)
    let every = scenario.evaluation.every
    evaluatedRounds = Double((setup.lastRound + every - 1) / every)
    evaluations = max(evaluatedRounds, 1)
    testExamples = Double(setup.test.count)
    (steps, examples, examplesOfClient) = Self.work(setup, faults)
  }

  /// Means over all clients, each of which is as likely to be drawn.
  private static func work(
    _ setup: RunSetup, _ faults: ClientPool.Faults
  ) -> (steps: Double, examples: Double, examplesOfClient: Double) {
    let training = setup.scenario.training
    let late = faults.dropsStragglers ? 0 : faults.stragglers
    var (steps, examples, all) = (0.0, 0.0, 0.0)
    for client in 0..<setup.population.clientCount {
      let count = setup.population.exampleCount(of: client)
      all += Double(count)
      guard count > 0 else { continue }
      let batches = (count + training.batchSize - 1) / training.batchSize
      let whole: Int
      // What a straggler does of it: uniform in 1 ... n - 1 of n parts.
      let part: Double
      switch training.work {
      case .epochs:
        whole = training.work.steps(examples: count, batchSize: training.batchSize)
        part = whole > 1 ? 0.5 : 1
      case .steps(let n):
        whole = n
        part = n > 1 ? 0.5 : 1
      }
      let done = Double(whole) * (1 - late + late * part)
      steps += done
      examples += done * Double(count) / Double(batches)
    }
    let clients = Double(max(setup.population.clientCount, 1))
    return (steps / clients, examples / clients, all / clients)
  }
}
