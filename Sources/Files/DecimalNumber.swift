/// Decimal numbers in text, as single-precision values.
package enum DecimalNumber {
  private static let powers: [Double] = (0...22).map { exponent in (0..<exponent).reduce(1.0) { power, _ in power * 10 }
  }

  /// Reads one number from `position` on and moves behind it.
  ///
  /// - Parameters:
  ///   - isStrict: JSON's grammar; otherwise also a plus sign, leading zeros, `.5` and `5.`.
  ///   - point: what stands before decimals.
  /// - Returns: the nearest `Double` of the decimal number, rounded to `Float`, infinite where that is beyond range;
  ///   nil, and the position untouched, where there is no number.
  package static func read(
    _ bytes: UnsafeBufferPointer<UInt8>, _ position: inout Int, isStrict: Bool, point: UInt8 = UInt8(ascii: ".")
  ) -> Float? {
    var i = position
    let count = bytes.count
    var isNegative = false
    if i < count, bytes[i] == UInt8(ascii: "-") || (!isStrict && bytes[i] == UInt8(ascii: "+")) {
      isNegative = bytes[i] == UInt8(ascii: "-")
      i += 1
    }
    var mantissa: UInt64 = 0
    var exponent = 0
    var isCut = false
    let integerStart = i
    while i < count, case let digit = bytes[i] &- 0x30, digit < 10 {
      if mantissa < 100_000_000_000_000_000 {
        mantissa = mantissa &* 10 &+ UInt64(digit)
      } else {
        isCut = true
        exponent += 1
      }
      i += 1
    }
    let integerDigits = i - integerStart
    if isStrict, integerDigits == 0 || (integerDigits > 1 && bytes[integerStart] == 0x30) { return nil }
    var fractionDigits = 0
    if i < count, bytes[i] == point {
      i += 1
      let fractionStart = i
      while i < count, case let digit = bytes[i] &- 0x30, digit < 10 {
        if mantissa < 100_000_000_000_000_000 {
          mantissa = mantissa &* 10 &+ UInt64(digit)
          exponent -= 1
        } else {
          isCut = true
        }
        i += 1
      }
      fractionDigits = i - fractionStart
      if isStrict, fractionDigits == 0 { return nil }
    }
    guard integerDigits + fractionDigits > 0 else { return nil }
    if i < count, bytes[i] | 0x20 == UInt8(ascii: "e") {
      var j = i + 1
      var isExponentNegative = false
      if j < count, bytes[j] == UInt8(ascii: "-") || bytes[j] == UInt8(ascii: "+") {
        isExponentNegative = bytes[j] == UInt8(ascii: "-")
        j += 1
      }
      let exponentStart = j
      var written = 0
      while j < count, case let digit = bytes[j] &- 0x30, digit < 10 {
        written = min(written * 10 + Int(digit), 100_000)
        j += 1
      }
      guard j > exponentStart else { return nil }
      exponent += isExponentNegative ? -written : written
      i = j
    }
    let text = position..<i
    position = i
    if mantissa == 0 { return isNegative ? -0.0 : 0 }
    if !isCut, exponent == 0, mantissa <= 1 << 53 { return isNegative ? -Float(mantissa) : Float(mantissa) }
    if !isCut, (-22...22).contains(exponent) {
      // At most two roundings: within one unit of the nearest Double, and exact below 2^53.
      let size = exponent < 0 ? Double(mantissa) / powers[-exponent] : Double(mantissa) * powers[exponent]
      let single = Float(size)
      if mantissa <= 1 << 53 || (Float(size.nextDown) == single && Float(size.nextUp) == single) {
        return isNegative ? -single : single
      }
    }
    let written = bytes[text].map { $0 == point ? UInt8(ascii: ".") : $0 }
    return Double(String(decoding: written, as: UTF8.self)).map { Float($0) } ?? .nan
  }
}
