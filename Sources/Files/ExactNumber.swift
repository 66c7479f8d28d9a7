/// A decimal number in text, compared by its value and never rounded: "1", "1.0" and "10e-1" are equal, 2^53 and 2^53 + 1 are not.
package struct ExactNumber: Hashable, Comparable {
  /// False for zero.
  private let isNegative: Bool
  /// The value is 0.d1 d2 d3 ... x 10^exponent, with no zero at either end. Zero has no digits, and exponent 0.
  private let digits: [UInt8]
  private let exponent: Int

  /// - Returns: nil where the text is no number: digits with an optional sign, point and exponent, and nothing else.
  package init?(_ text: String) {
    var bytes = Array(text.utf8)[...]
    let isNegative = bytes.first == UInt8(ascii: "-")
    if isNegative || bytes.first == UInt8(ascii: "+") { bytes.removeFirst() }
    var digits: [UInt8] = []
    var exponent = 0
    var hasPoint = false
    var hasDigits = false
    while let byte = bytes.first {
      if byte == UInt8(ascii: "."), !hasPoint {
        hasPoint = true
      } else if (0x30...0x39).contains(byte) {
        hasDigits = true
        // Zeros in front count only behind the point.
        if digits.isEmpty, byte == 0x30 { exponent -= hasPoint ? 1 : 0 } else { digits.append(byte) }
        if !digits.isEmpty, !hasPoint { exponent += 1 }
      } else {
        break
      }
      bytes.removeFirst()
    }
    guard hasDigits else { return nil }
    if let byte = bytes.first {
      guard byte | 0x20 == UInt8(ascii: "e") else { return nil }
      let written = String(decoding: bytes.dropFirst(), as: UTF8.self)
      // No more digits than any sum of exponents has room for.
      guard written.utf8.count <= 12, let value = Int(written) else { return nil }
      exponent += value
    }
    while digits.last == 0x30 { digits.removeLast() }
    self.digits = digits
    self.exponent = digits.isEmpty ? 0 : exponent
    self.isNegative = isNegative && !digits.isEmpty
  }

  package var isWhole: Bool { digits.count <= exponent || digits.isEmpty }

  /// One text for each value.
  package var shortest: String {
    (isNegative ? "-" : "") + "0." + String(decoding: digits, as: UTF8.self) + "e\(exponent)"
  }

  /// Nil where it is no whole number, or beyond `Int`.
  package var integer: Int? {
    guard isWhole, exponent <= 19 else { return nil }
    let text = String(decoding: digits, as: UTF8.self) + String(repeating: "0", count: exponent - digits.count)
    return text.isEmpty ? 0 : Int((isNegative ? "-" : "") + text)
  }

  package static func < (a: ExactNumber, b: ExactNumber) -> Bool {
    if a.isNegative != b.isNegative { return a.isNegative }
    return a.isNegative ? b.isSmaller(than: a) : a.isSmaller(than: b)
  }

  /// Of their sizes.
  private func isSmaller(than other: ExactNumber) -> Bool {
    if digits.isEmpty || other.digits.isEmpty { return digits.isEmpty && !other.digits.isEmpty }
    if exponent != other.exponent { return exponent < other.exponent }
    return digits.lexicographicallyPrecedes(other.digits)
  }
}
