import JSONText

/// What a key is, apart from the property in Swift that it stands for: what files, messages and documentation need of it.
public struct KeyDescription: Sendable, Equatable {
  /// The key's name in its section.
  public let name: String
  /// The values that it may have.
  public let range: KeyRange
  /// What holds where it is not written.
  public let fallback: KeyFallback
  /// What the key means, with its unit.
  public let meaning: String

  public init(_ name: String, _ range: KeyRange, _ fallback: KeyFallback, _ meaning: String) {
    self.name = name
    self.range = range
    self.fallback = fallback
    self.meaning = meaning
  }

  /// Whether `null` may stand for the key in words of messages: only where it can be left unset.
  public var isNullable: Bool {
    switch fallback {
    case .unset, .absent: true
    case .required, .needed, .value: false
    }
  }

  /// Whether a section is wrong without the key.
  public var isRequired: Bool {
    switch fallback {
    case .required, .needed: true
    case .value, .unset, .absent: false
    }
  }

  /// The allowed values in words.
  public var allowed: String { range.allowed + (isNullable ? ", or null" : "") }
}

/// What holds where a key is not written, or null.
public enum KeyFallback: Sendable, Equatable {
  /// The key must be there.
  case required
  /// The key must be there where its kind is chosen. The text completes "this kind needs ...".
  case needed(String)
  /// A value.
  case value(JSON)
  /// Nothing; a resolved section says null. The text says what happens then.
  case unset(String)
  /// Nothing; a resolved section does not have the key. The text says what happens then.
  case absent(String)
}

/// One key of a section, tied to the property of `Section` that it is.
public struct Setting<Section: Sendable>: Sendable {
  let name: String
  let range: KeyRange
  /// Nil where the default is what the section's initialiser gives the property.
  let fallback: KeyFallback?
  let meaning: String
  let property: any PartialKeyPath<Section> & Sendable
  /// Puts a value that the range allows into the section; false where the property cannot take it.
  let read: @Sendable (JSON, inout Section) -> Bool
  let write: @Sendable (Section) -> JSON
  let objection: @Sendable (Section) -> String?

  /// A key whose default is what the section's memberwise initialiser gives the property.
  public init<Value: SettingValue>(
    _ name: String, _ property: any WritableKeyPath<Section, Value> & Sendable, _ range: KeyRange, _ meaning: String
  ) {
    self.init(name, property, range, nil, meaning, { _ in nil })
  }

  /// A key that is required, or that may have no value.
  ///
  /// - Parameter objection: why the key must not have a value in a section that is as given, as in "found 3, but ...";
  ///   nil where it may.
  public init<Value: SettingValue>(
    _ name: String, _ property: any WritableKeyPath<Section, Value> & Sendable, _ range: KeyRange,
    _ fallback: KeyFallback,
    _ meaning: String, objection: @escaping @Sendable (Section) -> String? = { _ in nil }
  ) {
    self.init(name, property, range, Optional(fallback), meaning, objection)
  }

  private init<Value: SettingValue>(
    _ name: String, _ property: any WritableKeyPath<Section, Value> & Sendable, _ range: KeyRange,
    _ fallback: KeyFallback?, _ meaning: String, _ objection: @escaping @Sendable (Section) -> String?
  ) {
    self.name = name
    self.range = range
    self.fallback = fallback
    self.meaning = meaning
    self.property = property
    self.objection = objection
    read = { value, section in
      guard let value = Value(setting: value) else { return false }
      section[keyPath: property] = value
      return true
    }
    write = { $0[keyPath: property].setting }
  }
}

/// The keys of a section in the order in which they are written.
///
/// The table is the one place where a key is defined: reading, defaults, messages, the schema and the reference of keys follow
/// from it.
public struct SettingList<Section: Sendable>: Sendable {
  /// The keys without their properties.
  public let descriptions: [KeyDescription]
  private let keys: [Setting<Section>]
  private let blank: Section

  /// - Parameters:
  ///   - blank: a section with the defaults of its initialiser; what it has for required keys is of no account.
  ///   - keys: each property of the section that a file can set, once.
  public init(_ blank: Section, _ keys: [Setting<Section>]) {
    self.blank = blank
    self.keys = keys
    descriptions = keys.map { key in
      KeyDescription(key.name, key.range, key.fallback ?? .value(key.write(blank)), key.meaning)
    }
  }

  /// The name of the key of a property.
  public func name(of property: PartialKeyPath<Section>) -> String {
    guard let key = keys.first(where: { $0.property == property }) else {
      preconditionFailure("\(Section.self) has no key for this property")
    }
    return key.name
  }

  /// The section that values say.
  ///
  /// - Parameter values: what `SectionTable.resolve` gave: every value is in its key's range.
  public func read(_ values: JSONObject) -> Section {
    var section = blank
    for key in keys {
      // A key that is not there has no value, not the one that the blank section stands in with.
      guard key.read(values[key.name] ?? .null, &section) || key.fallback == nil else {
        preconditionFailure("\(Section.self).\(key.name) is a checked value")
      }
    }
    return section
  }

  /// The values of a section, in the order of the table; keys that are absent where they are not set are left out.
  public func write(_ section: Section) -> JSONObject {
    var object = JSONObject()
    for key in keys {
      let value = key.write(section)
      if case .absent? = key.fallback, value == .null { continue }
      object[key.name] = value
    }
    return object
  }

  /// The first key with a value that must not stand beside the others, and why.
  public func objection(_ section: Section) -> KeyProblem? {
    for key in keys {
      let value = key.write(section)
      if value != .null, let reason = key.objection(section) {
        return KeyProblem(key.name, "found \(value.summary), but \(reason)", allowed: "null")
      }
    }
    return nil
  }
}

/// What is wrong with a key.
public struct KeyProblem: Error, Equatable, Sendable {
  /// The key's name; with dots where the problem is about another section.
  public let key: String
  /// What was found.
  public let problem: String
  /// What is allowed in its place.
  public let allowed: String

  public init(_ key: String, _ problem: String, allowed: String) {
    self.key = key
    self.problem = problem
    self.allowed = allowed
  }
}

/// A value that a file describes by keys.
public protocol Configurable: Sendable {
  /// The keys of the value, each once.
  static var keys: SettingList<Self> { get }

  /// What is wrong with keys that are right one by one; nil where nothing is. Objections of the table are asked before.
  var problem: KeyProblem? { get }
}

extension Configurable {
  public var problem: KeyProblem? { nil }
}
