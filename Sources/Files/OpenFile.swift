import Platform

/// A file that is open, as the system has it. It is closed where the value ends.
public struct OpenFile: ~Copyable, Sendable {
  public enum Purpose: Sendable {
    case reading
    /// A new file: opening fails where there is one.
    case creating
    /// The same, and nobody else may read it.
    case creatingSecret
    /// A file that is there, as it stands: a device or a pipe too.
    case overwriting
    /// Behind what there is; the file is made where there is none.
    case appending

    fileprivate var flags: Int32 {
      switch self {
      case .reading: O_RDONLY
      case .creating, .creatingSecret: O_WRONLY | O_CREAT | O_EXCL
      case .overwriting: O_WRONLY
      case .appending: O_WRONLY | O_CREAT | O_APPEND
      }
    }

    fileprivate var mode: mode_t {
      if case .creatingSecret = self { 0o600 } else { 0o666 }
    }

    fileprivate var action: FileFailure.Action {
      if case .reading = self { .reading } else { .writing }
    }
  }

  public enum Kind: Sendable {
    case file
    case folder
    case pipe
    case device
  }

  /// How messages call it.
  public let name: String
  /// Negative once it is closed.
  private var descriptor: Int32
  private let action: FileFailure.Action

  public init(_ path: String, for purpose: Purpose) throws(FileFailure) {
    name = path
    action = purpose.action
    descriptor = openPath(path, purpose.flags | O_CLOEXEC, purpose.mode)
    guard descriptor >= 0 else { throw FileFailure(name, action) }
  }

  /// Opens standard input or output once more.
  init(standard number: Int32, name: String, for purpose: Purpose) throws(FileFailure) {
    self.name = name
    action = purpose.action
    descriptor = dup(number)
    guard descriptor >= 0 else { throw FileFailure(name, action) }
  }

  deinit { if descriptor >= 0 { _ = closeDescriptor(descriptor) } }

  /// Closes the file and says what the system says of it: it may be the first to know that a disk is full.
  public consuming func close() throws(FileFailure) {
    let status = closeDescriptor(descriptor)
    descriptor = -1
    guard status == 0 else { throw failure() }
  }

  private func failure() -> FileFailure { FileFailure(name, action) }

  private func status() throws(FileFailure) -> stat {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure() }
    return status
  }

  public func kind() throws(FileFailure) -> Kind { Kind(try status()) }

  public func length() throws(FileFailure) -> Int { Int(try status().st_size) }

  /// All bytes up to the end.
  ///
  /// - Parameter most: reading stops behind this many bytes, so that the caller sees that there are more: a pipe may never end.
  public func readAll(atMost most: Int = Int.max - 1) throws(FileFailure) -> [UInt8] {
    let expected = min(try length(), most)
    var bytes = try readFirst(expected)
    // A file that grew, or that has no length, as a pipe.
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
    defer { chunk.deallocate() }
    while bytes.count <= most {
      let count = readBytes(descriptor, chunk)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure() }
      if count == 0 { break }
      bytes.append(contentsOf: chunk[..<count])
    }
    return bytes
  }

  /// Up to so many bytes, straight to where they stay: a large file is not copied.
  private func readFirst(_ expected: Int) throws(FileFailure) -> [UInt8] {
    guard expected > 0 else { return [] }
    var problem: FileFailure?
    let bytes = [UInt8](unsafeUninitializedCapacity: expected) { buffer, initialized in
      while initialized < expected {
        let count = readBytes(
          descriptor, UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[initialized...]))
        if count < 0, errno == EINTR { continue }
        if count < 0 { problem = failure() }
        if count <= 0 { break }
        initialized += count
      }
    }
    if let problem { throw problem }
    return bytes
  }

  /// Bytes from a place on.
  ///
  /// - Returns: how many there were: fewer than `target` has room for where the file ends.
  public func read(at offset: Int, into target: UnsafeMutableRawBufferPointer) throws(FileFailure) -> Int {
    var done = 0
    while done < target.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: target[done...])
      let count = pread(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure() }
      if count == 0 { break }
      done += count
    }
    return done
  }

  /// - Parameter offset: where the bytes go; nil for behind the last ones.
  public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int? = nil) throws(FileFailure) {
    var done = 0
    while done < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
      let count =
        offset.map { pwrite(descriptor, rest.baseAddress, rest.count, off_t($0 + done)) }
        ?? writeBytes(descriptor, rest)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure() }
      done += count
    }
  }

  /// - Parameter offset: where the bytes go; nil for behind the last ones.
  public func write(_ bytes: [UInt8], at offset: Int? = nil) throws(FileFailure) {
    var problem: FileFailure?
    bytes.withUnsafeBytes { buffer in
      do throws(FileFailure) { try write(buffer, at: offset) } catch { problem = error }
    }
    if let problem { throw problem }
  }

  /// Returns when what was written is on the disk.
  public func synchronize() throws(FileFailure) {
    guard fsync(descriptor) == 0 else { throw failure() }
  }

  /// Takes the file for one process, or one part of it, until it is closed.
  ///
  /// - Returns: whether nobody else has it. A file system that knows no locks gives it to everyone.
  func lock() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK }
}

extension OpenFile.Kind {
  init(_ status: stat) {
    switch status.st_mode & S_IFMT {
    case S_IFREG: self = .file
    case S_IFDIR: self = .folder
    case S_IFIFO: self = .pipe
    default: self = .device
    }
  }
}

// Outside the type, whose own methods would hide the system's.
private func openPath(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 { open(path, flags, mode) }
private func closeDescriptor(_ descriptor: Int32) -> Int32 { close(descriptor) }
private func readBytes(_ descriptor: Int32, _ bytes: UnsafeMutableRawBufferPointer) -> Int {
  read(descriptor, bytes.baseAddress, bytes.count)
}
private func writeBytes(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
  write(descriptor, bytes.baseAddress, bytes.count)
}
