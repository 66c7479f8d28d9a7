import FedSim
import Platform

/// The files of a run as they come: rows with each round, checkpoints between rounds, and what is left at the end. Of a run without a
/// folder nothing is written.
///
/// All but timings.json follows from the rounds: who makes them, and when, leaves no trace.
struct RunRecorder: Sendable {
  /// Nil for a run that leaves no files.
  let folder: RunFolder?
  /// Of all rounds so far, those of earlier processes first.
  private(set) var records: [RoundRecord]
  /// What was noticed of clipping with the last record; nil for nothing.
  private(set) var notice: ClippingNotice?
  /// Whether the rounds that are made from here on also go into a file for TensorBoard (`EventFile`).
  var writesEvents = false

  private let setup: RunSetup
  /// Nil for a run that keeps no checkpoints.
  private let identity: RunIdentity?
  private let began: ContinuousClock.Instant
  private let setupSeconds: Double
  private var schedule = CheckpointSchedule()
  private var events: EventFile?
  private var clipping: ClippingWatch
  /// The round that the last checkpoint is of.
  private var keptRound: Int
  /// Of rounds.csv.
  private let columns: [RoundField]
  private var phase = Phase.unsettled
  /// What could not be written. Memory is ahead of the disk then, and stays so: whoever resumes goes on from the disk.
  private var failure: RunFolderError?

  private enum Phase {
    /// The folder may have anything.
    case unsettled
    /// It has what stands there between two rounds.
    case between
    /// It has the files of the whole run too.
    case ended
  }

  /// Makes the folder or opens it.
  ///
  /// - Parameters:
  ///   - path: nil for a run that leaves no files.
  ///   - setupSeconds: what the set-up took until now, for timings.json.
  ///   - first: given the checkpoint that is there, gives the setup, and the state of the run before its first round.
  ///   - restore: takes the run to the state of a checkpoint, and gives the round that it is of.
  /// - Throws: `RunFolderError` where the folder has another run, or cannot be written.
  static func opening(
    in path: String?, start: RunExecution.Start, began: ContinuousClock.Instant,
    first: (Checkpoint?) throws(RunFolderError) -> (setup: RunSetup, state: StateSections),
    restore: (StateSections) throws(StateError) -> Int
  ) throws(RunFolderError) -> RunRecorder {
    let setupSeconds = (ContinuousClock.now - began).seconds
    guard let path else {
      return RunRecorder(
        try first(nil).setup, in: nil, records: [], identity: nil, began: began, setupSeconds: setupSeconds)
    }
    switch start {
    case .new, .replacing:
      let (setup, state) = try first(nil)
      let identity = RunIdentity(setup)
      var isReplaced = false
      if case .replacing = start { isReplaced = true }
      let folder = try RunFolder(
        creating: path, replacing: isReplaced, checkpoint: Checkpoint(identity, state, rowBytes: 0))
      return RunRecorder(
        setup, in: folder, records: [], identity: identity, began: began, setupSeconds: setupSeconds)
    case .resuming:
      var opened: (setup: RunSetup, identity: RunIdentity)?
      let (folder, checkpoint) = try RunFolder.resuming(path) { found throws(RunFolderError) in
        let (setup, state) = try first(found)
        let identity = RunIdentity(setup)
        opened = (setup, identity)
        return Checkpoint(identity, state, rowBytes: 0)
      }
      let round: Int
      do throws(StateError) {
        round = try restore(checkpoint.state)
      } catch {
        throw .notResumable(path: "\(path)/state.bin", reason: "\(error)")
      }
      guard let opened else { preconditionFailure("a folder is opened with a first checkpoint") }
      let records = try folder.rounds(upTo: checkpoint, round: round)
      var recorder = RunRecorder(
        opened.setup, in: folder, records: records, identity: opened.identity, began: began,
        setupSeconds: setupSeconds)
      // One that has a row itself is not how a run ends.
      if checkpoint.pendingRow != nil { recorder.keptRound -= 1 }
      return recorder
    }
  }

  /// - Parameters:
  ///   - records: of earlier processes.
  ///   - identity: nil for a run that keeps no checkpoints.
  ///   - began: when its set-up began, for timings.json.
  init(
    _ setup: RunSetup, in folder: RunFolder?, records: [RoundRecord], identity: RunIdentity?,
    began: ContinuousClock.Instant, setupSeconds: Double
  ) {
    (self.setup, self.folder, self.records, self.identity) = (setup, folder, records, identity)
    (self.began, self.setupSeconds, keptRound) = (began, setupSeconds, records.count)
    columns = RoundField.columns(of: setup)
    clipping = ClippingWatch(setup)
    // What earlier processes saw counts, and was said by them.
    for record in records { _ = clipping.add(record) }
  }

  /// Makes what stands in the folder before the next round, or the end: the scenario, and all that follows from the rows of earlier rounds.
  ///
  /// - Parameter isOver: whether there is no next round.
  mutating func begin(isOver: Bool) throws(RunFolderError) {
    if let failure { throw failure }
    guard phase == .unsettled || phase == .ended && !isOver else { return }
    try writing { recorder, folder throws(RunFolderError) in try recorder.settleBeginning(of: folder, isOver: isOver) }
    if phase == .unsettled { schedule = CheckpointSchedule() }
    phase = .between
  }

