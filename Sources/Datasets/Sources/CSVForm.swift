import Files
import JSONText
import Settings

/// How a table of text is written: what stands between fields and before decimals, and whether the first record names the columns.
public struct CSVForm: Sendable, Equatable {
  /// What stands between two fields.
  public enum Delimiter: String, CaseIterable, Sendable, SettingValue {
    case comma = ","
    case semicolon = ";"
    case tab
    case bar = "|"

    var byte: UInt8 {
      switch self {
      case .comma: UInt8(ascii: ",")
      case .semicolon: UInt8(ascii: ";")
      case .tab: 0x09
      case .bar: UInt8(ascii: "|")
      }
    }

    /// "a comma"
    var words: String {
      switch self {
      case .comma: "a comma"
      case .semicolon: "a semicolon"
      case .tab: "a tab"
      case .bar: "a bar (|)"
      }
    }
  }

  /// What stands before the decimals of a number.
  public enum DecimalMark: String, CaseIterable, Sendable, SettingValue {
    case point = "."
    case comma = ","

    var byte: UInt8 { self == .point ? UInt8(ascii: ".") : UInt8(ascii: ",") }
  }

  /// Nil where the first records decide it.
  public var delimiter: Delimiter?
  /// Nil where the first records decide it.
  public var decimal: DecimalMark?
  /// Whether the first record names the columns; nil means that it does.
  public var header: Bool?

  public init(delimiter: Delimiter? = nil, decimal: DecimalMark? = nil, header: Bool? = nil) {
    (self.delimiter, self.decimal, self.header) = (delimiter, decimal, header)
  }

  var hasHeader: Bool { header ?? true }

  /// The form in words: `delimiter ";", decimal comma`.
  var words: String {
    "delimiter \((delimiter ?? .comma) == .tab ? "tab" : "\"\((delimiter ?? .comma).rawValue)\"")"
      + (decimal == .comma ? ", decimal comma" : "") + (hasHeader ? "" : ", no header")
  }
}

/// Decides what a file does not say, by its first records, or says that it cannot.
///
/// **The delimiter** is one of `,` `;` tab `|` that parts the first record into two fields or more, of which one has the name of each column
/// that the scenario names. Where several do, it is the one that parts each of the first 100 records into as many fields as the first. Where none does,
/// a name was mistyped, or there is one column: the file is refused with the columns of the one delimiter that parts these records so, or else of a comma. **The decimal mark** is a comma where the first 1000 records have a number that is one only with a decimal comma, as `0,5` and
/// `12,75`, and none that is one only with a point. Where both, or only what may be thousands as well (`1,234`), are found, nothing is decided.
struct CSVSniffer {
  private static let mostRecords = 100
  private static let mostNumbers = 1000
  private static let mostBytes = 1 << 20

  let text: UnsafeBufferPointer<UInt8>
  let name: String
  let start: Int
  let hasHeader: Bool

  /// - Parameter names: columns that are named, which a header must have.
  /// - Throws: where several delimiters would do.
  func delimiter(names: [String]) throws(DataError) -> CSVForm.Delimiter {
    var candidates = CSVForm.Delimiter.allCases.filter { delimiter in
      let first = record(at: start, delimiter)
      guard first.fields.count > 1 else { return false }
      return !hasHeader || names.allSatisfy(first.fields.contains)
    }
    if candidates.isEmpty {
      let parting = CSVForm.Delimiter.allCases.filter { record(at: start, $0).fields.count > 1 && partsAlike($0) }
      return parting.count == 1 ? parting[0] : .comma
    }
    guard candidates.count > 1 else { return candidates[0] }
    candidates = candidates.filter(partsAlike)
    if candidates.count == 1 { return candidates[0] }
    // Which one was meant is not known: with a header, a name of a column may have any of them.
    let all = candidates.isEmpty ? "none of several delimiters" : candidates.map(\.words).joined(separator: " and ")
    throw DataError.file(
      place: name,
      problem:
        "\(candidates.isEmpty ? "\(all) parts the first records into equal numbers of fields" : "\(all) part the first records into equal numbers of fields alike"): "
        + "\"delimiter\" in the scenario says which one it is"
    ).about(.table(.delimiter))
  }

