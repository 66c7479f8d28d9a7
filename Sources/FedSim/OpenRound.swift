import Aggregator
import ChannelCoding
import Clients
import PrivacyAccounting

/// A round of a federation between its broadcast and its end. It is closed once, by `Federation.close`, and cannot be copied.
public struct OpenRound: ~Copyable, Sendable {
  /// From 1 on.
  public let round: Int
  /// The clients that were drawn, in ascending order; there may be none.
  public let cohort: [Int]
  /// What the rounds up to this one spend; nil where nothing is guaranteed.
  public let spending: PrivacySpent?
  let broadcastBytes: Int
  /// The broadcast as every client reads it.
  let received: ReceivedBroadcast
  private let drawn: Set<Int>
  private let server: Server
  private let frame: RunFrame
  private(set) var ends: ClientEnds
  private(set) var aggregate: Aggregate
  private(set) var diagnostics: CohortDiagnostics
  private(set) var timings: Timings
  private(set) var watch: Stopwatch

  init(
    _ aggregate: Aggregate, cohort: [Int], spending: PrivacySpent?, received: ReceivedBroadcast, broadcastBytes: Int,
    server: Server, ends: ClientEnds, diagnostics: CohortDiagnostics, timings: Timings, watch: Stopwatch,
    frame: RunFrame
  ) {
    self.diagnostics = diagnostics
    self.received = received
    self.aggregate = aggregate
    round = aggregate.round
    self.cohort = cohort
    drawn = Set(cohort)
    self.spending = spending
    self.broadcastBytes = broadcastBytes
    self.server = server
    self.ends = ends
    self.timings = timings
    self.watch = watch
    self.frame = frame
  }

  /// The broadcast model that updates start from. Writing into it does not move the server.
  public var parameters: [Float] { received.parameters }

  /// The norm that updates are clipped to in this round; nil where they are not.
  public var clippingNorm: Double? { frame.plan == nil ? nil : received.broadcast.channel.clippingNorm }

  /// The key of the server that opened the round.
  var serverPublicKey: Key { received.broadcast.serverPublicKey }

  /// One client's update: clipped, encoded, sent as bytes, decoded and added up.
  ///
  /// - Parameters:
  ///   - update: parameters after local training minus `parameters`: as many values. One that is not finite counts as zero.
  ///   - client: one of the cohort, once a round.
  ///   - examples: the client's number of examples, where updates are weighted by it; a client of 0 examples tells adaptive
  ///     clipping nothing.
  /// - Throws: `FederationError.notDrawn`, or `ClientEndError` for a second update or one of another length: nothing was sent.
  public mutating func send(_ update: [Float], from client: Int, examples: Int = 1) throws {
    try send([LocalUpdate(update, exampleCount: examples)], from: [client])
  }

  /// The updates of many clients, on all threads; the result is the same as of one after the other.
  ///
  /// - Parameters:
  ///   - updates: a row for each client, in the same order.
  ///   - clients: of the cohort, each once.
  ///   - examples: each client's number of examples; nil for one each.
  /// - Throws: as the update of one client; nothing of any client was sent.
  public mutating func send(_ updates: [[Float]], from clients: [Int], examples: [Int]? = nil) throws {
    guard updates.count == clients.count, examples?.count ?? clients.count == clients.count else {
      throw FederationError.counts(clients: clients.count, updates: updates.count, examples: examples?.count)
    }
    try send(
      updates.indices.map { LocalUpdate(updates[$0], exampleCount: examples?[$0] ?? 1) }, from: clients)
  }

  /// The updates of many clients from one matrix in memory, on all threads.
  ///
  /// - Parameters:
  ///   - rows: clients x parameters, row-major.
  ///   - clients: of the cohort, each once, in the order of the rows.
  ///   - examples: each client's number of examples; nil for one each.
  /// - Throws: as the update of one client, and nothing of any client was sent; `ClientEndError.updateLength` where the matrix has
  ///   another size.
  public mutating func send(
    rows: UnsafeBufferPointer<Float>, from clients: [Int], examples: [Int]? = nil
  ) throws {
    guard examples?.count ?? clients.count == clients.count else {
      throw FederationError.counts(clients: clients.count, updates: clients.count, examples: examples?.count)
    }
    let width = parameters.count
    guard rows.count == width * clients.count else {
      throw ClientEndError.updateLength(
        client: clients.first ?? 0, found: clients.isEmpty ? rows.count : rows.count / clients.count, allowed: width)
    }
    // All are checked before the first is sent.
    try check(clients)
    if let i = examples?.firstIndex(where: { !(0...LocalUpdate.mostExamples).contains($0) }), let found = examples?[i] {
      throw ClientEndError.exampleCount(client: clients[i], found: found)
    }
    for batch in frame.batches(of: Array(clients.indices)) {
      try send(
        batch.map { LocalUpdate(Array(rows[($0 * width)..<(($0 + 1) * width)]), exampleCount: examples?[$0] ?? 1) },
        from: batch.map { clients[$0] })
    }
  }

