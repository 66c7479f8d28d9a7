/// Numbers and tables for people.
public enum Text {
  /// `digits` after the point.
  public static func fixed(_ value: Double, _ digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    guard value.isFinite, abs(value) * scale < 9e15 else { return "\(value)" }
    let scaled = Int((abs(value) * scale).rounded())
    let sign = value < 0 && scaled != 0 ? "-" : ""
    guard digits > 0 else { return sign + grouped(scaled) }
    let fraction = String(scaled % Int(scale))
    let zeros = String(repeating: "0", count: digits - fraction.count)
    return sign + grouped(scaled / Int(scale)) + "." + zeros + fraction
  }

  /// `digits` after the point, never below the value: for upper bounds.
  public static func fixedUp(_ value: Double, _ digits: Int) -> String {
    var step = 1.0
    for _ in 0..<digits { step /= 10 }
    let text = fixed(value, digits)
    let shown = Double(text.split(separator: ",").joined()) ?? .infinity
    return shown >= value ? text : fixed(value + step, digits)
  }

  /// `digits` after the point, never above the value: for lower bounds.
  public static func fixedDown(_ value: Double, _ digits: Int) -> String {
    var step = 1.0
    for _ in 0..<digits { step /= 10 }
    let text = fixed(value, digits)
    let shown = Double(text.split(separator: ",").joined()) ?? -.infinity
    return shown <= value ? text : fixed(value - step, digits)
  }

  /// A loss: three digits after the point, or an exponent where it is no loss any more.
  package static func loss(_ value: Double) -> String {
    guard value.isFinite, value >= 1e6 else { return fixed(value, 3) }
    var (mantissa, exponent) = (value, 0)
    while mantissa >= 10 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
    return "\(fixed(mantissa, 1))e\(exponent)"
  }

  /// About three significant digits: "0.0123", "4.56", "78.9", "1,234", "3.4e-08".
  public static func short(_ value: Double) -> String {
    let size = abs(value)
    if size == 0 { return "0" }
    guard size.isFinite else { return "\(value)" }
    if size < 1e-4 || size >= 1e15 {
      // d.de-XX by hand: two significant digits.
      var exponent = 0
      var mantissa = size
      while mantissa < 1 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
      while mantissa >= 10 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
      let text = fixed(mantissa, 2)
      let trimmed = text.hasSuffix(".00") ? String(text.dropLast(3)) : text
      return (value < 0 ? "-" : "") + trimmed + "e\(exponent)"
    }
    if size < 0.1 { return fixed(value, 4) }
    if size < 1 { return fixed(value, 3) }
    if size < 10 { return fixed(value, 2) }
    return size < 1000 ? fixed(value, 1) : fixed(value, 0)
  }

  /// A time as people say it: "0.05 s", "3.4 s", "250 s", "45 min", "12.5 h".
  public static func seconds(_ value: Double) -> String {
    switch value {
    case ..<1: fixed(value, 2) + " s"
    case ..<10: fixed(value, 1) + " s"
    case ..<600: fixed(value, 0) + " s"
    case ..<36_000: fixed(value / 60, 0) + " min"
    default: fixed(value / 3600, 1) + " h"
    }
  }

  /// "1 run", "1,234 runs"
  public static func counted(_ count: Int, _ noun: String) -> String {
    "\(grouped(count)) \(noun)\(count == 1 ? "" : "s")"
  }

  /// "1,234,567"
  public static func grouped(_ value: Int) -> String {
    var digits = String(value.magnitude)
    var groups: [String] = []
    while digits.count > 3 {
      groups.append(String(digits.suffix(3)))
      digits.removeLast(3)
    }
    groups.append(digits)
    return (value < 0 ? "-" : "") + groups.reversed().joined(separator: ",")
  }

  /// Right-aligned columns, two spaces apart, under a ruled header.
  public static func table(_ header: [String], _ rows: [[String]]) -> String {
    let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
    let line = { (cells: [String]) in
      zip(cells, widths).map { String(repeating: " ", count: $1 - $0.count) + $0 }.joined(separator: "  ")
    }
    let rule = widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ")
    return ([line(header), rule] + rows.map(line)).joined(separator: "\n")
  }

  /// Breaks at spaces so that no line is longer than `width`, where words allow.
  public static func wrapped(_ text: String, width: Int = 100, indent: String = "") -> String {
    var lines: [String] = []
    var line = indent
    for word in text.split(separator: " ") {
      if line.count > indent.count, line.count + 1 + word.count > width {
        lines.append(line)
        line = indent
      }
      line += (line.count > indent.count ? " " : "") + word
    }
    lines.append(line)
    return lines.joined(separator: "\n")
  }

  /// The text with some of its scalars replaced. Characters would not do: a quote and a combining mark behind it are one character, which is
  /// no quote.
  ///
  /// - Parameter replacement: nil for a scalar that stays.
  public static func replacing(in text: String, _ replacement: (Unicode.Scalar) -> String?) -> String {
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if let new = replacement(scalar) {
        scalars.append(contentsOf: new.unicodeScalars)
      } else {
        scalars.append(scalar)
      }
    }
    return String(scalars)
  }

  /// As one would write it: "1000000" rather than "1000000.0".
  public static func shown(_ value: Double) -> String {
    value == value.rounded() && value.magnitude < 1e15 ? "\(Int(value))" : "\(value)"
  }
}
