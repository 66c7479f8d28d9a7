import ChannelCoding

/// The clients of a run: their data, their secrets and what they do in a round.
///
/// Memory grows with the data and with the clients that have taken part, not with the population.
public struct ClientPool: Sendable {
  public let population: Population
  private let trainer: LocalTrainer
  private let keys: RunKeys
  /// Probability that a drawn client sends nothing.
  private let dropout: Double
  private var sessions: [Int: SessionKey] = [:]

  public init(population: Population, trainer: LocalTrainer, keys: RunKeys, dropout: Double) {
    self.population = population
    self.trainer = trainer
    self.keys = keys
    self.dropout = dropout
  }

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
    let broadcast = try Broadcast(bytes: bytes)
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
    let largest = cohort.reduce(0) { max($0, population.examples(of: $1).count) }
    return parallel.map(
      cohort.count, worker: { pool.trainer.makeWorkspace(largestClient: largest) },
      body: { workspace, i in
        guard let session = pool.sessions[cohort[i]] else { preconditionFailure("agreed above") }
        return pool.participate(cohort[i], round, session, evaluates: evaluates, workspace)
      })
  }

  private func participate(
    _ id: Int, _ received: Received, _ session: SessionKey, evaluates: Bool, _ workspace: LocalTrainer.Workspace
  ) -> Participation {
    let (broadcast, channel) = (received.broadcast, received.channel)
    let round = broadcast.round
    let secrets = keys.client(id)
    let examples = population.examples(of: id)
    var dropoutCoin = secrets.dropout(round: round)
    if dropout > 0, dropoutCoin.stream.bernoulli(dropout) { return Participation(client: id, sent: nil) }

    let start = ContinuousClock.now
    var order = secrets.training(round: round)
    let update = trainer.train(
      from: received.parameters, on: examples, of: population.data, random: &order.stream, workspace
    ).update
    let trained = ContinuousClock.now
    let clipped = ClippedUpdate(clipping: update, to: broadcast.channel.clippingNorm)
    var noise = secrets.noise(round: round)
    let payload = channel.encode(
      clipped, shared: SharedRandomness(session: session, round: round), private: &noise)
    let encoded = ContinuousClock.now
    let upload = Upload(client: id, round: round, payload: payload)

    let accuracy =
      evaluates
      ? Evaluation(
        trainer.network, received.parameters, on: examples, of: population.data, Parallel(threads: 1)
      ).accuracy : nil
    return Participation(
      client: id,
      sent: .init(
        bytes: broadcast.sealsUploads ? upload.sealed(session: session) : upload.bytes, wasClipped: clipped.wasClipped,
        wasReplaced: clipped.wasReplaced,
        idealBits: clipped.informationBits(noiseScale: broadcast.channel.noiseScale), accuracy: accuracy,
        trainingTime: trained - start, codingTime: encoded - trained))
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

  public struct Sent: Sendable {
    /// The upload: all that the server gets.
    public let bytes: [UInt8]
    public let wasClipped: Bool
    /// A non-finite update that the zero update replaced.
    public let wasReplaced: Bool
    /// I(X; Y) of a Gaussian of the update's energy, in bits.
    public let idealBits: Double
    /// Of the broadcast model on the client's own examples; nil where it was not asked for.
    public let accuracy: Double?
    public let trainingTime: Duration
    /// Clipping and encoding.
    public let codingTime: Duration
  }
}
