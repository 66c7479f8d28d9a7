import ArgumentParser
import ChannelCoding
import Files

extension ChannelCommand {
  struct Decode: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make vector + noise of payload bytes: the receiving end.",
      discussion: """
        Key, codec, options, sigma, clip and dimension must be those of fedsim channel encode; what differs is named. With
        --raw the file is the payload's bytes alone: then some bytes decode to another vector, and nothing shows it.
        """)

    @OptionGroup var message: MessageArguments

    @Option(
      parsing: .unconditional, help: ArgumentHelp("Coordinates of the update, d.", valueName: "d"))
    var dimension: String

    @Option(help: ArgumentHelp("The payload.", valueName: "file"))
    var input: String

    @Option(
      help: ArgumentHelp(
        "Where the vector goes, as float64, replaced where it exists; - for standard output.", valueName: "file"))
    var out: String

    func run() throws {
      try message.checkFiles(input: input, out: out)
      let link = try message.channel(dimension: ToolRanges.dimension(dimension))
      let bytes = try InputFile.read(input)
      let payload = message.raw ? Payload(bytes: bytes) : try link.payload(fileBytes: bytes, name: input)
      let file = try StagedFile(out)
      try file.append(NPYFile.vector(link.decode(payload, name: input)))
      try file.keep()
    }
  }
}
