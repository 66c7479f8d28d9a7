import Aggregator
import ChannelCoding
import Clients
import Datasets
import JSONText
import Numerics
import Platform
import Scenarios
import Synchronization

/// What parts of runs cost on this machine, timed when they are first asked for and remembered while this value lives: runs of a sweep
/// have most of them in common. No result of a run depends on it.
///
/// Times are processor time of threads, of which as many work at once as a run has: cores share caches and memory.
public final class MachineCosts: Sendable {
  private let trained = Mutex<[String: (training: UnitCosts.Training, evaluation: UnitCosts.Line)]>([:])

  /// Runs that are made at a time.
  private let jobs: Int
  /// Of the time that a single run's parts are timed for.
  private let share: Double

  /// - Parameters:
  ///   - jobs: runs that will be made at a time, and compete for the cores.
  ///   - share: less than 1 where many runs are asked for; times are the less certain for it.
  public init(jobs: Int = 1, share: Double = 1) { (self.jobs, self.share) = (jobs, share) }

  /// Threads that work at once.
  private func threads(of setup: RunSetup) -> Int { min(setup.parallel.threads * jobs, ResourceUsage.processorCount) }

  func costs(of setup: RunSetup) -> UnitCosts {
    var costs = UnitCosts()
    costs.setUp = setup.preparationSeconds
    costs.accounting = AccountingProbe.seconds(setup)
    let draw = ThreadTimer(limit: 0.01)
    costs.drawing = draw.seconds { _ = setup.sampler.cohort(setup.keys.server.cohort(round: 1)) }
    guard !setup.isExternal else {
      // What a program does beside the rounds nobody knows here.
      costs.training = UnitCosts.Training()
      costs.channel = ChannelProbe(setup, .longest, threads: threads(of: setup), limit: 0.15 * share)?.costs
      return costs
    }
    let training = training(of: setup)
    costs.training = training.training
    costs.evaluation = training.evaluation
    let client = PredictedWork.client(RunCounts(setup), training.training)
    let pilot = NormPilot(setup, client: client, seconds: 0.3 * share)
    costs.channel = ChannelProbe(setup, pilot, threads: threads(of: setup), limit: 0.15 * share)?.costs
    return costs
  }

  private func training(of setup: RunSetup) -> (training: UnitCosts.Training, evaluation: UnitCosts.Line) {
    let key = Self.key(setup)
    if let known = trained.withLock({ $0[key] }) { return known }
    let probe = TrainingProbe(setup, threads: threads(of: setup))
    let found = (probe.training, probe.evaluation)
    trained.withLock { $0[key] = found }
    return found
  }

  /// What local work and evaluation depend on.
  private static func key(_ setup: RunSetup) -> String {
    var key: JSONObject = [
      "features": .integer(setup.population.data.featureCount), "model": .string(setup.model.shape),
      "parameters": .integer(setup.model.parameterCount), "threads": .integer(setup.parallel.threads),
      "test": .integer(setup.test.count), "training": .integer(setup.population.data.count),
    ]
    if case .object(let sections) = setup.resolved {
      for name in ["model", "training"] { key[name + "Section"] = sections[name] ?? .null }
    }
    return JSON.object(key).text(pretty: false)
  }
}

/// Times work by the processor time of the thread that does it.
struct ThreadTimer {
  /// Seconds that repeats may take, beyond the first.
  let limit: Double
  /// Repeats that there are although they take longer, up to ten times the limit.
  var least = 1
  private let most = 1000

  /// The middle one of several repeats: the first ones fill caches.
  func seconds(_ body: () -> Void) -> Double {
    var times: [Double] = []
    let began = ResourceUsage.threadSeconds
    var last = began
    var isEnough = false
    repeat {
      body()
      let now = ResourceUsage.threadSeconds
      times.append(now - last)
      last = now
      let spent = last - began
      isEnough = spent > 10 * limit || times.count >= (spent > limit ? least : most)
    } while !isEnough
    return times.sorted()[times.count / 2]
  }

  /// The same on several threads at once: what one of them needs.
  ///
  /// - Parameter body: the work of one thread.
  func seconds(_ parallel: Parallel, _ body: @Sendable () -> Void) -> Double {
    let times = parallel.map(parallel.threads) { _ in seconds(body) }
    return times.reduce(0, +) / Double(times.count)
  }
}

/// What the column of epsilons costs.
enum AccountingProbe {
  private static let limit = 0.1

