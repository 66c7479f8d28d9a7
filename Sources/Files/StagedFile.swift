import Platform

/// A file that is written under another name beside its own and renamed when it is whole, so that what stands under
/// its own name is never half of it. What is not kept is removed.
///
/// "-" is standard output; it, and what is no regular file (a pipe, a device), is written as it stands: it has no half of which
/// another could be kept.
public final class StagedFile {
  public let path: String
  /// Nil where the file is written as it stands.
  private let temporary: String?
  private var descriptor: Int32

  /// - Throws: `ToolError` where `path` is a folder or the temporary file cannot be made.
  public init(_ path: String) throws(ToolError) {
    self.path = path
    guard !path.isEmpty else { throw .input(place: "the file to write", problem: "found \"\"; allowed: a name, or -") }
    guard path != "-" else {
      temporary = nil
      descriptor = dup(STDOUT_FILENO)
      guard descriptor >= 0 else { throw Self.failed("standard output") }
      return
    }
    var status = stat()
    if stat(path, &status) == 0 {
      if status.st_mode & S_IFMT == S_IFDIR {
        throw .input(place: path, problem: "this is a folder; allowed: a file, or a name that is free")
      }
      if status.st_mode & S_IFMT != S_IFREG {
        // A file of that name would take the place of the device.
        temporary = nil
        descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failed(path) }
        return
      }
    }
    let temporary = "\(path).part-\(getpid())"
    self.temporary = temporary
    unlink(temporary)
    descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw Self.failed(path) }
  }

  public func append(_ bytes: [UInt8]) throws(ToolError) {
    var done = 0
    while done < bytes.count {
      let written = bytes.withUnsafeBytes { writeBytes(descriptor, UnsafeRawBufferPointer(rebasing: $0[done...])) }
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { throw Self.failed(path) }
      done += written
    }
  }

  /// Gives the file its name, in place of what had it.
  public func keep() throws(ToolError) {
    let status = close(descriptor)
    descriptor = -1
    guard status == 0, temporary.map({ rename($0, path) == 0 }) ?? true else {
      let error = Self.failed(path)
      if let temporary { unlink(temporary) }
      throw error
    }
  }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    if let temporary { unlink(temporary) }
  }

  private static func failed(_ path: String) -> ToolError {
    .failed(place: path, reason: "could not be written: \(String(cString: strerror(errno)))")
  }
}

/// Outside the class, so that no method of it hides the system's.
private func writeBytes(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
  write(descriptor, bytes.baseAddress, bytes.count)
}
