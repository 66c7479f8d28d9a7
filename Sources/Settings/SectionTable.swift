import JSONText

/// All keys of one section of a file.
public struct SectionTable: Sendable {
  /// The section's name; empty for keys outside every section.
  public let name: String
  /// What the section is about, for documentation.
  public let meaning: String
  /// What it means that the section is not there.
  public let presence: Presence
  /// The keys before those of the chosen kind.
  public let keys: [KeyDescription]
  /// What the section chooses among; nil where it has no kinds.
  public let kinds: ChoicesDescription?
  /// The keys after those of the chosen kind.
  public let last: [KeyDescription]

  public enum Presence: Sendable {
    /// The section must be there.
    case required
    /// Every key has its default.
    case defaulted
    /// Something is not done; the resolved file says null.
    case optional
    /// Something is not done; the resolved file does not have the section.
    case absent
  }

  public init(
    _ name: String, _ presence: Presence, _ meaning: String, _ keys: [KeyDescription], kinds: ChoicesDescription? = nil,
    last: [KeyDescription] = []
  ) {
    self.name = name
    self.presence = presence
    self.meaning = meaning
    self.keys = keys
    self.kinds = kinds
    self.last = last
  }

  /// Every key that the section may have, once: for lists, schemas and axes.
  public var all: [KeyDescription] { selector + keys + (kinds?.keys ?? []) + last }

  /// The keys that a section has with what is written: of its kinds those of the chosen one, or all where none is.
  public func keys(with written: JSONObject) -> [KeyDescription] {
    guard let kinds else { return all }
    let chosen = if case .string(let name)? = written[kinds.selector] { name } else { kinds.standard }
    guard let kind = kinds.kinds.first(where: { $0.name == chosen }) else { return all }
    return selector + keys + kind.keys + last
  }

  /// The key that chooses a kind, where there is one.
  private var selector: [KeyDescription] {
    guard let kinds else { return [] }
    return [
      KeyDescription(
        kinds.selector, .choice(kinds.kinds.map(\.name), later: []),
        kinds.standard.map { .value(.string($0)) } ?? .required, kinds.meaning)
    ]
  }

  /// "section.key"
  public func path(_ key: String) -> String { name.isEmpty ? key : "\(name).\(key)" }

  /// Every key with its value: what is written is checked, what is not has its default.
  ///
  /// - Parameter written: the section as it stands in a file, without keys that no table has.
  /// - Throws: the first key that is missing, or whose value is not allowed.
  public func resolve(_ written: JSONObject) throws(KeyProblem) -> JSONObject {
    var resolved = JSONObject()
    func put(_ keys: [KeyDescription], _ needs: String? = nil) throws(KeyProblem) {
      for key in keys {
        let value = try Self.value(of: key, written[key.name], needs)
        if case .absent = key.fallback, value == .null { continue }
        resolved[key.name] = value
      }
    }
    try put(selector)
    try put(keys)
    if let kinds, case .string(let name)? = resolved[kinds.selector],
      let kind = kinds.kinds.first(where: { $0.name == name })
    {
      for key in kinds.alwaysWritten { resolved[key] = .null }
      try put(kind.keys, name)
      for key in kinds.keys where !kind.keys.contains(where: { $0.name == key.name }) {
        guard let found = written[key.name], found != .null else { continue }
        throw KeyProblem(key.name, "found \(found.summary), which \"\(name)\" does not have", allowed: "null")
      }
    }
    try put(last)
    return resolved
  }

  private static func value(
    of key: KeyDescription, _ written: JSON?, _ kind: String?
  ) throws(KeyProblem) -> JSON {
    guard let written, written != .null else {
      switch key.fallback {
      case .required: throw KeyProblem(key.name, "the key is missing", allowed: key.allowed)
      case .needed(let what):
        throw KeyProblem(key.name, "\"\(kind ?? "")\" needs \(what)", allowed: key.allowed)
      case .value(let value): return value
      case .unset, .absent: return .null
      }
    }
    let value = key.range.normalized(written)
    if let problem = key.range.problem(value) { throw KeyProblem(key.name, problem, allowed: key.allowed) }
    return value
  }
}
