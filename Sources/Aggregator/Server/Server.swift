import ChannelCoding
import Numerics

/// The aggregator: it knows the model, the plan and its secrets, and gets bytes.
public struct Server: Sendable {
  /// All that changes from round to round.
  public struct State: Sendable, Equatable {
    public var parameters: [Float]
    /// C of the next round; infinity without privacy.
    public var clippingNorm: Double
    public var optimizer: ServerOptimizer.State
    /// SCAFFOLD's control variate; empty without.
    public var control: [Float]

    public init(parameters: [Float], clippingNorm: Double, optimizer: ServerOptimizer.State, control: [Float]) {
      self.parameters = parameters
      self.clippingNorm = clippingNorm
      self.optimizer = optimizer
      self.control = control
    }
  }

  public private(set) var state: State
  public let sampler: CohortSampler
  private let plan: PrivacyPlan?
  private let algorithm: Algorithm
  private let settings: ChannelSettings
  private let sealsUploads: Bool
  private let optimizer: ServerOptimizer
  private let secrets: ServerKeys
  private let keyPair: KeyPair
  private var sessions: [Int: SessionKey] = [:]

  public var parameters: [Float] { state.parameters }

  /// The key that clients agree on sessions with. It follows from the run's secrets, and so tells runs apart.
  public var publicKey: Key { keyPair.publicKey }

  /// What uploads have beside updates, apart from what a plan asks for.
  public enum Algorithm: Sendable, Equatable {
    case unweighted
    /// The mean of updates weighted by examples: without privacy.
    case weighted
    case scaffold
  }

  /// - Parameters:
  ///   - plan: nil for a run without privacy.
  ///   - settings: the channel of the first round.
  ///   - sealsUploads: whether clients must seal what they send.
  public init(
    parameters: [Float], sampler: CohortSampler, plan: PrivacyPlan?, algorithm: Algorithm = .unweighted,
    settings: ChannelSettings, sealsUploads: Bool = false, optimizer: ServerOptimizer, secrets: ServerKeys
  ) {
    precondition(plan == nil || algorithm == .unweighted, "weights and control variates have no account")
    var control: [Float] = []
    if algorithm == .scaffold { control = [Float](repeating: 0, count: parameters.count) }
    state = State(
      parameters: parameters, clippingNorm: plan?.clippingNorm ?? .infinity,
      optimizer: optimizer.initialState(parameters: parameters.count), control: control)
    self.sampler = sampler
    self.plan = plan
    self.algorithm = algorithm
    self.settings = settings
    self.sealsUploads = sealsUploads
    self.optimizer = optimizer
    self.secrets = secrets
    keyPair = secrets.keyPair
    precondition(contents.dimension(parameters: parameters.count) == settings.dimension)
  }

  /// Goes on from a checkpoint of this run.
  public mutating func restore(_ state: State) {
    precondition(state.parameters.count == self.state.parameters.count)
    self.state = state
  }

  private var contents: UplinkContents {
    switch algorithm {
    case .unweighted: plan?.contents(clippingNorm: state.clippingNorm).0 ?? .update
    case .weighted: .weighted
    case .scaffold: .controlled
    }
  }

  /// Of the next round: noise and bound follow the clipping norm.
  private var channelSettings: ChannelSettings {
    guard let plan else { return settings }
    var settings = settings
    settings.clippingNorm = plan.contents(clippingNorm: state.clippingNorm).bound
    settings.noiseScale = plan.noiseScale(clippingNorm: state.clippingNorm)
    return settings
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
      round: round, channel: channelSettings, sealsUploads: sealsUploads, rotationKey: secrets.rotation(round: round),
      serverPublicKey: keyPair.publicKey, contents: contents, parameters: state.parameters, control: state.control)
  }

  /// The empty sum of a round, to which uploads are added as they come.
  public func open(round: Int, cohort: [Int]) throws -> Aggregate {
    Aggregate(
      round: round, cohort: Set(cohort),
      channel: try Channel(channelSettings, rotationKey: secrets.rotation(round: round)))
  }

  /// Decodes uploads and adds them up, in their order whatever the threads. One that is no valid first message of a
  /// drawn client for this round is refused: a contribution of zero, as if it had not come.
  ///
  /// Takes memory for one sample an upload: give it a round in batches.
  public func receive(_ uploads: [[UInt8]], into aggregate: inout Aggregate, _ parallel: Parallel) {
    let (round, cohort, channel) = (aggregate.round, aggregate.cohort, aggregate.channel)
    let decoded = parallel.map(uploads.count) { decode(uploads[$0], channel, cohort, round) }
    aggregate.add(decoded, wireBytes: uploads.reduce(0) { $0 + $1.count }, parallel)
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
      let sample = try channel.decodeSample(
        upload.payload, shared: SharedRandomness(session: session, round: round))
      return .success(DecodedUpload(client: upload.client, payloadBits: upload.payload.bits, sample: sample))
    } catch {
      return .failure(.payload(error))
    }
  }

  /// Adds updates whose messages a simulation does not write: without noise, all of which `complete` adds in one draw.
  ///
  /// A sum of k shares of noise, each N(0, sigma^2 I), is N(0, k sigma^2 I): so the completed sum has the same distribution as if all of
  /// them had been sent through an exact codec (docs/privacy.md, "A share of the messages").
  ///
  /// - Parameter updates: of clients of the cohort that have not sent anything, each of the channel's dimension.
  package func receive(simulated updates: [ClippedUpdate], into aggregate: inout Aggregate, _ parallel: Parallel) {
    aggregate.add(simulated: updates, parallel)
  }

  /// Turns the sum back into the upload's coordinates and adds the server's own noise, so that it carries exactly z C
  /// whoever dropped out, however many were drawn, and however many of them sent a message with their share of it.
  public func complete(_ aggregate: Aggregate) -> [Double] {
    var sum = aggregate.sum
    if aggregate.coded > 0 || aggregate.simulated == 0 {
      aggregate.channel.unrotate(&sum)
    } else {
      // Zeros are zeros in any coordinates.
      sum.removeLast(sum.count - aggregate.simulatedSum.count)
    }
    for i in aggregate.simulatedSum.indices { sum[i] += aggregate.simulatedSum[i] }
    guard let plan else { return sum }
    let scale = plan.completionScale(arrived: aggregate.coded, clippingNorm: state.clippingNorm)
    guard scale > 0 else { return sum }
    var random = secrets.completion(round: aggregate.round)
    sum.withUnsafeMutableBufferPointer { values in
      random.stream.forEachNormal(count: values.count) { values[$0] += scale * $1 }
    }
    return sum
  }

  /// The next model: the completed sum over the expected cohort size (over all examples where updates are weighted), through
  /// the server's optimizer; and the next clipping norm.
  public mutating func step(_ sum: [Double]) {
    let count = state.parameters.count
    var divisor = sampler.expectedSize
    switch contents {
    case .update: break
    case .counted(_, let unit):
      if let adaptive = plan?.adaptiveClipping {
        state.clippingNorm = adaptive.next(
          after: state.clippingNorm, centredCount: sum[count] / unit, divisor: divisor)
      }
    case .weighted: divisor = sum[count]
    case .controlled:
      // c moves by the mean over all clients, of which those that were not drawn changed nothing.
      for i in 0..<count { state.control[i] += Float(sum[count + i] / Double(sampler.population)) }
    }
    // Nobody sent anything: nothing moves, but for a momentum.
    let factor = divisor > 0 ? 1 / divisor : 0
    optimizer.step(&state.parameters, mean: sum.map { $0 * factor }, &state.optimizer)
  }
}
