import Testing

@testable import FedSim
@testable import Files
@testable import JSONText
@testable import Reports
@testable import RunFiles
@testable import Scenarios

/// Files of sweeps whose results are made up: settings, labels and axes are those that `fedsim sweep` writes.
struct MadeUpSweep {
  /// What the runs of a point found, by the repeat.
  struct Found {
    var codec: String
    var accuracy: Double?
    var bits: Double?
    var information: Double?
    var loss: Double?
    var epsilon: Double?
  }

  static let base = """
    {"name": "made-up", "rounds": 4, "task": "classification", "data": {"source": "digits"},
     "partition": {"kind": "one-example"}, "model": {"kind": "softmax-regression"},
     "training": {"batchSize": 1, "learningRate": 0.5}, "cohort": {"sampling": "poisson", "size": 100},
     "privacy": {"clippingNorm": 1, "targetEpsilon": 8}
    """

  let sweep: Sweep
  let files: [String: String]

  /// - Parameter change: what a point found instead.
  init(
    _ section: String, hasRounds: Bool = true, hasSweepFile: Bool = true,
    change: (Scenario, inout Found) -> Void = { _, _ in }
  ) throws {
    sweep = try Sweep(Array((Self.base + ", \"sweep\": \(section)}").utf8), name: "s.json")
    var files: [String: String] = [:]
    var rows: [SweepTable.Row] = []
    for run in sweep.runs {
      var found = Self.found(run)
      change(run.scenario, &found)
      rows.append(
        SweepTable.Row(run: run, summary: Self.summary(found), resolved: Self.resolved(run.scenario, found.codec)))
      guard hasRounds else { continue }
      files["\(run.folder)/rounds.csv"] = Self.rounds(run, found)
      files["\(run.folder)/summary.json"] = Self.summary(found).text(pretty: false)
    }
    files["runs.jsonl"] = SweepTable(sweep, rows: rows).lines
    if hasSweepFile { files["sweep.json"] = sweep.json.text(pretty: true) }
    self.files = files
    guard case .sweep(let found) = try Self.source(files).content else { throw CancellationError() }
    page = SweepPage(found)
  }

  /// Figures that differ from point to point, and a little from repeat to repeat.
  private static func found(_ run: Sweep.Run) -> Found {
    let asked = run.scenario.json
    var codec = "float32"
    var epsilon: Double?
    if case .object(let object) = asked {
      codec = object[path: "channel.codec"]?.plain ?? codec
      epsilon = object[path: "privacy.targetEpsilon"]?.double
      // As noise alone would have it.
      if let z = object[path: "privacy.noiseMultiplier"]?.double { epsilon = 4 / z }
    }
    if codec == "auto" { codec = epsilon.map { $0 < 2 ? "pfr" : "polar" } ?? "float32" }
    let information = epsilon.map { 10 * $0 }
    return Found(
      codec: codec, accuracy: 0.5 + 0.003 * Double(run.point) + 0.001 * Double(run.repetition),
      bits: codec == "float32" ? 20800 : 40 * (epsilon ?? 1) + Double(run.point), information: information,
      loss: 2 - 0.01 * Double(run.point), epsilon: epsilon)
  }

  private static func summary(_ found: Found) -> JSON {
    [
      "name": "made-up", "rounds": 4, "parameters": 650, "codec": .string(found.codec),
      "finalAccuracy": .optional(found.accuracy), "finalLoss": .optional(found.loss),
      "epsilon": .optional(found.epsilon), "delta": 1e-5, "relation": "zero-out",
      "payloadBitsPerClientRound": .optional(found.bits), "idealBitsPerClientRound": .optional(found.information),
      "float32BitsPerClientRound": 20800, "views": [], "guaranteeStatement": "none", "fedsimVersion": "0",
    ]
  }

  /// With the codec that was taken.
  private static func resolved(_ scenario: Scenario, _ codec: String) -> JSON {
    guard case .object(var object) = scenario.json, case .object(var channel)? = object["channel"] else { return .null }
    channel["codec"] = .string(codec)
    object["channel"] = .object(channel)
    return .object(object)
  }

