import Aggregator
import ChannelCoding
import Clients
import Numerics
import Platform

/// A round of stand-in updates between clients and a server of the run's channel, timed part by part.
struct ChannelProbe {
  private(set) var costs = UnitCosts.Channel()
  private let setup: RunSetup
  private let parallel: Parallel
  private let keys = RunKeys(seed: 0, fingerprint: Array("costs".utf8))
  /// Those of the round whose upload is written.
  private let writers: [Int]
  private var server: Server
  private var ends = ClientEnds()
  /// Of each writer: the lengths of a run's updates.
  private let updates: [LocalUpdate]

  /// Seconds that repeats of coding may take.
  private let limit: Double
  /// A single upload that is expected to take longer is not made, but a shorter one, and the codec's own prediction scales it.
  private static let longest = 1.0

  /// Nil where the channel cannot be made, or does not take what it wrote: a codec of another package.
  ///
  /// - Parameters:
  ///   - pilot: how long updates are.
  ///   - threads: how many code at once.
  ///   - limit: seconds that coding may take, but for one upload.
  init?(_ setup: RunSetup, _ pilot: NormPilot, threads: Int, limit: Double) {
    let expected = setup.channel.predictedEncodeMicroseconds * 1e-6
    var parameters = setup.model.parameterCount
    if expected > Self.longest {
      parameters = min(max(Int(Double(parameters) * limit / expected), 256), parameters)
    }
    self.init(setup, pilot, parameters: parameters, threads: threads, limit: limit)
    let whole = setup.channel
    guard parameters < setup.model.parameterCount, let prediction = whole.prediction?.time,
      let shorter = Self.channel(setup, parameters: parameters).prediction?.time
    else {
      return
    }
    let length = Double(whole.dimension) / Double(Self.channel(setup, parameters: parameters).dimension)
    costs.scale(
      by: length, encoding: prediction.encodeNanoseconds / shorter.encodeNanoseconds * length,
      decoding: prediction.decodeNanoseconds / shorter.decodeNanoseconds * length)
  }

  private init?(_ setup: RunSetup, _ pilot: NormPilot, parameters: Int, threads: Int, limit: Double) {
    (self.setup, self.limit) = (setup, limit)
    let channel = Self.channel(setup, parameters: parameters)
    guard channel.problem == nil else { return nil }
    // As many as may be coded in the time: a client sends once a round. Long ones take memory for each.
    let seconds = channel.predictedEncodeMicroseconds * 1e-6
    let repeats = seconds > 0 ? min(max(Int(4 * limit / seconds), 1), 64) : 1
    parallel = Parallel(threads: repeats < 8 ? 1 : threads)
    writers = Array(0..<(repeats * parallel.threads))
    server = Server(
      parameters: Self.start(setup, parameters),
      sampler: CohortSampler(sampling: .everyone, population: writers.count + 1, largest: writers.count + 1),
      plan: setup.plan, algorithm: setup.scenario.algorithm, settings: channel,
      sealsUploads: setup.scenario.channel.seal, optimizer: ServerOptimizer(setup.scenario.server.optimizer),
      secrets: keys.server)
    updates = Self.updates(setup, pilot, parameters: parameters, count: repeats)
    guard (try? measure()) == true else { return nil }
  }

  private static func channel(_ setup: RunSetup, parameters: Int) -> ChannelSettings {
    var channel = setup.channel
    channel.dimension += (parameters - setup.model.parameterCount) * (setup.scenario.algorithm == .scaffold ? 2 : 1)
    return channel
  }

  private static func start(_ setup: RunSetup, _ parameters: Int) -> [Float] {
    Array(setup.initialParameters.prefix(parameters))
  }

  /// A Gaussian direction in the lengths that updates have in the course of the run, in an order of which any beginning is spread over it.
  private static func updates(
    _ setup: RunSetup, _ pilot: NormPilot, parameters: Int, count: Int
  ) -> [LocalUpdate] {
    let bound = setup.channel.clippingNorm
    let scale = (bound.isFinite ? bound : 1) / Double(parameters).squareRoot()
    var random = RunKeys.experimentStream(seed: 0, .initialisation)
    let direction = (0..<parameters).map { _ in Float(scale * random.normal()) }
    var point = 0.5
    return (0..<count).map { _ in
      let length = Float(pilot.energy(at: point, rounds: setup.lastRound).squareRoot())
      // The golden section.
      point = (point + 0.618_033_988_749_895).truncatingRemainder(dividingBy: 1)
      let values = direction.map { length * $0 }
      return LocalUpdate(values, controlChange: setup.scenario.algorithm == .scaffold ? values : [])
    }
  }

