import CZlib

/// Data that zlib unpacks (RFC 1951), as gzip files and zip archives have them.
enum Deflate {
  /// What is around the packed data.
  enum Wrapping {
    /// Gzip members (RFC 1952), one or several, each with its sum.
    case gzip
    /// Nothing: the sum is elsewhere, and the data end where they say so.
    case none

    fileprivate var windowBits: Int32 { self == .gzip ? 15 + 16 : -15 }
    fileprivate var name: String { self == .gzip ? "gzip" : "packed" }
  }

  /// All data, unpacked; of gzip, every member, checked against its sum.
  ///
  /// - Parameters:
  ///   - range: where the packed bytes are.
  ///   - head: how many bytes are unpacked before `limit` is asked.
  ///   - limit: how many bytes in all the first `head` (or fewer) announce. Unpacking stops one byte after that many, so that the
  ///     caller sees that there are more; memory is at most twice what was unpacked.
  /// - Throws: `DataError` with the packed byte where the data end too early or are damaged.
  static func unpack(
    _ packed: [UInt8], in range: Range<Int>, wrapping: Wrapping, name: String, head: Int, limit: ([UInt8]) -> Int
  ) throws(DataError) -> [UInt8] {
    // zlib keeps the address of its state's owner: it must not move.
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    defer { stream.deallocate() }
    let size = Int32(MemoryLayout<z_stream>.size)
    guard inflateInit2_(stream, wrapping.windowBits, ZLIB_VERSION, size) == Z_OK else {
      throw .file(place: name, problem: "zlib has no memory")
    }
    defer { inflateEnd(stream) }

    var output = [UInt8](repeating: 0, count: head)
    var written = 0
    var consumed = range.lowerBound
    let end = range.upperBound
    var largest: Int?
    var isEnded = false
    while true {
      if isEnded {
        if consumed == end { break }
        guard wrapping == .gzip, Gzip.isGzipped(Array(packed[consumed..<min(consumed + 2, end)])) else {
          throw .file(place: name, problem: "byte \(consumed): found bytes after the end of the \(wrapping.name) data")
        }
        inflateReset(stream)
        isEnded = false
      }
      if written == output.count {
        let bound = largest ?? max(limit(output), written)
        largest = bound
        if written > bound { break }
        let room = min(bound + 1 - written, max(written, 4 * range.count, 1 << 16))
        output.append(contentsOf: repeatElement(0, count: room))
      }
      let (status, read, made) = step(stream, packed, consumed..<end, &output, from: written)
      consumed += read
      written += made
      switch status {
      case Z_STREAM_END: isEnded = true
      case Z_OK: continue
      case Z_BUF_ERROR where consumed == end:
        throw .file(
          place: name, problem: "byte \(consumed): the \(wrapping.name) data end before their end is marked")
      case Z_BUF_ERROR: continue
      default:
        let reason = stream.pointee.msg.map { String(cString: $0) } ?? "damaged"
        throw .file(place: name, problem: "byte \(consumed): the \(wrapping.name) data are damaged (\(reason))")
      }
    }
    output.removeLast(output.count - written)
    return output
  }

  private static func step(
    _ stream: UnsafeMutablePointer<z_stream>, _ packed: [UInt8], _ range: Range<Int>, _ output: inout [UInt8],
    from written: Int
  ) -> (status: Int32, read: Int, made: Int) {
    let most = 1 << 30
    let (inputCount, outputCount) = (min(range.count, most), min(output.count - written, most))
    let status = packed.withUnsafeBufferPointer { input in
      output.withUnsafeMutableBufferPointer { output in
        // zlib's interface takes input as mutable and does not change it.
        stream.pointee.next_in = input.baseAddress.map { UnsafeMutablePointer(mutating: $0 + range.lowerBound) }
        stream.pointee.avail_in = UInt32(inputCount)
        stream.pointee.next_out = output.baseAddress.map { $0 + written }
        stream.pointee.avail_out = UInt32(outputCount)
        return inflate(stream, Z_NO_FLUSH)
      }
    }
    return (
      status, inputCount - Int(stream.pointee.avail_in), outputCount - Int(stream.pointee.avail_out)
    )
  }
}
