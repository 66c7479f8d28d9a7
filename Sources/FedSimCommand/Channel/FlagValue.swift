import ChannelCoding
import Files
import JSONText
import Settings

/// Reads the values of flags. Errors name the flag, what was found and what is allowed.
enum FlagValue {
  /// A whole number; also as 2e6.
  static func integer(
    _ text: String, flag: String, in allowed: ClosedRange<Int>
  ) throws(ToolError) -> Int {
    if let value = whole(text), allowed.contains(value) { return value }
    throw wrong(flag, text, "a whole number from \(allowed.lowerBound) to \(allowed.upperBound)")
  }

  static func seed(_ text: String, flag: String) throws(ToolError) -> UInt64 {
    guard let value = UInt64(text) else { throw wrong(flag, text, "a whole number from 0 to \(UInt64.max)") }
    return value
  }

  /// A number in a range, or `exception`.
  static func number(
    _ text: String, flag: String, in allowed: ClosedRange<Double>, or exception: Double? = nil
  ) throws(ToolError) -> Double {
    if let value = Double(text), allowed.contains(value) || value == exception { return value }
    let also = exception.map { "\(Text.shown($0)), or " } ?? ""
    throw wrong(
      flag, text, "\(also)a number from \(Text.shown(allowed.lowerBound)) to \(Text.shown(allowed.upperBound))")
  }

  static func boolean(_ text: String, flag: String) throws(ToolError) -> Bool {
    guard let value = Bool(text) else { throw wrong(flag, text, "true, false") }
    return value
  }

  /// One name.
  static func codec(
    _ text: String, flag: String, of codecs: CodecRegistry = .standard
  ) throws(ToolError) -> CodecName {
    guard let family = codecs[CodecName(rawValue: text)] else { throw wrong(flag, text, names(codecs)) }
    return family.descriptor.name
  }

  /// Names with commas between them, each once; or `all`.
  static func codecs(
    _ text: String, flag: String, all: [CodecName], of codecs: CodecRegistry = .standard
  ) throws(ToolError) -> [CodecName] {
    if text == "all" { return all }
    if list(text).contains("all") {
      throw .input(
        place: flag,
        problem: "found \"all\" beside other names; allowed: all alone, or of these, with commas: \(names(codecs))")
    }
    var found: [CodecName] = []
    for part in list(text) {
      guard let name = codecs[CodecName(rawValue: part)]?.descriptor.name else {
        throw wrong(flag, part, "all, or of these, with commas: \(names(codecs))")
      }
      if !found.contains(name) { found.append(name) }
    }
    return found
  }

  /// The parts of a list with commas; an empty part is a part.
  static func list(_ text: String) -> [String] {
    text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
  }

  /// A value of an option that codecs declare.
  static func option(_ option: KeyDescription, _ text: String) throws(ToolError) -> JSON {
    let flag = "--\(option.flag)"
    switch option.range {
    case .integer(let allowed): return .integer(try integer(text, flag: flag, in: allowed))
    case .flag: return .bool(try boolean(text, flag: flag))
    default:
      guard let value = Double(text), option.range.problem(.number(value)) == nil else {
        throw wrong(flag, text, option.allowed)
      }
      return .number(value)
    }
  }

  private static func names(_ codecs: CodecRegistry) -> String {
    codecs.names.map(\.rawValue).joined(separator: ", ")
  }

  private static func whole(_ text: String) -> Int? {
    if let value = Int(text) { return value }
    // Beyond 2^53 a number with an exponent may not be the whole number that was meant.
    guard let value = Double(text), value.magnitude <= 0x1p53, value == value.rounded() else { return nil }
    return Int(value)
  }

  private static func wrong(_ flag: String, _ text: String, _ allowed: String) -> ToolError {
    .input(place: flag, problem: "found \"\(text)\"; allowed: \(allowed)")
  }
}
