import FedSim
import Files
import JSONText

/// The output folder of a run. Rounds are on disk as soon as they are done; whole files are written to one side and
/// renamed, so that a reader never sees half of one. One process at a time works there, as long as this value lives.
public struct RunFolder: Sendable {
  public let path: String
  private let lock: FileLock

  public enum File: String, CaseIterable, Sendable {
    case scenario = "scenario.json"
    case classes = "classes.json"
    case columns = "columns.json"
    case rounds = "rounds.jsonl"
    case table = "rounds.csv"
    case ledger = "ledger.json"
    case summary = "summary.json"
    case model = "model.safetensors"
    case bestModel = "model-best.safetensors"
    case posterior = "posterior.json"
    case posteriorTable = "posterior.csv"
    case pictures = "pictures.png"
    case evaluation = "evaluation.json"
    case clients = "clients.csv"
    case timings = "timings.json"
    case state = "state.bin"

    /// What docs/run-files.md says of it.
    public var meaning: String {
      switch self {
      case .scenario: "the scenario with every default: it runs again as it is (docs/scenario.md)"
      case .classes:
        "what the data call each class, in the order of their numbers, from 0 on; only where they have names"
      case .columns:
        "the columns of a table and the features made of them, with all that new examples need: categories, offsets, scales (docs/data.md); only for `csv`"
      case .rounds: "an object for each round, on a line of its own: see below"
      case .table: "the same as comma-separated values"
      case .ledger:
        "what the rounds spent, and what was planned: enough to compute epsilon again (docs/accounting.md); only with a guarantee"
      case .summary: "what the run came to, with the guarantee in words: see below"
      case .model:
        "the last model: float32 tensors `layers.I.weight` (outputs x inputs, as torch.nn.Linear has it) and `layers.I.bias`, or a variational model's own, "
          + "or those that a program names whose updates come from outside"
      case .bestModel:
        "the best model of all evaluations, as the last one is written; the test examples chose it (docs/privacy.md)"
      case .posterior:
        "what sending posterior samples came to, a row a code and beta; only for the tasks about posteriors (docs/representations.md)"
      case .posteriorTable: "its rows as comma-separated values"
      case .pictures: "a row of originals and one for each code, as an image; only for pictures of 1 or 3 channels"
      case .evaluation:
        "all metrics of the last model on the test examples: a confusion matrix, figures of each class; or errors of a quantity"
      case .clients: "the last model on each client's own test examples, before and after fine-tuning"
      case .timings: "where the time went: see below"
      case .state:
        "the last checkpoint, for `--resume` (docs/resume.md); that of a federation whose updates come from a program has the run key, a **secret** with "
          + "which the noise can be taken off: only its owner may read it (mode 0600)"
      }
    }

    /// What a run must have for the file to be there; nil where every run writes it.
    var condition: String? {
      switch self {
      case .classes: "names of classes"
      case .columns: "data of a table (`csv`)"
      case .ledger: "a guarantee"
      case .bestModel: "`evaluation.keepBest`"
      case .posterior, .posteriorTable: "a task about posteriors"
      case .pictures: "a task about posteriors of pictures of 1 or 3 channels"
      case .evaluation: "`evaluation.metrics`"
      case .clients: "clients' own tests"
      case .state: "a run of its own: runs of a sweep have none"
      case .scenario, .rounds, .table, .summary, .model, .timings: nil
      }
    }

    /// Whether the guarantee speaks of it, in words.
    var coverage: String {
      switch self {
      case .scenario: "but for `seed`, and for `add-or-remove`"
      case .classes: "counts as public"
      case .columns: "counts as public; what `computed` in it names is outside"
      case .ledger: "yes, but for `add-or-remove`"
      case .model: "yes, but for `rounds` in its header, for `add-or-remove`"
      case .rounds, .table, .summary: "figure by figure"
      case .bestModel, .posterior, .posteriorTable, .pictures, .evaluation, .clients, .timings, .state: "no"
      }
    }
  }

