import Foundation
import Testing

@testable import FedSim
@testable import Reports
@testable import Scenarios

/// A small valid scenario; tests break it.
let smallScenario = """
  {
    "name": "small",
    "task": "classification",
    "rounds": 4,
    "data": { "source": "digits" },
    "partition": { "kind": "iid", "clients": 50 },
    "model": { "kind": "softmax-regression" },
    "training": { "learningRate": 0.3, "batchSize": 10 },
    "cohort": { "sampling": "poisson", "size": 20 },
    "privacy": { "clippingNorm": 0.5, "noiseMultiplier": 1.1, "delta": 1e-4 },
    "channel": { "codec": "layered" },
    "evaluation": { "every": 2 }
  }
  """

func scenario(_ overrides: String..., text: String = smallScenario) throws -> Scenario {
  try scenario(overrides, text: text)
}

func scenario(_ overrides: [String], text: String = smallScenario) throws -> Scenario {
  try Scenario(ScenarioFile(Array(text.utf8), name: "s.json", overrides: overrides))
}

@Suite struct ScenarioTests {
  private func message(_ overrides: [String] = [], text: String = smallScenario) -> String {
    do {
      let file = try ScenarioFile(Array(text.utf8), name: "s.json", overrides: overrides)
      _ = try RunSetup(scenario: Scenario(file), split: nil, threads: 1)
      return "no error"
    } catch { return "\(error)" }
  }

  @Test func defaultsAreFilledIn() throws {
    let small = try scenario()
    #expect(small.seed == 1 && small.training.work == .epochs(1) && small.testShare == 0.2)
    let resolved = small.json.text(pretty: false)
    #expect(resolved.contains("\"learningRate\": 1,"))
    #expect(resolved.contains("\"relation\": \"zero-out\""))
    #expect(!message(text: resolved).contains("error:") && message(text: resolved) == "no error", "reads itself back")
    let setup = try RunSetup(scenario: scenario("privacy.delta=null"), split: nil, threads: 1)
    #expect(setup.resolved.text(pretty: false).contains("\"delta\": 1e-05"), "the default delta is filled in")
  }

