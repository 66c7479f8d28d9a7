import Clients
import FedSim
import Files
import JSONText
import Platform
import PrivacyAccounting
import Scenarios

/// A federation whose updates a program computes, with a folder of its own as any run has one: scenario.json, rows, ledger, checkpoint, model, summary.
///
///     var federation = try FederationExecution(scenario, parameters: start, in: "runs/mine", start: .resuming, threads: 2)
///     while let round = try federation.open() {
///       for client in round.cohort { try federation.send(myUpdate(client, federation.parameters), from: client) }
///       let record = try federation.close()
///     }
///     let outcome = try federation.finish()
///
/// **What is on the disk before it is shown.** `step` returns, and `parameters` are the new ones, when the checkpoint of the round is on the disk, and not
/// before. Whoever has seen the model of a round may compute other updates the next time, by chance or because of what was seen; if a process that was
/// stopped then made the round again, with the same cohort and the same noise, the difference of the two models would be the difference of two sums, without
/// any noise. A round that was opened and not closed is another matter: its sum has died with the process, and nothing of it was released. It is drawn again,
/// with the same cohort and noise, and whatever updates are sent then are the only ones of which a sum is ever seen. (In a deployment messages have left the
/// clients by then. A client that has sent must send the same bytes again, and never code another update under the same key.)
///
/// **Keys.** They come from a nonce, fresh from the system where the caller names none, and never from a seed (`Federation`). The nonce is in state.bin, which
/// only its owner may read, and a federation that goes on takes it from there.
///
/// A federation may also have no folder; `state()` and `restore(_:)` are for callers who keep checkpoints themselves.
///
/// Memory grows with the parameters, with the clients that have taken part and, by some 600 bytes, with each round.
public struct FederationExecution: ~Copyable, Sendable {
  /// A round that was opened.
  public struct Opening: Sendable {
    /// From 1 on.
    public let round: Int
    /// The clients that were drawn, in ascending order; there may be none.
    public let cohort: [Int]
    /// What the rounds up to this one spend; nil where nothing is guaranteed.
    public let spending: PrivacySpent?
    /// The norm that updates are clipped to in this round; nil where they are not.
    public let clippingNorm: Double?
  }

  public private(set) var setup: RunSetup
  private var federation: Federation
  private var recorder: RunRecorder
  private var present: OpenRound?
  /// The row of the round whose step was made, and which was not closed.
  private var stepped: RoundRecord?
  /// Whether the caller named the run's keys: then no checkpoint of other keys is one of this run.
  private let isNonceGiven: Bool

  /// Makes the folder or opens it, and goes on where a run is there to go on with.
  ///
  /// - Parameters:
  ///   - scenario: one whose data and model are "external".
  ///   - parameters: what the first round starts from, as many as the scenario says, finite. They count as public.
  ///   - tensors: names and shapes of their parts, one behind the other, for model.safetensors; nil for one, "parameters".
  ///   - nonce: names the run's keys, at least 16 bytes that follow from all that decides the updates (`Federation.nonce(seed:data:)`); nil for those of the
  ///     run that goes on, or fresh ones. It is a secret.
  ///   - path: the folder; nil for a federation that leaves no files.
  ///   - start: what is done with what the folder has already.
  ///   - threads: how many work at once; no result depends on it.
  ///   - began: when the set-up began, for timings.json.
  /// - Throws: `ScenarioError` where scenario, parameters and tensors do not fit, or no guarantee follows; `RunFolderError` where the folder has another run,
  ///   or cannot be written.
  public init(
    _ scenario: Scenario, parameters: [Float], tensors: [ModelTensor]? = nil, nonce: [UInt8]? = nil,
    in path: String? = nil, start: RunExecution.Start = .new, threads: Int = 1, began: ContinuousClock.Instant = .now
  ) throws {
    let fresh = try RunSetup(
      federation: scenario, parameters: parameters, tensors: tensors, nonce: nonce, threads: threads)
    var setup = fresh
    var federation = try Federation(of: fresh)
    recorder = try RunRecorder.opening(
      in: path, start: start, began: began,
      first: { found throws(RunFolderError) in
        if let found {
          do throws(StateError) {
            (setup, federation) = try Self.adopting(found, fresh, isNonceGiven: nonce != nil)
          } catch {
            throw .notResumable(path: "\(path ?? "")/state.bin", reason: error.problem)
          }
        }
        return (setup, federation.state)
      },
      restore: { state throws(StateError) in
        try federation.restore(state)
        return federation.round
      })
    (self.setup, self.federation, isNonceGiven) = (setup, federation, nonce != nil)
  }

