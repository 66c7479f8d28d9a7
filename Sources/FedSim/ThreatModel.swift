import Aggregator
import Files
import JSONText
import Numerics
import PrivacyAccounting

/// Who is guaranteed what: one row for each adversary of docs/privacy.md (Threat model), with its theorem and assumptions, or none
/// and the reason.
public struct ThreatModel: Sendable {
  public struct Row: Sendable, Equatable {
    public let adversary: String
    public let knows: String
    /// An upper bound; nil where nothing is guaranteed.
    public let epsilon: Double?
    public let delta: Double?
    public let theorem: String?
    /// Assumptions of the guarantee, or why there is none.
    public let note: String

    /// An infinite bound is none: at a delta below 10^-250 the accountant has nothing for some cohorts.
    fileprivate var withFiniteEpsilon: Row {
      guard let epsilon, !epsilon.isFinite else { return self }
      return Row(
        adversary: adversary, knows: knows, epsilon: nil, delta: nil, theorem: nil,
        note: "the accountant has no finite bound at this delta")
    }

    /// Says so where a part of delta that is kept for rounding is not enough at this row's epsilon (docs/privacy.md).
    fileprivate func naming(_ frame: RunFrame) -> Row {
      guard let epsilon, let plan = frame.plan else { return self }
      let reason: String
      if let deviation = frame.numericalDeviation {
        guard (1 + Elementary.exp(epsilon)) * deviation > plan.numericalDelta else { return self }
        reason = "delta has no room for rounding at this epsilon"
      } else {
        reason = "no bound on rounding is known for this codec"
      }
      return Row(
        adversary: adversary, knows: knows, epsilon: epsilon, delta: delta, theorem: theorem,
        note: note + "; for noise in real arithmetic: \(reason)")
    }

    /// Views of messages are of the protocol that is simulated, in which every message is sent.
    fileprivate func sayingWhatWasSimulated(_ frame: RunFrame) -> Row {
      let seesMessages = ["participant", "colluding-clients", "eavesdropper", "server"].contains(adversary)
      guard seesMessages, epsilon != nil, frame.codedShare < 1 else { return self }
      return Row(
        adversary: adversary, knows: knows, epsilon: epsilon, delta: delta, theorem: theorem,
        note: note
          + "; of a protocol in which every message is sent: here a share of \(Text.short(frame.codedShare)) was, and the "
          + "others were simulated (channel.coded)")
    }

    public var json: JSON {
      [
        "adversary": .string(adversary), "knows": .string(knows),
        "guarantee": epsilon == nil ? "none" : "epsilon-delta", "epsilon": .optional(epsilon),
        "delta": epsilon == nil ? .null : .optional(delta), "theorem": theorem.map { .string($0) } ?? .null,
        epsilon == nil ? "reason" : "assumptions": .string(note),
      ]
    }
  }

  public let rows: [Row]

  /// - Parameters:
  ///   - setup: the run.
  ///   - records: rounds that were made, for the observer of cohort sizes.
  ///   - mostParticipations: rounds of the client that was drawn most often, for the observer of traffic.
  ///
  /// Cost: a few coarse evaluations of the accountant; one for each cohort size that occurred.
  public init(_ setup: RunSetup, records: [RoundRecord], mostParticipations: Int? = nil) {
    self.init(
      setup.frame, arrivalRate: setup.scenario.faults.arrivalRate, records: records,
      mostParticipations: mostParticipations)
  }

  /// The same of a federation whose clients are not known.
  ///
  /// - Parameter arrivalRate: the share of drawn clients that is expected to send.
  init(_ frame: RunFrame, arrivalRate: Double, records: [RoundRecord] = [], mostParticipations: Int? = nil) {
    guard let plan = frame.guaranteedPlan else {
      let reason = GuaranteeStatement(frame).sentence
      rows = [
        Row(adversary: "anyone", knows: "anything", epsilon: nil, delta: nil, theorem: nil, note: reason)
      ]
      return
    }
    rows = [
      Self.releasedModel(plan), Self.colluding(1, plan, frame), Self.cohortSizes(plan, frame, records),
      Self.colluding(max(2, plan.largestCohort / 2), plan, frame),
      Self.eavesdropper(
        plan, frame, mostParticipations, arrivalRate: Self.haveAllSent(records) ? arrivalRate : 0,
        roundsDone: records.count),
      Self.server(plan, frame),
    ].map { $0.withFiniteEpsilon.naming(frame).sayingWhatWasSimulated(frame) }
  }

  /// Whether every client that was drawn sent something: those of a program may fall silent, whatever was expected of them.
  private static func haveAllSent(_ records: [RoundRecord]) -> Bool {
    records.allSatisfy { $0.arrived + $0.refused == $0.drawn }
  }