  /// Whether a delimiter parts each of the first records into as many fields as the first.
  private func partsAlike(_ delimiter: CSVForm.Delimiter) -> Bool {
    var (next, count) = (start, -1)
    for _ in 0..<Self.mostRecords {
      let found = record(at: next, delimiter)
      if next >= text.count || next - start > Self.mostBytes { break }
      next = found.end
      if found.fields == [""] { continue }
      if count < 0 { count = found.fields.count }
      guard count == found.fields.count else { return false }
    }
    return true
  }

  /// The fields of a record, whatever is wrong with it, and where the next one begins.
  private func record(at start: Int, _ delimiter: CSVForm.Delimiter) -> (fields: [String], end: Int) {
    var fields: [String] = []
    var field: [UInt8] = []
    var isQuoted = false
    var i = start
    let finish = { (field: [UInt8]) in
      let blank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
      let trimmed = field.drop(while: blank).reversed().drop(while: blank).reversed()
      return String(decoding: trimmed, as: UTF8.self)
    }
    while i < text.count {
      let byte = text[i]
      i += 1
      if byte == UInt8(ascii: "\"") {
        if isQuoted, i < text.count, text[i] == byte {
          field.append(byte)
          i += 1
        } else {
          isQuoted.toggle()
        }
      } else if isQuoted {
        field.append(byte)
      } else if byte == delimiter.byte {
        fields.append(finish(field))
        field = []
      } else if byte == 0x0A || byte == 0x0D {
        if byte == 0x0D, i < text.count, text[i] == 0x0A { i += 1 }
        break
      } else {
        field.append(byte)
      }
    }
    return (fields + [finish(field)], i)
  }

  /// - Parameters:
  ///   - isNumber: whether a column, by its place, is one that numbers are looked for in.
  /// - Throws: where it may be either.
  func decimal(_ delimiter: CSVForm.Delimiter, isNumber: (Int) -> Bool) throws(DataError) -> CSVForm.DecimalMark {
    var scanner = CSVScanner(text, from: start, to: text.count, delimiter: delimiter.byte, name: name)
    var points: Int?
    var commas: Int?
    var unclear: Int?
    var records = 0
    while scanner.next < text.count, records < Self.mostNumbers, scanner.next - start < Self.mostBytes {
      records += 1
      var column = 0
      let isHeader = hasHeader && records == 1
      repeat {
        let place = scanner.next
        // What is wrong with a field is said when it is read.
        guard let field = try? scanner.field() else { return try decided(points, commas, unclear) }
        if !isHeader, isNumber(column) {
          switch MarkedNumber(text[field.range]) {
          case .point?: points = points ?? place
          case .comma?: commas = commas ?? place
          case .commaOrThousands?: unclear = unclear ?? place
          case nil: break
          }
        }
        column += 1
      } while scanner.takeDelimiter()
      guard scanner.endsLine else { break }
      scanner.endLine()
    }
    return try decided(points, commas, unclear)
  }

