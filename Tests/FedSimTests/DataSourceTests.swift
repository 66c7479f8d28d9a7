import Foundation
import Testing

@testable import ChannelCoding
@testable import Datasets
@testable import FedSim
@testable import Files
@testable import JSONText
@testable import Reports
@testable import Scenarios

@Suite struct DataSourceTests {
  /// Without privacy: these tests are about data, and plans of noise take their time in debug builds.
  private let plain = ["privacy=null", "channel.codec=float32"]
  private let natural = ["partition.kind=natural", "partition.clients=null", "cohort.size=10"]

  private func folder() throws -> String {
    let path = NSTemporaryDirectory() + "fedsim-source-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  private func write(_ text: String, _ path: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
  }

  /// 40 clients of 5 examples in two classes.
  private var csv: String {
    "a,b,label,who\n" + (0..<200).map { "\($0 % 7),\(Double($0) / 9),\($0 % 2),p\($0 / 5)\n" }.joined()
  }

  private func setup(_ overrides: [String]) throws -> RunSetup {
    try RunSetup(scenario: scenario(plain + overrides), split: nil, threads: 2)
  }

  private func records(_ overrides: [String], split: Split? = nil) throws -> [String] {
    var simulation = try Simulation(scenario: scenario(plain + overrides), split: split, threads: 2)
    var lines: [String] = []
    while let record = try simulation.nextRound() { lines.append(record.json.text(pretty: false)) }
    return lines
  }

