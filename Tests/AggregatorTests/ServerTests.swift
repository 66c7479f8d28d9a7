import Statistics
import Testing

@testable import Aggregator
@testable import ChannelCoding
@testable import Numerics

private let keys = RunKeys(seed: 5, fingerprint: [])

private func makeServer(dimension: Int, population: Int, codec: CodecName = .layered) throws -> (Server, PrivacyPlan) {
  let plan = try PrivacyPlan(
    population: population, clippingNorm: 1, noise: .multiplier(2), sampling: .poisson(rate: 0.25),
    relation: .zeroOut, accountant: .rdp, delta: 1e-5, rounds: 10)
  let settings = ChannelSettings(
    codec: codec, dimension: dimension, clippingNorm: 1, noiseScale: plan.noiseScale)
  let sampler = CohortSampler(sampling: plan.sampling, population: population, largest: plan.largestCohort)
  let server = Server(
    parameters: [Float](repeating: 0, count: dimension), sampler: sampler, plan: plan, settings: settings,
    optimizer: .fedavg(learningRate: 1), secrets: keys.server)
  return (server, plan)
}

/// A client's message as a real client would make it.
private func upload(_ client: Int, _ broadcast: Broadcast, update: [Float]) throws -> [UInt8] {
  let channel = try Channel(broadcast.channel, rotationKey: broadcast.rotationKey)
  let secrets = keys.client(client)
  let session = try secrets.keyPair.sessionAsClient(server: broadcast.serverPublicKey)
  var noise = secrets.noise(round: broadcast.round)
  let payload = channel.encode(
    ClippedUpdate(clipping: update, to: 1), shared: SharedRandomness(session: session, round: broadcast.round),
    private: &noise)
  return Upload(client: client, round: broadcast.round, payload: payload).bytes
}

/// A round's uploads in batches of three, as a server gets them.
private func sum(
  _ server: Server, _ uploads: [[UInt8]], of cohort: [Int], round: Int, _ parallel: Parallel
) throws -> Aggregate {
  var aggregate = try server.open(round: round, cohort: cohort)
  for first in stride(from: 0, to: uploads.count, by: 3) {
    server.receive(Array(uploads[first..<min(first + 3, uploads.count)]), into: &aggregate, parallel)
  }
  return aggregate
}

@Suite struct ServerTests {
  private let parallel = Parallel(threads: 2)
  private let dimension = 100

  private func enrolled(_ clients: [Int], codec: CodecName = .layered) throws -> (Server, PrivacyPlan) {
    var (server, plan) = try makeServer(dimension: dimension, population: 200, codec: codec)
    server.enrol(clients, publicKeys: clients.map { keys.client($0).keyPair.publicKey }, parallel)
    return (server, plan)
  }

  @Test func uploadsThatAreNoMessagesOfTheCohortAreRefused() throws {
    let (server, _) = try enrolled([1, 2, 3, 4])
    let broadcast = server.broadcast(round: 2)
    let update = [Float](repeating: 0.05, count: dimension)
    let good = try upload(1, broadcast, update: update)
    let otherRound = try upload(2, server.broadcast(round: 3), update: update)
    let notDrawn = try upload(4, broadcast, update: update)
    let garbage: [UInt8] = [1, 3, 2] + [UInt8](repeating: 0xEE, count: 300)
    let aggregate = try sum(
      server, [good, good, otherRound, notDrawn, garbage, [], [7]], of: [1, 2, 3], round: 2, parallel)
    #expect(aggregate.arrived == 1 && aggregate.refusals.count == 6)
    let alone = try sum(server, [good], of: [1, 2, 3], round: 2, parallel)
    #expect(aggregate.refusals[0] == .repeated && aggregate.refusals[1] == .wrongRound)
    #expect(aggregate.refusals[2] == .notDrawn && aggregate.refusals[4] == .malformed)
    #expect(aggregate.sum == alone.sum, "refused uploads leave no trace in the sum")
    #expect(aggregate.payloadBits == alone.payloadBits)
  }

