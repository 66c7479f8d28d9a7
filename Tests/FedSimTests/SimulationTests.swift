import Foundation
import Statistics
import Testing

@testable import ChannelCoding
@testable import Clients
@testable import Datasets
@testable import FedSim
@testable import Files
@testable import JSONText
@testable import Reports
@testable import RunFiles
@testable import Scenarios

private func records(_ scenario: Scenario, threads: Int = 2) throws -> (records: [RoundRecord], model: [Float]) {
  var simulation = try Simulation(scenario: scenario, threads: threads)
  var records: [RoundRecord] = []
  while let record = try simulation.nextRound() { records.append(record) }
  return (records, simulation.server.parameters)
}

private let plain = ["privacy=null", "channel.codec=float32"]

private func lines(_ records: [RoundRecord]) -> [String] { records.map { $0.json.text(pretty: false) } }

@Suite struct SimulationTests {
  @Test func recordsDoNotDependOnThreads() throws {
    let one = try records(scenario(), threads: 1)
    let three = try records(scenario(), threads: 3)
    #expect(one.records.count == 4)
    #expect(lines(one.records) == lines(three.records))
    #expect(one.model == three.model)
  }

  @Test func recordsAreComplete() throws {
    let run = try records(scenario("cohort.dropout=0.3"))
    for record in run.records {
      #expect(record.arrived <= record.drawn && record.refused == 0 && record.nonFinite == 0)
      #expect((record.accuracy != nil) == (record.round % 2 == 0))
      let bits = try #require(record.payloadBits)
      #expect(abs(bits.mean * Double(record.arrived) - Double(record.totalPayloadBits)) < 1e-6)
      // An upload is its payload and an envelope of 3 to 4 bytes.
      let envelope = record.wireBytes - record.totalPayloadBits / 8
      #expect(envelope >= 3 * record.arrived && envelope <= 4 * record.arrived)
      let spending = try #require(record.spending)
      #expect(try #require(spending.lowerBound) <= spending.epsilon)
    }
    #expect(run.records.contains { $0.arrived < $0.drawn })
    let epsilons = run.records.compactMap { $0.spending?.epsilon }
    #expect(epsilons == epsilons.sorted() && epsilons.count == 4)
  }

  @Test func otherSeedsNoiseAndDataGiveOtherNoise() throws {
    let base = try records(scenario())
    for override in ["seed=2", "privacy.noiseMultiplier=1.2", "privacy.delta=2e-4", "training.learningRate=0.31"] {
      #expect(try records(scenario(override)).model != base.model, "\(override)")
    }
    // Looking more often is not another run: it would be a second release.
    for override in ["name=other", "evaluation.every=1"] {
      #expect(try records(scenario(override)).model == base.model, "\(override)")
    }
  }

  /// The initial model, the split and the partition come from the seed alone; noise does not. Two runs that differ in z
  /// alone must not share their noise: round 1 of both starts from one model, and the difference of the releases over
  /// the difference of z would be the noise itself.
  @Test func runsOfOneSeedDoNotShareNoise() throws {
    let first = try Simulation(scenario: scenario("training.learningRate=1e-30"), threads: 1)
    let second = try Simulation(
      scenario: scenario("training.learningRate=1e-30", "privacy.noiseMultiplier=2.2"), threads: 1)
    #expect(first.server.parameters == second.server.parameters)
    #expect(first.setup.test.bytes == second.setup.test.bytes)
    var (a, b) = (first, second)
    _ = try a.nextRound()
    _ = try b.nextRound()
    let x = a.server.parameters.map(Double.init)
    let y = b.server.parameters.map(Double.init)
    let dot = zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
    let norms = (x.reduce(0) { $0 + $1 * $1 } * y.reduce(0) { $0 + $1 * $1 }).squareRoot()
    #expect(abs(dot / norms) < 0.25, "650 coordinates, 6 standard deviations")
  }

