import Foundation
import Testing

@testable import Datasets
@testable import FedSim
@testable import JSONText
@testable import Reports
@testable import RunFiles
@testable import Scenarios

/// Scenarios whose updates come from a program.
@Suite struct ExternalScenarioTests {
  private func message(_ overrides: [String] = [], text: String = externalScenario) -> String {
    do {
      _ = try RunSetup(explaining: scenario(overrides, text: text), threads: 1)
      return "nothing"
    } catch { return "\(error)" }
  }

  @Test func aScenarioIsCheckedAndExplained() throws {
    #expect(message() == "nothing")
    let external = try scenario([], text: externalScenario)
    #expect(try external.isExternal && !scenario().isExternal)
    let setup = try RunSetup(validating: external, threads: 1)
    #expect(setup.population.clientCount == 40 && setup.model.parameterCount == 5 && setup.nonce == nil)
    let text = Explanation(try RunSetup(explaining: external, threads: 1)).text
    #expect(text.contains("updates come from outside") && text.contains("40, whose examples only the program knows"))
    #expect(text.contains("by a program") && text.contains("without what the program does"), "\(text)")
    #expect(!text.contains("seed") && !text.contains("epoch") && !text.contains("--pilot"), "\(text)")
    guard case .object(let json) = Explanation(setup).json else { return }
    #expect(json["trainingExamples"] == .null && json["clientSizes"] == .null && json["population"] == 40)
    #expect(json["coreSeconds"]?.double != nil)
  }

  /// What means nothing is an error at its place, and so is one of the two without the other.
  @Test(arguments: [
    (["training.learningRate=1"], "training: found a section about what clients do in a round"),
    (["partition.kind=iid"], "partition: found a section about who has which example"),
    (["evaluation.every=1"], "evaluation: found a section about when"),
    (["posterior.turned=true"], "posterior: found a section"),
    (["task=regression"], "task: found \"regression\""), (["data.testFraction=0.5"], "data.testFraction: found it"),
    (["data.testOf=each-client"], "data.testOf: found it"), (["data.targetScale=2"], "data.targetScale: found it"),
    (["model.initial=x.safetensors"], "model.initial: found it"), (["cohort.common=true"], "cohort.common: found it"),
    (["cohort.byzantine=0.1", "privacy=null", "channel.codec=float32"], "cohort.byzantine: found it"),
    (["data.source=digits", "data.clients=null"], "data.source: found \"digits\" with model.kind \"external\""),
    (["model.kind=perceptron"], "model.kind: found \"perceptron\" with data.source \"external\""),
    (["data.clients=0"], "data.clients: found 0"), (["data.clients=null"], "\"external\" needs the number of clients"),
    (["model.parameters=100000001"], "model.parameters: found 100000001"),
    (["model.parameters=null"], "needs the number"),
    (["model.hidden=[3]"], "which \"external\" does not have"), (["rounds=0"], "rounds: found 0"),
    (["cohort.size=41"], "found a cohort of 41 out of 40 clients"), (["privacy.deltaa=1"], "did you mean"),
  ])
  func whatMeansNothingIsRefused(overrides: [String], words: String) {
    #expect(message(overrides).contains(words), "\(message(overrides))")
  }

  @Test func errorsHavePlaces() {
    let text = externalScenario.replacing("\"channel\":", with: "\"training\": {\"learningRate\": 1},\n \"channel\":")
    #expect(message(text: text).hasPrefix("s.json:4:14: training: found"), "\(message(text: text))")
    // Keys of other scenarios are as needed as ever.
    #expect(message(["data={\"source\": \"digits\"}", "model={\"kind\": \"softmax-regression\"}"]).contains("task"))
  }

  @Test func aSeedIsNotUsed() throws {
    let seeded = try scenario(["seed=3"], text: externalScenario)
    let parameters: [Float] = [0, 0, 0, 0, 0]
    let make = { (scenario: Scenario) in
      try RunSetup(federation: scenario, parameters: parameters, nonce: [UInt8](repeating: 1, count: 16), threads: 1)
    }
    let setup = try make(seeded)
    #expect(setup.warnings.contains { $0.contains("seed = 3 is not used") })
    let plain = try make(scenario([], text: externalScenario))
    #expect(!plain.warnings.contains { $0.contains("seed") })
    #expect(setup.fingerprint == plain.fingerprint && setup.scenarioFile == plain.scenarioFile)
    // Fresh keys where nobody names them.
    let fresh = { try RunSetup(federation: scenario([], text: externalScenario), parameters: parameters, threads: 1) }
    #expect(try fresh().fingerprint != fresh().fingerprint && fresh().nonce?.count == 32)
  }