  /// A client's first valid message counts, whatever came before it, in one batch or in several.
  @Test(arguments: [1, 2, 3, 10]) func theFirstValidMessageCounts(_ size: Int) throws {
    let (server, _) = try enrolled([1, 2])
    let broadcast = server.broadcast(round: 2)
    let good = try upload(1, broadcast, update: [Float](repeating: 0.05, count: dimension))
    let other = try upload(1, broadcast, update: [Float](repeating: -0.05, count: dimension))
    // An envelope of client 1 with a payload that no encoder writes.
    let message = try Upload(bytes: good)
    let bad = Upload(
      client: 1, round: 2, payload: Payload(bytes: message.payload.bytes + [1, 2, 3])
    ).bytes
    let second = try upload(2, broadcast, update: [Float](repeating: 0.02, count: dimension))
    let sent = [bad, [], good, bad, other, second, good]
    var aggregate = try server.open(round: 2, cohort: [1, 2])
    for first in stride(from: 0, to: sent.count, by: size) {
      server.receive(Array(sent[first..<min(first + size, sent.count)]), into: &aggregate, parallel)
    }
    let alone = try sum(server, [good, second], of: [1, 2], round: 2, parallel)
    #expect(aggregate.sum == alone.sum && aggregate.payloadBits == alone.payloadBits)
    #expect(aggregate.refusals.count == 5 && aggregate.refusals[1] == .malformed)
    #expect(aggregate.refusals[2...].allSatisfy { $0 == .repeated })
    guard case .payload = aggregate.refusals[0] else {
      Issue.record("found \(aggregate.refusals[0])")
      return
    }
    #expect(aggregate.wireBytes == sent.reduce(0) { $0 + $1.count })
  }

  /// Without a clipping norm an update may be of any size; one that a sum has no room for is refused whole.
  @Test func whatASumHasNoRoomForIsRefused() throws {
    let settings = ChannelSettings(codec: .float32, dimension: 5, clippingNorm: .infinity, noiseScale: 0)
    let server = Server(
      parameters: [0, 0, 0, 0], sampler: CohortSampler(sampling: .everyone, population: 3, largest: 3), plan: nil,
      algorithm: .weighted, settings: settings, optimizer: .fedavg(learningRate: 1), secrets: keys.server)
    var enrolled = server
    enrolled.enrol([0, 1, 2], publicKeys: (0..<3).map { keys.client($0).keyPair.publicKey }, parallel)
    let broadcast = enrolled.broadcast(round: 1)
    let uploads = try [[1, 2, 3, 4, 5], [1, 0x1p38, -0x1p38, 0, 0], [1, -0x1.000002p38, 0, 0, 3]].enumerated().map {
      i, values in
      let channel = try Channel(broadcast.channel, rotationKey: broadcast.rotationKey)
      var noise = keys.client(i).noise(round: 1)
      let session = try keys.client(i).keyPair.sessionAsClient(server: broadcast.serverPublicKey)
      let payload = channel.encode(
        ClippedUpdate(clipping: values, to: .infinity), shared: SharedRandomness(session: session, round: 1),
        private: &noise)
      return Upload(client: i, round: 1, payload: payload).bytes
    }
    let all = try sum(enrolled, uploads, of: [0, 1, 2], round: 1, parallel)
    #expect(all.arrived == 2 && all.refusals == [.payload(.tooLarge(coordinate: 1))])
    #expect(all.sum.values == [2, 0x1p38 + 2, 3 - 0x1p38, 4, 5])
  }

  @Test func sumsDoNotDependOnThreads() throws {
    let clients = Array(0..<40)
    let (server, _) = try enrolled(clients)
    let broadcast = server.broadcast(round: 1)
    let uploads = try clients.map { id in
      try upload(id, broadcast, update: (0..<dimension).map { Float(($0 + id) % 7) * 0.01 })
    }
    let one = try sum(server, uploads, of: clients, round: 1, Parallel(threads: 1))
    let three = try sum(server, uploads, of: clients, round: 1, Parallel(threads: 3))
    #expect(one.sum == three.sum && one.arrived == 40)
  }

  @Test func theModelMovesByTheSumOverTheExpectedCohort() throws {
    var (server, _) = try enrolled([1])
    server.step([Double](repeating: 10, count: dimension))
    #expect(server.parameters.allSatisfy { $0 == 0.2 }, "10 over 0.25 x 200")
  }

  @Test func aBadPublicKeyLeavesItsClientAStranger() throws {
    var (server, _) = try makeServer(dimension: dimension, population: 200)
    let bad = try #require(Key([UInt8](repeating: 0, count: 32)))
    server.enrol([1, 2], publicKeys: [bad, keys.client(2).keyPair.publicKey], parallel)
    #expect(!server.isEnrolled(1) && server.isEnrolled(2))
    let update = [Float](repeating: 0.05, count: dimension)
    let uploads = try [1, 2].map { try upload($0, server.broadcast(round: 1), update: update) }
    let aggregate = try sum(server, uploads, of: [1, 2], round: 1, parallel)
    #expect(aggregate.arrived == 1 && aggregate.refusals == [.notDrawn])
  }

