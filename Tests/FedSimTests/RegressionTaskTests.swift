import Foundation
import Testing

@testable import Clients
@testable import Datasets
@testable import FedSim
@testable import Files
@testable import JSONText
@testable import Numerics
@testable import Reports
@testable import RunFiles
@testable import Scenarios

/// A small run of a quantity.
let smallRegression = """
  {
    "task": "regression",
    "rounds": 4,
    "data": { "source": "friedman", "examples": 400, "features": 6, "targetOffset": 14, "targetScale": 5 },
    "partition": { "kind": "iid", "clients": 20 },
    "model": { "kind": "linear-regression" },
    "training": { "learningRate": 0.1, "batchSize": 10 },
    "cohort": { "sampling": "poisson", "size": 10 },
    "privacy": { "clippingNorm": 0.5, "noiseMultiplier": 1.1, "delta": 1e-4 },
    "channel": { "codec": "layered" },
    "evaluation": { "every": 2 }
  }
  """

/// Task `regression` from a scenario to the last page.
@Suite struct RegressionTaskTests {
  private func message(_ overrides: [String], text: String = smallRegression) -> String {
    do {
      _ = try RunSetup(scenario: scenario(overrides, text: text), split: nil, threads: 1)
      return "no error"
    } catch { return "\(error)" }
  }

