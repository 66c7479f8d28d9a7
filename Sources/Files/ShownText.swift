/// Text from outside, such as a column's name, as messages show it: on one line, and nothing in it that a terminal obeys.
public enum ShownText {
  /// Characters that a terminal obeys, or that nobody sees (controls, bidirectional marks, joiners, line separators), as JSON's
  /// escapes: `\u001B`. Valid JSON stays valid and means the same.
  ///
  /// - Parameter keepsLines: whether line feeds and tabs stay as they are.
  public static func printable(_ text: String, keepsLines: Bool) -> String {
    let isKept = { (byte: UInt8) in
      (0x20..<0x7F).contains(byte) || (keepsLines && (byte == 0x0A || byte == 0x09))
    }
    // Nearly all text: a pass over its bytes.
    if text.utf8.allSatisfy(isKept) { return text }
    var shown = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if scalar.isASCII ? isKept(UInt8(scalar.value)) : !isHidden(scalar) {
        shown.append(scalar)
      } else {
        shown.append(contentsOf: escape(scalar).unicodeScalars)
      }
    }
    return String(shown)
  }

  /// In double quotes, printable, on one line, cut to 40 characters (Unicode scalars) of which the last is then an ellipsis.
  public static func quoted(_ text: String) -> String {
    let longest = 40
    let scalars = text.unicodeScalars
    guard scalars.count > longest else { return "\"\(printable(text, keepsLines: false))\"" }
    return "\"\(printable(String(scalars.prefix(longest - 1)), keepsLines: false))\u{2026}\""
  }

  /// The first of many, in quotes.
  package static func list(_ texts: [String], most: Int = 4) -> String {
    texts.prefix(most).map(quoted).joined(separator: ", ") + (texts.count > most ? ", ..." : "")
  }

  private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }

  private static func escape(_ scalar: Unicode.Scalar) -> String {
    String(scalar).utf16.map { unit in
      let digits = String(unit, radix: 16, uppercase: true)
      return "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
    }.joined()
  }
}
