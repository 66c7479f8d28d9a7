import JSONText
import Settings

/// Options of a codec as bytes, in broadcasts and payload files.
///
/// Each is an integer (LEB128; 0 or 1 for a flag) or a float64. Draws, fixed length and effort come first, whichever codec it is; then
/// come the codec's other options in the order of its keys. So the codecs of this package, which have no others, have the same
/// bytes as before there were any.
enum OptionBytes {
  /// The options that every codec has in its bytes.
  static var always: [KeyDescription] {
    BlockOptions.keys.descriptions + ShiftedOptions.keys.descriptions + PolarOptions.keys.descriptions
  }

  static func all(of family: (any CodecFamily)?) -> [KeyDescription] {
    let always = always
    return always + (family?.options ?? []).filter { option in !always.contains { $0.name == option.name } }
  }

  static func write(_ options: CodecOptions, of family: (any CodecFamily)?, to writer: inout ByteWriter) {
    for option in all(of: family) {
      switch (option.range, options[option]) {
      case (.integer, .integer(let value)): writer.put(varint: value)
      case (.flag, .bool(let value)): writer.put(varint: value ? 1 : 0)
      case (.number, .number(let value)): writer.put(value)
      default: preconditionFailure("\"\(option.name)\" is an option without a problem")
      }
    }
  }

  /// Ranges are a matter of `ChannelSettings.problem`.
  static func read(of family: any CodecFamily, from reader: inout ByteReader) throws(WireError) -> CodecOptions {
    var options = CodecOptions()
    for option in all(of: family) {
      switch option.range {
      case .integer: options[option] = .integer(try reader.varint())
      case .flag: options[option] = .bool(try reader.flag())
      default: options[option] = .number(try reader.double())
      }
    }
    return options
  }
}

extension ByteReader {
  /// 0 or 1.
  mutating func flag() throws(WireError) -> Bool {
    let start = position
    let value = try varint()
    guard value <= 1 else { throw .malformed(at: start, "a flag of \(value)") }
    return value == 1
  }

  /// A codec's name, and the family that `registry` has for it.
  mutating func family(in registry: CodecRegistry) throws(WireError) -> any CodecFamily {
    let start = position
    let name = String(decoding: try bytes(try varint()), as: UTF8.self)
    guard let family = registry[CodecName(rawValue: name)] else { throw .malformed(at: start, "no codec \"\(name)\"") }
    return family
  }
}
