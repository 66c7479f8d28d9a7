import Files
import JSONText
import Platform

/// Bytes for a caller, who frees them by `fs_free`: they grow in the memory that he gets, so that there is no second copy.
struct OutputBytes: ~Copyable {
  private var start: UnsafeMutablePointer<UInt8>?
  private var capacity = 0
  private(set) var count = 0

  init() {}

  deinit { free(start) }

  mutating func append(_ bytes: some Collection<UInt8>) throws(Failure) {
    let (needed, isBeyond) = count.addingReportingOverflow(bytes.count + 1)
    guard !isBeyond else { throw .invalid("no memory") }
    if needed > capacity {
      let larger = max(needed, capacity + capacity / 2)
      guard let moved = realloc(start, larger) else { throw .invalid("no memory for \(larger) bytes") }
      start = moved.assumingMemoryBound(to: UInt8.self)
      capacity = larger
    }
    guard let start else { return }
    _ = UnsafeMutableBufferPointer(start: start + count, count: bytes.count).update(fromContentsOf: bytes)
    count += bytes.count
    // A NUL that is not counted: the bytes are a C string where they are text.
    start[count] = 0
  }

  /// Hands the bytes out.
  ///
  /// - Returns: how many there are.
  consuming func give(to out: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>) throws(Failure) -> Int64 {
    if start == nil { try append([]) }
    out.pointee = start
    start = nil
    return Int64(count)
  }
}

/// A function that hands bytes out: where it fails, what it would have handed out is NULL.
func callForBytes(
  _ out: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?, _ name: String, _ error: UnsafeMutablePointer<CChar>?,
  _ capacity: Int64, _ body: () throws -> OutputBytes
) -> Int64 {
  out?.pointee = nil
  return call(error, capacity) {
    let out = try Argument.pointer(out, name)
    let bytes = try body()
    return try bytes.give(to: out)
  }
}

/// The same for JSON.
func callForJSON(
  _ out: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?, _ error: UnsafeMutablePointer<CChar>?,
  _ capacity: Int64, _ body: () throws -> JSON?
) -> Int64 {
  callForBytes(out, "json", error, capacity) {
    var bytes = OutputBytes()
    // Nothing stands for nothing more.
    if let json = try body() { try bytes.append(json.text(pretty: false).utf8) }
    return bytes
  }
}

/// A function that makes an object.
///
/// - Returns: 0.
func callForObject(
  _ out: UnsafeMutablePointer<Int64>?, _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64,
  _ body: () throws -> (Int64) -> any Sendable
) -> Int64 {
  out?.pointee = 0
  return call(error, capacity) {
    let out = try Argument.pointer(out, "out")
    out.pointee = try Objects.shared.add(try body())
    return 0
  }
}