  /// The federation of a run with examples, to check that rounds from outside are the run's own: see `Federation.init(of:)`. It leaves no files.
  ///
  /// - Throws: `ScenarioError` where the rounds of the run are more than updates.
  public init(of setup: RunSetup) throws {
    self.setup = setup
    federation = try Federation(of: setup)
    isNonceGiven = true
    recorder = RunRecorder(setup, in: nil, records: [], identity: nil, began: .now, setupSeconds: 0)
  }

  /// The run that a checkpoint is of, if it can be this one: it has the checkpoint's keys where the caller named none.
  private static func adopting(
    _ checkpoint: Checkpoint, _ setup: RunSetup, isNonceGiven: Bool
  ) throws(StateError) -> (RunSetup, Federation) {
    var setup = setup
    if checkpoint.state.has("nonce") {
      let numbers = try checkpoint.state.integers("nonce")
      guard RunSetup.nonceCounts.contains(numbers.count), numbers.allSatisfy({ (0...255).contains($0) }) else {
        throw StateError(byte: 0, problem: "its run key is none")
      }
      let nonce = numbers.map { UInt8(truncatingIfNeeded: $0) }
      if nonce != setup.nonce {
        guard !isNonceGiven else { throw StateError(byte: 0, problem: "it was made with another run key") }
        setup = setup.named(by: nonce)
      }
    }
    do {
      return (setup, try Federation(of: setup))
    } catch {
      throw StateError(byte: 0, problem: "\(error)")
    }
  }

  // MARK: What is known

  /// Nil for a federation that leaves no files.
  public var folder: RunFolder? { recorder.folder }
  /// Of all rounds so far, those of earlier processes first.
  public var records: [RoundRecord] { recorder.records }
  /// The rounds that are done.
  public var round: Int { records.count }
  /// Whether there is no further round.
  public var isOver: Bool { federation.round == setup.lastRound && stepped == nil }
  /// Whether a round was opened and not closed.
  public var isOpen: Bool { present != nil || stepped != nil }
  /// The model after the last round whose step was made: an open round starts from it.
  public var parameters: [Float] { federation.parameters }
  /// The privacy that all planned rounds spend: what is claimed of the released models. Nil where nothing is guaranteed.
  public var privacySpent: PrivacySpent? { federation.privacySpent }
  /// What was released so far, as the accountant sees it; nil without a guarantee.
  public var ledger: PrivacyLedger? { federation.ledger }
  /// What is to be said with the last record: nothing, or everything, was clipped for ten rounds in a row. It is said once.
  public var notice: ClippingNotice? { recorder.notice }
  /// Whether the rounds that are made from here on also go into a file for TensorBoard (`EventFile`).
  public var writesEvents: Bool {
    get { recorder.writesEvents }
    set { recorder.writesEvents = newValue }
  }

  /// What is recorded of the rounds so far, as ledger.json has it; nil without a guarantee.
  public var ledgerJSON: JSON? {
    setup.guaranteedPlan.map { plan in
      var members = LedgerFile.head(plan).reduce(into: JSONObject()) { $0[$1.key] = $1.value }
      members["rounds"] = .array(records.map { LedgerFile.round($0.round, plan.event) })
      return .object(members)
    }
  }

  // MARK: Rounds

