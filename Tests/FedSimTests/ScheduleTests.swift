import Foundation
import Numerics
import Testing

@testable import Aggregator
@testable import Clients
@testable import FedSim
@testable import Files
@testable import RunFiles
@testable import Scenarios
@testable import Settings

/// Learning rates that follow the round, weight decay, and parts of an epoch.
@Suite struct ScheduleTests {
  private func message(_ overrides: [String]) -> String {
    do {
      _ = try RunSetup(scenario: scenario(overrides), split: nil, threads: 1)
      return "no error"
    } catch { return "\(error)" }
  }

  private func run(_ overrides: [String], threads: Int = 2) throws -> (records: [RoundRecord], model: [Float]) {
    var simulation = try Simulation(scenario: scenario(overrides), threads: threads)
    var records: [RoundRecord] = []
    while let record = try simulation.nextRound() { records.append(record) }
    return (records, simulation.server.parameters)
  }

  private static let plain = ["privacy=null", "channel.codec=float32"]

  @Test func cosinesAreThoseOfTheLibrary() {
    for i in 0...1000 {
      let x = Double(i) / 1000
      #expect(abs(Elementary.cosineOfPi(x) - Foundation.cos(Double.pi * x)) < 1e-15)
    }
    let exact: [Double] = [0, 0.5, 1, -1, 2].map { Elementary.cosineOfPi($0) }
    #expect(exact == [1, 0, -1, 1, -1])
  }

  /// The formulas of the documentation, written out.
  @Test func factorsAreAsStated() {
    let factors = { (schedule: RateSchedule, rounds: Int) in (1...rounds).map { schedule.factor(round: $0, of: rounds) }
    }
    #expect(factors(RateSchedule(), 3) == [1, 1, 1] && RateSchedule().isConstant)
    #expect(factors(RateSchedule(warmupRounds: 4), 6) == [0.25, 0.5, 0.75, 1, 1, 1])
    #expect(factors(RateSchedule(.step, decayRounds: 2, decayFactor: 0.5), 6) == [1, 1, 0.5, 0.5, 0.25, 0.25])
    let halving: [Double] = [1, 1 / 1.5, 0.5, 1 / 2.5, 1 / 3]
    #expect(factors(RateSchedule(.inverse, decayRounds: 2), 5) == halving)
    // torch's CosineAnnealingLR(T_max = 5, eta_min = 0) at epochs 0 ... 4.
    let cosine = factors(RateSchedule(.cosine), 5)
    for (s, factor) in cosine.enumerated() {
      #expect(abs(factor - (1 + Foundation.cos(Double.pi * Double(s) / 5)) / 2) < 1e-15)
    }
    let short = factors(RateSchedule(.cosine, decayRounds: 2, decayFactor: 0.5, warmupRounds: 2), 6)
    #expect(short == [0.5, 1, 0.75, 0.5, 0.5, 0.5])
    // Later rounds never have a higher rate, once it is warm.
    for kind in RateSchedule.Kind.allCases {
      let schedule = RateSchedule(kind, decayRounds: kind == .constant ? nil : 7, warmupRounds: 3)
      let all = factors(schedule, 100)
      #expect(all[2] == 1 && all.allSatisfy { $0 >= 0 && $0 <= 1 })
      #expect(zip(all[2...], all[3...]).allSatisfy { $0 >= $1 })
    }
  }

  /// One step of SGD a round on all data: a rate at the clients is a rate at the server, but for rounding, and both schedules multiply.
  @Test func aRoundHasItsRate() throws {
    let one =
      Self.plain + ["training.steps=1", "training.batchSize=1000", "cohort.sampling=everyone", "cohort.size=null"]
    let keys = { (section: String) in
      ["\(section).schedule=step", "\(section).decayRounds=1", "\(section).decayFactor=0.5"]
    }
    let clients = try run(one + keys("training"))
    let server = try run(one + keys("server"))
    #expect(clients.records.map(\.clientLearningRate) == [0.3, 0.15, 0.075, 0.0375])
    #expect(clients.records.allSatisfy { $0.serverLearningRate == nil })
    #expect(server.records.map(\.serverLearningRate) == [1, 0.5, 0.25, 0.125])
    let distance = zip(clients.model, server.model).map { abs($0 - $1) }.max() ?? 1
    let constant = try run(one).model
    #expect(distance < 1e-6 && clients.model != constant)
    // A schedule that begins with all of the rate gives the first round of a run without one, but for the order of the batch.
    let first = try run(one + ["rounds=1"]).model
    for keys in [keys("training"), ["training.warmupRounds=1"]] {
      let other = try run(one + ["rounds=1"] + keys).model
      #expect((zip(first, other).map { abs($0 - $1) }.max() ?? 1) < 1e-6)
    }
  }