  private static func rounds(_ run: Sweep.Run, _ found: Found) -> String {
    let names = RoundField.all.map(\.name)
    let lines = (1...4).map { round in
      names.map { name -> String in
        switch name {
        case "round": "\(round)"
        case "accuracy": found.accuracy.map { "\($0 - 0.1 + 0.02 * Double(round))" } ?? ""
        case "loss": found.loss.map { "\($0)" } ?? ""
        case "epsilon": found.epsilon.map { "\($0 * Double(round) / 4)" } ?? ""
        case "clientAccuracy.p10": "0.25"
        case "clientAccuracy.p50": "0.5"
        case "clientAccuracy.p90": "0.75"
        case "uplink.payloadBits.min", "uplink.payloadBits.p50", "uplink.payloadBits.max", "uplink.payloadBits.mean":
          found.bits.map { "\($0)" } ?? ""
        default: "1"
        }
      }.joined(separator: ",")
    }
    return ([names.joined(separator: ",")] + lines).joined(separator: "\n") + "\n"
  }

  private static func source(_ files: [String: String]) throws -> Report.Source {
    try Report.Source(path: "d") { files[$0].map { Array($0.utf8) } }
  }

  var source: Report.Source { get throws { try Self.source(files) } }

  let page: SweepPage

  func chart(_ name: String) -> Chart? {
    ReportCharts.standard.sweep.first { $0.name == name }?.draw(page)
  }
}

extension Chart {
  /// What was measured, without references.
  fileprivate var drawn: [Point] { series.filter { !$0.isReference }.flatMap(\.points) }
  fileprivate func lines(_ panel: Int = 0) -> [String] {
    panels[panel].series.filter { !$0.isReference }.map(\.name)
  }
  fileprivate var places: [Place] { drawn.map { $0.slot.map { .slot($0) } ?? .number($0.x) } }
}

@Suite struct SweepChartTests {
  private static let codecs = [
    "layered", "layered-shifted", "fast-gprs", "gprs", "pfr", "ring-toss", "polar", "float32",
  ]
  private static let grid =
    #"{"axes": {"privacy.targetEpsilon": [1, 4, 16], "channel.codec": ["layered", "pfr", "polar"]}, "repeats": 3}"#

