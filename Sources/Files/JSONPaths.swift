import JSONText

// Values of nested objects by dotted paths, such as "uplink.payloadBits.mean".

extension JSONObject {
  /// The value at a dotted path; nil where there is none, also below a null.
  package subscript(path path: String) -> JSON? {
    var value = JSON.object(self)
    for part in path.split(separator: ".") {
      guard case .object(let inner) = value, let next = inner[String(part)] else { return nil }
      value = next
    }
    return value
  }

  /// Creates nested objects from values by dotted paths, in order. Values of one object must stand side by side.
  ///
  /// - Parameter isNull: whether a nested object, given its path, is written as null.
  package init(paths: [(path: String, value: JSON)], isNull: (String, JSONObject) -> Bool) {
    self.init(
      leaves: paths.map { (parts: $0.path.split(separator: "."), value: $0.value) }[...], depth: 0, isNull)
  }

  private init(
    leaves: ArraySlice<(parts: [Substring], value: JSON)>, depth: Int, _ isNull: (String, JSONObject) -> Bool
  ) {
    self.init()
    var rest = leaves
    while let first = rest.first {
      let name = first.parts[depth]
      let inside = rest.prefix { $0.parts[depth] == name }
      rest = rest[inside.endIndex...]
      precondition(self[String(name)] == nil, "values of \(name) stand side by side")
      if first.parts.count == depth + 1 {
        self[String(name)] = first.value
      } else {
        let object = JSONObject(leaves: inside, depth: depth + 1, isNull)
        let path = first.parts[...depth].joined(separator: ".")
        self[String(name)] = isNull(path, object) ? .null : .object(object)
      }
    }
  }
}
