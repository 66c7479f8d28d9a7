/// Gzip (RFC 1952) by zlib, whole files at a time.
package enum Gzip {
  /// No text of examples is longer: what stops a small file that unpacks without end.
  package static let largestText = 1 << 32

  static func isGzipped(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1F, 0x8B]) }

  /// All members, unpacked and checked against their sums.
  ///
  /// - Parameters:
  ///   - head: how many bytes are unpacked before `limit` is asked.
  ///   - limit: how many bytes in all the first ones announce. Unpacking stops one byte after that many, so that the caller sees that
  ///     there are more; memory is at most twice what was unpacked.
  /// - Throws: `DataError` with the packed byte where the data end too early or are damaged.
  static func unpack(
    _ packed: [UInt8], name: String, head: Int = 64, limit: ([UInt8]) -> Int
  ) throws(DataError) -> [UInt8] {
    try Deflate.unpack(packed, in: packed.indices, wrapping: .gzip, name: name, head: head, limit: limit)
  }
}
