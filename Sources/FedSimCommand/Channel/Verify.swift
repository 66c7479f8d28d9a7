import ArgumentParser
import ChannelCoding
import Files
import Verification

extension ChannelCommand {
  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check the law of codecs' noise statistically; exit code 1 where a check fails.",
      discussion: """
        Sends heavy-tailed updates through encode, bytes and decode, with fresh randomness for each, and tests the noise:
        its law, and independence of the update, the coordinate, other coordinates, other rows and payload bits. Codecs
        that are not exact are tested against what they stand in for, and may fail. alpha is the probability that a check
        of a right channel fails, each.
        """)

    @Option(help: ArgumentHelp("Codecs, with commas; or all: those with exactly Gaussian noise.", valueName: "names"))
    var codec = "all"

    @OptionGroup var options: CodecOptionArguments

    @Option(
      parsing: .unconditional, help: ArgumentHelp("Noise coordinates for each codec and ratio.", valueName: "n"))
    var samples = "2000000"

    @Option(
      parsing: .unconditional, help: ArgumentHelp("False-alarm rate of a check.", valueName: "rate"))
    var alpha = "1e-6"

    @Option(
      parsing: .unconditional, help: ArgumentHelp("Coordinates of an update, d.", valueName: "d"))
    var dimension = "100"

    @Option(
      parsing: .unconditional,
      help: ArgumentHelp("Signal-to-noise ratio |x|^2 / (d sigma^2); several with commas.", valueName: "r"))
    var snr = "0.01,1"

    @Option(
      parsing: .unconditional, help: ArgumentHelp("Names all randomness.", valueName: "n"))
    var seed = "1"

    @OptionGroup var threading: ThreadsOption
    @OptionGroup var formatting: FormatOption

    func run() throws {
      let exact = CodecRegistry.standard.families.map(\.descriptor).filter(\.isExact).map(\.name)
      let codecs = try FlagValue.codecs(codec, flag: "--codec", all: exact)
      let options = try options.load(for: codecs)
      let count = try FlagValue.integer(
        samples, flag: "--samples", in: ChannelVerification.fewestCoordinates...50_000_000)
      var report = VerificationReport(alpha: try FlagValue.number(alpha, flag: "--alpha", in: 1e-12...0.1))
      let dimension = try FlagValue.integer(
        dimension, flag: "--dimension", in: 1...count / ChannelVerification.fewestRows)
      let ratios = try FlagValue.list(snr).map(ToolRanges.snr)
      let seed = try FlagValue.seed(seed, flag: "--seed")
      let work = codecs.flatMap { codec in
        ratios.map { (ChannelSettings.unitNoise(codec, options: options, dimension: dimension, snr: $0), $0) }
      }
      for (settings, _) in work { try settings.check() }
      for (settings, ratio) in work {
        try verify(settings, snr: ratio, rows: count / dimension, seed: seed, into: &report)
      }
      switch formatting.format {
      case .json: try Console.result(report.json.text(pretty: true))
      case .text: try Console.result(report.text)
      }
      if report.failures > 0 { throw ExitCode(1) }
    }

    private func verify(
      _ settings: ChannelSettings, snr: Double, rows: Int, seed: UInt64, into report: inout VerificationReport
    ) throws {
      Console.error(
        "\(settings.codec.rawValue), snr = \(Text.shown(snr)): \(rows) rows of \(settings.dimension) ...")
      let law = settings.descriptor?.noise ?? .approximate
      let progress = StepProgress(of: rows, "rows")
      let noise = try NoiseRows(
        through: settings, snr: snr, rows: rows, seed: seed, threads: threading.count
      ) { progress.update($0) }
      progress.finish()
      report.add(ChannelVerification(noise, law: law), of: settings, law: law, snr: snr)
    }
  }
}
