import ArgumentParser
import ChannelCoding
import FedSim

extension ChannelCommand {
  struct Decode: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make vector + noise of payload bytes: the receiving end.",
      discussion: """
        Key, codec, options, sigma and clip must be those of fedsim channel encode. With another key some bytes decode
        to another vector, and nothing shows it.
        """)

    @OptionGroup var message: MessageArguments

    @Option(
      parsing: .unconditional, help: ArgumentHelp("Coordinates of the update, d.", valueName: "d"))
    var dimension: String

    @Option(help: ArgumentHelp("The payload.", valueName: "file"))
    var input: String

    @Option(help: ArgumentHelp("Where the vector goes, as float64; replaced where it exists.", valueName: "file"))
    var out: String

    func run() throws {
      let link = try message.channel(dimension: ToolRanges.dimension(dimension))
      let payload = Payload(bytes: try InputFile.read(input))
      let file = try StagedFile(out)
      try file.append(NPYFile.vector(link.decode(payload, name: input)))
      try file.keep()
    }
  }
}
