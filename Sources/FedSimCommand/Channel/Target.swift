import ArgumentParser
import Files
import JSONText
import LineSamplers

extension ChannelCommand {
  struct Target: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Run samplers for a target on the line: steps, index, bits and bytes beside the theorems.",
      discussion: """
        P is public, Q the encoder's. Targets:

        \(TargetRegistry.kinds.map { "  \($0.name):\($0.parameters)   \($0.summary)" }.joined(separator: "\n"))

        Algorithms:

        \(AlgorithmRegistry.all.map { "  \($0.name): \($0.summary)" }.joined(separator: "\n"))

        Every sample goes through its bytes, and the decoder's is compared with the encoder's. "steps" are candidates that were
        drawn, "H" is the entropy of the index (or depth, or block and rank), "path" what the sides of a path take, "code bits" both,
        "mean bits" 8 times the bytes of a message, "model bits" what the message's tables say of it. The tables are learnt in a
        pilot of up to \(LineExperiment.pilotCount) searches that both ends know. The same for one seed and any number of
        threads, but for times.
        The exit code is 1 where samples do not have the target's law.
        """)

    @Option(
      parsing: .unconditional,
      help: ArgumentHelp("The pair of laws, such as gaussian:1,0.25 or table:FILE.", valueName: "target"))
    var target: String

    @Option(
      help: ArgumentHelp(
        "Algorithms, with commas; or all: those that can sample the target, and which were left out.",
        valueName: "names"))
    var algorithm = "all"

    @Option(parsing: .unconditional, help: ArgumentHelp("Samples of each algorithm.", valueName: "n"))
    var repetitions = "10000"

    @Option(parsing: .unconditional, help: ArgumentHelp("Names all randomness.", valueName: "n"))
    var seed = "1"

    @Option(
      help: ArgumentHelp(
        "A folder for the decoded samples, as ALGORITHM.npy (float64), which replace older ones.", valueName: "folder"))
    var out: String?

    @OptionGroup var formatting: RowFormatOption

    @OptionGroup var threading: ThreadsOption

    func run() throws {
      if let out { try OutputFile.checkFolder(out, flag: "--out") }
      let count = try FlagValue.integer(repetitions, flag: "--repetitions", in: 1...10_000_000)
      let seed = try FlagValue.seed(seed, flag: "--seed")
      let chosen = try Self.algorithms(algorithm)
      let target = try TargetRegistry.target(target)
      let experiment = LineExperiment(target, repetitions: count, seed: seed)
      let (work, omitted) = try Self.work(chosen, isAll: algorithm == "all", experiment)
      if let out { do throws(FileFailure) { try FilePath.makeFolder(out) } catch { throw ToolError(error) } }
      var results: [LineMeasurement] = []
      for algorithm in work { results.append(try measure(algorithm, experiment)) }
      let report = LineReport(TargetFigures(target), results, omitted: omitted)
      // A text has them.
      if formatting.format != .text { for note in target.notes { Console.error("note: \(note)") } }
      switch formatting.format {
      case .json: try Console.result(report.json.text(pretty: true))
      case .csv: try Console.result(report.csv)
      case .text: try Console.result(report.text)
      }
      if !report.failures.isEmpty { throw ExitCode(1) }
    }

    private func measure(_ algorithm: any LineAlgorithm, _ experiment: LineExperiment) throws -> LineMeasurement {
      Console.error("\(algorithm.name), \(experiment.target.spelling): \(experiment.repetitions) samples ...")
      let progress = StepProgress(of: experiment.repetitions, "samples")
      defer { progress.finish() }
      let result = try experiment.measure(algorithm, threads: threading.count) { progress.update($0) }
      if let out {
        let file = try StagedFile("\(out)/\(algorithm.name).npy")
        try file.append(NPYFile.vector(result.samples))
        try file.keep()
      }
      return result
    }

    private static func algorithms(_ text: String) throws(ToolError) -> [any LineAlgorithm] {
      if text == "all" { return AlgorithmRegistry.all }
      var found: [any LineAlgorithm] = []
      for part in FlagValue.list(text) {
        guard let algorithm = AlgorithmRegistry[name: part] else {
          throw .input(
            place: "--algorithm",
            problem: "found \"\(part)\"; allowed: all, or of these, with commas: \(AlgorithmRegistry.names)")
        }
        if !found.contains(where: { $0.name == algorithm.name }) { found.append(algorithm) }
      }
      return found
    }

    /// What is run, and what is left out of `all`; an algorithm that was named and cannot run is an error.
    private static func work(
      _ chosen: [any LineAlgorithm], isAll: Bool, _ experiment: LineExperiment
    ) throws(ToolError) -> (work: [any LineAlgorithm], omitted: [(algorithm: String, reason: String)]) {
      var work: [any LineAlgorithm] = []
      var omitted: [(algorithm: String, reason: String)] = []
      for algorithm in chosen {
        var reason = algorithm.refusal(of: experiment.target)
        if reason != nil, !isAll {
          let able = AlgorithmRegistry.all.filter { $0.refusal(of: experiment.target) == nil }.map(\.name)
          throw .input(
            place: "--algorithm",
            problem:
              "found \(algorithm.name) for \(experiment.target.spelling): \(reason ?? ""). These can: \(able.joined(separator: ", "))"
          )
        }
        let candidates = experiment.expectedCandidates(algorithm)
        if reason == nil, isAll, candidates > mostCandidates {
          reason =
            "it would draw about \(Text.short(candidates)) candidates; it runs where it is named, or with fewer --repetitions"
        }
        if let reason { omitted.append((algorithm.name, reason)) } else { work.append(algorithm) }
      }
      return (work, omitted)
    }

    /// Of all samples of an algorithm that `all` runs: about five minutes.
    private static let mostCandidates = 4e9
  }
}
