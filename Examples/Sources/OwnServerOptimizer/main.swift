// A server optimizer of one's own: Lion, whose steps have the sign of a momentum. The program checks it with the laws of
// `Verification`, registers it under a name, and trains with it by a scenario's text.
import FedSim
import Foundation
import Verification

/// parameters += rate sign(0.9 m + 0.1 D), m <- 0.99 m + 0.01 D [Chen et al. 2023, arXiv 2302.06675], without decay.
struct FedLion: ServerOptimizing, Configurable {
  static let name = "fedlion"

  var learningRate = 0.01

  static let keys = SettingList(FedLion(), [Setting("learningRate", \.learningRate, .positive, "length of each step")])

  /// What is kept between rounds, and in checkpoints.
  struct State: ServerOptimizerState {
    static let names = ["momentum"]
    var momentum: [Double]

    init(arrays: [[Double]]) { momentum = arrays[0] }

    var arrays: [[Double]] { [momentum] }
  }

  func initialState(parameters: Int) -> State { State(arrays: [[Double](repeating: 0, count: parameters)]) }

  func step(_ parameters: inout [Float], mean: [Double], _ state: inout State) {
    for i in parameters.indices {
      let direction = 0.9 * state.momentum[i] + 0.1 * mean[i]
      if direction != 0 { parameters[i] += Float(direction > 0 ? learningRate : -learningRate) }
      state.momentum[i] = 0.99 * state.momentum[i] + 0.01 * mean[i]
    }
  }
}

let violations = ServerOptimizerLaws.violations(of: FedLion())
for violation in violations { print(violation) }
guard violations.isEmpty else { exit(1) }

var components = Components.standard
components.serverOptimizers = components.serverOptimizers.adding(
  Choice(FedLion.name, "steps with the sign of a momentum", FedLion.self) { $0 })
let text = """
  {
    "version": 1,
    "task": "classification",
    "rounds": 3,
    "data": {"source": "digits"},
    "partition": {"kind": "iid", "clients": 50},
    "model": {"kind": "softmax-regression"},
    "training": {"learningRate": 0.3},
    "cohort": {"sampling": "poisson", "size": 10},
    "evaluation": {"every": 1},
    "server": {"optimizer": "fedlion", "learningRate": 0.02}
  }
  """
let scenario = try Scenario(ScenarioFile(Array(text.utf8), name: "lion.json", components: components))
var simulation = try Simulation(scenario: scenario, threads: 2)
while let record = try simulation.nextRound() {
  print("round \(record.round): accuracy \(record.accuracy ?? .nan)")
}
