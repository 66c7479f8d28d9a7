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

/// What becomes of a table's columns in a run: shown, fitted to the training part, kept in the run's folder, and outside the guarantee.
@Suite struct TableColumnsTests {
  private let rows = (0..<200).map { i in
    "\(20 + i % 47),\(["red", "blue", "?"][i % 3]),\(i % 9 == 0 ? "NA" : "\(i * i % 1009)"),\(i % 2 == 0 ? "yes" : "no")\n"
  }

  private func setup(_ data: String, privacy: Bool = true, _ overrides: [String] = []) throws -> RunSetup {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FilePath.makeFolder(folder)
    try ("age,colour,sum,y\n" + rows.joined()).write(toFile: "\(folder)/a.csv", atomically: true, encoding: .utf8)
    let source = #"data={"source": "csv", "path": "\#(folder)/a.csv", "labelColumn": "y", "missing": "mean"\#(data)}"#
    let plain = privacy ? [] : ["privacy=null", "channel.codec=float32"]
    return try RunSetup(scenario: scenario([source] + plain + overrides), split: nil, threads: 2)
  }

  private let constants =
    #", "scaling": {"age": [43, 14], "sum": [500, 290]}, "categories": {"colour": ["red", "blue"]}"#

  /// The split comes first: scales, and what stands for missing values, are those of the examples that are trained on.
  @Test func columnsAreFittedToTheTrainingPart() throws {
    let setup = try setup(#", "scaling": "standard""#, privacy: false)
    let data = setup.population.data
    #expect(data.featureCount == 5 && data.count == 160 && setup.test.count == 40)
    for feature in [0, 4] {
      let column = { (data: Dataset) in (0..<data.count).map { Double(data.features[$0 * 5 + feature]) } }
      let (training, test) = (column(data), column(setup.test))
      #expect(abs(training.reduce(0, +)) < 1e-4, "missing values are at the mean, which is then 0")
      #expect(abs(test.reduce(0, +)) > 0.1)
      let squares = training.reduce(0) { $0 + $1 * $1 }
      #expect(feature == 4 ? squares < 159 : abs(squares - 160) < 1e-3, "over those that have a value")
    }
    let columns = try #require(setup.columns)
    #expect(columns.columns[2].missing == (0..<160).count { data.features[$0 * 5 + 4] == 0 })
    let raw = try self.setup("", privacy: false)
    let age = try #require(columns.columns[0].statistics)
    for i in 0..<160 {
      let value = Float((Double(raw.population.data.features[i * 5]) - age.mean) / age.deviation)
      #expect(data.features[i * 5] == value)
    }
  }

  @Test func columnsAreExplained() throws {
    let setup = try setup(#", "scaling": "standard""#, privacy: false)
    let text = Explanation(setup).text
    #expect(text.contains("columns         4, delimiter \",\"; 5 features"), "\(text)")
    #expect(text.contains("\"age\": number, 20 to 66, mean ") && text.contains("; scaled: (x - "))
    #expect(text.contains("\"colour\": 2 categories, and one for missing values: \"blue\", \"red\", "))
    #expect(text.contains(" missing\n") && text.contains(" in their place; scaled"))
    #expect(text.contains("\"y\": label"))
    guard case .object(let json) = Explanation(setup).json, case .array(let columns)? = json["columns"],
      case .object(let colour) = columns[1]
    else { throw CancellationError() }
    #expect(colour["kind"] == "category" && colour["categories"] == ["blue", "red"] && colour["features"] == 3)
    // A wide table is cut.
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FilePath.makeFolder(folder)
    let names = (0..<40).map { "x\($0)" }.joined(separator: ",")
    let rows = (0..<60).map { i in (0..<40).map { "\((i + 1) * ($0 + 3) % 17)" }.joined(separator: ",") + ",\(i % 2)\n"
    }
    try "\(names),y\n\(rows.joined())".write(toFile: "\(folder)/a.csv", atomically: true, encoding: .utf8)
    let wide = try RunSetup(
      scenario: scenario([
        #"data={"source": "csv", "path": "\#(folder)/a.csv", "labelColumn": "y"}"#, "privacy=null",
        "partition.clients=10",
        "cohort.size=5", "channel.codec=float32",
      ]), split: nil, threads: 1)
    let lines = Explanation(wide).text
    #expect(lines.contains("\"x15\"") && !lines.contains("\"x16\"") && lines.contains("and 25 more"))
  }

  /// What is computed from the data is named wherever the guarantee is; constants leave nothing to name.
  @Test func whatIsComputedIsOutside() throws {
    let computed = [
      "offsets and scales of \"age\", \"sum\" (data.scaling)", "means for missing values of \"sum\" (data.missing)",
      "which columns lack values, among \"age\", \"sum\" (data.missing)",
      "categories of \"colour\" (data.categories)",
    ]
    let standard = try setup(#", "scaling": "standard""#)
    let statement = GuaranteeStatement(standard)
    #expect(statement.outsideGuarantee.suffix(5) == ["columns.json"] + computed)
    #expect(statement.sentence.hasSuffix("is outside: \(computed.joined(separator: "; "))."))
    #expect(standard.warnings.count { $0.hasPrefix("computed from the training data without noise") } == 1)
    let own = try setup(constants)
    let plain = GuaranteeStatement(try RunSetup(scenario: scenario(), split: nil, threads: 1))
    #expect(GuaranteeStatement(own).outsideGuarantee == plain.outsideGuarantee)
    #expect(GuaranteeStatement(own).sentence == plain.sentence && own.columns?.computed == [])
    #expect(!own.warnings.contains { $0.contains("computed") })
    // Nothing is claimed without noise, and nothing is warned of.
    let free = try setup(#", "scaling": "standard""#, privacy: false)
    #expect(
      GuaranteeStatement(free).outsideGuarantee == ["everything"] && !free.warnings.contains { $0.contains("computed") }
    )
  }

  /// With constants no example moves another one's features: the run of a neighbor differs in one client alone.
  @Test func constantsLeaveOtherExamplesAlone() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FilePath.makeFolder(folder)
    let features = { (rows: [String], data: String) in
      try ("age,colour,sum,y\n" + rows.joined()).write(toFile: "\(folder)/a.csv", atomically: true, encoding: .utf8)
      let source = #"data={"source": "csv", "path": "\#(folder)/a.csv", "labelColumn": "y", "missing": "mean"\#(data)}"#
      return try RunSetup(scenario: scenario([source]), split: nil, threads: 1).population.data.features
    }
    var other = rows
    for (data, isPrivate) in [(constants, true), (#", "scaling": "standard""#, false)] {
      let before = try features(rows, data)
      // Some example of the training part, whichever it is.
      for i in stride(from: 0, to: 20, by: 2) { other[i] = "9999,green,NA,yes\n" }
      let after = try features(other, data)
      let moved =
        before.count == after.count
        ? (0..<160).count { i in before[i * 5..<i * 5 + 5] != after[i * 5..<i * 5 + 5] } : 160
      #expect(isPrivate ? (1...10).contains(moved) : moved > 100, "\(moved)")
    }
  }

  @Test func scenariosSayWhatTheySaid() throws {
    let old = try setup("", privacy: false).resolved.text(pretty: false)
    for key in ["delimiter", "decimal", "header", "categorical", "categories", "drop", "use", "scaling"] {
      #expect(!old.contains("\"\(key)\""), "\(key)")
    }
    let all = constants + #", "delimiter": ",", "decimal": ".", "header": true, "drop": [0], "categorical": ["colour"]"#
    let values = all.replacing(#""age": [43, 14], "#, with: "")
    let resolved = try setup(values, privacy: false).resolved
    let text = resolved.text(pretty: true)
    let again = try Scenario(ScenarioFile(Array(text.utf8), name: "s.json"))
    #expect(again.json == resolved)
    #expect(text.contains("\"scaling\": {") && text.contains("500"))
    let both = #expect(throws: ScenarioError.self) { try setup(#", "drop": [0], "use": [1]"#) }
    #expect(both?.description.contains("data.use: found") == true)
    let wrong = #expect(throws: ScenarioError.self) { try setup(#", "scaling": {"colour": [0, 1]}"#) }
    #expect(wrong?.description.contains("data.scaling: refused: ") == true, "\(wrong?.description ?? "")")
  }

  @Test func foldersOfRunsHaveTheColumns() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FilePath.makeFolder(folder)
    try ("age,colour,sum,y\n" + rows.joined()).write(toFile: "\(folder)/a.csv", atomically: true, encoding: .utf8)
    let source =
      #"data={"source": "csv", "path": "\#(folder)/a.csv", "labelColumn": "y", "missing": "mean", "scaling": "min-max"}"#
    let scenario = try scenario([source, "rounds=1", "privacy=null", "channel.codec=float32"])
    var execution = try RunExecution(Simulation(scenario: scenario, threads: 2), in: "\(folder)/run", start: .new)
    #expect(try execution.run().isWhole)
    let file = try String(contentsOfFile: "\(folder)/run/columns.json", encoding: .utf8)
    guard case .object(let json) = try JSONParser.parse(file.utf8).value, case .array(let columns)? = json["columns"],
      case .object(let age) = columns[0], case .object(let colour) = columns[1]
    else { throw CancellationError() }
    #expect(age["offset"]?.double == 20 && age["scale"]?.double == 46 && age["firstFeature"] == 0)
    #expect(
      colour["categories"] == ["blue", "red"] && colour["hasMissingFeature"] == true && colour["firstFeature"] == 1)
    #expect(json["written"] == "delimiter \",\"" && columns.count == 4)
  }
}
