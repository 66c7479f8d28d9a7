import Foundation
import Testing

@testable import ChannelCoding
@testable import Datasets
@testable import FedSim
@testable import Files
@testable import JSONText
@testable import Reports
@testable import RunFiles
@testable import Scenarios

/// What docs/run-files.md and `fedsim schema --records` say is what real runs and sweeps write, file by file and key by key.
@Suite struct RecordTests {
  /// 200 rows, 60 of class "yes"; the split keeps a fifth of each class.
  static func table(_ yes: String = "yes", _ no: String = "no") -> String {
    (0..<200).reduce("x,y,kind\n") { text, i in
      text + "\(i % 7),\(i % 11),\(i % 10 < 3 ? yes : no)\n"
    }
  }

  private static func csv(_ folder: String, _ text: String = table()) throws -> [String] {
    try FilePath.makeFolder(folder)
    try text.write(toFile: "\(folder)/data.csv", atomically: true, encoding: .utf8)
    return [#"data={"source": "csv", "path": "\#(folder)/data.csv", "labelColumn": "kind"}"#, "rounds=2"]
  }

  /// Values by path: keys of objects with dots, elements of lists with "[]".
  private static func leaves(_ value: JSON, _ path: String = "") -> [(path: String, value: JSON)] {
    switch value {
    case .object(let object):
      return object.flatMap { leaves($0.value, path.isEmpty ? $0.key : "\(path).\($0.key)") }
    case .array(let items):
      let inner = items.flatMap { item -> [(path: String, value: JSON)] in
        if case .object = item { leaves(item, path + "[]") } else { [] }
      }
      return inner.isEmpty ? [(path, value)] : inner
    default: return [(path, value)]
    }
  }

  /// Values of a table by column; a cell that is a number is one.
  private static func cells(_ text: String) throws -> [(path: String, value: JSON)] {
    let lines = text.split(separator: "\n").map { line -> [String] in
      var cells = [""]
      var isQuoted = false
      for character in line {
        if character == "\"" { isQuoted.toggle() }
        if character == ",", !isQuoted { cells.append("") } else { cells[cells.count - 1].append(character) }
      }
      return cells
    }
    let header = try #require(lines.first)
    return lines.dropFirst().flatMap { line in
      zip(header, line).map { name, cell -> (path: String, value: JSON) in
        if cell.isEmpty { return (name, .null) }
        if cell.hasPrefix("\"[") { return (name, .array([])) }
        if cell == "true" || cell == "false" { return (name, .bool(cell == "true")) }
        return (name, Int(cell).map { .integer($0) } ?? Double(cell).map { .number($0) } ?? .string(cell))
      }
    }
  }

  private static func values(in file: String) throws -> [(path: String, value: JSON)] {
    let text = try String(contentsOfFile: file, encoding: .utf8)
    if file.hasSuffix(".csv") { return try cells(text) }
    if file.hasSuffix(".jsonl") {
      return try text.split(separator: "\n").flatMap { leaves(try JSONParser.parse($0.utf8).value) }
    }
    return leaves(try JSONParser.parse(text.utf8).value)
  }

  private static func has(_ column: RecordColumn, _ value: JSON) -> Bool {
    switch (column.type, value) {
    case (_, .null): column.mayBeNull
    case (.integer, .integer), (.number, .integer), (.number, .number), (.text, .string), (.list, .array),
      (.boolean, .bool), (.object, .object):
      true
    default: false
    }
  }

  /// What was found of the columns of all files: those with a condition must occur somewhere.
  private struct Found {
    var columns = Set<String>()

    /// Compares a file with its description.
    mutating func check(
      _ values: [(path: String, value: JSON)], _ file: RecordFile, _ name: String, named: Set<String> = []
    ) {
      for (path, value) in values {
        // An object that is null as a whole, and a list that is empty.
        let isBare = value == .null || value == .array([])
        let standing = file.columns.filter { column in
          column.stands(for: path, named: named)
            || isBare && (column.name.hasPrefix(path + ".") && column.mayBeNull || column.name.hasPrefix(path + "[]"))
        }
        #expect(!standing.isEmpty, "\(name): \(path) is described nowhere")
        for column in standing where column.name == path {
          #expect(RecordTests.has(column, value), "\(name): \(path) is \(value.summary), and \(column.typeInWords)")
        }
      }
      for column in file.columns {
        let isThere = values.contains { path, _ in
          column.stands(for: path, named: named) || path.hasPrefix(column.name + "[]")
            || path.hasPrefix(column.name + ".") || column.mayBeNull && column.name.hasPrefix(path + ".")
        }
        if isThere { columns.insert("\(file.title): \(column.name)") }
        #expect(isThere || column.onlyWith != nil, "\(name): \(column.name) is described, and not there")
      }
    }
  }

  private static func check(
    _ path: String, _ files: [RecordFile], _ found: inout Found, named: [String: Set<String>] = [:],
    leaving: Set<String> = []
  ) throws {
    let names = Set(try FilePath.names(in: path)).subtracting(leaving)
    #expect(names.isSubset(of: files.flatMap(\.names)), "\(names)")
    for file in files {
      for name in file.names where names.contains(name) {
        found.columns.insert("\(name): ")
        if file.columns.isEmpty { continue }
        found.check(try values(in: "\(path)/\(name)"), file, "\(path)/\(name)", named: named[name] ?? [])
      }
      if file.onlyWith == nil {
        #expect(file.names.allSatisfy { names.contains($0) || !$0.contains(".") }, "\(file.title)")
      }
    }
  }

  private static func run(_ scenario: Scenario, in path: String) throws {
    var execution = try RunExecution(Simulation(scenario: scenario, threads: 2), in: path, start: .new)
    #expect(try execution.run().isWhole)
  }

  @Test func everyKeyOfARunIsDescribedAndThere() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let named = try Self.csv(folder)
    var found = Found()
    let posteriors = { (set: [String]) in
      try Scenario(ScenarioFile(Array(PosteriorTaskTests.linear.utf8), name: "s.json", overrides: set))
    }
    let runs = [
      try scenario(named + ["privacy.clippingQuantile=0.5"]),
      try scenario(["privacy=null", "channel.codec=float32", "rounds=1"]),
      try scenario(["data.testOf=each-client", "evaluation.metrics=true", "evaluation.fineTuneEpochs=1", "rounds=2"]),
      try scenario(["evaluation.metrics=true", "rounds=2"], text: smallRegression),
      try scenario(
        [
          "rounds=3", "training.schedule=inverse", "training.decayRounds=2", "server.warmupRounds=2",
          "evaluation.every=1",
          "evaluation.keepBest=true", "evaluation.targetAccuracy=0.01",
        ]),
      try posteriors(["posterior.examples=8"]),
      try posteriors(
        [
          "task=bayesian-classification", "model={\"kind\": \"bayesian-softmax\"}", "posterior={\"clients\": 20}",
        ]),
    ]
    for (i, scenario) in runs.enumerated() {
      try Self.run(scenario, in: "\(folder)/\(i)")
      try Self.check("\(folder)/\(i)", RecordFile.ofRuns, &found)
    }
    for file in RecordFile.ofRuns {
      for name in file.names { #expect(found.columns.contains("\(name): "), "\(name)") }
      for column in file.columns { #expect(found.columns.contains("\(file.title): \(column.name)"), "\(column.name)") }
    }
  }

  @Test func everyKeyOfASweepIsDescribedAndThere() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let data = try Self.csv(folder)
    let body = smallScenario.trimmingCharacters(in: .whitespacesAndNewlines).dropLast()
    let sections = [
      #"{"axes": {"privacy": [null, {"clippingNorm": 0.5, "noiseMultiplier": 1, "delta": 1e-4}], "channel.codec": ["float32"]}, "repeats": 2}"#,
      #"{"points": [{"name": "a", "rounds": 1}, {"name": "b", "rounds": 2}], "repeats": 2, "common": true}"#,
    ]
    var found = Found()
    for (i, section) in sections.enumerated() {
      let sweep = try Sweep(
        Array((body + ", \"sweep\": \(section)}").utf8), name: "s.json",
        overrides: i == 0 ? data.filter { !$0.hasPrefix("rounds") } + ["rounds=1"] : [])
      let path = "\(folder)/\(i)"
      let outcome = try SweepExecution(sweep, in: path).run()
      let named = Set(sweep.axes.map(\.column) + sweep.details)
      try Self.check(path, RecordFile.ofSweeps, &found, named: ["points.csv": named], leaving: ["runs"])
      let printed = try #require(RecordFile.ofSweeps.last)
      found.check(Self.leaves(outcome.json(folder: path)), printed, printed.title)
      let header = try String(contentsOfFile: "\(path)/points.csv", encoding: .utf8).split(separator: "\n")[0]
        .split(separator: ",").map(String.init)
      // Axes are columns of their own beside what is described by name.
      #expect(named.isSubset(of: header))
      for row in outcome.table.rows {
        guard case .object(let summary) = row.summary else { throw CancellationError() }
        #expect(summary.keys.allSatisfy { key in SummaryField.all.contains { $0.name == key } })
      }
      try Self.check("\(path)/runs/0000", RecordFile.ofRuns, &found, leaving: [])
    }
    for file in RecordFile.ofSweeps {
      let ofSomeRuns = PointFigure.ofSomeRuns.compactMap(\.onlyWith)
      for column in file.columns where !ofSomeRuns.contains(where: { column.onlyWith?.contains($0) == true }) {
        #expect(found.columns.contains("\(file.title): \(column.name)"), "\(file.title): \(column.name)")
      }
    }
  }

  // MARK: Points

  /// What is measured has a standard error that is called so; what follows from the plan has none, in no output.
  @Test func standardErrorsAreThoseOfWhatIsMeasured() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let body = smallScenario.trimmingCharacters(in: .whitespacesAndNewlines).dropLast()
    let sweep = try Sweep(
      Array((body + #", "sweep": {"axes": {"channel.codec": ["layered", "float32"]}, "repeats": 3}}"#).utf8),
      name: "s.json", overrides: ["rounds=2"])
    let table = try SweepExecution(sweep, in: "\(folder)/o").run().table
    let header = Set(table.points.split(separator: "\n")[0].split(separator: ",").map(String.init))
    for figure in PointFigure.all {
      #expect(header.contains(figure.name))
      #expect(header.contains(figure.name + ".standardError") == figure.isMeasured, "\(figure.name)")
    }
    #expect(
      PointFigure.all.filter { !$0.isMeasured }.map(\.name) == ["majorityClassAccuracy", "epsilon", "noiseMultiplier"])
    guard case .array(let points) = table.json, case .object(let first)? = points.first else {
      throw CancellationError()
    }
    #expect(first["epsilon"]?.double == table.estimates("epsilon")[0]?.mean && first["epsilon"]?.double != nil)
    guard case .object(let loss)? = first["finalLoss"] else { throw CancellationError() }
    #expect(loss.keys == ["mean", "standardError"] && loss["standardError"]?.double ?? 0 > 0)

    let text = table.closingTable
    #expect(text.contains("+- standard error over 3 repeats"))
    let lines = text.split(separator: "\n").map(String.init)
    #expect(
      lines[0].split(separator: " ").joined(separator: " ")
        == "channel.codec accuracy loss, nats epsilon bits/client I(X;Y), bits F, bits")
    // Floats have one length: nothing that varies.
    let floats = try #require(lines.first { $0.contains("float32") })
    #expect(floats.contains(" 20,800 ") && !floats.contains("+- 0 "), "\(floats)")
    let epsilon = try #require(table.estimates("epsilon")[0])
    #expect(epsilon.error == nil && lines[2].contains(" \(Text.fixedUp(epsilon.mean, 3)) "))
    let one = try Sweep(
      Array((body + #", "sweep": {"axes": {"channel.codec": ["layered"]}}}"#).utf8), name: "s.json",
      overrides: ["rounds=1"])
    let single = try SweepExecution(one, in: "\(folder)/one").run().table.closingTable
    #expect(!single.contains("+-"), "\(single)")
  }

  /// I(X;Y) is that of the runs, and F their bound: above I(X;Y), and below what an exact code took.
  @Test func pointsHaveLossInformationAndTheLowerBound() throws {
    let body = smallScenario.trimmingCharacters(in: .whitespacesAndNewlines).dropLast()
    let sweep = try Sweep(
      Array((body + #", "sweep": {"axes": {"rounds": [1]}, "repeats": 2}}"#).utf8), name: "s.json")
    let ideal = [40.0, 60.0]
    let rows = sweep.runs.map { run in
      SweepTable.Row(
        run: run,
        summary: ["parameters": 650, "idealBitsPerClientRound": .number(ideal[run.repetition]), "finalLoss": 0.5],
        resolved: run.scenario.json)
    }
    let table = SweepTable(sweep, rows: rows)
    let bounds = ideal.map { bits in
      ChannelBounds.lowerBoundBits(dimension: 650, snr: pow(2, 2 * bits / 650) - 1)
    }
    let found = try #require(table.estimates("lowerBoundBitsPerClientRound")[0])
    #expect(abs(found.mean - (bounds[0] + bounds[1]) / 2) < 1e-9 * found.mean)
    #expect(abs((found.error ?? 0) - abs(bounds[1] - bounds[0]) / 2) < 1e-9 * found.mean)
    #expect(bounds[0] > 40 && bounds[1] > 60 && found.mean < 60)
    #expect(table.estimates("idealBitsPerClientRound")[0]?.mean == 50 && table.estimates("finalLoss")[0]?.mean == 0.5)
    let none = SweepTable(sweep, rows: sweep.runs.map { .init(run: $0, summary: ["parameters": 650], resolved: .null) })
    #expect(none.estimates("lowerBoundBitsPerClientRound") == [nil])
    #expect(!none.closingTable.contains("F, bits") && none.closingTable.contains("bits/client"))
  }

  /// Seeds may leave other numbers of clients, and with them other epsilons: the value that holds for each repeat is given.
  @Test func plannedFiguresHoldForEachRepeat() {
    let figure = { (name: String) in PointFigure(named: name) }
    #expect(figure("epsilon").estimate([1, 2, 1.5]) == Estimate(mean: 2, error: nil))
    #expect(figure("noiseMultiplier").estimate([1, 2, 1.5]) == Estimate(mean: 1, error: nil))
    // A mean of equal numbers may be rounded, and a value that all have is not.
    #expect(figure("majorityClassAccuracy").estimate([0.1, 0.1, 0.1]) == Estimate(mean: 0.1, error: nil))
    #expect(figure("finalAccuracy").estimate([0.1, 0.3])?.error != nil)
  }

  // MARK: The baseline and the names of classes

  @Test func theMostFrequentClassIsABaseline() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let setup = try RunSetup(scenario: scenario(Self.csv(folder)), split: nil, threads: 1)
    // Of 40 test examples 12 are "yes".
    #expect(setup.test.count == 40 && setup.majorityClassAccuracy == 0.7)
    let record = RoundRecord(line: RoundRecord().json.text(pretty: false).utf8)
    var simulation = try Simulation(scenario: scenario(Self.csv(folder) + ["evaluation.every=1"]), threads: 1)
    let summary = RunSummary(
      simulation.setup, records: [try #require(try simulation.nextRound())], stoppedBy: .interrupted)
    guard case .object(let object) = summary.json else { throw CancellationError() }
    #expect(object["majorityClassAccuracy"] == .number(0.7) && record != nil)
    #expect(summary.closingTable.contains("always saying their most frequent class: 70.0 %"))
    #expect(GuaranteeStatement(setup).outsideGuarantee.contains("majorityClassAccuracy"))
    let text = Explanation(setup).text
    #expect(text.contains("70.0 % accuracy on the test examples by always saying \"no\""), "\(text)")
    // A representation is neither right nor wrong.
    let pictures = try RunSetup(
      scenario: Scenario(ScenarioFile(Array(PosteriorTaskTests.linear.utf8), name: "s.json")), split: nil, threads: 1)
    #expect(pictures.majorityClassAccuracy == nil && !Explanation(pictures).text.contains("baseline"))
  }

  /// Nobody's "yes" becomes a 1, nor a file's class 26 a 25.
  @Test func classesKeepTheirNames() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let two = try RunSetup(
      scenario: scenario(Self.csv(folder) + ["partition.clients=10", "cohort.size=5"]), split: nil, threads: 1)
    let text = Explanation(two).text
    #expect(
      text.contains("  no  yes\n") && text.contains("2: \"no\", \"yes\" (outputs 0 to 1 of the model)"), "\(text)")
    let letters = (0..<520).reduce("x,kind\n") { $0 + "\($1 % 5),\($1 % 26 + 1)\n" }
    let many = try RunSetup(
      scenario: scenario(Self.csv(folder, letters) + ["partition.clients=10", "cohort.size=5"]), split: nil, threads: 1)
    #expect(many.classes == .object(["classes": .array((1...26).map { .string("\($0)") })]))
    let lines = Explanation(many).text.split(separator: "\n").map(String.init)
    let heading = try #require(lines.first { $0.contains("client        size") })
    #expect(heading.hasSuffix(" 26") && heading.contains("  1  "), "\(heading)")
    #expect(lines.contains { $0.contains("26: \"1\", \"2\"") && $0.contains("..., \"26\" (outputs 0 to 25") })
    // Digits are numbers, and stay so.
    let digits = Explanation(try RunSetup(scenario: scenario(), split: nil, threads: 1)).text
    #expect(digits.contains("client        size  0                  9\n") && !digits.contains("classes   "))
  }

  // MARK: fedsim schema --records

  @Test func theReferenceIsPrinted() throws {
    let points = try RunFilesReference.terminalText(of: "points.csv")
    for figure in PointFigure.all { #expect(points.contains("  \(figure.name)\n"), "\(figure.name)") }
    #expect(points.contains("  finalLoss.standardError\n      number or null; nats; covered: no\n"), "\(points)")
    #expect(!points.contains("`") && !points.contains("epsilon.standardError"))
    let all = try RunFilesReference.terminalText()
    #expect(all.contains("rounds.jsonl, rounds.csv (of a run)") && all.contains("sweep.json (of a sweep)"))
    #expect(all.split(separator: "\n").allSatisfy { $0.count <= 110 })
    let error = #expect(throws: ToolError.self) { try RunFilesReference.terminalText(of: "point.csv") }
    #expect(error?.description.contains("found \"point.csv\"; allowed: nothing, or a file: scenario.json") == true)
    guard case .object(let json) = RunFilesReference.json, case .array(let runs)? = json["runs"],
      case .array(let sweeps)? = json["sweeps"]
    else { throw CancellationError() }
    #expect(runs.count == RunFolder.File.allCases.count - 1 && sweeps.count == SweepFile.all.count)
    let columns = (RecordFile.ofRuns + RecordFile.ofSweeps).flatMap(\.columns)
    for column in columns {
      #expect(!column.meaning.isEmpty && !column.meaning.contains("|") && !column.unit.isEmpty, "\(column.name)")
    }
    for file in RecordFile.ofRuns + RecordFile.ofSweeps {
      #expect(Set(file.columns.map(\.name)).count == file.columns.count, "\(file.title)")
    }
  }
}
