import ChannelCoding
import Numerics

/// The clients' ends of a run's channel: their keys, the sessions that they agree on with the server, and what turns an update into an
/// upload (clip, encode, seal).
///
/// How an update comes about is not known here: `ClientPool` trains, and a caller who computes updates himself hands them in:
///
///     var ends = ClientEnds()
///     let publicKeys = ends.enrol(newcomers, keys: newcomers.map(runKeys.client), parallel)    // for the server
///     let round = try ReceivedBroadcast(bytes)
///     let sent = try ends.upload(of: 7, update: LocalUpdate(values), in: round)
///     if let bytes = sent.bytes { server.receive([bytes], into: &aggregate, parallel) }
///
/// Nothing from which the server's secrets or those of a client that has not enrolled follow is held here. Memory grows with the
/// clients that have taken part.
public struct ClientEnds: Sendable {
  private struct End: Sendable {
    let keys: ClientKeys
    /// Nil until its first round.
    var session: SessionKey?
    /// The round that it last sent in: the randomness of a round is for one message.
    var lastRound: Int?
    /// Whether its upload is written in a round: the last that was asked for.
    var coin: (round: Int, isCoded: Bool)?
  }

  private var ends: [Int: End] = [:]
  /// The probability that an upload is written: 1 but for a simulation that leaves the rest to the server's noise.
  public let codedShare: Double

  public init(codedShare: Double = 1) { self.codedShare = codedShare }

  /// Whether the client has keys here.
  public func isEnrolled(_ client: Int) -> Bool { ends[client] != nil }

  /// Gives new clients their keys: once a client, before its first round.
  public mutating func admit(_ clients: [Int], keys: [ClientKeys]) {
    precondition(clients.count == keys.count, "keys of each client")
    for (client, keys) in zip(clients, keys) { ends[client] = End(keys: keys) }
  }

  /// As `admit`, for clients that will send.
  ///
  /// - Returns: the public keys that the server enrols them with, in their order.
  public mutating func enrol(_ clients: [Int], keys: [ClientKeys], _ parallel: Parallel) -> [Key] {
    admit(clients, keys: keys)
    return publicKeys(of: clients, parallel)
  }

  /// The keys that the server enrols clients with.
  ///
  /// - Parameter clients: ones that have keys here.
  public func publicKeys(of clients: [Int], _ parallel: Parallel) -> [Key] {
    parallel.map(clients.count) { keys(of: clients[$0]).keyPair.publicKey }
  }

  /// Whether the upload of a client is written in a round, and not only simulated.
  ///
  /// - Parameter client: one that has keys here.
  public func isCoded(_ client: Int, round: Int) -> Bool {
    guard codedShare < 1 else { return true }
    if let coin = ends[client]?.coin, coin.round == round { return coin.isCoded }
    return keys(of: client).isCoded(round: round, share: codedShare)
  }

  /// Throws a round's coins of many clients at once, on all threads, so that they need not be thrown again.
  ///
  /// - Parameter clients: ones that have keys here.
  public mutating func throwCoins(of clients: [Int], round: Int, _ parallel: Parallel) {
    guard codedShare < 1 else { return }
    let (keys, share) = (clients.map(keys(of:)), codedShare)
    let coins = parallel.map(clients.count) { keys[$0].isCoded(round: round, share: share) }
    for (client, isCoded) in zip(clients, coins) { ends[client]?.coin = (round, isCoded) }
  }

  /// Makes a round that is abandoned one that clients can send in again.
  public mutating func forget(round: Int, of clients: [Int]) {
    for client in clients where ends[client]?.lastRound == round { ends[client]?.lastRound = nil }
  }

  /// The upload of one client's update: clipped, encoded and, where the broadcast asks for it, sealed.
  ///
  /// - Parameters:
  ///   - client: an enrolled client. Whether it was drawn is for the server to check.
  ///   - update: what the client's work gave; see `LocalUpdate` for what beside the values goes into an upload.
  /// - Throws: `ClientEndError` where the client is a stranger, sends a second time in the round, or the update does not fit the
  ///   broadcast; `KeyAgreementError` for a server's key with which no secret can be agreed.
  public mutating func upload(
    of client: Int, update: LocalUpdate, in round: ReceivedBroadcast
  ) throws -> SentUpload {
    try check(update, of: client, in: round)
    try begin([client], in: round, Parallel(threads: 1))
    return send(update, of: client, in: round)
  }

  /// The uploads of many clients, on all threads, in their order and with the same bytes for any number of them.
  ///
  /// - Parameter updates: of each client, in the same order.
  /// - Throws: as `upload`, before anything is encoded.
  public mutating func uploads(
    of clients: [Int], updates: [LocalUpdate], in round: ReceivedBroadcast, _ parallel: Parallel
  ) throws -> [SentUpload] {
    try check(updates, of: clients, in: round)
    try begin(clients, in: round, parallel)
    let ends = self
    return parallel.map(clients.count) { ends.send(updates[$0], of: clients[$0], in: round) }
  }

