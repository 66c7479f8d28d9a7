import ChannelCoding

/// The aggregator: it knows the model, the plan and its secrets, and gets bytes.
public struct Server: Sendable {
  public private(set) var parameters: [Float]
  public let sampler: CohortSampler
  private let plan: PrivacyPlan?
  private let settings: ChannelSettings
  private let optimizer: ServerOptimizer
  private let secrets: ServerSecrets
  private let keyPair: KeyPair
  private var sessions: [Int: SessionKey] = [:]

  /// - Parameter plan: nil for a run without privacy.
  public init(
    parameters: [Float], sampler: CohortSampler, plan: PrivacyPlan?, settings: ChannelSettings,
    optimizer: ServerOptimizer, secrets: ServerSecrets
  ) {
    precondition(parameters.count == settings.dimension)
    self.parameters = parameters
    self.sampler = sampler
    self.plan = plan
    self.settings = settings
    self.optimizer = optimizer
    self.secrets = secrets
    keyPair = secrets.keyPair
  }

  public func cohort(round: Int) -> [Int] { sampler.cohort(secrets.cohort(round: round)) }

  public func isEnrolled(_ client: Int) -> Bool { sessions[client] != nil }

  /// Agrees on a key with each new client: once a client, when it is first drawn.
  public mutating func enrol(_ clients: [Int], publicKeys: [Key], _ parallel: Parallel) throws {
    let keyPair = keyPair
    let agreed = parallel.map(clients.count) { i in
      Result { () throws(KeyAgreementError) in try keyPair.sessionAsServer(client: publicKeys[i]) }
    }
    for (client, session) in zip(clients, agreed) { sessions[client] = try session.get() }
  }

  public func broadcast(round: Int) -> Broadcast {
    Broadcast(
      round: round, channel: settings, rotationKey: secrets.rotation(round: round),
      serverPublicKey: keyPair.publicKey, parameters: parameters)
  }

  /// Decodes and adds up the uploads of a round, in their order. One that is no valid message of a drawn client for
  /// this round is refused: a contribution of zero, as if it had not come.
  public func aggregate(
    _ uploads: [[UInt8]], of cohort: [Int], round: Int, _ parallel: Parallel
  ) throws -> Aggregate {
    let broadcast = broadcast(round: round)
    let channel = try Channel(settings, rotationKey: broadcast.rotationKey)
    let drawn = Set(cohort)
    var seen = Set<Int>()
    var aggregate = Aggregate(dimension: settings.dimension)
    // Batches of a fixed number bound the memory; sums go in the order of the uploads, whatever the threads.
    let batch = 16
    for first in stride(from: 0, to: uploads.count, by: batch) {
      let part = Array(uploads[first..<min(first + batch, uploads.count)])
      let decoded = parallel.map(part.count) { i in
        decode(part[i], channel, drawn, round)
      }
      for (bytes, result) in zip(part, decoded) {
        switch result {
        case .success(let message) where seen.insert(message.client).inserted:
          aggregate.add(message.sample, payloadBits: message.payloadBits, wireBytes: bytes.count)
        case .success, .failure:
          aggregate.refuse(wireBytes: bytes.count)
        }
      }
    }
    channel.unrotate(&aggregate.sum)
    return aggregate
  }

  private struct Message: Sendable {
    let client: Int
    let payloadBits: Int
    let sample: [Double]
  }

  private func decode(
    _ bytes: [UInt8], _ channel: Channel, _ drawn: Set<Int>, _ round: Int
  ) -> Result<Message, UploadRefusal> {
    guard let upload = try? Upload(bytes: bytes) else { return .failure(.malformed) }
    guard upload.round == round else { return .failure(.wrongRound) }
    guard drawn.contains(upload.client), let session = sessions[upload.client] else {
      return .failure(.notDrawn)
    }
    var sample = [Double](repeating: 0, count: settings.dimension)
    let shared = SharedRandomness(session: session, round: round)
    do throws(PayloadError) {
      try channel.decode(upload.payload, shared: shared, addingTo: &sample)
    } catch {
      return .failure(.payload(error))
    }
    return .success(Message(client: upload.client, payloadBits: upload.payload.bits, sample: sample))
  }

  /// Adds the server's own noise, so that the sum carries exactly z C whoever dropped out and however many were drawn.
  public func complete(_ aggregate: inout Aggregate, round: Int) {
    guard let plan else { return }
    let scale = plan.completionScale(arrived: aggregate.arrived)
    guard scale > 0 else { return }
    var random = secrets.completion(round: round)
    random.stream.forEachNormal(count: aggregate.sum.count) { aggregate.sum[$0] += scale * $1 }
  }

  /// The next model: the completed sum over the expected cohort size, through the server's optimizer.
  public mutating func step(_ aggregate: Aggregate) {
    optimizer.step(&parameters, mean: aggregate.sum, divisor: sampler.expectedSize)
  }
}

/// Why an upload did not count.
enum UploadRefusal: Error, Equatable {
  case malformed
  case wrongRound
  case notDrawn
  case payload(PayloadError)
}

/// The sum of a round's decoded updates and what arriving cost.
public struct Aggregate: Sendable {
  public var sum: [Double]
  public private(set) var arrived = 0
  public private(set) var refused = 0
  /// Of each upload that counted, in order.
  public private(set) var payloadBits: [Int] = []
  /// Whole uploads with their envelopes, refused ones included.
  public private(set) var wireBytes = 0

  init(dimension: Int) { sum = [Double](repeating: 0, count: dimension) }

  mutating func add(_ sample: [Double], payloadBits bits: Int, wireBytes bytes: Int) {
    for i in sum.indices { sum[i] += sample[i] }
    arrived += 1
    payloadBits.append(bits)
    wireBytes += bytes
  }

  mutating func refuse(wireBytes bytes: Int) {
    refused += 1
    wireBytes += bytes
  }
}