  /// SCAFFOLD's variates are in units of the round's rate: of one step over all data, it is FedAvg under any schedule.
  @Test(arguments: ["step", "cosine", "inverse"])
  func scaffoldFollowsTheSchedule(kind: String) throws {
    let keys =
      Self.plain + [
        "training.steps=1", "training.batchSize=1000", "cohort.sampling=everyone", "cohort.size=null",
        "training.schedule=\(kind)", "training.decayRounds=2",
        "training.decayFactor=\(kind == "inverse" ? "null" : "0.3")",
        "training.warmupRounds=2",
      ]
    let average = try run(keys).model
    let scaffold = try run(keys + ["training.algorithm=scaffold"]).model
    #expect((zip(average, scaffold).map { abs($0 - $1) }.max() ?? 1) < 1e-5)
  }

  @Test func threadsAndStopsChangeNothing() throws {
    let keys = [
      "training.schedule=cosine", "training.warmupRounds=2", "server.schedule=inverse", "server.decayRounds=3",
      "server.optimizer=fedadam", "server.learningRate=0.01", "training.algorithm=adam", "training.weightDecay=0.01",
      "training.epochs=0.5",
    ]
    let whole = try run(keys, threads: 1)
    #expect(try run(keys, threads: 3).model == whole.model)
    var first = try Simulation(scenario: scenario(keys), threads: 2)
    for _ in 0..<2 { _ = try first.nextRound() }
    var second = try Simulation(scenario: scenario(keys), threads: 1)
    try second.restore(first.state)
    var rest: [RoundRecord] = []
    while let record = try second.nextRound() { rest.append(record) }
    #expect(second.server.parameters == whole.model && rest == Array(whole.records[2...]))
    let line = rest[0].json.text(pretty: false)
    #expect(line.contains("\"clientLearningRate\"") && RoundRecord(line: line.utf8) == rest[0])
    let columns = RoundField.columns(of: first.setup)
    #expect(RoundRecord.csvHeader(columns).hasSuffix("clientLearningRate,serverLearningRate"))
    #expect(try RoundField.columns(of: RunSetup(scenario: scenario(), split: nil, threads: 1)).count == 29)
  }