  /// With the data too: neighboring data sets and one seed.
  @Test func neighboringDataDoNotShareNoise() throws {
    let digits = try Digits.load()
    var stream = RunKeys.experimentStream(seed: 1, .split)
    let split = try Split(stratified: digits, testFraction: 0.2, random: &stream)
    var features = split.training.features
    features[5] += 0.5
    let neighbor = try Split(
      training: Dataset(features: features, labels: split.training.labels, featureCount: 64, classCount: 10),
      test: split.test)
    let quiet = try scenario("training.learningRate=1e-30")
    var a = try Simulation(scenario: quiet, split: split, threads: 1)
    var b = try Simulation(scenario: quiet, split: neighbor, threads: 1)
    _ = try a.nextRound()
    _ = try b.nextRound()
    #expect(a.server.parameters != b.server.parameters)
  }

  @Test func aLibraryUserBringsData() throws {
    var stream = RandomStream(key: try #require(Key([UInt8](repeating: 3, count: 32))))
    func examples(_ count: Int) throws -> Dataset {
      var features: [Float] = []
      var labels: [Int32] = []
      for i in 0..<count {
        labels.append(Int32(i % 3))
        for k in 0..<4 { features.append(Float(stream.normal() + (k == i % 3 ? 4 : 0))) }
      }
      return try Dataset(features: features, labels: labels, featureCount: 4, classCount: 3)
    }
    let split = try Split(training: examples(600), test: examples(300))
    let mild = try scenario(
      "rounds=20", "privacy.noiseMultiplier=0.3", "channel.codec=auto", "data.source=given")
    var simulation = try Simulation(scenario: mild, split: split, threads: 2)
    var last: RoundRecord?
    while let record = try simulation.nextRound() { last = record }
    #expect(simulation.setup.model.parameterCount == 15)
    let resolved = simulation.setup.resolved.text(pretty: false)
    #expect(resolved.contains("\"source\": \"given\"") && resolved.contains("\"codec\": \"layered\""))
    #expect(throws: ScenarioError.self, "nobody gives examples") {
      try RunSetup(scenario: mild, split: nil, threads: 1)
    }
    #expect(try #require(last?.accuracy) > 0.9)
  }

  @Test func withoutPrivacyNothingIsClippedOrNoised() throws {
    let run = try records(
      scenario("privacy=null", "channel.codec=float32", "cohort.sampling=everyone", "cohort.size=null", "rounds=20"))
    let last = try #require(run.records.last)
    #expect(last.spending == nil && last.clippedFraction == 0 && last.idealBits == nil)
    #expect(last.totalPayloadBits == 50 * 32 * 650)
    #expect(try #require(last.accuracy) > 0.9)
  }

  @Test func withoutPrivacyTheSamplingRateIsStillToldAndSizesMayBeFixed() throws {
    let run = try records(
      scenario("privacy=null", "channel.codec=auto", "cohort.sampling=fixed-size", "cohort.size=10", "rounds=2"))
    #expect(run.records.allSatisfy { $0.samplingRate == 0.2 && $0.drawn == 10 && $0.arrived == 10 })
  }

  /// Where to stop may have been chosen by looking: the claim is for the planned rounds.
  @Test func anInterruptedRunClaimsThePlan() throws {
    var simulation = try Simulation(scenario: scenario(), threads: 1)
    let first = try #require(try simulation.nextRound())
    let stopped = RunSummary(simulation.setup, records: [first], stoppedBy: .interrupted)
    let planned = try #require(simulation.setup.plan?.plannedSpending)
    #expect(stopped.spending == planned)
    #expect(try #require(first.spending).epsilon < planned.epsilon)
    #expect(stopped.closingTable.contains("claimed for all 4 planned rounds"))
    let none = RunSummary(simulation.setup, records: [], stoppedBy: .interrupted)
    #expect(!none.closingTable.contains("NONE") && none.spending == planned)
    #expect(stopped.finalAccuracy == nil, "round 1 was not evaluated")
    let evaluated = RunSummary(
      simulation.setup, records: [first], stoppedBy: .interrupted, finalEvaluation: simulation.evaluate())
    #expect(evaluated.finalAccuracy == simulation.evaluate().accuracy)
  }

