import Testing

@testable import ChannelCoding
@testable import Clients
@testable import Datasets
@testable import Numerics

private let runKeys = RunKeys(seed: 1, fingerprint: [])
private let parallel = Parallel(threads: 2)

/// All values of a type that are reachable from a value, by reflection: what its end holds.
private func values<T>(of type: T.Type, in value: Any, depth: Int = 0) -> [T] {
  if let found = value as? T { return [found] }
  guard depth < 12 else { return [] }
  return Mirror(reflecting: value).children.flatMap { values(of: type, in: $0.value, depth: depth + 1) }
}

@Suite struct ClientEndsTests {
  private func broadcast(
    round: Int = 1, contents: UplinkContents = .update, codec: CodecName = .layered, seals: Bool = false
  ) throws -> ReceivedBroadcast {
    let count = 50
    return try ReceivedBroadcast(
      Broadcast(
        round: round,
        channel: ChannelSettings(
          codec: codec, dimension: contents.dimension(parameters: count), clippingNorm: 1,
          noiseScale: codec == .float32 ? 0 : 0.1), sealsUploads: seals,
        rotationKey: runKeys.server.rotation(round: round), serverPublicKey: runKeys.server.keyPair.publicKey,
        contents: contents, parameters: [Float](repeating: 0, count: count),
        control: contents == .controlled ? [Float](repeating: 0, count: count) : []
      ).bytes)
  }

  private func enrolled(_ clients: [Int]) -> ClientEnds {
    var ends = ClientEnds()
    _ = ends.enrol(clients, keys: clients.map(runKeys.client), parallel)
    return ends
  }

  /// What is decoded of an upload that carries no noise.
  private func decoded(_ sent: SentUpload, _ round: ReceivedBroadcast, client: Int) throws -> [Double] {
    let session = try runKeys.server.keyPair.sessionAsServer(client: runKeys.client(client).keyPair.publicKey)
    let upload =
      try round.broadcast.sealsUploads
      ? Upload(sealed: try #require(sent.bytes)) { _ in session } : Upload(bytes: try #require(sent.bytes))
    return try round.channel.decode(upload.payload, shared: SharedRandomness(session: session, round: round.round))
  }

  /// By type and by value: nothing in the clients' ends is the run's key, or the server's, or that of a client that has not enrolled.
  @Test func clientsHoldNothingOfTheServer() throws {
    // Also where cohorts are common to runs, whose draws have a root of their own.
    for runKeys in [runKeys, RunKeys(seed: 5, fingerprint: [1], isCommon: true)] { try holdNothing(of: runKeys) }
  }

  private func holdNothing(of runKeys: RunKeys) throws {
    var ends = ClientEnds()
    _ = ends.enrol([3, 4], keys: [3, 4].map(runKeys.client), parallel)
    #expect(values(of: RunKeys.self, in: ends).isEmpty && values(of: ServerKeys.self, in: ends).isEmpty)
    let held = Set(values(of: Key.self, in: ends))
    #expect(held == Set([3, 4].flatMap { values(of: Key.self, in: runKeys.client($0)) }), "their roots, and no more")
    let secrets = values(of: Key.self, in: runKeys) + values(of: Key.self, in: runKeys.server)
    #expect(secrets.count == 4 && held.isDisjoint(with: secrets))
  }

  @Test func manyUploadsAreThoseOfEachForAnyNumberOfThreads() throws {
    let clients = [9, 2, 70]
    let round = try broadcast(seals: true)
    let updates = clients.map { client in
      LocalUpdate((0..<50).map { Float(client) / 100 * ($0 % 2 == 0 ? 1 : -1) })
    }
    var (one, many) = (enrolled(clients), enrolled(clients))
    let single = try zip(clients, updates).map { try one.upload(of: $0, update: $1, in: round) }
    let together = try many.uploads(of: clients, updates: updates, in: round, parallel)
    #expect(single.map(\.bytes) == together.map(\.bytes))
    #expect(
      together.map(\.figures.wasClipped) == [false, false, true] && together.allSatisfy { $0.figures.idealBits > 0 })
    let first = try broadcast()
    var again = enrolled(clients)
    #expect(try again.upload(of: 9, update: updates[0], in: first).bytes != single[0].bytes, "not sealed")
  }

