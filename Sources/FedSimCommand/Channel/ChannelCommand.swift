import ArgumentParser
import JSONText

/// `fedsim channel`: the channel without a scenario. Without a subcommand it prints its help.
struct ChannelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "channel",
    abstract: "The channel alone: list codecs, send messages, measure bits and times, check laws.",
    discussion: """
      A codec turns an update x into bytes from which the other end makes x + noise. Start with

        fedsim channel list
        fedsim channel bench --codec all --dimension 1000 --snr 0.01
        fedsim channel verify

      docs/channel-tools.md has the files and the JSON keys.
      """,
    subcommands: [
      List.self, Sample.self, Encode.self, Decode.self, Bench.self, Verify.self, Target.self, Trace.self,
    ])
}
