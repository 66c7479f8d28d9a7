/// A JSON value.
///
/// Integers and other numbers are separate cases, so that a count is never silently rounded through
/// `Double`: `.integer(1)` and `.number(1)` are different values to `==`. Strings and keys compare as
/// Swift strings do, that is by canonical equivalence.
public enum JSON: Sendable, Equatable {
  /// The value `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A number without a fraction or exponent that fits `Int`.
  case integer(Int)
  /// Any other number. It must be finite to be written.
  case number(Double)
  /// A string.
  case string(String)
  /// A list of values.
  case array([JSON])
  /// Members in order, with unique keys.
  case object(JSONObject)

  /// What kind of value this is, in words for an error message, for example `an integer`.
  public var kindName: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .integer: "an integer"
    case .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }

  /// Whether the value is neither an array nor an object.
  package var isScalar: Bool {
    switch self {
    case .array, .object: false
    case .null, .bool, .integer, .number, .string: true
    }
  }
}

/// The members of a JSON object: unique keys in the order in which they were first set.
///
/// The order is part of the value, so `==` tells two objects apart that differ only in it. Looking up,
/// adding and replacing a member take constant time on average; removing one takes linear time.
public struct JSONObject: Sendable, Equatable {
  /// The keys, in the order in which they were first set.
  public private(set) var keys: [String] = []
  private var values: [String: JSON] = [:]

  /// Creates an object without members.
  public init() {}

  /// The value of `key`, or `nil` if there is no such member.
  ///
  /// Setting an existing key keeps its place, a new key goes last, and setting `nil` removes the member.
  /// To store a JSON null, set `.null`.
  public subscript(key: String) -> JSON? {
    get { values[key] }
    set {
      guard let newValue else {
        if values.removeValue(forKey: key) != nil { keys.removeAll { $0 == key } }
        return
      }
      if values.updateValue(newValue, forKey: key) == nil { keys.append(key) }
    }
  }

  /// The number of members.
  public var count: Int { keys.count }

  /// Whether there are no members.
  public var isEmpty: Bool { keys.isEmpty }
}

extension JSONObject: Sequence {
  /// Goes through the members in order.
  public struct Iterator: IteratorProtocol, Sendable {
    private var keys: IndexingIterator<[String]>
    private let values: [String: JSON]

    fileprivate init(keys: [String], values: [String: JSON]) {
      self.keys = keys.makeIterator()
      self.values = values
    }

    /// The next member, or `nil` after the last one.
    public mutating func next() -> (key: String, value: JSON)? {
      guard let key = keys.next(), let value = values[key] else { return nil }
      return (key, value)
    }
  }

  /// An iterator over the members, in order.
  public func makeIterator() -> Iterator { Iterator(keys: keys, values: values) }

  /// The exact number of members, which lets `Array` and `map` allocate once.
  public var underestimatedCount: Int { count }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  /// Creates an object with the members of a literal, whose keys must differ from one another.
  public init(dictionaryLiteral elements: (String, JSON)...) {
    self.init(literal: elements)
  }

  fileprivate init(literal elements: [(String, JSON)]) {
    for (key, value) in elements {
      precondition(values[key] == nil, "the literal gives a key twice")
      self[key] = value
    }
  }
}

// There is no nil literal: `condition ? nil : value` would then be `.some(.null)` where a `JSON?` is wanted.

extension JSON: ExpressibleByBooleanLiteral {
  /// Creates a boolean from a literal.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension JSON: ExpressibleByIntegerLiteral {
  /// Creates an integer from a literal.
  public init(integerLiteral value: Int) { self = .integer(value) }
}

extension JSON: ExpressibleByFloatLiteral {
  /// Creates a number from a literal.
  public init(floatLiteral value: Double) { self = .number(value) }
}

extension JSON: ExpressibleByStringLiteral {
  /// Creates a string from a literal.
  public init(stringLiteral value: String) { self = .string(value) }
}

extension JSON: ExpressibleByArrayLiteral {
  /// Creates an array from a literal.
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
}

extension JSON: ExpressibleByDictionaryLiteral {
  /// Creates an object with the members of a literal, whose keys must differ from one another.
  public init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(JSONObject(literal: elements))
  }
}

/// A place in a JSON text.
public struct JSONPosition: Sendable, Equatable, CustomStringConvertible {
  /// The line, from 1. A line ends at a line feed, a carriage return, or the two together.
  public var line: Int
  /// The column, from 1, counted in Unicode scalars. A byte order mark takes no column.
  public var column: Int

  /// Creates a position from a line and a column, both from 1.
  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  /// The position in words, for example `line 3, column 14`.
  public var description: String { "line \(line), column \(column)" }
}

/// Why and where a text is not JSON.
public struct JSONSyntaxError: Error, Equatable, CustomStringConvertible {
  /// The place of the text that is at fault.
  public var position: JSONPosition
  /// What was found and what is allowed, for example `found "}" where a value was expected`.
  public var message: String

  /// Creates an error about the text at `position`.
  public init(position: JSONPosition, message: String) {
    self.position = position
    self.message = message
  }

  /// The position and the message in one line.
  public var description: String { "\(position): \(message)" }
}

/// A JSON value along with where its parts stand in the text it was read from.
public struct ParsedJSON: Sendable, Equatable {
  /// The value of the whole text.
  public var value: JSON
  /// Where each value starts, by its path: `""` for the root, then for example `privacy.clippingNorm` or
  /// `model.hidden[0]` as `JSONParser.childPath` forms them.
  ///
  /// A path of more than 256 bytes has no entry, which keeps memory in proportion to the text.
  public var positions: [String: JSONPosition]
}
