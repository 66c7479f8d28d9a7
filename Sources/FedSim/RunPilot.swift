import ChannelCoding
import Clients
import Numerics
import Scenarios

/// The first rounds of a run, trained without its messages to see how long its updates are, and with that how many bits they will take.
///
/// A prediction at |x| = C is one for the longest updates that there may be; where C is larger than they are, it is far too large. A pilot
/// trains, clips and adds up as the run does, and the server draws the noise that the run's messages would carry together with its own:
/// so models have the distribution that they have in the run (docs/privacy.md, "A share of the messages"), and norms too. Bits are the
/// codec's own prediction at the norm of each update, and not at a mean norm.
///
/// **No guarantee covers a pilot.** Norms are functions of the clients' data without noise. Who changes a scenario by what a pilot shows has
/// spent privacy that no account knows of. A pilot has keys of its own, so that it shares neither cohorts nor noise with the run.
public struct RunPilot: Sendable {
  /// What a round of the pilot came to.
  public struct Round: Sendable {
    public let round: Int
    /// Uploads that were sent.
    public let uploads: Int
    /// C of the round; nil without privacy.
    public let clippingNorm: Double?
    /// The share of the updates that were longer than C; nil where none was sent.
    public let clippedFraction: Double?
    /// Norms of updates before clipping; nil where none was sent.
    public let norms: Percentiles?
    /// The longest of them.
    public let largestNorm: Double?
    /// Payload bits: predicted where the channel has noise, and those of the messages where it has none. Nil where none was sent, and where a
    /// codec of another package predicts what is no number of bits.
    public let payloadBits: Percentiles?
    /// Mean bits of an upload with its envelope.
    public let wireBits: Double?
    /// Mean I(X; Y); nil without noise.
    public let idealBits: Double?
  }

  public let rounds: [Round]
  /// The rounds that the run will have.
  public let lastRound: Int
  /// Whether the noise of the codec is another one than the Gaussian of the same scale that the pilot drew in its place.
  public let isNoiseStandIn: Bool

  /// Trains the rounds of the pilot.
  ///
  /// - Parameters:
  ///   - setup: a run with all its examples.
  ///   - rounds: how many rounds are trained.
  /// - Throws: `ScenarioError` where there are not as many rounds, or nothing to be seen in them.
  public init(_ setup: RunSetup, rounds: Int) throws {
    try Self.check(setup, rounds: rounds)
    let frame = setup.frame.withoutMessages
    let hasNoise = frame.channel.noiseScale > 0
    isNoiseStandIn = hasNoise && !frame.isChannelExact
    lastRound = setup.lastRound
    let keys = RunKeys(
      seed: setup.scenario.seed, fingerprint: Array("pilot".utf8) + setup.fingerprint,
      isCommon: setup.scenario.cohort.isCommon)
    var federation = Federation(frame, parameters: setup.initialParameters, keys: keys, nonce: nil)
    var clients = setup.makeClients()
    var pace = BatchPace(threads: frame.parallel.threads)
    var lengths = hasNoise && frame.channel.clippingNorm.isFinite ? PredictedLengths(frame.channel) : nil
    var made: [Round] = []
    while made.count < rounds, var open = try federation.nextRound() {
      let bound = open.received.broadcast.channel.clippingNorm
      let envelope = Self.envelopeBytes(open.cohort, round: open.round, isSealed: frame.settings.channel.seal)
      _ = try open.participate(&clients, evaluates: false, &pace, continues: { _ in true })
      // Where messages are written, they are measured.
      let written = open.aggregate.payloadBits.map(Double.init)
      let record = try federation.close(open)
      let norms = federation.norms
      let bits = lengths == nil ? written : norms.coded.compactMap { lengths?.bits(norm: $0, bound: bound) }
      made.append(Round(record, norms, payloadBits: bits, envelopeBytes: envelope))
    }
    self.rounds = made
  }

  /// Says what is wrong with the number of rounds before data are loaded for it.
  public static func check(_ scenario: Scenario, rounds: Int) throws(ScenarioError) {
    guard (1...scenario.rounds).contains(rounds) else {
      throw .key(
        place: "--pilot", path: "", problem: "found \(rounds) rounds",
        allowed: "1 to \(scenario.rounds), the rounds of the scenario")
    }
  }

  private static func check(_ setup: RunSetup, rounds: Int) throws(ScenarioError) {
    precondition(setup.unmade == nil, "a pilot trains on the examples")
    if setup.isExternal { throw setup.scenario.externalRefusal }
    try check(setup.scenario, rounds: rounds)
    guard rounds <= setup.lastRound else {
      throw .key(
        place: "--pilot", path: "", problem: "found \(rounds) rounds, and privacy.budget pays for \(setup.lastRound)",
        allowed: setup.lastRound > 0 ? "1 to \(setup.lastRound)" : "none: no round is made")
    }
    guard setup.scenario.faults.arrivalRate > 0 else {
      throw setup.scenario.refusal(
        at: Training.section,
        "a pilot has no updates to look at: every client is a straggler, and all of them are dropped")
    }
  }

  /// Mean bytes of an upload around its payload: client and round have numbers of one byte or more.
  private static func envelopeBytes(_ cohort: [Int], round: Int, isSealed: Bool) -> Double {
    let bytes = cohort.reduce(0) { $0 + Upload.envelopeBytes(client: $1, round: round, isSealed: isSealed) }
    return Double(bytes) / Double(max(cohort.count, 1))
  }

  // MARK: Of all rounds, each upload with the same weight

  /// Mean payload bits of an upload.
  public var payloadBits: Double? { mean { $0.payloadBits?.mean } }
  public var wireBits: Double? { mean(\.wireBits) }
  public var idealBits: Double? { mean(\.idealBits) }
  public var clippedFraction: Double? { mean(\.clippedFraction) }

  private func mean(_ figure: (Round) -> Double?) -> Double? {
    let parts = rounds.compactMap { round in figure(round).map { ($0, Double(round.uploads)) } }
    let count = parts.reduce(0) { $0 + $1.1 }
    return count > 0 ? parts.reduce(0) { $0 + $1.0 * $1.1 } / count : nil
  }
}

extension RunPilot.Round {
  /// - Parameters:
  ///   - payloadBits: of each upload; fewer where a codec of another package predicts what is no number of bits.
  ///   - envelopeBytes: mean bytes of an upload around its payload.
  fileprivate init(_ record: RoundRecord, _ norms: UpdateNorms, payloadBits bits: [Double], envelopeBytes: Double) {
    round = record.round
    uploads = norms.coded.count
    clippingNorm = record.clippingNorm
    clippedFraction = record.clippedFraction
    self.norms = Percentiles(norms.unclipped)
    largestNorm = norms.unclipped.max()
    idealBits = record.idealBits
    payloadBits = bits.count == uploads ? Percentiles(bits) : nil
    wireBits = payloadBits.map { $0.mean + 8 * envelopeBytes }
  }
}
