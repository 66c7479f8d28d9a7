import Platform

/// Files that are read whole.
public enum InputFile {
  /// All bytes of a file or a pipe.
  ///
  /// - Parameter path: - for standard input.
  public static func read(_ path: String) throws(ToolError) -> [UInt8] {
    do throws(FileFailure) {
      return try open(path).readAll()
    } catch {
      throw ToolError(FileFailure(path, .reading, code: error.code))
    }
  }

  /// Nil where there is no such file; what is there and cannot be read is an error.
  public static func readIfThere(_ path: String) throws(ToolError) -> [UInt8]? {
    do throws(FileFailure) {
      return try open(path).readAll()
    } catch {
      if error.isMissing { return nil }
      throw ToolError(FileFailure(path, .reading, code: error.code))
    }
  }

  private static func open(_ path: String) throws(FileFailure) -> OpenFile {
    try OpenFile(path == "-" ? "/dev/stdin" : path, for: .reading)
  }
}

/// Which files are read, so that none of them is written to.
///
/// A file is what the system calls the same one: by another path, through a symbolic link or by a hard link too.
public struct InputFiles {
  private struct Identity: Hashable {
    let device: UInt64
    let number: UInt64

    /// Nil where there is no regular file.
    init?(_ status: stat) {
      guard OpenFile.Kind(status) == .file else { return nil }
      device = UInt64(truncatingIfNeeded: status.st_dev)
      number = UInt64(truncatingIfNeeded: status.st_ino)
    }
  }

  private var names: [Identity: String] = [:]

  public init() {}

  /// - Parameters:
  ///   - path: a file; a folder stands for the files in it, - for standard input.
  ///   - name: what messages call it.
  public mutating func add(_ path: String, as name: String) {
    guard let status = path == "-" ? FilePath.standardInputStatus() : FilePath.status(path) else { return }
    if OpenFile.Kind(status) == .folder {
      for entry in (try? FilePath.names(in: path)) ?? [] {
        if let inner = FilePath.status("\(path)/\(entry)"), let identity = Identity(inner) { names[identity] = name }
      }
    } else if let identity = Identity(status) {
      names[identity] = name
    }
  }

  /// - Throws: `ToolError.input` for a file that is there already and is one of those that are read.
  public func refuse(_ output: String, flag: String) throws(ToolError) {
    guard let status = FilePath.status(output), let identity = Identity(status), let name = names[identity] else {
      return
    }
    throw .input(
      place: flag,
      problem: "found \(output), which is \(name) (the same file): it would be overwritten; allowed: another name")
  }
}
