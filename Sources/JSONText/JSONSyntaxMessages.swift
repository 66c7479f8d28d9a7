/// What is said of malformed text: what was found, what was expected, and advice where people commonly go wrong.
extension JSONScanner {
  func position(of offset: Int) -> JSONPosition {
    var locator = Locator(offset: start)
    locator.advance(to: offset, in: bytes)
    return locator.position
  }

  func failure(_ message: String, at offset: Int) -> JSONSyntaxError {
    JSONSyntaxError(position: position(of: offset), message: message)
  }

  func unexpected(_ expected: String) -> JSONSyntaxError {
    var message = "found \(nameAhead()) where \(expected) was expected"
    if let hint = hintAhead(isValueExpected: expected == "a value") { message += "; \(hint)" }
    return failure(message, at: next)
  }

  /// Advice for what people commonly write that JSON does not have.
  private func hintAhead(isValueExpected: Bool) -> String? {
    switch scalarAhead {
    case nil:
      guard let bracket = openBrackets.last else { return nil }
      return "the \"\(Unicode.Scalar(bytes[bracket]))\" at \(position(of: bracket)) is not closed"
    case "/"?, "#"?: return "JSON has no comments"
    case "'"?, "`"?, "\u{2018}"?, "\u{2019}"?, "\u{201C}"?, "\u{201D}"?:
      return "JSON strings take straight double quotes"
    case "+"? where isValueExpected: return "JSON numbers have no plus sign"
    case "."? where isValueExpected: return "JSON numbers have a digit before the decimal point"
    default: break
    }
    let word = wordAhead()
    switch word.lowercased() {
    case "nan", "inf", "infinity": return "JSON has no NaN or infinity"
    case "true", "false", "null": return isValueExpected ? "JSON spells it \"\(word.lowercased())\"" : nil
    default: return isValueExpected && !word.isEmpty ? "JSON strings take double quotes" : nil
    }
  }

  /// The ASCII letters, digits and underscores that come next.
  func wordAhead() -> String {
    let word = bytes[next...].prefix { byte in
      switch Unicode.Scalar(byte) {
      case "a"..."z", "A"..."Z", "0"..."9", "_": true
      default: false
      }
    }
    return String(decoding: word, as: UTF8.self)
  }

  private var scalarAhead: Unicode.Scalar? {
    String(decoding: bytes[next...].prefix(4), as: UTF8.self).unicodeScalars.first
  }

  /// What comes next, in words for an error message.
  func nameAhead() -> String {
    let word = wordAhead()
    if word.isEmpty { return scalarNameAhead() }
    return word.utf8.count > 20 ? "\"\(word.prefix(19))…\"" : "\"\(word)\""
  }

  func scalarNameAhead() -> String {
    guard let scalar = scalarAhead else { return "the end of the text" }
    switch scalar {
    case "\"": return "a double quote"
    case "\n", "\r": return "a line break"
    case "\t": return "a tab"
    case "!"..."~": return "\"\(scalar)\""
    default:
      // By number, for it may well be invisible, as a no-break space is.
      let digits = String(scalar.value, radix: 16, uppercase: true)
      return "the character U+" + String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
    }
  }
}
