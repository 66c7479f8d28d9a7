import Aggregator
import ChannelCoding
import Clients
import Numerics
import PrivacyAccounting
import Scenarios

/// A federation whose updates the caller computes: no data and no model are known here, only the number of parameters.
///
///     var federation = try Federation(
///       parameters: start, clients: 500, rounds: 30, cohort: .poisson(expectedSize: 50),
///       privacy: Privacy(clippingNorm: 1, targetEpsilon: 4))
///     while var round = try federation.nextRound() {
///       for client in round.cohort { try round.send(myUpdate(client, round.parameters), from: client) }
///       let record = try federation.close(round)
///     }
///
/// A round is clipped, encoded, sent as bytes, decoded, added up, completed, applied and accounted for as in a `Simulation`,
/// which is a federation with clients of its own. A client of the cohort that sends nothing is a dropout: the noise is completed
/// to what the account assumes. The epsilon that is claimed is that of all planned rounds, also where the caller stops earlier:
/// where a run is stopped may have been chosen by looking at it.
///
/// **Keys.** Noise, cohorts and agreements come from a key of the run, and runs on neighboring data must never share it: from
/// the difference of two such runs the noise would fall out. The data are not known here, so that every federation gets a fresh
/// nonce from the system, recorded in `nonce` and in `state`. Whoever has it can take the noise off: it is a secret. A caller who
/// wants the same run again names the nonce, and takes the responsibility for its being of these data alone
/// (`Federation.nonce(seed:data:)` makes one from all that decides the updates).
///
/// **Copies.** A federation is a value, and its copies share their keys. A round is opened by one of them: another one that opens it
/// gets `FederationError.roundIsOpen`, since two sums under one noise would release their difference.
///
/// Memory grows with the parameters and with the clients that have taken part.
public struct Federation: Sendable {
  /// Privacy, channel, cohorts: what is known before the first round.
  public let frame: RunFrame
  /// The rounds that are done.
  public private(set) var round = 0
  /// Where the time of the rounds went that this value closed.
  public private(set) var timings = Timings()
  private(set) var server: Server
  /// How often each client was drawn.
  private(set) var timesDrawn: [Int: Int] = [:]
  private var ends: ClientEnds
  /// Nil where no lengths can be predicted.
  private var lengths: PredictedLengths?
  private let keys: RunKeys
  public private(set) var isOpen = false
  /// Nil for a simulation's, whose clients make the same updates in every copy.
  private let opened: OpenedRounds?
  /// Of the updates of the last round that was closed by this value. No guarantee covers them.
  public private(set) var norms = UpdateNorms()
  /// What all that the federation was made with comes to; nil for a simulation's.
  let identity: [UInt8]?
  /// The secret bytes by which this run differs from all others; nil for a simulation's, whose data are in its key.
  public let nonce: [UInt8]?

  /// - Parameters:
  ///   - parameters: the model that the first round starts from; any number of finite values.
  ///   - clients: the size of the population, N; clients have the numbers 0 to N - 1.
  ///   - rounds: T, the planned rounds.
  ///   - cohort: how the clients of a round are drawn. `dropout` is what the caller expects of them, for adaptive clipping.
  ///   - server: what the server does with the mean update.
  ///   - privacy: clipping and noise; nil for none, and for no guarantee.
  ///   - channel: the code of the uplink.
  ///   - nonce: names the run's keys, at least 16 bytes; nil for fresh ones from the system.
  ///   - components: what server optimizers are called, where one is not built in.
  ///   - threads: how many work at once; no result depends on it.
  /// - Throws: `ScenarioError` where the settings do not go together, or no guarantee follows from them.
  public init(
    parameters: [Float], clients: Int, rounds: Int, cohort: Cohort, server: ServerSection = ServerSection(),
    privacy: Privacy?, channel: ChannelSection = ChannelSection(), nonce: [UInt8]? = nil,
    components: Components = .standard, threads: Int = 1
  ) throws {
    let settings = FederationSettings(
      rounds: rounds, cohort: cohort, server: server, privacy: privacy, channel: channel)
    try settings.check(parameters: parameters, clients: clients, nonce: nonce, components)
    let frame = try RunFrame(
      settings, algorithm: server.weighting == .examples ? .weighted : .unweighted, parameters: parameters.count,
      clients: clients, arrivalRate: 1 - cohort.dropout, parallel: Parallel(threads: max(threads, 1)),
      accounting: SharedAccounting(), refusal: FederationSettings.refusal)
    self.init(
      frame, parameters: parameters,
      FederationName(frame, parameters: parameters, nonce: nonce ?? Self.freshNonce(), components))
  }

