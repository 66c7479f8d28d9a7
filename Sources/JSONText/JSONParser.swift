/// Reads JSON text strictly by RFC 8259.
public enum JSONParser {
  /// The deepest nesting of arrays and objects that `parse` accepts.
  static let depthLimit = 128
  /// The longest path, in bytes of UTF-8, that `parse` records.
  static let pathLimit = 256

  /// Reads one JSON value from UTF-8 text, for example from `someString.utf8`.
  ///
  /// White space around the value and a byte order mark before it are allowed, extensions such as
  /// comments are not. A number in integer syntax that fits `Int` becomes `.integer` (`-0` too, without
  /// its sign), any other number the nearest `Double`. The time taken is linear in the length of the
  /// text, and no input makes this trap.
  ///
  /// - Throws: `JSONSyntaxError` for the first fault. Apart from text that breaks the grammar these are:
  ///   bytes that are not UTF-8 (they are looked for first), a key that an object has twice, half of a
  ///   surrogate pair, a number beyond the range of `Double`, and nesting deeper than 128 levels.
  public static func parse(_ bytes: some Collection<UInt8>) throws(JSONSyntaxError) -> ParsedJSON {
    var scanner = JSONScanner(Array(bytes))
    let value = try scanner.document()
    return ParsedJSON(value: value, positions: scanner.positions)
  }

  /// The path of the member `key` of the object at `parent`.
  ///
  /// Different values of one document have different paths: a key that is empty or holds white space,
  /// control characters or any of `. [ ] " \` is quoted, as in `a["b.c"]`.
  public static func childPath(_ parent: String, key: String) -> String {
    let isPlain = !key.isEmpty && key.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && !pathSyntax.contains($0) }
    guard isPlain else { return "\(parent)[\(JSON.string(key).text(pretty: false))]" }
    return parent.isEmpty ? key : parent + "." + key
  }

  /// The path of the element `index` of the array at `parent`.
  public static func childPath(_ parent: String, index: Int) -> String {
    parent + "[" + String(index) + "]"
  }

  private static let pathSyntax = Array(".[]\"\\".utf8)
}
