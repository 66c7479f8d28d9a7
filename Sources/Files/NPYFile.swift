/// Vectors in NumPy's file format: a magic string, a header in Python's notation, then plain little-endian numbers.
///
/// Read: versions 1.0, 2.0 and 3.0; one dimension of '<f4' and '<f8' (`readVector`), or arrays of those and of integers (`NPYArray.read`). Written:
/// version 1.0, '<f8', C order.
public enum NPYFile {
  private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// The bytes before the numbers of an array of float64.
  public static func header(shape: [Int]) -> [UInt8] {
    let sizes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var text = "{'descr': '<f8', 'fortran_order': False, 'shape': (\(sizes)), }"
    // Numbers begin at a multiple of 64; the header ends with a line feed.
    let fixed = magic.count + 4
    while (fixed + text.utf8.count + 1) % 64 != 0 { text += " " }
    text += "\n"
    let length = UInt16(text.utf8.count)
    return magic + [1, 0, UInt8(length & 0xff), UInt8(length >> 8)] + Array(text.utf8)
  }

  /// The numbers as they stand after the header.
  public static func bytes(of values: [Double]) -> [UInt8] {
    #if _endian(big)
      return values.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
    #else
      return values.withUnsafeBytes { Array($0) }
    #endif
  }

  /// A whole file with one vector.
  public static func vector(_ values: [Double]) -> [UInt8] { header(shape: [values.count]) + bytes(of: values) }

  /// The vector in a file.
  ///
  /// - Parameter name: what errors call the file.
  /// - Throws: `ToolError.input` with the byte at which the file stops being one that is allowed. Values that are not
  ///   finite are read like others.
  public static func readVector(_ bytes: [UInt8], name: String) throws(ToolError) -> [Double] {
    let (header, start) = try readHeader(bytes, name: name, types: [.float32, .float64])
    guard header.shape.count == 1 else {
      throw wrong(
        name, header.shapeOffset,
        "the shape has \(header.shape.count) dimensions \(header.shape); allowed: one dimension")
    }
    let count = header.shape[0]
    try checkLength(count, header, start, bytes.count, name: name)
    return bytes.withUnsafeBytes { raw in
      (0..<count).map { i in
        let offset = start + i * header.itemBytes
        if header.itemBytes == 8 {
          let bits = raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
          return Double(bitPattern: UInt64(littleEndian: bits))
        }
        let bits = raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        return Double(Float(bitPattern: UInt32(littleEndian: bits)))
      }
    }
  }

  /// Whether the numbers that a header names are all there, and nothing else.
  ///
  /// - Parameter count: how many they are; nil for more than a machine can count.
  static func checkLength(
    _ count: Int?, _ header: NPYHeader, _ start: Int, _ end: Int, name: String
  ) throws(ToolError) {
    let (size, overflows) = count?.multipliedReportingOverflow(by: header.itemBytes) ?? (0, true)
    guard !overflows, size <= end - start else {
      throw wrong(
        name, end,
        "the file ends here, with \((end - start) / header.itemBytes) of the \(count.map(String.init) ?? "\(header.shape)") numbers that its header names"
      )
    }
    guard size == end - start else {
      throw wrong(name, start + size, "\(end - start - size) bytes follow the last number; allowed: none")
    }
  }

  static func readHeader(
    _ bytes: [UInt8], name: String, types: [NPYType]
  ) throws(ToolError) -> (header: NPYHeader, dataStart: Int) {
    for (i, expected) in magic.enumerated() where i >= bytes.count || bytes[i] != expected {
      throw wrong(name, i, "not an NPY file: it must begin with the bytes 0x93 NUMPY")
    }
    guard bytes.count >= 8 else { throw wrong(name, bytes.count, "the file ends within the version") }
    let (major, minor) = (bytes[6], bytes[7])
    guard (1...3).contains(major), minor == 0 else {
      throw wrong(name, 6, "NPY version \(major).\(minor); allowed: 1.0, 2.0, 3.0")
    }
    let lengthBytes = major == 1 ? 2 : 4
    let textStart = 8 + lengthBytes
    guard bytes.count >= textStart else {
      throw wrong(name, bytes.count, "the file ends within the length of the header")
    }
    var length = 0
    for i in (8..<textStart).reversed() { length = length << 8 | Int(bytes[i]) }
    guard length <= bytes.count - textStart else {
      throw wrong(name, bytes.count, "the file ends within the header, which has \(length) bytes")
    }
    var parser = NPYHeaderParser(bytes[textStart..<(textStart + length)], name: name, types: types)
    return (try parser.header(), textStart + length)
  }

  static func wrong(_ name: String, _ offset: Int, _ problem: String) -> ToolError {
    .input(place: "\(name): byte \(offset)", problem: problem)
  }
}
