import Testing

@testable import ChannelCoding
@testable import Clients
@testable import Datasets
@testable import Numerics
@testable import Verification

/// Softmax regression without biases, by public API alone: what a package outside would write.
private struct PlainSoftmax: Model {
  enum Fault: CaseIterable {
    case none, halfGradient, overwrites, preparesLate, remembers, reversed
  }

  let features: Int
  let classes: Int
  var fault = Fault.none

  final class Memory {
    var calls = 0
  }

  var parameterCount: Int { features * classes }

  func initialParameters(_ random: inout RandomStream) -> [Float] { [Float](repeating: 0, count: parameterCount) }

  func makeWorkspace(capacity: Int) -> Memory { Memory() }

  private func probabilities(_ example: Int, _ data: Dataset, _ parameters: FloatBuffer) -> [Double] {
    let scores = (0..<classes).map { k in
      (0..<features).reduce(0.0) {
        $0 + Double(data.features[example * features + $1]) * Double(parameters.start[$1 * classes + k])
      }
    }
    let top = scores.max() ?? 0
    let weights = scores.map { Elementary.exp($0 - top) }
    let total = weights.reduce(0, +)
    return weights.map { $0 / total }
  }

  func addGradient(
    of examples: ArraySlice<Int>, in data: Dataset, at parameters: FloatBuffer, scale: Float, to target: FloatBuffer,
    _ workspace: Memory, _ prepare: (Range<Int>) -> Void
  ) {
    var sum = [Double](repeating: 0, count: parameterCount)
    for example in examples {
      let shares = probabilities(example, data, parameters)
      for k in 0..<classes {
        let slope = shares[k] - (Int(data.labels[example]) == k ? 1 : 0)
        for j in 0..<features { sum[j * classes + k] += slope * Double(data.features[example * features + j]) }
      }
    }
    workspace.calls += 1
    if fault == .remembers { sum[0] += Double(workspace.calls) }
    if fault != .preparesLate { prepare(0..<parameterCount) }
    for i in 0..<parameterCount {
      let move = scale * Float(sum[i]) * (fault == .halfGradient ? 0.5 : 1)
      target.start[i] = (fault == .overwrites ? 0 : target.start[i]) + move
    }
    if fault == .preparesLate { prepare(0..<parameterCount) }
  }

  func predictions(
    of examples: ArraySlice<Int>, in data: Dataset, at parameters: FloatBuffer, _ workspace: Memory
  ) -> [Prediction] {
    let found = examples.map { example in
      let shares = probabilities(example, data, parameters)
      let label = Int(data.labels[example])
      let best = shares.indices.max { shares[$0] < shares[$1] }
      return Prediction(loss: -Elementary.log(shares[label]), isCorrect: best == label)
    }
    return fault == .reversed ? found.reversed() : found
  }
}

@Suite struct OwnModelTests {
  /// The class is the largest of the first three features.
  private func examples(_ count: Int) throws -> Dataset {
    var random = RandomStream(key: Key(seed: 2, label: "test"))
    let features = (0..<(count * 5)).map { _ in Float(random.normal()) }
    let labels = (0..<count).map { i in Int32((0..<3).max { features[i * 5 + $0] < features[i * 5 + $1] } ?? 0) }
    return try Dataset(features: features, labels: labels, featureCount: 5, classCount: 3)
  }

  @Test func itKeepsTheLawsAndTrainsByOurSteps() throws {
    let data = try examples(200)
    let model = PlainSoftmax(features: 5, classes: 3)
    #expect(ModelLaws.violations(of: model, on: data) == [])
    let trainer = LocalTrainer(
      model: model, work: .steps(100), batchSize: 10, optimizer: SGD(learningRate: 0.3, momentum: 0.5))
    let start = [Float](repeating: 0, count: model.parameterCount)
    var random = RandomStream(key: Key(seed: 1, label: "test"))
    let task = LocalTask(start: trainer.prepare(start), examples: Array(0..<100)[...], data: data)
    let update = trainer.train(task, random: &random)
    #expect(update.steps == 100 && update.exampleCount == 100)
    let tested = Evaluation(model, update.values, on: Array(100..<200)[...], of: data, Parallel(threads: 2))
    #expect(try #require(tested.accuracy) > 0.8, "\(tested)")
    #expect(model.tensors == [ModelTensor(name: "parameters", shape: [15])])
  }

  @Test func aBrokenModelBreaksTheLawThatItBreaks() throws {
    let data = try examples(8)
    let laws: [PlainSoftmax.Fault: String] = [
      .halfGradient: "the gradient is that of the loss",
      .overwrites: "a gradient is added, times its scale, to what is there",
      .preparesLate: "a coordinate is prepared before it changes",
      .remembers: "results do not depend on a workspace",
      .reversed: "predictions are those of the examples in their order",
    ]
    for fault in PlainSoftmax.Fault.allCases where fault != .none {
      let model = PlainSoftmax(features: 5, classes: 3, fault: fault)
      let found = ModelLaws.violations(of: model, on: data).map(\.law)
      #expect(found.contains(laws[fault] ?? ""), "\(fault): \(found)")
    }
  }
}
