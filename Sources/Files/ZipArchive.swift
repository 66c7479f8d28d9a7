import CZlib

/// A zip archive as a container of files, as NumPy's `savez` writes it: members that are stored or deflated, zip64 too (PKWARE's APPNOTE 6.3).
///
/// The directory at the archive's end says where members are. Members of other kinds (encrypted, other methods, several disks) are errors
/// where they are asked for.
package struct ZipArchive: Sendable {
  package struct Member: Sendable {
    package let name: String
    /// Unpacked bytes, as the directory says.
    package let size: Int
    fileprivate let packedSize: Int
    fileprivate let method: Int
    fileprivate let flags: Int
    fileprivate let sum: UInt32
    /// Where its local header is.
    fileprivate let offset: Int
    /// Where the directory names it, for messages.
    fileprivate let place: Int
  }

  package let members: [Member]
  private let bytes: [UInt8]
  private let name: String

  /// Whether a file begins as an archive with members does, or is one without any.
  package static func isZip(_ bytes: [UInt8]) -> Bool {
    bytes.starts(with: [0x50, 0x4B, 3, 4]) || bytes.starts(with: [0x50, 0x4B, 5, 6])
  }

  /// - Parameter name: what errors call the file.
  /// - Throws: `DataError` with the byte at which the directory is wrong.
  package init(_ bytes: [UInt8], name: String) throws(DataError) {
    (self.bytes, self.name) = (bytes, name)
    let reader = LittleEndian(bytes, name: name)
    let (count, start, end) = try Self.directory(reader)
    var members: [Member] = []
    var next = start
    for _ in 0..<count {
      let place = next
      guard try reader.number(at: next, 4, end) == 0x0201_4B50 else {
        throw reader.wrong(next, "the zip directory has no entry here")
      }
      let sizes = try (
        reader.number(at: next + 28, 2, end), reader.number(at: next + 30, 2, end), reader.number(at: next + 32, 2, end)
      )
      let nameStart = next + 46
      next = nameStart + sizes.0 + sizes.1 + sizes.2
      guard next <= end else { throw reader.wrong(place, "an entry of the zip directory ends beyond it") }
      var wide = try [
        reader.number(at: place + 24, 4, end), reader.number(at: place + 20, 4, end),
        reader.number(at: place + 42, 4, end),
      ]
      try Self.widen(&wide, reader, in: (nameStart + sizes.0)..<(nameStart + sizes.0 + sizes.1))
      members.append(
        Member(
          name: String(decoding: bytes[nameStart..<(nameStart + sizes.0)], as: UTF8.self), size: wide[0],
          packedSize: wide[1], method: try reader.number(at: place + 10, 2, end),
          flags: try reader.number(at: place + 8, 2, end),
          sum: UInt32(truncatingIfNeeded: try reader.number(at: place + 16, 4, end)), offset: wide[2], place: place))
    }
    self.members = members
  }

  /// The bytes of a member, checked against its size and its sum.
  ///
  /// - Parameters:
  ///   - limit: how many bytes the first ones announce; the member's size bounds that.
  /// - Throws: `DataError` with the byte of the archive.
  package func read(
    _ member: Member, head: Int = 4096, limit: ([UInt8]) -> Int = { _ in Int.max }
  ) throws(DataError) -> [UInt8] {
    let reader = LittleEndian(bytes, name: name)
    let shown = ShownText.quoted(member.name)
    guard member.flags & 1 == 0 else { throw reader.wrong(member.place, "\(shown) is encrypted") }
    guard try reader.number(at: member.offset, 4) == 0x0403_4B50 else {
      throw reader.wrong(member.offset, "\(shown) has no header here")
    }
    let names = try reader.number(at: member.offset + 26, 2) + reader.number(at: member.offset + 28, 2)
    let start = member.offset + 30 + names
    guard start <= bytes.count, member.packedSize <= bytes.count - start else {
      throw reader.wrong(member.place, "\(shown) has \(member.packedSize) packed bytes, and the file ends before them")
    }
    let range = start..<(start + member.packedSize)
    let found: [UInt8]
    switch member.method {
    case 0: found = Array(bytes[range])
    case 8:
      found = try Deflate.unpack(
        bytes, in: range, wrapping: .none, name: name, head: min(head, 1 << 16), limit: { min(limit($0), member.size) })
    default:
      throw reader.wrong(
        member.place, "\(shown) is packed by method \(member.method); allowed: 0 (stored) and 8 (deflated)")
    }
    guard found.count == member.size else {
      throw reader.wrong(
        start,
        "\(shown) has \(found.count > member.size ? "more" : "\(found.count)") bytes; its directory says \(member.size)"
      )
    }
    let sum = found.withUnsafeBufferPointer { UInt32(truncatingIfNeeded: crc32_z(0, $0.baseAddress, $0.count)) }
    guard sum == member.sum else { throw reader.wrong(start, "\(shown) is damaged: its sum is another one") }
    return found
  }

  /// How many entries the directory has, where it begins and where it ends.
  private static func directory(_ reader: LittleEndian) throws(DataError) -> (count: Int, start: Int, end: Int) {
    let bytes = reader.bytes
    // The end record has 22 bytes and a comment of up to 65,535.
    let first = max(0, bytes.count - 22 - 65_535)
    var place = bytes.count - 22
    while place >= first, try reader.number(at: place, 4) != 0x0605_4B50 { place -= 1 }
    guard place >= first else {
      throw reader.wrong(bytes.count, "the zip archive has no directory at its end: the file is cut off")
    }
    var count = try reader.number(at: place + 10, 2)
    var size = try reader.number(at: place + 12, 4)
    var start = try reader.number(at: place + 16, 4)
    if count == 0xFFFF || size == 0xFFFF_FFFF || start == 0xFFFF_FFFF, place >= 20,
      try reader.number(at: place - 20, 4) == 0x0706_4B50
    {
      let wide = try reader.number(at: place - 12, 8)
      guard try reader.number(at: wide, 4) == 0x0606_4B50 else { throw reader.wrong(wide, "no zip64 record here") }
      (count, size, start) = try (
        reader.number(at: wide + 32, 8), reader.number(at: wide + 40, 8), reader.number(at: wide + 48, 8)
      )
    }
    guard start <= place, size <= place - start else {
      throw reader.wrong(place, "the zip directory would be at \(start), beyond its end")
    }
    // An entry has 46 bytes at least.
    guard count <= size / 46 else {
      throw reader.wrong(place, "the zip directory has no room for its \(count) entries")
    }
    return (count, start, start + size)
  }

  /// Sizes and places of 64 bits, where those of 32 say that they are elsewhere.
  private static func widen(_ values: inout [Int], _ reader: LittleEndian, in extra: Range<Int>) throws(DataError) {
    guard values.contains(0xFFFF_FFFF) else { return }
    var next = extra.lowerBound
    while next + 4 <= extra.upperBound {
      let (kind, size) = try (reader.number(at: next, 2), reader.number(at: next + 2, 2))
      next += 4
      guard size <= extra.upperBound - next else { break }
      if kind == 1 {
        var place = next
        for i in values.indices where values[i] == 0xFFFF_FFFF {
          values[i] = try reader.number(at: place, 8, next + size)
          place += 8
        }
        return
      }
      next += size
    }
  }
}

/// Unsigned numbers in a file, the lowest byte first.
private struct LittleEndian {
  let bytes: [UInt8]
  let name: String

  init(_ bytes: [UInt8], name: String) { (self.bytes, self.name) = (bytes, name) }

  /// - Parameter end: where the part ends that the number must be in; nil for the file.
  func number(at start: Int, _ count: Int, _ end: Int? = nil) throws(DataError) -> Int {
    let end = end ?? bytes.count
    guard start >= 0, start <= end, count <= end - start else {
      throw wrong(min(max(start, 0), bytes.count), "the zip archive ends here")
    }
    var value: UInt64 = 0
    for i in (start..<(start + count)).reversed() { value = value << 8 | UInt64(bytes[i]) }
    guard let number = Int(exactly: value) else { throw wrong(start, "found the number \(value)") }
    return number
  }

  func wrong(_ byte: Int, _ problem: String) -> DataError { .file(place: name, problem: "byte \(byte): \(problem)") }
}
