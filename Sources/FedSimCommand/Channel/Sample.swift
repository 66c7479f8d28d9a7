import ArgumentParser
import ChannelCoding
import Files
import JSONText
import Verification

extension ChannelCommand {
  struct Sample: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Send one update many times and write what arrives as NumPy files.",
      discussion: """
        Writes x.npy (the update, d), y.npy (a row a message, K x d, in x's coordinates), bits.npy (K payload bits) and
        model-bits.npy (K: minus log2 of the probability that the codec's models gave to what was coded), all float64.
        The noise has variance 1, x a Gaussian direction of squared length snr x d. Every row has fresh randomness. The
        same bytes for one seed and any number of threads. Prints means of both lengths with their standard errors.
        """)

    @OptionGroup var codec: CodecArguments

    @Option(
      parsing: .unconditional, help: ArgumentHelp("Coordinates of the update, d.", valueName: "d"))
    var dimension: String

    @Option(
      parsing: .unconditional,
      help: ArgumentHelp("Signal-to-noise ratio |x|^2 / (d sigma^2); 0 for x = 0.", valueName: "r"))
    var snr: String

    @Option(
      parsing: .unconditional, help: ArgumentHelp("Messages, K.", valueName: "k"))
    var repetitions: String

    @Option(
      parsing: .unconditional, help: ArgumentHelp("Names all randomness.", valueName: "n"))
    var seed = "1"

    @Option(help: ArgumentHelp("The folder for the files, which replace older ones.", valueName: "folder"))
    var out: String

    @OptionGroup var formatting: RowFormatOption

    @OptionGroup var threading: ThreadsOption

    func run() throws {
      try OutputFile.checkFolder(out, flag: "--out")
      let name = try codec.name()
      let options = try codec.options.load(for: [name])
      let ratio = try ToolRanges.snr(snr)
      let settings = ChannelSettings.unitNoise(
        name, options: options, dimension: try ToolRanges.dimension(dimension), snr: ratio)
      let sample = try ChannelSample(
        settings, snr: ratio,
        repetitions: FlagValue.integer(repetitions, flag: "--repetitions", in: 1...1_000_000_000),
        seed: FlagValue.seed(seed, flag: "--seed"))
      let summary = try write(sample)
      switch formatting.format {
      case .json: try Console.result(summary.json.text(pretty: true))
      case .csv: try Console.result(CSV.table([summary.json]))
      case .text: try Console.result(summary.text)
      }
    }

    private func write(_ sample: ChannelSample) throws -> ChannelSample.Summary {
      let progress = StepProgress(of: sample.repetitions, "rows")
      defer { progress.finish() }
      return try sample.write(to: out, threads: threading.count) { progress.update($0) }
    }
  }
}
