import Platform

/// A file that is written under another name beside its own, and renamed when it is whole and on the disk: what stands under its own
/// name is never half of it, also where the machine stops. What is not kept is removed.
///
/// "-" is standard output; it, and what is no regular file (a pipe, a device), is written as it stands: it has no half of which
/// another could be kept.
public final class StagedFile {
  public let path: String
  /// Nil where the file is written as it stands.
  private let temporary: String?
  private var file: OpenFile?

  /// Opens a file that somebody named.
  ///
  /// - Throws: `ToolError` where `path` is a folder or the temporary file cannot be made.
  public init(_ path: String) throws(ToolError) {
    self.path = path
    guard !path.isEmpty else { throw .input(place: "the file to write", problem: "found \"\"; allowed: a name, or -") }
    let kind = path == "-" ? nil : FilePath.kind(path)
    if kind == .folder {
      throw .input(place: path, problem: "this is a folder; allowed: a file, or a name that is free")
    }
    do throws(FileFailure) {
      if path == "-" {
        temporary = nil
        file = try OpenFile(standard: STDOUT_FILENO, name: "standard output", for: .overwriting)
      } else if kind == .pipe || kind == .device {
        // A file of that name would take the place of the device.
        temporary = nil
        file = try OpenFile(path, for: .overwriting)
      } else {
        let temporary = "\(path).part-\(getpid())"
        self.temporary = temporary
        file = try Self.open(temporary, as: path)
      }
    } catch {
      throw ToolError(error)
    }
  }

  /// Opens a file of ours in a folder that nobody else works in.
  ///
  /// - Parameters:
  ///   - temporary: its name before it is whole.
  ///   - isSecret: whether nobody else may read it.
  package init(_ path: String, temporary: String, isSecret: Bool = false) throws(FileFailure) {
    self.path = path
    self.temporary = temporary
    file = try Self.open(temporary, as: path, for: isSecret ? .creatingSecret : .creating)
  }

  /// What a killed process left under the temporary name goes.
  private static func open(
    _ temporary: String, as path: String, for purpose: OpenFile.Purpose = .creating
  ) throws(FileFailure) -> OpenFile {
    unlink(temporary)
    do throws(FileFailure) {
      return try OpenFile(temporary, for: purpose)
    } catch {
      throw FileFailure(path, .writing, code: error.code)
    }
  }

  public func append(_ bytes: [UInt8]) throws(ToolError) {
    var problem: FileFailure?
    bytes.withUnsafeBytes { buffer in
      do throws(FileFailure) { try write(buffer) } catch { problem = error }
    }
    if let problem { throw ToolError(problem) }
  }

  /// Gives the file its name, in place of what had it.
  public func keep() throws(ToolError) {
    do throws(FileFailure) { try commit() } catch { throw ToolError(error) }
  }

  /// As `append`, with the failure as the system has it: for callers with words of their own.
  package func write(_ bytes: UnsafeRawBufferPointer) throws(FileFailure) {
    do throws(FileFailure) {
      try file?.write(bytes)
    } catch {
      throw FileFailure(path, .writing, code: error.code)
    }
  }

  /// As `keep`, with the failure as the system has it.
  package func commit() throws(FileFailure) {
    guard let file = file.take() else { return }
    do throws(FileFailure) {
      if temporary != nil { try file.synchronize() }
      try file.close()
      if let temporary, rename(temporary, path) != 0 { throw FileFailure(path, .writing) }
    } catch {
      if let temporary { unlink(temporary) }
      throw FileFailure(path, .writing, code: error.code)
    }
  }

  deinit {
    if file.take() != nil, let temporary { unlink(temporary) }
  }

  /// Writes a whole file.
  public static func write(_ text: String, to path: String) throws(ToolError) {
    let staged = try StagedFile(path)
    try staged.append(Array(text.utf8))
    try staged.keep()
  }
}