  private mutating func settleBeginning(of folder: RunFolder, isOver: Bool) throws(RunFolderError) {
    // What a stopped run wrote last speaks of fewer rounds.
    if !isOver {
      try folder.remove([
        .summary, .model, .bestModel, .posterior, .posteriorTable, .pictures, .evaluation, .clients, .timings,
      ])
    }
    try folder.settle(Array(setup.scenarioFile.utf8), in: .scenario)
    if let classes = setup.classes {
      try folder.settle(Array((classes.text(pretty: true) + "\n").utf8), in: .classes)
    }
    if let columns = setup.columns {
      try folder.settle(Array((columns.json.text(pretty: true) + "\n").utf8), in: .columns)
    }
    // Both follow from the rows; whatever a killed run left of them is made again.
    if let plan = setup.guaranteedPlan {
      try folder.begin(
        LedgerFile.head(plan), array: "rounds", elements: records.map { LedgerFile.round($0.round, plan.event) },
        in: .ledger)
    }
    if records.isEmpty {
      try folder.remove([.table])
    } else {
      let lines = [RoundRecord.csvHeader(columns)] + records.map { $0.csvLine(columns) }
      try folder.settle(Array(lines.map { $0 + "\n" }.joined().utf8), in: .table)
    }
    if writesEvents, !isOver, events == nil { events = try folder.beginEvents(after: records.count) }
  }

  /// Adds a round that was made: its rows are with the system when this returns.
  ///
  /// - Parameter norms: of the round's updates, where they are known.
  mutating func append(_ record: RoundRecord, norms: UpdateNorms?) throws(RunFolderError) {
    try writing { recorder, folder throws(RunFolderError) in
      if recorder.records.isEmpty { try folder.append(RoundRecord.csvHeader(recorder.columns), to: .table) }
      try folder.append(record.json.text(pretty: false), to: .rounds)
      try folder.append(record.csvLine(recorder.columns), to: .table)
      if let plan = recorder.setup.guaranteedPlan {
        try folder.append(
          element: LedgerFile.round(record.round, plan.event), isFirst: recorder.records.isEmpty, to: .ledger)
      }
      if let events = recorder.events { try folder.append(record, to: events) }
    }
    records.append(record)
    notice = clipping.add(record, norms: norms)
  }

  /// Writes a checkpoint where it is time for one.
  mutating func keepCheckpointIfDue(_ state: @autoclosure () -> StateSections) throws(RunFolderError) {
    guard identity != nil, schedule.isDue() else { return }
    try keepCheckpoint(state())
  }

  /// Writes a checkpoint of the last round, unless there is one. It is on the disk when this returns.
  mutating func keepCheckpoint(_ state: @autoclosure () -> StateSections) throws(RunFolderError) {
    guard records.count != keptRound else { return }
    try keepCheckpoint(state(), pending: nil)
    keptRound = records.count
  }

  /// Writes a checkpoint of a round that has no row yet: it has the row itself, and `append` is to follow.
  mutating func keepCheckpoint(_ state: StateSections, pending row: RoundRecord?) throws(RunFolderError) {
    guard let identity else { return }
    let began = ContinuousClock.now
    try writing { _, folder throws(RunFolderError) in
      // Rows first: a checkpoint never speaks of a row that is not on the disk.
      let rowBytes = try folder.synchronizeRows()
      try folder.write(Checkpoint(identity, state, rowBytes: rowBytes, pendingRow: row))
    }
    schedule.wrote(in: ContinuousClock.now - began)
  }

  /// Writes a file of the whole run unless it has these bytes already.
  ///
  /// - Returns: whether it was written.
  @discardableResult
  mutating func settle(_ bytes: [UInt8], in file: RunFolder.File) throws(RunFolderError) -> Bool {
    var isWritten = false
    try writing { _, folder throws(RunFolderError) in isWritten = try folder.settle(bytes, in: file) }
    return isWritten
  }

  /// Writes the model, the timings and, after them, the summary: a folder that has it is whole.
  ///
  /// - Parameters:
  ///   - model: model.safetensors.
  ///   - timings: those of the rounds that this process made.
  mutating func end(_ summary: RunSummary, model: [UInt8], timings: Timings) throws(RunFolderError) {
    let bytes = Array((summary.json.text(pretty: true) + "\n").utf8)
    try writing { recorder, folder throws(RunFolderError) in
      let isModelNew = try folder.settle(model, in: .model)
      let old = (summary: try folder.read(.summary), timings: try folder.read(.timings))
      if isModelNew || old.summary != bytes || old.timings == nil {
        var timings = timings
        timings.setup = recorder.setupSeconds
        let wall = (ContinuousClock.now - recorder.began).seconds
        try folder.write(timings.json(wallSeconds: wall).text(pretty: true) + "\n", to: .timings)
      }
      try folder.settle(bytes, in: .summary)
    }
    phase = .ended
  }

  /// Writes to the folder where there is one. What fails once fails from then on.
  private mutating func writing(
    _ body: (inout RunRecorder, RunFolder) throws(RunFolderError) -> Void
  ) throws(RunFolderError) {
    if let failure { throw failure }
    guard let folder else { return }
    do throws(RunFolderError) {
      try body(&self, folder)
    } catch {
      failure = error
      throw error
    }
  }
}
