/// Rounds as comma-separated values: one column a leaf of the JSON row, named by its dotted path.
enum CSV {
  static func header(_ row: JSON) -> String { leaves(row, "").map(\.path).joined(separator: ",") }

  /// Null is an empty field.
  static func line(_ row: JSON) -> String {
    leaves(row, "").map { cell($0.value) }.joined(separator: ",")
  }

  static func leaves(_ value: JSON, _ path: String) -> [(path: String, value: JSON)] {
    guard case .object(let object) = value else { return [(path, value)] }
    return object.flatMap { leaves($0.value, JSONParser.childPath(path, key: $0.key)) }
  }

  static func cell(_ value: JSON) -> String {
    let text: String
    switch value {
    case .null: return ""
    case .string(let found): text = found
    case .array, .object: text = value.text(pretty: false)
    default: return value.text(pretty: false)
    }
    return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
  }
}

extension RoundRecord {
  public var csvHeader: String {
    // Distributions that a round lacks keep their columns.
    CSV.header(json).split(separator: ",", omittingEmptySubsequences: false)
      .flatMap {
        $0 == "clientAccuracy" ? ["mean", "p10", "p50", "p90"].map { "clientAccuracy." + $0 } : [String($0)]
      }
      .joined(separator: ",")
  }

  public var csvLine: String {
    guard case .object(var row) = json else { return "" }
    if clientAccuracy == nil { row["clientAccuracy"] = ["mean": .null, "p10": .null, "p50": .null, "p90": .null] }
    return CSV.line(.object(row))
  }
}
