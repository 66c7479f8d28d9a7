import ChannelCoding
import Datasets
import Numerics

/// The clients of a run: their data, and what they do in a round.
///
/// Memory grows with the data and with the clients that have taken part, not with the population.
public struct ClientPool: Sendable {
  public let population: Population
  private let trainer: any LocalTraining
  private let faults: Faults
  /// The share of the trainer's rate that a round has.
  private let rateFactor: @Sendable (Int) -> Double
  /// SCAFFOLD's control variates of the clients that have taken part; all others are zero.
  public private(set) var variates: [Int: [Float]] = [:]

  /// What goes wrong with clients.
  public struct Faults: Sendable {
    /// Probability that a drawn client sends nothing.
    public var dropout: Double
    /// Probability that it does only a part of its work.
    public var stragglers: Double
    /// Whether what such a client did is thrown away.
    public var dropsStragglers: Bool
    /// The share of the clients that are hostile, and what they multiply their updates by.
    public var byzantine = 0.0
    public var byzantineFactor = -10.0

    /// The hostile among the first N clients: floor(share N).
    package func byzantineCount(of clients: Int) -> Int {
      // 0.29 of 100 is 29, whatever the product in binary says.
      Int(Double(clients) * byzantine + 1e-9)
    }

    /// Whether a client is hostile: spread evenly over the numbers.
    func isByzantine(_ client: Int) -> Bool {
      byzantineCount(of: client + 1) > byzantineCount(of: client)
    }

    public init(dropout: Double = 0, stragglers: Double = 0, dropsStragglers: Bool = false) {
      self.dropout = dropout
      self.stragglers = stragglers
      self.dropsStragglers = dropsStragglers
    }

    /// The share of drawn clients that is expected to send.
    public var arrivalRate: Double { (1 - dropout) * (dropsStragglers ? 1 - stragglers : 1) }
  }

  /// - Parameters:
  ///   - population: who has which examples.
  ///   - trainer: what a client does with the broadcast model and its examples.
  ///   - faults: what goes wrong.
  ///   - rateFactor: the share of the trainer's rate that a round has, by its number; public, the same for all clients.
  public init(
    population: Population, trainer: any LocalTraining, faults: Faults = Faults(),
    rateFactor: @escaping @Sendable (Int) -> Double = { _ in 1 }
  ) {
    self.rateFactor = rateFactor
    self.population = population
    self.trainer = trainer
    self.faults = faults
  }

  /// Goes on from a checkpoint of this run.
  public mutating func restore(variates: [Int: [Float]]) { self.variates = variates }

  /// The control variates of some clients; none of those that have none.
  public func variates(of clients: [Int]) -> [Int: [Float]] {
    variates.isEmpty
      ? [:] : Dictionary(uniqueKeysWithValues: clients.compactMap { id in variates[id].map { (id, $0) } })
  }

  /// Takes back what some clients did to their control variates.
  public mutating func restore(_ before: [Int: [Float]], of clients: [Int]) {
    for id in clients where variates[id] != nil || before[id] != nil { variates[id] = before[id] }
  }

  /// A broadcast as read. Every client reads the same bytes to the same end; the simulation does it once for all.
  public struct Received: Sendable {
    fileprivate let round: ReceivedBroadcast
    /// The model's parameters, as training wants them.
    fileprivate let parameters: FloatBuffer
  }

  public func receive(_ round: ReceivedBroadcast) -> Received {
    Received(round: round, parameters: trainer.prepare(round.parameters))
  }

  /// What every client of the cohort, or of a part of it, does with the broadcast: train, clip, encode, send. The result is in client order.
  ///
  /// - Parameters:
  ///   - ends: what the clients send by; all of the cohort are enrolled there.
  ///   - evaluates: whether each client also measures the broadcast model on its own examples.
  public mutating func participate(
    _ cohort: [Int], in received: Received, through ends: inout ClientEnds, evaluates: Bool, _ parallel: Parallel
  ) throws -> [Participation<SentUpload>] {
    try participate(
      cohort, in: received, through: &ends, evaluates: evaluates, parallel, receiver: {},
      deliver: { sent, _, _ in sent }
    ).participations
  }

  /// As the other one, where what is sent is received at once, so that it need not be kept.
  ///
  /// - Parameters:
  ///   - receiver: makes what a worker receives with.
  ///   - deliver: takes one client's upload, on the worker's thread.
  /// - Returns: participations in the order of the cohort; receivers in any order (see `Parallel.mapWithWorkers`).
  public mutating func participate<Receiver, Delivered: Sendable>(
    _ cohort: [Int], in received: Received, through ends: inout ClientEnds, evaluates: Bool, _ parallel: Parallel,
    receiver: @Sendable () -> Receiver,
    deliver: @Sendable (_ sent: SentUpload, _ client: Int, _ receiver: Receiver) -> Delivered
  ) throws -> (participations: [Participation<Delivered>], receivers: [Receiver]) {
    try ends.begin(cohort, in: received.round, parallel)
    let round = Round(received: received, ends: ends, evaluates: evaluates)
    let (participations, receivers) = participate(
      cohort, with: trainer, round, parallel, receiver: receiver, deliver: deliver)
    for participation in participations {
      if let variate = participation.variate { variates[participation.client] = variate }
    }
    return (participations, receivers)
  }

