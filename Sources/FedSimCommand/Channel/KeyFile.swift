import ChannelCoding
import Files

/// A file with the 32 bytes that two processes share.
enum KeyFile {
  /// 32 bytes as they are, or 64 hexadecimal digits with or without a line break behind them.
  ///
  /// Errors say nothing of what the file holds: it is a secret.
  static func key(_ bytes: [UInt8], name: String) throws(ToolError) -> Key {
    if let key = Key(bytes) { return key }
    var digits = bytes[...]
    if digits.last == UInt8(ascii: "\n") { digits.removeLast() }
    if digits.last == UInt8(ascii: "\r") { digits.removeLast() }
    guard digits.count == 2 * Key.byteCount else {
      throw .input(
        place: name, problem: "a key file of \(bytes.count) bytes; allowed: 32 raw bytes, or 64 hexadecimal digits")
    }
    var values: [UInt8] = []
    for (i, digit) in digits.enumerated() {
      guard let value = Character(UnicodeScalar(digit)).hexDigitValue else {
        throw .input(place: "\(name): byte \(i)", problem: "not a hexadecimal digit; allowed: 0-9, a-f, A-F")
      }
      if i % 2 == 0 { values.append(UInt8(value) << 4) } else { values[i / 2] |= UInt8(value) }
    }
    guard let key = Key(values) else { throw .input(place: name, problem: "not a key") }
    return key
  }
}
