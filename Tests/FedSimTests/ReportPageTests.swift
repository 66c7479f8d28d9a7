import Foundation
import Testing

@testable import FedSim
@testable import Files
@testable import JSONText
@testable import Reports
@testable import RunFiles

#if canImport(FoundationXML)
  import FoundationXML
#endif

extension Report.Source {
  fileprivate var rounds: RoundTable {
    if case .run(let files) = content { files.rounds } else { RoundTable([]) }
  }
}

@Suite struct ReportPageTests {
  private func source(_ files: [String: String]) throws -> Report.Source {
    try Report.Source(path: "d") { files[$0].map { Array($0.utf8) } }
  }

  private func run(_ overrides: [String] = []) throws -> [String: String] {
    var simulation = try Simulation(scenario: scenario(["rounds=4"] + overrides), threads: 1)
    var records: [RoundRecord] = []
    while let record = try simulation.nextRound() { records.append(record) }
    return [
      "summary.json": RunSummary(simulation.setup, records: records, stoppedBy: .rounds).json.text(pretty: true),
      "scenario.json": simulation.setup.resolved.text(pretty: true),
      "rounds.jsonl": records.map { $0.json.text(pretty: false) + "\n" }.joined(),
      "rounds.csv": RoundRecord().csvHeader + "\n" + records.map { $0.csvLine + "\n" }.joined(),
    ]
  }

  private func isXML(_ text: String) -> Bool { XMLParser(data: Data(text.utf8)).parse() }