  /// A caller's federation.
  init(_ frame: RunFrame, parameters: [Float], _ name: FederationName) {
    self.init(
      frame, parameters: parameters, keys: name.keys, nonce: name.nonce, identity: name.identity, isCallers: true)
  }

  /// The federation of a simulation, or of a caller.
  ///
  /// - Parameter isCallers: whether somebody else may have other updates in a copy.
  init(
    _ frame: RunFrame, parameters: [Float], keys: RunKeys, nonce: [UInt8]?, identity: [UInt8]? = nil,
    isCallers: Bool = false
  ) {
    self.frame = frame
    self.keys = keys
    self.nonce = nonce
    self.identity = identity
    opened = isCallers ? OpenedRounds() : nil
    ends = ClientEnds(codedShare: frame.codedShare)
    lengths = frame.predictedLengths
    server = Server(
      parameters: parameters, sampler: frame.sampler, plan: frame.plan, algorithm: frame.algorithm,
      settings: frame.channel, sealsUploads: frame.settings.channel.seal,
      optimizer: ServerOptimizer(frame.settings.server.optimizer), secrets: keys.server,
      rule: frame.settings.server.rule)
  }

  /// The present model.
  public var parameters: [Float] { server.parameters }

  /// The privacy that all planned rounds spend: what is claimed of the released models. Nil where nothing is guaranteed.
  public var privacySpent: PrivacySpent? { frame.guaranteedPlan?.plannedSpending }

  /// What was released so far, as the accountant sees it; nil without privacy.
  public var ledger: PrivacyLedger? { frame.guaranteedPlan.map { PrivacyLedger($0.event, rounds: round) } }

  /// Rounds of the client that was drawn most often.
  public var mostTimesDrawn: Int { timesDrawn.values.max() ?? 0 }

  /// Asks the accountant, draws the cohort, enrols its new clients and makes the broadcast.
  ///
  /// - Returns: the open round, to be given to `close`; nil when all rounds are done, or all that the budget pays for.
  /// - Throws: `FederationError.roundIsOpen` where the last round was not closed, or a copy of this federation opened this one: it is
  ///   never drawn again, since that would be a second release. `PrivacyRefusal` for a round that the accountant refuses.
  public mutating func nextRound() throws -> OpenRound? {
    guard !isOpen else { throw FederationError.roundIsOpen(round + 1) }
    guard round < frame.lastRound else { return nil }
    let next = round + 1
    var timings = Timings()
    var watch = Stopwatch()

    // The accountant is asked first: a round that it refuses is not run. It speaks of Gaussian noise only.
    let spending = try frame.spending(rounds: next)
    watch.lap(\.accounting, &timings)

    let cohort = server.cohort(round: next)
    admit(cohort)
    ends.throwCoins(of: cohort, round: next, frame.parallel)
    // Whose upload is not written needs no agreement with the server.
    let newcomers = cohort.filter { !server.isEnrolled($0) && ends.isCoded($0, round: next) }
    let publicKeys = ends.publicKeys(of: newcomers, frame.parallel)
    server.enrol(newcomers, publicKeys: publicKeys, frame.parallel)
    let broadcast = server.broadcast(round: next).bytes
    let received = try ReceivedBroadcast(broadcast, codecs: frame.channel.codecs)
    let aggregate = try server.open(round: next, cohort: cohort)
    watch.lap(\.enrolment, &timings)

    // From here on nothing fails: a round is open only where the caller has it.
    guard opened?.open(next) ?? true else { throw FederationError.roundIsOpen(next) }
    isOpen = true
    for client in cohort { timesDrawn[client, default: 0] += 1 }
    let moved = ends
    ends = ClientEnds(codedShare: frame.codedShare)
    return OpenRound(
      aggregate, cohort: cohort, spending: spending, received: received, broadcastBytes: broadcast.count,
      server: server, ends: moved, diagnostics: CohortDiagnostics(lengths), timings: timings, watch: watch, frame: frame
    )
  }

  /// Gives clients that are drawn for the first time their keys.
  private mutating func admit(_ cohort: [Int]) {
    let newcomers = cohort.filter { !ends.isEnrolled($0) }
    let keys = keys
    ends.admit(newcomers, keys: frame.parallel.map(newcomers.count) { keys.client(newcomers[$0]) })
  }