  /// The coordinates beside the update: a count, a weight, the change of a control variate.
  @Test func theExtraCoordinatesAreTheContents() throws {
    let clients = [1, 2, 3]
    var values = [Float](repeating: 0, count: 50)
    values[0] = 0.25
    for (contents, extra) in [
      (UplinkContents.counted(clippingNorm: 0.5, unit: 0.5), [0.25]),
      (.weighted, [0.5]),
    ] {
      var ends = enrolled(clients)
      let round = try broadcast(contents: contents, codec: .float32)
      let weight = contents == .weighted ? 0.5 : 1
      let sent = try ends.upload(of: 1, update: LocalUpdate(values, exampleCount: 3), in: round)
      let found = try decoded(sent, round, client: 1)
      // The weighted vector (0.75, 3) is longer than 1 and clipped as a whole.
      let whole = contents == .weighted ? (0.75 * 0.75 + 9).squareRoot() : 1
      #expect(abs(found[0] - (contents == .weighted ? 0.75 / whole : 0.25)) < 1e-6)
      #expect(abs(found[50] - (contents == .weighted ? 3 / whole : extra[0])) < 1e-6 && weight > 0)
    }
    var ends = enrolled(clients)
    let counted = try broadcast(contents: .counted(clippingNorm: 0.5, unit: 0.5), codec: .float32)
    let empty = try ends.upload(of: 2, update: LocalUpdate(values, exampleCount: 0), in: counted)
    #expect(try decoded(empty, counted, client: 2)[50] == 0, "a client without examples counts as none")
    values[0] = 0.75
    let long = try ends.upload(of: 3, update: LocalUpdate(values), in: counted)
    #expect(try abs(decoded(long, counted, client: 3)[50] + 0.25) < 1e-6 && long.figures.wasClipped)
    let controlled = try broadcast(contents: .controlled, codec: .float32)
    let change = (0..<50).map { Float($0) / 1000 }
    let sent = try ends.upload(of: 1, update: LocalUpdate(values, controlChange: change), in: controlled)
    #expect(try zip(decoded(sent, controlled, client: 1)[50...], change).allSatisfy { abs($0 - Double($1)) < 1e-6 })
  }

  @Test func whatDoesNotFitIsRefusedBeforeAnythingIsSent() throws {
    var ends = enrolled([5, 6])
    let round = try broadcast()
    let fine = LocalUpdate([Float](repeating: 0.01, count: 50))
    #expect(throws: ClientEndError.notEnrolled(client: 4)) { try ends.upload(of: 4, update: fine, in: round) }
    #expect(throws: ClientEndError.updateLength(client: 5, found: 49, allowed: 50)) {
      try ends.upload(of: 5, update: LocalUpdate([Float](repeating: 0, count: 49)), in: round)
    }
    #expect(throws: ClientEndError.exampleCount(client: 5, found: -1)) {
      try ends.upload(of: 5, update: LocalUpdate(fine.values, exampleCount: -1), in: round)
    }
    #expect(throws: ClientEndError.controlLength(client: 5, found: 0, allowed: 50)) {
      try ends.upload(of: 5, update: fine, in: broadcast(contents: .controlled, codec: .float32))
    }
    #expect(throws: ClientEndError.secondUpload(client: 6, round: 1)) {
      try ends.uploads(of: [6, 6], updates: [fine, fine], in: round, parallel)
    }
    #expect(try ends.upload(of: 5, update: fine, in: round).bytes?.count ?? 0 > 2)
    #expect(throws: ClientEndError.secondUpload(client: 5, round: 1)) {
      try ends.upload(of: 5, update: fine, in: round)
    }
    #expect(try ends.upload(of: 5, update: fine, in: broadcast(round: 2)).bytes?.count ?? 0 > 2)
  }
}
