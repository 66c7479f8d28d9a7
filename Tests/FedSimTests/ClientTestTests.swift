import Foundation
import Testing

@testable import ChannelCoding
@testable import Clients
@testable import Datasets
@testable import FedSim
@testable import Files
@testable import JSONText
@testable import Numerics
@testable import Reports
@testable import RunFiles
@testable import Scenarios

/// Clients' own tests: a split within each client, and the last model on it, before and after fine-tuning.
@Suite struct ClientTestTests {
  private static let own = ["data.testOf=each-client"]

  private func message(_ overrides: [String], text: String = smallScenario) -> String {
    do {
      _ = try RunSetup(scenario: scenario(overrides, text: text), split: nil, threads: 1)
      return "no error"
    } catch { return "\(error)" }
  }

  private func setup(_ overrides: [String]) throws -> RunSetup {
    try RunSetup(scenario: scenario(overrides), split: nil, threads: 2)
  }

  /// Of a client with n examples floor(n/5 + 1/2) are its test, and the two parts are the partition of the whole.
  @Test(arguments: [
    #"{"kind": "iid", "clients": 50}"#, #"{"kind": "dirichlet-client", "clients": 30, "alpha": 0.3}"#,
    #"{"kind": "shards", "clients": 40}"#,
  ])
  func eachClientKeepsItsShare(partition: String) throws {
    let split = try setup(Self.own + ["partition=\(partition)", "cohort.size=10"])
    var random = RunKeys.experimentStream(seed: 1, .partition)
    let whole = try Population(Digits.load(), partition: split.scenario.partition, random: &random)
    #expect(split.population.clientCount == whole.clientCount)
    let owners = try #require(split.testOwners)
    #expect(owners == split.test.owners && owners.count == split.test.count)
    for client in 0..<whole.clientCount {
      let all = whole.exampleCount(of: client)
      let kept = owners.count { $0 == Int32(client) }
      #expect(kept == Int(Double(all) * 0.2 + 0.5) && split.population.exampleCount(of: client) == all - kept)
      // The same labels, and the same pixels.
      let rows = { (data: Dataset, examples: [Int]) in
        examples.map { i in [Float(data.labels[i])] + data.features[(i * 64)..<((i + 1) * 64)] }
      }
      let parts =
        rows(split.population.data, Array(split.population.examples(of: client)))
        + rows(split.test, owners.indices.filter { owners[$0] == Int32(client) })
      let expected = rows(whole.data, Array(whole.examples(of: client)))
      let sorted = { (rows: [[Float]]) in rows.sorted { $0.lexicographicallyPrecedes($1) } }
      #expect(sorted(parts) == sorted(expected))
    }
  }

  @Test func theSplitFollowsFromTheSeed() throws {
    let (a, b, c) = (try setup(Self.own), try setup(Self.own), try setup(Self.own + ["seed=2"]))
    #expect(a.test.bytes == b.test.bytes && a.fingerprint == b.fingerprint && a.test.bytes != c.test.bytes)
    #expect(try setup([]).test.owners == nil && setup(["data.testOf=all"]).fingerprint != setup([]).fingerprint)
    // Runs that share what they load do not share the split of another partition.
    let shared = SharedData()
    let make = { (overrides: [String]) in
      try RunSetup(scenario: scenario(Self.own + overrides), split: nil, threads: 1, data: shared)
    }
    let (ten, fifty) = (try make(["partition.clients=25"]), try make([]))
    #expect(ten.population.clientCount == 25 && fifty.population.clientCount == 50)
    #expect(fifty.test.bytes == a.test.bytes && ten.test.bytes != a.test.bytes)
  }

  /// Whoever stops a run waits for a client of each thread, and not for all that are left.
  @Test func tuningAsksOftenWhetherItGoesOn() throws {
    let simulation = try Simulation(scenario: scenario(Self.own + ["evaluation.fineTuneEpochs=1"]), threads: 2)
    var asked: [Int] = []
    let stop = { (done: Int, all: Int) -> Bool in
      asked.append(done)
      return done < 6
    }
    #expect(throws: SimulationError.self) { try simulation.clientTests(continues: stop) }
    #expect(asked == [0, 2, 4, 6])
  }

