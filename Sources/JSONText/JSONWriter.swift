extension JSON {
  /// The value as JSON text, without a final line break.
  ///
  /// Parsing the text gives the value back, except that an integral `.number` such as 1.0 is written as
  /// `1` and so comes back as `.integer`. Numbers take the fewest digits that still read back to the
  /// same `Double`. Every number must be finite.
  ///
  /// - Parameter pretty: `true` for one member or element per line, indented by two spaces, with arrays
  ///   that hold only scalars kept on one line; `false` for a single line such as `{"a": 1, "b": [1, 2]}`.
  public func text(pretty: Bool) -> String {
    var writer = JSONWriter(isPretty: pretty)
    writer.write(self, level: 0)
    return String(decoding: writer.output, as: UTF8.self)
  }

  /// The value as compact JSON for an error message, cut to 40 characters (Unicode scalars) of which the
  /// last is then an ellipsis.
  ///
  /// The work is bounded however large the value is. Unlike `text(pretty:)` it accepts numbers that are
  /// not finite and shows them as `nan` or `inf`, because a message about such a number must not trap.
  public var summary: String {
    let longest = 40
    // A scalar takes at most four bytes, so this leaves at least one whole scalar to cut off.
    var writer = JSONWriter(isPretty: false, byteLimit: 4 * (longest + 2))
    writer.write(self, level: 0)
    let scalars = String(decoding: writer.output, as: UTF8.self).unicodeScalars
    guard scalars.count > longest else { return String(scalars) }
    return String(scalars.prefix(longest - 1)) + "…"
  }
}

/// Writes JSON values as UTF-8.
private struct JSONWriter {
  let isPretty: Bool
  /// Where to stop early. What follows in the output is then incomplete.
  var byteLimit: Int?
  var output: [UInt8] = []

  init(isPretty: Bool, byteLimit: Int? = nil) {
    self.isPretty = isPretty
    self.byteLimit = byteLimit
  }

  private var isFull: Bool {
    guard let byteLimit else { return false }
    return output.count >= byteLimit
  }

  mutating func write(_ value: JSON, level: Int) {
    switch value {
    case .null: append("null")
    case .bool(let value): append(value ? "true" : "false")
    case .integer(let value): append(String(value))
    case .number(let value): write(value)
    case .string(let value): write(value)
    case .array(let elements): write(elements, level: level)
    case .object(let members): write(members, level: level)
    }
  }

  private mutating func write(_ value: Double) {
    precondition(value.isFinite || byteLimit != nil, "JSON has no NaN or infinity")
    let text = value.description
    // Negative zero keeps its fraction: read back as an integer it would lose its sign.
    let isPlainIntegral = text.hasSuffix(".0") && text != "-0.0"
    append(isPlainIntegral ? text.dropLast(2) : text[...])
  }

  private mutating func write(_ text: String) {
    output.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      if isFull { return }
      switch byte {
      case UInt8(ascii: "\""): append("\\\"")
      case UInt8(ascii: "\\"): append("\\\\")
      case UInt8(ascii: "\n"): append("\\n")
      case UInt8(ascii: "\r"): append("\\r")
      case UInt8(ascii: "\t"): append("\\t")
      case 0..<0x10: append("\\u000" + String(byte, radix: 16))
      case 0x10..<0x20: append("\\u00" + String(byte, radix: 16))
      default: output.append(byte)
      }
    }
    output.append(UInt8(ascii: "\""))
  }

  private mutating func write(_ elements: [JSON], level: Int) {
    let isSpread = isPretty && !elements.allSatisfy(\.isScalar)
    append("[")
    for (index, element) in elements.enumerated() {
      if isFull { return }
      separate(isFirst: index == 0, isSpread: isSpread, level: level + 1)
      write(element, level: level + 1)
    }
    if isSpread { breakLine(level: level) }
    append("]")
  }

  private mutating func write(_ members: JSONObject, level: Int) {
    let isSpread = isPretty && !members.isEmpty
    append("{")
    for (index, member) in members.enumerated() {
      if isFull { return }
      separate(isFirst: index == 0, isSpread: isSpread, level: level + 1)
      write(member.key)
      append(": ")
      write(member.value, level: level + 1)
    }
    if isSpread { breakLine(level: level) }
    append("}")
  }

  private mutating func separate(isFirst: Bool, isSpread: Bool, level: Int) {
    if !isFirst { append(isSpread ? "," : ", ") }
    if isSpread { breakLine(level: level) }
  }

  private mutating func breakLine(level: Int) {
    output.append(UInt8(ascii: "\n"))
    output.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * level))
  }

  private mutating func append(_ text: some StringProtocol) {
    output.append(contentsOf: text.utf8)
  }
}