  /// Checks all that `uploads` would refuse, for callers who send many updates in several parts.
  ///
  /// - Parameter updates: of each client, in the same order.
  public func check(
    _ updates: [LocalUpdate], of clients: [Int], in round: ReceivedBroadcast
  ) throws(ClientEndError) {
    precondition(clients.count == updates.count, "an update of each client")
    try checkSenders(clients, in: round)
    for (client, update) in zip(clients, updates) { try check(update, of: client, in: round) }
  }

  /// Refuses strangers and second uploads.
  public func checkSenders(_ clients: [Int], in round: ReceivedBroadcast) throws(ClientEndError) {
    var senders = Set<Int>()
    for client in clients {
      guard let end = ends[client] else { throw .notEnrolled(client: client) }
      guard senders.insert(client).inserted, end.lastRound != round.round else {
        throw .secondUpload(client: client, round: round.round)
      }
    }
  }

  private func check(_ update: LocalUpdate, of client: Int, in round: ReceivedBroadcast) throws(ClientEndError) {
    let parameters = round.broadcast.parameters.count
    guard update.values.count == parameters else {
      throw .updateLength(client: client, found: update.values.count, allowed: parameters)
    }
    let control = round.broadcast.control.count
    guard update.controlChange.count == control else {
      throw .controlLength(client: client, found: update.controlChange.count, allowed: control)
    }
    // 2^38 is the largest term of a sum without a bound: more could not be a weight.
    guard (0...LocalUpdate.mostExamples).contains(update.exampleCount) else {
      throw .exampleCount(client: client, found: update.exampleCount)
    }
  }

  // MARK: Rounds of our own clients

  func keys(of client: Int) -> ClientKeys {
    guard let end = ends[client] else { preconditionFailure("an enrolled client") }
    return end.keys
  }

  /// Agrees on a session with the server where a client has none yet, and notes that all of them take part in the round.
  package mutating func begin(_ clients: [Int], in round: ReceivedBroadcast, _ parallel: Parallel) throws {
    let server = round.broadcast.serverPublicKey
    try checkSenders(clients, in: round)
    let newcomers = clients.compactMap { client -> (client: Int, keys: ClientKeys)? in
      guard let end = ends[client], end.session == nil, isCoded(client, round: round.round) else { return nil }
      return (client, end.keys)
    }
    let agreed = parallel.map(newcomers.count) { i in
      Result { () throws(KeyAgreementError) in try newcomers[i].keys.keyPair.sessionAsClient(server: server) }
    }
    for (newcomer, session) in zip(newcomers, agreed) { ends[newcomer.client]?.session = try session.get() }
    for client in clients { ends[client]?.lastRound = round.round }
  }

  /// The upload of a client that has begun the round.
  package func send(_ update: LocalUpdate, of client: Int, in received: ReceivedBroadcast) -> SentUpload {
    guard let end = ends[client] else { preconditionFailure("admitted before the round") }
    let (broadcast, channel) = (received.broadcast, received.channel)
    let start = ContinuousClock.now
    let message = UpdateVector(update, broadcast)
    let sent = { (content: SentUpload.Content, time: ContinuousClock.Instant) in
      SentUpload(
        content: content,
        figures: UploadFigures(
          norm: message.vector.norm, unclippedNorm: message.update.unclippedNorm, wasClipped: message.update.wasClipped,
          wasReplaced: message.update.wasReplaced,
          idealBits: message.vector.informationBits(noiseScale: broadcast.channel.noiseScale), codingTime: time - start)
      )
    }
    guard isCoded(client, round: broadcast.round) else { return sent(.simulated(message.vector), .now) }
    guard let session = end.session else { preconditionFailure("agreed when the round began") }
    var noise = end.keys.noise(round: broadcast.round)
    let payload = channel.encode(
      message.vector, shared: SharedRandomness(session: session, round: broadcast.round), private: &noise)
    let encoded = ContinuousClock.now
    let upload = Upload(client: client, round: broadcast.round, payload: payload)
    return sent(
      .coded(broadcast.sealsUploads ? upload.sealed(session: session) : upload.bytes, payloadBits: payload.bits),
      encoded)
  }
}

/// A broadcast as a client reads it, with the channel that it describes. Every client reads the same bytes to the same end, so once
/// is enough for all.
public struct ReceivedBroadcast: Sendable {
  public let broadcast: Broadcast
  public let channel: Channel

  public var round: Int { broadcast.round }
  /// The model that clients start from.
  public var parameters: [Float] { broadcast.parameters }

