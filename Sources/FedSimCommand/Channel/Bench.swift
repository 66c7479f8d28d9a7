import ArgumentParser
import ChannelCoding
import Files
import JSONText
import Verification

extension ChannelCommand {
  struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Measure bits and times of codecs.",
      discussion: """
        Noise of variance 1 and an update of squared length snr x d, as in fedsim channel sample; one thread; medians of
        times over the repetitions after a warm-up. Decoding is without the inverse rotation, which is done once a round.
        Model bits are minus log2 of the probability that the codec's models gave to what was coded: the length of a payload
        without whole bytes. "s.e." is the standard error of the mean before it.
        """)

    @Option(help: ArgumentHelp("Codecs, with commas; or all.", valueName: "names"))
    var codec: String

    @OptionGroup var options: CodecOptionArguments

    @Option(
      parsing: .unconditional, help: ArgumentHelp("Coordinates of the update; several with commas.", valueName: "d"))
    var dimension: String

    @Option(
      parsing: .unconditional,
      help: ArgumentHelp("Signal-to-noise ratio |x|^2 / (d sigma^2); several with commas.", valueName: "r"))
    var snr: String

    @Option(
      parsing: .unconditional, help: ArgumentHelp("Messages a row of the table.", valueName: "k"))
    var repetitions = "25"

    @Option(
      parsing: .unconditional, help: ArgumentHelp("Names all randomness.", valueName: "n"))
    var seed = "1"

    @OptionGroup var formatting: RowFormatOption

    func run() throws {
      let codecs = try FlagValue.codecs(codec, flag: "--codec", all: CodecRegistry.standard.names)
      let options = try options.load(for: codecs)
      let count = try FlagValue.integer(repetitions, flag: "--repetitions", in: 1...1_000_000)
      let seed = try FlagValue.seed(seed, flag: "--seed")
      var work: [(settings: ChannelSettings, snr: Double)] = []
      for dimension in try FlagValue.list(dimension).map(ToolRanges.dimension) {
        for ratio in try FlagValue.list(snr).map(ToolRanges.snr) {
          for codec in codecs {
            work.append((.unitNoise(codec, options: options, dimension: dimension, snr: ratio), ratio))
          }
        }
      }
      for (settings, _) in work { try settings.check() }
      var results: [ChannelBenchmark] = []
      for (settings, ratio) in work {
        Console.error("\(settings.codec.rawValue), d = \(settings.dimension), snr = \(Text.shown(ratio)) ...")
        results.append(try ChannelBenchmark(settings, snr: ratio, repetitions: count, seed: seed))
      }
      switch formatting.format {
      case .json: try Console.result(JSON.object(["results": .array(results.map(\.json))]).text(pretty: true))
      case .csv: try Console.result(ChannelBenchmark.csv(results))
      case .text: try Console.result(ChannelBenchmark.table(results))
      }
    }
  }
}
