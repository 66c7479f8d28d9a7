import CZlib

/// Gzip (RFC 1952) by zlib, whole files at a time.
package enum Gzip {
  /// No text of examples is longer: what stops a small file that unpacks without end.
  package static let largestText = 1 << 32

  static func isGzipped(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1F, 0x8B]) }

  /// All members, unpacked and checked against their sums.
  ///
  /// - Parameter limit: how many bytes in all the first 64 (or fewer) announce. Unpacking stops one byte after that
  ///   many, so that the caller sees that there are more; memory is at most twice what was unpacked.
  /// - Throws: `DataError` with the packed byte where the data end too early or are damaged.
  static func unpack(
    _ packed: [UInt8], name: String, limit: ([UInt8]) -> Int
  ) throws(DataError) -> [UInt8] {
    // zlib keeps the address of its state's owner: it must not move.
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    defer { stream.deallocate() }
    let gzipWindow: Int32 = 15 + 16
    guard inflateInit2_(stream, gzipWindow, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw .file(place: name, problem: "zlib has no memory")
    }
    defer { inflateEnd(stream) }

    var output = [UInt8](repeating: 0, count: 64)
    var written = 0
    var consumed = 0
    var largest: Int?
    var isEnded = false
    while true {
      if isEnded {
        if consumed == packed.count { break }
        guard Gzip.isGzipped(Array(packed[consumed...].prefix(2))) else {
          throw .file(place: name, problem: "byte \(consumed): found bytes after the end of the gzip data")
        }
        inflateReset(stream)
        isEnded = false
      }
      if written == output.count {
        let bound = largest ?? max(limit(output), written)
        largest = bound
        if written > bound { break }
        let room = min(bound + 1 - written, max(written, 4 * packed.count, 1 << 16))
        output.append(contentsOf: repeatElement(0, count: room))
      }
      let (status, read, made) = step(stream, packed, from: consumed, &output, from: written)
      consumed += read
      written += made
      switch status {
      case Z_STREAM_END: isEnded = true
      case Z_OK: continue
      case Z_BUF_ERROR where consumed == packed.count:
        throw .file(place: name, problem: "byte \(consumed): the gzip data end before their end is marked")
      case Z_BUF_ERROR: continue
      default:
        let reason = stream.pointee.msg.map { String(cString: $0) } ?? "damaged"
        throw .file(place: name, problem: "byte \(consumed): the gzip data are damaged (\(reason))")
      }
    }
    output.removeLast(output.count - written)
    return output
  }

  private static func step(
    _ stream: UnsafeMutablePointer<z_stream>, _ packed: [UInt8], from consumed: Int, _ output: inout [UInt8],
    from written: Int
  ) -> (status: Int32, read: Int, made: Int) {
    let most = 1 << 30
    let (inputCount, outputCount) = (min(packed.count - consumed, most), min(output.count - written, most))
    let status = packed.withUnsafeBufferPointer { input in
      output.withUnsafeMutableBufferPointer { output in
        // zlib's interface takes input as mutable and does not change it.
        stream.pointee.next_in = input.baseAddress.map { UnsafeMutablePointer(mutating: $0 + consumed) }
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
