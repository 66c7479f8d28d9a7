import ArgumentParser
import ChannelCoding
import Files
import JSONText

extension ChannelCommand {
  struct Encode: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Turn a vector into payload bytes: the sending end.",
      discussion: """
        The other end needs the same key, codec, options, sigma and clip, and the dimension: fedsim channel decode.
        A vector longer than the clipping norm is clipped. The sender's own randomness comes from the operating system.
        The file has the settings and a checksum beside the payload, so that another setting at the other end is found.
        """)

    @OptionGroup var message: MessageArguments

    @Option(help: ArgumentHelp("The vector: an NPY file of one dimension, float32 or float64.", valueName: "file"))
    var input: String

    @Option(
      help: ArgumentHelp("Where the payload goes, replaced where it exists; - for standard output.", valueName: "file"))
    var out: String

    @Option(
      parsing: .unconditional,
      help: ArgumentHelp(
        "Take the sender's own randomness from a number instead, for bytes that can be repeated: not for real data.",
        valueName: "n"))
    var privateSeed: String?

    @OptionGroup var formatting: FormatOption

    func run() throws {
      try message.checkFiles(input: input, out: out)
      if out == "-", formatting.format == .json {
        throw ToolError.input(
          place: "--out",
          problem: "found - with --format json: both go to standard output; allowed: a file, or --format text")
      }
      let seed = try privateSeed.map { text in try FlagValue.seed(text, flag: "--private-seed") }
      let values = try NPYFile.readVector(InputFile.read(input), name: input)
      if let i = values.firstIndex(where: { !$0.isFinite }) {
        throw ToolError.input(place: "\(input): index \(i)", problem: "found \(values[i]); allowed: finite numbers")
      }
      guard ToolRanges.dimension.contains(values.count) else {
        throw ToolError.input(
          place: input, problem: "\(values.count) numbers; allowed: 1 to \(ToolRanges.dimension.upperBound)")
      }
      let link = try message.channel(dimension: values.count)
      let settings = link.channel.settings
      let update = ClippedUpdate(clipping: values, to: settings.clippingNorm)
      let file = try StagedFile(out)
      if update.wasClipped {
        Console.warning("\(input): longer than the clipping norm \(settings.clippingNorm), and clipped to it")
      }
      var noise =
        seed.map { PrivateRandomness(key: Key(seed: $0, label: "channel encode")) } ?? PrivateRandomness.fromSystem()
      var tally = CodingTally()
      let payload = link.encode(update, private: &noise, tally: &tally)
      try file.append(message.raw ? payload.bytes : link.fileBytes(of: payload))
      try file.keep()
      try report(payload, tally.modelBits, update, settings)
    }

    private func report(
      _ payload: Payload, _ modelBits: Double?, _ update: ClippedUpdate, _ settings: ChannelSettings
    ) throws {
      // Without noise there is no bound on what the message says.
      let information = settings.noiseScale > 0 ? update.informationBits(noiseScale: settings.noiseScale) : nil
      switch formatting.format {
      case .json:
        let result: JSON = [
          "codec": .string(settings.codec.rawValue), "dimension": .integer(settings.dimension),
          "bits": .integer(payload.bits), "modelBits": .optional(modelBits), "informationBits": .optional(information),
          "norm": .number(update.norm), "wasClipped": .bool(update.wasClipped),
        ]
        try Console.result(result.text(pretty: true))
      case .text:
        // Standard output has the payload where it is asked to.
        let say = { (line: String) throws -> Void in
          if out == "-" { Console.error(line) } else { try Console.result(line) }
        }
        try say("\(Text.grouped(payload.bits)) bits for \(Text.grouped(settings.dimension)) coordinates")
        if let modelBits { try say("\(Text.short(modelBits)) model bits") }
        if let information {
          try say("I(X;Y) = \(Text.short(information)) bits for a Gaussian update of this norm")
        }
      }
    }
  }
}