  /// Of all rounds: numbers of rounds up to twice as large cost about twice as much, so that the first ones tell of all.
  static func seconds(_ setup: RunSetup) -> Double {
    let rounds = setup.lastRound
    guard rounds > 0, setup.guaranteedPlan != nil else { return 0 }
    let began = ResourceUsage.threadSeconds
    var (asked, spent) = (1, 0.0)
    while true {
      guard (try? setup.frame.spending(rounds: asked)) != nil else { return 0 }
      spent = ResourceUsage.threadSeconds - began
      if spent > limit || asked == rounds { break }
      asked = min(2 * asked, rounds)
    }
    // Whatever is composed serves all numbers of rounds up to the one that was asked for.
    let again = ThreadTimer(limit: 0.001).seconds { _ = try? setup.frame.spending(rounds: max(asked - 1, 1)) }
    return spent * Double(rounds) / Double(asked) + again * Double(rounds)
  }
}

/// Local work and evaluation on a few examples of the run, or of its sample.
private struct TrainingProbe {
  let training: UnitCosts.Training
  let evaluation: UnitCosts.Line

  init(_ setup: RunSetup, threads: Int) {
    let data = setup.unmade?.sample.training ?? setup.population.data
    let start = setup.initialParameters
    let isControlled = setup.scenario.algorithm == .scaffold
    let parallel = Parallel(threads: threads)
    func time(_ trainer: some LocalTraining) -> UnitCosts.Training {
      Self.training(
        trainer, start, data, examplesOfClient: RunCounts(setup).examplesOfClient, isControlled: isControlled, parallel)
    }
    training = time(RunSetup.trainer(setup.scenario, setup.model))
    evaluation = Self.evaluation(setup.model, start, on: setup.unmade?.sample.test ?? setup.test, parallel)
  }

  private static func training<Trainer: LocalTraining>(
    _ trainer: Trainer, _ start: [Float], _ data: Dataset, examplesOfClient: Double, isControlled: Bool,
    _ parallel: Parallel
  ) -> UnitCosts.Training {
    let batch = min(trainer.batchSize, data.count)
    // A client like most: its examples are shuffled and change from step to step.
    let client = min(max(Int(examplesOfClient.rounded()), batch), data.count)
    let timer = ThreadTimer(limit: 0.03)
    var costs = UnitCosts.Training()
    costs.preparation = ThreadTimer(limit: 0.005).seconds { _ = trainer.prepare(start) }
    costs.workspace = ThreadTimer(limit: 0.005).seconds { _ = trainer.makeWorkspace(largestClient: batch) }
    let prepared = trainer.prepare(start)
    let zeros = isControlled ? start.map { _ in Float(0) } : []
    let seconds = { (count: Int, steps: Int) in
      let times = parallel.map(parallel.threads) { thread -> Double in
        let workspace = trainer.makeWorkspace(largestClient: batch)
        var random = RunKeys.experimentStream(seed: UInt64(thread), .initialisation)
        return timer.seconds {
          var task = LocalTask(
            start: prepared, examples: Array(0..<count)[...], data: data, work: .steps(steps))
          if isControlled { task.control = ControlVariates(own: zeros, server: zeros) }
          let update = trainer.train(task, random: &random, workspace)
          // As a client's next variate is made.
          if isControlled { _ = zip(zeros, update.controlChange).map { $0 + $1 } }
        }
      }
      return times.reduce(0, +) / Double(times.count)
    }
    let whole = seconds(client, 1)
    let more = whole < 1e-3 ? 50 : whole < 0.1 ? 4 : whole < 1 ? 1 : 0
    let step = more > 0 ? max(seconds(client, 1 + more) - whole, 0) / Double(more) : whole
    costs.client = max(whole - step, 0)
    costs.step.fixed = step
    if batch > 1 {
      let single = min(max(seconds(1, 1) - costs.client, 0), step)
      costs.step.each = (step - single) / Double(batch - 1)
      costs.step.fixed = single - costs.step.each
    }
    costs.ownEvaluation = line(batch) { count in
      timer.seconds(parallel) { _ = trainer.evaluate(prepared, on: Array(0..<count)[...], of: data) }
    }
    return costs
  }

  private static func evaluation(
    _ model: some Model, _ start: [Float], on test: Dataset, _ parallel: Parallel
  ) -> UnitCosts.Line {
    // A chunk of `Evaluation`.
    line(min(64, test.count)) { count in
      ThreadTimer(limit: 0.03, least: 5).seconds(parallel) {
        _ = model.evaluation(of: start, on: Array(0..<count)[...], of: test, Parallel(threads: 1))
      }
    }
  }

  /// From the time of one and of `count`.
  private static func line(_ count: Int, _ seconds: (Int) -> Double) -> UnitCosts.Line {
    let one = seconds(1)
    guard count > 1 else { return .init(fixed: 0, each: one) }
    let each = max(seconds(count) - one, 0) / Double(count - 1)
    return .init(fixed: max(one - each, 0), each: each)
  }
}