  @Test func placesAreNamed() {
    #expect(
      message(text: "{\n  \"rounds\": 3,,\n}").hasPrefix("s.json:2:15: not valid JSON:"))
    #expect(
      message(text: smallScenario.replacing("0.3", with: "-1"))
        == "s.json:8:33: training.learningRate: found -1; allowed: a number above 0")
    #expect(
      message(["training.learningRate=x"])
        == "--set: training.learningRate: found a string, \"x\"; allowed: a number above 0")
    #expect(message(text: "[1]") == "s.json: found an array; allowed: an object with sections")
  }

  @Test(arguments: [
    ("rounds=0", "rounds: found 0; allowed: an integer from 1 to 1000000"),
    ("rounds=2.5", "rounds: found a number, 2.5"),
    ("rounds=\"3\"", "rounds: found a string, \"3\""),
    ("rounds=null", "rounds: the key is missing"),
    ("rounds=NaN", "rounds: found a string, \"NaN\""),
    ("roundz=3", "roundz: no such key; did you mean \"rounds\"?"),
    ("data.sorce=1", "did you mean \"data.source\"?"),
    ("privacy.clipingNorm=1", "did you mean \"privacy.clippingNorm\"?"),
    ("privacy.clippingNorm=1e999", "privacy.clippingNorm: found a string"),
    ("data.source=\"mnist\"", "data.source: found \"mnist\"; allowed: \"digits\""),
    ("data.source=csv", "data.path: \"csv\" needs a file"),
    ("data.source=leaf", "data.path: \"leaf\" needs a file or folder"),
    ("data.source=idx", "data.images: \"idx\" needs a file of images"),
    ("data.source=mixture", "data.examples: \"mixture\" needs the number"),
    ("data.alpha=1", "--set: data.alpha: found 1, which \"digits\" does not have; allowed: null"),
    ("data.test={\"images\": \"a\"}", "data.test: found {"),
    ("data.test=a", "data.test: found \"a\", which \"digits\" does not have"),
    ("partition.alpha=1", "partition.alpha: found 1, which \"iid\" does not have"),
    ("partition.kind=dirichlet-client", "partition.alpha: \"dirichlet-client\" needs a concentration"),
    ("partition.kind=natural", "partition.clients: found 50, which \"natural\" does not have"),
    ("data.testFraction=1", "a number above 0 below 1"),
    ("partition.clients=100000", "refused: found 100000 clients"),
    ("partition.clients=null", "\"iid\" needs the number of clients"),
    ("partition.kind=one-example", "partition.clients: found 50, which \"one-example\" does not have"),
    ("model.hidden=[3]", "model.hidden: found [3], which \"softmax-regression\" does not have"),
    ("model.kind=perceptron", "\"perceptron\" needs the widths"),
    ("training.momentum=1", "from 0 below 1"),
    ("training.algorithm=scaffold", "no account has; allowed: \"sgd\""),
    ("server.weighting=examples", "no account has it; allowed: \"uniform\""),
    ("server.momentum=0.9", "\"fedavg\" has none"),
    ("server.beta2=0.9", "found 0.9, which \"fedavg\" does not have"),
    ("server.adaptivity=0.9", "found 0.9, which \"fedavg\" does not have"),
    ("model.channels=[3]", "which \"softmax-regression\" does not have"),
    ("model.kind=convolutional", "\"convolutional\" needs the outputs"),
    (
      "model={\"kind\":\"convolutional\",\"channels\":[3],\"kernel\":4}",
      "model.kernel: found 4; allowed: an odd number"
    ),
    ("model={\"kind\":\"convolutional\",\"channels\":[3,3,3,3]}", "found 4 convolutions, which halve images of 8 x 8"),
    ("training.stragglers=1.1", "from 0 up to 1"),
    ("privacy.noise=central", "channel.codec: found \"layered\" with central noise"),
    ("privacy.countNoise=3", "no clipping quantile"),
    ("name=\"../../x\"", "name: found \"../../x\"; allowed: 1 to 100 letters"),
    ("name=\".x\"", "name: found"),
    ("model.hidden=[100000,100000]", "which \"softmax-regression\" does not have"),
    ("data.source=given", "none were given"),
    ("data.testFraction=0.9999", "data.testFraction: refused: both parts need an example"),
    ("privacy.clippingNorm=1e-300", "a number from"),
    ("privacy.delta=5e-324", "a number from"),
    ("cohort.sampling=everyone", "\"everyone\" draws all clients"),
    ("cohort.size=51", "refused: found a cohort of 51 out of 50 clients"),
    ("cohort.size=null", "\"poisson\" needs the number"),
    ("cohort.dropout=1", "from 0 below 1"),
    ("privacy.noiseMultiplier=null", "found neither"),
    ("privacy.targetEpsilon=3", "found both"),
    ("privacy.noiseMultiplier=0", "found 0; allowed: a number from 0.01 up to 1000000, or null"),
    ("privacy.accountant=prv", "found \"prv\"; allowed: \"pld\", \"rdp\", \"gaussian\""),
    ("privacy.accountant=gaussian", "not an upper bound"),
    ("channel.padding=fixed-length", "channel.padding: refused: payloads of"),
    ("privacy.budget=0", "found 0; allowed: a number from 0.001"),
    ("privacy.budget=0.001", "--set: privacy.budget: refused: a budget of 0.001 does not pay for a single round"),
    ("privacy=null", "channel.codec: found \"layered\" in a run without privacy"),
    ("privacy=3", "privacy: found an integer, 3; allowed: an object"),
    ("server.optimizer=adam", "found \"adam\"; allowed: \"fedavg\", \"fedavgm\""),
    ("data=null", "data: the section is missing"),
    ("a.b.c=1", "a.b.c: no such key"),
    ("=1", "key=value"),
    ("rounds", "key=value"),
    ("version=2", "version: found 2"),
  ])
  func mistakesAreExplained(override: String, expected: String) {
    let found = message([override])
    #expect(found.contains(expected), "\(found)")
    #expect(!found.contains("\n"), "one line")
  }

  @Test func bothKindsOfNoiseAndSectionsCanBeOverridden() throws {
    #expect(message(["privacy.noiseMultiplier=null", "privacy.targetEpsilon=5"]) == "no error")
    #expect(message(["privacy=null", "channel.codec=float32"]) == "no error")
    #expect(message(["privacy=null", "channel.codec=auto"]) == "no error")
    #expect(message(["cohort.sampling=everyone", "cohort.size=null"]) == "no error")
  }

  /// The theorems for cohorts of fixed size need clients that remember nothing from round to round: what one of them sends would depend on
  /// whom the target displaced before.
  @Test func clientsWithStateHaveNoPrivacy() throws {
    for sampling in ["fixed-size", "poisson"] {
      let found = message(["cohort.sampling=\(sampling)", "training.algorithm=scaffold"])
      #expect(found.contains("\"scaffold\" in a run with privacy"), "\(found)")
      #expect(found.contains("state"), "\(found)")
    }
    let plain = ["privacy=null", "channel.codec=float32", "cohort.sampling=fixed-size", "training.algorithm=scaffold"]
    #expect(message(plain) == "no error")
  }

  @Test func integersMayBeWrittenAsNumbers() throws {
    #expect(try scenario("rounds=1e1").rounds == 10)
    #expect(try scenario("rounds=7.0").rounds == 7)
  }

  @Test func modelsThatNoMachineTrainsAreRefused() {
    let count = message(["privacy.clippingQuantile=0.5", "privacy.countNoise=0.5"])
    #expect(count.contains("privacy.countNoise: refused: a count with noise 0.5 alone"), "\(count)")
    let found = message(["model.kind=perceptron", "model.hidden=[100000,100000]"])
    #expect(found.hasPrefix("--set: model.hidden: refused: found a model of 10007600010 parameters"), "\(found)")
  }

  /// The ends of every range make a plan or a refusal, quickly.
  @Test func extremesArePlannedOrRefused() throws {
    for override in [
      "privacy.noiseMultiplier=0.01", "privacy.noiseMultiplier=1000000", "privacy.clippingNorm=1e-9",
      "privacy.clippingNorm=1e9", "privacy.delta=1e-300", "privacy.delta=0.99", "rounds=1000000",
      "seed=9223372036854775807", "cohort.dropout=0.999999", "training.learningRate=1e300",
    ] {
      let setup = try RunSetup(scenario: scenario(override), split: nil, threads: 1)
      #expect(try #require(setup.plan).plannedSpending.epsilon >= 0)
      _ = Explanation(setup).text
      _ = Explanation(setup).json.text(pretty: true)
    }
    for epsilon in ["0.001", "10000"] {
      let setup = try RunSetup(
        scenario: scenario("privacy.noiseMultiplier=null", "privacy.targetEpsilon=\(epsilon)"), split: nil, threads: 1)
      #expect(try #require(setup.plan).plannedSpending.epsilon <= Double(epsilon) ?? 0)
    }
  }

  @Test func deltaIsCheckedAgainstTheNumberOfClients() throws {
    #expect(message(["privacy.delta=0.5"]) == "no error", "written down: allowed")
    let setup = try RunSetup(scenario: scenario("privacy.delta=0.01"), split: nil, threads: 1)
    #expect(setup.warnings.contains { $0.contains("N delta = 0.5") })
    // One client alone has no default: 1^-1.1 = 1, capped at 1e-5 < 1.
    #expect(message(["partition.clients=1", "cohort.size=1", "privacy.delta=null"]) == "no error")
  }

  @Test func foreignBytesAreErrorsNotTraps() {
    #expect(message(text: "").contains("s.json:1:1"))
    #expect(message(text: "{\"rounds\": NaN}").contains("not valid JSON"))
    #expect(message(text: "{\"rounds\": 1, \"rounds\": 2}").contains("rounds"))
  }

  /// Made from the table of keys: `swift run fedsim` users read it as docs/scenario.md.
  @Test func theReferenceIsUpToDate() throws {
    let written = try String(contentsOf: repositoryFile("docs/scenario.md"), encoding: .utf8)
    #expect(
      written == ScenarioTable.standard.reference,
      "regenerate with FEDSIM_WRITE_REFERENCE=1 swift test --filter ReferenceWriter")
  }
}
