import Foundation
import Testing

@testable import FedSim
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

  /// What an axis varies no flag decides: that would be silently lost.
  @Test(arguments: ["rounds=3", "privacy.noiseMultiplier=3", "privacy=null"])
  func axesAreNotOverridden(flag: String) throws {
    let section = #"{"axes": {"rounds": [1], "privacy.noiseMultiplier": [1]}}"#
    let error = #expect(throws: ScenarioError.self) { try Sweep(text(section), name: "s.json", overrides: [flag]) }
    let key = flag.prefix { $0 != "=" }
    #expect(error?.description.hasPrefix("--set: \(key): the sweep varies ") == true, "\(String(describing: error))")
    let sweep = try Sweep(text(section), name: "s.json", overrides: ["sweep.repeats=3", "seed=7"])
    #expect(sweep.runs.map(\.scenario.seed) == [7, 8, 9])
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
