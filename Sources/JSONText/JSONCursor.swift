/// A place in a JSON text, and the steps over it that every reader of JSON takes: blanks, single bytes, strings.
///
/// `JSONParser` makes values of a text with it; a reader of large files takes numbers straight to where they stay. What they say of
/// a fault is their own.
///
/// The bytes belong to the caller, who keeps them in place as long as the cursor is used.
package struct JSONCursor {
  package let bytes: UnsafeBufferPointer<UInt8>
  /// Where the text starts, after a byte order mark.
  package let start: Int
  /// The offset of the next byte to read.
  package var next: Int

  package init(_ bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
    start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    next = start
  }

  /// The next byte; nil at the end of the text.
  @inlinable package var peek: UInt8? { next < bytes.count ? bytes[next] : nil }

  /// Goes over a byte where it is the next one.
  @inlinable package mutating func take(_ byte: UInt8) -> Bool {
    guard next < bytes.count, bytes[next] == byte else { return false }
    next += 1
    return true
  }

  @inlinable package mutating func skipSpace() {
    while next < bytes.count {
      switch bytes[next] {
      case 0x20, 0x09, 0x0A, 0x0D: next += 1
      default: return
      }
    }
  }

  /// A string whose opening quote is the next byte. Bytes that are not UTF-8 become replacement characters.
  package mutating func string() throws(JSONStringFault) -> String {
    let opening = next
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
        text += String(try escape(in: opening)).utf8
        runStart = next
      case 0..<0x20: throw JSONStringFault(.controlCharacter, at: next, opening: opening)
      default: next += 1
      }
    }
    throw JSONStringFault(.endOfText, at: next, opening: opening)
  }

  private static let escapes: [UInt8: Unicode.Scalar] = [
    UInt8(ascii: "\""): "\"", UInt8(ascii: "\\"): "\\", UInt8(ascii: "/"): "/", UInt8(ascii: "b"): "\u{8}",
    UInt8(ascii: "f"): "\u{C}", UInt8(ascii: "n"): "\n", UInt8(ascii: "r"): "\r", UInt8(ascii: "t"): "\t",
  ]

  private mutating func escape(in opening: Int) throws(JSONStringFault) -> Unicode.Scalar {
    let backslash = next
    next += 1
    if peek == UInt8(ascii: "u") {
      next = backslash
      return try unicodeEscape(in: opening)
    }
    guard let letter = peek, let scalar = Self.escapes[letter] else {
      throw JSONStringFault(.unknownEscape, at: next, opening: opening, backslash: backslash)
    }
    next += 1
    return scalar
  }

  private mutating func unicodeEscape(in opening: Int) throws(JSONStringFault) -> Unicode.Scalar {
    let backslash = next
    let first = try codeUnit(in: opening, backslash)
    if let scalar = Unicode.Scalar(first) { return scalar }
    // Anything else is a surrogate, which only a pair in the right order makes good.
    if first < 0xDC00, bytes[next...].starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")]) {
      let second = try codeUnit(in: opening, backslash)
      if 0xDC00..<0xE000 ~= second {
        let supplement = (first - 0xD800) << 10 + (second - 0xDC00)
        if let scalar = Unicode.Scalar(0x1_0000 + supplement) { return scalar }
      }
    }
    throw JSONStringFault(.halfOfPair(first), at: backslash, opening: opening, backslash: backslash)
  }

  /// Reads `\u` and four hexadecimal digits.
  private mutating func codeUnit(in opening: Int, _ backslash: Int) throws(JSONStringFault) -> UInt32 {
    next += 2
    var unit: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw JSONStringFault(.digit, at: next, opening: opening, backslash: backslash)
      }
      unit = unit << 4 + UInt32(digit)
      next += 1
    }
    return unit
  }
}

/// What is wrong with a string, and where.
package struct JSONStringFault: Error {
  package let kind: Kind
  /// The offset of the byte that is at fault.
  package let offset: Int
  /// The offset of the string's opening quote.
  package let opening: Int
  /// The offset of the escape that is at fault; nil where none is.
  package let backslash: Int?

  package enum Kind {
    case endOfText
    case controlCharacter
    case unknownEscape
    /// No hexadecimal digit where one of four had to be.
    case digit
    /// One half of a surrogate pair, which is given.
    case halfOfPair(UInt32)
  }

  init(_ kind: Kind, at offset: Int, opening: Int, backslash: Int? = nil) {
    self.kind = kind
    self.offset = offset
    self.opening = opening
    self.backslash = backslash
  }
}
