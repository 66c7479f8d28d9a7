import JSONText

/// One of the things that a section can choose by its name, such as a source of data, with keys of its own.
public struct Choice<Value: Sendable>: Sendable {
  /// The word that chooses it.
  public let name: String
  /// One line for lists, help and documentation.
  public let summary: String
  /// The keys that it has beside those of its section.
  public let keys: [KeyDescription]
  /// The type of its values.
  public let type: any Configurable.Type
  let read: @Sendable (JSONObject) throws(KeyProblem) -> Value
  let write: @Sendable (Value) -> JSONObject?

  /// A kind whose values are of one type.
  ///
  /// - Parameter convert: the value as one of the section's, and nothing else: a value is written by the first kind of its type.
  public init<Type: Configurable>(
    _ name: String, _ summary: String, _ type: Type.Type, _ convert: @escaping @Sendable (Type) -> Value
  ) {
    self.name = name
    self.summary = summary
    keys = type.keys.descriptions
    self.type = type
    read = { (values: JSONObject) throws(KeyProblem) -> Value in
      let found = type.keys.read(values)
      if let problem = type.keys.objection(found) ?? found.problem { throw problem }
      return convert(found)
    }
    write = { value in (value as? Type).map(type.keys.write) }
  }
}

/// The things that a section can choose among: those that are built in, and whatever others add.
public struct Choices<Value: Sendable>: Sendable {
  /// In the order of lists and documentation.
  public private(set) var all: [Choice<Value>]
  /// Keys of kinds that a resolved section has whatever is chosen, null where the chosen kind does not have them.
  public let alwaysWritten: [String]

  public init(_ all: [Choice<Value>], alwaysWritten: [String] = []) {
    self.all = all
    self.alwaysWritten = alwaysWritten
  }

  /// These kinds and one more; one of the same name is replaced.
  public func adding(_ kind: Choice<Value>) -> Choices {
    var sum = self
    sum.all.removeAll { $0.name == kind.name }
    sum.all.append(kind)
    return sum
  }

  /// The value that checked values of a section say.
  ///
  /// - Parameter name: one of the names.
  public func read(_ name: String, _ values: JSONObject) throws(KeyProblem) -> Value {
    guard let kind = all.first(where: { $0.name == name }) else { preconditionFailure("\(name) is a checked kind") }
    return try kind.read(values)
  }

  /// The name of a value's kind, and its values with those keys that are always written; nil for a value of no kind.
  public func write(_ value: Value) -> (name: String, values: JSONObject)? {
    for kind in all {
      guard let own = kind.write(value) else { continue }
      var values = JSONObject()
      for key in alwaysWritten { values[key] = own[key] ?? .null }
      for (key, found) in own { values[key] = found }
      return (kind.name, values)
    }
    return nil
  }
}

/// The kinds of a section as its table has them.
public struct ChoicesDescription: Sendable {
  /// The key whose value chooses.
  public let selector: String
  /// What the selecting key means.
  public let meaning: String
  /// Name, summary and keys of each.
  public let kinds: [(name: String, summary: String, keys: [KeyDescription])]
  /// The kind where none is named; nil where one must be.
  public let standard: String?
  let alwaysWritten: [String]

  /// - Parameter standard: the kind where a file names none; nil where it must.
  public init<Value>(_ kinds: Choices<Value>, selector: String, standard: String? = nil, _ meaning: String) {
    self.selector = selector
    self.meaning = meaning
    self.standard = standard
    self.kinds = kinds.all.map { ($0.name, $0.summary, $0.keys) }
    alwaysWritten = kinds.alwaysWritten
  }

  /// Every key of any kind, once, in the order in which they are declared.
  public var keys: [KeyDescription] {
    var names = Set<String>()
    return kinds.flatMap(\.keys).filter { names.insert($0.name).inserted }
  }
}

extension Choices {
  /// The value that checked values of a section say.
  ///
  /// - Parameter selector: the key whose value names the kind.
  public func read(_ values: JSONObject, by selector: String) throws(KeyProblem) -> Value {
    guard case .string(let name)? = values[selector] else { preconditionFailure("\(selector) is a checked word") }
    return try read(name, values)
  }

  /// The values of a section that has chosen `value`: the selecting key, `first`, those of the chosen kind, `last`.
  ///
  /// A value of no registered kind, which only a program can have, is written by its type and its description: whoever reads the
  /// file sees what it was, and no file can choose it.
  public func write(
    _ value: Value, by selector: String, first: JSONObject = JSONObject(), last: JSONObject = JSONObject()
  ) -> JSONObject {
    let found = write(value)
    var values = JSONObject()
    values[selector] = .string(found?.name ?? "\(type(of: value as Any))")
    for (key, value) in first { values[key] = value }
    for (key, value) in found?.values ?? ["description": .string(String(reflecting: value))] { values[key] = value }
    for (key, value) in last { values[key] = value }
    return values
  }
}
