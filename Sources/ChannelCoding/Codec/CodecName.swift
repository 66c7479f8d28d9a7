/// The name of a codec, as scenarios, broadcasts and payload files spell it: small letters, digits and hyphens.
///
/// A name is only a name: what it stands for is a matter of the `CodecRegistry` that it is looked up in.
public struct CodecName: RawRepresentable, Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
  public let rawValue: String

  public init(rawValue: String) { self.rawValue = rawValue }

  public init(stringLiteral value: String) { rawValue = value }

  public var description: String { rawValue }

  /// Whether the name is spelled as names are, and fits into one byte's length.
  var isWellFormed: Bool {
    let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    return (1...100).contains(rawValue.utf8.count)
      && rawValue.utf8.allSatisfy { letters.contains($0) || digits.contains($0) || $0 == UInt8(ascii: "-") }
  }
}