  @Test func recordsDoNotDependOnBatches() throws {
    let setup = try RunSetup(scenario: scenario(), split: nil, threads: 1)
    #expect(setup.frame.batches(of: [Int]()).isEmpty)
    #expect(setup.frame.batches(of: Array(0..<20_000)).flatMap { $0 } == Array(0..<20_000))
    #expect(setup.frame.batches(of: Array(0..<20_000)).count > 1)
  }

  @Test func anEmptyCohortReleasesNoiseAndCostsARound() throws {
    let run = try records(scenario("cohort.size=1", "privacy.noiseMultiplier=5", "rounds=30"))
    let empty = try #require(run.records.first { $0.drawn == 0 })
    #expect(empty.payloadBits == nil && empty.clippedFraction == nil && empty.wireBytes == 0)
    #expect(empty.spending != nil)
    #expect(empty.json.text(pretty: false).contains("\"mean\": null"))
  }

  @Test func aDivergedRunGoesOn() throws {
    let run = try records(scenario("training.learningRate=1e38", "privacy.noiseMultiplier=1"))
    #expect(run.records.count == 4)
    #expect(run.records.contains { $0.nonFinite > 0 })
    let setup = try RunSetup(scenario: scenario("training.learningRate=1e38"), split: nil, threads: 1)
    let summary = RunSummary(setup, records: run.records, stoppedBy: .rounds)
    #expect(summary.nonFiniteUpdates > 0 && summary.closingTable.contains("DIVERGED"))
    for line in lines(run.records) { _ = try JSONParser.parse(Array(line.utf8)) }
  }

  /// The closing table names the rate that is to blame, and no other.
  @Test(arguments: [
    (["server.learningRate=1e38", "server.optimizer=fedyogi"] + plain, "lower server.learningRate (1e38)"),
    (["server.learningRate=1e30"] + plain, "lower server.learningRate (1e30)"),
    (["training.learningRate=1e30"] + plain, "lower training.learningRate (1e30)"),
    (["training.learningRate=1e8"] + plain, "lower training.learningRate"),
    (["training.learningRate=1e38", "privacy.noiseMultiplier=1"], "lower training.learningRate (1e38)"),
    (
      ["server.learningRate=1e9", "privacy.noiseMultiplier=1"],
      "lower server.learningRate (1,000,000,000) or privacy.clippingNorm"
    ),
  ])
  func aDivergedRunBlamesTheRightRate(overrides: [String], advice: String) throws {
    let diverging = try scenario(["evaluation.every=1"] + overrides)
    let run = try records(diverging)
    let table = RunSummary(
      try RunSetup(scenario: diverging, split: nil, threads: 2), records: run.records, stoppedBy: .rounds
    ).closingTable
    let words = table.split { $0 == " " || $0 == "\n" }.joined(separator: " ")
    #expect(words.contains("DIVERGED") && words.contains(advice), "\(table)")
    #expect(words.contains("lower training") != words.contains("lower server"), "\(table)")
    #expect(table.split(separator: "\n").allSatisfy { $0.count < 120 }, "\(table)")
  }

  @Test func aRunThatLearnsDidNotDiverge() throws {
    for overrides in [
      [], plain, ["training.learningRate=5", "privacy.noiseMultiplier=0.5"], ["server.learningRate=4"] + plain,
    ] {
      let learning = try scenario(overrides)
      let summary = RunSummary(
        try RunSetup(scenario: learning, split: nil, threads: 2), records: try records(learning).records,
        stoppedBy: .rounds)
      #expect(!summary.closingTable.contains("DIVERGED"), "\(summary.closingTable)")
    }
  }

