/// An array of numbers in NumPy's file format, of any number of dimensions, whose numbers are read when they are asked for.
///
/// Read: versions 1.0, 2.0 and 3.0; '<f4', '<f8', '|u1', '|i1', '|b1', '<u2', '<i2', '<u4', '<i4', '<u8' and '<i8'; C order.
package struct NPYArray: Sendable {
  /// The size of each dimension.
  package let shape: [Int]
  /// The product of the sizes.
  package let count: Int
  /// The first byte of the shape in the file, for messages.
  package let shapeOffset: Int
  /// Where the numbers begin.
  package let start: Int
  private let type: NPYType
  private let bytes: [UInt8]

  /// More numbers than this are no data of ours.
  private static let mostNumbers = 1 << 40

  /// - Parameter name: what errors call the file.
  /// - Throws: `ToolError.input` with the byte at which the file stops being one that is allowed.
  package init(_ bytes: [UInt8], name: String) throws(ToolError) {
    let (header, start) = try NPYFile.readHeader(bytes, name: name, types: NPYType.allCases)
    guard !header.isFortran || header.shape.count < 2 else {
      throw NPYFile.wrong(
        name, header.shapeOffset, "the array is in Fortran order; allowed: C order (numpy.ascontiguousarray)")
    }
    let count = Self.product(header.shape)
    try NPYFile.checkLength(count, header, start, bytes.count, name: name)
    (shape, self.count, shapeOffset, self.start) = (header.shape, count ?? 0, header.shapeOffset, start)
    (type, self.bytes) = (header.type, bytes)
  }

  /// What a header says of its file's length, for whoever unpacks one; nil where the first bytes do not hold a header.
  package static func announcedBytes(_ first: [UInt8]) -> Int? {
    guard let (header, start) = try? NPYFile.readHeader(first, name: "", types: NPYType.allCases),
      let count = product(header.shape)
    else { return nil }
    return start + count * header.itemBytes
  }

  /// Nil for more than `mostNumbers`.
  private static func product(_ shape: [Int]) -> Int? {
    if shape.contains(0) { return 0 }
    var product = 1
    for size in shape {
      let (next, overflows) = product.multipliedReportingOverflow(by: size)
      guard !overflows, next <= mostNumbers else { return nil }
      product = next
    }
    return product
  }

  package var isInteger: Bool { type.isInteger }
  /// The type as NumPy writes it, such as "<f4".
  package var typeName: String { type.rawValue }
  /// The byte at which a number stands.
  package func offset(of number: Int) -> Int { start + number * type.bytes }

  /// All numbers over a divisor, as the nearest float32.
  package func floats(dividedBy scale: Double) -> [Float] {
    bytes.withUnsafeBytes { raw in
      switch type {
      case .float32: map(raw, UInt32.self) { Float(Double(Float(bitPattern: $0)) / scale) }
      case .float64: map(raw, UInt64.self) { Float(Double(bitPattern: $0) / scale) }
      case .uint8, .bool: map(raw, UInt8.self) { Float(Double($0) / scale) }
      case .int8: map(raw, Int8.self) { Float(Double($0) / scale) }
      case .uint16: map(raw, UInt16.self) { Float(Double($0) / scale) }
      case .int16: map(raw, Int16.self) { Float(Double($0) / scale) }
      case .uint32: map(raw, UInt32.self) { Float(Double($0) / scale) }
      case .int32: map(raw, Int32.self) { Float(Double($0) / scale) }
      case .uint64: map(raw, UInt64.self) { Float(Double($0) / scale) }
      case .int64: map(raw, Int64.self) { Float(Double($0) / scale) }
      }
    }
  }

  /// All numbers; integers beyond 2^53 as the nearest that double has.
  package func doubles() -> [Double] {
    bytes.withUnsafeBytes { raw in
      switch type {
      case .float32: map(raw, UInt32.self) { Double(Float(bitPattern: $0)) }
      case .float64: map(raw, UInt64.self) { Double(bitPattern: $0) }
      case .uint8, .bool: map(raw, UInt8.self) { Double($0) }
      case .int8: map(raw, Int8.self) { Double($0) }
      case .uint16: map(raw, UInt16.self) { Double($0) }
      case .int16: map(raw, Int16.self) { Double($0) }
      case .uint32: map(raw, UInt32.self) { Double($0) }
      case .int32: map(raw, Int32.self) { Double($0) }
      case .uint64: map(raw, UInt64.self) { Double($0) }
      case .int64: map(raw, Int64.self) { Double($0) }
      }
    }
  }

  /// All numbers of an array of integers; nil in the place of one that `Int` does not hold.
  package func integers() -> [Int?] {
    bytes.withUnsafeBytes { raw in
      switch type {
      case .float32, .float64: []
      case .uint8, .bool: map(raw, UInt8.self) { Int($0) }
      case .int8: map(raw, Int8.self) { Int($0) }
      case .uint16: map(raw, UInt16.self) { Int($0) }
      case .int16: map(raw, Int16.self) { Int($0) }
      case .uint32: map(raw, UInt32.self) { Int($0) }
      case .int32: map(raw, Int32.self) { Int($0) }
      case .uint64: map(raw, UInt64.self) { Int(exactly: $0) }
      case .int64: map(raw, Int64.self) { Int($0) }
      }
    }
  }

  private func map<Number: FixedWidthInteger, Value>(
    _ raw: UnsafeRawBufferPointer, _ number: Number.Type, _ body: (Number) -> Value
  ) -> [Value] {
    (0..<count).map { i in
      body(
        Number(
          littleEndian: raw.loadUnaligned(fromByteOffset: start + i * MemoryLayout<Number>.size, as: Number.self)))
    }
  }
}
