import FedSim
import Files
import JSONText
import Platform

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The output folder of a run. Rounds are on disk as soon as they are done; whole files are written to one side and
/// renamed, so that a reader never sees half of one. One process at a time works there, as long as this value lives.
public struct RunFolder: Sendable {
  public let path: String
  private let lock: FolderLock

  public enum File: String, CaseIterable, Sendable {
    case scenario = "scenario.json"
    /// What the source calls the classes; only where it has names.
    case classes = "classes.json"
    case rounds = "rounds.jsonl"
    case table = "rounds.csv"
    case ledger = "ledger.json"
    case summary = "summary.json"
    case model = "model.safetensors"
    case timings = "timings.json"
    /// The last checkpoint.
    case state = "state.bin"
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
    if let old = found.first, !replacing { throw .occupied(path: path, file: old.rawValue) }
    if let checkpoint { try write(checkpoint) }
    try remove(File.allCases.filter { $0 != .state || checkpoint == nil })
    // Of two runs that begin here at the same time one gets the folder, also where it cannot be locked.
    guard let claim = fopen("\(path)/\(File.scenario.rawValue)", "wx") else {
      if errno == EEXIST { throw .occupied(path: path, file: File.scenario.rawValue) }
      throw .failed(path: path, reason: Self.lastError())
    }
    fclose(claim)
  }

  /// Opens the folder of a run that was stopped, or makes one.
  ///
  /// - Returns: the folder, and the checkpoint to go on from: that of `first` where no run is there.
  /// - Throws: `RunFolderError.notResumable` where the run there is another one, or has no checkpoint, or a damaged one.
  public static func resuming(
    _ path: String, first: Checkpoint
  ) throws(RunFolderError) -> (folder: RunFolder, checkpoint: Checkpoint) {
    let folder = try RunFolder(locking: path)
    let state = "\(path)/\(File.state.rawValue)"
    let found: Checkpoint?
    do throws(StateError) {
      found = try Checkpoint(contentsOf: state)
    } catch {
      throw .notResumable(path: state, reason: "damaged: \(error)")
    }
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
    let manager = FileManager.default
    var isFolder: Bool = false
    guard !path.isEmpty else { throw .unusable(path: path, reason: "the name of the folder is empty") }
    if manager.fileExists(atPath: path, isDirectory: &isFolder), !isFolder {
      throw .unusable(path: path, reason: "this is a file; allowed: a folder, or a name that is free")
    }
    do {
      try manager.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw .failed(path: path, reason: FileFailure.reason(error))
    }
    guard let lock = FolderLock(path) else { throw .busy(path: path) }
    self.lock = lock
  }

  /// Files of a run that are there.
  private var found: [File] {
    File.allCases.filter { FileManager.default.fileExists(atPath: "\(path)/\($0.rawValue)") }
  }

  /// Also what a killed process left of them under another name.
  public func remove(_ files: [File]) throws(RunFolderError) {
    for file in files {
      for name in [file.rawValue, file.rawValue + Self.partSuffix] {
        // unlink takes files alone: a folder of that name is not ours.
        guard unlink("\(path)/\(name)") == 0 || errno == ENOENT else {
          throw .failed(path: "\(path)/\(name)", reason: Self.lastError())
        }
      }
    }
  }

  /// Nil where there is no such file.
  public func read(_ file: File) throws(RunFolderError) -> [UInt8]? {
    let target = "\(path)/\(file.rawValue)"
    guard let stream = fopen(target, "r") else {
      if errno == ENOENT { return nil }
      throw .unusable(path: target, reason: "could not be read: \(Self.lastError())")
    }
    defer { fclose(stream) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&chunk, 1, chunk.count, stream)
      bytes.append(contentsOf: chunk[..<count])
      if count == chunk.count { continue }
      guard ferror(stream) == 0 else { throw .unusable(path: target, reason: "could not be read: \(Self.lastError())") }
      return bytes
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
    try write(to: .state, checkpoint.sections.forEachFilePart)
  }

  private func write(
    to file: File, _ forEachPart: ((UnsafeRawBufferPointer) -> Void) -> Void
  ) throws(RunFolderError) {
    let target = "\(path)/\(file.rawValue)"
    let part = target + Self.partSuffix
    guard let stream = fopen(part, "w") else { throw .failed(path: target, reason: Self.lastError()) }
    var isWritten = true
    var reason = ""
    forEachPart { part in
      guard isWritten, part.count > 0 else { return }
      isWritten = fwrite(part.baseAddress, 1, part.count, stream) == part.count
      if !isWritten { reason = Self.lastError() }
    }
    if isWritten {
      isWritten = fflush(stream) == 0 && fsync(fileno(stream)) == 0
      reason = Self.lastError()
    }
    guard fclose(stream) == 0, isWritten else {
      unlink(part)
      throw .failed(path: target, reason: reason)
    }
    guard rename(part, target) == 0 else { throw .failed(path: target, reason: Self.lastError()) }
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
    let target = "\(path)/\(file.rawValue)"
    guard let stream = fopen(target, "a") else { throw .failed(path: target, reason: Self.lastError()) }
    let isWritten = fputs(line + "\n", stream) >= 0
    let isClosed = fclose(stream) == 0
    guard isWritten && isClosed else { throw .failed(path: target, reason: Self.lastError()) }
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
    let target = "\(path)/\(file.rawValue)"
    guard let stream = fopen(target, "r+") else { throw .failed(path: target, reason: Self.lastError()) }
    let isThere = fseek(stream, -Self.arrayEnd.utf8.count, SEEK_END) == 0
    let text = Self.arrayItem(element, isFirst: isFirst) + Self.arrayEnd
    let isWritten = isThere && fputs(text, stream) >= 0
    let isClosed = fclose(stream) == 0
    guard isWritten && isClosed else { throw .failed(path: target, reason: Self.lastError()) }
  }

  // MARK: Checkpoints

  /// The length of rounds.jsonl, on the disk.
  public func synchronizeRows() throws(RunFolderError) -> Int {
    let target = "\(path)/\(File.rounds.rawValue)"
    guard let stream = fopen(target, "r") else {
      if errno == ENOENT { return 0 }
      throw .failed(path: target, reason: Self.lastError())
    }
    defer { fclose(stream) }
    guard fsync(fileno(stream)) == 0, fseek(stream, 0, SEEK_END) == 0, case let length = ftell(stream), length >= 0
    else {
      throw .failed(path: target, reason: Self.lastError())
    }
    return length
  }

  /// Cuts rounds.jsonl to what it was at a checkpoint: what came later is made again. Changes nothing where that is its length.
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
    guard records.count == round, length == 0 || bytes[length - 1] == UInt8(ascii: "\n") else {
      throw .notResumable(
        path: target, reason: "found \(records.count) rounds in \(length) bytes, and \(round) in state.bin")
    }
    if length == 0 {
      try remove([.rounds])
    } else if bytes.count > length, truncate(target, length) != 0 {
      throw .failed(path: target, reason: Self.lastError())
    }
    return records
  }

  private static func lastError() -> String { String(cString: strerror(errno)) }
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

/// Held by one process at a time, and given back when it ends, however it ends.
private final class FolderLock: Sendable {
  private let descriptor: Int32

  /// Nil where another process, or another part of this one, holds it. File systems that know no locks give it to everyone.
  init?(_ path: String) {
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    if descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
      close(descriptor)
      return nil
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }
}
