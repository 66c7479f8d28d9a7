import ArgumentParser
import ChannelCoding
import FedSim
import Files
import PrivacyAccounting
import Reports
import RunFiles
import Scenarios

struct Plan: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say what a federation would cost, without data: noise, bits, time, memory, and who is guaranteed what.",
    discussion: """
        fedsim plan --clients 1e6 --cohort 1e3 --rounds 1000 \\
          --parameters 1e5 --epsilon 4
        fedsim plan --clients 1e6 --cohort 1e3 --rounds 1000 \\
          --parameters 1e4,1e5,1e6 --epsilon 1,2,4,8 --uplink 1e6 --format csv

      Epsilon is that of all rounds together; the noise is what a run with these
      settings adds. Bits are predicted for updates as long as the clipping norm,
      and times by what codecs take on one thread. "fedsim run" makes the run that
      a scenario describes; "fedsim explain" says the same of a scenario's data.
      """)

  @Option(parsing: .unconditional, help: ArgumentHelp("All clients there are.", valueName: "n"))
  var clients: String

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The clients of a round, the expected number for poisson. (everyone: all)", valueName: "m"))
  var cohort: String?

  @Option(parsing: .unconditional, help: ArgumentHelp("Number of rounds.", valueName: "t"))
  var rounds: String

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Parameters of the model; several with commas.", valueName: "d"))
  var parameters: String

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Epsilon of all rounds; several with commas.", valueName: "e"))
  var epsilon: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("In place of --epsilon: noise over clipping norm; several with commas.", valueName: "z"))
  var noiseMultiplier: String?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Delta. (default: min(1e-5, n^-1.1))", valueName: "d"))
  var delta: String?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("C, the bound on the L2 norm of an update.", valueName: "c"))
  var clippingNorm = "1"

  @Option(help: ArgumentHelp("Codecs, with commas; or all exact ones.", valueName: "names"))
  var codec = "all"

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Bits a second that a client sends.", valueName: "b"))
  var uplink: String?

  @OptionGroup var mechanism: MechanismArguments
  @OptionGroup var formatting: RowFormatOption

  private static let mostRows = 200

  func run() throws {
    let rate = try uplink.map { try FlagValue.number($0, flag: "--uplink", in: 1...1e15) }
    let report = try PlanReport(plans(), uplink: rate)
    switch formatting.format {
    case .json: try Console.result(report.json.text(pretty: true))
    case .csv: try Console.result(report.csv)
    case .text: try Console.result(report.text)
    }
  }

  private func plans() throws -> [FederationPlan] {
    let (sampling, _, _) = try mechanism.load()
    let population = try FlagValue.integer(clients, flag: "--clients", in: 1...10_000_000)
    let drawn = try size(sampling, of: population)
    let rounds = try FlagValue.integer(rounds, flag: "--rounds", in: 1...1_000_000)
    let sizes = try FlagValue.list(parameters).map {
      try FlagValue.integer($0, flag: "--parameters", in: 1...100_000_000)
    }
    let exact = FederationPlan.exactCodecs
    let codecs = try FlagValue.codecs(codec, flag: "--codec", all: exact)
    if let inexact = codecs.first(where: { !exact.contains($0) }) {
      throw ToolError.input(
        place: "--codec",
        problem: "found \"\(inexact)\", whose noise is not exactly Gaussian: no epsilon is proved; allowed: "
          + exact.map(\.rawValue).joined(separator: ", "))
    }
    let budgets = try budgets()
    guard budgets.count * sizes.count <= Self.mostRows else {
      throw ToolError.input(
        place: "plan", problem: "found \(budgets.count * sizes.count) combinations; allowed: at most \(Self.mostRows)")
    }
    let accounting = SharedAccounting()
    let progress = StepProgress(of: budgets.count * sizes.count, "combinations")
    defer { progress.finish() }
    var done = 0
    return try budgets.flatMap { privacy in
      try sizes.map { size in
        progress.update(done)
        done += 1
        do {
          return try FederationPlan(
            FederationSettings(rounds: rounds, cohort: Cohort(sampling: sampling, size: drawn), privacy: privacy),
            parameters: size, clients: population, codecs: codecs, accounting: accounting)
        } catch let error as ScenarioError {
          throw Self.flagged(error)
        }
      }
    }
  }

  /// The cohort's size; nil for everyone.
  private func size(_ sampling: Sampling.Name, of population: Int) throws -> Int? {
    guard let cohort else {
      guard sampling == .everyone else {
        throw ToolError.input(
          place: "--cohort",
          problem: "not given; allowed: a whole number from 1 to \(population), or --sampling everyone")
      }
      return nil
    }
    let size = try FlagValue.cohort(cohort, of: population)
    guard sampling == .everyone else { return size }
    guard size == population else {
      throw ToolError.input(
        place: "--cohort", problem: "found \(size) with --sampling everyone; allowed: all \(population), or no --cohort"
      )
    }
    return nil
  }

  /// Clipping and noise, one for each budget.
  private func budgets() throws -> [Privacy] {
    let (_, relation, accountant) = try mechanism.load()
    let norm = try FlagValue.number(clippingNorm, flag: "--clipping-norm", in: 1e-9...1e9)
    let deltas = try delta.map(MechanismArguments.deltas)
    guard deltas?.count ?? 1 == 1 else {
      throw ToolError.input(place: "--delta", problem: "found several; allowed: one")
    }
    let make = { (noise: Double?, target: Double?) in
      Privacy(
        clippingNorm: norm, noiseMultiplier: noise, targetEpsilon: target, delta: deltas?.first, relation: relation,
        accountant: accountant)
    }
    switch (epsilon, noiseMultiplier) {
    case (let text?, nil):
      return try FlagValue.list(text).map { make(nil, try FlagValue.number($0, flag: "--epsilon", in: 1e-3...1e4)) }
    case (nil, let text?):
      return try FlagValue.list(text).map {
        make(try FlagValue.number($0, flag: "--noise-multiplier", in: 0.01...1e6), nil)
      }
    default:
      throw ToolError.input(
        place: "plan",
        problem:
          "found \(epsilon == nil ? "neither" : "both") of --epsilon and --noise-multiplier; allowed: one of both")
    }
  }

  /// An error about a key, as one about its flag.
  private static func flagged(_ error: ScenarioError) -> any Error {
    let flags = [
      "cohort.size": "--cohort", "clients": "--clients", "privacy.delta": "--delta",
      "privacy.accountant": "--accountant",
      "privacy.targetEpsilon": "--epsilon", "privacy.noiseMultiplier": "--noise-multiplier",
      "privacy.clippingNorm": "--clipping-norm", "channel.codec": "--codec", "rounds": "--rounds",
    ]
    switch error {
    case .key(_, let path, let problem, let allowed):
      return ToolError.input(place: flags[path] ?? "plan", problem: "\(problem); allowed: \(allowed)")
    case .refused(_, let path, let reason):
      return ToolError.input(place: flags[path] ?? "plan", problem: "refused: \(reason)")
    case .syntax: return error
    }
  }
}