  /// Nothing here can make the rounds.
  @Test func runsAndSweepsOfThemAreRefused() throws {
    let words = "fedsim.Federation in Python"
    let run = #expect(throws: ScenarioError.self) {
      try Simulation(scenario: scenario([], text: externalScenario), threads: 1)
    }
    #expect(run?.description.contains(words) == true && run?.description.contains("data.source") == true)
    let sweep = externalScenario.replacing(
      "\"rounds\": 4,", with: "\"rounds\": 4, \"sweep\": {\"axes\": {\"privacy.noiseMultiplier\": [1, 2]}},")
    let error = #expect(throws: ScenarioError.self) { try Sweep(Array(sweep.utf8), name: "s.json") }
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    #expect(throws: ScenarioError.self) {
      try RunPilot(RunSetup(explaining: scenario([], text: externalScenario), threads: 1), rounds: 1)
    }
    // And a program makes no federation of a scenario with data.
    let other = #expect(throws: ScenarioError.self) { _ = try FederationExecution(scenario(), parameters: [0]) }
    #expect(other?.description.contains("data.source") == true)
  }

  /// A scenario that a program puts together is checked as a file's.
  @Test func valuesAreCheckedAsFilesAre() throws {
    var external = try scenario([], text: externalScenario)
    external.data = Digits()
    #expect(throws: ScenarioError.self) { try external.check() }
    external.data = ExternalData(clients: 0)
    #expect(throws: ScenarioError.self) { try external.check() }
    external.data = ExternalData(clients: 40)
    try external.check()
    external.testFraction = 0.5
    #expect(throws: ScenarioError.self) { try external.check() }
  }

  // MARK: Examples in memory

  private func given(_ overrides: [String] = []) throws -> Scenario {
    try scenario([#"data={"source": "given"}"#] + overrides)
  }

  @Test func givenExamplesAreSplitAsTheScenarioSays() throws {
    let examples = try Digits.load().selecting(Array(0..<300))
    let part = try RunSetup(scenario: given(["data.testFraction=0.25"]).giving(examples), split: nil, threads: 1)
    #expect((70...80).contains(part.test.count) && part.test.count + part.population.data.count == 300)
    let own = try RunSetup(
      scenario: given(["data.testOf=each-client", "partition.clients=30"]).giving(examples), split: nil, threads: 1)
    #expect(own.test.owners != nil && own.testOwners != nil)
    let both = try RunSetup(
      scenario: given().giving(examples, test: examples.selecting([1, 2, 3])), split: nil, threads: 1)
    #expect(both.test.count == 3 && both.population.data.count == 300)
    #expect(Set([part, own, both].map(\.fingerprint)).count == 3)
    for (scenario, test, words) in [
      (try given(["data.testFraction=0.5"]), examples, "data.testFraction"),
      (try given(["data.testOf=each-client"]), examples, "data.testOf"), (try scenario(), nil, "data.source"),
    ] as [(Scenario, Dataset?, String)] {
      let error = #expect(throws: ScenarioError.self) { try scenario.giving(examples, test: test) }
      #expect(error?.description.contains(words) == true)
    }
    #expect(throws: ScenarioError.self) { try Simulation(scenario: given(), threads: 1) }
  }

  @Test func runsOfGivenExamplesGoOn() throws {
    let folder = scratchPath()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let examples = try Digits.load()
    let make = { (path: String, start: RunExecution.Start, examples: Dataset) in
      try RunExecution(
        Simulation(scenario: given().giving(examples), threads: 2), in: "\(folder)/\(path)", start: start)
    }
    var whole = try make("whole", .new, examples)
    #expect(try whole.run().isWhole)
    do {
      var stopped = try make("stopped", .new, examples)
      _ = try stopped.nextRound()
      _ = try stopped.finish()
    }
    let changed = examples.selecting(Array(1..<examples.count))
    let error = #expect(throws: RunFolderError.self) { try make("stopped", .resuming, changed) }
    #expect(error?.description.contains("of other data") == true)
    var rest = try make("stopped", .resuming, examples)
    #expect(try rest.run().isWhole)
    for name in ["rounds.jsonl", "summary.json", "model.safetensors", "scenario.json", "state.bin"] {
      let read = { (run: String) in try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(run)/\(name)")) }
      #expect(try read("stopped") == read("whole"), "\(name)")
    }
    #expect(try page(of: "\(folder)/stopped").contains("given"))
  }
}
