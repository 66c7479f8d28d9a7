import JSONText

/// Named float32 tensors of a file in the safetensors format: a 64-bit length, a JSON header, then little-endian data.
///
/// What a header says is checked before anything is made of it: its length, its JSON, that tensors are float32, have as many bytes as their
/// shapes ask for, and cover the data once each.
package struct SafetensorsFile: Sendable {
  /// A tensor of the file: its name, its shape, and where its bytes are in the data.
  package struct Tensor: Sendable {
    package let name: String
    package let shape: [Int]
    let bytes: Range<Int>
  }

  /// In the order of their data.
  package let tensors: [Tensor]
  private let bytes: [UInt8]
  /// Where data begin.
  private let start: Int

  /// 100 MB, as the format's own readers have it.
  static let longestHeader = 100_000_000

  /// - Parameters:
  ///   - path: a file, which may be gzipped. No more of it is unpacked than its header announces.
  /// - Throws: `DataError` with the file, the place in it, and what was found.
  package init(path: String) throws(DataError) {
    let packed = try DataFile.readPacked(path)
    guard Gzip.isGzipped(packed) else {
      try DataFile.check(packed, path, [], isPacked: false)
      try self.init(bytes: packed, name: path)
      return
    }
    // As far as the header first: its length says how far that is.
    let first = try Gzip.unpack(packed, name: path, head: 8, limit: { 8 + (Self.headerLength($0) ?? 0) })
    try DataFile.check(first, path, [], isPacked: true)
    guard let end = Self.announcedEnd(first) else {
      // Where this is a header after all, it is of no tensor, and the data are as much too long as one byte.
      try self.init(bytes: first, name: path)
      return
    }
    try self.init(bytes: Gzip.unpack(packed, name: path, head: 8, limit: { _ in end }), name: path)
  }

  /// The length that the first 8 bytes say; nil where no header is so long.
  private static func headerLength(_ bytes: [UInt8]) -> Int? {
    guard bytes.count >= 8 else { return nil }
    let length = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << UInt64(8 * $1) }
    return length <= UInt64(longestHeader) ? Int(length) : nil
  }

  /// Where the last tensor ends that a header announces; nil where there is no header, or it announces none.
  private static func announcedEnd(_ bytes: [UInt8]) -> Int? {
    guard let length = headerLength(bytes), bytes.count >= 8 + length else { return nil }
    guard let header = try? JSONParser.parse(bytes[8..<(8 + length)]).value, case .object(let entries) = header else {
      return nil
    }
    let ends = entries.compactMap { _, entry -> Int? in
      guard case .object(let fields) = entry else { return nil }
      return counts(fields["data_offsets"])?.last
    }
    return ends.max().map { 8 + length + min($0, Gzip.largestText) }
  }

  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - name: how messages call it.
  package init(bytes: [UInt8], name: String) throws(DataError) {
    func failure(_ place: String, _ problem: String) -> DataError {
      .file(place: place.isEmpty ? name : "\(name): \(place)", problem: problem)
    }
    guard bytes.count >= 8 else {
      throw failure(
        "", "found \(bytes.count) bytes; allowed: a safetensors file, which begins with a length of 8 bytes")
    }
    let length = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << UInt64(8 * $1) }
    guard length <= UInt64(min(bytes.count - 8, Self.longestHeader)) else {
      throw failure(
        "byte 0",
        "found a header of \(length) bytes where \(bytes.count - 8) follow: this is no safetensors file, or it is cut")
    }
    start = 8 + Int(length)
    let header: JSON
    do throws(JSONSyntaxError) {
      header = try JSONParser.parse(bytes[8..<start]).value
    } catch {
      throw failure("header, line \(error.position.line), column \(error.position.column)", error.message)
    }
    guard case .object(let entries) = header else {
      throw failure("header", "found \(header.kindName); allowed: an object with a key for each tensor")
    }
    let dataCount = bytes.count - start
    var found: [Tensor] = []
    for (name, entry) in entries where name != "__metadata__" {
      let place = "tensor \(JSON.string(name).summary)"
      guard case .object(let fields) = entry else {
        throw failure(place, "found \(entry.kindName); allowed: an object with dtype, shape and data_offsets")
      }
      guard case .string(let type)? = fields["dtype"] else { throw failure(place, "the key \"dtype\" is missing") }
      guard type == "F32" else {
        throw failure(place, "found dtype \(JSON.string(type).summary); allowed: \"F32\" (float32)")
      }
      guard let shape = Self.counts(fields["shape"]) else {
        throw failure(place, "found no shape; allowed: an array of integers from 0 on")
      }
      guard let ends = Self.counts(fields["data_offsets"]), ends.count == 2, ends[0] <= ends[1], ends[1] <= dataCount
      else {
        throw failure(place, "found no data_offsets in the \(dataCount) bytes of data; allowed: [begin, end]")
      }
      var count = 1
      for size in shape {
        let (product, overflows) = count.multipliedReportingOverflow(by: size)
        count = overflows ? .max : product
      }
      guard count <= dataCount / 4, 4 * count == ends[1] - ends[0] else {
        throw failure(place, "found \(ends[1] - ends[0]) bytes for a shape of \(shape); allowed: 4 for each value")
      }
      found.append(Tensor(name: name, shape: shape, bytes: ends[0]..<ends[1]))
    }
    found.sort { ($0.bytes.lowerBound, $0.bytes.upperBound) < ($1.bytes.lowerBound, $1.bytes.upperBound) }
    var end = 0
    for tensor in found {
      guard tensor.bytes.lowerBound == end else {
        throw failure(
          "tensor \(JSON.string(tensor.name).summary)",
          "its data begin at byte \(tensor.bytes.lowerBound); allowed: \(end), where those before it end")
      }
      end = tensor.bytes.upperBound
    }
    guard end == dataCount else {
      throw failure("byte \(start + end)", "found \(dataCount - end) bytes that belong to no tensor")
    }
    (tensors, self.bytes) = (found, bytes)
  }

  /// Whole numbers from 0 on; nil where anything else is there.
  private static func counts(_ value: JSON?) -> [Int]? {
    guard case .array(let items)? = value else { return nil }
    let counts = items.compactMap { item in if case .integer(let count) = item, count >= 0 { count } else { nil } }
    return counts.count == items.count ? counts : nil
  }

  /// The values of a tensor, row-major.
  package func values(of tensor: Tensor) -> [Float] {
    bytes.withUnsafeBytes { bytes in
      (0..<(tensor.bytes.count / 4)).map { i in
        Float(
          bitPattern: UInt32(
            littleEndian: bytes.loadUnaligned(fromByteOffset: start + tensor.bytes.lowerBound + 4 * i, as: UInt32.self))
        )
      }
    }
  }
}
