enum Polynomial {
  /// The polynomial of the given coefficients, lowest degree first, by Horner's rule.
  static func value(_ x: Double, _ coefficients: [Double]) -> Double {
    var value = 0.0
    for i in stride(from: coefficients.count - 1, through: 0, by: -1) { value = value * x + coefficients[i] }
    return value
  }
}