  /// Makes the folder, or takes over an old one, for a run from its first round.
  ///
  /// - Parameters:
  ///   - replacing: whether the files of a run that is already there may go; other files stay.
  ///   - checkpoint: of a run before its first round. It is written before anything else is touched, so that a run that is
  ///     killed here is one that can be resumed; nil for a run that cannot.
  /// - Throws: `RunFolderError.occupied` where there is a run and it may not be replaced.
  public init(
    creating path: String, replacing: Bool, checkpoint: Checkpoint? = nil
  ) throws(RunFolderError) {
    try self.init(locking: path)
    try take(replacing: replacing, checkpoint)
  }

  /// Takes the folder over for a run from its first round.
  private func take(replacing: Bool, _ checkpoint: Checkpoint?) throws(RunFolderError) {
    if let old = found.first, !replacing { throw .occupied(path: path, file: old.rawValue) }
    if let checkpoint { try write(checkpoint) }
    try remove(File.allCases.filter { $0 != .state || checkpoint == nil })
    try removeEvents()
    // Of two runs that begin here at the same time one gets the folder, also where it cannot be locked.
    do throws(FileFailure) {
      _ = try OpenFile("\(path)/\(File.scenario.rawValue)", for: .creating)
    } catch {
      if error.isThere { throw .occupied(path: path, file: File.scenario.rawValue) }
      throw .failed(path: path, reason: error.reason)
    }
  }

  /// Opens the folder of a run that was stopped, or makes one.
  ///
  /// - Returns: the folder, and the checkpoint to go on from: that of `first` where no run is there.
  /// - Throws: `RunFolderError.notResumable` where the run there is another one, or has no checkpoint, or a damaged one.
  public static func resuming(
    _ path: String, first: Checkpoint
  ) throws(RunFolderError) -> (folder: RunFolder, checkpoint: Checkpoint) {
    try resuming(path, first: { _ in first })
  }

  /// As the other one, of a run whose keys only its checkpoint knows.
  ///
  /// - Parameter first: given the checkpoint that is there, makes the one that the run would have before its first round.
  static func resuming(
    _ path: String, first: (Checkpoint?) throws(RunFolderError) -> Checkpoint
  ) throws(RunFolderError) -> (folder: RunFolder, checkpoint: Checkpoint) {
    let folder = try RunFolder(locking: path)
    let state = "\(path)/\(File.state.rawValue)"
    let found: Checkpoint?
    do throws(StateError) {
      found = try Checkpoint(contentsOf: state)
    } catch {
      throw .notResumable(path: state, reason: "damaged: \(error)")
    }
    let first = try first(found)
    guard let checkpoint = found else {
      // A run writes state.bin before all its other files, but for older versions and sweeps.
      if let file = folder.found.first {
        throw .notResumable(path: path, reason: "found \(file.rawValue), but no state.bin to go on from")
      }
      try folder.write(first)
      return (folder, first)
    }
    if let difference = checkpoint.identity.difference(from: first.identity) {
      throw .notResumable(path: state, reason: difference)
    }
    return (folder, checkpoint)
  }

  private init(locking path: String) throws(RunFolderError) {
    self.path = path
    guard !path.isEmpty else { throw .unusable(path: path, reason: "the name of the folder is empty") }
    if let kind = FilePath.kind(path), kind != .folder {
      throw .unusable(path: path, reason: "this is a file; allowed: a folder, or a name that is free")
    }
    do throws(FileFailure) {
      try FilePath.makeFolder(path)
    } catch {
      throw .failed(path: path, reason: error.reason)
    }
    guard let lock = FileLock(path) else { throw .busy(path: path) }
    self.lock = lock
  }

  /// Files of a run that are there.
  private var found: [File] {
    File.allCases.filter { FilePath.exists(self.path(of: $0)) }
  }

  private func path(of file: File) -> String { "\(path)/\(file.rawValue)" }

  /// Does something with a file and says what went wrong in the words of a run.
  private func writing<Value>(
    _ file: File, _ body: (String) throws(FileFailure) -> Value
  ) throws(RunFolderError) -> Value {
    do throws(FileFailure) {
      return try body(path(of: file))
    } catch {
      throw .failed(path: error.place, reason: error.reason)
    }
  }

  /// Also what a killed process left of them under another name.
  public func remove(_ files: [File]) throws(RunFolderError) {
    for file in files {
      try writing(file) { path throws(FileFailure) in
        try FilePath.remove(path)
        try FilePath.remove(path + Self.partSuffix)
      }
    }
  }