  private static let sweeps: [(name: String, section: String)] = [
    ("a learning rates", #"{"axes": {"training.learningRate": [0.1, 0.3, 1]}, "repeats": 3}"#),
    (
      "b dropout and learning rate",
      #"{"axes": {"cohort.dropout": [0, 0.1, 0.3, 0.5], "training.learningRate": [0.1, 0.3, 1, 3]}, "repeats": 2}"#
    ),
    (
      "c null and three codecs",
      #"{"points": [{"privacy": null, "channel.codec": "float32"}"#
        + ["float32", "layered", "polar"].map { codec in
          [1, 4, 16].map { #", {"privacy.targetEpsilon": \#($0), "channel.codec": "\#(codec)"}"# }.joined()
        }.joined() + "]}"
    ),
    (
      "c as sections",
      #"{"axes": {"privacy": [null, {"clippingNorm": 1, "targetEpsilon": 1}, {"clippingNorm": 1, "targetEpsilon": 4}], "channel.codec": ["auto", "float32"]}}"#
    ),
    ("d auto", #"{"axes": {"privacy.targetEpsilon": {"from": 0.3, "to": 10, "count": 6, "scale": "log"}}}"#),
    (
      "e codec and partition",
      #"{"axes": {"channel.codec": ["layered", "polar"], "partition": [{"kind": "iid", "clients": 100}, {"kind": "shards", "clients": 100}, {"kind": "dirichlet-client", "clients": 100, "alpha": 0.1}]}}"#
    ),
    (
      "f twelve lines",
      #"{"axes": {"cohort.size": [50, 100], "channel.draws": [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120]}}"#
    ),
    (
      "g named points",
      #"{"points": [{"name": "central", "privacy.noise": "central", "channel.codec": "float32"}, {"name": "plain", "channel.codec": "polar"}, {"name": "large", "channel.codec": "polar", "cohort.size": 200}]}"#
    ),
    (
      "h three axes",
      #"{"axes": {"privacy.targetEpsilon": [1, 4], "channel.codec": ["layered", "polar"], "training.learningRate": [0.2, 0.5, 1]}}"#
    ),
    (
      "side by side",
      #"{"axes": {"cohort.size": [50, 100, 200], "training.learningRate": [0.1, 0.3, 1]}, "mode": "zip"}"#
    ),
    ("one point", #"{"axes": {"training.learningRate": [0.1]}, "repeats": 3}"#),
    ("words", #"{"axes": {"server.optimizer": ["fedavg", "fedavgm"], "channel.codec": ["layered", "polar"]}}"#),
  ]

  /// No point of a sweep is missing in any chart of points, with all files, without the axes, and without rounds.
  @Test(arguments: sweeps.map(\.name)) func everyPointIsDrawn(_ name: String) throws {
    let section = try #require(Self.sweeps.first { $0.name == name }).section
    for (hasRounds, hasSweepFile) in [(true, true), (false, true), (true, false)] {
      let made = try MadeUpSweep(section, hasRounds: hasRounds, hasSweepFile: hasSweepFile)
      let points = Set(made.sweep.runs.map(\.point)).count
      for chart in ["accuracy", "loss", "bits"] + (hasRounds ? ["client-accuracy", "bits-clients"] : []) {
        let drawn = try #require(made.chart(chart)).drawn
        #expect(drawn.count == points, "\(name), \(chart): \(drawn.count) of \(points)")
      }
      // Figures differ from point to point: each is there.
      let accuracy = try #require(made.chart("accuracy")).drawn
      #expect(Set(accuracy.map(\.y)).count == points, "\(name)")
      if let tradeOff = made.chart("bits-accuracy") { #expect(tradeOff.drawn.count == points, "\(name)") }
      if hasRounds {
        let rounds = try #require(made.chart("rounds-accuracy"))
        #expect(rounds.series.count == points && rounds.series.allSatisfy { $0.points.count == 4 }, "\(name)")
      }
      for panel in made.page.panels { #expect(panel.lines.count <= Chart.mostLines) }
    }
  }

  private func accuracy(_ name: String) throws -> Chart {
    let section = try #require(Self.sweeps.first { $0.name == name }).section
    return try #require(MadeUpSweep(section).chart("accuracy"))
  }

  @Test func whatVariedIsX() throws {
    let rates = try accuracy("a learning rates")
    #expect(rates.x.label == "learning rate (training.learningRate)" && rates.x.isLog && rates.lines() == ["auto"])
    #expect(rates.drawn.map(\.x) == [0.1, 0.3, 1] && rates.drawn.allSatisfy { $0.error != nil })
    let two = try accuracy("b dropout and learning rate")
    #expect(two.x.label == "dropout (cohort.dropout)" && !two.x.isLog && two.panels.count == 1)
    #expect(two.lines() == [0.1, 0.3, 1, 3].map { "learning rate \(Chart.label($0))" })
    let words = try accuracy("words")
    #expect(words.x.slots == ["fedavg", "fedavgm"] && words.lines() == ["layered", "polar"])
    let partitions = try accuracy("e codec and partition")
    #expect(
      partitions.x.slots.map { $0.prefix(4) } == ["iid", "shar", "diri"] && partitions.lines() == ["layered", "polar"])
    let named = try accuracy("g named points")
    #expect(named.x.slots == ["central", "plain", "large"] && named.panels.count == 1)
    #expect(named.lines() == ["float32", "polar"])
    let beside = try accuracy("side by side")
    #expect(
      beside.x.label == "cohort size (cohort.size), with training.learningRate" && beside.panels[0].series.count == 1)
    let one = try accuracy("one point")
    #expect(one.x.slots.count == 1 && one.drawn.count == 1)
  }

  @Test func epsilonIsXWhereItVaries() throws {
    for name in ["c null and three codecs", "c as sections"] {
      let chart = try accuracy(name)
      #expect(chart.x.label == "epsilon" && chart.x.isLog && chart.x.slots == ["none"], "\(name)")
      #expect(chart.panels.count == 1 && chart.places.contains(.slot(0)) && chart.places.contains(.number(4)))
    }
    #expect(try accuracy("c null and three codecs").lines() == ["float32", "layered", "polar"])
    #expect(try accuracy("c as sections").lines() == ["auto", "float32"])
    // Sections that differ in more than epsilon make lines of the rest.
    let rest = try MadeUpSweep(
      #"{"axes": {"privacy": [null, {"clippingNorm": 1, "targetEpsilon": 1}, {"clippingNorm": 1, "targetEpsilon": 4}, {"clippingNorm": 2, "targetEpsilon": 1}, {"clippingNorm": 2, "targetEpsilon": 4}]}}"#
    )
    let chart = try #require(rest.chart("accuracy"))
    #expect(chart.lines() == ["no privacy", "clippingNorm 1", "clippingNorm 2"] && chart.drawn.count == 5)
    // Where it follows from something else, it has charts of its own.
    let other = try MadeUpSweep(#"{"axes": {"cohort.size": [50, 100, 200]}}"#) { scenario, found in
      found.epsilon = Double(scenario.cohort.size ?? 0) / 100
    }
    #expect(other.chart("accuracy")?.x.label == "cohort size (cohort.size)")
    #expect(other.chart("epsilon")?.drawn.map(\.y) == [0.5, 1, 2])
    #expect(other.chart("privacy-accuracy")?.drawn.map(\.x) == [0.5, 1, 2])
    #expect(
      try MadeUpSweep(Self.grid).chart("epsilon") == nil && MadeUpSweep(Self.grid).chart("privacy-accuracy") == nil)
  }

  /// Runs whose noise gives no guarantee have places of their own, one for each value of the axis.
  @Test func valuesWithoutAGuaranteeStandBesideEachOther() throws {
    let made = try MadeUpSweep(
      #"{"axes": {"privacy": [{"clippingNorm": 1, "noiseMultiplier": 1}, {"clippingNorm": 1, "noiseMultiplier": 2}], "channel.codec": ["polar", "mrc"]}}"#
    ) { scenario, found in if found.codec == "mrc" { found.epsilon = nil } }
    let chart = try #require(made.chart("accuracy"))
    #expect(chart.x.slots == ["none (noiseMultiplier 1)", "none (noiseMultiplier 2)"] && chart.drawn.count == 4)
  }

  @Test func panelsHaveWhatLinesCannotShow() throws {
    let three = try accuracy("h three axes")
    #expect(three.panels.map(\.title) == ["learning rate 0.2", "learning rate 0.5", "learning rate 1"])
    #expect(three.lines(2) == ["layered", "polar"] && three.x.label == "epsilon")
    let twelve = try accuracy("f twelve lines")
    #expect(twelve.panels.map(\.title) == ["lines 1 to 6 of 12", "lines 7 to 12 of 12"])
    // More panels than a figure has are named.
    let values = (1...30).map { "\($0)" }.joined(separator: ", ")
    let many = try MadeUpSweep(
      #"{"axes": {"cohort.dropout": [0, 0.1], "channel.codec": ["polar", "pfr"], "cohort.size": [\#(values)]}}"#)
    let chart = try #require(many.chart("accuracy"))
    #expect(chart.panels.count == 24 && chart.drawn.count == 96)
    let page = many.page
    #expect(page.omitted.count == 24 && page.points.count == 120)
    let note =
      "Drawn are 24 of 30 panels; not drawn are 24 points, from dropout 0, polar, cohort size 25 to dropout 0.1, pfr, cohort size 30: the tables have all."
    #expect(chart.note.contains(note), "\(chart.note)")
    #expect(Report([try many.source]).html.contains(note))
  }

  @Test func autoIsOneLine() throws {
    let made = try MadeUpSweep(Self.sweeps[4].section)
    let chart = try #require(made.chart("accuracy"))
    #expect(chart.lines() == ["auto"] && chart.drawn.count == 6)
    #expect(
      chart.note.contains("The codec auto took pfr at epsilon 0.3 to 1.22, polar at 2.46 to 10."), "\(chart.note)")
    let html = Report([try made.source]).html
    #expect(html.contains("The codec auto took pfr at epsilon 0.3 to 1.22, polar at 2.46 to 10."))
    #expect(html.contains(">polar (auto)<"))
    let mixed = try MadeUpSweep(Self.sweeps[3].section)
    #expect(
      mixed.chart("accuracy")?.note.contains("auto took pfr at epsilon 1, polar at 4, float32 without a guarantee.")
        == true)
    // Without epsilon on the axis.
    let sizes = try MadeUpSweep(#"{"axes": {"cohort.size": [50, 100, 200], "cohort.dropout": [0, 0.1]}}"#) {
      scenario, found in
      found.codec = scenario.cohort.dropout > 0 ? "pfr" : "polar"
    }
    #expect(
      sizes.chart("bits")?.note.contains("auto took polar at 3 points, pfr at 3 points: the table has which.")
        == true)
  }

  /// Bits that are the same at all points do not make a line up and down; points without an order have their names.
  @Test func tradeOffsJoinWhatFollows() throws {
    let chart = try #require(MadeUpSweep(Self.sweeps[2].section).chart("bits-accuracy"))
    let lines = chart.series.filter { !$0.isReference }
    #expect(lines.map(\.name) == ["float32", "layered", "polar", "float32, no guarantee"])
    #expect(lines.map(\.isJoined) == [false, true, true, false] && lines.map(\.points.count) == [3, 3, 3, 1])
    let change = { (_: Scenario, found: inout MadeUpSweep.Found) in found.bits = 1000 * (2.1 - (found.loss ?? 0)) }
    let rates = try #require(MadeUpSweep(Self.sweeps[0].section, change: change).chart("bits-accuracy"))
    #expect(rates.lines() == ["learning rate 0.1", "learning rate 0.3", "learning rate 1"])
    let grid = try #require(MadeUpSweep(Self.sweeps[1].section, change: change).chart("bits-accuracy"))
    #expect(grid.lines().count == 4 && grid.series.allSatisfy { !$0.isJoined })
    // The picture has fewer lines where nothing is joined.
    #expect(rates.svg.components(separatedBy: "<path").count < chart.svg.components(separatedBy: "<path").count)
  }

  @Test func boundsAreWhereBitsAre() throws {
    let one = try #require(MadeUpSweep(Self.grid).chart("bits"))
    #expect(one.panels.count == 1)
    #expect(one.series.map(\.name) == ["layered", "pfr", "polar", "Gaussian I(X;Y)", "lower bound F", "float32"])
    let (information, bound) = (one.series[3].points, one.series[4].points)
    #expect(information.map(\.y) == [10, 40, 160] && zip(bound, information).allSatisfy { $0.y > $1.y })
    #expect(one.note.contains("lower mean length"))
    // Over accuracy too, where epsilon is what varies.
    let tradeOff = try #require(MadeUpSweep(Self.grid).chart("bits-accuracy"))
    #expect(tradeOff.series.count { $0.isReference } == 2)
    // Lines of other information have references of their own: beside them, or in panels.
    let change = { (scenario: Scenario, found: inout MadeUpSweep.Found) in
      found.information = 100 * (1 - scenario.cohort.dropout)
    }
    let few = try MadeUpSweep(
      #"{"axes": {"training.learningRate": [0.1, 1], "cohort.dropout": [0, 0.5]}}"#, change: change)
    #expect(
      few.chart("bits")?.series.filter(\.isReference).map(\.name) == [
        "Gaussian I(X;Y), dropout 0", "lower bound F, dropout 0", "Gaussian I(X;Y), dropout 0.5",
        "lower bound F, dropout 0.5", "float32",
      ])
    let more = try MadeUpSweep(
      #"{"axes": {"training.learningRate": [0.1, 1], "cohort.dropout": [0, 0.2, 0.5]}}"#, change: change)
    let chart = try #require(more.chart("bits"))
    #expect(chart.lines() == ["auto"])
    #expect(chart.panels.map(\.title) == ["dropout 0", "dropout 0.2", "dropout 0.5"] && chart.drawn.count == 6)
    #expect(chart.panels.allSatisfy { $0.series.count == 4 })
    // Plain floats are not drawn twice.
    let floats = try MadeUpSweep(Self.sweeps[2].section)
    #expect(floats.chart("bits")?.series.count { $0.name == "float32" } == 1)
  }

  private func headline(
    _ section: String, _ change: @escaping (Scenario, inout MadeUpSweep.Found) -> Void = { _, _ in }
  )
    throws -> String
  {
    SweepHeadline(try MadeUpSweep(section, change: change).page).text
  }

  @Test func headlinesAgreeWithTheTable() throws {
    let rising = try headline(Self.grid)
    #expect(rising.contains("With layered, epsilon 1 gives"), "\(rising)")
    #expect(
      rising.hasPrefix("27 runs of 9 points: epsilon by codec.") && rising.contains(": less noise costs more bits."))
    #expect(
      rising.contains(
        "accuracy of 1.8 +- 0.1 points is clear. A difference of more than two standard errors is clear."), "\(rising)")
    // 8.8 and 9.2 bits are both shown as 9.
    let floor = try headline(Self.grid) { _, found in found.bits = (found.epsilon ?? 0) > 2 ? 9.2 : 8.8 }
    #expect(!floor.contains("costs more"))
    #expect(
      floor.contains("at 9 bits a client and round") && floor.contains("both are near the floor of whole bytes"),
      "\(floor)")
    let half = try headline(Self.grid) { _, found in found.bits = (found.epsilon ?? 0) > 2 ? 30 : 8.8 }
    #expect(half.contains("less noise costs more bits (9 is near the floor of whole bytes"), "\(half)")
    let equal = try headline(Self.grid) { _, found in found.bits = 20.2 }
    #expect(!equal.contains("costs more") && !equal.contains("floor"), "\(equal)")
  }