  @Test func whatHasNoQuantitiesIsRefusedAtItsKey() {
    #expect(message([]) == "no error")
    let cases: [(overrides: [String], key: String, words: String)] = [
      ([#"data={"source": "digits"}"#], "data.source", "found \"digits\", whose examples have classes"),
      (
        ["partition={\"kind\": \"shards\", \"clients\": 20}"], "partition.kind",
        "found \"shards\", which goes by classes"
      ),
      (["partition={\"kind\": \"dirichlet-client\", \"clients\": 20, \"alpha\": 1}"], "partition.kind", "classes"),
      (
        ["model.kind=softmax-regression"], "model.kind",
        "found \"softmax-regression\", a model of task \"classification\""
      ),
      (["task=classification", "model.kind=softmax-regression"], "data.targetOffset", "which learns no quantity"),
      (["data.targetScale=0"], "data.targetScale", "a number above 0"),
      (["data.targetScale=1e-40"], "data.targetScale", "no finite number in single precision"),
      (["posterior={}"], "posterior", "with task \"regression\", which has none"),
      ([#"data={"source": "given"}"#], "data.source", "none were given"),
    ]
    for (overrides, key, words) in cases {
      let found = message(overrides)
      #expect(found.contains(key) && found.contains(words), "\(overrides): \(found)")
    }
    let plain = message([
      #"data={"source": "friedman", "examples": 50}"#, "task=classification", "model.kind=softmax-regression",
    ])
    #expect(plain.contains("data.source") && plain.contains("for task \"regression\""), "\(plain)")
  }

  @Test func aCallersDataMustFitTheTask() throws {
    let quantities = try Dataset(features: [1, 2, 3, 4], targets: [1, 2, 3, 5], featureCount: 1)
    let classes = try Dataset(features: [1, 2, 3, 4], labels: [0, 1, 0, 1], featureCount: 1, classCount: 2)
    let given = [#"data={"source": "given"}"#, "partition.clients=2", "cohort.size=2"]
    let regression = try scenario(given, text: smallRegression)
    let setup = try RunSetup(scenario: regression, split: Split(training: quantities, test: quantities), threads: 1)
    #expect(setup.model.parameterCount == 2 && setup.majorityClassAccuracy == nil)
    #expect(throws: ScenarioError.self) {
      try RunSetup(scenario: regression, split: Split(training: classes, test: classes), threads: 1)
    }
    #expect(throws: ScenarioError.self) {
      try RunSetup(
        scenario: scenario(given + ["model.kind=softmax-regression"]),
        split: Split(training: quantities, test: quantities), threads: 1)
    }
    #expect(throws: DataError.self) { try Split(training: quantities, test: classes) }
    // Units are the scenario's, whoever brings the data.
    var scaled = regression
    (scaled.targetOffset, scaled.targetScale) = (1, 2)
    let other = try RunSetup(scenario: scaled, split: Split(training: quantities, test: quantities), threads: 1)
    #expect(other.test.targets == [0, 0.5, 1, 2] && other.fingerprint != setup.fingerprint)
  }

  @Test func targetsFarFromOneAreWarnedOf() throws {
    let warnings = { (overrides: [String]) in
      try RunSetup(scenario: scenario(overrides, text: smallRegression), split: nil, threads: 1).warnings.joined()
    }
    #expect(try !warnings([]).contains("targets are learned"))
    #expect(
      try warnings(["data.targetScale=0.01"]).contains("data.targetOffset and data.targetScale bring them near 1"))
    #expect(try warnings(["data.targetOffset=1000", "data.targetScale=1"]).contains("mean -"))
  }

  private func run(_ overrides: [String] = [], threads: Int = 2) throws -> (Simulation, [RoundRecord], RunSummary) {
    var simulation = try Simulation(scenario: scenario(overrides, text: smallRegression), threads: threads)
    var records: [RoundRecord] = []
    while let record = try simulation.nextRound() { records.append(record) }
    let summary = RunSummary(simulation.setup, records: records, metrics: simulation.metrics(), stoppedBy: .rounds)
    return (simulation, records, summary)
  }

  @Test func roundsHaveRSquaredAndNoAccuracy() throws {
    let (simulation, records, summary) = try run()
    let columns = RoundField.columns(of: simulation.setup)
    for record in records {
      let isEvaluated = record.round % 2 == 0
      #expect(record.accuracy == nil && record.clientAccuracy == nil && (record.r2 != nil) == isEvaluated)
      let line = record.json.text(pretty: false)
      #expect(line.contains("\"r2\": ") == isEvaluated && RoundRecord(line: line.utf8) == record, "\(line)")
      #expect(RoundRecord.csvHeader(columns).contains(",accuracy,r2,clientAccuracy.mean,"))
      #expect(
        RoundRecord.csvHeader(columns).split(separator: ",").count
          == record.csvLine(columns).split(separator: ",", omittingEmptySubsequences: false).count)
    }
    #expect(records.count == 4)
    let variance = try #require(simulation.setup.test.targetVariance(of: Array(0..<simulation.setup.test.count)[...]))
    let last = try #require(records.last)
    #expect(last.r2 == 1 - (last.loss ?? 0) / variance)
    #expect(summary.finalRMSE == (last.loss ?? 0).squareRoot() * 5 && summary.finalR2 == last.r2)
    guard case .object(let object) = summary.json else { throw CancellationError() }
    #expect(object["finalR2"]?.double == last.r2 && object["finalAccuracy"] == .null && object["finalMacroF1"] == nil)
    let outside = summary.statement.outsideGuarantee
    #expect(["r2", "finalR2", "finalRMSE"].allSatisfy(outside.contains) && !outside.contains("posterior.json"))
    #expect(!summary.statement.sentence.contains("posterior"))
    let text = summary.closingTable
    #expect(text.contains("R^2") && text.contains("squared error") && !text.contains("nats"), "\(text)")
    #expect(text.contains("error      ") && text.contains("always saying their mean"), "\(text)")
  }

  @Test func recordsDoNotDependOnThreads() throws {
    let (one, three) = (try run(threads: 1), try run(threads: 3))
    #expect(one.1.map { $0.json.text(pretty: false) } == three.1.map { $0.json.text(pretty: false) })
    #expect(one.0.server.parameters == three.0.server.parameters)
  }

  /// Units do not change what is said in the unit of the data.
  @Test func errorsAreInTheUnitOfTheData() throws {
    let (simulation, _, summary) = try run(["evaluation.metrics=true"])
    let metrics = try #require(summary.metrics?.quantity)
    let parameters = simulation.server.parameters.map(Double.init)
    let raw = try scenario(text: smallRegression).data.seeded(1).load(
      LoadRequest(seed: 1, testFraction: 0.2, parallel: Parallel(threads: 1), aim: .quantities))
    let test = try #require(raw.test)
    let errors = (0..<test.count).map { i in
      let score = (0..<6).reduce(parameters[6]) { $0 + parameters[$1] * Double(test.features[i * 6 + $1]) }
      return 14 + 5 * score - Double(test.targets?[i] ?? 0)
    }
    let square = errors.reduce(0) { $0 + $1 * $1 } / Double(test.count)
    #expect(abs(try #require(metrics.meanSquaredError) / square - 1) < 1e-5)
    let absolute = errors.reduce(0) { $0 + abs($1) } / Double(test.count)
    #expect(abs(try #require(metrics.meanAbsoluteError) / absolute - 1) < 1e-5)
    let spread = try #require(test.targetSpread)
    #expect(abs(metrics.targetMean - spread.mean) < 1e-4 && abs(metrics.targetDeviation - spread.deviation) < 1e-4)
    #expect(abs(try #require(summary.finalRMSE) - square.squareRoot()) < 1e-4)
  }

  @Test func aPageShowsRSquaredInPlaceOfAccuracy() throws {
    let (simulation, records, summary) = try run(["evaluation.metrics=true", "evaluation.every=1"])
    let files = [
      "summary.json": summary.json.text(pretty: true), "scenario.json": simulation.setup.resolved.text(pretty: true),
      "rounds.jsonl": records.map { $0.json.text(pretty: false) + "\n" }.joined(),
      "evaluation.json": try #require(summary.metrics).json.text(pretty: true),
    ]
    let source = try Report.Source(path: "d") { files[$0].map { Array($0.utf8) } }
    #expect(source.problems.isEmpty, "\(source.problems)")
    let report = Report([source])
    #expect(report.charts.map(\.name).contains("r2") && !report.charts.map(\.name).contains("accuracy"))
    #expect(report.charts.first { $0.name == "loss" }?.title == "Mean squared error over rounds")
    #expect(report.html.contains("the root of the mean squared error on the test examples is"))
    #expect(report.tables.contains { $0.name == "errors" && $0.rows.count == 5 })
  }

  @Test func divergenceIsFoundBesideTheFirstGuess() throws {
    let (_, _, calm) = try run(["privacy=null", "channel.codec=float32"])
    #expect(!calm.closingTable.contains("DIVERGED"))
    let (_, _, wild) = try run(["privacy=null", "channel.codec=float32", "training.learningRate=3"])
    #expect(wild.closingTable.contains("DIVERGED"), "\(wild.closingTable)")
    #expect(wild.closingTable.contains("lower training.learningRate"), "\(wild.closingTable)")
  }

  @Test func explainSpeaksOfTargets() throws {
    let setup = try RunSetup(explaining: scenario(text: smallRegression), threads: 1)
    let text = Explanation(setup).text
    #expect(text.contains("targets") && !text.contains("baseline"), "\(text)")
  }

  /// Points of a sweep, their table and their page have R^2.
  @Test func sweepsHaveRSquared() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let body = smallRegression.trimmingCharacters(in: .whitespacesAndNewlines).dropLast()
    let sweep = try Sweep(
      Array((body + #", "sweep": {"axes": {"training.learningRate": [0.02, 0.1]}, "repeats": 2}}"#).utf8),
      name: "s.json")
    let table = try SweepExecution(sweep, in: folder).run().table
    #expect(table.figures.map(\.name).contains("finalR2") && !table.figures.map(\.name).contains("finalAUC"))
    #expect(table.points.contains(",finalR2,finalR2.standardError,"))
    let text = table.closingTable
    #expect(text.contains("R^2") && text.contains("squared error") && !text.contains("accuracy"), "\(text)")
    let source = try Report.Source(path: folder) { name throws(ToolError) in
      (try? Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))).map(Array.init)
    }
    #expect(source.problems.isEmpty, "\(source.problems)")
    let report = Report([source])
    #expect(report.charts.map(\.name).contains("r2") && !report.charts.map(\.name).contains("accuracy"))
    #expect(report.tables.first { $0.name == "points-table" }?.header.contains("R^2") == true)
    #expect(report.html.contains(/The best is .*?: R\^2 = 0\.\d{4} \+- 0\.\d{4}/), "\(report.html.prefix(3000))")
  }
}
