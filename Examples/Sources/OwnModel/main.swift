// A model of one's own: linear scores with a robust squared error in place of softmax. The program checks its gradient with the
// laws of `Verification`, registers it under a name, and trains it by a scenario's text.
import FedSim
import Foundation
import Verification

/// What a scenario says of the model: `{"kind": "robust-linear", "bend": 0.5}`.
struct RobustLinear: ModelArchitecture {
  var bend = 1.0

  static let keys = SettingList(
    RobustLinear(), [Setting("bend", \.bend, .positive, "errors of a score above this count linearly")])

  func makeModel(for data: Dataset) -> any Model {
    RobustLinearModel(features: data.featureCount, classes: data.classCount, bend: Float(bend))
  }
}

/// The score of a class is linear in the features; it should be 1 for the label and 0 for all others. The loss is Huber's.
struct RobustLinearModel: Model {
  let features: Int
  let classes: Int
  let bend: Float

  /// For each class its weights, then its bias.
  var parameterCount: Int { classes * (features + 1) }

  func initialParameters(_ random: inout RandomStream) -> [Float] { [Float](repeating: 0, count: parameterCount) }

  /// A gradient, which is added to the target when all of it is there.
  func makeWorkspace(capacity: Int) -> FloatBuffer { FloatBuffer(count: parameterCount) }

  /// Scores minus what they should be.
  private func errors(_ example: Int, _ data: Dataset, _ parameters: FloatBuffer) -> [Float] {
    let row = data.features[(example * features)..<((example + 1) * features)]
    return (0..<classes).map { c in
      let weights = parameters.start + c * (features + 1)
      var score = weights[features]
      for (j, x) in row.enumerated() { score += weights[j] * x }
      return score - (Int32(c) == data.labels[example] ? 1 : 0)
    }
  }

  func addGradient(
    of examples: ArraySlice<Int>, in data: Dataset, at parameters: FloatBuffer, scale: Float, to target: FloatBuffer,
    _ workspace: FloatBuffer, _ prepare: (Range<Int>) -> Void
  ) {
    workspace.fill()
    for example in examples {
      let row = data.features[(example * features)..<((example + 1) * features)]
      for (c, error) in errors(example, data, parameters).enumerated() {
        let slope = min(max(error, -bend), bend)
        let gradient = workspace.start + c * (features + 1)
        for (j, x) in row.enumerated() { gradient[j] += slope * x }
        gradient[features] += slope
      }
    }
    prepare(0..<parameterCount)
    for i in 0..<parameterCount { target.start[i] += scale * workspace.start[i] }
  }

  func predictions(
    of examples: ArraySlice<Int>, in data: Dataset, at parameters: FloatBuffer, _ workspace: FloatBuffer
  ) -> [Prediction] {
    examples.map { example in
      let label = Int(data.labels[example])
      var scores = errors(example, data, parameters)
      var loss: Float = 0
      for error in scores { loss += abs(error) <= bend ? error * error / 2 : bend * (abs(error) - bend / 2) }
      // The label's score is its error and 1.
      scores[label] += 1
      return Prediction(loss: Double(loss), isCorrect: scores.firstIndex(of: scores.max() ?? 0) == label)
    }
  }
}

let digits = try Digits.load()
let violations = ModelLaws.violations(of: RobustLinearModel(features: 64, classes: 10, bend: 0.5), on: digits)
for violation in violations { print(violation) }
guard violations.isEmpty else { exit(1) }

var components = Components.standard
components.models = components.models.adding(
  Choice("robust-linear", "linear scores with Huber's loss", RobustLinear.self) { $0 })
let text = """
  {
    "version": 1,
    "task": "classification",
    "rounds": 3,
    "data": {"source": "digits"},
    "partition": {"kind": "iid", "clients": 50},
    "model": {"kind": "robust-linear", "bend": 0.5},
    "training": {"learningRate": 0.05},
    "cohort": {"sampling": "poisson", "size": 10},
    "evaluation": {"every": 1}
  }
  """
let scenario = try Scenario(ScenarioFile(Array(text.utf8), name: "robust.json", components: components))
var simulation = try Simulation(scenario: scenario, threads: 2)
while let record = try simulation.nextRound() {
  print("round \(record.round): accuracy \(record.accuracy ?? .nan), loss \(record.loss ?? .nan)")
}