  @Test func headlinesOfAnySweepSayWhetherTheBestIsBetter() throws {
    let section = Self.sweeps[0].section
    let clear = try headline(section)
    #expect(
      clear
        == "9 runs of 3 points: learning rate. The best is learning rate 1: 50.7 +- 0.1 % accuracy, epsilon 8.000, 322 bits a client and round. "
        + "The next, learning rate 0.3, has 50.4 +- 0.1 %: a difference of 0.3 +- 0.1 points is clear. "
        + "The first, learning rate 0.1, has 50.1 +- 0.1 %: a difference of 0.6 +- 0.1 points is clear. A difference of more than two standard errors is clear. "
        + "The codec auto took polar.", "\(clear)")
    let noisy = try headline(section) { scenario, found in
      found.accuracy = (found.accuracy ?? 0) + 0.05 * Double(scenario.seed)
    }
    #expect(noisy.contains("points is not clear") && !noisy.contains("points is clear"), "\(noisy)")
    // The same differences in pairs are clear.
    let paired = try headline(section.replacing("\"repeats\": 3", with: "\"repeats\": 3, \"common\": true")) {
      scenario, found in
      found.accuracy = (found.accuracy ?? 0) + 0.05 * Double(scenario.seed)
    }
    #expect(paired.contains("(in pairs of one seed) is clear") && !paired.contains("not clear"), "\(paired)")
    #expect(
      try headline(#"{"axes": {"training.learningRate": [0.1, 1]}}"#).contains(
        "with one run a point it is not known whether that is chance"))
    // The best that has a guarantee is not beaten by one that has none.
    let free = try headline(
      #"{"axes": {"privacy": [null, {"clippingNorm": 1, "targetEpsilon": 8}], "training.learningRate": [0.1, 1]}}"#
    ) { _, found in if found.epsilon == nil { found.accuracy = 0.9 } }
    #expect(free.contains("The best with a guarantee is") && free.contains("has 90.0 %"), "\(free)")
  }

  @Test func tablesHaveWordsForSections() throws {
    let report = Report([try MadeUpSweep(Self.sweeps[5].section).source])
    let table = try #require(report.tables.first { $0.name == "points-table" })
    #expect(table.header.first == "partition" && table.rows.count == 6)
    #expect(table.rows.map { $0[0] }.prefix(3).map { $0.prefix(4) } == ["iid", "shar", "diri"])
    #expect(!report.tables.contains { $0.rows.contains { $0.contains { $0.hasPrefix("{") } } })
    let named = Report([try MadeUpSweep(Self.sweeps[2].section).source])
    #expect(named.tables.first { $0.name == "points-table" }?.header.first == "name")
  }

  @Test func logarithmsAreForRatios() {
    for (values, isLog) in [
      ([0.01, 0.1, 1], true), ([1, 4, 16], true), ([10, 20, 30, 40], false), ([0, 0.1, 1], false),
      ([100, 200, 500], true),
      ([0.1, 1], true), ([10, 20], false), ([1, 2, 3, 4, 5], false), ([-1, 1, 10], false),
    ] as [([Double], Bool)] { #expect(SweepFactor.isLog(values) == isLog, "\(values)") }
  }

  /// All points over rounds, with errors, in panels where they are many.
  @Test func roundsHaveErrorsAndPanels() throws {
    let chart = try #require(MadeUpSweep(Self.sweeps[1].section).chart("rounds-accuracy"))
    #expect(chart.panels.count == 4 && chart.panels[0].title == "learning rate 0.1")
    #expect(chart.lines(0) == ["dropout 0", "dropout 0.1", "dropout 0.3", "dropout 0.5"])
    #expect(chart.drawn.count == 64 && chart.drawn.allSatisfy { ($0.error ?? 0) > 0 })
    let mixed = try #require(MadeUpSweep(Self.sweeps[3].section).chart("rounds-accuracy"))
    #expect(mixed.panels.map(\.title) == ["codec auto", "codec float32"])
    let few = try #require(MadeUpSweep(Self.sweeps[0].section).chart("rounds-accuracy"))
    #expect(few.panels.count == 1 && few.lines() == ["learning rate 0.1", "learning rate 0.3", "learning rate 1"])
    let spent = try #require(MadeUpSweep(Self.sweeps[0].section).chart("spent-accuracy"))
    #expect(spent.x.isLog && spent.drawn.count == 12)
  }
}