  /// Nil where there is no such file.
  public func read(_ file: File) throws(RunFolderError) -> [UInt8]? {
    do throws(FileFailure) {
      return try OpenFile(path(of: file), for: .reading).readAll()
    } catch {
      if error.isMissing { return nil }
      throw .unusable(path: error.place, reason: "could not be read: \(error.reason)")
    }
  }

  public func write(_ text: String, to file: File) throws(RunFolderError) {
    try write(Array(text.utf8), to: file)
  }

  private static let partSuffix = ".part"

  /// On the disk before it has its name: a machine that stops leaves the old file or the new one.
  public func write(_ bytes: [UInt8], to file: File) throws(RunFolderError) {
    try write(to: file) { put in bytes.withUnsafeBytes(put) }
  }

  /// As a whole file, and never as one array: a checkpoint may be larger than all that is left of memory.
  public func write(_ checkpoint: Checkpoint) throws(RunFolderError) {
    try write(to: .state, isSecret: checkpoint.isSecret, checkpoint.sections.forEachFilePart)
  }

  private func write(
    to file: File, isSecret: Bool = false, _ forEachPart: ((UnsafeRawBufferPointer) -> Void) -> Void
  ) throws(RunFolderError) {
    try writing(file) { path throws(FileFailure) in
      let staged = try StagedFile(path, temporary: path + Self.partSuffix, isSecret: isSecret)
      var problem: FileFailure?
      forEachPart { part in
        guard problem == nil else { return }
        do throws(FileFailure) { try staged.write(part) } catch { problem = error }
      }
      if let problem { throw problem }
      try staged.commit()
    }
  }

  /// Writes a file unless it has these bytes already.
  ///
  /// - Returns: whether it was written.
  @discardableResult
  public func settle(_ bytes: [UInt8], in file: File) throws(RunFolderError) -> Bool {
    if try read(file) == bytes { return false }
    try write(bytes, to: file)
    return true
  }

  /// Appends one line and hands it to the system before it returns.
  public func append(_ line: String, to file: File) throws(RunFolderError) {
    try writing(file) { path throws(FileFailure) in
      let stream = try OpenFile(path, for: .appending)
      try stream.write(Array((line + "\n").utf8))
      try stream.close()
    }
  }

  /// Begins a JSON object whose last member, an array, grows: `append(element:to:)` adds to it, and the file is valid JSON after
  /// every call. What was written is never written again.
  ///
  /// - Parameter elements: what the array has already.
  public func begin(
    _ members: [(key: String, value: JSON)], array: String, elements: [JSON] = [], in file: File
  ) throws(RunFolderError) {
    var text = "{\n"
    for (key, value) in members { text += "  \(JSON.string(key).text(pretty: false)): \(value.text(pretty: false)),\n" }
    text += "  \(JSON.string(array).text(pretty: false)): ["
    for (i, element) in elements.enumerated() { text += Self.arrayItem(element, isFirst: i == 0) }
    try settle(Array((text + Self.arrayEnd).utf8), in: file)
  }

  private static func arrayItem(_ element: JSON, isFirst: Bool) -> String {
    (isFirst ? "\n    " : ",\n    ") + element.text(pretty: false)
  }

  private static let arrayEnd = "\n  ]\n}\n"

  /// Adds an element to the array at the end of a file that `begin` began.
  public func append(element: JSON, isFirst: Bool, to file: File) throws(RunFolderError) {
    try writing(file) { path throws(FileFailure) in
      let stream = try OpenFile(path, for: .overwriting)
      let end = try stream.length() - Self.arrayEnd.utf8.count
      try stream.write(Array((Self.arrayItem(element, isFirst: isFirst) + Self.arrayEnd).utf8), at: max(end, 0))
      try stream.close()
    }
  }

  // MARK: Events

  /// Begins a file for TensorBoard, for the rounds after one.
  func beginEvents(after round: Int) throws(RunFolderError) -> EventFile {
    do throws(FileFailure) {
      return try EventFile(in: path, after: round)
    } catch {
      throw .failed(path: error.place, reason: error.reason)
    }
  }

  func append(_ record: RoundRecord, to events: EventFile) throws(RunFolderError) {
    do throws(FileFailure) {
      try events.append(record)
    } catch {
      throw .failed(path: error.place, reason: error.reason)
    }
  }

