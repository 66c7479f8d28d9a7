import ArgumentParser
import ChannelCoding
import Files
import JSONText
import Settings

/// Which codec, with its options: the same flags for every command.
struct CodecArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Which codec, by its name in \"fedsim channel list\".", valueName: "name"))
  var codec: String

  @OptionGroup var options: CodecOptionArguments

  func name() throws(ToolError) -> CodecName { try FlagValue.codec(codec, flag: "--codec") }
}

/// Options of single codecs: a flag for each option that a codec declares. What they may be, and their help, is declared there.
struct CodecOptionArguments: ParsableArguments {
  @Option(parsing: .unconditional, help: Self.help("draws", "n"))
  var draws: String?

  @Option(help: Self.help("fixedLength", "true|false"))
  var fixedLength: String?

  @Option(parsing: .unconditional, help: Self.help("effort", "n"))
  var effort: String?

  private static func option(_ name: String) -> KeyDescription? {
    CodecRegistry.standard.options.first { $0.name == name }
  }

  private static func help(_ name: String, _ value: String) -> ArgumentHelp {
    let option = option(name)
    let text = (option?.meaning ?? "").replacing("`", with: "")
    return ArgumentHelp(
      "\(text.prefix(1).uppercased())\(text.dropFirst()). (default: \(option?.standard.summary ?? "none"))",
      valueName: value)
  }

  /// - Parameter codecs: where none of them reads an option that was given, a warning says so.
  func load(for codecs: [CodecName]) throws(ToolError) -> CodecOptions {
    var options = CodecOptions.standard
    for (option, text) in given(for: codecs) { options[option] = try FlagValue.option(option, text) }
    return options
  }

  /// Every combination of values with commas between them that a codec can tell apart: a codec that does not read an option has one row for
  /// all of its values.
  func lists(for codecs: [CodecName]) throws(ToolError) -> [CodecName: [CodecOptions]] {
    var values: [(option: KeyDescription, values: [JSON])] = []
    for (option, text) in given(for: codecs) {
      var list: [JSON] = []
      for part in FlagValue.list(text) {
        let value = try FlagValue.option(option, part)
        if !list.contains(value) { list.append(value) }
      }
      values.append((option, list))
    }
    var all: [CodecName: [CodecOptions]] = [:]
    for codec in codecs {
      let own = CodecRegistry.standard[codec]?.options.map(\.name) ?? []
      all[codec] = values.filter { own.contains($0.option.name) }.reduce([CodecOptions.standard]) { rows, list in
        rows.flatMap { row in
          list.values.map { value in
            var row = row
            row[list.option] = value
            return row
          }
        }
      }
    }
    return all
  }

  /// The options that were given, with their texts.
  private func given(for codecs: [CodecName]) -> [(KeyDescription, String)] {
    let families = codecs.compactMap { CodecRegistry.standard[$0] }
    return [("draws", draws), ("fixedLength", fixedLength), ("effort", effort)].compactMap { name, text in
      guard let text, let option = Self.option(name) else { return nil }
      if !families.contains(where: { $0.options.contains { $0.name == option.name } }) {
        Console.warning("--\(option.flag) changes nothing for \(codecs.map(\.rawValue).joined(separator: ", "))")
      }
      return (option, text)
    }
  }
}

/// What is sent where no file says it, and how it is drawn.
enum ToolRanges {
  /// An update then takes a gigabyte in double.
  static let dimension = 1...1 << 27
  /// R = |x|^2 / (d sigma^2); 0 is allowed beside it.
  static let snr = 1e-12...1e9
  /// Norms and deviations: inside these nothing overflows or vanishes, in float32 neither.
  static let scales = 1e-30...1e30

  static func dimension(_ text: String) throws(ToolError) -> Int {
    try FlagValue.integer(text, flag: "--dimension", in: dimension)
  }

  static func snr(_ text: String) throws(ToolError) -> Double {
    try FlagValue.number(text, flag: "--snr", in: snr, or: 0)
  }
}
