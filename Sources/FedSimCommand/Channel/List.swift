import ArgumentParser
import Verification

extension ChannelCommand {
  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Name every codec: exact or not, its noise, who may see what, time, source.")

    @OptionGroup var formatting: FormatOption

    func run() throws {
      let list = CodecList()
      switch formatting.format {
      case .json: try Console.result(list.json.text(pretty: true))
      case .text: try Console.result(list.text)
      }
    }
  }
}