  @Test func whatHasNoTestOfItsOwnIsRefused() {
    let synthetic = #"data={"source": "synthetic", "clients": 20}"#
    #expect(message(Self.own + ["evaluation.fineTuneEpochs=2"]) == "no error")
    let cases: [(overrides: [String], key: String)] = [
      (["evaluation.clients=true"], "evaluation.clients: refused: the test examples belong to no client"),
      (["evaluation.fineTuneEpochs=1"], "evaluation.fineTuneEpochs: found it in a run that does not measure"),
      (Self.own + ["evaluation.fineTuneEpochs=0"], "evaluation.fineTuneEpochs: found 0"),
      (Self.own + ["evaluation.clients=false", "evaluation.fineTuneEpochs=1"], "evaluation.fineTuneEpochs"),
      (Self.own + [#"data={"source": "mixture", "examples": 500}"#, "data.testOf=each-client"], "data.testOf"),
      ([synthetic, "partition={\"kind\": \"natural\"}", "cohort.size=5", "data.testOf=each-client"], "data.testOf"),
      (Self.own + ["partition={\"kind\": \"one-example\"}"], "data.testOf"),
      (
        Self.own + [
          #"data={"source": "npy", "features": "x.npy", "labels": "y.npy", "test": {"features": "a", "labels": "b"}}"#,
          "data.testOf=each-client",
        ], "data.testOf"
      ),
    ]
    for (overrides, words) in cases {
      let found = message(overrides)
      #expect(found.contains(words) && found != "no error", "\(overrides): \(found)")
    }
  }

  private func measured(_ overrides: [String], rounds: Int = 3, threads: Int = 2) throws -> (Simulation, ClientTests) {
    var simulation = try Simulation(
      scenario: scenario(["privacy=null", "channel.codec=float32", "rounds=\(rounds)"] + overrides), threads: threads)
    while try simulation.nextRound() != nil {}
    return (simulation, try #require(try simulation.clientTests()))
  }

  /// Each row is what the model, or the client's own one, does on those examples; over all clients it adds up to the pooled test.
  @Test func rowsAreThoseOfTheClients() throws {
    let (simulation, tests) = try measured(Self.own + ["evaluation.fineTuneEpochs=2", "training.momentum=0.5"])
    let setup = simulation.setup
    let owners = try #require(setup.testOwners)
    #expect(tests.rows.count == 50 && tests.clientsWithoutTest == 0)
    let pooled = simulation.evaluate()
    let right = tests.rows.reduce(0) { $0 + ($1.before.accuracy ?? 0) * Double($1.testExamples) }
    #expect(abs(right / Double(setup.test.count) - (pooled.accuracy ?? 0)) < 1e-12)
    let trainer = RunSetup.trainer(setup.scenario, setup.model)
    for client in [0, 17, 49] {
      let row = tests.rows[client]
      let examples = owners.indices.filter { owners[$0] == Int32(client) }[...]
      #expect(row.client == client && row.testExamples == examples.count)
      #expect(row.trainingExamples == setup.population.exampleCount(of: client))
      #expect(
        row.before
          == setup.model.evaluation(
            of: simulation.server.parameters, on: examples, of: setup.test, Parallel(threads: 1)))
      var order = RandomStream(
        key: RunKeys.experimentKey(seed: 1, .fineTuning).derived(.client, index: UInt64(client)))
      let task = LocalTask(
        start: trainer.prepare(simulation.server.parameters), examples: setup.population.examples(of: client),
        data: setup.population.data, work: .epochs(2))
      let own = zip(simulation.server.parameters, trainer.train(task, random: &order).values).map { $0 + $1 }
      #expect(row.after == setup.model.evaluation(of: own, on: examples, of: setup.test, Parallel(threads: 1)))
      #expect(row.after != row.before)
    }
  }

  @Test func figuresAreOverClients() throws {
    let (_, tests) = try measured(Self.own)
    let values = tests.rows.compactMap(\.before.accuracy).sorted()
    let found = try #require(tests.accuracyBefore)
    #expect(abs(found.mean - values.reduce(0, +) / 50) < 1e-15 && found.worst == values[0])
    #expect(found.p10 == values[4] && found.p50 == values[24] && found.p90 == values[44])
    #expect(tests.lossBefore?.worst == tests.rows.map(\.before.loss).max() && tests.accuracyAfter == nil)
    #expect(ClientTests.Figures([1, .nan], isLowWorst: true) == nil)
    #expect(ClientTests.Figures([], isLowWorst: true) == nil)
    let header = try #require(tests.csv.split(separator: "\n").first)
    #expect(
      header == "client,trainingExamples,testExamples,loss,accuracy" && tests.csv.split(separator: "\n").count == 51)
  }

  @Test func testsDoNotDependOnThreadsNorMoveTheRun() throws {
    let overrides = Self.own + ["evaluation.fineTuneEpochs=1"]
    let (one, three) = (try measured(overrides, threads: 1), try measured(overrides, threads: 3))
    #expect(one.1.csv == three.1.csv && one.1.headline == three.1.headline)
    let (plain, _) = try measured(Self.own)
    #expect(plain.server.parameters == one.0.server.parameters, "to look is not another run")
    // Asked for between two rounds, it changes nothing of the next.
    var looked = try Simulation(
      scenario: scenario(["privacy=null", "channel.codec=float32", "rounds=3"] + overrides), threads: 2)
    while try looked.nextRound() != nil { _ = try looked.clientTests() }
    #expect(looked.server.parameters == plain.server.parameters)
    #expect(throws: SimulationError.self) { try looked.clientTests { _, _ in false } }
  }

  /// A client without test examples is in no figure, and one without training examples keeps the model.
  @Test func emptyClientsAreCounted() throws {
    let training = try Dataset(
      features: [0, 1, 2, 3], labels: [0, 1, 0, 1], featureCount: 1, classCount: 2, owners: [0, 0, 1, 2])
    let test = try Dataset(features: [0, 5], labels: [0, 1], featureCount: 1, classCount: 2, owners: [1, 7])
    let population = Population(training, owners: [0, 0, 1, 2], clients: 4)
    #expect(population.owners == [0, 0, 1, 2])
    #expect(ClientTests.owners(of: test, population, areOwnersClients: false) == [1, -1])
    // Owners whose examples are with several clients are nobody's.
    let mixed = Population(training, owners: [0, 1, 1, 2], clients: 3)
    #expect(ClientTests.owners(of: test, mixed, areOwnersClients: false) == nil)
    // Renumbered clients keep their tests.
    let other = Population(training, owners: [2, 2, 0, 1], clients: 3)
    #expect(ClientTests.owners(of: test, other, areOwnersClients: false) == [0, -1])
    let strangers = try Dataset(features: [5], labels: [1], featureCount: 1, classCount: 2, owners: [7])
    #expect(ClientTests.owners(of: strangers, population, areOwnersClients: false) == nil)
  }

  @Test func aFolderHasTheFilesAndAPageShowsThem() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let make = {
      try Simulation(
        scenario: scenario(Self.own + ["evaluation.metrics=true", "evaluation.fineTuneEpochs=1"]), threads: 2)
    }
    var execution = try RunExecution(make(), in: folder, start: .new)
    let outcome = try execution.run()
    #expect(outcome.isWhole)
    let read = { (name: String) in
      FilePath.exists("\(folder)/\(name)")
        ? Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))) : nil
    }
    let outside = outcome.summary.statement.outsideGuarantee
    #expect(["evaluation.json", "clients.csv", "finalMacroF1", "finalAUC", "clientTest"].allSatisfy(outside.contains))
    let text = outcome.summary.closingTable
    #expect(
      text.contains("macro F1") && text.contains("after fine-tuning: mean")
        && text.contains("accuracy on their own tests (50 clients)"), "\(text)")
    guard case .object(let evaluation) = try JSONParser.parse(try #require(try read("evaluation.json"))).value,
      case .array(let confusion)? = evaluation["confusion"]
    else { throw CancellationError() }
    let total = confusion.reduce(0.0) { sum, row in
      if case .array(let cells) = row { sum + cells.reduce(0) { $0 + ($1.double ?? 0) } } else { sum }
    }
    #expect(
      total == Double(execution.simulation.setup.test.count)
        && evaluation["accuracy"]?.double == outcome.summary.finalAccuracy)

    let source = try Report.Source(path: folder) { name throws(ToolError) in (try? read(name)) ?? nil }
    #expect(source.problems.isEmpty)
    let report = Report([source])
    #expect(Set(report.tables.map(\.name)).isSuperset(of: ["classes", "confusion", "client-tests"]))
    let chart = try #require(report.charts.first { $0.name == "client-tests-distribution" })
    #expect(chart.series.map(\.name) == ["the last model", "fine-tuned by each client"])
    #expect(chart.series.allSatisfy { $0.points.count == 50 && $0.points.last?.x == 100 })
    #expect(report.tables.first { $0.name == "confusion" }?.rows.count == 10 && report.html.contains("background:rgba"))

    // A run that is stopped has none of them; resumed it ends with the same bytes.
    let names = ["evaluation.json", "clients.csv", "summary.json"]
    let before = try names.map { try read($0) }
    _ = consume execution
    var again = try RunExecution(make(), in: folder, start: .replacing)
    var made = 0
    let half = try again.run(stop: { made == 2 }, update: { _ in made += 1 })
    #expect(!half.isWhole && half.summary.metrics == nil)
    #expect(try read("clients.csv") == nil)
    guard case .object(let interrupted) = half.summary.json else { throw CancellationError() }
    #expect(interrupted["clientTest"] == .null && interrupted["finalMacroF1"] == .null)
    _ = consume again
    var rest = try RunExecution(make(), in: folder, start: .resuming)
    #expect(try rest.run().isWhole)
    #expect(try names.map { try read($0) } == before)
    // Damage is named.
    #expect(throws: ToolError.self) {
      try Report.Source(path: folder) { name throws(ToolError) in
        name == "clients.csv" ? Array("client,loss\n1\n".utf8) : (try? read(name)) ?? nil
      }
    }
  }
}
