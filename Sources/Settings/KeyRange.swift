import JSONText

/// The values that a key may have.
///
/// A range decides what is accepted, and says so in words (`allowed`) and as a JSON Schema: messages, help and documentation
/// follow from it.
public enum KeyRange: Sendable, Equatable {
  /// Whole numbers; `100.0` and `1e2` count as such.
  case integer(ClosedRange<Int>)
  /// Above or from `low`, below or up to `high`.
  case number(low: Double, isLowIncluded: Bool, high: Double, isHighIncluded: Bool)
  /// A name of files: letters, digits, `.`, `_` and `-`, at most 100, not starting with a point.
  case name
  /// One of some words; those in `later` belong to the contract and are not in this version.
  case choice([String], later: [String])
  /// True or false.
  case flag
  /// A list of different words, each one of some.
  case choices([String])
  /// A list of numbers above 0.
  case positives(count: ClosedRange<Int>)
  /// A list of whole numbers.
  case integers(each: ClosedRange<Int>, count: ClosedRange<Int>)
  /// The path of a file or a folder.
  case path
  /// A text of some length in Unicode scalars.
  case text(ClosedRange<Int>)
  /// A column of a table: its name, or its number from 0 on.
  case column
  /// A list of different columns of a table.
  case columns
  /// For columns of a table, by their names: an offset and a scale above 0.
  case scales
  /// For columns of a table, by their names: a list of different texts.
  case categories
  /// Several files, each under its name.
  case paths([String])
  /// What one of several ranges allows.
  indirect case either([KeyRange])

  /// Numbers in a closed range.
  public static func number(_ range: ClosedRange<Double>) -> KeyRange {
    .number(low: range.lowerBound, isLowIncluded: true, high: range.upperBound, isHighIncluded: true)
  }

  /// Numbers from the lower bound on, below the upper one.
  public static func number(_ range: Range<Double>) -> KeyRange {
    .number(low: range.lowerBound, isLowIncluded: true, high: range.upperBound, isHighIncluded: false)
  }

  /// Numbers above `low`, and up to `high` or below it.
  public static func number(above low: Double, upTo high: Double) -> KeyRange {
    .number(low: low, isLowIncluded: false, high: high, isHighIncluded: true)
  }

  /// Numbers above 0.
  public static let positive = KeyRange.number(low: 0, isLowIncluded: false, high: .infinity, isHighIncluded: false)
  /// Numbers between 0 and 1, both excluded.
  public static let fraction = KeyRange.number(low: 0, isLowIncluded: false, high: 1, isHighIncluded: false)

  /// The cases of an enumeration, by their raw values.
  public static func choice<Choice: CaseIterable & RawRepresentable<String>>(_ type: Choice.Type) -> KeyRange {
    .choice(type.allCases.map(\.rawValue), later: [])
  }

  static let longestPath = 4096
  package static let largestColumn = 1_000_000
  /// A column of more is one of texts or IDs.
  package static let mostCategories = 1000

  /// The range in words, such as "a number above 0".
  public var allowed: String {
    switch self {
    case .integer(let range): "an integer from \(range.lowerBound) to \(range.upperBound)"
    case .number(let low, let isLowIncluded, let high, let isHighIncluded):
      [
        low == -.infinity ? "a number" : "a number \(isLowIncluded ? "from" : "above") \(JSON.number(low).summary)",
        high == .infinity ? "" : " \(isHighIncluded ? "up to" : "below") \(JSON.number(high).summary)",
      ].joined()
    case .name: "1 to 100 letters, digits, \".\", \"_\" or \"-\", not starting with \".\""
    case .choice(let values, _): values.map { "\"\($0)\"" }.joined(separator: ", ")
    case .flag: "true or false"
    case .choices(let values):
      "an array of " + values.map { "\"\($0)\"" }.joined(separator: ", ") + ", each at most once"
    case .positives(let count): "an array of \(count.lowerBound) to \(count.upperBound) numbers above 0"
    case .integers(let each, let count):
      count.lowerBound == count.upperBound
        ? "an array of \(count.lowerBound) integers from \(each.lowerBound) to \(each.upperBound)"
        : "an array of \(count.lowerBound) to \(count.upperBound) integers from \(each.lowerBound) to \(each.upperBound)"
    case .path: "a path of 1 to \(Self.longestPath) bytes"
    case .text(let length): "a text of \(length.lowerBound) to \(length.upperBound) characters"
    case .column: "a column's name, or its number from 0 to \(Self.largestColumn)"
    case .columns: "an array of columns, each at most once: a name, or a number from 0 to \(Self.largestColumn)"
    case .scales: "{\"a column's name\": [offset, scale above 0], ...}"
    case .categories: "{\"a column's name\": [\"a category\", ...], ...}, each category once"
    case .paths(let names): "{" + names.map { "\"\($0)\": path" }.joined(separator: ", ") + "}"
    case .either(let ranges): ranges.map(\.allowed).joined(separator: ", or ")
    }
  }

