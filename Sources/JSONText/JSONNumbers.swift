extension JSON {
  /// The value of either kind of number.
  package var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  /// Null for nil.
  public static func optional(_ value: Double?) -> JSON { value.map { .number($0) } ?? .null }
}