  /// Asks the accountant and draws the cohort of the next round.
  ///
  /// - Returns: nil when all rounds are done, or all that the budget pays for.
  /// - Throws: `FederationError.roundIsOpen` where the last round was not closed; `RunFolderError`; `PrivacyRefusal`.
  public mutating func open() throws -> Opening? {
    try recorder.begin(isOver: isOver)
    guard !isOpen else { throw FederationError.roundIsOpen(round + 1) }
    guard let next = try federation.nextRound() else { return nil }
    let opening = Opening(
      round: next.round, cohort: next.cohort, spending: next.spending, clippingNorm: next.clippingNorm)
    present = consume next
    return opening
  }

  /// One client's update of the open round: clipped, encoded, sent as bytes, decoded and added up.
  ///
  /// - Parameters:
  ///   - update: parameters after local training minus `parameters`: as many values. One that is not finite counts as zero.
  ///   - client: one of the cohort, once a round.
  ///   - examples: the client's number of examples, where updates are weighted by it.
  /// - Throws: `FederationError` or `ClientEndError`: nothing was sent.
  public mutating func send(_ update: [Float], from client: Int, examples: Int = 1) throws {
    try update.withUnsafeBufferPointer { row in try send(rows: row, from: [client], examples: [examples]) }
  }

  /// The updates of many clients from one matrix in memory, on all threads; the result is the same as of one after the other.
  ///
  /// - Parameters:
  ///   - rows: clients x parameters, row-major.
  ///   - clients: of the cohort, each once a round, in the order of the rows.
  ///   - examples: each client's number of examples; nil for one each.
  /// - Throws: `FederationError` or `ClientEndError`: nothing of any client was sent.
  public mutating func send(
    rows: UnsafeBufferPointer<Float>, from clients: [Int], examples: [Int]? = nil
  ) throws {
    try checkOpen()
    try present?.send(rows: rows, from: clients, examples: examples)
  }

  /// - Throws: where no round takes updates.
  public func checkOpen() throws(FederationError) {
    guard present == nil else { return }
    throw stepped.map { .stepIsMade($0.round) } ?? .noRoundIsOpen
  }

  /// Completes the noise and moves the model: `parameters` are the new ones when it returns, and the checkpoint of the round is on the disk. What may follow is
  /// what the program measures of them, and `close`, which makes the step itself where nobody has.
  ///
  /// A client of the cohort that sent nothing is a dropout: the noise is completed to what the account assumes. The second call of a round does nothing.
  ///
  /// - Throws: `FederationError` where no round is open. `RunFolderError` where a file could not be written: nothing of the round was shown then, `parameters`
  ///   are the old ones, and nothing more is made here; what the disk has can be resumed.
  public mutating func step() throws {
    try recorder.begin(isOver: isOver)
    guard stepped == nil else { return }
    guard let round = present.take() else { throw FederationError.noRoundIsOpen }
    var moved = federation
    let record = try moved.close(round)
    try recorder.keepCheckpoint(moved.state, pending: record)
    federation = moved
    stepped = record
  }

  /// Ends the round, and makes its row.
  ///
  /// - Parameters:
  ///   - accuracy: what the program measured of the model after the round, from 0 to 1; nil for nothing. Only who has made the `step` has that model, and can
  ///     measure it.
  ///   - loss: the same, finite.
  /// - Throws: as `step`; `FederationError.value` for figures out of range, or of a model that nobody has seen: the round stays as it is.
  public mutating func close(accuracy: Double? = nil, loss: Double? = nil) throws -> RoundRecord {
    try recorder.begin(isOver: isOver)
    guard isOpen else { throw FederationError.noRoundIsOpen }
    try Self.check(accuracy: accuracy, loss: loss)
    guard stepped != nil || accuracy == nil && loss == nil else {
      throw FederationError.value(
        name: accuracy == nil ? "loss" : "accuracy", found: "a figure before the step of the round",
        allowed: "figures of the model after it: make the step, measure the new parameters, then close")
    }
    try step()
    guard let record = stepped?.measured(accuracy: accuracy, loss: loss) else { throw FederationError.noRoundIsOpen }
    try recorder.append(record, norms: federation.norms)
    stepped = nil
    return record
  }

