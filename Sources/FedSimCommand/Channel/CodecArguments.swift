import ArgumentParser
import ChannelCoding
import Files
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
    let families = codecs.compactMap { CodecRegistry.standard[$0] }
    var options = CodecOptions.standard
    for (name, text) in [("draws", draws), ("fixedLength", fixedLength), ("effort", effort)] {
      guard let text, let option = Self.option(name) else { continue }
      options[option] = try FlagValue.option(option, text)
      if !families.contains(where: { $0.options.contains { $0.name == option.name } }) {
        Console.warning("--\(option.flag) changes nothing for \(codecs.map(\.rawValue).joined(separator: ", "))")
      }
    }
    return options
  }
}

/// What is sent where no file says it, and how it is drawn.
enum ToolRanges {
  /// An update then takes a gigabyte in double.
  static let dimension = 1...1 << 27
  /// R = |x|^2 / (d sigma^2); 0 is allowed beside it.
  static let snr = 1e-12...1e9

  static func dimension(_ text: String) throws(ToolError) -> Int {
    try FlagValue.integer(text, flag: "--dimension", in: dimension)
  }

  static func snr(_ text: String) throws(ToolError) -> Double {
    try FlagValue.number(text, flag: "--snr", in: snr, or: 0)
  }
}
