import ChannelCoding
import Clients
import FedSim
import Files
import JSONText
import RunFiles
import Scenarios
import Testing

@testable import Reports

/// Tasks about posteriors, from a scenario to the files of a run.
@Suite struct PosteriorTaskTests {
  static let linear = """
    {
      "version": 1, "name": "linear", "seed": 1, "task": "representation", "rounds": 1, "data": { "source": "digits" },
      "partition": { "kind": "iid", "clients": 20 }, "model": { "kind": "linear-decoder", "beta": 0.01 },
      "training": { "epochs": 1, "batchSize": 100, "learningRate": 1 }, "cohort": { "sampling": "everyone" },
      "server": { "optimizer": "fedavg", "learningRate": 1, "weighting": "examples" }, "channel": { "codec": "float32" },
      "posterior": { "codecs": ["layered", "mrc"], "examples": 24, "pictures": 3, "curve": [0.1] }
    }
    """

  private static func scenario(_ text: String, set: [String] = []) throws -> Scenario {
    try Scenario(ScenarioFile(Array(text.utf8), name: "s.json", overrides: set))
  }

  private static func results(_ scenario: Scenario, threads: Int) throws -> PosteriorResults {
    var simulation = try Simulation(scenario: scenario, threads: threads)
    while try simulation.nextRound() != nil {}
    return try #require(try simulation.posteriorResults())
  }

  @Test func picturesAreSentByEveryCodeAtEveryBeta() throws {
    let results = try Self.results(Self.scenario(Self.linear), threads: 2)
    let sent = results.rows.filter { $0.kind == .sample }
    #expect(sent.map(\.code) == ["layered", "mrc", "layered", "mrc"])
    #expect(sent.map(\.beta) == [0.01, 0.01, 0.1, 0.1])
    #expect(sent.map(\.isExact) == [true, false, true, false])
    let row = sent[0]
    let (kl, psnr) = (try #require(row.klBits), try #require(row.psnr))
    // The document has 70.8 bits at 24.64 dB over 200 pictures of another split.
    #expect(abs(kl - 70.8) < 4 && abs(psnr - 24.64) < 0.6, "\(kl) bits, \(psnr) dB")
    #expect(row.payloadBits.mean > kl && row.payloadBits.mean < 1.46 * 64 + 4, "\(row.payloadBits.mean)")
    // Exact variance costs error, and takes the distance of spectra away.
    let realism = Dictionary(uniqueKeysWithValues: results.references.map { ($0.name, $0.value) })
    for figure in ["meanSquaredError", "spectrumDistance", "featureDistance"] {
      let mean = try #require(realism["realism.mean.\(figure)"])
      let exact = try #require(realism["realism.posterior.\(figure)"])
      if figure == "meanSquaredError" { #expect(exact > mean) }
      #expect(mean.isFinite && exact.isFinite && mean > 0)
    }
    #expect(results.sheetRows == ["original", "layered", "mrc"])
    let sheet = try #require(results.sheet)
    #expect(sheet.starts(with: [0x89, 0x50, 0x4E, 0x47]))
  }

  /// Every code that loses something has a line, and the ideal; a lossless one is in the table alone.
  @Test func thePageDrawsBitsAgainstError() throws {
    let results = try Self.results(Self.scenario(Self.linear, set: ["posterior.examples=8"]), threads: 2)
    guard case .object(let file) = results.json else { throw CancellationError() }
    let files = Report.Source.RunFiles(
      summary: [:], scenario: .null, rounds: RoundTable([]), posterior: file, pictures: results.sheet)
    let chart = try #require(RunChart.posteriorBits.draw(files))
    #expect(chart.series.map(\.name).prefix(5) == ["KL (ideal)", "layered", "mrc", "klt", "dct"])
    #expect(!chart.series.map(\.name).contains("png"))
    #expect(chart.series[0].points.map(\.x) == chart.series[0].points.map(\.x).sorted())
  }

  @Test func theResultsAreTheSameForAnyNumberOfThreads() throws {
    let scenario = try Self.scenario(Self.linear, set: ["posterior.examples=9"])
    let one = try Self.results(scenario, threads: 1)
    #expect(try Self.results(scenario, threads: 2) == one)
    // Other seeds send other samples.
    let other = try Self.results(Self.scenario(Self.linear, set: ["posterior.examples=9", "seed=2"]), threads: 1)
    #expect(other.rows[0].meanSquaredError != one.rows[0].meanSquaredError)
  }

  /// Figures that are not finite are null in the file, and no end of the process.
  @Test func whatIsNotFiniteIsNull() throws {
    let set = ["posterior.examples=4", "server.learningRate=1e30", "rounds=2"]
    let results = try Self.results(Self.scenario(Self.linear, set: set), threads: 2)
    #expect(try JSONParser.parse(Array(results.json.text(pretty: true).utf8)).value != .null)
    #expect(results.csv.hasPrefix("code,kind"))
    #expect(JSON.optional(.nan) == .null && JSON.optional(.infinity) == .null && JSON.optional(2) == .number(2))
  }

  @Test func aStopBehindTheLastRoundIsNoResult() throws {
    var simulation = try Simulation(scenario: Self.scenario(Self.linear), threads: 1)
    while try simulation.nextRound() != nil {}
    #expect(throws: SimulationError.abandoned(round: 1)) {
      try simulation.posteriorResults { done, _ in done < 20 }
    }
  }

  @Test(arguments: [
    (["task=classification"], "model.kind: found \"linear-decoder\""),
    (["model.kind=softmax-regression", "model.beta=null"], "model.kind: found \"softmax-regression\""),
    (["posterior.codecs=[\"layered\",\"layered\"]"], "posterior.codecs: found"),
    (["posterior.codecs=[\"fast\"]"], "posterior.codecs: found"),
    (["posterior.curve=[0]"], "posterior.curve: found"),
    (["posterior.fitShare=1"], "posterior.fitShare: found"),
    (["posterior.example=3"], "did you mean \"posterior.examples\"?"),
  ])
  func whatDoesNotGoTogetherIsRefused(_ set: [String], _ problem: String) throws {
    let error = #expect(throws: ScenarioError.self) { try Self.scenario(Self.linear, set: set) }
    let text = error.map { "\($0)" } ?? ""
    #expect(text.contains(problem), "\(text)")
  }

  /// Before the first round, and not behind the last.
  @Test func aCodeThatDoesNotTakeThePosteriorsIsRefusedAtOnce() throws {
    let set = ["model={\"kind\": \"learned-map\", \"posterior\": \"free\"}"]
    let error = #expect(throws: ScenarioError.self) {
      try RunSetup(scenario: Self.scenario(Self.linear, set: set), split: nil, threads: 1)
    }
    let text = error.map { "\($0)" } ?? ""
    #expect(text.contains("found \"layered\", which takes no posteriors with free scales"), "\(text)")
  }

