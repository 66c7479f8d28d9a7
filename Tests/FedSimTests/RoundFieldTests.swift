import Foundation
import Testing

@testable import FedSim
@testable import Files
@testable import RunFiles

/// Laws of the table of round figures: files, reading back, and what the guarantee leaves out follow from it.
@Suite struct RoundFieldTests {
  /// A record in which every figure has a value of its own, but for those of the given names.
  private func record(without missing: Set<String> = []) -> RoundRecord {
    var record = RoundRecord()
    for (i, field) in RoundField.all.enumerated() where !missing.contains(field.name) {
      let isCount = if case .count = field.place { true } else { false }
      #expect(field.put(isCount ? .integer(i + 1) : .number(Double(i) + 1.0 / 3), into: &record), "\(field.name)")
    }
    return record
  }

  private func isOptional(_ field: RoundField) -> Bool {
    if case .optional = field.place { true } else { false }
  }

  @Test func namesAreUnique() {
    #expect(
      Set(RoundField.all.map(\.name)).count == RoundField.all.count && RoundField.all.count == 32
        && RoundField.ofAllRuns.count == 29)
    #expect(Set(SummaryField.all.map(\.name)).count == SummaryField.all.count && SummaryField.all.count == 59)
    for meaning in RoundField.all.map(\.meaning) + SummaryField.all.map(\.meaning) {
      #expect(!meaning.isEmpty && !meaning.contains("|") && !meaning.contains("\n"), "\(meaning): a cell of a table")
    }
  }

  /// A property that no line of the table names would be lost in files.
  @Test func everyPropertyOfARecordHasAFigure() {
    let (whole, empty) = (Mirror(reflecting: record()), Mirror(reflecting: RoundRecord()))
    for (a, b) in zip(whole.children, empty.children) {
      #expect("\(a.value)" != "\(b.value)" && !"\(a.value)".contains("nan"), "\(a.label ?? "")")
    }
    #expect(whole.children.count == 26)
  }

  /// A figure is at one place: putting it changes no other one.
  @Test func figuresHavePlacesOfTheirOwn() {
    for field in RoundField.all {
      var changed = record()
      #expect(field.put(.integer(77), into: &changed))
      for other in RoundField.all {
        #expect(
          (other.number(of: changed) == other.number(of: record())) == (other.name != field.name),
          "\(field.name), \(other.name)")
      }
    }
  }

  /// Written and read back, a record is the same, whichever figures it lacks.
  @Test func recordsAreReadBackExactly() throws {
    let groups = Dictionary(grouping: RoundField.all.filter(isOptional).map(\.name)) { name in
      name.split(separator: ".").dropLast().joined(separator: ".") + (name.contains(".") ? "" : name)
    }
    // An epsilon from below goes with one from above.
    let lacks = groups.values.map { Set($0) }.map { $0.contains("epsilon") ? $0.union(["epsilonLowerBound"]) : $0 }
    for missing in lacks + [[], Set(RoundField.all.filter(isOptional).map(\.name))] {
      let record = record(without: missing)
      let line = record.json.text(pretty: false)
      #expect(try #require(RoundRecord(line: line.utf8), "\(line)") == record)
      for field in RoundField.all {
        #expect((field.number(of: record) == nil) == missing.contains(field.name), "\(field.name)")
      }
      let cells = record.csvLine(RoundField.all).split(separator: ",", omittingEmptySubsequences: false)
      #expect(cells.count == RoundRecord.csvHeader(RoundField.all).split(separator: ",").count)
      for (field, cell) in zip(RoundField.all, cells) {
        #expect(field.number(of: record) == Double(cell), "\(field.name): \(cell)")
      }
    }
  }

  /// A distribution without one of its parts, an epsilon from below alone, a count that is none: no build wrote that.
  @Test func partsOfFiguresAreRefused() {
    let line = record().json.text(pretty: false)
    #expect(RoundRecord(line: line.utf8) != nil)
    for field in RoundField.all where field.name != "epsilonLowerBound" {
      let name = field.name.split(separator: ".").last ?? ""
      guard field.name != "idealBits.mean", let value = field.json(of: record()).text(pretty: false) as String? else {
        continue
      }
      let damaged = line.replacing("\"\(name)\": \(value)", with: "\"\(name)\": null")
      #expect(damaged != line)
      let alone: Set = ["uplink.payloadBits.standardError", "uplink.predictedBits", "uplink.measuredOverPredicted"]
      // A figure of some runs is not written where it is missing.
      if field.condition != nil {
        #expect(RoundRecord(line: damaged.utf8) == nil)
        continue
      }
      let isLoneFigure =
        isOptional(field) && (!field.name.contains(".") || alone.contains(field.name)) && field.name != "epsilon"
      #expect((RoundRecord(line: damaged.utf8) == nil) == !isLoneFigure, "\(damaged)")
    }
  }

  /// The bytes of rounds without any figure that can be missing, as every version since 1 wrote them.
  @Test func anEmptyRecordKeepsItsBytes() {
    #expect(
      RoundRecord().json.text(pretty: false)
        == #"{"round": 0, "drawn": 0, "arrived": 0, "refused": 0, "nonFinite": 0, "clippedFraction": null, "loss": null, "#
        + #""accuracy": null, "clientAccuracy": null, "epsilon": null, "epsilonLowerBound": null, "samplingRate": 0, "#
        + #""noiseMultiplier": null, "clippingNorm": null, "uplink": {"payloadBits": {"mean": null, "min": null, "#
        + #""max": null, "p50": null, "total": 0, "standardError": null}, "wireBytes": 0, "coded": 0, "predictedBits": null, "#
        + #""measuredOverPredicted": null}, "downlinkBytes": 0, "idealBits": {"mean": null}}"#)
    #expect(
      RoundRecord().csvHeader
        == "round,drawn,arrived,refused,nonFinite,clippedFraction,loss,accuracy,clientAccuracy.mean,clientAccuracy.p10,"
        + "clientAccuracy.p50,clientAccuracy.p90,epsilon,epsilonLowerBound,samplingRate,noiseMultiplier,clippingNorm,"
        + "uplink.payloadBits.mean,uplink.payloadBits.min,uplink.payloadBits.max,uplink.payloadBits.p50,"
        + "uplink.payloadBits.total,uplink.payloadBits.standardError,uplink.wireBytes,uplink.coded,uplink.predictedBits,"
        + "uplink.measuredOverPredicted,downlinkBytes,idealBits.mean")
    #expect(RoundRecord().csvLine == "0,0,0,0,0,,,,,,,,,,0,,,,,,,0,,0,0,,,0,")
  }

  // MARK: The guarantee

  /// What is not declared covered is outside, and nothing else of a round is.
  @Test func theGuaranteeLeavesOutWhatIsNotCovered() throws {
    let outside = Set(GuaranteeStatement.outside(isClientCountPublic: true))
    for field in RoundField.all {
      switch field.coverage {
      case .covered, .clientCount: #expect(!outside.contains(field.outerName), "\(field.name)")
      case .outside, .outsideInPart, .secret: #expect(outside.contains(field.outerName), "\(field.name)")
      }
    }
    for field in SummaryField.all {
      switch field.coverage {
      case .covered, .clientCount: #expect(!outside.contains(field.name), "\(field.name)")
      case .outside, .secret: #expect(outside.contains(field.name), "\(field.name)")
      case .outsideInPart(let part, _): #expect(outside.contains(part), "\(field.name)")
      }
    }
    // One clipping norm, one rate: a figure that both files have is declared alike in both tables.
    for field in RoundField.all {
      if let other = SummaryField.all.first(where: { $0.name == field.name }), field.name != "round" {
        #expect(field.coverage == other.coverage, "\(field.name)")
      }
    }
    for name in GuaranteeStatement.filesOfClientCount {
      #expect(RunFolder.File(rawValue: name)?.coverage.hasSuffix("for `add-or-remove`") == true, "\(name)")
    }
    for name in GuaranteeStatement.filesOutside { #expect(RunFolder.File(rawValue: name)?.coverage == "no", "\(name)") }
  }

  /// Two runs that differ by one client: what the guarantee is said to cover is the same in both, whatever their data. Nothing here
  /// reads the tables' own declarations but through the list that a run writes.
  @Test(arguments: [
    [], ["privacy.targetEpsilon=20", "privacy.noiseMultiplier=null"], ["privacy.clippingQuantile=0.5"],
    ["cohort.sampling=fixed-size"], ["privacy.delta=null", "privacy.budget=100"], ["channel.codec=layered-shifted"],
  ])
  func coveredFiguresDoNotFollowFromTheNumberOfClients(overrides: [String]) throws {
    let run = { (clients: Int) -> ([String: String], [String: String], Set<String>) in
      let overrides = ["privacy.relation=add-or-remove", "rounds=2", "partition.clients=\(clients)"] + overrides
      var simulation = try Simulation(scenario: scenario(overrides), threads: 1)
      let record = try #require(try simulation.nextRound())
      let summary = RunSummary(simulation.setup, records: [record], stoppedBy: .rounds)
      guard case .object(let object) = summary.json else { throw CancellationError() }
      let figures = object.keys.map { ($0, object[$0]?.text(pretty: false) ?? "") }
      let rounds = RoundField.all.map { ($0.name, $0.json(of: record).text(pretty: false)) }
      let names = summary.statement.outsideGuarantee
      return (Dictionary(uniqueKeysWithValues: figures), Dictionary(uniqueKeysWithValues: rounds), Set(names))
    }
    let (a, b) = (try run(50), try run(51))
    #expect(a.2 == b.2)
    // What lists are outside is said by the list itself; "views" and "seed" are in it.
    for (name, value) in a.0 where !a.2.contains(name) { #expect(b.0[name] == value, "\(name)") }
    for (name, value) in a.1
    where !a.2.contains(name) && !a.2.contains(name.split(separator: ".").first.map(String.init) ?? "") {
      #expect(b.1[name] == value, "\(name)")
    }
    #expect(a.0["population"] != b.0["population"])
  }

  /// The list as every version since views wrote it, in its order.
  @Test func theListKeepsItsBytes() throws {
    let list = [
      "drawn", "arrived", "refused", "nonFinite", "nonFiniteUpdates", "clippedFraction", "loss", "accuracy",
      "clientAccuracy", "uplink", "downlinkBytes", "idealBits", "finalAccuracy", "bestAccuracy",
      "majorityClassAccuracy", "finalLoss",
      "payloadBitsPerClientRound", "payloadBitsStandardError", "codedUploads", "predictedBitsPerClientRound",
      "measuredOverPredicted", "wireBytesPerClientRound", "idealBitsPerClientRound",
      "views of cohort sizes and traffic", "timings.json", "state.bin", "seed", "other runs",
    ]
    let statement = { (overrides: [String]) in
      GuaranteeStatement(try RunSetup(scenario: scenario(overrides), split: nil, threads: 1)).outsideGuarantee
    }
    #expect(try statement([]) == list)
    #expect(
      try statement(["privacy.relation=add-or-remove"])
        == [
          "population", "samplingRate", "largestCohort", "noiseScalePerClient", "countNoise", "epsilon",
          "epsilonLowerBound",
          "epsilonOfRoundsDone", "delta", "truncationDelta", "numericalDelta", "totalVariationPerUpload",
          "totalVariationOfRun",
          "noiseMultiplier", "accountedNoiseMultiplier", "updateNoiseMultiplier", "views", "guaranteeStatement",
          "rounds",
          "stoppedBy", "codec", "scenario.json", "ledger.json",
        ] + list.filter { $0 != "views of cohort sizes and traffic" })
    #expect(try statement(["privacy=null", "channel.codec=float32"]) == ["everything"])
  }

  // MARK: Documents

  @Test func theDocumentIsUpToDate() throws {
    let written = try String(contentsOf: repositoryFile("docs/run-files.md"), encoding: .utf8)
    #expect(
      written == RunFilesReference.text, "regenerate with FEDSIM_WRITE_REFERENCE=1 swift test --filter ReferenceWriter")
    for name in RoundField.all.map(\.name) + SummaryField.all.map(\.name) + SweepFile.all.map(\.name)
      + RunFolder.File.allCases.map(\.rawValue)
    {
      #expect(written.contains("| `\(name)` | "), "\(name)")
    }
    let timings = CSV.leaves(Timings().json(wallSeconds: 0), "").map(\.path)
    #expect(RunRecords.timings.map(\.name) == timings)
  }

  /// A summary has the keys of the table, in its order; the theorem is there with a guarantee alone.
  @Test func summariesHaveTheKeysOfTheTable() throws {
    for overrides in [[], ["privacy=null", "channel.codec=float32"]] {
      let setup = try RunSetup(scenario: scenario(overrides), split: nil, threads: 1)
      guard case .object(let object) = RunSummary(setup, records: [], stoppedBy: .interrupted).json else {
        Issue.record("no object")
        continue
      }
      // Nor is anything said of posteriors where the task has none, or of rules where there are none.
      #expect(
        object.keys
          == SummaryField.all.filter {
            $0.onlyWith == nil || $0.name == "seed" || overrides.isEmpty && $0.name == "theorem"
          }.map(\.name))
    }
  }
}