  /// Columns whose numbers may be codes, as postal codes are: digits alone, of which the first of several is a zero.
  ///
  /// - Parameter isNumber: whether a column, by its place, is one that numbers are looked for in.
  /// - Returns: by column, each with the first such text in the first records.
  func codes(_ delimiter: CSVForm.Delimiter, isNumber: (Int) -> Bool) -> [(column: Int, text: String)] {
    var scanner = CSVScanner(text, from: start, to: text.count, delimiter: delimiter.byte, name: name)
    var found: [Int: String] = [:]
    var records = 0
    while scanner.next < text.count, records < Self.mostNumbers, scanner.next - start < Self.mostBytes {
      records += 1
      var column = 0
      repeat {
        guard let field = try? scanner.field() else { return [] }
        if records > 1 || !hasHeader, field.range.count > 1, text[field.range.lowerBound] == UInt8(ascii: "0"),
          text[field.range].allSatisfy({ (0x30...0x39).contains($0) }), isNumber(column), found[column] == nil
        {
          found[column] = String(decoding: text[field.range], as: UTF8.self)
        }
        column += 1
      } while scanner.takeDelimiter()
      guard scanner.endsLine else { break }
      scanner.endLine()
    }
    return found.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  private func decided(_ points: Int?, _ commas: Int?, _ unclear: Int?) throws(DataError) -> CSVForm.DecimalMark {
    let fail = { (place: Int, problem: String) -> DataError in
      DataError.file(
        place: TextPlace.name(name, offset: place, in: text),
        problem: problem + ": \"decimal\" in the scenario says which mark it is"
      ).about(.table(.decimal))
    }
    if let commas {
      guard points == nil else {
        throw fail(commas, "found a number with a decimal comma, and another with a decimal point")
      }
      return .comma
    }
    if let unclear, points == nil {
      throw fail(unclear, "found a number whose comma stands before decimals, or between thousands")
    }
    return .point
  }
}

/// A number that has one mark, which may be before decimals.
enum MarkedNumber {
  case point
  case comma
  /// One to three digits, a comma, three digits.
  case commaOrThousands

  /// Nil where the bytes are no number with one mark.
  init?(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) {
    var rest = bytes[...]
    let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
    rest = rest.drop(while: isBlank)
    while let last = rest.last, isBlank(last) { rest = rest.dropLast() }
    if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { rest = rest.dropFirst() }
    let isDigit = { (byte: UInt8) in (0x30...0x39).contains(byte) }
    let whole = rest.prefix(while: isDigit)
    rest = rest.dropFirst(whole.count)
    guard let mark = rest.first, mark == UInt8(ascii: ".") || mark == UInt8(ascii: ",") else { return nil }
    rest = rest.dropFirst()
    let decimals = rest.prefix(while: isDigit)
    rest = rest.dropFirst(decimals.count)
    guard whole.count + decimals.count > 0 else { return nil }
    let hasExponent = !rest.isEmpty
    if hasExponent {
      guard let e = rest.first, e | 0x20 == UInt8(ascii: "e") else { return nil }
      rest = rest.dropFirst()
      if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { rest = rest.dropFirst() }
      guard !rest.isEmpty, rest.allSatisfy(isDigit) else { return nil }
    }
    if mark == UInt8(ascii: ".") {
      self = .point
    } else {
      let mayBeThousands =
        decimals.count == 3 && (1...3).contains(whole.count) && whole.first != UInt8(ascii: "0") && !hasExponent
      self = mayBeThousands ? .commaOrThousands : .comma
    }
  }

  /// Whether a text is a number whose thousands are told apart: `1,234`, `1.234.567,5`, `12 345`.
  static func hasThousands(_ text: String) -> Bool {
    var bytes = Array(text.utf8)[...]
    if let sign = bytes.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { bytes.removeFirst() }
    let isDigit = { (byte: UInt8) in (0x30...0x39).contains(byte) }
    let first = bytes.prefix(while: isDigit)
    guard (1...3).contains(first.count) else { return false }
    bytes = bytes.dropFirst(first.count)
    guard let mark = bytes.first, [0x2C, 0x2E, 0x20, 0x27].contains(mark) else { return false }
    var groups = 0
    while bytes.first == mark, bytes.count >= 4, bytes.dropFirst().prefix(3).allSatisfy(isDigit) {
      bytes = bytes.dropFirst(4)
      groups += 1
    }
    guard groups > 0 else { return false }
    if bytes.isEmpty { return true }
    guard let decimal = bytes.first, decimal != mark, decimal == 0x2C || decimal == 0x2E else { return false }
    return bytes.dropFirst().allSatisfy(isDigit)
  }
}
