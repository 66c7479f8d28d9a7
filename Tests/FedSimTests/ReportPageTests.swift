import Foundation
import Testing

@testable import FedSim

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite struct ReportPageTests {
  private func source(_ files: [String: String]) throws -> Report.Source {
    try Report.Source(path: "d") { files[$0].map { Array($0.utf8) } }
  }

  private func run() throws -> [String: String] {
    var simulation = try Simulation(scenario: scenario("rounds=4"), threads: 1)
    var records: [RoundRecord] = []
    while let record = try simulation.nextRound() { records.append(record) }
    return [
      "summary.json": RunSummary(simulation.setup, records: records, stoppedBy: .rounds).json.text(pretty: true),
      "scenario.json": simulation.setup.resolved.text(pretty: true),
      "rounds.jsonl": records.map { $0.json.text(pretty: false) + "\n" }.joined(),
    ]
  }

  private func isXML(_ text: String) -> Bool { XMLParser(data: Data(text.utf8)).parse() }

  @Test func aRunHasItsChartsAndViews() throws {
    let report = Report([try source(run())])
    #expect(report.charts.map(\.name) == ["accuracy", "epsilon", "bits"] && report.tables.map(\.name) == ["views"])
    for chart in report.charts { #expect(isXML(chart.svg), "\(chart.name)") }
    #expect(
      report.html.contains("After 4 rounds the model is right on") && report.html.contains("Who is guaranteed what"))
    #expect(
      !report.html.contains("http://") || report.html.components(separatedBy: "http://").count == 4,
      "only the SVG name space")
    #expect(!report.html.contains("<script") && !report.html.contains("nan"))
    #expect(report.tables[0].markdown.hasPrefix("| adversary | knows |"))
  }

  @Test func aSweepHasALineACodec() throws {
    let rows = (0..<12).map { i -> String in
      let codec = i % 2 == 0 ? "layered" : "polar"
      let row: JSON = [
        "point": .integer(i / 2), "setting": ["channel": ["codec": .string(codec)]],
        "result": [
          "codec": .string(codec), "epsilon": .number(Double(1 + i / 4)),
          "finalAccuracy": .number(0.8 + 0.01 * Double(i)),
          "payloadBitsPerClientRound": .number(100 + Double(i)),
        ],
      ]
      return row.text(pretty: false)
    }
    let report = Report([try source(["runs.jsonl": rows.joined(separator: "\n")])])
    #expect(report.charts.map(\.name) == ["privacy-bits", "privacy-accuracy", "bits-accuracy"])
    for chart in report.charts { #expect(isXML(chart.svg)) }
    #expect(report.html.contains("12 runs."))
  }

  @Test func damagedFoldersAreNamed() throws {
    var files = try run()
    files["rounds.jsonl"]?.append("{\"round\": 5, ")
    let error = #expect(throws: ToolError.self) { try source(files) }
    #expect(error?.description.contains("d/rounds.jsonl:5:") == true, "\(String(describing: error))")
    #expect(throws: ToolError.self) { try source(["summary.json": "{}"]) }
    #expect(throws: ToolError.self) { try source([:]) }
    #expect(throws: ToolError.self) { try source(["runs.jsonl": ""]) }
    // Foreign, but well-formed: a page with what there is.
    let foreign = Report(
      [try source(["summary.json": "{}", "scenario.json": "{}", "rounds.jsonl": "{}"])], problems: ["<x>"])
    #expect(foreign.charts.isEmpty && foreign.html.contains("&lt;x&gt;"))
  }

  /// Labels of an axis do not touch, marks stay inside, for ranges of any size.
  @Test func ticksFit() {
    for (low, high, isLog) in [
      (1.0, 1.0, false), (0, 1e9, false), (-3, 3e-7, false), (1e-9, 1e12, true), (5, 5, true), (0.5, 16, true),
      (999, 1001, false),
    ] {
      let chart = Chart(
        name: "c", title: "t", x: .init("x", isLog: isLog), y: .init("y", isLog: isLog),
        series: [
          .init(
            "s",
            (0..<5).map { Chart.Point(x: low + (high - low) * Double($0) / 4, y: low + (high - low) * Double($0) / 4) })
        ])
      #expect(isXML(chart.svg) && !chart.svg.contains("nan") && !chart.svg.contains("inf"), "\(low) \(high)")
      let labels = chart.svg.components(separatedBy: "text-anchor=\"middle\">").count - 1
      #expect(labels >= 2 && labels < 14, "\(low) \(high) \(labels)")
    }
  }

  @Test func comparisonsTellChanceFromDifference() throws {
    let sweep = { (epsilon: Double, accuracies: [Double]) -> Report.Source in
      let rows = accuracies.enumerated().map { i, accuracy -> String in
        let row: JSON = [
          "point": .integer(i / 3),
          "setting": [
            "seed": .integer(i), "privacy": ["targetEpsilon": .number(epsilon)], "rounds": .integer(i < 3 ? 1 : 2),
          ],
          "result": ["finalAccuracy": .number(accuracy)],
        ]
        return row.text(pretty: false)
      }
      return try source(["runs.jsonl": rows.joined(separator: "\n")])
    }
    let comparison = Comparison(
      try sweep(1, [0.80, 0.82, 0.81, 0.5, 0.52, 0.51]), try sweep(2, [0.81, 0.80, 0.82, 0.6, 0.61, 0.59]))
    #expect(comparison.settings == [.init(path: "privacy.targetEpsilon", first: "1", second: "2")])
    #expect(comparison.results.map(\.point) == ["rounds = 1", "rounds = 2"] && comparison.unmatched == 0)
    #expect(comparison.results[0].isClear == false && comparison.results[1].isClear == true)
    #expect(abs(comparison.results[1].difference - 0.09) < 1e-12)
    #expect(comparison.text.contains("privacy.targetEpsilon"))
    let one = Comparison(try source(run()), try source(run()))
    #expect(
      one.settings.isEmpty && one.results.allSatisfy { $0.difference == 0 && $0.isClear == nil } && !one.results.isEmpty
    )
  }
}
