import ChannelCoding

/// The aggregator: it knows the model, the plan and its secrets, and gets bytes.
public struct Server: Sendable {
  public private(set) var parameters: [Float]
  public let sampler: CohortSampler
  private let plan: PrivacyPlan?
  private let settings: ChannelSettings
  private let sealsUploads: Bool
  private let optimizer: ServerOptimizer
  private let secrets: ServerSecrets
  private let keyPair: KeyPair
  private var sessions: [Int: SessionKey] = [:]

  /// - Parameters:
  ///   - plan: nil for a run without privacy.
  ///   - sealsUploads: whether clients must seal what they send.
  public init(
    parameters: [Float], sampler: CohortSampler, plan: PrivacyPlan?, settings: ChannelSettings,
    sealsUploads: Bool = false, optimizer: ServerOptimizer, secrets: ServerSecrets
  ) {
    precondition(parameters.count == settings.dimension)
    self.parameters = parameters
    self.sampler = sampler
    self.plan = plan
    self.settings = settings
    self.sealsUploads = sealsUploads
    self.optimizer = optimizer
    self.secrets = secrets
    keyPair = secrets.keyPair
  }

  /// Goes on from what an earlier server of the same run had. Sessions are agreed on again.
  public mutating func restore(parameters: [Float]) {
    precondition(parameters.count == settings.dimension)
    self.parameters = parameters
  }

  public func cohort(round: Int) -> [Int] { sampler.cohort(secrets.cohort(round: round)) }

  public func isEnrolled(_ client: Int) -> Bool { sessions[client] != nil }

  /// Agrees on a key with each new client: once a client, when it is first drawn. One with an unacceptable key stays a
  /// stranger, whose uploads are refused.
  public mutating func enrol(_ clients: [Int], publicKeys: [Key], _ parallel: Parallel) {
    let keyPair = keyPair
    let agreed = parallel.map(clients.count) { try? keyPair.sessionAsServer(client: publicKeys[$0]) }
    for (client, session) in zip(clients, agreed) { sessions[client] = session }
  }

  public func broadcast(round: Int) -> Broadcast {
    Broadcast(
      round: round, channel: settings, sealsUploads: sealsUploads, rotationKey: secrets.rotation(round: round),
      serverPublicKey: keyPair.publicKey, parameters: parameters)
  }

  /// The empty sum of a round, to which uploads are added as they come.
  public func open(round: Int, cohort: [Int]) throws -> Aggregate {
    Aggregate(
      round: round, cohort: Set(cohort),
      channel: try Channel(settings, rotationKey: secrets.rotation(round: round)))
  }

  /// Decodes uploads and adds them up, in their order whatever the threads. One that is no valid first message of a
  /// drawn client for this round is refused: a contribution of zero, as if it had not come.
  ///
  /// Takes memory for one sample an upload: give it a round in batches.
  public func receive(_ uploads: [[UInt8]], into aggregate: inout Aggregate, _ parallel: Parallel) {
    let (round, cohort, channel) = (aggregate.round, aggregate.cohort, aggregate.channel)
    let decoded = parallel.map(uploads.count) { decode(uploads[$0], channel, cohort, round) }
    for (bytes, result) in zip(uploads, decoded) { aggregate.add(result, wireBytes: bytes.count) }
  }

  private func decode(
    _ bytes: [UInt8], _ channel: Channel, _ drawn: Set<Int>, _ round: Int
  ) -> Result<DecodedUpload, UploadRefusal> {
    let read = { () throws(WireError) -> Upload in
      sealsUploads ? try Upload(sealed: bytes) { sessions[$0] } : try Upload(bytes: bytes)
    }
    guard let upload = try? read() else { return .failure(.malformed) }
    guard upload.round == round else { return .failure(.wrongRound) }
    guard drawn.contains(upload.client), let session = sessions[upload.client] else {
      return .failure(.notDrawn)
    }
    do throws(PayloadError) {
      let sample = try channel.decode(
        upload.payload, shared: SharedRandomness(session: session, round: round))
      return .success(DecodedUpload(client: upload.client, payloadBits: upload.payload.bits, sample: sample))
    } catch {
      return .failure(.payload(error))
    }
  }

  /// Turns the sum back into the model's coordinates and adds the server's own noise, so that it carries exactly z C
  /// whoever dropped out and however many were drawn.
  public func complete(_ aggregate: Aggregate) -> [Double] {
    var sum = aggregate.sum
    aggregate.channel.unrotate(&sum)
    guard let plan else { return sum }
    let scale = plan.completionScale(arrived: aggregate.arrived)
    guard scale > 0 else { return sum }
    var random = secrets.completion(round: aggregate.round)
    sum.withUnsafeMutableBufferPointer { values in
      random.stream.forEachNormal(count: values.count) { values[$0] += scale * $1 }
    }
    return sum
  }

  /// The next model: the completed sum over the expected cohort size, through the server's optimizer.
  public mutating func step(_ sum: [Double]) {
    optimizer.step(&parameters, sum: sum, divisor: sampler.expectedSize)
  }
}
