import ArgumentParser
import Files
import JSONText
import LineSamplers

extension ChannelCommand {
  struct Trace: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show one search of a sampler step by step: a table, JSON, a picture.",
      discussion: """
        gprs looks at the arrivals of a Poisson process in order of time and accepts the first below the graph of S(r(x)).
        fast-gprs splits the line at each rejected arrival and goes on where the mode is; both draws the two from one process, in
        which gprs also sees the arrivals of the parts that fast-gprs discarded. as-star and ad-star look for the smallest T / r
        by bounds of intervals, pfr by looking at all candidates in order; grc-split and grc-dyadic raise a lid under the target.

          fedsim channel trace --target gaussian:1,0.25 --seed 43
          fedsim channel trace --target gaussian:1,0.25 --algorithm as-star --seed 13 --svg search.svg

        The same bytes for one seed on every machine.
        """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case table, json }

    @Option(parsing: .unconditional, help: ArgumentHelp("What is sampled, as in gaussian:1,0.25.", valueName: "target"))
    var target = "gaussian:1,0.25"

    @Option(
      help: ArgumentHelp(
        "One of: \(TraceAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "name"))
    var algorithm = TraceAlgorithm.both.rawValue

    @Option(parsing: .unconditional, help: ArgumentHelp("Names all randomness.", valueName: "n"))
    var seed = "1"

    @Option(help: "table for people; json prints one JSON value to standard output and nothing else.")
    var format = Format.table

    @Option(help: ArgumentHelp("Also draw the search into this file.", valueName: "file"))
    var svg: String?

    @Option(
      parsing: .unconditional,
      help: ArgumentHelp("Frames in a row of the picture: two are readable on a phone. (default: 4)", valueName: "n"))
    var columns: String?

    @Flag(help: "One file a frame: NAME-0.svg, NAME-1.svg, ... in place of --svg NAME.svg.")
    var frames = false

    func run() throws {
      let algorithm = try algorithmNamed()
      let columns = try columns.map { try FlagValue.integer($0, flag: "--columns", in: 1...8) }
      if let svg {
        try checkName(svg)
        // A table's own file.
        var inputs = InputFiles()
        inputs.add(String(target.drop { $0 != ":" }.dropFirst()), as: "the target's table")
        try inputs.refuse(svg, flag: "--svg")
      }
      guard svg != nil || (!frames && columns == nil) else {
        throw ToolError.input(
          place: frames ? "--frames" : "--columns", problem: "found without a picture; allowed: with --svg NAME.svg")
      }
      if frames, columns != nil {
        throw ToolError.input(place: "--columns", problem: "found with --frames, whose files have one frame each")
      }
      let target = try TargetRegistry.target(target)
      let trace = try SearchTrace(target, algorithm, seed: FlagValue.seed(seed, flag: "--seed"))
      if let svg { try draw(trace, to: svg, columns: columns ?? 4) }
      switch format {
      case .table: try Console.result(trace.text)
      case .json: try Console.result(trace.json.text(pretty: true))
      }
    }

    private func algorithmNamed() throws(ToolError) -> TraceAlgorithm {
      guard let named = TraceAlgorithm(rawValue: algorithm) else {
        throw .input(
          place: "--algorithm",
          problem:
            "found \"\(algorithm)\"; allowed: \(TraceAlgorithm.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      return named
    }

    private func checkName(_ name: String) throws(ToolError) {
      guard name.hasSuffix(".svg"), name.count > 4 else {
        throw .input(place: "--svg", problem: "found \"\(name)\"; allowed: a name that ends in .svg")
      }
    }

    private func draw(_ trace: SearchTrace, to name: String, columns: Int) throws {
      guard frames else { return try StagedFile.write(trace.picture(columns: columns), to: name) }
      let files = try trace.frames()
      for file in files { try StagedFile.write(file.svg, to: "\(name.dropLast(4))-\(file.name).svg") }
      Console.error("\(Text.counted(files.count, "frame")): \(name.dropLast(4))-\(files[0].name).svg, ...")
    }
  }
}