  /// Those of an earlier run: TensorBoard would show them together with the new one's.
  private func removeEvents() throws(RunFolderError) {
    do throws(FileFailure) {
      for name in try FilePath.names(in: path) where EventFile.isName(name) { try FilePath.remove("\(path)/\(name)") }
    } catch {
      throw .failed(path: error.place, reason: error.reason)
    }
  }

  // MARK: Checkpoints

  /// The length of rounds.jsonl, on the disk.
  public func synchronizeRows() throws(RunFolderError) -> Int {
    do throws(FileFailure) {
      let rows = try OpenFile(path(of: .rounds), for: .reading)
      try rows.synchronize()
      return try rows.length()
    } catch {
      if error.isMissing { return 0 }
      throw .failed(path: error.place, reason: error.reason)
    }
  }

  /// Cuts rounds.jsonl to what it was at a checkpoint: what came later is made again. Changes nothing where that is its length.
  ///
  /// The row that a checkpoint has itself (`Checkpoint.pendingRow`) is added where the file does not have it; where the file has it with what a
  /// program measured, that stays.
  ///
  /// - Returns: its rounds.
  /// - Throws: `RunFolderError.notResumable` with the line that this run would not have written.
  public func rounds(upTo checkpoint: Checkpoint, round: Int) throws(RunFolderError) -> [RoundRecord] {
    let target = "\(path)/\(File.rounds.rawValue)"
    let bytes = try read(.rounds) ?? []
    let length = checkpoint.rowBytes
    guard bytes.count >= length else {
      throw .notResumable(
        path: target, reason: "found \(bytes.count) bytes, and state.bin is of a time when there were \(length)")
    }
    var records: [RoundRecord] = []
    for line in bytes[..<length].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast() {
      guard let record = RoundRecord(line: line), record.round == records.count + 1 else {
        throw .notResumable(
          path: "\(target):\(records.count + 1)", reason: "this is not a row that round \(records.count + 1) wrote")
      }
      records.append(record)
    }
    guard records.count + (checkpoint.pendingRow == nil ? 0 : 1) == round,
      length == 0 || bytes[length - 1] == UInt8(ascii: "\n")
    else {
      throw .notResumable(
        path: target, reason: "found \(records.count) rounds in \(length) bytes, and \(round) in state.bin")
    }
    if let pending = checkpoint.pendingRow {
      guard pending.round == round else {
        throw .notResumable(
          path: "\(path)/\(File.state.rawValue)", reason: "damaged: its row is of round \(pending.round)")
      }
      let rest = bytes[length...]
      if let end = rest.firstIndex(of: UInt8(ascii: "\n")), let row = RoundRecord(line: rest[..<end]),
        row.withoutEvaluation == pending
      {
        if bytes.count > end + 1 {
          try writing(.rounds) { path throws(FileFailure) in try FilePath.truncate(path, to: end + 1) }
        }
        return records + [row]
      }
      if bytes.count > length {
        try writing(.rounds) { path throws(FileFailure) in try FilePath.truncate(path, to: length) }
      }
      try append(pending.json.text(pretty: false), to: .rounds)
      return records + [pending]
    }
    if length == 0 {
      try remove([.rounds])
    } else if bytes.count > length {
      try writing(.rounds) { path throws(FileFailure) in try FilePath.truncate(path, to: length) }
    }
    return records
  }
}

public enum RunFolderError: Error, Equatable, CustomStringConvertible {
  case unusable(path: String, reason: String)
  case occupied(path: String, file: String)
  case failed(path: String, reason: String)
  /// Another process works there.
  case busy(path: String)
  case notResumable(path: String, reason: String)

  public var description: String {
    switch self {
    case .unusable(let path, let reason): "--out \"\(path)\": \(reason)"
    case .occupied(let path, let file):
      "\(path): there is a run already (\(file)); choose another folder with --out, go on with it with --resume, or replace it with --force"
    case .failed(let path, let reason): "--out: \(path): could not be written: \(reason)"
    case .busy(let path): "\(path): another fedsim run works there"
    case .notResumable(let path, let reason):
      "\(path): cannot go on: \(reason); choose another folder with --out, or replace the run with --force"
    }
  }
}
