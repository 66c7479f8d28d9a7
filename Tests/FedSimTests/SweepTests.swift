import Foundation
import Testing

@testable import ChannelCoding
@testable import Datasets
@testable import FedSim
@testable import Files
@testable import JSONText
@testable import Numerics
@testable import Reports
@testable import RunFiles
@testable import Scenarios

@Suite struct SweepTests {
  private func text(_ sweep: String) -> [UInt8] {
    let body = smallScenario.trimmingCharacters(in: .whitespacesAndNewlines).dropLast()
    return Array((body + ", \"sweep\": \(sweep)}").utf8)
  }

  private func sweep(_ section: String) throws -> Sweep { try Sweep(text(section), name: "s.json") }

  @Test func gridsVaryTheLastAxisFirstAndRepeatsInnermost() throws {
    let sweep = try sweep(
      #"{"axes": {"rounds": [1, 2], "channel.codec": ["layered", "polar"]}, "repeats": 3}"#)
    #expect(sweep.runs.count == 12 && sweep.axes.map(\.path) == ["rounds", "channel.codec"])
    #expect(
      sweep.runs[3].values == [.integer(1), "polar"] && sweep.runs[3].point == 1 && sweep.runs[3].repetition == 0)
    #expect(sweep.runs.prefix(3).map(\.scenario.seed) == [1, 2, 3])
    #expect(sweep.runs[6].scenario.rounds == 2 && sweep.runs[6].scenario.codec == .layered)
    #expect(sweep.runs[11].folder == "runs/0011")
  }

  @Test func zipsAndRanges() throws {
    let sweep = try sweep(
      #"{"axes": {"privacy.noiseMultiplier": {"from": 0.5, "to": 8, "count": 5, "scale": "log"}, "rounds": [1, 2, 3, 4, 5]}, "mode": "zip"}"#
    )
    #expect(sweep.runs.map { $0.values[0].double } == [0.5, 1, 2, 4, 8])
    #expect(sweep.runs.map(\.scenario.rounds) == [1, 2, 3, 4, 5])
  }

