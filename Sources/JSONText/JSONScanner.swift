/// Counts lines and columns on the way through a text.
///
/// It only moves forward, so that the positions of all values together cost one pass.
struct Locator {
  var offset: Int
  var position = JSONPosition(line: 1, column: 1)

  mutating func advance(to target: Int, in bytes: [UInt8]) {
    while offset < target {
      let byte = bytes[offset]
      offset += 1
      let isLineFeedNext = offset < bytes.count && bytes[offset] == UInt8(ascii: "\n")
      if byte == UInt8(ascii: "\n") || (byte == UInt8(ascii: "\r") && !isLineFeedNext) {
        position.line += 1
        position.column = 1
      } else if byte & 0xC0 != 0x80 {
        position.column += 1
      }
    }
  }
}

/// The recursive descent over one text.
struct JSONScanner {
  let bytes: [UInt8]
  /// Where the text starts, after a byte order mark.
  let start: Int
  /// The offset of the next byte to read, which always starts a scalar.
  var next: Int
  /// The offsets of the brackets that are not closed yet.
  var openBrackets: [Int] = []
  private var locator: Locator
  private(set) var positions: [String: JSONPosition] = [:]

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    next = start
    locator = Locator(offset: start)
  }

  // MARK: Values

  mutating func document() throws(JSONSyntaxError) -> JSON {
    if let offset = offsetOfInvalidUTF8() {
      let byte = String(bytes[offset], radix: 16, uppercase: true)
      let name = (byte.utf8.count < 2 ? "0x0" : "0x") + byte
      throw failure("found the byte \(name), which is not valid UTF-8 here; JSON text is UTF-8", at: offset)
    }
    skipSpace()
    if next == bytes.count {
      let found = start == bytes.count ? "an empty text" : "only white space"
      throw failure("found \(found) where a value was expected", at: next)
    }
    let root = try value(at: "")
    skipSpace()
    guard next == bytes.count else { throw unexpected("the end of the text") }
    return root
  }

  // The functions that call one another recursively leave the rest to helpers, because unoptimized builds
  // give every temporary its own place in the frame, and 128 frames have to fit a thread's small stack.

  /// Reads a value; `path` is `nil` where it is too long to be recorded.
  private mutating func value(at path: String?) throws(JSONSyntaxError) -> JSON {
    record(path)
    if peek == "{" { return try object(at: path) }
    if peek == "[" { return try array(at: path) }
    return try scalar()
  }

  private mutating func scalar() throws(JSONSyntaxError) -> JSON {
    switch peek {
    case "\""?: return .string(try string())
    case "-"?, ("0"..."9")?: return try number()
    default: return try literal()
    }
  }

  private mutating func array(at path: String?) throws(JSONSyntaxError) -> JSON {
    try open()
    var elements: [JSON] = []
    if close("]") { return .array(elements) }
    while true {
      elements.append(try value(at: childPath(path, index: elements.count)))
      if try closeOrComma("]") { return .array(elements) }
    }
  }

  private mutating func object(at path: String?) throws(JSONSyntaxError) -> JSON {
    try open()
    var members = JSONObject()
    var keyOffsets: [Int] = []
    if close("}") { return .object(members) }
    while true {
      let key = try newKey(after: members, offsets: &keyOffsets)
      members[key] = try value(at: childPath(path, key: key))
      if try closeOrComma("}") { return .object(members) }
    }
  }

  /// Reads a key that `members` does not have and its colon, and notes where the key starts.
  private mutating func newKey(
    after members: JSONObject, offsets: inout [Int]
  ) throws(JSONSyntaxError) -> String {
    guard peek == "\"" else { throw unexpected("a key in double quotes") }
    let offset = next
    let key = try string()
    if members[key] != nil {
      let first = zip(members.keys, offsets).first { $0.0 == key }?.1 ?? offset
      let found = "found the key \(JSON.string(key).summary) a second time"
      throw failure("\(found); it was first given at \(position(of: first))", at: offset)
    }
    offsets.append(offset)
    skipSpace()
    guard take(":") else { throw unexpected("\":\"") }
    skipSpace()
    return key
  }

  private mutating func open() throws(JSONSyntaxError) {
    guard openBrackets.count < JSONParser.depthLimit else {
      throw failure("found nesting deeper than the \(JSONParser.depthLimit) levels allowed", at: next)
    }
    openBrackets.append(next)
    next += 1
    skipSpace()
  }

  private mutating func close(_ bracket: Unicode.Scalar) -> Bool {
    guard take(bracket) else { return false }
    openBrackets.removeLast()
    return true
  }

  /// Goes on after an item: whether the container ends there, rather than has another item.
  private mutating func closeOrComma(_ bracket: Unicode.Scalar) throws(JSONSyntaxError) -> Bool {
    skipSpace()
    if close(bracket) { return true }
    let offset = next
    guard take(",") else { throw unexpected("\",\" or \"\(bracket)\"") }
    skipSpace()
    if peek == bracket {
      throw failure("found \",\" before \"\(bracket)\"; JSON allows no comma after the last item", at: offset)
    }
    return false
  }

  private mutating func literal() throws(JSONSyntaxError) -> JSON {
    let word = wordAhead()
    let value: JSON
    switch word {
    case "null": value = .null
    case "true": value = true
    case "false": value = false
    default: throw unexpected("a value")
    }
    next += word.utf8.count
    return value
  }

  private mutating func number() throws(JSONSyntaxError) -> JSON {
    let offset = next
    var isInteger = true
    _ = take("-")
    let firstDigit = next
    try digits("a digit")
    if bytes[firstDigit] == UInt8(ascii: "0") && next > firstDigit + 1 {
      let found = String(decoding: bytes[offset..<next].prefix(20), as: UTF8.self)
      throw failure("found \"\(found)\"; JSON numbers have no leading zeros", at: offset)
    }
    if take(".") {
      isInteger = false
      try digits("a digit after the decimal point")
    }
    if take("e") || take("E") {
      isInteger = false
      if !take("-") { _ = take("+") }
      try digits("a digit of the exponent")
    }
    let text = String(decoding: bytes[offset..<next], as: UTF8.self)
    if isInteger, let value = Int(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else {
      throw failure("found a number beyond the range of a 64-bit floating-point number", at: offset)
    }
    return .number(value)
  }

  private mutating func digits(_ expected: String) throws(JSONSyntaxError) {
    guard case ("0"..."9")? = peek else { throw unexpected(expected) }
    while case ("0"..."9")? = peek { next += 1 }
  }

  // MARK: Paths

  private mutating func record(_ path: String?) {
    guard let path else { return }
    locator.advance(to: next, in: bytes)
    positions[path] = locator.position
  }

  private func childPath(_ parent: String?, key: String) -> String? {
    guard let parent else { return nil }
    return recordable(JSONParser.childPath(parent, key: key))
  }

  private func childPath(_ parent: String?, index: Int) -> String? {
    guard let parent else { return nil }
    return recordable(JSONParser.childPath(parent, index: index))
  }

  private func recordable(_ path: String) -> String? {
    path.utf8.count <= JSONParser.pathLimit ? path : nil
  }

  // MARK: Strings

  private mutating func string() throws(JSONSyntaxError) -> String {
    let offset = next
    next += 1
    var text: [UInt8] = []
    var runStart = next
    while next < bytes.count {
      switch bytes[next] {
      case UInt8(ascii: "\""):
        text += bytes[runStart..<next]
        next += 1
        return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"):
        text += bytes[runStart..<next]
        text += String(try escape()).utf8
        runStart = next
      case 0..<0x20:
        throw failure("found \(nameAhead()) in a string, where it must be escaped", at: next)
      default:
        next += 1
      }
    }
    throw failure("found the end of the text in the string from \(position(of: offset))", at: next)
  }

  private static let escapes: [Unicode.Scalar: Unicode.Scalar] = [
    "\"": "\"", "\\": "\\", "/": "/", "b": "\u{8}", "f": "\u{C}", "n": "\n", "r": "\r", "t": "\t",
  ]

  private mutating func escape() throws(JSONSyntaxError) -> Unicode.Scalar {
    let offset = next
    next += 1
    if peek == "u" {
      next = offset
      return try unicodeEscape()
    }
    guard let letter = peek, let scalar = Self.escapes[letter] else {
      let allowed = #"\" \\ \/ \b \f \n \r \t and \u with four hexadecimal digits"#
      throw failure("found \(scalarNameAhead()) after \"\\\"; the escapes are \(allowed)", at: offset)
    }
    next += 1
    return scalar
  }

  private mutating func unicodeEscape() throws(JSONSyntaxError) -> Unicode.Scalar {
    let offset = next
    let first = try codeUnit()
    if let scalar = Unicode.Scalar(first) { return scalar }
    // Anything else is a surrogate, which only a pair in the right order makes good.
    if first < 0xDC00, bytes[next...].starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")]) {
      let second = try codeUnit()
      if 0xDC00..<0xE000 ~= second {
        let supplement = (first - 0xD800) << 10 + (second - 0xDC00)
        if let scalar = Unicode.Scalar(0x1_0000 + supplement) { return scalar }
      }
    }
    let found = "\"\\u\(String(first, radix: 16))\""
    throw failure("found \(found), half of a surrogate pair, where both halves are required", at: offset)
  }

  /// Reads `\u` and four hexadecimal digits.
  private mutating func codeUnit() throws(JSONSyntaxError) -> UInt32 {
    next += 2
    var unit: UInt32 = 0
    for _ in 0..<4 {
      guard let scalar = peek, let digit = Character(scalar).hexDigitValue else {
        let found = scalarNameAhead()
        throw failure("found \(found) where one of four hexadecimal digits was expected", at: next)
      }
      unit = unit << 4 + UInt32(digit)
      next += 1
    }
    return unit
  }

  // MARK: Bytes

  /// The next byte as a scalar, which is right for ASCII and matches no ASCII pattern otherwise.
  var peek: Unicode.Scalar? {
    next < bytes.count ? Unicode.Scalar(bytes[next]) : nil
  }

  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard peek == scalar else { return false }
    next += 1
    return true
  }

  private mutating func skipSpace() {
    while next < bytes.count {
      switch Unicode.Scalar(bytes[next]) {
      case " ", "\n", "\r", "\t": next += 1
      default: return
      }
    }
  }

  private func offsetOfInvalidUTF8() -> Int? {
    var decoder = Unicode.UTF8.ForwardParser()
    var rest = bytes.makeIterator()
    var offset = 0
    while true {
      switch decoder.parseScalar(from: &rest) {
      case .valid(let encoded): offset += encoded.count
      case .emptyInput: return nil
      case .error: return offset
      }
    }
  }
}