  /// What would stop a run behind its last round does not let it begin.
  @Test func valuesOutsideOfZeroToOneAndClientsWithoutATestAreRefused() throws {
    let signals = try Self.scenario(
      Self.linear, set: ["data={\"source\": \"synthetic\", \"alpha\": 0, \"beta\": 0, \"clients\": 20}"])
    let range = #expect(throws: ScenarioError.self) { try RunSetup(scenario: signals, split: nil, threads: 1) }
    #expect(
      range.map { "\($0)" }?.contains("a representation is of values from 0 to 1") == true,
      "\(String(describing: range))")
    let classifier = try Self.scenario(
      Self.linear,
      set: [
        "task=bayesian-classification", "model={\"kind\": \"bayesian-softmax\"}", "posterior={\"clients\": 359}",
      ])
    let single = #expect(throws: ScenarioError.self) { try RunSetup(scenario: classifier, split: nil, threads: 1) }
    #expect(
      single.map { "\($0)" }?.contains("none of 359 test clients has two examples") == true,
      "\(String(describing: single))")
  }

  /// Even where a tiny beta makes posteriors narrower than any code takes.
  @Test func aTinyBetaIsSent() throws {
    let results = try Self.results(
      Self.scenario(Self.linear, set: ["model.beta=1e-16", "posterior={\"examples\": 2, \"baselines\": false}"]),
      threads: 1)
    let row = try #require(results.headline)
    #expect(row.payloadBits.mean > 500 && (row.psnr ?? 200) > 90, "\(row)")
  }

  @Test func aClassificationHasNoPosteriors() throws {
    let text = """
      {
        "version": 1, "task": "classification", "rounds": 1, "data": { "source": "digits" }, "partition": { "kind": "iid", "clients": 2 },
        "model": { "kind": "softmax-regression" }, "training": { "learningRate": 1 }, "cohort": { "sampling": "everyone" },
        "channel": { "codec": "float32" }, "posterior": {}
      }
      """
    let error = #expect(throws: ScenarioError.self) { try Self.scenario(text) }
    #expect(error.map { "\($0)" }?.contains("posterior: found a section about posteriors") == true)
    let plain = try Self.scenario(text, set: ["posterior=null"])
    #expect(plain.posterior == nil)
    var simulation = try Simulation(scenario: plain, threads: 1)
    while try simulation.nextRound() != nil {}
    #expect(try simulation.posteriorResults() == nil)
  }

  @Test func aBudgetForThePriorSaysNothingOfThePosteriors() throws {
    let set = [
      "server.weighting=uniform", "channel.codec=layered",
      "privacy={\"clippingNorm\": 10, \"noiseMultiplier\": 5, \"delta\": 1e-3}",
    ]
    let setup = try RunSetup(scenario: Self.scenario(Self.linear, set: set), split: nil, threads: 1)
    let statement = GuaranteeStatement(setup)
    #expect(statement.kind == "epsilon-delta")
    #expect(statement.sentence.contains("nothing is claimed for the data whose posterior samples are sent"))
    #expect(statement.outsideGuarantee.suffix(3) == ["posterior.json", "posterior.csv", "pictures.png"])
  }
}