  /// - Parameter codecs: the codecs that clients have.
  /// - Throws: `WireError` for bytes that are no broadcast, `ChannelError` for a channel that cannot be.
  public init(_ bytes: [UInt8], codecs: CodecRegistry = .standard) throws {
    broadcast = try Broadcast(bytes: bytes, codecs: codecs)
    channel = try Channel(broadcast.channel, rotationKey: broadcast.rotationKey)
  }
}

/// What a client's local work gives.
public struct LocalUpdate: Sendable {
  /// The model update (pseudo-gradient): parameters after training minus those of the broadcast.
  public var values: [Float]
  /// The client's number of examples: the weight of its update where updates are weighted. A client without examples tells
  /// adaptive clipping nothing.
  public var exampleCount: Int
  /// The most examples that a client may have: 2^38.
  public static let mostExamples = 1 << 38
  /// The steps that were made.
  public var steps: Int
  /// SCAFFOLD's change of the client's control variate, as many values as the update; empty in all other runs.
  public var controlChange: [Float]

  public init(_ values: [Float], exampleCount: Int = 1, steps: Int = 0, controlChange: [Float] = []) {
    self.values = values
    self.exampleCount = exampleCount
    self.steps = steps
    self.controlChange = controlChange
  }
}

/// One client's upload, and what a simulation can tell of it beside.
public struct SentUpload: Sendable {
  /// What reaches the server.
  public enum Content: Sendable {
    /// The upload's bytes, all that the server gets, and the length of the payload in them.
    case coded([UInt8], payloadBits: Int)
    /// No message is written: the vector that would have been coded, whose share of the noise the server draws.
    case simulated(ClippedUpdate)
  }

  public let content: Content
  public let figures: UploadFigures

  /// The upload's bytes; nil where none was written.
  public var bytes: [UInt8]? { if case .coded(let bytes, _) = content { bytes } else { nil } }

  /// What was not written; nil for an upload.
  public var simulated: ClippedUpdate? { if case .simulated(let update) = content { update } else { nil } }
}

/// What a simulation can tell of an upload beside its bytes.
public struct UploadFigures: Sendable {
  /// The L2 norm of what is coded.
  public let norm: Double
  /// The L2 norm of the update before clipping; 0 of one that was replaced.
  public let unclippedNorm: Double
  /// Whether the update was longer than the clipping norm.
  public let wasClipped: Bool
  /// Whether the update was not finite, so that the zero update replaced it.
  public let wasReplaced: Bool
  /// I(X; Y) of a Gaussian of the update's energy, in bits.
  public let idealBits: Double
  /// The time of clipping and encoding.
  public let codingTime: Duration
}

/// Why no upload can be made of an update.
public enum ClientEndError: Error, Equatable, CustomStringConvertible {
  case notEnrolled(client: Int)
  /// A round's randomness is for one message: with two, their difference would lie open.
  case secondUpload(client: Int, round: Int)
  case updateLength(client: Int, found: Int, allowed: Int)
  case controlLength(client: Int, found: Int, allowed: Int)
  case exampleCount(client: Int, found: Int)

  public var description: String {
    switch self {
    case .notEnrolled(let client): "client \(client): it has not enrolled"
    case .secondUpload(let client, let round): "client \(client): found a second upload in round \(round); allowed: one"
    case .updateLength(let client, let found, let allowed):
      "client \(client): found an update of \(found) values; allowed: \(allowed), as the model has parameters"
    case .controlLength(let client, let found, let allowed):
      "client \(client): found a change of its control variate of \(found) values; allowed: \(allowed)"
    case .exampleCount(let client, let found):
      "client \(client): found \(found) examples; allowed: 0 to \(LocalUpdate.mostExamples)"
    }
  }
}

/// The vector that goes into the channel, and the clipped update in it.
private struct UpdateVector {
  let update: ClippedUpdate
  let vector: ClippedUpdate

  init(_ local: LocalUpdate, _ broadcast: Broadcast) {
    let bound = broadcast.channel.clippingNorm
    switch broadcast.contents {
    case .update:
      update = ClippedUpdate(clipping: local.values, to: bound)
      vector = update
    case .counted(let norm, let unit):
      let clipped = ClippedUpdate(clipping: local.values, to: norm)
      // A client with nothing to say says nothing of norms either: as one that is zeroed out.
      let count = clipped.wasReplaced || local.exampleCount == 0 ? 0 : clipped.wasClipped ? -unit / 2 : unit / 2
      update = clipped
      vector = ClippedUpdate(clipping: clipped.values + [count], to: bound)
    case .weighted:
      let clipped = ClippedUpdate(clipping: local.values, to: bound)
      let weight = Double(local.exampleCount)
      update = clipped
      vector = ClippedUpdate(clipping: clipped.values.map { $0 * weight } + [weight], to: bound)
    case .controlled:
      update = ClippedUpdate(clipping: local.values + local.controlChange, to: bound)
      vector = update
    }
  }
}
