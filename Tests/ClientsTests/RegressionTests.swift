import Foundation
import Testing

@testable import ChannelCoding
@testable import Clients
@testable import Datasets
@testable import Files
@testable import Numerics
@testable import Verification

/// Numbers that another program makes too: those of the test's figures from scikit-learn.
func congruential(_ count: Int) -> [Int] {
  var state = 1
  return (0..<count).map { _ in
    state = (1_103_515_245 * state + 12345) % (1 << 31)
    return state >> 16
  }
}

@Suite struct RegressionTests {
  private static func examples(_ count: Int, features: Int = 5, shape: Dataset.ImageShape? = nil) throws -> Dataset {
    var random = RandomStream(key: Key(seed: 5, label: "regression"))
    let values = (0..<(count * features)).map { _ in Float(random.normal()) }
    let targets = (0..<count).map { i in values[i * features] * 2 - values[i * features + 1] + 3 }
    return try Dataset(features: values, targets: targets, featureCount: features, imageShape: shape)
  }

  @Test func gradientsAreThoseOfTheSquaredError() throws {
    let table = try Self.examples(8)
    for hidden in [[], [7], [6, 4]] {
      let model = Network(features: 5, hidden: hidden, classes: 1, output: .quantity)
      #expect(ModelLaws.violations(of: model, on: table).isEmpty, "\(hidden)")
    }
    let shape = Dataset.ImageShape(height: 6, width: 6, channels: 1)
    let pictures = try Self.examples(8, features: 36, shape: shape)
    let model = try #require(
      Network(image: shape, channels: [3], kernel: 3, hidden: [5], classes: 1, output: .init(for: pictures)))
    #expect(model.output == .quantity && ModelLaws.violations(of: model, on: pictures).isEmpty)
  }

  /// (y_hat - y)^2 without a half, and 2 (y_hat - y) of it.
  @Test func theErrorIsSquaredAndNotHalved() throws {
    let data = try Dataset(features: [2, -1], targets: [3], featureCount: 2)
    let model = Network(features: 2, hidden: [], classes: 1, output: .quantity)
    let parameters = model.padding([0.5, 1, 0.25])
    // 0.5 2 - 1 + 0.25 = 0.25; off by -2.75.
    let workspace = model.makeWorkspace(capacity: 1)
    #expect(
      model.predictions(of: [0], in: data, at: parameters, workspace) == [
        Prediction(loss: 2.75 * 2.75, isCorrect: false)
      ])
    let sum = FloatBuffer(count: model.paddedParameterCount)
    model.addGradient(of: [0], in: data, at: parameters, scale: 1, to: sum, workspace) { _ in }
    #expect(model.difference(sum, FloatBuffer(count: sum.count)) == [-11, 5.5, -5.5])
  }

  @Test func theArchitecturesGoByTheData() throws {
    let table = try Self.examples(3)
    let found = [LinearRegression().makeModel(for: table), Perceptron(hidden: [4]).makeModel(for: table)]
    #expect(found.map(\.parameterCount) == [6, 29])
    #expect(found.allSatisfy { ($0 as? Network)?.output == .quantity })
    #expect(Perceptron.tasks == [.classification, .regression] && SoftmaxRegression.tasks == [.classification])
    let classes = try Dataset(features: [1, 2], labels: [0, 1], featureCount: 1, classCount: 2)
    #expect((Perceptron(hidden: [4]).makeModel(for: classes) as? Network)?.output == .classes)
  }

  /// Full-batch steps on a linear problem without noise end at its weights.
  @Test func linearRegressionFindsTheLine() throws {
    let data = try Self.examples(60)
    let model = Network(features: 5, hidden: [], classes: 1, output: .quantity)
    let trainer = LocalTrainer(network: model, work: .epochs(400), batchSize: 60, learningRate: 0.1)
    var order = RandomStream(key: Key(seed: 1, label: "order"))
    let update = trainer.train(
      LocalTask(start: trainer.prepare([Float](repeating: 0, count: 6)), examples: Array(0..<60)[...], data: data),
      random: &order)
    for (found, expected) in zip(update.values, [2, -1, 0, 0, 0, 3] as [Float]) {
      #expect(abs(found - expected) < 1e-3)
    }
    let evaluation = Evaluation(model, update.values, on: Array(0..<60)[...], of: data, Parallel(threads: 2))
    #expect(evaluation.accuracy == nil && evaluation.loss < 1e-6 && (evaluation.r2 ?? 0) > 0.999999)
  }

  // MARK: R^2

  /// Mean squared error, R^2, mean and deviation as scikit-learn 1.9.1 and NumPy have them.
  @Test func figuresAreThoseOfScikitLearn() throws {
    let r = congruential(600).map(Double.init)
    let targets = (0..<300).map { Float(r[$0] / 1000) }
    let guesses = (0..<300).map { Float(r[$0] / 1000 * 0.75 + r[$0 + 300] / 4000) }
    let data = try Dataset(features: guesses, targets: targets, featureCount: 1)
    let model = Network(features: 1, hidden: [], classes: 1, output: .quantity)
    let found = Evaluation(model, [1, 0], on: Array(0..<300)[...], of: data, Parallel(threads: 3))
    #expect(abs(found.loss / 10.398832696252441 - 1) < 1e-13)
    #expect(abs(try #require(found.r2) / 0.8751323160253192 - 1) < 1e-13)
    let spread = try #require(data.targetSpread)
    #expect(abs(spread.mean / 15.910379978120327 - 1) < 1e-14 && abs(spread.deviation / 9.125722686115848 - 1) < 1e-14)
    // Of a part, the variance is of that part.
    let part = Evaluation(model, [1, 0], on: [3, 7], of: data, Parallel(threads: 1))
    let mean = (Double(targets[3]) + Double(targets[7])) / 2
    let variance = (Double(targets[3]) - mean) * (Double(targets[3]) - mean)
    #expect(abs(try #require(part.r2) - (1 - part.loss / variance)) < 1e-12)
  }

  /// Sums of a tenth are no multiples of it: a variance that is rounding alone is none.
  @Test func constantTargetsHaveNoRSquared() throws {
    let data = try Dataset(
      features: [Float](repeating: 1, count: 999), targets: [Float](repeating: 0.1, count: 999), featureCount: 1)
    let model = Network(features: 1, hidden: [], classes: 1, output: .quantity)
    let found = Evaluation(model, [0, 0], on: Array(0..<999)[...], of: data, Parallel(threads: 1))
    #expect(found.r2 == nil && abs(found.loss - 0.01) < 1e-8)
    #expect(Evaluation(model, [0, 0], on: [], of: data, Parallel(threads: 1)).r2 == nil)
  }

  @Test func aDivergedModelHasNoError() throws {
    let data = try Dataset(features: [1, 2, 3], targets: [1, 2, 4], featureCount: 1)
    let model = Network(features: 1, hidden: [], classes: 1, output: .quantity)
    let found = Evaluation(model, [.infinity, 0], on: [0, 1, 2], of: data, Parallel(threads: 1))
    #expect(!found.loss.isFinite && found.r2 == nil && found.accuracy == nil)
  }

  // MARK: Units

  @Test func targetsAreLearnedInUnits() throws {
    let data = try Dataset(features: [1, 2, 3], targets: [100, 130, 85], featureCount: 1, owners: [0, 1, 1])
    let scaled = try data.inUnits(TargetUnits(offset: 100, scale: 10))
    #expect(scaled.targets == [0, 3, -1.5] && scaled.features == data.features && scaled.owners == [0, 1, 1])
    #expect(data.targets == [100, 130, 85])
    #expect(try data.inUnits(TargetUnits()).targets == data.targets)
    #expect(throws: DataError.self) { try data.inUnits(TargetUnits(offset: 0, scale: 1e-40)) }
    #expect(throws: DataError.self) { try Dataset(features: [1], targets: [.nan], featureCount: 1) }
  }

  // MARK: Friedman's problem

  private static func friedman(_ threads: Int, noise: Double = 1, examples: Int = 2500) throws -> LoadedData {
    try FriedmanData(examples: examples, features: 6, noise: noise).load(
      LoadRequest(seed: 3, testFraction: 0.2, parallel: Parallel(threads: threads), aim: .quantities))
  }

  @Test func friedmansProblemIsAsPublished() throws {
    let data = try Self.friedman(1, noise: 0)
    let test = try #require(data.test)
    #expect(data.training.count == 2500 && test.count == 500)
    for part in [data.training, test] {
      let targets = try #require(part.targets)
      for i in stride(from: 0, to: part.count, by: 7) {
        let x = (0..<6).map { Double(part.features[i * 6 + $0]) }
        #expect(x.allSatisfy { 0 <= $0 && $0 <= 1 })
        let sine = sin(Double.pi * x[0] * x[1])
        let expected = 10 * sine + 20 * (x[2] - 0.5) * (x[2] - 0.5) + 10 * x[3] + 5 * x[4]
        #expect(abs(Double(targets[i]) - expected) < 1e-5)
      }
    }
    for t in stride(from: 0, through: 1, by: 1.0 / 512) {
      #expect(abs(FriedmanData.sineOfPi(t) - sin(Double.pi * t)) < 1e-15)
    }
  }

  @Test func generatedQuantitiesAreTheSameForAnyNumberOfThreads() throws {
    let (one, three) = (try Self.friedman(1), try Self.friedman(3))
    #expect(one.training.bytes == three.training.bytes && one.test?.bytes == three.test?.bytes)
    // No part begins with the other, nor with the same examples for another length.
    #expect(one.training.features.prefix(6) != one.test?.features.prefix(6))
    #expect(try Self.friedman(2, examples: 30).training.targets == one.training.targets.map { Array($0.prefix(30)) })
    #expect(throws: DataError.self) {
      try FriedmanData(examples: 10).load(LoadRequest(seed: 1, testFraction: 0.2, parallel: Parallel(threads: 1)))
    }
    #expect(throws: DataError.self) {
      try FriedmanData(examples: 2_000_000_000, features: 1_000_000).load(
        LoadRequest(seed: 1, testFraction: 0.2, parallel: Parallel(threads: 1), aim: .quantities))
    }
  }
}
