/// A type of numbers in files, by the name that NumPy has for it in little-endian order.
package enum NPYType: String, CaseIterable {
  case float32 = "<f4"
  case float64 = "<f8"
  case uint8 = "|u1"
  case int8 = "|i1"
  case bool = "|b1"
  case uint16 = "<u2"
  case int16 = "<i2"
  case uint32 = "<u4"
  case int32 = "<i4"
  case uint64 = "<u8"
  case int64 = "<i8"

  package var bytes: Int {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .float32, .uint32, .int32: 4
    case .float64, .uint64, .int64: 8
    }
  }

  var isInteger: Bool { self != .float32 && self != .float64 }
}

/// What the header of an NPY file says.
struct NPYHeader {
  let type: NPYType
  /// Whether the first index runs fastest; without effect where there is one dimension.
  let isFortran: Bool
  let shape: [Int]
  /// Where the shape stands in the file.
  let shapeOffset: Int

  var itemBytes: Int { type.bytes }
}

/// Reads the one Python dictionary that a header is: three keys in any order, strings, True or False, a tuple of
/// whole numbers.
struct NPYHeaderParser {
  private let bytes: ArraySlice<UInt8>
  private let name: String
  private let types: [NPYType]
  private var position: Int

  /// - Parameter types: those that are allowed.
  init(_ bytes: ArraySlice<UInt8>, name: String, types: [NPYType]) {
    self.bytes = bytes
    self.name = name
    self.types = types
    position = bytes.startIndex
  }

  mutating func header() throws(ToolError) -> NPYHeader {
    var type: NPYType?
    var isFortran: Bool?
    var shape: (values: [Int], offset: Int)?
    try expect("{")
    while next() != UInt8(ascii: "}") {
      let start = position
      let key = try string()
      try expect(":")
      switch key {
      case "descr" where type == nil: type = try dtype()
      case "fortran_order" where isFortran == nil: isFortran = try boolean()
      case "shape" where shape == nil:
        _ = next()
        let offset = position
        shape = (try tuple(), offset)
      case "descr", "fortran_order", "shape": throw wrong(at: start, "the header has the key \"\(key)\" twice")
      default:
        throw wrong(at: start, "the header has the key \"\(key)\"; allowed: descr, fortran_order, shape")
      }
      if next() == UInt8(ascii: ",") { position += 1 } else { break }
    }
    try expect("}")
    guard next() == nil else { throw wrong(at: position, "the header goes on after its dictionary") }
    guard let type, let isFortran, let shape else {
      let missing = type == nil ? "descr" : isFortran == nil ? "fortran_order" : "shape"
      throw wrong(at: bytes.startIndex, "the header lacks the key \"\(missing)\"")
    }
    return NPYHeader(type: type, isFortran: isFortran, shape: shape.values, shapeOffset: shape.offset)
  }

  private mutating func dtype() throws(ToolError) -> NPYType {
    let allowed = "allowed: " + types.map { "'\($0.rawValue)'" }.joined(separator: ", ")
    if next() == UInt8(ascii: "[") { throw wrong(at: position, "the dtype is a structure; \(allowed)") }
    let start = position
    let text = try string()
    guard let type = NPYType(rawValue: text), types.contains(type) else {
      throw wrong(at: start, "dtype '\(text)'; \(allowed)\(Self.remedy(of: text))")
    }
    return type
  }

  /// What makes numbers of an array of another type, where its type says that; else empty.
  private static func remedy(of type: String) -> String {
    let rest = type.drop { "<>=|".contains($0) }
    switch rest.first {
    case "U", "S": return "; integers of words: numpy.unique(y, return_inverse=True)[1]"
    case "O": return "; numbers of objects: x.astype(float); integers of words: numpy.unique(y, return_inverse=True)[1]"
    case "f", "i", "u": return type.hasPrefix(">") ? "; x.astype('<\(rest)') turns its bytes" : ""
    default: return ""
    }
  }

  private mutating func boolean() throws(ToolError) -> Bool {
    _ = next()
    for (word, value) in [("True", true), ("False", false)]
    where bytes[position...].starts(with: word.utf8) {
      position += word.utf8.count
      return value
    }
    throw wrong(at: position, "expected True or False")
  }

  private mutating func string() throws(ToolError) -> String {
    guard let quote = next(), quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
      throw wrong(at: position, "expected a string in quotes")
    }
    let start = position + 1
    guard let end = bytes[start...].firstIndex(of: quote) else {
      throw wrong(at: position, "this string has no end")
    }
    position = end + 1
    return String(decoding: bytes[start..<end], as: UTF8.self)
  }

  private mutating func tuple() throws(ToolError) -> [Int] {
    try expect("(")
    var values: [Int] = []
    while next() != UInt8(ascii: ")") {
      values.append(try integer())
      if next() == UInt8(ascii: ",") { position += 1 } else { break }
    }
    try expect(")")
    return values
  }

  private mutating func integer() throws(ToolError) -> Int {
    _ = next()
    let digits = bytes[position...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard let value = Int(String(decoding: digits, as: UTF8.self)) else {
      throw wrong(at: position, "expected a whole number from 0 to \(Int.max)")
    }
    position = digits.endIndex
    // What Python 2 wrote.
    if position < bytes.endIndex, bytes[position] == UInt8(ascii: "L") { position += 1 }
    return value
  }

  /// The next byte that is not white space, which is left where it is; nil at the end.
  private mutating func next() -> UInt8? {
    while position < bytes.endIndex, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[position]) { position += 1 }
    return position < bytes.endIndex ? bytes[position] : nil
  }

  private mutating func expect(_ character: String) throws(ToolError) {
    guard next() == character.utf8.first else { throw wrong(at: position, "expected \"\(character)\"") }
    position += 1
  }

  private func wrong(at offset: Int, _ problem: String) -> ToolError { NPYFile.wrong(name, offset, problem) }
}