  /// Takes a round back of which nothing was released: made again, it is the same.
  ///
  /// That is so for a simulation's rounds alone. Whoever computes updates elsewhere may have others the second time, under the same noise.
  mutating func abandon(_ round: consuming OpenRound) {
    precondition(opened == nil && isOpen && round.round == self.round + 1, "an open round of a simulation")
    isOpen = false
    for client in round.cohort {
      let times = (timesDrawn[client] ?? 1) - 1
      timesDrawn[client] = times > 0 ? times : nil
    }
    lengths = round.diagnostics.lengths
    ends = round.ends
    ends.forget(round: round.round, of: round.cohort)
  }

  /// Completes the noise, moves the model and makes the record of a round.
  ///
  /// - Parameters:
  ///   - round: what `nextRound` gave, with what was sent.
  ///   - evaluate: measures the new model; nil where it is not to be measured.
  /// - Throws: `FederationError.foreignRound` for the round of another federation. The round is used up all the same, so that the one
  ///   that it is of cannot go on: give each its own.
  public mutating func close(
    _ round: consuming OpenRound, evaluate: (([Float]) -> Evaluation)? = nil
  ) throws -> RoundRecord {
    // A server's public key names its run.
    guard isOpen, round.round == self.round + 1, round.serverPublicKey == server.publicKey else {
      throw FederationError.foreignRound(round.round)
    }
    isOpen = false
    ends = round.ends
    lengths = round.diagnostics.lengths
    norms = round.diagnostics.norms
    var (timings, watch) = (round.timings, round.watch)

    // The server completes the noise to z C and moves the model.
    let clippingNorm = server.state.clippingNorm
    let schedule = frame.settings.server.schedule
    server.step(
      server.complete(round.aggregate, frame.parallel),
      rateFactor: schedule.factor(round: round.round, of: frame.settings.rounds))
    self.round = round.round
    watch.lap(\.completion, &timings)

    let evaluation = evaluate.map { $0(server.parameters) }
    watch.lap(\.evaluation, &timings)
    let spent = round.diagnostics
    timings.add(training: spent.trainingTime, coding: spent.codingTime, decoding: spent.decodingTime)
    var record = RoundRecord(
      drawn: round.cohort.count, aggregate: round.aggregate, diagnostics: round.diagnostics,
      broadcastBytes: round.broadcastBytes, evaluation: evaluation, frame: frame, spending: round.spending,
      clippingNorm: clippingNorm)
    record.serverLearningRate = schedule.rate(
      frame.settings.server.optimizer.learningRate, round: round.round, of: frame.settings.rounds)
    self.timings.add(timings)
    return record
  }
}

/// Why a federation cannot go on.
public enum FederationError: Error, Equatable, CustomStringConvertible {
  /// A round was opened and not closed.
  case roundIsOpen(Int)
  /// A round that this federation did not open, or has closed.
  case foreignRound(Int)
  /// A client that the round's cohort does not have.
  case notDrawn(client: Int, round: Int)
  /// Updates or numbers of examples that are not as many as the clients.
  case counts(clients: Int, updates: Int, examples: Int?)
  /// No round is open.
  case noRoundIsOpen
  /// The model has moved: the round takes no more updates.
  case stepIsMade(Int)
  /// A value that is out of its range.
  case value(name: String, found: String, allowed: String)

  public var description: String {
    switch self {
    case .roundIsOpen(let round):
      "round \(round) is open: it must be closed before the next one; it is never drawn a second time"
    case .foreignRound(let round): "round \(round) is not the open round of this federation"
    case .counts(let clients, let updates, let examples):
      "found \(updates) updates\(examples.map { " and \($0) numbers of examples" } ?? "") of \(clients) clients; allowed: one for each"
    case .noRoundIsOpen: "no round is open: it must be opened first"
    case .stepIsMade(let round): "the step of round \(round) was made: it takes no more updates, and can be closed"
    case .value(let name, let found, let allowed): "\(name): found \(found); allowed: \(allowed)"
    case .notDrawn(let client, let round): "client \(client) is not in the cohort of round \(round)"
    }
  }
}

extension Federation {
  /// Takes the place of a federation after a round.
  mutating func restore(round: Int, _ state: Server.State, timesDrawn: [Int: Int]) {
    self.round = round
    self.timesDrawn = timesDrawn
    server.restore(state)
  }
}
