import ChannelCoding
import Datasets
import Numerics

/// The clients of a run: their data, their secrets and what they do in a round.
///
/// Memory grows with the data and with the clients that have taken part, not with the population.
public struct ClientPool: Sendable {
  public let population: Population
  private let trainer: LocalTrainer
  private let keys: RunKeys
  private let faults: Faults
  private let codecs: CodecRegistry
  private var sessions: [Int: SessionKey] = [:]
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

    public init(dropout: Double = 0, stragglers: Double = 0, dropsStragglers: Bool = false) {
      self.dropout = dropout
      self.stragglers = stragglers
      self.dropsStragglers = dropsStragglers
    }

    /// The share of drawn clients that is expected to send.
    public var arrivalRate: Double { (1 - dropout) * (dropsStragglers ? 1 - stragglers : 1) }
  }

  /// - Parameter codecs: the codecs that clients have.
  public init(
    population: Population, trainer: LocalTrainer, keys: RunKeys, faults: Faults = Faults(),
    codecs: CodecRegistry = .standard
  ) {
    self.population = population
    self.codecs = codecs
    self.trainer = trainer
    self.keys = keys
    self.faults = faults
  }

  /// Goes on from a checkpoint of this run.
  public mutating func restore(variates: [Int: [Float]]) { self.variates = variates }

  /// The public keys that new clients enrol with: once a client, before its first round.
  public func publicKeys(of clients: [Int], _ parallel: Parallel) -> [Key] {
    parallel.map(clients.count) { keys.client(clients[$0]).keyPair.publicKey }
  }

  /// A broadcast as read. Every client reads the same bytes to the same end; the simulation does it once for all.
  public struct Received: Sendable {
    fileprivate let broadcast: Broadcast
    fileprivate let channel: Channel
    /// Of the model, as training wants them.
    fileprivate let parameters: FloatBuffer
  }

  public func receive(_ bytes: [UInt8]) throws -> Received {
    let broadcast = try Broadcast(bytes: bytes, codecs: codecs)
    return Received(
      broadcast: broadcast, channel: try Channel(broadcast.channel, rotationKey: broadcast.rotationKey),
      parameters: trainer.network.padding(broadcast.parameters))
  }

  /// What every client of the cohort, or of a part of it, does with the broadcast: train, clip, encode, send. In
  /// client order.
  ///
  /// - Parameter evaluates: whether each client also measures the broadcast model on its own examples.
  public mutating func participate(
    _ cohort: [Int], in round: Received, evaluates: Bool, _ parallel: Parallel
  ) throws -> [Participation] {
    try agree(with: round.broadcast.serverPublicKey, newcomers: cohort, parallel)
    let pool = self
    let largest = cohort.reduce(0) { max($0, population.exampleCount(of: $1)) }
    let participations = parallel.map(
      cohort.count, worker: { pool.trainer.makeWorkspace(largestClient: largest) },
      body: { workspace, i in
        guard let session = pool.sessions[cohort[i]] else { preconditionFailure("agreed above") }
        return pool.participate(cohort[i], round, session, evaluates: evaluates, workspace)
      })
    for case (let id, let variate?) in participations.map({ ($0.client, $0.variate) }) { variates[id] = variate }
    return participations
  }

  private func participate(
    _ id: Int, _ received: Received, _ session: SessionKey, evaluates: Bool, _ workspace: LocalTrainer.Workspace
  ) -> Participation {
    let (broadcast, channel) = (received.broadcast, received.channel)
    let round = broadcast.round
    let secrets = keys.client(id)
    let examples = population.examples(of: id)
    var dropoutCoin = secrets.dropout(round: round)
    if faults.dropout > 0, dropoutCoin.stream.bernoulli(faults.dropout) { return Participation(client: id, sent: nil) }
    var work = trainer.work
    if faults.stragglers > 0 {
      var coin = secrets.straggler(round: round)
      if coin.stream.bernoulli(faults.stragglers) {
        if faults.dropsStragglers { return Participation(client: id, sent: nil) }
        work = work.part(examples: examples.count, batchSize: trainer.batchSize, &coin.stream)
      }
    }

    let start = ContinuousClock.now
    var order = secrets.training(round: round)
    let own = broadcast.contents == .controlled ? variates[id] ?? broadcast.control.map { _ in 0 } : []
    let (update, steps) = trainer.train(
      from: received.parameters, on: examples, of: population.data, work: work,
      shift: own.isEmpty ? nil : trainer.shift(own, broadcast.control), random: &order.stream, workspace)
    let trained = ContinuousClock.now
    let (message, variate) = message(update, examples: examples.count, steps: steps, variate: own, broadcast)
    var noise = secrets.noise(round: round)
    let payload = channel.encode(
      message.vector, shared: SharedRandomness(session: session, round: round), private: &noise)
    let encoded = ContinuousClock.now
    let upload = Upload(client: id, round: round, payload: payload)

    let accuracy =
      evaluates && !examples.isEmpty
      ? Evaluation(
        trainer.network, received.parameters, on: examples, of: population.data, Parallel(threads: 1)
      ).accuracy : nil
    return Participation(
      client: id,
      sent: .init(
        bytes: broadcast.sealsUploads ? upload.sealed(session: session) : upload.bytes,
        wasClipped: message.update.wasClipped, wasReplaced: message.update.wasReplaced,
        idealBits: message.vector.informationBits(noiseScale: broadcast.channel.noiseScale), accuracy: accuracy,
        trainingTime: trained - start, codingTime: encoded - trained), variate: variate)
  }

  /// The vector that goes into the channel, the clipped update in it, and the client's next control variate.
  private func message(
    _ update: [Float], examples: Int, steps: Int, variate: [Float], _ broadcast: Broadcast
  ) -> (message: (update: ClippedUpdate, vector: ClippedUpdate), variate: [Float]?) {
    let bound = broadcast.channel.clippingNorm
    switch broadcast.contents {
    case .update:
      let clipped = ClippedUpdate(clipping: update, to: bound)
      return ((clipped, clipped), nil)
    case .counted(let norm, let unit):
      let clipped = ClippedUpdate(clipping: update, to: norm)
      // A client with nothing to say says nothing of norms either: as one that is zeroed out.
      let count = clipped.wasReplaced || examples == 0 ? 0 : clipped.wasClipped ? -unit / 2 : unit / 2
      return ((clipped, ClippedUpdate(clipping: clipped.values + [count], to: bound)), nil)
    case .weighted:
      let clipped = ClippedUpdate(clipping: update, to: bound)
      let weight = Double(examples)
      return ((clipped, ClippedUpdate(clipping: clipped.values.map { $0 * weight } + [weight], to: bound)), nil)
    case .controlled:
      // Option II of Karimireddy et al. 2020: c_i becomes c_i - c - (y - x) / (K rate).
      let factor = steps > 0 ? 1 / (Float(steps) * Float(trainer.learningRate)) : 0
      let change = zip(update, broadcast.control).map { steps > 0 ? -$1 - $0 * factor : 0 }
      let clipped = ClippedUpdate(clipping: update + change, to: bound)
      // A diverged client sends zeros, and keeps the variate that the server knows of.
      return ((clipped, clipped), clipped.wasReplaced ? nil : zip(variate, change).map { $0 + $1 })
    }
  }

  private mutating func agree(with server: Key, newcomers cohort: [Int], _ parallel: Parallel) throws {
    let strangers = cohort.filter { sessions[$0] == nil }
    let keys = keys
    let agreed = parallel.map(strangers.count) { i in
      Result { () throws(KeyAgreementError) in try keys.client(strangers[i]).keyPair.sessionAsClient(server: server) }
    }
    for (id, session) in zip(strangers, agreed) { sessions[id] = try session.get() }
  }
}

/// What came of one drawn client: its message, and diagnostics that only a simulation can see.
public struct Participation: Sendable {
  public let client: Int
  /// Nil for a dropout.
  public let sent: Sent?
  /// The client's next control variate, where it has one.
  fileprivate let variate: [Float]?

  init(client: Int, sent: Sent?, variate: [Float]? = nil) {
    self.client = client
    self.sent = sent
    self.variate = variate
  }

  public struct Sent: Sendable {
    /// The upload: all that the server gets.
    public let bytes: [UInt8]
    public let wasClipped: Bool
    /// A non-finite update that the zero update replaced.
    public let wasReplaced: Bool
    /// I(X; Y) of a Gaussian of the update's energy, in bits.
    public let idealBits: Double
    /// Of the broadcast model on the client's own examples; nil where it was not asked for, or there are none.
    public let accuracy: Double?
    public let trainingTime: Duration
    /// Clipping and encoding.
    public let codingTime: Duration
  }
}
