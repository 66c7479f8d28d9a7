/// The value of one option of a codec.
public enum CodecOptionValue: Sendable, Equatable, CustomStringConvertible {
  case integer(Int)
  case flag(Bool)
  case number(Double)

  public var description: String {
    switch self {
    case .integer(let value): "\(value)"
    case .flag(let value): "\(value)"
    case .number(let value): "\(value)"
    }
  }
}

/// One option of a codec as its family declares it: what scenarios, flags, messages and bytes are made from.
public struct CodecOption: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    case integer(ClosedRange<Int>)
    case flag
    case number(ClosedRange<Double>)
  }

  /// The name in scenarios (`channel.NAME`); flags of commands spell it with hyphens.
  public let name: String
  public let kind: Kind
  /// The value where none is given.
  public let standard: CodecOptionValue
  /// One sentence for the reference and for help.
  public let meaning: String

  /// What is wrong with a value; nil where it is allowed.
  public func problem(_ value: CodecOptionValue) -> String? {
    switch (kind, value) {
    case (.integer(let allowed), .integer(let found)) where !allowed.contains(found):
      "\(name) must be from \(allowed.lowerBound) to \(allowed.upperBound), found \(found)"
    case (.number(let allowed), .number(let found)) where !allowed.contains(found):
      "\(name) must be from \(allowed.lowerBound) to \(allowed.upperBound), found \(found)"
    case (.integer, .integer), (.number, .number), (.flag, .flag): nil
    case (.integer, _): "\(name) must be a whole number"
    case (.number, _): "\(name) must be a number"
    case (.flag, _): "\(name) must be true or false"
    }
  }
}

/// The options of one family as a Swift value, and the one table that says all about them.
///
///     struct RoundingOptions: CodecOptionValues {
///       var levels = 16
///       static var keys: [CodecOptionKey<Self>] {
///         [CodecOptionKey("levels", \.levels, 2...256, "values that a coordinate is rounded to")]
///       }
///     }
public protocol CodecOptionValues: Sendable, Equatable {
  /// Makes the standard values.
  init()

  /// The options in the order of their bytes.
  static var keys: [CodecOptionKey<Self>] { get }
}

extension CodecOptionValues {
  /// What is declared of each option.
  public static var options: [CodecOption] { keys.map(\.option) }
}

/// The options of a codec that has none.
public struct NoOptions: CodecOptionValues {
  public init() {}

  public static var keys: [CodecOptionKey<Self>] { [] }
}

/// An option, tied to a property of its family's values. Its standard value is the property's in `Values()`.
public struct CodecOptionKey<Values: CodecOptionValues> {
  public let option: CodecOption
  let value: (Values) -> CodecOptionValue
  let set: (inout Values, CodecOptionValue) -> Void

  /// Declares a whole number of a range that begins at 0 or above.
  public init(_ name: String, _ path: WritableKeyPath<Values, Int>, _ allowed: ClosedRange<Int>, _ meaning: String) {
    precondition(allowed.lowerBound >= 0, "bytes have no negative numbers")
    option = CodecOption(
      name: name, kind: .integer(allowed), standard: .integer(Values()[keyPath: path]), meaning: meaning)
    value = { .integer($0[keyPath: path]) }
    set = { if case .integer(let value) = $1 { $0[keyPath: path] = value } }
  }

  /// Declares a choice between true and false.
  public init(_ name: String, _ path: WritableKeyPath<Values, Bool>, _ meaning: String) {
    option = CodecOption(name: name, kind: .flag, standard: .flag(Values()[keyPath: path]), meaning: meaning)
    value = { .flag($0[keyPath: path]) }
    set = { if case .flag(let value) = $1 { $0[keyPath: path] = value } }
  }

  /// Declares a number of a range.
  public init(
    _ name: String, _ path: WritableKeyPath<Values, Double>, _ allowed: ClosedRange<Double>, _ meaning: String
  ) {
    option = CodecOption(
      name: name, kind: .number(allowed), standard: .number(Values()[keyPath: path]), meaning: meaning)
    value = { .number($0[keyPath: path]) }
    set = { if case .number(let value) = $1 { $0[keyPath: path] = value } }
  }
}

/// Options of any codecs, by name: what travels with the settings of a channel, once, in the broadcast. A codec reads its own of
/// them, and what is not set has its standard value.
///
///     CodecOptions(PolarOptions(effort: 2))
///     CodecOptions(BlockOptions(draws: 300), PolarOptions(effort: 2))      // for whichever codec is chosen
public struct CodecOptions: Sendable, Equatable {
  /// The values that are not the standard ones.
  private var changed: [String: CodecOptionValue] = [:]

  public static let standard = CodecOptions()

  public init<each Values: CodecOptionValues>(_ values: repeat each Values) {
    repeat set(each values)
  }

  /// Sets all options of one family.
  public mutating func set<Values: CodecOptionValues>(_ values: Values) {
    for key in Values.keys { self[key.option] = key.value(values) }
  }

  /// The options of one family.
  public func values<Values: CodecOptionValues>(_: Values.Type = Values.self) -> Values {
    var values = Values()
    for key in Values.keys { key.set(&values, self[key.option]) }
    return values
  }

  /// The value of one option.
  public subscript(option: CodecOption) -> CodecOptionValue {
    get { changed[option.name] ?? option.standard }
    set { changed[option.name] = newValue == option.standard ? nil : newValue }
  }

  /// The same without what is not among `options`.
  func only(_ options: [CodecOption]) -> CodecOptions {
    var kept = CodecOptions()
    for option in options { kept[option] = self[option] }
    return kept
  }
}
