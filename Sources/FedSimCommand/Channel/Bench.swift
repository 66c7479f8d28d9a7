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
          fedsim channel bench --codec all --dimension 4096 --snr 0.01,1
          fedsim channel bench --codec mrc --draws 64,1024 --dimension 20 --snr 1
          fedsim channel bench --codec pfr,polar --input x.npy --sigma 0.5,1

        With --dimension and --snr: noise of variance 1 and an update of squared
        length snr x d, as in fedsim channel sample. With --input: your own vectors.
        One thread; medians of times over the messages, after a warm-up. Decoding is
        without the inverse rotation, which is done once a round.

        Model bits are minus log2 of the probability that the codec's models gave to
        what was coded: the length of a payload without whole bytes. K is the index
        of the candidate that a search chose: "indices" of them a message, with
        "log2 K" bits together. "s.e." is the standard error of the mean before it.
        """)

    @Option(help: ArgumentHelp("Codecs, with commas; or all.", valueName: "names"))
    var codec: String

    @OptionGroup var options: CodecOptionArguments

    @Option(
      parsing: .unconditional, help: ArgumentHelp("Coordinates of the update; several with commas.", valueName: "d"))
    var dimension: String?

    @Option(
      parsing: .unconditional,
      help: ArgumentHelp("Signal-to-noise ratio |x|^2 / (d sigma^2); several with commas.", valueName: "r"))
    var snr: String?

    @Option(
      help: ArgumentHelp(
        "In place of --dimension and --snr: your vectors, a NumPy file of d numbers or of rows of d.", valueName: "file"
      ), completion: .file(extensions: ["npy"]))
    var input: String?

    @Option(
      parsing: .unconditional,
      help: ArgumentHelp(
        "With --input: standard deviation of the noise; several with commas. (default: 1)", valueName: "sigma"))
    var sigma: String?

    @Option(
      parsing: .unconditional,
      help: ArgumentHelp(
        "With --input: the clipping norm C. (default: the largest norm of a vector)", valueName: "norm"))
    var clip: String?

    @Option(
      parsing: .unconditional,
      help: ArgumentHelp(
        "Messages a row of the table; with --input, messages a vector. (default: 25, or what makes at least 25 of all vectors)",
        valueName: "k"))
    var repetitions: String?

    @Option(
      parsing: .unconditional, help: ArgumentHelp("Names all randomness.", valueName: "n"))
    var seed = "1"

    @OptionGroup var formatting: RowFormatOption

    /// One row of the table.
    private struct Work {
      let settings: ChannelSettings
      /// Nil for vectors of the user's.
      let snr: Double?
    }

    func run() throws {
      let codecs = try FlagValue.codecs(codec, flag: "--codec", all: CodecRegistry.standard.names)
      let options = try options.lists(for: codecs)
      let seed = try FlagValue.seed(seed, flag: "--seed")
      let count = try repetitions.map { try FlagValue.integer($0, flag: "--repetitions", in: 1...1_000_000) }
      let vectors = try vectors()
      let work = try vectors.map { try rows(codecs, options, $0) } ?? rows(codecs, options)
      for row in work { try row.settings.check() }
      var results: [ChannelBenchmark] = []
      for row in work {
        let settings = row.settings
        let what = row.snr.map { "snr = \(Text.shown($0))" } ?? "sigma = \(Text.shown(settings.noiseScale))"
        Console.error("\(settings.codec.rawValue), d = \(settings.dimension), \(what) ...")
        if let ratio = row.snr {
          results.append(try ChannelBenchmark(settings, snr: ratio, repetitions: count ?? 25, seed: seed))
        } else if let vectors {
          results.append(
            try ChannelBenchmark(
              settings, vectors: vectors, repetitions: count ?? max(1, (24 + vectors.count) / vectors.count), seed: seed
            ))
        }
      }
      switch formatting.format {
      case .json: try Console.result(JSON.object(["results": .array(results.map(\.json))]).text(pretty: true))
      case .csv: try Console.result(ChannelBenchmark.csv(results))
      case .text: try Console.result(ChannelBenchmark.table(results))
      }
    }

    /// The rows of vectors that are made: every dimension, ratio, codec and option.
    private func rows(_ codecs: [CodecName], _ options: [CodecName: [CodecOptions]]) throws -> [Work] {
      for (value, flag) in [(dimension, "--dimension"), (snr, "--snr")] where value == nil {
        throw ToolError.input(place: flag, problem: "not given; allowed: both of --dimension and --snr, or --input")
      }
      for (value, flag) in [(sigma, "--sigma"), (clip, "--clip")] where value != nil {
        throw ToolError.input(
          place: flag, problem: "found without --input; allowed: with --input, as the noise is 1 and C is |x| otherwise"
        )
      }
      return try FlagValue.list(dimension ?? "").map(ToolRanges.dimension).flatMap { dimension in
        try FlagValue.list(snr ?? "").map(ToolRanges.snr).flatMap { ratio in
          codecs.flatMap { codec in
            (options[codec] ?? []).map {
              Work(settings: .unitNoise(codec, options: $0, dimension: dimension, snr: ratio), snr: ratio)
            }
          }
        }
      }
    }

    /// The rows of the user's vectors: every deviation of the noise, codec and option.
    private func rows(
      _ codecs: [CodecName], _ options: [CodecName: [CodecOptions]], _ vectors: [[Double]]
    ) throws -> [Work] {
      for (value, flag) in [(dimension, "--dimension"), (snr, "--snr")] where value != nil {
        throw ToolError.input(
          place: flag, problem: "found with --input, whose vectors say it; allowed: --sigma and --clip beside --input")
      }
      let longest = vectors.map { ClippedUpdate(clipping: $0, to: .infinity).norm }.max() ?? 0
      let norm = try clip.map { try FlagValue.number($0, flag: "--clip", in: ToolRanges.scales) }
      guard norm != nil || ToolRanges.scales.contains(longest) else {
        throw ToolError.input(
          place: "--clip",
          problem:
            "not given, and the longest vector has norm \(Text.shown(longest)); allowed: a number from 1e-30 to 1e+30")
      }
      return try FlagValue.list(sigma ?? "1").flatMap { text in
        let sigma = try FlagValue.number(text, flag: "--sigma", in: ToolRanges.scales, or: 0)
        return try codecs.flatMap { codec in
          try MessageArguments.checkNoise(sigma, of: codec)
          return (options[codec] ?? []).map {
            Work(
              settings: ChannelSettings(
                codec: codec, options: $0, dimension: vectors[0].count, clippingNorm: norm ?? longest, noiseScale: sigma
              ),
              snr: nil)
          }
        }
      }
    }

    /// What --input holds; nil without it.
    private func vectors() throws(ToolError) -> [[Double]]? {
      guard let input else { return nil }
      let array = try NPYArray.read(InputFile.read(input), name: input)
      guard (1...2).contains(array.shape.count), array.count > 0, let dimension = array.shape.last else {
        throw .input(
          place: "\(input): byte \(array.shapeOffset)",
          problem:
            "found the shape (\(array.shape.map(String.init).joined(separator: ", "))); allowed: (d) or (rows, d)")
      }
      let values = array.doubles()
      if let wrong = values.firstIndex(where: { !$0.isFinite }) {
        throw .input(
          place: "\(input): row \(wrong / dimension), index \(wrong % dimension)",
          problem: "found \(values[wrong]); allowed: finite numbers")
      }
      return (0..<(values.count / dimension)).map { Array(values[($0 * dimension)..<(($0 + 1) * dimension)]) }
    }
  }
}
