import Foundation
import Testing

@testable import ChannelCoding
@testable import Clients
@testable import Datasets
@testable import FedSim
@testable import Files
@testable import JSONText
@testable import Reports
@testable import Scenarios

/// Runs of models for lines and for text: the models and the source have tests of their own.
@Suite struct SignalAndTextTests {
  private let plain = ["privacy=null", "channel.codec=float32", "rounds=2"]

  private func records(_ overrides: [String], split: Split? = nil, threads: Int = 2) throws -> [String] {
    var simulation = try Simulation(scenario: scenario(plain + overrides), split: split, threads: threads)
    var lines: [String] = []
    while let record = try simulation.nextRound() { lines.append(record.json.text(pretty: false)) }
    return lines
  }

  private let signals = [
    #"data={"source": "mnist-1d", "examples": 200}"#,
    #"model={"kind": "convolutional-1d", "channels": [4, 5], "strides": [2]}"#,
  ]

  /// "abcabc...", from another letter in each example.
  private func text() throws -> Split {
    let rows = { (count: Int) throws(DataError) in
      try Dataset(
        features: (0..<(count * 6)).map { Float(($0 / 6 + $0 % 6) % 3) }, labels: (0..<count).map { Int32($0 % 3) },
        featureCount: 6, classCount: 3, classNames: ["a", "b", "c"], symbolNames: ["a", "b", "c"])
    }
    return try Split(training: rows(60), test: rows(9))
  }

  private let characters = [
    #"data={"source": "given"}"#, #"model={"kind": "character-lstm", "embedding": 3, "hidden": 5, "layers": 1}"#,
  ]

  @Test func runsDoNotDependOnThreads() throws {
    #expect(try records(signals, threads: 1) == records(signals, threads: 3))
    let split = try text()
    #expect(try records(characters, split: split, threads: 1) == records(characters, split: split, threads: 3))
  }

  @Test func theScenarioIsExplained() throws {
    let bytes = try Array(Data(contentsOf: repositoryFile("scenarios/mnist1d.json")))
    let setup = try RunSetup(scenario: Scenario(ScenarioFile(bytes, name: "mnist1d")), split: nil, threads: 2)
    #expect(setup.population.clientCount == 100 && setup.population.data.count == 4000 && setup.test.count == 1000)
    #expect(Explanation(setup).text.contains("MNIST-1D"))
  }

  @Test func modelsOfOtherDataAreExplained() throws {
    for (overrides, split, expected) in [
      ([characters[1]], nil, "model.kind: refused: the model reads rows of symbols"),
      (
        [characters[0]], try text(),
        "model.kind: refused: the model reads quantities, and the data's features are numbers of 3 symbols"
      ),
      ([signals[1]], nil, "model.kind: refused: \"convolutional-1d\" needs lines"),
      ([#"data={"source": "mnist-1d", "examples": 5}"#], nil, "data.examples: found 5"),
    ] {
      do {
        _ = try RunSetup(scenario: scenario(plain + overrides), split: split, threads: 1)
        Issue.record("no error: \(expected)")
      } catch { #expect("\(error)".contains(expected), "\(error)") }
    }
  }
}