/// Several runs on one page.
@Suite struct RunsOverlayTests {
  private func run(_ name: String, path: String, accuracy: Double, bits: Double = 100) throws -> Report.Source {
    let rounds = (1...3).map { round -> String in
      let row: JSON = [
        "round": .integer(round), "accuracy": .number(accuracy), "loss": 1, "epsilon": .number(Double(round)),
        "uplink": ["payloadBits": ["mean": .number(bits), "min": 1, "p50": 1, "max": 1]],
        "idealBits": ["mean": .number(bits / 2)],
      ]
      return row.text(pretty: false)
    }
    let files = [
      "summary.json":
        #"{"name": "\#(name)", "rounds": 3, "finalAccuracy": 0.5, "epsilon": 3, "codec": "polar", "parameters": 650, "payloadBitsPerClientRound": 100, "float32BitsPerClientRound": 20800, "views": [], "guaranteeStatement": "s"}"#,
      "scenario.json": "{}", "rounds.jsonl": rounds.joined(separator: "\n"),
    ]
    return try Report.Source(path: path) { files[$0].map { Array($0.utf8) } }
  }

  @Test func runsHaveALineEach() throws {
    let two = Report([try run("a", path: "runs/a", accuracy: 0.5), try run("b", path: "runs/b", accuracy: 0.6)])
    #expect(two.charts.prefix(4).map(\.name) == ["runs-accuracy", "runs-loss", "runs-epsilon", "runs-bits"])
    #expect(two.charts[0].series.map(\.name) == ["a", "b"] && two.charts[0].series[1].points.map(\.y) == [60, 60, 60])
    #expect(
      two.charts[3].series.filter(\.isReference).map(\.name) == [
        "Gaussian I(X;Y), a", "lower bound F, a", "Gaussian I(X;Y), b", "lower bound F, b",
      ])
    #expect(Report([try run("a", path: "runs/a", accuracy: 0.5)]).charts.allSatisfy { !$0.name.hasPrefix("runs-") })
    // Of one name: by their folders. More than a panel shows: more panels, and references in their own charts.
    let many = Report(try (0..<10).map { try run("a", path: "runs/\($0)", accuracy: 0.5 + 0.01 * Double($0)) })
    #expect(many.charts[0].panels.map(\.series.count) == [5, 5] && many.charts[0].series[9].name == "runs/9")
    #expect(many.charts[3].series.allSatisfy { !$0.isReference } && many.charts[3].note.contains("its own chart"))
  }

  @Test func aSweepStandsBesideARun() throws {
    let sweep = try MadeUpSweep(#"{"axes": {"training.learningRate": [0.1, 1]}, "repeats": 2}"#)
    let report = Report([try run("a", path: "runs/a", accuracy: 0.5), try sweep.source])
    #expect(
      report.charts[0].series.map(\.name) == ["a", "made-up: learning rate 0.1", "made-up: learning rate 1"])
    #expect(report.charts[0].series[1].points.allSatisfy { ($0.error ?? 0) > 0 })
    #expect(Report([try sweep.source, try sweep.source]).charts.allSatisfy { !$0.name.hasPrefix("runs-") })
  }
}