  /// Refuses strangers, clients that were not drawn, and second uploads.
  private func check(_ clients: [Int]) throws {
    for client in clients where !drawn.contains(client) {
      throw FederationError.notDrawn(client: client, round: round)
    }
    try ends.checkSenders(clients, in: received)
  }

  private mutating func send(_ updates: [LocalUpdate], from clients: [Int]) throws {
    // All are checked before the first is sent.
    try check(clients)
    try ends.check(updates, of: clients, in: received)
    for batch in frame.batches(of: Array(clients.indices)) {
      let senders = batch.map { clients[$0] }
      let sent = try ends.uploads(of: senders, updates: batch.map { updates[$0] }, in: received, frame.parallel)
      let (server, opened) = (server, aggregate.opened)
      let (delivered, parts) = frame.parallel.mapWithWorkers(
        sent.count, worker: { opened.makePart() },
        body: { part, i in server.deliver(sent[i], of: senders[i], in: opened, part) })
      for upload in delivered { diagnostics.add(upload, bound: received.broadcast.channel.clippingNorm) }
      aggregate.add(parts, delivered.map(\.arrival))
      watch.lap(\.clients, &timings)
    }
  }

  /// Lets a pool's clients of the cohort take part: they train, clip, encode and send; all that leaves them is bytes, which the server
  /// decodes and adds up at once.
  ///
  /// - Parameters:
  ///   - pace: how many clients are a batch.
  ///   - continues: asked between batches of clients.
  /// - Returns: whether all of them took part.
  mutating func participate(
    _ pool: inout ClientPool, evaluates: Bool, _ pace: inout BatchPace, continues: (RoundProgress) -> Bool
  ) throws -> Bool {
    let start = pool.receive(received)
    let began = ContinuousClock.now
    var done = 0
    while done < cohort.count {
      let batchBegan = ContinuousClock.now
      if done > 0 {
        let progress = RoundProgress(round: round, done: done, drawn: cohort.count, elapsed: batchBegan - began)
        guard continues(progress) else { return false }
      }
      let batch = cohort[done..<min(done + min(pace.size, frame.largestBatch), cohort.count)]
      done += batch.count
      let (server, opened) = (server, aggregate.opened)
      let (participations, parts) = try pool.participate(
        Array(batch), in: start, through: &ends, evaluates: evaluates, frame.parallel,
        receiver: { opened.makePart() },
        deliver: { sent, client, part in server.deliver(sent, of: client, in: opened, part) })
      for client in participations {
        guard let upload = client.sent else { continue }
        diagnostics.add(
          upload, bound: received.broadcast.channel.clippingNorm, accuracy: client.accuracy,
          trainingTime: client.trainingTime)
      }
      aggregate.add(parts, participations.compactMap { $0.sent?.arrival })
      watch.lap(\.clients, &timings)
      pace.took(.now - batchBegan, count: batch.count)
    }
    return true
  }
}

extension Server {
  /// Decodes and adds what a client sent, or adds what it would have sent.
  func deliver(
    _ sent: SentUpload, of client: Int, in opened: OpenedRound, _ part: AggregatePart
  ) -> DeliveredUpload {
    let start = ContinuousClock.now
    let arrival: Arrival
    let bits: Int?
    switch sent.content {
    case .coded(let bytes, let payloadBits): (arrival, bits) = (receive(bytes, in: opened, into: part), payloadBits)
    case .simulated(let update): (arrival, bits) = (receive(simulated: update, of: client, into: part), nil)
    }
    return DeliveredUpload(figures: sent.figures, payloadBits: bits, arrival: arrival, decodingTime: .now - start)
  }
}
