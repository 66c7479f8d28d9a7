extension JSON {
  /// The value of either kind of number.
  package var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  /// Null for nil, and for what is not finite, which JSON does not have.
  public static func optional(_ value: Double?) -> JSON {
    if let value, value.isFinite { .number(value) } else { .null }
  }
}