  /// One client's local work in a round in which nothing goes wrong, apart from any message.
  ///
  /// - Parameters:
  ///   - parameters: the model that the round starts from, flat.
  ///   - keys: the client's of the run.
  public func update(of id: Int, round: Int, from parameters: [Float], keys: ClientKeys) -> LocalUpdate {
    var order = keys.training(round: round)
    return trainer.train(task(of: id, round: round, from: trainer.prepare(parameters)), random: &order.stream)
  }

  private func task(of id: Int, round: Int, from start: FloatBuffer) -> LocalTask {
    LocalTask(
      start: start, examples: population.examples(of: id), data: population.data, rateFactor: rateFactor(round))
  }

  /// What the clients of a round have in common.
  private struct Round: Sendable {
    let received: Received
    let ends: ClientEnds
    let evaluates: Bool
  }

  /// The trainer's type is found out once for all clients.
  private func participate<Trainer: LocalTraining, Receiver, Delivered: Sendable>(
    _ cohort: [Int], with trainer: Trainer, _ round: Round, _ parallel: Parallel,
    receiver: @Sendable () -> Receiver, deliver: @Sendable (SentUpload, Int, Receiver) -> Delivered
  ) -> ([Participation<Delivered>], [Receiver]) {
    let largest = cohort.reduce(0) { max($0, population.exampleCount(of: $1)) }
    // Those that take longest begin first, so that no thread waits for the last of them: who codes, then who has most examples.
    let order = cohort.indices.map { i in
      (i, round.ends.isCoded(cohort[i], round: round.received.round.round), population.exampleCount(of: cohort[i]))
    }.sorted { ($0.1 ? 1 : 0, $0.2, $1.0) > ($1.1 ? 1 : 0, $1.2, $0.0) }.map(\.0)
    let (mixed, workers) = parallel.mapWithWorkers(
      cohort.count, worker: { (trainer.makeWorkspace(largestClient: largest), receiver()) },
      body: { worker, i in
        participate(cohort[order[i]], with: trainer, round, worker.0) { deliver($0, $1, worker.1) }
      })
    var places = [Int](repeating: 0, count: order.count)
    for (place, i) in order.enumerated() { places[i] = place }
    return (places.map { mixed[$0] }, workers.map(\.1))
  }

  private func participate<Trainer: LocalTraining, Delivered>(
    _ id: Int, with trainer: Trainer, _ round: Round, _ workspace: Trainer.Workspace,
    deliver: (SentUpload, Int) -> Delivered
  ) -> Participation<Delivered> {
    let received = round.received
    let broadcast = received.round.broadcast
    let keys = round.ends.keys(of: id)
    var task = task(of: id, round: broadcast.round, from: received.parameters)
    let examples = task.examples
    if faults.dropout > 0 {
      var coin = keys.dropout(round: broadcast.round)
      if coin.stream.bernoulli(faults.dropout) { return Participation(client: id) }
    }
    if faults.stragglers > 0 {
      var coin = keys.straggler(round: broadcast.round)
      if coin.stream.bernoulli(faults.stragglers) {
        if faults.dropsStragglers { return Participation(client: id) }
        task.work = trainer.work.part(examples: examples.count, batchSize: trainer.batchSize, &coin.stream)
      }
    }

    let start = ContinuousClock.now
    var order = keys.training(round: broadcast.round)
    if broadcast.contents == .controlled {
      task.control = ControlVariates(
        own: variates[id] ?? broadcast.control.map { _ in 0 }, server: broadcast.control)
    }
    var update = trainer.train(task, random: &order.stream, workspace)
    if faults.byzantine > 0, faults.isByzantine(id) {
      let factor = Float(faults.byzantineFactor)
      update.values = update.values.map { factor * $0 }
    }
    let trainingTime = ContinuousClock.now - start

    let sent = round.ends.send(update, of: id, in: received.round)
    // A diverged client sends zeros, and keeps the variate that the server knows of.
    let variate =
      sent.figures.wasReplaced ? nil : task.control.map { zip($0.own, update.controlChange).map { $0 + $1 } }
    let accuracy =
      round.evaluates && !examples.isEmpty
      ? trainer.evaluate(received.parameters, on: examples, of: population.data)?.accuracy : nil
    return Participation(
      client: id, sent: deliver(sent, id), accuracy: accuracy, trainingTime: trainingTime, variate: variate)
  }
}

/// What came of one drawn client: its message, and diagnostics that only a simulation can see.
public struct Participation<Sent: Sendable>: Sendable {
  public let client: Int
  /// The upload, or what its receiver made of it; nil for a dropout.
  public let sent: Sent?
  /// The accuracy of the broadcast model on the client's own examples; nil where it was not asked for, or there are none.
  public let accuracy: Double?
  public let trainingTime: Duration
  /// The client's next control variate, where it has one.
  fileprivate let variate: [Float]?

  init(
    client: Int, sent: Sent? = nil, accuracy: Double? = nil, trainingTime: Duration = .zero, variate: [Float]? = nil
  ) {
    self.client = client
    self.sent = sent
    self.accuracy = accuracy
    self.trainingTime = trainingTime
    self.variate = variate
  }
}
