import ArgumentParser
import ChannelCoding
import Files

/// Which codec, with its options: the same flags for every command.
struct CodecArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Which codec, by its name in \"fedsim channel list\".", valueName: "name"))
  var codec: String

  @OptionGroup var options: CodecOptionArguments

  func name() throws(ToolError) -> CodecName { try FlagValue.codec(codec, flag: "--codec") }
}

/// Options of single codecs.
struct CodecOptionArguments: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Block codecs: candidates for a block, on average; more take fewer bits and more time. (default: 100)",
      valueName: "n"))
  var draws: String?

  @Option(
    help: ArgumentHelp(
      "layered-shifted: whether every payload has one length. (default: true)", valueName: "true|false"))
  var fixedLength: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "polar: how much time the encoder may take to save bits, 0 to 6. (default: 0)", valueName: "n"))
  var effort: String?

  /// - Parameter codecs: where none of them reads an option that was given, a warning says so.
  func load(for codecs: [CodecName]) throws(ToolError) -> CodecOptions {
    var options = CodecOptions.standard
    if let draws {
      options.draws = try FlagValue.integer(draws, flag: "--draws", in: CodecOptions.allowedDraws)
      if !codecs.contains(where: \.usesDraws) { warn("--draws", codecs) }
    }
    if let fixedLength {
      options.fixedLength = try FlagValue.boolean(fixedLength, flag: "--fixed-length")
      if !codecs.contains(where: \.usesFixedLength) { warn("--fixed-length", codecs) }
    }
    if let effort {
      options.effort = try FlagValue.integer(effort, flag: "--effort", in: CodecOptions.allowedEffort)
      if !codecs.contains(where: \.usesEffort) { warn("--effort", codecs) }
    }
    return options
  }

  private func warn(_ flag: String, _ codecs: [CodecName]) {
    Console.warning("\(flag) changes nothing for \(codecs.map(\.rawValue).joined(separator: ", "))")
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
