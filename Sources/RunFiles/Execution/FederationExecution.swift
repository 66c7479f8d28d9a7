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
/// **What is on the disk before it is shown.** `close` returns, and `parameters` are the new ones, when the checkpoint of the round is on the disk, and not
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
  public var round: Int { federation.round }
  /// Whether there is no further round.
  public var isOver: Bool { federation.round == setup.lastRound }
  /// Whether a round was opened and not closed.
  public var isOpen: Bool { present != nil }
  /// The model after the last round that was closed, which an open round starts from.
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
    guard present == nil else { throw FederationError.roundIsOpen(round + 1) }
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
    guard present != nil else { throw FederationError.noRoundIsOpen }
    try present?.send(rows: rows, from: clients, examples: examples)
  }

  /// Completes the noise, moves the model and makes the record. Row and checkpoint are on the disk when it returns. A client of the cohort that sent nothing
  /// is a dropout: the noise is completed to what the account assumes.
  ///
  /// - Parameters:
  ///   - accuracy: what the program measured of the model that the round started from, since nobody has seen the new one: from 0 to 1; nil for nothing. It
  ///     goes into the record as it is.
  ///   - loss: the same, finite.
  /// - Throws: `FederationError` where no round is open, or for figures out of range: the round stays open. `RunFolderError` where a file could not be
  ///   written: nothing of the round was shown then, `parameters` are the old ones, and nothing more is made here; what the disk has can be resumed.
  public mutating func close(accuracy: Double? = nil, loss: Double? = nil) throws -> RoundRecord {
    try recorder.begin(isOver: isOver)
    guard present != nil else { throw FederationError.noRoundIsOpen }
    let evaluation = try Self.evaluation(accuracy, loss)
    guard let round = present.take() else { throw FederationError.noRoundIsOpen }
    var closed = federation
    let record = try closed.close(round, evaluate: evaluation.map { evaluation in { _ in evaluation } })
    try recorder.append(record, norms: closed.norms)
    try recorder.keepCheckpoint(closed.state)
    federation = closed
    return record
  }

  /// - Returns: nil where nothing was measured.
  private static func evaluation(_ accuracy: Double?, _ loss: Double?) throws(FederationError) -> Evaluation? {
    if let loss, !loss.isFinite {
      throw .value(name: "loss", found: "\(loss)", allowed: "a finite number, or none")
    }
    if let accuracy, !(0...1).contains(accuracy) {
      throw .value(name: "accuracy", found: "\(accuracy)", allowed: "a number from 0 to 1, or none")
    }
    return accuracy == nil && loss == nil ? nil : Evaluation(loss: loss ?? .nan, accuracy: accuracy)
  }

  /// Writes model, timings and summary. Before all rounds are made the summary says that the run was interrupted, and it can be resumed; an open round stays
  /// open, and is no part of it.
  ///
  /// - Parameters:
  ///   - accuracy: what the program measured of the last model, from 0 to 1; without it and `loss` what an earlier process was told of it, or nothing.
  ///   - loss: the same, finite.
  /// - Returns: what the run came to. Of a run that is whole already nothing is written.
  public mutating func finish(accuracy: Double? = nil, loss: Double? = nil) throws -> RunExecution.Outcome {
    let evaluation = try Self.evaluation(accuracy, loss)
    try recorder.begin(isOver: isOver)
    let summary = RunSummary(
      setup, records: records,
      stoppedBy: !isOver ? .interrupted : setup.lastRound < setup.scenario.rounds ? .budget : .rounds,
      finalEvaluation: try evaluation ?? earlierEvaluation(), mostParticipations: federation.mostTimesDrawn)
    let model = Safetensors.encode(
      parameters, of: setup.model, metadata: [("fedsim", FedSimVersion.current), ("rounds", "\(round)")])
    try recorder.end(summary, model: model, timings: federation.timings)
    return RunExecution.Outcome(summary: summary, isWhole: isOver)
  }

  /// What the summary of a run that is whole says of its last model.
  private func earlierEvaluation() throws -> Evaluation? {
    guard isOver, let bytes = try recorder.folder?.read(.summary),
      case .object(let summary)? = try? JSONParser.parse(bytes).value
    else { return nil }
    let loss = summary[SummaryFields.table.finalLoss.name]?.double
    let accuracy = summary[SummaryFields.table.finalAccuracy.name]?.double
    return loss == nil && accuracy == nil ? nil : Evaluation(loss: loss ?? .nan, accuracy: accuracy)
  }

  // MARK: Checkpoints of a caller's own

  /// All that the rest of the run depends on, as bytes. They have the run's nonce: a **secret**.
  ///
  /// - Throws: `FederationError.roundIsOpen` between `open` and `close`.
  public func state() throws -> [UInt8] {
    guard present == nil else { throw FederationError.roundIsOpen(round + 1) }
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
    guard recorder.folder == nil, round == 0, present == nil else {
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
