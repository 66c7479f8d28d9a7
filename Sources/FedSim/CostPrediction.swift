import Numerics
import Platform

/// The time that a run will take on this machine: the work that its scenario asks for, at what each part of it costs.
///
/// Parts are timed on stand-ins in the process that asks (`MachineCosts`); how often each occurs is counted. Updates are taken to be as
/// long as those of a small likeness of the run (`NormPilot`), or as the clipping norm allows where that takes too long. Nothing of a run
/// depends on a prediction.
public struct CostPrediction: Sendable {
  /// What time goes into.
  public enum Part: String, CaseIterable, Sendable {
    /// Data, calibration and plans.
    case setup
    case accounting
    /// Drawing cohorts, keys, and the broadcast.
    case enrolment
    case training
    /// From updates to the sum: clipping, encoding, decoding.
    case coding
    /// The noise that the server adds, its step, and the row of the table.
    case completion
    case evaluation
  }

  /// Seconds of a part.
  struct Seconds: Sendable, Equatable {
    /// Of all cores together.
    var core = 0.0
    /// That pass.
    var wall = 0.0
  }

  private let seconds: [Part: Seconds]
  /// Whether all parts are known: not so where a codec or a trainer of another package fails on a stand-in.
  private let isKnown: Bool
  /// Cores that work at once: the threads that were asked for, as far as there are cores.
  public let cores: Int

  /// The cores of this machine.
  public static var cores: Int { ResourceUsage.processorCount }

  /// Times the parts of a run, for half a second or so.
  ///
  /// - Parameter machine: what was timed before, for other runs.
  public init(_ setup: RunSetup, _ machine: MachineCosts = MachineCosts()) {
    self.init(
      RunCounts(setup), machine.costs(of: setup), cores: min(setup.parallel.threads, Self.cores),
      batch: setup.frame.largestBatch)
  }

  /// - Parameter batch: clients that are worked on at a time, at most.
  init(_ counts: RunCounts, _ costs: UnitCosts, cores: Int, batch: Int) {
    let work = PredictedWork(counts: counts, costs: costs, cores: Double(cores), batch: Double(batch))
    self.cores = cores
    isKnown = costs.training != nil && costs.channel != nil
    seconds = work.seconds
  }

  /// Seconds of all cores together; nil where a part is unknown.
  public var coreSeconds: Double? { isKnown ? seconds.values.reduce(0) { $0 + $1.core } : nil }

  /// Seconds that pass where the cores have nothing else to do; nil where a part is unknown.
  public var wallSeconds: Double? { isKnown ? seconds.values.reduce(0) { $0 + $1.wall } : nil }

  /// Core seconds of one part; nil where it is unknown.
  public func coreSeconds(of part: Part) -> Double? { seconds[part]?.core }
}

/// How a run's work adds up.
struct PredictedWork {
  let counts: RunCounts
  let costs: UnitCosts
  let cores: Double
  let batch: Double

  var seconds: [CostPrediction.Part: CostPrediction.Seconds] {
    var seconds: [CostPrediction.Part: CostPrediction.Seconds] = [
      .setup: serial(costs.setUp), .accounting: serial(costs.accounting), .evaluation: evaluation,
    ]
    let perRound = counts.rounds
    if let channel = costs.channel {
      seconds[.setup] = serial(costs.setUp + (perRound > 0 ? channel.plans : 0))
      let agreement = channel.agreement * counts.newcomers
      let opening = perRound * (costs.drawing + channel.opening)
      seconds[.enrolment] = .init(core: opening + agreement, wall: opening + agreement / cores)
      seconds[.completion] = serial(perRound * channel.closing)
      let coding = perRound * coding(channel)
      seconds[.coding] = .init(core: coding, wall: coding / cores)
    }
    if let training = costs.training {
      let clients = perRound * clients(training)
      seconds[.training] = .init(
        core: perRound * training.preparation + clients, wall: perRound * training.preparation + clients / cores)
    }
    // Threads wait for each other at the end of a batch.
    let wait = perRound * waiting
    seconds[.coding]?.wall += wait
    return seconds
  }

  private func serial(_ seconds: Double) -> CostPrediction.Seconds { .init(core: seconds, wall: seconds) }

  private func coding(_ channel: UnitCosts.Channel) -> Double {
    counts.coded * (channel.encoding + channel.decoding) + (counts.sent - counts.coded) * channel.simulation
  }

  /// All clients' local work in a round, with workers that are made for each batch.
  private func clients(_ training: UnitCosts.Training) -> Double {
    let workers = counts.drawn / batchSize * min(cores, batchSize)
    return workers * training.workspace + counts.sent * (Self.client(counts, training) + ownEvaluation(training))
  }

  /// The local work of a client that sends, without evaluation.
  static func client(_ counts: RunCounts, _ training: UnitCosts.Training) -> Double {
    training.client + counts.steps * training.step.fixed + counts.examples * training.step.each
  }

  /// On average over rounds.
  private func ownEvaluation(_ training: UnitCosts.Training) -> Double {
    guard counts.rounds > 0 else { return 0 }
    return counts.evaluatedRounds / counts.rounds * training.ownEvaluation.of(counts.examplesOfClient)
  }

  /// Clients of a batch: as many as are drawn, and as are done in half a second (`BatchPace`), but at least two a core.
  private var batchSize: Double {
    let perClient = costs.channel.map { coding($0) / max(counts.drawn, 1) } ?? 0
    let training = costs.training.map { counts.sent / max(counts.drawn, 1) * Self.client(counts, $0) } ?? 0
    let paced = max(0.5 * cores / max(perClient + training, 1e-9), 2 * cores)
    return max(min(batch, counts.drawn, paced), 1)
  }

  /// Seconds of a round that cores wait for the last one of a batch. Where few uploads are written and take long, one core has such an upload
  /// while the others have nothing.
  private var waiting: Double {
    guard cores > 1, let channel = costs.channel, let training = costs.training, counts.drawn > 0 else { return 0 }
    let size = batchSize.rounded()
    let share = min(counts.coded / counts.drawn, 1)
    let other = clients(training) / counts.drawn + (1 - share) * channel.simulation
    return counts.drawn / size
      * (idle(size, share, long: channel.encoding, short: other) + idle(size, share, long: channel.decoding, short: 0))
  }

  /// Of one batch: how much longer than its share of the work the last core takes, in expectation over how many of the batch are long.
  private func idle(_ size: Double, _ share: Double, long: Double, short: Double) -> Double {
    var probability = share < 1 ? Elementary.exp(size * Elementary.log(1 - share)) : 0
    var (sum, mass) = (0.0, 0.0)
    // Many long ones even out: what a core has too much is half of one then.
    for count in 0...min(Int(size), 64) {
      let number = Double(count)
      let fair = (size * short + number * long) / cores
      sum += probability * (max(fair, (number / cores).rounded(.up) * long) - fair)
      mass += probability
      probability *= share < 1 ? (size - number) / (number + 1) * share / (1 - share) : 0
    }
    return sum + max(1 - mass, 0) * (long + short) / 2
  }

  private var evaluation: CostPrediction.Seconds {
    let core = counts.evaluations * costs.evaluation.of(counts.testExamples)
    // Threads take 64 examples at a time (`Evaluation`).
    return .init(core: core, wall: core / min(cores, max((counts.testExamples / 64).rounded(.up), 1)))
  }
}
