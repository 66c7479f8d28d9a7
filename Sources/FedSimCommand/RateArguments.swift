import ArgumentParser
import Files
import PrivacyAccounting
import Reports
import RunFiles

/// How many of the clients take part: a rate, or the numbers that it comes of.
struct RateArguments: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Probability that a client is drawn, or cohort over population. (everyone: 1)", valueName: "q"))
  var samplingRate: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("With --cohort, in place of --sampling-rate: all clients there are.", valueName: "n"))
  var clients: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The clients of a round, the expected number for poisson.", valueName: "m"))
  var cohort: String?

  /// A rate, and the numbers that it comes of where they were given.
  struct Rate: Equatable {
    let value: Double
    var clients: Int?
    var cohort: Int?
  }

  static let mostClients = 1_000_000_000
  private static let forms = "--sampling-rate, or both of --clients and --cohort"

  /// All combinations; empty where nothing is given.
  ///
  /// - Parameter range: of rates.
  func load(_ sampling: Sampling.Name, in range: ClosedRange<Double> = 0...1) throws(ToolError) -> [Rate] {
    if let samplingRate {
      for (value, flag) in [(clients, "--clients"), (cohort, "--cohort")] where value != nil {
        throw .input(place: flag, problem: "found with --sampling-rate; allowed: \(Self.forms)")
      }
      var rates: [Rate] = []
      for text in FlagValue.list(samplingRate) {
        let rate = try FlagValue.number(text, flag: "--sampling-rate", in: range)
        guard sampling != .everyone || rate == 1 else {
          throw .input(place: "--sampling-rate", problem: "found \(rate) with --sampling everyone; allowed: 1")
        }
        rates.append(Rate(value: rate))
      }
      return rates
    }
    guard clients != nil || cohort != nil else { return sampling == .everyone ? [Rate(value: 1)] : [] }
    guard let clients else {
      throw .input(place: "--clients", problem: "not given with --cohort; allowed: \(Self.forms)")
    }
    guard cohort != nil || sampling == .everyone else {
      throw .input(place: "--cohort", problem: "not given with --clients; allowed: \(Self.forms)")
    }
    var rates: [Rate] = []
    for text in FlagValue.list(clients) {
      let population = try FlagValue.integer(text, flag: "--clients", in: 1...Self.mostClients)
      for text in cohort.map(FlagValue.list) ?? ["\(population)"] {
        let size = try FlagValue.cohort(text, of: population)
        guard sampling != .everyone || size == population else {
          throw .input(
            place: "--cohort",
            problem: "found \(size) with --sampling everyone; allowed: all \(population), or no --cohort")
        }
        let rate = Double(size) / Double(population)
        guard range.contains(rate) else {
          throw .input(place: "--cohort", problem: "found \(size) of \(population) clients; allowed: more of them")
        }
        rates.append(Rate(value: rate, clients: population, cohort: size))
      }
    }
    return rates
  }
}

extension FlagValue {
  /// A number of clients, out of all.
  static func cohort(_ text: String, of clients: Int) throws(ToolError) -> Int {
    do {
      return try integer(text, flag: "--cohort", in: 1...clients)
    } catch {
      throw .input(
        place: "--cohort",
        problem:
          "found \"\(text)\" of \(clients) client\(clients == 1 ? "" : "s"); allowed: a whole number from 1 to \(clients)"
      )
    }
  }
}

/// Curves in place of figures.
struct CurveArguments: ParsableArguments {
  @Flag(
    help:
      "Curves: delta over epsilon and the trade-off function f, from above and below, and mu and rho; CSV, or JSON with --format json."
  )
  var curve = false

  @Option(
    help: ArgumentHelp(
      "Draws both curves, as SVG. They go down to the smallest delta that is given, or 1e-10.", valueName: "file"),
    completion: .file(extensions: ["svg"]))
  var svg: String?

  @Option(
    help: ArgumentHelp("Draws both curves, as PDF: the same picture.", valueName: "file"),
    completion: .file(extensions: ["pdf"]))
  var pdf: String?

  /// - Parameter inputs: what is read.
  /// - Throws: `ToolError.input` where a picture has no file, one of its own, or one that is read: before any work.
  func check(_ inputs: InputFiles = InputFiles()) throws(ToolError) {
    for (flag, name) in [("--svg", svg), ("--pdf", pdf)] {
      if let name, !name.isEmpty { try inputs.refuse(name, flag: flag) }
    }
    if let svg, svg == pdf {
      throw .input(place: "--pdf", problem: "found \(svg), which --svg names too; allowed: another name")
    }
    for (flag, name) in [("--svg", svg), ("--pdf", pdf)] {
      guard let name, name.isEmpty || name == "-" else { continue }
      throw .input(place: flag, problem: "found \"\(name)\"; allowed: the name of a file (./- is one of that name)")
    }
  }

  /// Draws the pictures that are asked for.
  func draw(_ report: CurveReport) throws {
    if let svg { try StagedFile.write(report.svg, to: svg) }
    if let pdf { try StagedFile.write(report.pdf, to: pdf) }
  }

  var isAsked: Bool { curve || svg != nil || pdf != nil }

  /// The flag that asks for curves.
  var flag: String { curve ? "--curve" : svg != nil ? "--svg" : "--pdf" }
}