  /// - Returns: whether the server took what clients wrote.
  private mutating func measure() throws -> Bool {
    let everyone = writers + [writers.count]
    var opened: (received: ReceivedBroadcast, aggregate: Aggregate, bytes: Int)?
    costs.opening = try time {
      let bytes = server.broadcast(round: 1).bytes
      opened = (
        try ReceivedBroadcast(bytes, codecs: setup.channel.codecs), try server.open(round: 1, cohort: everyone),
        bytes.count
      )
    }
    guard let (received, empty, bytes) = opened else { return false }
    var aggregate = empty
    if setup.frame.codedShare > 0 {
      costs.agreement = try agree(received)
      try code(received, &aggregate)
    }
    guard aggregate.refusals.isEmpty else { return false }
    var diagnostics = CohortDiagnostics(setup.frame.predictedLengths)
    try simulate(received, aggregate, &diagnostics)
    let coded = aggregate
    costs.closing = time {
      server.step(server.complete(coded))
      let record = RoundRecord(
        drawn: everyone.count, aggregate: coded, diagnostics: diagnostics, broadcastBytes: bytes, evaluation: nil,
        frame: setup.frame, spending: nil, clippingNorm: server.state.clippingNorm)
      _ = record.json.text(pretty: false) + record.csvLine
    }
    return true
  }

  /// Work that has no repeats.
  private func time(_ body: () throws -> Void) rethrows -> Double {
    let began = ResourceUsage.threadSeconds
    try body()
    return ResourceUsage.threadSeconds - began
  }

  /// Lets both ends of every writer agree on a key.
  ///
  /// - Returns: seconds that one of them takes.
  private mutating func agree(_ received: ReceivedBroadcast) throws -> Double {
    let one = Parallel(threads: 1)
    let seconds = try time {
      server.enrol(writers, publicKeys: ends.enrol(writers, keys: writers.map(keys.client), one), one)
      try ends.begin(writers, in: received, one)
    }
    return seconds / Double(writers.count)
  }

  /// Uploads that are written, on as many threads as a run has.
  private mutating func code(_ received: ReceivedBroadcast, _ aggregate: inout Aggregate) throws {
    let (ends, updates, threads, limit) = (ends, updates, parallel.threads, limit)
    let sent = parallel.map(threads) { thread in
      var sent = Sent()
      let began = ResourceUsage.threadSeconds
      var last = began
      for i in updates.indices {
        let upload = ends.send(updates[i], of: i * threads + thread, in: received)
        let now = ResourceUsage.threadSeconds
        sent.seconds.append(now - last)
        // A few are enough for the server: all of them would take memory that a run finds in its place again.
        if sent.uploads.count < Self.decoded, let bytes = upload.bytes { sent.uploads.append(bytes) }
        last = now
        if last - began > limit { break }
      }
      return sent
    }
    costs.encoding = Self.mean(sent.map(\.seconds))
    costs.decoding = receive(sent.map(\.uploads), &aggregate)
  }

  /// What a thread has sent.
  private struct Sent {
    var seconds: [Double] = []
    var uploads: [[UInt8]] = []
  }

  /// Uploads of a thread that the server gets.
  private static let decoded = 12

  /// Gives the server uploads, one of each thread at a time; a sum that has no room for more is begun again.
  ///
  /// - Returns: seconds that one of them takes.
  private mutating func receive(_ uploads: [[[UInt8]]], _ aggregate: inout Aggregate) -> Double {
    let empty = aggregate
    let room = setup.plan?.largestCohort ?? writers.count
    let together = uploads.prefix(room)
    var seconds: [Double] = []
    for i in 0..<(uploads.map(\.count).min() ?? 0) where aggregate.refusals.isEmpty {
      if aggregate.arrived + together.count > room { aggregate = empty }
      let began = ResourceUsage.processorSeconds
      server.receive(together.map { $0[i] }, into: &aggregate, parallel)
      seconds.append((ResourceUsage.processorSeconds - began) / Double(together.count))
    }
    return Self.mean([seconds])
  }

  /// Of each thread's times, without the first ones where there are enough: those fill caches and find memory.
  private static func mean(_ times: [[Double]]) -> Double {
    let kept = times.flatMap { $0.count > 4 ? Array($0.dropFirst(2)) : $0 }
    return kept.reduce(0, +) / Double(max(kept.count, 1))
  }

  /// An upload that is not written.
  private mutating func simulate(
    _ received: ReceivedBroadcast, _ aggregate: Aggregate, _ diagnostics: inout CohortDiagnostics
  ) throws {
    var silent = ClientEnds(codedShare: 0)
    let client = writers.count
    silent.admit([client], keys: [keys.client(client)])
    var sent: SentUpload?
    let clipping = try time { sent = try silent.upload(of: client, update: updates[0], in: received) }
    guard let sent else { return }
    let bound = received.broadcast.channel.clippingNorm
    let part = aggregate.opened.makePart()
    var delivered: DeliveredUpload?
    let adding = time { delivered = server.deliver(sent, of: client, in: aggregate.opened, part) }
    guard let delivered else { return }
    costs.plans = time { diagnostics.add(delivered, bound: bound) }
    if setup.frame.codedShare < 1 { costs.simulation = clipping + adding }
  }
}

extension UnitCosts.Channel {
  /// Makes costs of a shorter update those of a longer one.
  fileprivate mutating func scale(by length: Double, encoding: Double, decoding: Double) {
    for part in [\Self.opening, \.simulation, \.closing] { self[keyPath: part] *= length }
    self.encoding *= encoding
    self.decoding *= decoding
  }
}
