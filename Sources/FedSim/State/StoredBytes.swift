import Files

/// Bytes that are read part by part: those of an array, or of a file that stays open as long as this lives.
final class StoredBytes: Sendable {
  let count: Int
  private let memory: [UInt8]
  /// Nil where the bytes are in memory.
  private let file: OpenFile?

  init(_ bytes: [UInt8]) {
    count = bytes.count
    memory = bytes
    file = nil
  }

  /// - Returns: nil where there is no such file.
  init?(path: String) throws(StateError) {
    guard (FilePath.kind(path) ?? .file) == .file else { throw StateError(byte: 0, problem: "this is no file") }
    do throws(FileFailure) {
      let file = try OpenFile(path, for: .reading)
      count = try file.length()
      self.file = consume file
      memory = []
    } catch {
      if error.isMissing { return nil }
      throw Self.failed(error, at: 0)
    }
  }

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
    if file == nil {
      memory[range].withUnsafeBytes(body)
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
    guard file != nil else {
      memory.withUnsafeBytes {
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[first..<(first + target.count)]))
      }
      return nil
    }
    do throws(FileFailure) {
      let count = try file?.read(at: first, into: target) ?? 0
      return count == target.count
        ? nil : StateError(byte: first + count, problem: "the file ends here while it is read")
    } catch {
      return Self.failed(error, at: first)
    }
  }

  private static func failed(_ failure: FileFailure, at byte: Int) -> StateError {
    StateError(byte: byte, problem: "the file could not be read: \(failure.reason)")
  }
}