  @Test(arguments: [
    ("3", "sweep: found an integer"), ("{}", "sweep.axes: found nothing"),
    (#"{"axes": {"rouns": [1]}}"#, "sweep.axes.rouns: no such key to vary"),
    (#"{"axes": {"rounds": []}}"#, "sweep.axes.rounds: found"),
    (#"{"axes": {"rounds": [4, 0]}}"#, ":36: sweep.axes.rounds[1]: found 0; allowed: an integer"),
    (
      #"{"axes": {"rounds": {"from": 0, "to": 2, "count": 3}}}"#, "s.json:13:32: sweep.axes.rounds: found 0"
    ),
    (#"{"axes": {"privacy.clippingNorm": [1, -1]}}"#, #"sweep.axes["privacy.clippingNorm"][1]: found -1"#),
    (#"{"axes": {"rounds": [1, 2], "seed": [1]}, "mode": "zip"}"#, "found axes of 2, 1 values"),
    (#"{"axes": {"seed": [1, 2]}, "repeats": 2}"#, "repeats have seeds of their own"),
    (#"{"axes": {"rounds": [1, 1]}}"#, "found 1 twice"),
    (
      #"{"axes": {"rounds": {"from": 1, "to": 10000, "count": 10000}, "cohort.size": {"from": 1, "to": 10000, "count": 10000}}}"#,
      "found 100,000,000 runs"
    ),
    (#"{"axes": {"rounds": [1]}, "mode": "star"}"#, "sweep.mode: found \"star\""),
    (#"{"axes": {"rounds": [1]}, "repeats": 0}"#, "sweep.repeats: found 0"),
    (#"{"axes": {"rounds": [1]}, "repeat": 2}"#, "sweep.repeat: no such key"),
    (#"{"axes": {"privacy": [null]}}"#, #"s.json:11:25: channel.codec: found "layered" in a run without privacy"#),
    (
      #"{"axes": {"privacy": [{"clippingNorm": 1, "noiseMultiplier": 1}, null]}}"#,
      "is the channel's own (at privacy = none); allowed:"
    ),
    (
      #"{"axes": {"privacy": [{"clippingNorm": -1}]}}"#,
      "s.json:13:51: sweep.axes.privacy[0].clippingNorm: found -1; allowed"
    ),
    (
      #"{"axes": {"privacy": [{"noiseMultiplier": 1}]}}"#,
      "s.json:13:34: sweep.axes.privacy[0]: privacy.clippingNorm: the key is missing"
    ),
    (#"{"axes": {"privacy": [{"clippingNorm": 1, "z": 1}]}}"#, "sweep.axes.privacy[0].z: no such key"),
    (#"{"axes": {"privacy": [3]}}"#, "sweep.axes.privacy[0]: found 3; allowed: a section"),
    (#"{"axes": {"privacy": {"clippingNorm": 1}}}"#, "allowed: an array of sections"),
    (
      #"{"axes": {"privacy": [{"clippingNorm": 1, "noiseMultiplier": 1}, {"noiseMultiplier": 1.0, "clippingNorm": 1}]}}"#,
      "twice"
    ),
    (
      #"{"axes": {"privacy.delta": [1e-5], "privacy": [null]}}"#,
      #"sweep.axes.privacy: found beside sweep.axes["privacy.delta"][0]"#
    ),
    (
      #"{"points": [{"privacy": null, "privacy.delta": 1}]}"#,
      #"sweep.points[0]["privacy.delta"]: found beside privacy"#
    ),
    (
      #"{"points": [{"rounds": 1}], "axes": {"rounds": [1]}}"#, "sweep.axes.rounds: found beside sweep.points[0].rounds"
    ),
    (#"{"points": [{"rounds": 1}, {"rounds": 0}]}"#, "s.json:13:50: sweep.points[1].rounds: found 0; allowed"),
    (#"{"points": [{"name": "a"}, {"name": "a", "rounds": 1}]}"#, "sweep.points[1]: found a second point \"a\""),
    (#"{"points": [{"name": ""}]}"#, "sweep.points[0].name: found \"\""), (#"{"points": []}"#, "sweep.points: found"),
    (#"{"points": [3]}"#, "sweep.points[0]: found 3"), (#"{"points": [{"task": "x"}]}"#, "no such key to vary"),
    (#"{"axes": {"seed": [1, 2]}, "common": true}"#, "runs of other seeds have nothing in common"),
    (#"{"axes": {"rounds": [1]}, "common": 1}"#, "sweep.common: found 1"),
    (#"{"axes": {"cohort.common": [true]}, "common": true}"#, "found beside sweep.common"),
    (
      #"{"axes": {"privacy.noiseMultiplier": {"from": 0, "to": 8, "count": 5, "scale": "log"}}}"#,
      "a log scale is above 0"
    ),
  ])
  func mistakesHaveAPlace(section: String, expected: String) {
    // Dots in keys are quoted in paths.
    let found: String
    do {
      _ = try sweep(section)
      found = "no error"
    } catch { found = "\(error)" }
    #expect(found.contains(expected), "\(found)")
  }

  /// A value of a section takes the place of the whole section, and is called by what differs.
  @Test func sectionsVary() throws {
    let sweep = try sweep(
      #"{"axes": {"privacy": [null, {"clippingNorm": 1, "targetEpsilon": 2}, {"targetEpsilon": 8, "clippingNorm": 1}], "channel.codec": ["float32"], "partition": [{"kind": "iid", "clients": 50}, {"kind": "shards", "clients": 50, "shardsPerClient": 2}]}}"#
    )
    #expect(sweep.runs.count == 6)
    #expect(
      sweep.axes.map(\.labels) == [
        ["none", "targetEpsilon 2", "targetEpsilon 8"], ["float32"], ["iid", "shards, shardsPerClient 2"],
      ])
    #expect(sweep.runs[0].scenario.privacy == nil && sweep.runs[2].scenario.privacy?.targetEpsilon == 2)
    // The scenario's own delta is gone with its section.
    #expect(sweep.runs[5].scenario.privacy?.delta == nil && sweep.runs[5].scenario.privacy?.noiseMultiplier == nil)
    let header = SweepTable(sweep, rows: []).points.split(separator: "\n")[0]
    #expect(
      header.hasPrefix(
        "point,privacy,channel.codec,partition,partition.kind,partition.shardsPerClient,privacy.clippingNorm,privacy.targetEpsilon,repeats,"
      ), "\(header)")
    let row = SweepTable(sweep, rows: []).points.split(separator: "\n")[6]
    #expect(
      row.hasPrefix(#"5,"targetEpsilon 8","float32","shards, shardsPerClient 2","shards",2,1,8,0,"#), "\(row)")
  }

  @Test func keysAreUnset() throws {
    let sweep = try sweep(
      #"{"axes": {"privacy.targetEpsilon": [null, 4], "privacy.noiseMultiplier": [1, null]}, "mode": "zip"}"#)
    #expect(sweep.runs.map { $0.scenario.privacy?.targetEpsilon } == [nil, 4])
    #expect(sweep.runs.map(\.labels) == [["not set", "1"], ["4", "not set"]])
    #expect(SweepTable(sweep, rows: []).points.split(separator: "\n")[1].hasPrefix("0,,1,0"))
  }

  @Test func pointsHaveNamesAndAreCombinedWithAxes() throws {
    let points =
      #"[{"name": "bare", "privacy": null, "channel.codec": "float32"}, {"name": "central", "privacy.noise": "central", "channel.codec": "float32"}, {"rounds": 3}]"#
    let sweep = try sweep(#"{"points": \#(points), "axes": {"training.learningRate": [0.1, 0.2]}}"#)
    #expect(sweep.runs.count == 6 && sweep.axes[0].labels == ["bare", "central", "rounds 3"])
    #expect(sweep.runs.map(\.values[0]) == ["bare", "bare", "central", "central", "rounds 3", "rounds 3"])
    #expect(sweep.runs[3].scenario.privacy?.noise == .central)
    #expect(sweep.runs[3].scenario.json.text(pretty: false).contains("\"learningRate\": 0.2"))
    // What a point does not set is as the scenario has it.
    #expect(sweep.runs[4].scenario.codec == .layered && sweep.runs[4].scenario.rounds == 3)
    #expect(try self.sweep(#"{"points": \#(points)}"#).runs.count == 3)
    let zip = try self.sweep(
      #"{"points": \#(points), "axes": {"training.learningRate": [0.1, 0.2], "cohort.size": [5, 6]}, "mode": "zip"}"#)
    #expect(zip.runs.count == 6 && zip.runs[3].scenario.cohort.size == 6)

    let rows = sweep.runs.map { SweepTable.Row(run: $0, summary: ["finalAccuracy": 0.5], resolved: $0.scenario.json) }
    let table = SweepTable(sweep, rows: rows)
    #expect(table.points.hasPrefix("point,name,training.learningRate,rounds,"), "\(table.points)")
    #expect(
      table.points.split(separator: "\n")[4].hasPrefix(#"3,"central",0.2,4,"float32","central",1,"#), "\(table.points)")
    #expect(table.closingTable.contains("central") && table.lines.contains(#""label": {"name": "central"}"#))
    let header = table.csv.split(separator: "\n")[0].split(separator: ",")
    #expect(
      header.contains("label.name") && header.contains("setting.privacy.noise") && !header.contains("setting.privacy"))
    #expect(
      table.csv.split(separator: "\n").allSatisfy { line in
        var isQuoted = false
        return line.count { character in
          if character == "\"" { isQuoted.toggle() }
          return character == "," && !isQuoted
        } == header.count - 1
      })
    // What is written makes the same sweep again, and sweep.json has the points.
    #expect(sweep.json.text(pretty: false).contains(#""points": [{"name": "bare", "privacy": null"#))
  }

  /// Runs of a repeat have cohorts, batches and coins in common, and no noise; a run made alone is the same.
  @Test func commonDrawsAreCommonAndNoiseIsNot() throws {
    let sweep = try sweep(
      #"{"axes": {"channel.codec": ["layered", "float32"], "privacy.noiseMultiplier": [1, 2]}, "repeats": 2, "common": true}"#
    )
    #expect(sweep.isPaired && sweep.runs.allSatisfy(\.scenario.cohort.isCommon))
    let setups = try sweep.runs.map { try RunSetup(scenario: $0.scenario, split: nil, threads: 1) }
    let draws = { (setup: RunSetup) -> [UInt64] in
      let client = setup.keys.client(3)
      var cohort = setup.keys.server.cohort(round: 2)
      var training = client.training(round: 2)
      var dropout = client.dropout(round: 2)
      var straggler = client.straggler(round: 2)
      return [cohort.stream.word(), training.stream.word(), dropout.stream.word(), straggler.stream.word()]
    }
    #expect(Set(draws(setups[0])).count == 4)
    for setup in setups[1...] where setup.scenario.seed == 1 { #expect(draws(setup) == draws(setups[0])) }
    #expect(draws(setups[1]) != draws(setups[0]), "another seed")
    let own = { (setup: RunSetup) in
      let (client, server) = (setup.keys.client(3), setup.keys.server)
      var noise = client.noise(round: 2)
      var completion = server.completion(round: 2)
      let keys = [server.rotation(round: 2), client.keyPair.publicKey, server.keyPair.publicKey].map { $0.bytes }
      return keys + [noise.stream.word(), completion.stream.word()].map { [UInt8]("\($0)".utf8) }
    }
    #expect(Set(setups.flatMap(own)).count == 5 * setups.count)
    // The same for a run whose scenario says nothing of it: its cohorts are its own.
    let alone = try RunSetup(
      scenario: scenario("channel.codec=float32", "privacy.noiseMultiplier=1"), split: nil, threads: 1)
    #expect(draws(alone) != draws(setups[0]) && Set(own(alone)).isDisjoint(with: setups.flatMap(own)))
    #expect(!alone.scenarioFile.contains("common") && setups[0].scenarioFile.contains("\"common\": true"))
    let again = try Scenario(ScenarioFile(Array(setups[5].scenarioFile.utf8), name: "scenario.json"))
    #expect(try RunSetup(scenario: again, split: nil, threads: 1).fingerprint == setups[5].fingerprint)
    #expect(GuaranteeStatement(setups[0]).sentence.contains("do not add up"))
    #expect(!GuaranteeStatement(alone).sentence.contains("do not add up"))
    #expect(try scenario("cohort.common=false").json == scenario().json)
  }

  @Test func differencesArePaired() throws {
    let section = { (common: String) in #"{"axes": {"rounds": [1, 2]}, "repeats": 3\#(common)}"# }
    let rows = { (sweep: Sweep) in
      sweep.runs.map { run in
        // Repeats differ by 10, points by 1 + a tenth of the repeat.
        let value = 10 * Double(run.repetition) + Double(run.point) * (1 + Double(run.repetition) / 10)
        return SweepTable.Row(run: run, summary: ["finalAccuracy": .number(value)], resolved: run.scenario.json)
      }
    }
    let paired = try sweep(section(#", "common": true"#))
    let table = SweepTable(paired, rows: rows(paired))
    let difference = try #require(table.differences("finalAccuracy")[1])
    #expect(abs(difference.mean - 1.1) < 1e-12 && abs((difference.error ?? 0) - 0.1 / 3.0.squareRoot()) < 1e-12)
    #expect(table.differences("finalAccuracy")[0] == nil)
    #expect(
      table.points.split(separator: "\n")[0].hasSuffix(
        ",lowerBoundBitsPerClientRound.difference,lowerBoundBitsPerClientRound.difference.standardError"))
    #expect(!table.points.contains("epsilon.difference"), "the plan decides it")
    #expect(table.closingTable.contains("less the first, paired"))
    let lines = try table.lines.split(separator: "\n").map { try JSONParser.parse($0.utf8).value }
    let files = try Report.Source(path: "d", readsRuns: false) { name throws(ToolError) in
      switch name {
      case "runs.jsonl": Array(table.lines.utf8)
      case "sweep.json": Array(paired.json.text(pretty: true).utf8)
      default: nil
      }
    }
    #expect(lines.count == 6)
    let found = try #require(Comparison(pointsOf: files)).results[0]
    #expect(found.point == "rounds = 2" && found.key == "finalAccuracy")
    #expect(found.paired == difference && found.isClear == true)
    // Without common draws the repeats' own spread hides it.
    let apart = try sweep(section(""))
    #expect(SweepTable(apart, rows: rows(apart)).differences("finalAccuracy") == [nil, nil])
    #expect(!SweepTable(apart, rows: rows(apart)).points.contains("difference"))
  }

  /// What several runs name is loaded and split once, and is what each would have had alone.
  @Test func dataAreLoadedOnce() throws {
    let shared = SharedData()
    for seed in ["1", "2", "1"] {
      for rate in ["0.1", "0.2"] {
        let scenario = try scenario("seed=\(seed)", "training.learningRate=\(rate)")
        let alone = try RunSetup(scenario: scenario, split: nil, threads: 1)
        let together = try RunSetup(scenario: scenario, split: nil, threads: 1, data: shared)
        #expect(alone.fingerprint == together.fingerprint && alone.test.features == together.test.features)
      }
    }
    #expect(shared.made.loads == 1 && shared.made.splits == 2)
    _ = try RunSetup(scenario: scenario("data.testFraction=0.5"), split: nil, threads: 1, data: shared)
    #expect(shared.made.splits == 3)
    for seed in ["1", "2"] {
      let mixture = try scenario("seed=\(seed)", "data.source=mixture", "data.examples=600")
      let alone = try RunSetup(scenario: mixture, split: nil, threads: 1)
      let together = try RunSetup(scenario: mixture, split: nil, threads: 1, data: shared)
      #expect(alone.population.data.features == together.population.data.features)
    }
    #expect(shared.made.loads == 4)
  }

  @Test func changedDataAreNoticed() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sweep-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let file = "\(folder)/d.csv"
    let rows = (0..<200).map { "\($0 % 7),\($0 % 2)" }
    try (["x,y"] + rows).joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
    let written = String(decoding: text(#"{"axes": {"rounds": [1, 2]}}"#), as: UTF8.self)
      .replacing(#""source": "digits""#, with: #""source": "csv", "path": "\#(file)", "labelColumn": "y""#)
    let sweep = try Sweep(Array(written.utf8), name: "s.json")
    let out = "\(folder)/o"
    do { _ = try SweepExecution(sweep, in: out) }
    #expect(try String(contentsOfFile: "\(out)/sweep.json", encoding: .utf8).contains(#""data": {"#))
    do { #expect(try !SweepExecution(sweep, in: out, resuming: true).isNew) }
    try (["x,y"] + rows.reversed()).joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
    let error = #expect(throws: ToolError.self) { try SweepExecution(sweep, in: out, resuming: true) }
    #expect(
      error?.description.hasPrefix(
        "\(file): found other contents than those that the sweep of \(out)/sweep.json began with") == true,
      "\(String(describing: error))")
    // Another sweep is another sweep, whatever its data.
    let other = try Sweep(Array(written.replacing("[1, 2]", with: "[1, 3]").utf8), name: "s.json")
    let second = #expect(throws: ToolError.self) { try SweepExecution(other, in: out, resuming: true) }
    #expect(second?.description.contains("found another sweep") == true)
  }

  /// What an axis varies no flag decides: that would be silently lost.
  @Test(arguments: [
    "rounds=3", "privacy.noiseMultiplier=3", "privacy=null", "cohort.size=3", "channel.codec=\"polar\"",
  ])
  func axesAreNotOverridden(flag: String) throws {
    let section =
      #"{"points": [{"channel.codec": "layered"}, {}], "axes": {"rounds": [1], "privacy.noiseMultiplier": [1], "cohort": [{"sampling": "everyone"}]}}"#
    let error = #expect(throws: ScenarioError.self) { try Sweep(text(section), name: "s.json", overrides: [flag]) }
    let key = flag.prefix { $0 != "=" }
    #expect(error?.description.hasPrefix("--set: \(key): the sweep varies ") == true, "\(String(describing: error))")
    let sweep = try Sweep(text(section), name: "s.json", overrides: ["sweep.repeats=3", "seed=7"])
    #expect(sweep.runs.map(\.scenario.seed) == [7, 8, 9, 7, 8, 9])
    // What is written makes the same sweep again.
    #expect(try Sweep(sweep.source, name: "t.json").json == sweep.json)
  }

  /// Refusals that come from data or plan name the axis too.
  @Test func refusalsNameThePoint() throws {
    let sweep = try sweep(#"{"axes": {"cohort.size": [20, 100000]}}"#)
    let run = sweep.runs[1]
    let error = #expect(throws: ScenarioError.self) { try RunSetup(scenario: run.scenario, split: nil, threads: 1) }
    let placed = sweep.placed(try #require(error), in: run).description
    #expect(placed.contains(#"sweep.axes["cohort.size"][1]: refused: found a cohort of 100000"#), "\(placed)")
    #expect(placed.hasPrefix("s.json:13:") && placed.hasSuffix("(at cohort.size = 100000)"), "\(placed)")
  }

  /// What runs share is computed once, and is what each would compute alone.
  @Test func accountingIsSharedToTheBit() throws {
    let shared = SharedAccounting()
    let scenarios = try [
      "channel.codec=layered", "channel.codec=polar", "seed=9", "privacy.clippingNorm=2", "privacy.targetEpsilon=3",
      "rounds=5", "privacy.clippingQuantile=0.5 privacy.countNoise=5",
    ].map { overrides in
      try scenario(
        ["rounds=6", "privacy.noiseMultiplier=null", "privacy.targetEpsilon=2", "privacy.clippingNorm=1"]
          + overrides.split(separator: " ").map(String.init))
    }
    for scenario in scenarios {
      let alone = try RunSetup(scenario: scenario, split: nil, threads: 1)
      let together = try RunSetup(scenario: scenario, split: nil, threads: 1, accounting: shared)
      #expect(alone.plan == together.plan && alone.plan != nil)
      #expect(try alone.frame.spending(rounds: 2) == together.frame.spending(rounds: 2))
    }
    // Four of seven have a plan of their own and one another C, which needs no calibration.
    #expect(shared.computed.plans == 5 && shared.computed.columns == 4, "\(shared.computed)")
  }

  @Test func aSingleRunHasNoSweep() {
    let error = #expect(throws: ScenarioError.self) {
      try ScenarioFile(text(#"{"axes": {"rounds": [1]}}"#), name: "s.json")
    }
    #expect(error?.description.contains("use fedsim sweep") == true)
  }

  @Test func tablesHaveMeansAndErrors() throws {
    let sweep = try sweep(#"{"axes": {"rounds": [1, 2]}, "repeats": 3}"#)
    let rows = sweep.runs.map { run in
      SweepTable.Row(
        run: run,
        summary: [
          "finalAccuracy": .number(run.point == 0 ? Double(run.repetition) : 5), "epsilon": .null, "views": [],
          "note": "a \"b\", c",
        ], resolved: run.scenario.json)
    }
    let table = SweepTable(sweep, rows: rows)
    let accuracy = table.estimates("finalAccuracy")
    let error = try #require(accuracy[0]?.error)
    #expect(accuracy[0]?.mean == 1 && abs(error - (1.0 / 3).squareRoot()) < 1e-15)
    #expect(accuracy[1]?.error == 0 && table.estimates("epsilon") == [nil, nil])
    let lines = table.csv.split(separator: "\n")
    #expect(lines.count == 7)
    #expect(lines[0].hasPrefix("run,point,repetition,folder,setting.version,setting.name"))
    #expect(lines[0].contains(",result.finalAccuracy,") && !lines[0].contains("views"))
    #expect(lines[1].hasSuffix("\"a \"\"b\"\", c\""))
    #expect(table.points.split(separator: "\n")[1].hasPrefix("0,1,3,1.0,0.57735"))
    #expect(table.lines.split(separator: "\n").count == 6)
  }
}
