/// Numbers of one type, one behind the other in a file, with the size of each dimension; they are read when they are asked for.
package struct NumberArray: Sendable {
  /// The size of each dimension.
  package let shape: [Int]
  /// The product of the sizes.
  package let count: Int
  /// The first byte of the shape in the file, for messages.
  package let shapeOffset: Int
  /// Where the numbers begin.
  package let start: Int
  private let type: NPYType
  private let isBigEndian: Bool
  private let bytes: [UInt8]
  /// Where the numbers were in the file, if not in this order.
  private let fortranOrder: FortranOrder?

  /// More numbers than this are no data of ours.
  private static let mostNumbers = 1 << 40

  /// - Parameters:
  ///   - bytes: the file, in which all numbers are known to be, with its numbers in C order.
  ///   - fortranOrder: the order that they had; nil for C order.
  init(
    _ bytes: [UInt8], type: NPYType, isBigEndian: Bool, shape: [Int], shapeOffset: Int, start: Int,
    count: Int, fortranOrder: FortranOrder?
  ) {
    (self.shape, self.count, self.shapeOffset, self.start) = (shape, count, shapeOffset, start)
    (self.type, self.isBigEndian, self.bytes, self.fortranOrder) = (type, isBigEndian, bytes, fortranOrder)
  }

  /// - Parameter bytes: the file, in which all numbers are known to be, in C order.
  package init(
    _ bytes: [UInt8], type: NPYType, isBigEndian: Bool, shape: [Int], shapeOffset: Int, start: Int, count: Int
  ) {
    self.init(
      bytes, type: type, isBigEndian: isBigEndian, shape: shape, shapeOffset: shapeOffset, start: start, count: count,
      fortranOrder: nil)
  }

  /// Nil for more than `mostNumbers`.
  static func product(_ shape: [Int]) -> Int? {
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
  /// Whether numbers are 0 to 255, as grey levels are.
  package var isUnsignedByte: Bool { type == .uint8 }
  /// The type as NumPy writes it, such as "<f4".
  package var typeName: String { type.rawValue }
  /// The byte of the file at which a number stands.
  package func offset(of number: Int) -> Int { start + (fortranOrder?.place(of: number) ?? number) * type.bytes }

  /// All numbers over a divisor, as the nearest float32.
  package func floats(dividedBy scale: Double) -> [Float] {
    bytes.withUnsafeBytes { raw in
      switch type {
      case .float32: map(raw, UInt32.self) { Float(Double(Float(bitPattern: $0)) / scale) }
      case .float64: map(raw, UInt64.self) { Float(Double(bitPattern: $0) / scale) }
      case .uint8, .bool:
        // A table: divisions would take most of the time of large files of pictures.
        map(raw, UInt8.self, of: (0..<256).map { Float(Double($0) / scale) })
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

  private func map(_ raw: UnsafeRawBufferPointer, _ number: UInt8.Type, of levels: [Float]) -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { values, filled in
      for i in 0..<count { values.initializeElement(at: i, to: levels[Int(raw[start + i])]) }
      filled = count
    }
  }

  private func map<Number: FixedWidthInteger, Value>(
    _ raw: UnsafeRawBufferPointer, _ number: Number.Type, _ body: (Number) -> Value
  ) -> [Value] {
    (0..<count).map { i in
      let stored = raw.loadUnaligned(fromByteOffset: start + i * MemoryLayout<Number>.size, as: Number.self)
      return body(isBigEndian ? Number(bigEndian: stored) : Number(littleEndian: stored))
    }
  }
}
