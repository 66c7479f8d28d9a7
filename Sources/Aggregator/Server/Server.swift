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
      OpenedRound(
        round: round, cohort: Set(cohort),
        channel: try Channel(channelSettings, rotationKey: secrets.rotation(round: round)),
        terms: max(plan?.largestCohort ?? cohort.count, 1)))
  }

  /// Decodes uploads and adds them up. One that is no valid first message of a drawn client for this round is refused: a contribution of
  /// zero, as if it had not come.
  public func receive(_ uploads: [[UInt8]], into aggregate: inout Aggregate, _ parallel: Parallel) {
    let (round, seen) = (aggregate.opened, aggregate.seen)
    let opened = parallel.map(uploads.count) { open(uploads[$0], in: round) }
    // Those of one client are looked at one after the other, until one is valid.
    var places: [Int: Int] = [:]
    var groups: [[Int]] = []
    var arrivals = uploads.map { Arrival.refused(.repeated, bytes: $0.count) }
    for (i, upload) in opened.enumerated() {
      switch upload {
      case .failure(let refusal): arrivals[i] = .refused(refusal, bytes: uploads[i].count)
      case .success(let upload) where seen.contains(upload.client): break
      case .success(let upload):
        if let place = places[upload.client] {
          groups[place].append(i)
        } else {
          places[upload.client] = groups.count
          groups.append([i])
        }
      }
    }
    let listed = groups
    let (decided, parts) = parallel.mapWithWorkers(
      listed.count, worker: { round.makePart() },
      body: { part, group in
        var decided: [(Int, Arrival)] = []
        for i in listed[group] {
          guard case .success(let upload) = opened[i] else { continue }
          let arrival = decode(upload, bytes: uploads[i].count, in: round, into: part)
          decided.append((i, arrival))
          if case .coded = arrival { break }
        }
        return decided
      })
    for (i, arrival) in decided.joined() { arrivals[i] = arrival }
    aggregate.add(parts, arrivals)
  }

  /// One client's upload, decoded and added to a worker's part: for callers who know that it is the client's first.
  package func receive(_ bytes: [UInt8], in round: OpenedRound, into part: AggregatePart) -> Arrival {
    switch open(bytes, in: round) {
    case .failure(let refusal): .refused(refusal, bytes: bytes.count)
    case .success(let upload): decode(upload, bytes: bytes.count, in: round, into: part)
    }
  }

  /// The upload in its envelope, where it is one of a drawn client for this round.
  private func open(_ bytes: [UInt8], in round: OpenedRound) -> Result<Upload, UploadRefusal> {
    let read = { () throws(WireError) -> Upload in
      sealsUploads ? try Upload(sealed: bytes) { sessions[$0] } : try Upload(bytes: bytes)
    }
    guard let upload = try? read() else { return .failure(.malformed) }
    guard upload.round == round.round else { return .failure(.wrongRound) }
    guard round.cohort.contains(upload.client), sessions[upload.client] != nil else { return .failure(.notDrawn) }
    return .success(upload)
  }

  private func decode(
    _ upload: Upload, bytes: Int, in round: OpenedRound, into part: AggregatePart
  ) -> Arrival {
    guard let session = sessions[upload.client] else { return .refused(.notDrawn, bytes: bytes) }
    do throws(PayloadError) {
      let shared = SharedRandomness(session: session, round: round.round)
      try part.add(round.channel.decodeSample(upload.payload, shared: shared))
      return .coded(client: upload.client, bits: upload.payload.bits, bytes: bytes)
    } catch {
      return .refused(.payload(error), bytes: bytes)
    }
  }

  /// Adds an update whose message a simulation does not write: without noise, all of which `complete` adds in one draw.
  ///
  /// A sum of k shares of noise, each N(0, sigma^2 I), is N(0, k sigma^2 I): so the completed sum has the same distribution as if all of
  /// them had been sent through an exact codec (docs/privacy.md, "A share of the messages").
  ///
  /// - Parameter update: of a client of the cohort that has not sent anything, of the channel's dimension.
  package func receive(simulated update: ClippedUpdate, of client: Int, into part: AggregatePart) -> Arrival {
    part.add(simulated: update)
    return .simulated(client: client)
  }

  /// Turns the sum back into the upload's coordinates and adds the server's own noise, so that it carries exactly z C
  /// whoever dropped out, however many were drawn, and however many of them sent a message with their share of it.
  public func complete(_ aggregate: Aggregate, _ parallel: Parallel = Parallel(threads: 1)) -> [Double] {
    var sum: [Double]
    if aggregate.coded > 0 || aggregate.simulated == 0 {
      sum = aggregate.sum.values
      aggregate.opened.channel.unrotate(&sum)
      if aggregate.simulated > 0 {
        let simulated = aggregate.simulatedSum.values
        for i in sum.indices { sum[i] += simulated[i] }
      }
    } else {
      // Zeros are zeros in any coordinates.
      sum = aggregate.simulatedSum.values
    }
    guard let plan else { return sum }
    let scale = plan.completionScale(arrived: aggregate.coded, clippingNorm: state.clippingNorm)
    guard scale > 0 else { return sum }
    var random = secrets.completion(round: aggregate.round)
    sum.withUnsafeMutableBufferPointer { random.stream.addNormals(scale: scale, to: $0, parallel) }
    return sum
  }

  /// The next model: the completed sum over the expected cohort size (over all examples where updates are weighted), through
  /// the server's optimizer; and the next clipping norm.
  ///
  /// - Parameters:
  ///   - sum: what `complete` gave.
  ///   - rateFactor: the share of the optimizer's rate that the round has, by a schedule that follows from the plan alone.
  public mutating func step(_ sum: [Double], rateFactor: Double = 1) {
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
    optimizer.step(&state.parameters, mean: sum.map { $0 * factor }, rateFactor: rateFactor, &state.optimizer)
  }
}