  @Test func aRunHasItsChartsAndViews() throws {
    let report = Report([try source(run())])
    #expect(
      report.charts.map(\.name) == [
        "accuracy", "accuracy-epsilon", "epsilon", "bits", "bits-clients", "client-accuracy",
      ])
    #expect(report.tables.map(\.name) == ["distributions", "views"])
    for chart in report.charts { #expect(isXML(chart.svg), "\(chart.name)") }
    // The bound is above the information and below the codec, and rounds have no halves.
    let bits = try #require(report.charts.first { $0.name == "bits" })
    let means = bits.series.map { $0.points.reduce(0) { $0 + $1.y } / Double($0.points.count) }
    #expect(
      bits.series.map(\.name) == ["layered", "predicted of all uploads", "Gaussian I(X;Y)", "lower bound F", "float32"])
    #expect(means[2] < means[3] && means[3] < means[0] && means[0] < means[4])
    #expect(abs(means[1] / means[0] - 1) < 0.1, "\(means)")
    #expect(!bits.svg.contains(">1.5<") && !bits.svg.contains(">2.5<") && bits.svg.contains(">3<"))
    #expect(
      report.html.contains("<h1>FedSim: small</h1>") && report.html.contains("After 4 rounds the model is right on")
        && report.html.contains("Who is guaranteed what"))
    #expect(
      !report.html.contains("http://") || report.html.components(separatedBy: "http://").count == 7,
      "only the SVG name space")
    #expect(!report.html.contains("<script") && !report.html.contains("nan"))
    #expect(report.tables[1].markdown.hasPrefix("| adversary | knows |"))
  }

  /// Charts had asked for a column that the table did not keep, and were left out without a word.
  @Test func adaptiveClippingHasItsChart() throws {
    let adaptive = try run(["privacy.clippingQuantile=0.5", "privacy.countNoise=2"])
    let report = Report([try source(adaptive)])
    let chart = try #require(report.charts.first { $0.name == "clipping" })
    #expect(chart.series[0].points.count == 4 && Set(chart.series[0].points.map(\.y)).count > 1)
    #expect(
      report.charts.map(\.name) == [
        "accuracy", "accuracy-epsilon", "epsilon", "clipping", "bits", "bits-clients", "client-accuracy",
      ])
  }

  /// Every figure of a round is in both files, and its values are read from both alike.
  @Test func figuresAreReadFromBothFiles() throws {
    let files = try run(["privacy.clippingQuantile=0.5", "privacy.countNoise=2"])
    let lines = try source(files).rounds
    let table = try RoundTable(csv: Array((files["rounds.csv"] ?? "").utf8), "rounds.csv")
    #expect(lines.missing.isEmpty && table.missing.isEmpty)
    for name in RoundField.ofAllRuns.map(\.name) {
      #expect(!lines.values(named: name).isEmpty && lines.values(named: name) == table.values(named: name), "\(name)")
    }
  }

  /// Without privacy rounds have nulls, which is no damage; a key that is not there is named.
  @Test func missingColumnsAreNamed() throws {
    #expect(try source(run(["privacy=null", "channel.codec=float32"])).problems.isEmpty)
    var files = try run()
    files["rounds.jsonl"] = files["rounds.jsonl"]?.replacing("\"epsilon\":", with: "\"epsylon\":")
    #expect(try source(files).problems == ["d/rounds.jsonl: found no epsilon; charts of them are left out"])
    var sweep = ["runs.jsonl": #"{"point": 0, "folder": "runs/0", "setting": {}, "result": {}}"#]
    sweep["runs/0/summary.json"] = files["summary.json"]
    sweep["runs/0/rounds.csv"] = files["rounds.csv"]?.replacing("clippingNorm", with: "C")
    #expect(
      try source(sweep).problems == ["d/runs/0/rounds.csv: found no clippingNorm; charts of them are left out"])
  }

  /// Files of a sweep whose runs have what charts show.
  private func wholeSweep() throws -> [String: String] {
    var files: [String: String] = ["sweep.json": #"{"axes": {"privacy.noiseMultiplier": [2, 4]}}"#]
    var rows: [String] = []
    for (i, z) in [2, 4].enumerated() {
      let single = try run(["privacy.noiseMultiplier=\(z)"])
      let row: JSON = [
        "point": .integer(i), "folder": .string("runs/\(i)"),
        "setting": try JSONParser.parse((single["scenario.json"] ?? "").utf8).value,
        "result": try JSONParser.parse((single["summary.json"] ?? "").utf8).value,
      ]
      rows.append(row.text(pretty: false))
      for name in ["summary.json", "rounds.csv"] { files["runs/\(i)/\(name)"] = single[name] }
    }
    files["runs.jsonl"] = rows.joined(separator: "\n")
    return files
  }

  @Test func aWholeSweepHasAllCharts() throws {
    let sweep = try source(wholeSweep())
    #expect(sweep.problems.isEmpty)
    #expect(
      Report([sweep]).charts.map(\.name) == [
        "accuracy", "bits", "bits-accuracy", "loss", "rounds-accuracy", "spent-accuracy", "bits-clients",
        "client-accuracy",
      ])
    // Two are for sweeps in which something else changes epsilon, one for a quantity.
    let others = ReportCharts.standard.sweep.map(\.name).filter { !["epsilon", "privacy-accuracy", "r2"].contains($0) }
    #expect(Report([sweep]).charts.map(\.name) == others)
  }

  private func names(_ figures: [any KeyPath<RoundFields, RoundField> & Sendable]) -> Set<String> {
    Set(figures.map { RoundFields.table[keyPath: $0].name })
  }

  /// A chart draws the figures that it says, and no others: what it lacks is named on the page.
  @Test func chartsOfRunsDrawTheFiguresTheySay() throws {
    let adaptive = try source(run(["privacy.clippingQuantile=0.5", "privacy.countNoise=2"]))
    guard case .run(let files) = adaptive.content else { throw CancellationError() }
    let draw = { (chart: RunChart, figures: Set<String>) in
      chart.draw(.init(summary: files.summary, scenario: files.scenario, rounds: files.rounds.only(figures)))?.svg
    }
    // Those of other tasks, of schedules and of clients' own tests have nothing to draw here.
    let others: Set = ["posterior-bits", "loss", "r2", "client-tests-distribution", RunChart.learningRates.name]
    for chart in ReportCharts.standard.run where !others.contains(chart.name) {
      let whole = try #require(chart.draw(files)?.svg, "\(chart.name)")
      let figures = names(chart.figures)
      #expect(draw(chart, figures) == whole, "\(chart.name) draws more than it says")
      for figure in figures {
        #expect(draw(chart, figures.subtracting([figure])) != whole, "\(chart.name) does not draw \(figure)")
      }
    }
  }

  @Test func chartsOfSweepsDrawTheFiguresTheySay() throws {
    guard case .sweep(let files) = try source(wholeSweep()).content else { throw CancellationError() }
    let page = { (figures: Set<String>) in
      SweepPage(
        .init(
          rows: files.rows, axes: files.axes, asked: files.asked, scenario: files.scenario,
          rounds: files.rounds.map { $0?.only(figures) }, summaries: files.summaries))
    }
    let all = page(Set(RoundField.all.map(\.name)))
    for chart in ReportCharts.standard.sweep where !["epsilon", "privacy-accuracy", "r2"].contains(chart.name) {
      let whole = try #require(chart.draw(all)?.svg, "\(chart.name)")
      let figures = names(chart.figures)
      #expect(chart.draw(page(figures))?.svg == whole, "\(chart.name) draws more than it says")
      for figure in figures {
        #expect(
          chart.draw(page(figures.subtracting([figure])))?.svg != whole, "\(chart.name) does not draw \(figure)")
      }
    }
  }

  /// A chart from outside: a value, and its place in a list. A file without its figure is named.
  @Test func chartsAreAdded() throws {
    let refusals = RunChart("refusals", figures: [\.round, \.refused]) { run in
      Chart(
        title: "Uploads that were refused", x: .init("round"), y: .init("uploads"),
        series: [.init("refused", run.rounds.points(\.refused))])
    }
    let charts = ReportCharts.standard.adding(refusals)
    var files = try run()
    let read = { try Report.Source(path: "d", charts: charts) { files[$0].map { Array($0.utf8) } } }
    let report = Report([try read()], charts: charts)
    #expect(report.charts.last?.name == "refusals" && report.charts.last?.series[0].points.count == 4)
    #expect(report.charts.count == Report([try source(files)]).charts.count + 1)
    files["rounds.jsonl"] = files["rounds.jsonl"]?.replacing("\"refused\":", with: "\"rejected\":")
    #expect(try source(files).problems.isEmpty, "no chart of the standard ones wants it")
    #expect(try read().problems == ["d/rounds.jsonl: found no refused; charts of them are left out"])
  }

  /// What a sweep's charts have no place for is said.
  @Test func omissionsAreSaid() throws {
    let rows = (0..<10).map { i -> String in
      var result: JSONObject = [
        "codec": "layered", "epsilon": i == 9 ? .null : .number(Double(i)), "finalAccuracy": 0.5,
        "payloadBitsPerClientRound": 100,
      ]
      if i == 4 { result["finalAccuracy"] = .null }
      let row: JSON = ["point": .integer(i), "setting": ["rounds": .integer(i + 1)], "result": .object(result)]
      return row.text(pretty: false)
    }
    let html = Report([try source(["runs.jsonl": rows.joined(separator: "\n")])]).html
    for text in [
      "1 point of 10 has no epsilon, and is in no chart of it.",
      "1 point of 10 has no accuracy, and is in no chart of it.",
    ] { #expect(html.contains(text), "\(text)") }
    #expect(!html.contains("has no bits") && !html.contains("no finite loss"))
    // A logarithmic axis has places for both.
    let chart = try #require(
      Report([try source(["runs.jsonl": rows.joined(separator: "\n")])]).charts.first { $0.name == "privacy-accuracy" })
    #expect(chart.x.slots == ["0", "none"] && chart.series[0].points.count == 9)
    let whole = Report([try source(["runs.jsonl": rows[1...3].joined(separator: "\n")])]).html
    #expect(!whole.contains("in no chart"))
  }

  /// A file that is there and cannot be read is not called missing.
  @Test func whyAFileCannotBeReadIsSaid() throws {
    let files = try run()
    let error = #expect(throws: ToolError.self) {
      try Report.Source(path: "d") { name throws(ToolError) in
        if name == "rounds.jsonl" { throw .input(place: "d/\(name)", problem: "there is no permission to read it") }
        return files[name].map { Array($0.utf8) }
      }
    }
    #expect(error?.description == "d/rounds.jsonl: there is no permission to read it")
  }

  /// A run that was stopped in its first round has no rows, and that is what is said.
  @Test func aRunWithoutRoundsSaysSo() throws {
    var files = try run(["rounds=1"])
    let setup = try RunSetup(scenario: scenario(["rounds=1"]), split: nil, threads: 1)
    files["summary.json"] = RunSummary(setup, records: [], stoppedBy: .interrupted).json.text(pretty: true)
    files["rounds.jsonl"] = nil
    let error = #expect(throws: ToolError.self) { try source(files) }
    #expect(error?.description.contains("stopped before its first round") == true, "\(error?.description ?? "")")
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
    #expect(report.charts.map(\.name) == ["accuracy", "bits", "bits-accuracy"])
    for chart in report.charts { #expect(isXML(chart.svg)) }
    #expect(report.html.contains("12 runs of 6 points: epsilon."))
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
    // A summary that is none is named with the key, and the rounds are still drawn.
    files = try run()
    files["summary.json"] = #"{"x": 1, "rounds": "four"}"#
    let other = try source(files)
    #expect(other.problems[0].contains("d/summary.json: rounds: found \"four\"; allowed: an integer"))
    #expect(other.problems[1].contains("finalAccuracy: found nothing"))
    #expect(Report([other]).charts.count == 6 && Report([other]).html.contains("finalAccuracy: found nothing"))
  }

  /// Rounds and views of a sweep's runs; a damaged one is named and the others are shown.
  @Test func aSweepHasRoundsAndViews() throws {
    let single = try run()
    let summary = try JSONParser.parse((single["summary.json"] ?? "").utf8).value
    let scenario = try JSONParser.parse((single["scenario.json"] ?? "").utf8).value
    var files = ["scenario.json": "{\"as\": \"written\"}", "sweep.json": #"{"axes": {"rounds": [4, 5, 6]}}"#]
    var rows: [String] = []
    for i in 0..<3 {
      var setting = scenario
      if case .object(var object) = setting {
        object["rounds"] = .integer(4 + i)
        setting = .object(object)
      }
      let row: JSON = [
        "run": .integer(i), "point": .integer(i), "folder": .string("runs/000\(i)"), "setting": setting,
        "result": summary,
      ]
      rows.append(row.text(pretty: false))
      files["runs/000\(i)/summary.json"] = single["summary.json"]
      files["runs/000\(i)/rounds.csv"] = single["rounds.csv"]
    }
    files["runs.jsonl"] = rows.joined(separator: "\n")
    let report = Report([try source(files)])
    let rounds = try #require(report.charts.first { $0.name == "rounds-accuracy" })
    #expect(rounds.series.map(\.name) == ["rounds 4", "rounds 5", "rounds 6"])
    #expect(rounds.series[0].points.map(\.x) == [2, 4])
    #expect(rounds.series[0].points.map(\.y) == (try source(single)).rounds.points(\.accuracy, scale: 100).map(\.y))
    #expect(report.tables.map(\.name) == ["distributions", "points-table", "views"])
    #expect(report.tables[2].rows.count == 6 && report.html.contains("&quot;as&quot;: &quot;written&quot;"))
    #expect(report.html.contains("fedsim sweep scenario.json"))

    files["runs/0001/rounds.csv"]?.append("5,x\n")
    files["runs/0002/rounds.csv"] = nil
    let damaged = try source(files)
    #expect(damaged.problems.count == 2)
    #expect(damaged.problems[0].contains("d/runs/0001/rounds.csv:6: found 2 cells"))
    #expect(damaged.problems[1].contains("d/runs/0002/rounds.csv: the file is missing"))
    #expect(Report([damaged]).tables[0].rows.count == 1)
  }

  /// A chart of nothing is drawn too: pages leave it out, but whoever made it may ask for it.
  @Test func aChartOfNothingHasAxes() {
    for isLog in [false, true] {
      let chart = Chart(title: "t", x: .init("x", isLog: isLog), y: .init("y", isLog: isLog), series: [])
      #expect(isXML(chart.svg) && !chart.svg.contains("nan") && !chart.svg.contains("inf"))
    }
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

  /// Axes name points in their own order, values in the order of the runs.
  @Test func comparisonsKeepTheOrderOfAxes() throws {
    let rows = [(8, 16), (8, 2), (10, 16), (10, 2)].map { rounds, epsilon -> String in
      let row: JSON = [
        "point": 0, "setting": ["privacy": ["targetEpsilon": .integer(epsilon)], "rounds": .integer(rounds)],
        "result": ["finalAccuracy": 0.5],
      ]
      return row.text(pretty: false)
    }
    let whole = try source([
      "runs.jsonl": rows.joined(separator: "\n"),
      "sweep.json": #"{"axes": {"rounds": [8, 10], "privacy.targetEpsilon": [16, 2]}}"#,
    ])
    let half = try source(["runs.jsonl": rows[0...0].joined(separator: "\n")])
    let comparison = Comparison(whole, half)
    #expect(
      comparison.settings == [
        .init(path: "rounds", first: "8, 10", second: "8"),
        .init(path: "privacy.targetEpsilon", first: "16, 2", second: "16"),
      ])
    #expect(comparison.results.map(\.point) == ["rounds = 8, privacy.targetEpsilon = 16"])
    #expect(comparison.text.contains("3 points are in one of both only."))
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
    #expect(one.settings.isEmpty && !one.results.isEmpty)
    // One run says nothing of chance, and the plan has none.
    #expect(one.results.allSatisfy { $0.difference == 0 && $0.isClear == ($0.isMeasured ? nil : false) })
  }
}

/// Not a fast test: 50,000 rounds are read.
@Suite struct ReportSizeStatistics {
  @Test func aHundredLongRunsFitAPage() throws {
    let head = "round,accuracy,epsilon,uplink.payloadBits.mean,uplink.payloadBits.min,uplink.payloadBits.p50"
    let rounds = Array(
      (head + ",uplink.payloadBits.max,idealBits.mean\n"
        + (1...500).map { "\($0),0.\(100 + $0),\(0.01 * Double($0)),100.5,88,101,123,90.25\n" }.joined()).utf8)
    let rows = (0..<100).map { i -> String in
      let row: JSON = [
        "point": .integer(i / 2), "folder": .string("runs/\(i)"), "setting": ["seed": .integer(i)],
        "result": [
          "codec": .string(i % 4 < 2 ? "layered" : "polar"), "epsilon": .number(Double(1 + i / 4)), "parameters": 650,
          "finalAccuracy": .number(0.5 + 0.001 * Double(i)), "payloadBitsPerClientRound": .number(100 + Double(i)),
          "idealBitsPerClientRound": .number(50 + Double(i)), "float32BitsPerClientRound": 20800,
        ],
      ]
      return row.text(pretty: false)
    }
    let table = Array(rows.joined(separator: "\n").utf8)
    let source = try Report.Source(path: "d") { name in
      name == "runs.jsonl" ? table : name.hasSuffix("rounds.csv") ? rounds : nil
    }
    let report = Report([source])
    let html = report.html
    let curves = try #require(report.charts.first { $0.name == "rounds-accuracy" })
    #expect(report.charts.count == 6 && curves.series.count == 50)
    // Of 500 rounds every seventh, with the last.
    #expect(curves.series.allSatisfy { $0.points.count == 72 && $0.points.last?.x == 500 })
    #expect(html.utf8.count < 5_000_000, "\(html.utf8.count)")
  }
}
