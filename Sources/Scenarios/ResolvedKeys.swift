import JSONText

/// Typed look-ups in a resolved scenario, which has every key with a value that the table allows.
package struct ResolvedKeys {
  let root: JSON

  package init(_ root: JSON) { self.root = root }

  /// Nil for null.
  package func optional(_ path: String) -> JSON? {
    var value = root
    for part in path.split(separator: ".") {
      guard case .object(let object) = value, let next = object[String(part)] else { return nil }
      value = next
    }
    return value == .null ? nil : value
  }

  package func string(_ path: String) -> String {
    guard case .string(let value)? = optional(path) else { preconditionFailure("\(path) is a checked string") }
    return value
  }

  package func integer(_ path: String) -> Int {
    guard case .integer(let value)? = optional(path) else { preconditionFailure("\(path) is a checked integer") }
    return value
  }

  func flag(_ path: String) -> Bool {
    guard case .bool(let value)? = optional(path) else { preconditionFailure("\(path) is a checked flag") }
    return value
  }

  func number(_ path: String) -> Double {
    guard let value = optional(path)?.double else { preconditionFailure("\(path) is a checked number") }
    return value
  }

  /// Nil where the key is not set.
  func optionalInteger(_ path: String) -> Int? {
    if case .integer(let value)? = optional(path) { value } else { nil }
  }
}
