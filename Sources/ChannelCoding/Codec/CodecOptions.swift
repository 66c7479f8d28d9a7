import JSONText
import Settings

/// The options of one family as a Swift value, and the one table that says all about them: whole numbers from 0 on, numbers and
/// flags, each with a standard value.
///
///     struct RoundingOptions: CodecOptionValues {
///       var levels = 16
///       static let keys = SettingList(
///         RoundingOptions(), [Setting("levels", \.levels, .integer(2...256), "values that a coordinate is rounded to")])
///     }
public protocol CodecOptionValues: Configurable, Equatable {
  /// Makes the standard values.
  init()
}

/// The options of a codec that has none.
public struct NoOptions: CodecOptionValues {
  public static let keys = SettingList(NoOptions(), [])

  public init() {}
}

/// Options of any codecs, by name: what travels with the settings of a channel, once, in the broadcast. A codec reads its own of
/// them, and what is not set has its standard value.
///
///     CodecOptions(PolarOptions(effort: 2))
///     CodecOptions(BlockOptions(draws: 300), PolarOptions(effort: 2))      // for whichever codec is chosen
public struct CodecOptions: Sendable, Equatable {
  /// The values that are not the standard ones.
  private var changed: [String: JSON] = [:]

  public static let standard = CodecOptions()

  public init<each Values: CodecOptionValues>(_ values: repeat each Values) {
    repeat set(each values)
  }

  /// Takes the options that there are among `values`, by name, each of its key's range.
  public init(_ values: JSONObject, of codecs: CodecRegistry = .standard) {
    for option in codecs.options {
      if let value = values[option.name], value != .null { self[option] = value }
    }
  }

  /// Sets all options of one family.
  public mutating func set<Values: CodecOptionValues>(_ values: Values) {
    let written = Values.keys.write(values)
    for option in Values.keys.descriptions { self[option] = written[option.name] ?? option.standard }
  }

  /// The options of one family.
  public func values<Values: CodecOptionValues>(_: Values.Type = Values.self) -> Values {
    var values = JSONObject()
    for option in Values.keys.descriptions { values[option.name] = self[option] }
    return Values.keys.read(values)
  }

  /// The value of one option.
  public subscript(option: KeyDescription) -> JSON {
    get { changed[option.name] ?? option.standard }
    set {
      // One spelling a value: a number may have been written as a whole one.
      let value: JSON =
        if case .number = option.range, let number = newValue.double { .number(number) } else { newValue }
      changed[option.name] = value == option.standard ? nil : value
    }
  }

  /// The same without what is not among `options`.
  func only(_ options: [KeyDescription]) -> CodecOptions {
    var kept = CodecOptions()
    for option in options { kept[option] = self[option] }
    return kept
  }
}

extension KeyDescription {
  /// The value of an option that is not set, in the one spelling that options have: a number is no integer, also where it is whole.
  public var standard: JSON {
    guard case .value(let value) = fallback else { return .null }
    if case .number = range, let number = value.double { return .number(number) }
    return value
  }

  /// Whether the key can be an option of a codec: bytes have a form for it, and something holds where it is not set.
  var canBeOption: Bool {
    guard standard != .null else { return false }
    return switch range {
    case .integer(let allowed): allowed.lowerBound >= 0
    case .number, .flag: true
    default: false
    }
  }

  func isSame(as other: KeyDescription) -> Bool {
    name == other.name && range == other.range && fallback == other.fallback
  }
}