  @Test func summariesKeepTheContract() throws {
    var simulation = try Simulation(scenario: scenario(), threads: 1)
    var records: [RoundRecord] = []
    while let record = try simulation.nextRound() { records.append(record) }
    let summary = RunSummary(simulation.setup, records: records, stoppedBy: .rounds)
    guard case .object(let object) = summary.json else { throw CancellationError() }
    for key in [
      "version", "rounds", "stoppedBy", "population", "parameters", "finalAccuracy", "bestAccuracy", "finalLoss",
      "epsilon", "epsilonLowerBound", "delta", "accountant", "relation", "sampling", "samplingRate", "noiseMultiplier",
      "adversary", "codec", "payloadBitsPerClientRound", "wireBytesPerClientRound", "idealBitsPerClientRound",
      "float32BitsPerClientRound", "seed", "fedsimVersion", "outsideGuarantee",
    ] { #expect(object[key] != nil, "\(key)") }
    #expect(summary.closingTable.contains("epsilon"))
    #expect(
      RoundRecord().csvHeader.split(separator: ",").count
        == records[1].csvLine.split(separator: ",", omittingEmptySubsequences: false).count)
    #expect(
      records[0].csvLine.split(separator: ",", omittingEmptySubsequences: false).count
        == records[1].csvLine.split(separator: ",", omittingEmptySubsequences: false).count)
  }

  /// A run that was made is never lost to a number that JSON does not have.
  @Test func infiniteBoundsAreNone() throws {
    let setup = try RunSetup(scenario: scenario("privacy.delta=1e-300"), split: nil, threads: 1)
    let records = try records(scenario("privacy.delta=1e-300")).records
    let summary = RunSummary(setup, records: records, stoppedBy: .rounds, mostParticipations: 3)
    #expect(summary.views.rows.contains { $0.adversary == "model-and-cohort-sizes" && $0.epsilon == nil })
    let text = summary.json.text(pretty: true)
    #expect(try JSONParser.parse(text.utf8).value.text(pretty: true) == text)
    let error = #expect(throws: ScenarioError.self) {
      try RunSetup(
        scenario: scenario("privacy.delta=1e-300", "cohort.sampling=fixed-size"), split: nil, threads: 1)
    }
    #expect(error?.description.contains("no finite epsilon is proved") == true, "\(String(describing: error))")
  }

  @Test func explanationsPredictWhatHappens() throws {
    let clipped = try scenario("training.learningRate=50", "privacy.noiseMultiplier=0.3", "rounds=8")
    let setup = try RunSetup(scenario: clipped, split: nil, threads: 1)
    let run = try records(clipped)
    let explanation = Explanation(setup)
    guard case .object(let facts) = explanation.json else { throw CancellationError() }
    let predicted = try #require(facts["predictedBits"]?.double)
    let last = try #require(run.records.last)
    #expect(last.clippedFraction == 1)
    let uploads = run.records.reduce(0) { $0 + $1.arrived }
    let mean = Double(run.records.reduce(0) { $0 + $1.totalPayloadBits }) / Double(uploads)
    #expect(abs(mean / predicted - 1) < 0.02, "\(mean) over \(uploads) uploads, predicted \(predicted)")
    #expect(abs(try #require(facts["idealBits"]?.double) / (try #require(last.idealBits)) - 1) < 1e-9)
    #expect(facts["epsilon"]?.double == last.spending?.epsilon)
    #expect(explanation.text.contains("m_max"))
  }
}

