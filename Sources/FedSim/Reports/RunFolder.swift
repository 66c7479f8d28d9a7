#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The output folder of a run. Rounds are on disk as soon as they are done; whole files are written to one side and
/// renamed, so that a reader never sees half of one.
public struct RunFolder: Sendable {
  public let path: String

  public enum File: String, CaseIterable, Sendable {
    case scenario = "scenario.json"
    case rounds = "rounds.jsonl"
    case table = "rounds.csv"
    case ledger = "ledger.json"
    case summary = "summary.json"
    case model = "model.safetensors"
    case timings = "timings.json"
  }

  /// Makes the folder, or takes over an old one.
  ///
  /// - Parameter replacing: whether the files of a run that is already there may go; other files stay.
  /// - Throws: `RunFolderError.occupied` where there is a run and it may not be replaced.
  public init(creating path: String, replacing: Bool) throws(RunFolderError) {
    self.path = path
    let manager = FileManager.default
    var isFolder: Bool = false
    guard !path.isEmpty else { throw .unusable(path: path, reason: "the name of the folder is empty") }
    if manager.fileExists(atPath: path, isDirectory: &isFolder), !isFolder {
      throw .unusable(path: path, reason: "this is a file; allowed: a folder, or a name that is free")
    }
    let old = File.allCases.map(\.rawValue).filter { manager.fileExists(atPath: "\(path)/\($0)") }
    if !old.isEmpty && !replacing { throw .occupied(path: path, file: old[0]) }
    do {
      try manager.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw .failed(path: path, reason: Self.reason(error))
    }
    // unlink takes files alone: a folder of that name is not ours.
    for file in old where unlink("\(path)/\(file)") != 0 {
      throw .failed(path: "\(path)/\(file)", reason: Self.lastError())
    }
    // Of two runs that begin here at the same time one gets the folder.
    guard let claim = fopen("\(path)/\(File.scenario.rawValue)", "wx") else {
      if errno == EEXIST { throw .occupied(path: path, file: File.scenario.rawValue) }
      throw .failed(path: path, reason: Self.lastError())
    }
    fclose(claim)
  }

  static func reason(_ error: any Error) -> String {
    let underlying = (error as? CocoaError)?.underlying ?? error
    if let system = underlying as? POSIXError { return String(cString: strerror(system.code.rawValue)) }
    return "\(underlying)"
  }

  public func write(_ text: String, to file: File) throws(RunFolderError) {
    try write(Array(text.utf8), to: file)
  }

  public func write(_ bytes: [UInt8], to file: File) throws(RunFolderError) {
    let target = "\(path)/\(file.rawValue)"
    do {
      try Data(bytes).write(to: URL(fileURLWithPath: target), options: .atomic)
    } catch {
      throw .failed(path: target, reason: Self.reason(error))
    }
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
  public func begin(_ members: [(key: String, value: JSON)], array: String, in file: File) throws(RunFolderError) {
    var text = "{\n"
    for (key, value) in members { text += "  \(JSON.string(key).text(pretty: false)): \(value.text(pretty: false)),\n" }
    text += "  \(JSON.string(array).text(pretty: false)): ["
    try write(text + Self.arrayEnd, to: file)
  }

  private static let arrayEnd = "\n  ]\n}\n"

  /// Adds an element to the array at the end of a file that `begin` began.
  public func append(element: JSON, isFirst: Bool, to file: File) throws(RunFolderError) {
    let target = "\(path)/\(file.rawValue)"
    guard let stream = fopen(target, "r+") else { throw .failed(path: target, reason: Self.lastError()) }
    let isThere = fseek(stream, -Self.arrayEnd.utf8.count, SEEK_END) == 0
    let text = (isFirst ? "\n    " : ",\n    ") + element.text(pretty: false) + Self.arrayEnd
    let isWritten = isThere && fputs(text, stream) >= 0
    let isClosed = fclose(stream) == 0
    guard isWritten && isClosed else { throw .failed(path: target, reason: Self.lastError()) }
  }

  private static func lastError() -> String { String(cString: strerror(errno)) }
}

public enum RunFolderError: Error, Equatable, CustomStringConvertible {
  case unusable(path: String, reason: String)
  case occupied(path: String, file: String)
  case failed(path: String, reason: String)

  public var description: String {
    switch self {
    case .unusable(let path, let reason): "--out \"\(path)\": \(reason)"
    case .occupied(let path, let file):
      "\(path): there is a run already (\(file)); choose another folder with --out, or replace it with --force"
    case .failed(let path, let reason): "--out: \(path): could not be written: \(reason)"
    }
  }
}