  private static func releasedModel(_ plan: PrivacyPlan) -> Row {
    Row(
      adversary: "released-model", knows: "the models of all rounds, and what is computed from them and public data",
      epsilon: plan.plannedSpending.epsilon, delta: plan.delta,
      theorem: plan.event.dominationTheorem + "; " + plan.accountant.theorem,
      note:
        "relation \(plan.relation.rawValue), \(plan.sampling.name), all \(plan.affordedRounds) rounds; the server is "
        + "trusted; seed, keys, cohort sizes and messages are secret")
  }

  /// k clients that pool what they know: their shares of the noise no longer protect anybody.
  private static func colluding(_ k: Int, _ plan: PrivacyPlan, _ frame: RunFrame) -> Row {
    // Under central noise no cohort is cut, and m_max is everybody.
    let m =
      plan.sampling.takesPlaces ? Int(frame.sampler.expectedSize.rounded()) : plan.largestCohort
    let clients = frame.clientCount
    let name = k == 1 ? "participant" : "colluding-clients"
    let knows =
      plan.noiseSource == .central
      ? (k == 1 ? "the models and its own messages" : "the models and the messages of \(k) of them")
      : (k == 1 ? "the models, its own messages and its own noise" : "the models, messages and noise of \(k) of them")
    let none = { (reason: String) in
      Row(adversary: name, knows: knows, epsilon: nil, delta: nil, theorem: nil, note: reason)
    }
    // Noise of the server alone stays whole.
    let isShared = plan.noiseSource == .channel
    if !isShared, !plan.sampling.takesPlaces {
      return Row(
        adversary: name, knows: knows, epsilon: plan.plannedSpending.epsilon, delta: plan.delta,
        theorem: plan.event.dominationTheorem + "; " + plan.accountant.theorem,
        note: "about every other client; all noise is the server's: as released-model")
    }
    guard m > k || !isShared else {
      return none("\(k) of \(m) shares of the noise may be theirs: nothing is left")
    }
    let share = isShared ? (Double(m - k) / Double(m)).squareRoot() : 1
    let z = plan.event.effectiveNoiseMultiplier * share
    var sampling = plan.sampling
    var amplification = ""
    if case .fixedSize = plan.sampling {
      // Whoever knows which of its own are drawn knows how many of the others are: at most m of N - k.
      guard clients > k + m else { return none("they may know that everybody else is drawn or not") }
      sampling = .fixedSize(rate: min(1, Double(m) / Double(clients - k)))
      amplification = "; others are drawn with probability at most m / (N - k)"
    }
    let event = PrivacyEvent(noiseMultiplier: z, sampling: sampling, relation: plan.relation)
    guard
      let spending = try? Accountant.pld.spending(
        event, rounds: plan.affordedRounds, delta: plan.roundsDelta, precision: .coarse)
    else { return none("the accountant has no bound for what noise is left") }
    return Row(
      adversary: name, knows: knows, epsilon: spending.epsilon, delta: plan.delta,
      theorem: event.dominationTheorem + "; " + Accountant.pld.theorem,
      note:
        isShared
        ? "about every other client; all \(k == 1 ? "rounds may have drawn it" : "may be drawn in every round"): z is smaller by "
          + "sqrt((m_max - \(k)) / m_max), m_max = \(m); the server's completion counts as honest noise\(amplification)"
        : "about every other client; all noise is the server's\(amplification)")
  }

  private static func cohortSizes(_ plan: PrivacyPlan, _ frame: RunFrame, _ records: [RoundRecord]) -> Row {
    let name = "model-and-cohort-sizes"
    let knows = "the models and the number of drawn clients of each round (it is in rounds.jsonl, and in traffic)"
    let none = { (reason: String) in
      Row(adversary: name, knows: knows, epsilon: nil, delta: nil, theorem: nil, note: reason)
    }
    if case .everyone = plan.sampling, plan.relation == .addOrRemove {
      return none("the size is the number of clients, which is what the relation hides")
    }
    guard case .poisson = plan.sampling else {
      return Row(
        adversary: name, knows: knows, epsilon: plan.plannedSpending.epsilon, delta: plan.delta,
        theorem: plan.event.dominationTheorem + "; " + plan.accountant.theorem,
        note: "the size is a public constant of this cohort: as released-model")
    }
    guard plan.relation != .addOrRemove else {
      return none("given its size a Poisson cohort is one of fixed size, and one client more or less changes the size")
    }
    guard records.count >= plan.affordedRounds else {
      return none(
        "the bound is for the sizes of all planned rounds; where a run was stopped may have been chosen by looking")
    }
    var ledger = PrivacyLedger()
    for record in records {
      let rate = Double(record.drawn) / Double(frame.clientCount)
      ledger.append(
        .event(
          PrivacyEvent(
            noiseMultiplier: plan.event.effectiveNoiseMultiplier, sampling: .fixedSize(rate: min(rate, 1)),
            relation: plan.relation)))
    }
    guard let spending = try? Accountant.pld.spending(ledger, delta: plan.delta, precision: .coarse) else {
      return none("the accountant has no bound for these sizes")
    }
    return Row(
      adversary: name, knows: knows, epsilon: spending.epsilon, delta: plan.delta,
      theorem: "given its size a Poisson cohort is uniform among those of that size: cohorts of fixed size n_t of N "
        + "(docs/privacy.md, Theorems 4 and 5); " + Accountant.pld.theorem,
      note:
        "of the \(records.count) rounds that were made, given the sizes that occurred, which are independent of the data: other sizes, "
        + "which could have come, give another number"
    )
  }

