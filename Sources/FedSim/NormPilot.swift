import Aggregator
import ChannelCoding
import Clients
import Datasets
import Numerics
import Platform

/// A small likeness of a run, made to see what lengths its updates come to have: most codecs take less time for short ones, and updates get
/// shorter as a model learns.
///
/// A few clients stand for each cohort. Their mean carries as much noise as the cohort's, and nothing is written: messages take most of the
/// time of a run. The model is thrown away.
struct NormPilot {
  /// The energy of an update over that of the longest, |x|^2 / C^2: for each round that was made, what gives the mean of I(X; Y).
  let energies: [Double]

  /// The energies of updates that are as long as may be.
  static let longest = NormPilot(energies: [1])

  /// Fewer clients do not stand for a cohort.
  private static func fewest(of setup: RunSetup) -> Int { min(8, setup.population.clientCount) }

  /// - Parameters:
  ///   - client: seconds that a client's local work takes. Where a round of clients has no time, updates are taken to be the longest.
  ///   - seconds: processor time that it may take; rounds that it has none left for are as the last that it made.
  init(_ setup: RunSetup, client: Double, seconds: Double) {
    let channel = setup.channel
    guard setup.unmade == nil, channel.noiseScale > 0, channel.clippingNorm.isFinite, setup.lastRound > 0,
      client * Double(Self.fewest(of: setup)) < seconds
    else {
      self = .longest
      return
    }
    let d = Double(channel.dimension)
    let unit = channel.noiseScale / channel.clippingNorm
    let energies = (try? Self.bits(setup, seconds: seconds))?.map { bits in
      min(max(d * unit * unit * (Elementary.exp(2 * bits / d * Elementary.log(2)) - 1), 1e-6), 1)
    }
    self.init(energies: energies.flatMap { $0.isEmpty ? nil : $0 } ?? Self.longest.energies)
  }

  private init(energies: [Double]) { self.energies = energies }

  /// At a point of a run from 0 to 1.
  func energy(at point: Double, rounds: Int) -> Double {
    energies[min(max(Int(point * Double(rounds)), 0), energies.count - 1)]
  }

  /// Mean I(X; Y) of the uploads of each round.
  private static func bits(_ setup: RunSetup, seconds: Double) throws -> [Double] {
    func bits(_ trainer: some LocalTraining) throws -> [Double] { try Self.bits(setup, trainer, seconds: seconds) }
    return try bits(RunSetup.trainer(setup.scenario, setup.model))
  }

  private static func bits(_ setup: RunSetup, _ trainer: some LocalTraining, seconds: Double) throws -> [Double] {
    let limit = ResourceUsage.processorSeconds + seconds
    let keys = RunKeys(seed: 0, fingerprint: Array("lengths".utf8))
    var random = RunKeys.experimentStream(seed: 0, .partition)
    var server = Server(
      parameters: setup.initialParameters, sampler: setup.sampler, plan: setup.plan, settings: setup.channel,
      optimizer: ServerOptimizer(setup.scenario.server.optimizer), secrets: keys.server)
    let expected = setup.sampler.expectedSize
    var size = fewest(of: setup)
    var bits: [Double] = []
    while bits.count < setup.lastRound {
      let began = ResourceUsage.processorSeconds
      guard began < limit else { break }
      let round = bits.count + 1
      let cohort = clients(size, of: setup.population.clientCount, &random)
      let received = try ReceivedBroadcast(server.broadcast(round: round).bytes, codecs: setup.channel.codecs)
      let updates = updates(of: cohort, setup, trainer, received, keys)
      var ends = ClientEnds(codedShare: 0)
      ends.admit(cohort, keys: cohort.map(keys.client))
      let sent = try ends.uploads(of: cohort, updates: updates, in: received, setup.parallel)
      bits.append(sent.reduce(0) { $0 + $1.figures.idealBits } / Double(cohort.count))
      // Nobody has sent anything: the noise of a whole cohort.
      var sum = server.complete(try server.open(round: round, cohort: cohort))
      let weight = expected * setup.scenario.faults.arrivalRate / Double(cohort.count)
      for upload in sent {
        guard let values = upload.simulated?.values else { continue }
        for i in values.indices { sum[i] += weight * values[i] }
      }
      server.step(
        sum, rateFactor: setup.scenario.server.schedule.factor(round: round, of: setup.scenario.rounds))
      // The first round tells how many clients there is time for.
      if round == 1 {
        let client = (ResourceUsage.processorSeconds - began) / Double(size)
        let most = min(expected, seconds / (client * Double(setup.lastRound)))
        size = max(size, min(Int(most), setup.population.clientCount))
      }
    }
    return bits
  }

  /// Different clients, each as likely as any other.
  private static func clients(_ count: Int, of population: Int, _ random: inout RandomStream) -> [Int] {
    var chosen = Set<Int>()
    while chosen.count < count { chosen.insert(random.integer(below: population)) }
    return chosen.sorted()
  }

  private static func updates<Trainer: LocalTraining>(
    of cohort: [Int], _ setup: RunSetup, _ trainer: Trainer, _ received: ReceivedBroadcast, _ keys: RunKeys
  ) -> [LocalUpdate] {
    let population = setup.population
    let start = trainer.prepare(received.parameters)
    let largest = cohort.reduce(1) { max($0, population.exampleCount(of: $1)) }
    return setup.parallel.map(
      cohort.count, worker: { trainer.makeWorkspace(largestClient: largest) },
      body: { workspace, i in
        var order = keys.client(cohort[i]).training(round: received.round)
        let factor = setup.scenario.training.schedule.factor(round: received.round, of: setup.scenario.rounds)
        let task = LocalTask(
          start: start, examples: population.examples(of: cohort[i]), data: population.data, rateFactor: factor)
        return trainer.train(task, random: &order.stream, workspace)
      })
  }
}