  @Test func broadcastsSayNothingOfTheDrawnNumber() throws {
    let (server, _) = try enrolled([1, 2, 3])
    let (other, _) = try enrolled([1])
    #expect(server.broadcast(round: 4).bytes == other.broadcast(round: 4).bytes)
    #expect(server.broadcast(round: 4).rotationKey != server.broadcast(round: 5).rotationKey)
  }
}

@Suite struct CohortStatistics {
  /// n = 20,000 cohorts; false-alarm rate 1e-6.
  @Test func poissonCohortsHaveIndependentMembers() {
    let sampler = CohortSampler(sampling: .poisson(rate: 0.3), population: 6, largest: 6)
    var counts = [Int](repeating: 0, count: 64)
    for round in 0..<20_000 {
      let members = sampler.cohort(keys.server.cohort(round: round))
      #expect(members == members.sorted())
      counts[members.reduce(0) { $0 | 1 << $1 }] += 1
    }
    let probabilities = (0..<64).map { mask in
      (0..<6).reduce(1.0) { $0 * (mask >> $1 & 1 == 1 ? 0.3 : 0.7) }
    }
    let result = StatisticalChecks.chiSquare(counts: counts, probabilities: probabilities)
    #expect(result.passes(), "\(result)")
    // A rate of 0.31 is seen.
    let other = (0..<64).map { mask in (0..<6).reduce(1.0) { $0 * (mask >> $1 & 1 == 1 ? 0.32 : 0.68) } }
    #expect(!StatisticalChecks.chiSquare(counts: counts, probabilities: other).passes())
  }

  @Test func largeDrawsAreCutToTheBoundFairly() {
    let sampler = CohortSampler(sampling: .poisson(rate: 0.9), population: 8, largest: 3)
    var counts = [Int](repeating: 0, count: 8)
    var full = 0
    for round in 0..<8000 {
      let members = sampler.cohort(keys.server.cohort(round: round))
      #expect(members.count <= 3 && members == members.sorted() && Set(members).count == members.count)
      if members.count == 3 {
        full += 1
        for member in members { counts[member] += 1 }
      }
    }
    #expect(full > 7900)
    for count in counts { #expect(abs(Double(count) / (3.0 / 8 * Double(full)) - 1) < 0.1) }
  }

  @Test func fixedSizesAreFixed() {
    let sampler = CohortSampler(sampling: .fixedSize(rate: 3.0 / 7), population: 7, largest: 3)
    for round in 0..<50 { #expect(sampler.cohort(keys.server.cohort(round: round)).count == 3) }
  }

  @Test func everyoneIsEveryone() {
    let sampler = CohortSampler(sampling: .everyone, population: 5, largest: 5)
    #expect(sampler.cohort(keys.server.cohort(round: 1)) == [0, 1, 2, 3, 4])
    #expect(sampler.expectedSize == 5)
  }

  /// The completed sum carries exactly z C, whoever dropped out: n = 200,000 coordinates a case.
  @Test(arguments: [0, 1, 30])
  func completedNoiseIsTheWholeNoise(arriving: Int) throws {
    let dimension = 2000
    let clients = Array(0..<arriving)
    var noise: [Double] = []
    var (server, plan) = try makeServer(dimension: dimension, population: 200)
    server.enrol(clients, publicKeys: clients.map { keys.client($0).keyPair.publicKey }, Parallel(threads: 2))
    for round in 0..<100 {
      let broadcast = server.broadcast(round: round)
      let uploads = try clients.map { try upload($0, broadcast, update: [Float](repeating: 0, count: dimension)) }
      let aggregate = try sum(server, uploads, of: clients, round: round, Parallel(threads: 2))
      #expect(aggregate.arrived == arriving)
      noise += server.complete(aggregate).map { $0 / 2 }
    }
    #expect(plan.largestCohort > 30)
    for result in [
      StatisticalChecks.kolmogorovSmirnov(sample: noise) { Laws.normalCDF($0) },
      StatisticalChecks.normMoment(sample: noise, variance: 1),
      StatisticalChecks.serialCorrelation(sample: noise, lag: 1),
    ] { #expect(result.passes(), "\(result)") }
    // A share short of noise (one client of 61 missing) is seen in the norm.
    let short = noise.map { $0 * (1 - 1 / 61.0).squareRoot() }
    #expect(!StatisticalChecks.normMoment(sample: short, variance: 1).passes())
  }
}
