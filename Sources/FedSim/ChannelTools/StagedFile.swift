#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file that is written under another name beside its own and renamed when it is whole, so that what stands under
/// its own name is never half of it. What is not kept is removed.
public final class StagedFile {
  public let path: String
  private let temporary: String
  private var descriptor: Int32

  /// - Throws: `ToolError` where `path` is a folder or the temporary file cannot be made.
  public init(_ path: String) throws(ToolError) {
    self.path = path
    temporary = "\(path).part-\(getpid())"
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
      throw .input(place: path, problem: "this is a folder; allowed: a file, or a name that is free")
    }
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
    guard status == 0, rename(temporary, path) == 0 else {
      let error = Self.failed(path)
      unlink(temporary)
      throw error
    }
  }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    unlink(temporary)
  }

  private static func failed(_ path: String) -> ToolError {
    .failed(place: path, reason: "could not be written: \(String(cString: strerror(errno)))")
  }
}

/// Outside the class, so that no method of it hides the system's.
private func writeBytes(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
  write(descriptor, bytes.baseAddress, bytes.count)
}
