import JSONText

/// JSON rows as comma-separated values: one column a leaf of the row, named by its dotted path.
package enum CSV {
  /// The header of the first row and a line for each, without a line break at the end. Rows have the same keys.
  package static func table(_ rows: [JSON]) -> String {
    (rows.prefix(1).map(header) + rows.map(line)).joined(separator: "\n")
  }

  package static func header(_ row: JSON) -> String { leaves(row, "").map(\.path).joined(separator: ",") }

  /// Null is an empty field.
  package static func line(_ row: JSON) -> String {
    leaves(row, "").map { cell($0.value) }.joined(separator: ",")
  }

  package static func leaves(_ value: JSON, _ path: String) -> [(path: String, value: JSON)] {
    guard case .object(let object) = value else { return [(path, value)] }
    return object.flatMap { leaves($0.value, JSONParser.childPath(path, key: $0.key)) }
  }

  package static func cell(_ value: JSON) -> String {
    let text: String
    switch value {
    case .null: return ""
    case .string(let found): text = found
    case .array, .object: text = value.text(pretty: false)
    default: return value.text(pretty: false)
    }
    return "\"" + Text.replacing(in: text) { $0 == "\"" ? "\"\"" : nil } + "\""
  }
}