  private static func eavesdropper(
    _ plan: PrivacyPlan, _ frame: RunFrame, _ mostParticipations: Int?, arrivalRate: Double, roundsDone: Int
  ) -> Row {
    let knows = "the models and the traffic: who sends, when, and how many bytes"
    let none = { (reason: String) in
      Row(adversary: "eavesdropper", knows: knows, epsilon: nil, delta: nil, theorem: nil, note: reason)
    }
    guard frame.settings.channel.seal else { return none("uploads are not sealed (channel.seal)") }
    guard frame.channel.hasOneLength else {
      return none("lengths of entropy-coded payloads depend on the update, and no bound is known (channel.padding)")
    }
    guard plan.relation != .addOrRemove else { return none("whoever sees who sends sees whether a client is there") }
    guard arrivalRate == 1 else {
      return none("a drawn client that sends nothing is seen, and why it does may depend on its data")
    }
    guard let mostParticipations, roundsDone >= plan.affordedRounds else {
      return none(
        "the bound is for who was drawn in all planned rounds; where a run was stopped may have been chosen by looking")
    }
    let event = PrivacyEvent(
      noiseMultiplier: plan.event.effectiveNoiseMultiplier, sampling: .everyone, relation: plan.relation)
    guard let spending = try? Accountant.gaussian.spending(event, rounds: mostParticipations, delta: plan.delta) else {
      return none("the accountant has no bound")
    }
    return Row(
      adversary: "eavesdropper", knows: knows, epsilon: spending.epsilon, delta: plan.delta,
      theorem: "who is drawn is independent of the data and known: no amplification by sampling; "
        + Accountant.gaussian.theorem,
      note:
        "given who was drawn, for the client that was drawn most often, \(mostParticipations) times: other draws give another number; uploads are sealed (ChaCha20-Poly1305, assumed "
        + "unbroken) and of one length; timings are as if they told nothing")
  }

  private static func server(_ plan: PrivacyPlan, _ frame: RunFrame) -> Row {
    let knows =
      frame.channel.descriptor?.payload == .noisyUpdate
      ? "session keys and every update that is sent" : "seeds, codes and every decoded update"
    guard plan.noiseSource == .channel else {
      return Row(
        adversary: "server", knows: knows, epsilon: nil, delta: nil, theorem: nil,
        note: "noise is central: the server sees every clipped update as it is")
    }
    guard frame.channel.descriptor?.payload == .noisyUpdate else {
      return Row(
        adversary: "server", knows: knows, epsilon: nil, delta: nil, theorem: nil,
        note:
          "a code is a function of update and seed, so delta is at least the total variation between the laws of two "
          + "updates, near 1 (docs/privacy.md): whoever holds the seed must be trusted")
    }
    let mu = 2 * Double(plan.largestCohort).squareRoot() / plan.event.effectiveNoiseMultiplier
    let event = PrivacyEvent(noiseMultiplier: 2 / mu, sampling: .everyone, relation: .replaceOne)
    let once = try? Accountant.gaussian.spending(event, rounds: 1, delta: plan.delta)
    let every = try? Accountant.gaussian.spending(event, rounds: plan.affordedRounds, delta: plan.delta)
    return Row(
      adversary: "server", knows: knows, epsilon: every?.epsilon, delta: plan.delta,
      theorem: "local Gaussian mechanism, mu = 2 sqrt(m_max) / z a participation, replace-one; "
        + Accountant.gaussian.theorem,
      note: "for a client that takes part in all \(plan.affordedRounds) rounds; one participation alone: "
        + "\(Text.fixedUp(once?.epsilon ?? .infinity, 3)). No amplification: the server knows who is drawn")
  }
}