/// The law of what a round releases, through the whole machine: n = 650 coordinates x 300 rounds.
@Suite struct ReleaseStatistics {
  /// Whatever the codec, and whichever share of the uploads is written. n = 300 rounds x 650 coordinates.
  @Test(arguments: [("layered", 1), ("float32", 1), ("polar", 1), ("layered", 0.5), ("polar", 0.2), ("pfr", 0.0)])
  func theReleasedNoiseIsExactlyZC(codec: String, share: Double) throws {
    let quiet = try scenario(
      "training.learningRate=1e-30", "privacy.noiseMultiplier=3", "cohort.dropout=0.4", "rounds=300",
      "channel.codec=\(codec)", "channel.coded=\(share)", "evaluation.every=1000")
    var simulation = try Simulation(scenario: quiet, threads: 2)
    var noise: [Double] = []
    var before = simulation.server.parameters
    while try simulation.nextRound() != nil {
      let after = simulation.server.parameters
      // z C = 1.5, expected cohort 20.
      for i in after.indices { noise.append(Double(after[i] - before[i]) * 20 / 1.5) }
      before = after
    }
    for result in [
      StatisticalChecks.kolmogorovSmirnov(sample: noise) { Laws.normalCDF($0) },
      StatisticalChecks.normMoment(sample: noise, variance: 1),
      StatisticalChecks.serialCorrelation(sample: noise, lag: 1),
      StatisticalChecks.serialCorrelation(sample: noise, lag: 650),
    ] { #expect(result.passes(), "\(result)") }
    // One share of the noise too many, of m_max.
    let shares = Double(try #require(simulation.setup.plan).largestCohort)
    let tooMuch = (1 + 1 / shares).squareRoot()
    #expect(!StatisticalChecks.normMoment(sample: noise.map { $0 * tooMuch }, variance: 1).passes())
  }

  /// With real updates, clipped ones among them: everyone takes part in one round, and a run with central noise of z / 300
  /// says what the sum was. n = 650 coordinates x 40 seeds, in units of z C.
  @Test(arguments: [("polar", 1), ("layered", 1), ("pfr", 1), ("polar", 0.5), ("layered", 0.0)])
  func noiseOnRealUpdatesIsTheSame(codec: String, share: Double) throws {
    let shared = ["cohort.sampling=everyone", "cohort.size=null", "rounds=1", "evaluation.every=1000"]
    func model(_ overrides: [String]) throws -> [Double] {
      var simulation = try Simulation(scenario: scenario(shared + overrides), threads: 2)
      _ = try simulation.nextRound()
      return simulation.server.parameters.map(Double.init)
    }
    var noise: [Double] = []
    var along: [Double] = []
    for seed in 1...40 {
      let plain = try model([
        "seed=\(seed)", "privacy.noise=central", "privacy.noiseMultiplier=0.01", "channel.codec=float32",
      ])
      let coded = try model([
        "seed=\(seed)", "privacy.noiseMultiplier=3", "channel.codec=\(codec)", "channel.coded=\(share)",
      ])
      // z C / N = 0.03; softmax regression starts at zero, so the model is the mean update.
      let part = zip(coded, plain).map { ($0 - $1) / 0.03 }
      let length = plain.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(length > 0.1, "updates are far above the noise of z / 300")
      along.append(zip(part, plain).reduce(0) { $0 + $1.0 * $1.1 } / length)
      noise += part
    }
    for result in [
      StatisticalChecks.kolmogorovSmirnov(sample: noise) { Laws.normalCDF($0) },
      StatisticalChecks.normMoment(sample: noise, variance: 1),
      StatisticalChecks.kolmogorovSmirnov(sample: along) { Laws.normalCDF($0) },
    ] { #expect(result.passes(), "\(codec): \(result)") }
    let mean = along.reduce(0, +) / 40
    #expect(abs(mean) < 4.9 / 40.0.squareRoot(), "\(codec): \(mean) along the update, 10^-6")
    #expect(!StatisticalChecks.normMoment(sample: noise.map { $0 * 1.05 }, variance: 1).passes())
  }
}

@Suite struct ReportTests {
  @Test func safetensorsHaveTheFormat() throws {
    let network = Network(features: 2, hidden: [], classes: 3)
    let bytes = Safetensors.encode([1, 2, 3, 4, 5, 6, 7, 8, 9], of: network, metadata: [("a", "b")])
    let length = bytes.prefix(8).enumerated().reduce(0) { $0 + Int($1.element) << (8 * $1.offset) }
    #expect(length % 8 == 0 && bytes.count == 8 + length + 36)
    let header = try JSONParser.parse(Array(bytes[8..<(8 + length)])).value
    #expect(
      header.text(pretty: false).contains(#""layers.0.bias": {"dtype": "F32", "shape": [3], "data_offsets": [24, 36]}"#)
    )
    #expect(
      header.text(pretty: false).contains(
        #""layers.0.weight": {"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24]}"#))
    let values = (0..<9).map { i in
      Float(bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[8 + length + 4 * i + $1]) << UInt32(8 * $1) })
    }
    // In memory inputs x outputs: 1 2 3 of the first input, 4 5 6 of the second.
    #expect(values == [1, 4, 2, 5, 3, 6, 7, 8, 9])
  }

  @Test func numbersForPeople() {
    #expect(Text.grouped(1_234_567) == "1,234,567" && Text.grouped(-12) == "-12" && Text.grouped(1000) == "1,000")
    #expect(Text.fixed(1.005, 1) == "1.0" && Text.fixed(-0.04, 1) == "0.0" && Text.fixed(12.5, 0) == "13")
    #expect(Text.fixed(1234.5678, 2) == "1,234.57")
    #expect(Text.short(1e-5) == "1e-5" && Text.short(3.44e-8) == "3.44e-8" && Text.short(0.0123) == "0.0123")
    #expect(
      Text.short(.infinity) == "inf" && Text.fixed(2e15, 5) == "2000000000000000.0"
        && Text.short(.leastNonzeroMagnitude).contains("e-")
    )
    #expect(
      Text.fixedUp(46.2112102, 3) == "46.212" && Text.fixedUp(8, 3) == "8.000"
        && Text.fixedUp(1999.9996, 3) == "2,000.000")
    #expect(Text.fixedDown(46.2118, 3) == "46.211" && Text.fixedDown(8, 3) == "8.000")
    #expect(Text.short(0) == "0" && Text.short(153_920) == "153,920")
    #expect(Text.wrapped("aa bb cc", width: 5) == "aa bb\ncc")
    #expect(Text.table(["a", "bb"], [["111", "2"]]) == "  a  bb\n---  --\n111   2")
  }

