import Platform

/// Bytes that are read part by part: those of an array, or of a file that stays open as long as this lives.
final class StoredBytes: Sendable {
  let count: Int
  private let place: Place

  private enum Place: Sendable {
    case memory([UInt8])
    case file(descriptor: Int32)
  }

  init(_ bytes: [UInt8]) {
    count = bytes.count
    place = .memory(bytes)
  }

  /// - Returns: nil where there is no such file.
  init?(path: String) throws(StateError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    var status = stat()
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw Self.failed(at: 0)
    }
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw StateError(byte: 0, problem: "this is no file")
    }
    count = Int(status.st_size)
    place = .file(descriptor: descriptor)
  }

  deinit { if case .file(let descriptor) = place { close(descriptor) } }

  func read(_ range: Range<Int>) throws(StateError) -> [UInt8] {
    var problem: StateError?
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, filled in
      problem = read(
        range.lowerBound,
        into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<range.count]))
      filled = problem == nil ? range.count : 0
    }
    if let problem { throw problem }
    return bytes
  }

  /// Little-endian integers.
  func words<Word: FixedWidthInteger>(_ range: Range<Int>) throws(StateError) -> [Word] {
    let size = MemoryLayout<Word>.size
    precondition(range.count % size == 0)
    var problem: StateError?
    let words = [Word](unsafeUninitializedCapacity: range.count / size) { buffer, filled in
      let raw = UnsafeMutableRawBufferPointer(buffer)
      problem = read(range.lowerBound, into: UnsafeMutableRawBufferPointer(rebasing: raw[..<range.count]))
      filled = problem == nil ? range.count / size : 0
      for i in 0..<filled { buffer[i] = Word(littleEndian: buffer[i]) }
    }
    if let problem { throw problem }
    return words
  }

  /// In order, a megabyte at a time; where reading fails the rest is zeros.
  func forEachPart(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Void) -> StateError? {
    if case .memory(let bytes) = place {
      bytes[range].withUnsafeBytes(body)
      return nil
    }
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: min(1 << 20, max(range.count, 1)), alignment: 16)
    defer { chunk.deallocate() }
    var problem: StateError?
    for first in stride(from: range.lowerBound, to: range.upperBound, by: 1 << 20) {
      let part = UnsafeMutableRawBufferPointer(rebasing: chunk[..<min(1 << 20, range.upperBound - first)])
      problem = problem ?? read(first, into: part)
      if problem != nil { part.initializeMemory(as: UInt8.self, repeating: 0) }
      body(UnsafeRawBufferPointer(part))
    }
    return problem
  }

  private func read(_ first: Int, into target: UnsafeMutableRawBufferPointer) -> StateError? {
    switch place {
    case .memory(let bytes):
      bytes.withUnsafeBytes {
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[first..<(first + target.count)]))
      }
    case .file(let descriptor):
      var done = 0
      while done < target.count {
        let rest = UnsafeMutableRawBufferPointer(rebasing: target[done...])
        let count = pread(descriptor, rest.baseAddress, rest.count, off_t(first + done))
        if count < 0, errno == EINTR { continue }
        guard count > 0 else {
          return count < 0
            ? Self.failed(at: first + done)
            : StateError(byte: first + done, problem: "the file ends here while it is read")
        }
        done += count
      }
    }
    return nil
  }

  private static func failed(at byte: Int) -> StateError {
    StateError(byte: byte, problem: "the file could not be read: \(String(cString: strerror(errno)))")
  }
}