  /// Whether an axis of a sweep may be a range of numbers.
  public var isNumeric: Bool {
    switch self {
    case .integer, .number: true
    default: false
    }
  }

  /// The value as it is kept: a whole number that was written with a fraction or an exponent is an integer where one is
  /// asked for.
  func normalized(_ value: JSON) -> JSON {
    if case .integer = self, case .number(let number) = value, let integer = Int(exactly: number) {
      return .integer(integer)
    }
    return value
  }

  /// What is wrong with a value; nil where it is allowed.
  public func problem(_ value: JSON) -> String? {
    let isAllowed: Bool
    switch (self, value) {
    case (.integer(let range), .integer(let found)): isAllowed = range.contains(found)
    case (.number(let low, let isLowIncluded, let high, let isHighIncluded), _):
      guard let found = value.double else { return Self.found(value) }
      isAllowed =
        (isLowIncluded ? found >= low : found > low) && (isHighIncluded ? found <= high : found < high)
    case (.name, .string(let found)): isAllowed = Self.isName(found)
    case (.choice(let values, let later), .string(let found)):
      if later.contains(found) { return "\"\(found)\" is not in this version" }
      isAllowed = values.contains(found)
    case (.flag, .bool): isAllowed = true
    case (.integers(let each, let count), .array(let found)):
      isAllowed =
        count.contains(found.count)
        && found.allSatisfy {
          guard case .integer(let item) = $0 else { return false }
          return each.contains(item)
        }
    case (.choices(let values), .array(let found)):
      let words = found.compactMap { item in if case .string(let word) = item { word } else { nil } }
      isAllowed =
        !found.isEmpty && words.count == found.count && Set(words).count == words.count
        && words.allSatisfy(values.contains)
    case (.positives(let count), .array(let found)):
      isAllowed =
        count.contains(found.count) && found.allSatisfy { item in item.double.map { $0 > 0 && $0.isFinite } ?? false }
    case (.path, .string): isAllowed = Self.isPath(value)
    case (.text(let length), .string(let found)): isAllowed = length.contains(found.unicodeScalars.count)
    case (.column, .string(let name)): isAllowed = !name.isEmpty
    case (.column, .integer(let number)): isAllowed = (0...Self.largestColumn).contains(number)
    case (.columns, .array(let found)):
      isAllowed =
        !found.isEmpty && found.allSatisfy { KeyRange.column.problem($0) == nil }
        && Set(found.map { $0.text(pretty: false) }).count == found.count
    case (.scales, .object(let found)):
      isAllowed = !found.isEmpty && found.allSatisfy { !$0.key.isEmpty && Self.isScale($0.value) }
    case (.categories, .object(let found)):
      isAllowed = !found.isEmpty && found.allSatisfy { !$0.key.isEmpty && Self.areCategories($0.value) }
    case (.paths(let names), .object(let files)):
      isAllowed = files.count == names.count && names.allSatisfy { Self.isPath(files[$0]) }
    case (.either(let ranges), _):
      if ranges.contains(where: { $0.problem(value) == nil }) { return nil }
      return Self.found(value)
    default: return Self.found(value)
    }
    return isAllowed ? nil : "found \(value.summary)\(namelessHint(value))"
  }

  /// Where a column is named by an empty text, as the index is in a table of pandas.
  private func namelessHint(_ value: JSON) -> String {
    switch (self, value) {
    case (.column, .string("")): ": a column with an empty name is given by its number, the first as 0"
    case (.columns, .array(let found)) where found.contains(.string("")):
      ": a column with an empty name is given by its number, the first as [0]"
    default: ""
    }
  }

  private static func found(_ value: JSON) -> String { "found \(value.kindName), \(value.summary)" }

  private static func isName(_ text: String) -> Bool {
    (1...100).contains(text.utf8.count) && !text.hasPrefix(".")
      && text.utf8.allSatisfy { byte in
        let letter = byte | 0x20
        return (0x61...0x7A).contains(letter) && byte < 0x80 || (0x30...0x39).contains(byte)
          || [0x2D, 0x2E, 0x5F].contains(byte)
      }
  }

  private static func isScale(_ value: JSON) -> Bool {
    guard case .array(let pair) = value, pair.count == 2, let offset = pair[0].double, let scale = pair[1].double else {
      return false
    }
    return offset.isFinite && scale.isFinite && scale > 0
  }

  private static func areCategories(_ value: JSON) -> Bool {
    guard case .array(let found) = value else { return false }
    let names = found.compactMap { item in if case .string(let name) = item { name } else { nil } }
    return (1...mostCategories).contains(names.count) && names.count == found.count && Set(names).count == names.count
  }

  private static func isPath(_ value: JSON?) -> Bool {
    guard case .string(let path)? = value else { return false }
    return (1...longestPath).contains(path.utf8.count) && path.utf8.allSatisfy { $0 >= 0x20 }
  }
}