  private static func check(accuracy: Double?, loss: Double?) throws(FederationError) {
    if let loss, !loss.isFinite {
      throw .value(name: "loss", found: "\(loss)", allowed: "a finite number, or none")
    }
    if let accuracy, !(0...1).contains(accuracy) {
      throw .value(name: "accuracy", found: "\(accuracy)", allowed: "a number from 0 to 1, or none")
    }
  }

  /// Writes model, timings, summary and the last checkpoint. Before all rounds are made the summary says that the run was interrupted, and it can be resumed; an
  /// open round stays open, and is no part of it, but one whose step was made is closed.
  ///
  /// - Returns: what the run came to. Of a run that is whole already nothing is written.
  public mutating func finish() throws -> RunExecution.Outcome {
    if stepped != nil { _ = try close() }
    try recorder.begin(isOver: isOver)
    let summary = RunSummary(
      setup, records: records,
      stoppedBy: !isOver ? .interrupted : setup.lastRound < setup.scenario.rounds ? .budget : .rounds,
      finalEvaluation: nil, mostParticipations: federation.mostTimesDrawn)
    let model = Safetensors.encode(
      parameters, of: setup.model, metadata: [("fedsim", FedSimVersion.current), ("rounds", "\(round)")])
    try recorder.end(summary, model: model, timings: federation.timings)
    // With all rows, and what was measured; an open round has counted its cohort already.
    if !isOpen { try recorder.keepCheckpoint(federation.state) }
    return RunExecution.Outcome(summary: summary, isWhole: isOver)
  }

  // MARK: Checkpoints of a caller's own

  /// All that the rest of the run depends on, as bytes. They have the run's nonce: a **secret**.
  ///
  /// - Throws: `FederationError.roundIsOpen` between `open` and `close`.
  public func state() throws -> [UInt8] {
    guard !isOpen else { throw FederationError.roundIsOpen(round + 1) }
    var sections = Checkpoint(RunIdentity(setup), federation.state, rowBytes: 0).sections
    sections.put("rows", records.map { $0.json.text(pretty: false) + "\n" }.joined())
    return sections.fileBytes
  }

  /// Goes on after the round that `state()` was of, also one of another process.
  ///
  /// The rounds after an older state have the same cohorts and noise as those that were made of it before: whoever sends other updates in them releases two
  /// sums under one noise. Go back only to make the same rounds again.
  ///
  /// - Throws: `StateError` for bytes of another federation, of another key where the caller named one, or damaged ones; `FederationError.value` for a
  ///   federation that has made a round, has an open one, or has a folder, which is resumed with `start`. Nothing has changed then.
  public mutating func restore(_ bytes: [UInt8]) throws {
    guard recorder.folder == nil, round == 0, !isOpen else {
      throw FederationError.value(
        name: "state",
        found: recorder.folder != nil ? "a federation with a folder" : "a federation that has opened a round",
        allowed: "a new federation without a folder; one with a folder goes on by resuming it")
    }
    let file = try StateSections(fileBytes: bytes)
    let checkpoint = try Checkpoint(file)
    var (setup, federation) = try Self.adopting(checkpoint, setup, isNonceGiven: isNonceGiven)
    if let difference = checkpoint.identity.difference(from: RunIdentity(setup)) {
      throw StateError(byte: 0, problem: difference)
    }
    try federation.restore(checkpoint.state)
    var records: [RoundRecord] = []
    for line in try file.bytes("rows").split(separator: UInt8(ascii: "\n")) {
      guard let record = RoundRecord(line: line), record.round == records.count + 1 else {
        throw StateError(byte: 0, problem: "row \(records.count + 1) is not one that round \(records.count + 1) wrote")
      }
      records.append(record)
    }
    guard records.count == federation.round else {
      throw StateError(byte: 0, problem: "found \(records.count) rows of \(federation.round) rounds")
    }
    (self.setup, self.federation) = (setup, federation)
    recorder = RunRecorder(setup, in: nil, records: records, identity: nil, began: .now, setupSeconds: 0)
  }
}