  @Test func csvGivesNaturalClients() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try write(csv, folder + "/a.csv")
    let data = #"data={"source": "csv", "path": "\#(folder)/a.csv", "labelColumn": "label", "clientColumn": 3}"#
    let setup = try setup([data] + natural)
    #expect(setup.population.clientCount == 40 && setup.population.data.featureCount == 2)
    #expect(setup.test.count == 40)
    #expect(setup.resolved.text(pretty: false).contains("\"testFraction\": 0.2"))
    let explanation = Explanation(setup)
    #expect(explanation.text.contains("CSV, "))
  }

  /// Where the files lie is no part of a run's key; whose the examples are is.
  @Test func contentsCountAndPathsDoNot() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try write(csv, folder + "/a.csv")
    try write(csv, folder + "/b.csv")
    try write(csv.replacing("p39", with: "p38"), folder + "/c.csv")
    let run = { (name: String) in
      try self.records(
        [#"data={"source": "csv", "path": "\#(folder)/\#(name)", "labelColumn": "label", "clientColumn": "who"}"#]
          + self.natural)
    }
    let (a, b, c) = try (run("a.csv"), run("b.csv"), run("c.csv"))
    #expect(a == b)
    #expect(a != c)
  }

  @Test(arguments: [
    ["data={\"source\": \"synthetic\", \"clients\": 12, \"alpha\": 1}", "partition.kind=natural"],
    ["data={\"source\": \"mixture\", \"examples\": 500}", "partition.kind=one-example"],
    [
      "data={\"source\": \"mixture\", \"examples\": 500, \"seed\": 4, \"separation\": 2}", "partition.kind=one-example",
    ],
  ])
  func aResolvedScenarioIsTheSameRun(overrides: [String]) throws {
    let overrides = overrides + ["partition.clients=null", "cohort.size=5"]
    let resolved = try setup(overrides).resolved
    let file = try ScenarioFile(Array(resolved.text(pretty: true).utf8), name: "resolved.json")
    let again = try RunSetup(scenario: Scenario(file), split: nil, threads: 1)
    #expect(again.resolved == resolved)
    var simulation = try Simulation(scenario: Scenario(file), split: nil, threads: 1)
    let first = try simulation.nextRound()?.json.text(pretty: false)
    #expect(try first == records(overrides).first)
  }

  @Test(arguments: ["dirichlet-class", "shards"])
  func defaultsOfPartitionsAreWritten(kind: String) throws {
    let overrides =
      kind == "shards" ? ["partition.kind=shards"] : ["partition.kind=dirichlet-class", "partition.alpha=100"]
    let resolved = try setup(overrides).resolved
    let text = resolved.text(pretty: false)
    #expect(text.contains(kind == "shards" ? "\"shardsPerClient\": 2" : "\"minimumSize\": 10"))
    let file = try ScenarioFile(Array(text.utf8), name: "resolved.json")
    #expect(try RunSetup(scenario: Scenario(file), split: nil, threads: 1).resolved == resolved)
  }

  @Test func dataCanBePinnedWhileTheSeedVaries() throws {
    let data = { (seed: Int, more: String) in
      try self.setup(
        [
          "data={\"source\": \"synthetic\"\(more)}", "seed=\(seed)", "partition.kind=natural", "partition.clients=null",
          "cohort.size=5",
        ]
      ).population.data.features.prefix(100)
    }
    #expect(try data(1, "") != data(2, ""))
    #expect(try data(1, "") == data(2, ", \"seed\": 1"))
  }

  @Test(arguments: [
    (
      ["data={\"source\": \"idx\", \"images\": \"none-i\", \"labels\": \"none-l\"}"],
      "data.labels: refused: none-l: there is no such file"
    ),
    (
      ["data={\"source\": \"idx\", \"images\": \"i\", \"labels\": \"l\", \"test\": \"t\"}"],
      "data.test: found a string, \"t\"; allowed: {\"images\""
    ),
    (
      ["data={\"source\": \"leaf\", \"path\": \"i\", \"test\": {\"images\": \"t\", \"labels\": \"t\"}}"],
      "data.test: found an object, {"
    ),
    (["data={\"source\": \"csv\", \"path\": \"i\"}"], "data.labelColumn: \"csv\" needs the column of labels"),
    (
      ["data={\"source\": \"csv\", \"path\": \"\", \"labelColumn\": 0}"],
      "data.path: found \"\"; allowed: a path of 1 to 4096 bytes"
    ),
    (
      ["data={\"source\": \"csv\", \"path\": \"x\", \"labelColumn\": -1}"],
      "data.labelColumn: found -1; allowed: a column's name"
    ),
    (["data={\"source\": \"leaf\", \"path\": \"x\", \"imageShape\": [1, 2]}"], "data.imageShape: found"),
    (
      ["data={\"source\": \"leaf\", \"path\": \"x\", \"test\": \"y\", \"testFraction\": 0.1}"],
      "data.testFraction: found a share"
    ),
    // Keys of the chosen source come first, and are those that are listed.
    (
      ["data={\"source\": \"csv\", \"path\": \"i\", \"label\": \"y\"}"],
      "data.label: no such key; did you mean \"data.labelColumn\"?; allowed: source, testFraction, testOf, targetOffset, targetScale, test, path, labelColumn,"
    ),
    (
      ["data={\"source\": \"digits\", \"labelColumm\": \"y\"}"],
      "no such key; did you mean \"data.labelColumn\"?; allowed: source, testFraction, testOf, targetOffset, targetScale"
    ),
    (["swep={}"], "swep: no such key; did you mean \"sweep\"?"),
    (
      ["data={\"source\": \"csv\", \"path\": \"x\", \"labelColumn\": 0, \"drop\": [\"\"]}"],
      "data.drop: found [\"\"]: a column with an empty name is given by its number, the first as [0]; allowed: an array"
    ),
    (
      ["data={\"source\": \"csv\", \"path\": \"x\", \"labelColumn\": \"\"}"],
      "found \"\": a column with an empty name is given by its number, the first as 0; allowed: a column's name"
    ),
    (["partition.kind=natural", "partition.clients=null"], "partition: refused: these data name no owners"),
    (["partition.kind=shards", "partition.clients=1000"], "partition: refused: 1000 clients need at least 2 each"),
    (["partition.kind=dirichlet-class", "partition.alpha=0.01"], "partition: refused: 11 draws left a client"),
    (["partition.kind=dirichlet-class", "partition.alpha=0"], "partition.alpha: found 0; allowed: a number from"),
    (["data={\"source\": \"synthetic\", \"features\": 1000000, \"clients\": 10000}"], "data.clients: refused"),
  ])
  func mistakesAreExplained(overrides: [String], expected: String) {
    do {
      _ = try setup(overrides)
      Issue.record("no error")
    } catch { #expect("\(error)".contains(expected), "\(error)") }
  }

  /// What a message says of a key is so for the partition, or the source, that is chosen.
  @Test func remediesAreThoseOfTheChoice() throws {
    let message = { (overrides: [String]) -> String in
      do {
        _ = try setup(overrides)
        return "no error"
      } catch { return "\(error)" }
    }
    let byClass = message(["partition.kind=dirichlet-class", "partition.alpha=1", "partition.clients=200"])
    #expect(
      byClass.contains("200 clients need at least 10 each") && byClass.contains("; 10 where it is not given"),
      "\(byClass)")
    let drawn = message([
      "partition={\"kind\": \"iid\", \"clients\": 200, \"sizes\": \"log-normal\", \"sigma\": 1, \"minimumSize\": 20}"
    ])
    #expect(drawn.contains("need at least 20 each") && !drawn.contains("where it is not given"), "\(drawn)")
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("fedsim-owners-\(UUID().uuidString).csv")
    try Data("a,y\n1,p\n2,q\n3,p\n4,q\n".utf8).write(to: folder)
    defer { try? FileManager.default.removeItem(at: folder) }
    let unowned = message(
      ["data={\"source\": \"csv\", \"path\": \"\(folder.path)\", \"labelColumn\": \"y\", \"testFraction\": 0.5}"]
        + natural)
    #expect(
      unowned.contains("these data name no owners of examples; data.clientColumn says whose an example is"),
      "\(unowned)")
  }

  @Test(arguments: [("digits-noniid", 100), ("synthetic", 30)])
  func scenariosOfTheRepositoryAreExplained(name: String, clients: Int) throws {
    let bytes = try Array(Data(contentsOf: repositoryFile("scenarios/\(name).json")))
    let setup = try RunSetup(scenario: Scenario(ScenarioFile(bytes, name: name)), split: nil, threads: 2)
    #expect(setup.population.clientCount == clients)
    #expect(Explanation(setup).text.contains("Clients by number of examples"))
  }

  /// The picture fits 80 columns, whatever the population.
  @Test(arguments: [
    ["partition.kind=one-example", "partition.clients=null"],
    ["partition.kind=iid", "partition.clients=3", "cohort.size=2"],
    ["partition.kind=dirichlet-class", "partition.alpha=0.2", "partition.minimumSize=0"],
    [
      "data={\"source\": \"synthetic\", \"classes\": 1000, \"clients\": 20, \"features\": 1}", "partition.kind=natural",
      "partition.clients=null",
    ],
    [
      "data={\"source\": \"mixture\", \"examples\": 3000, \"classes\": 62, \"features\": 1}", "partition.clients=7",
      "cohort.size=2",
    ],
  ])
  func picturesFitATerminal(overrides: [String]) throws {
    let setup = try setup(overrides)
    let summary = PopulationSummary(setup.population)
    for line in summary.picture?.split(separator: "\n") ?? [] { #expect(line.count <= 80, "\(line)") }
    #expect((summary.picture == nil) == (summary.sizes.max == 1))
    #expect(summary.labelSkew >= 0 && summary.labelSkew < 1)
    #expect(Explanation(setup).json.text(pretty: false).contains("\"clientSizes\""))
  }

  @Test func skewIsTheDistanceFromAll() throws {
    let data = try Dataset(
      features: [0, 0, 0, 0], labels: [0, 0, 1, 1], featureCount: 1, classCount: 2, owners: [0, 0, 1, 1])
    var random = RunKeys.experimentStream(seed: 1, .partition)
    #expect(PopulationSummary(try Population(data, partition: NaturalPartition(), random: &random)).labelSkew == 0.5)
    let even = try Dataset(
      features: [0, 0, 0, 0], labels: [0, 1, 0, 1], featureCount: 1, classCount: 2, owners: [0, 0, 1, 1])
    let summary = PopulationSummary(try Population(even, partition: NaturalPartition(), random: &random))
    #expect(summary.labelSkew == 0 && summary.sizes.median == 2 && summary.classesPerClient.min == 2)
  }

  // MARK: What may not be meant

  private func refusalOrWarnings(_ csv: String, test: String? = nil, more: String = "") throws -> (String?, [String]) {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try write(csv, folder + "/a.csv")
    if let test { try write(test, folder + "/t.csv") }
    let part = test == nil ? "" : #", "test": "\#(folder)/t.csv""#
    do {
      let setup = try setup([
        #"data={"source": "csv", "path": "\#(folder)/a.csv", "labelColumn": "y"\#(part)\#(more)}"#,
        "partition.kind=iid",
        "partition.clients=4", "cohort.size=2",
      ])
      // What a run prints, `explain` shows.
      let explained = Explanation(setup)
      for warning in setup.dataWarnings {
        #expect(
          setup.warnings.contains(warning)
            && explained.json.text(pretty: false).contains(JSON.string(warning).text(pretty: false)))
      }
      return (nil, setup.dataWarnings)
    } catch { return ("\(error)", []) }
  }

  private func rows(_ labels: [String]) -> String {
    "x,y\n" + labels.enumerated().map { "\($0 * 7 % 5).5,\($1)\n" }.joined()
  }

  @Test func labelsThatCannotBeMeantAreRefused() throws {
    let half = (0..<20).map { $0 % 2 == 0 ? "<=50K" : ">50K" }
    let (refusal, _) = try refusalOrWarnings(rows(half), test: rows(half.map { $0 + "." }))
    #expect(
      refusal?.contains("data.test: refused: column \"y\": no test example has a label") == true, "\(refusal ?? "")")
    let (real, _) = try refusalOrWarnings(rows((0..<100).map { "\($0 * 37 % 101).25" }))
    #expect(
      real?.contains("data.labelColumn: refused: column \"y\": labels are numbers such as") == true, "\(real ?? "")")
  }

  /// One warning each, which names the column; none for a table as it should be.
  @Test func oddLabelsAreWarnedOf() throws {
    let fine = (0..<40).map { "\($0 % 2)" }
    #expect(try refusalOrWarnings(rows(fine)).1.isEmpty)
    let cases: [([String], String)] = [
      (fine + ["nan"], "is \"nan\""), (fine + fine.map { $0 + ".0" } + ["unk"], "\"0\" and \"0.0\" (and 1 more such)"),
      (fine + ["7"], "no test example has the label \"7\""),
    ]
    for (labels, expected) in cases {
      let (refusal, warnings) = try refusalOrWarnings(rows(labels))
      let label = warnings.filter { $0.hasPrefix("column \"y\": ") && $0.contains(expected) }
      #expect(refusal == nil && label.count == 1, "\(expected): \(refusal ?? "") \(warnings)")
    }
  }

  @Test func namesOfClassesAreKept() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try write(rows((0..<40).map { $0 % 2 == 0 ? "no" : "yes\u{1B}" }), folder + "/a.csv")
    let setup = try setup([
      #"data={"source": "csv", "path": "\#(folder)/a.csv", "labelColumn": "y"}"#, "partition.clients=4",
      "cohort.size=2",
    ])
    #expect(setup.classes == ["classes": ["no", "yes\u{1B}"]])
    #expect(Explanation(setup).text.contains("2: \"no\", \"yes\\u001B\""))
    #expect(try self.setup([]).classes == nil, "digits have numbers alone")
  }
}