  @Test func keysThatDoNotGoTogetherAreNamed() {
    #expect(message(["training.schedule=step"]).contains("training.decayRounds: the key is missing"))
    #expect(message(["server.schedule=inverse"]).contains("server.decayRounds: the key is missing"))
    #expect(message(["training.decayRounds=3"]).contains("training.decayRounds: found 3 with schedule \"constant\""))
    #expect(message(["server.decayFactor=0.5"]).contains("server.decayFactor: found 0.5"))
    #expect(message(["training.schedule=linear"]).contains("\"constant\", \"step\", \"cosine\", \"inverse\""))
    #expect(
      message(["training.schedule=cosine", "training.decayRounds=2"]).contains("the rate is 0 from round 3 of 4 on"))
    #expect(
      message(["training.schedule=step", "training.decayRounds=1", "training.decayFactor=1e-30"])
        .contains("the rate is 0 from round 3 of 4 on"))
    #expect(message(["training.warmupRounds=0"]).contains("found 0"))
    #expect(message(["server.warmupRounds=5"]).contains("server.warmupRounds: found 5 in a run of 4 rounds"))
    #expect(message(["server.warmupRounds=4"]) == "no error")
    let words = RateSchedule(warmupRounds: 2).words(learningRate: 1, rounds: 4)
    #expect(words == "warm-up: 0.500 in round 1, 1.00 in round 2, 1.00 in round 4", "\(words ?? "")")
    #expect(message(["training.weightDecay=-1"]).contains("found -1"))
    #expect(message(["training.epochs=0"]).contains("found 0"))
    #expect(message(["training.epochs=0.5", "training.steps=2"]).contains("beside"))
    #expect(message(["training.schedule=cosine", "server.schedule=cosine"]) == "no error")
  }

  /// Where no new key is set, a resolved scenario has none of them; where one says what holds anyway, neither.
  @Test func keysThatSayNothingAreNotWritten() throws {
    let text = { try RunSetup(scenario: scenario($0), split: nil, threads: 1).scenarioFile }
    let plain = try text([])
    #expect(!plain.contains("schedule") && !plain.contains("weightDecay") && plain.contains("\"epochs\": 1,"))
    #expect(try text(["training.schedule=constant", "training.weightDecay=0", "server.schedule=constant"]) == plain)
    #expect(try text(["training.epochs=1.0"]) == plain)
    let set = try text(["training.schedule=cosine", "training.weightDecay=0.1", "training.epochs=0.5"])
    #expect(
      set.contains("\"schedule\": \"cosine\"") && set.contains("\"epochs\": 0.5")
        && set.contains("\"weightDecay\": 0.1"))
    #expect(try scenario([], text: set).training.epochs == 0.5)
  }

  /// Two schedules are two runs, under two noises.
  @Test func aScheduleNamesTheRun() throws {
    let print = { try RunSetup(scenario: scenario($0), split: nil, threads: 1).fingerprint }
    let all = try [
      [], ["training.schedule=cosine"], ["server.schedule=cosine"], ["training.warmupRounds=2"],
      ["training.weightDecay=0.1"],
    ].map(print)
    #expect(Set(all).count == all.count)
  }

  @Test func partsOfAnEpochAreWholeMinibatches() {
    let steps = { (epochs: Double, examples: Int) in LocalWork.epochs(epochs).steps(examples: examples, batchSize: 2) }
    let found: [Int] = [steps(0.5, 20), steps(0.5, 18), steps(0.01, 18), steps(0.5, 0), steps(2.25, 8), steps(3, 5)]
    #expect(found == [5, 5, 1, 0, 9, 9])
    // Products that rounding puts a hair above a whole number.
    let rounded: [Int] = [steps(1.1, 20), steps(0.3, 20), steps(0.7, 20)]
    #expect(rounded == [11, 3, 7])
    var stream = RunKeys.experimentStream(seed: 1, .partition)
    let parts = (0..<200).map { _ in LocalWork.epochs(1.5).part(examples: 8, batchSize: 2, &stream) }
    #expect(Set(parts.map { $0.steps(examples: 8, batchSize: 2) }) == Set(1...5))
  }

  /// A rule of another package has one rate, unless it says how to have another.
  @Test func rulesWithoutRatesAreRefused() throws {
    var custom = try scenario(["training.schedule=cosine"])
    custom.components.clientOptimizers = custom.components.clientOptimizers.adding(
      .init("rigid", "one rate", RigidRule.self) { $0 })
    custom.training.optimizer = RigidRule()
    #expect(throws: ScenarioError.self) { try custom.check() }
    custom.training.schedule = RateSchedule()
    try custom.check()
    let picture = "task=representation"
    #expect(
      message([picture, "model={\"kind\":\"linear-decoder\",\"latents\":4}", "training.schedule=cosine"])
        .contains("do not train by steps of a rate"))
  }
}

private struct RigidRule: ClientOptimizing, Configurable {
  static let keys = SettingList(RigidRule(), [])
  var learningRate: Double { 0.1 }
  func makeState(parameters: Int) {}
  func reset(_ state: inout ()) {}
  func step(
    _ parameters: FloatBuffer, from start: FloatBuffer, _ state: inout (),
    addGradient: (_ scale: Float, _ target: FloatBuffer, _ prepare: (Range<Int>) -> Void) -> Void
  ) { addGradient(-0.1, parameters) { _ in } }
}
