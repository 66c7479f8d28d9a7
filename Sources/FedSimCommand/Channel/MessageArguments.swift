import ArgumentParser
import ChannelCoding
import Files
import Verification

/// What two processes must agree on to send one message.
struct MessageArguments: ParsableArguments {
  @OptionGroup var codec: CodecArguments

  @Option(
    help: ArgumentHelp(
      "What both ends share: 32 raw bytes, or 64 hexadecimal digits. One key for one message.", valueName: "file"))
  var key: String

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Standard deviation of the noise, each coordinate.", valueName: "sigma")
  )
  var sigma: String

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The clipping norm C; inf for float32 without privacy.", valueName: "norm"))
  var clip: String

  @Flag(
    help: "The payload's bytes alone, without the settings and the checksum that otherwise go with them: for both ends."
  )
  var raw = false

  /// What both ends are asked of the files before they read one.
  ///
  /// - Throws: `ToolError.input` where one of them would be read twice, or written over.
  func checkFiles(input: String, out: String) throws(ToolError) {
    guard key != "-" || input != "-" else {
      throw .input(
        place: "--input",
        problem: "found -, and --key is - too: standard input can be one of them; allowed: a file for the other")
    }
    guard !out.isEmpty else { throw .input(place: "--out", problem: "found \"\"; allowed: the name of a file, or -") }
    guard out != "-" else { return }
    var inputs = InputFiles()
    inputs.add(input, as: "what --input reads")
    inputs.add(key, as: "what --key reads")
    try inputs.refuse(out, flag: "--out")
  }

  /// - Parameter dimension: coordinates of the update.
  func channel(dimension: Int) throws -> KeyedChannel {
    let name = try codec.name()
    let noise = try FlagValue.number(sigma, flag: "--sigma", in: ToolRanges.scales, or: 0)
    try Self.checkNoise(noise, of: name)
    let settings = ChannelSettings(
      codec: name, options: try codec.options.load(for: [name]), dimension: dimension,
      clippingNorm: try FlagValue.number(clip, flag: "--clip", in: ToolRanges.scales, or: .infinity),
      noiseScale: noise)
    return try KeyedChannel(settings, key: KeyFile.key(InputFile.read(key), name: key))
  }

  /// - Throws: `ToolError.input` for no noise where the codec sends nothing but noise around an update.
  static func checkNoise(_ sigma: Double, of codec: CodecName) throws(ToolError) {
    guard sigma == 0, let family = CodecRegistry.standard[codec], !family.descriptor.worksWithoutNoise else { return }
    let others = CodecRegistry.standard.families.map(\.descriptor).filter(\.worksWithoutNoise).map { "\"\($0.name)\"" }
    throw .input(
      place: "--sigma",
      problem:
        "found 0 with \"\(codec)\", whose payload is the name of a sample of update + noise: without noise there is none to name; "
        + "allowed: a number from 1e-30 to 1e+30, or 0 with \(others.joined(separator: ", "))")
  }
}