  @Test func foldersAreNotOverwrittenUnasked() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("fedsim-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    do {
      let folder = try RunFolder(creating: path, replacing: false)
      #expect(throws: RunFolderError.busy(path: path)) { try RunFolder(creating: path, replacing: true) }
      try folder.append("{\"round\": 1}", to: .rounds)
      try folder.append("{\"round\": 2}", to: .rounds)
    }
    #expect(throws: RunFolderError.occupied(path: path, file: "scenario.json")) {
      try RunFolder(creating: path, replacing: false)
    }
    #expect(try String(contentsOfFile: path + "/rounds.jsonl", encoding: .utf8) == "{\"round\": 1}\n{\"round\": 2}\n")
    #expect(throws: RunFolderError.self) { try RunFolder(creating: path + "/rounds.jsonl", replacing: true) }
    #expect(throws: RunFolderError.self) { try RunFolder(creating: "", replacing: true) }
    try FileManager.default.createDirectory(atPath: path + "/rounds.csv", withIntermediateDirectories: true)
    #expect(throws: RunFolderError.self, "a folder is not ours to remove") {
      try RunFolder(creating: path, replacing: true)
    }
    try FileManager.default.removeItem(atPath: path + "/rounds.csv")
    try "mine".write(toFile: path + "/notes.txt", atomically: true, encoding: .utf8)
    _ = try RunFolder(creating: path, replacing: true)
    #expect(!FileManager.default.fileExists(atPath: path + "/rounds.jsonl"))
    #expect(FileManager.default.fileExists(atPath: path + "/notes.txt"), "files that are not a run's stay")
  }
}
