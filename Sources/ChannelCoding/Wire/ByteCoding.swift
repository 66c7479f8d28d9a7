/// Appends fixed- and variable-length integers and floats, little-endian.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  mutating func put(_ byte: UInt8) { bytes.append(byte) }

  mutating func put(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }

  /// LEB128: 7 bits a byte, least significant first.
  mutating func put(varint value: Int) {
    var rest = UInt64(value)
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func put(_ value: Double) { put(fixed: value.bitPattern) }

  mutating func put(_ value: Float) { put(fixed: value.bitPattern) }

  mutating func put(_ values: [Float]) {
    bytes.reserveCapacity(bytes.count + 4 * values.count)
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 1024) { chunk in
      for first in stride(from: 0, to: values.count, by: 1024) {
        let count = min(1024, values.count - first)
        for i in 0..<count { chunk[i] = values[first + i].bitPattern.littleEndian }
        bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(chunk)[..<(4 * count)]))
      }
    }
  }

  private mutating func put(fixed value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }
}

/// Reads what `ByteWriter` wrote; every read checks the end.
struct ByteReader {
  private let bytes: ArraySlice<UInt8>
  private(set) var position: Int

  init(_ bytes: [UInt8]) {
    self.bytes = bytes[...]
    position = 0
  }

  var remaining: Int { bytes.count - position }

  mutating func byte() throws(WireError) -> UInt8 {
    guard position < bytes.count else { throw .truncated(at: position) }
    defer { position += 1 }
    return bytes[position]
  }

  mutating func bytes(_ count: Int) throws(WireError) -> ArraySlice<UInt8> {
    guard count >= 0, count <= remaining else { throw .truncated(at: bytes.count) }
    defer { position += count }
    return bytes[position..<(position + count)]
  }

  mutating func varint() throws(WireError) -> Int {
    let start = position
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 63, by: 7) {
      let byte = try byte()
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 {
        // One spelling a number: a final zero byte would be a second one.
        if byte == 0 && shift > 0 { throw .malformed(at: start, "an integer with a superfluous byte") }
        guard let value = Int(exactly: value) else { break }
        return value
      }
    }
    throw .malformed(at: start, "an integer of more than 63 bits")
  }

  mutating func double() throws(WireError) -> Double { Double(bitPattern: try fixed()) }

  mutating func floats(_ count: Int) throws(WireError) -> [Float] {
    guard count >= 0, count <= remaining / 4 else { throw .truncated(at: bytes.count) }
    defer { position += 4 * count }
    return bytes.withUnsafeBytes { raw in
      [Float](unsafeUninitializedCapacity: count) { values, filled in
        for i in 0..<count {
          let bits = raw.loadUnaligned(fromByteOffset: position + 4 * i, as: UInt32.self)
          values.initializeElement(at: i, to: Float(bitPattern: UInt32(littleEndian: bits)))
        }
        filled = count
      }
    }
  }

  private mutating func fixed<T: FixedWidthInteger>() throws(WireError) -> T {
    var value: T = 0
    for (i, byte) in try bytes(MemoryLayout<T>.size).enumerated() { value |= T(byte) << T(8 * i) }
    return value
  }

  func finish() throws(WireError) {
    guard remaining == 0 else { throw .malformed(at: position, "\(remaining) bytes after the end") }
  }
}

/// Why bytes from the wire are not a message; positions are bytes from its start.
public enum WireError: Error, Equatable {
  case truncated(at: Int)
  case malformed(at: Int, String)
  case unknownVersion(UInt8)
}
