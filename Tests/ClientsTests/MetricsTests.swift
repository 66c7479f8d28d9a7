import Testing

@testable import ChannelCoding
@testable import Clients
@testable import Datasets
@testable import Numerics

/// Metrics of classes beside scikit-learn 1.9.1.
@Suite struct MetricsTests {
  private static func prediction(_ predicted: Int?, logOdds: Double? = nil) -> Prediction {
    Prediction(loss: predicted == nil ? .nan : 1, isCorrect: false, predictedClass: predicted, logOdds: logOdds)
  }

  /// 400 examples of classes 0, 1 and 2, some taken for 3; nobody speaks of 4.
  private static func cases() -> (labels: [Int32], predictions: [Prediction]) {
    let r = congruential(1200)
    let labels = (0..<400).map { Int32(r[3 * $0] % 4) }
    let predictions = (0..<400).map { i in
      prediction(r[3 * i + 1] % 10 < 6 ? Int(labels[i]) : r[3 * i + 2] % 4)
    }
    return (labels.map { $0 == 3 ? 2 : $0 }, predictions)
  }

  @Test func classesAreThoseOfScikitLearn() throws {
    let (labels, predictions) = Self.cases()
    let found = try #require(ClassificationMetrics(labels: labels, predictions: predictions, classCount: 5))
    #expect(
      found.confusion == [63, 11, 11, 8, 0, 9, 72, 10, 10, 0, 13, 24, 82, 87, 0] + [Int](repeating: 0, count: 10))
    let close = { (a: Double?, b: Double) in a.map { abs($0 - b) < 1e-15 } ?? false }
    for (figures, expected) in zip(found.classes, [0.7411764705882353, 0.6728971962616822, 0.7961165048543689, 0]) {
      #expect(close(figures.precision, expected))
    }
    for (figures, expected) in zip(found.classes, [0.6774193548387096, 0.7128712871287128, 0.39805825242718446]) {
      #expect(close(figures.recall, expected))
    }
    for (figures, expected) in zip(found.classes, [0.7078651685393258, 0.6923076923076923, 0.5307443365695793, 0]) {
      #expect(close(figures.f1, expected))
    }
    // scikit-learn says 0 where nothing is divided by nothing, and leaves class 4 out of the mean.
    #expect(found.classes[3].recall == nil && found.classes[4].precision == nil && found.classes[4].f1 == nil)
    #expect(close(found.macroF1, 0.4827292993541493) && found.auc == nil && found.withoutPrediction == 0)
  }

  @Test func theAreaIsThatOfScikitLearn() throws {
    let r = congruential(1000)
    let labels = (0..<500).map { Int32(r[2 * $0] % 2) }
    let scores = (0..<500).map { Double(r[2 * $0 + 1] % 7) + 2 * Double(labels[$0]) }
    let predictions = scores.map { Self.prediction($0 > 4 ? 1 : 0, logOdds: $0 - 4) }
    let found = try #require(ClassificationMetrics(labels: labels, predictions: predictions, classCount: 2))
    #expect(abs(try #require(found.auc) - 0.7311682055399438) < 1e-15)
    // By hand: of 2 x 2 pairs one is won, one tied and two lost.
    let pairs = ClassificationMetrics.auc([(1, true), (1, false), (2, false), (1.5, true)].map { ($0.0, $0.1) })
    #expect(pairs == 0.375)
    // Order of examples, and zeros with signs, say nothing.
    #expect(ClassificationMetrics.auc([(-0.0, true), (0.0, false)]) == 0.5)
    #expect(ClassificationMetrics.auc([(.infinity, true), (-.infinity, false)]) == 1)
  }

  @Test func oneClassOrNoOddsHaveNoArea() throws {
    let alone = try #require(
      ClassificationMetrics(
        labels: [1, 1], predictions: [Self.prediction(1, logOdds: 1), Self.prediction(0, logOdds: -1)], classCount: 2))
    #expect(alone.auc == nil && alone.classes[0].recall == nil && alone.classes[0].precision == 0)
    #expect(alone.classes[1].recall == 0.5 && alone.macroF1 == (2.0 / 3) / 2)
    let silent = try #require(
      ClassificationMetrics(labels: [0, 1], predictions: [Self.prediction(0), Self.prediction(1)], classCount: 2))
    #expect(silent.auc == nil && silent.macroF1 == 1)
    #expect(ClassificationMetrics.auc([(.nan, true), (0, false)]) == nil)
    // A model that does not say its classes has no such figures.
    let mute = [Prediction(loss: 1, isCorrect: true), Prediction(loss: 2, isCorrect: false)]
    #expect(ClassificationMetrics(labels: [0, 1], predictions: mute, classCount: 2) == nil)
  }

  /// Examples with scores that are not finite are wrong, and taken for nothing.
  @Test func divergedExamplesAreTakenForNoClass() throws {
    let found = try #require(
      ClassificationMetrics(
        labels: [0, 1, 1], predictions: [Self.prediction(0), Self.prediction(nil), Self.prediction(1)], classCount: 3))
    #expect(found.withoutPrediction == 1 && found.classes[1].recall == 0.5 && found.classes[1].precision == 1)
    #expect(found.confusion?.reduce(0, +) == 2)
    let none = try #require(ClassificationMetrics(labels: [], predictions: [], classCount: 2))
    #expect(none.macroF1 == nil && none.auc == nil)
    let many = try #require(
      ClassificationMetrics(labels: [65_535], predictions: [Self.prediction(7)], classCount: 65_536))
    #expect(many.confusion == nil && many.macroF1 == 0)
  }

  /// What a network says of an example is what decides whether it is right.
  @Test func networksSayWhatTheyTakeExamplesFor() throws {
    var random = RandomStream(key: Key(seed: 2, label: "metrics"))
    let features = (0..<(300 * 4)).map { _ in Float(random.normal()) }
    let data = try Dataset(
      features: features, labels: (0..<300).map { _ in Int32(random.integer(below: 2)) }, featureCount: 4, classCount: 2
    )
    let model = Network(features: 4, hidden: [3], classes: 2)
    let parameters = (0..<model.parameterCount).map { _ in Float(random.normal()) }
    let one = model.predictions(of: parameters, onAll: data, Parallel(threads: 1))
    #expect(one == model.predictions(of: parameters, onAll: data, Parallel(threads: 3)) && one.count == 300)
    for (prediction, label) in zip(one, data.labels) {
      let logOdds = try #require(prediction.logOdds)
      #expect(prediction.isCorrect == (prediction.predictedClass == Int(label)))
      #expect(prediction.predictedClass == (logOdds > 0 ? 1 : 0))
      // The loss of two classes is ln(1 + exp(-+ log-odds)).
      let expected = Elementary.log(1 + Elementary.exp(label == 1 ? -logOdds : logOdds))
      #expect(abs(prediction.loss - expected) < 1e-12)
    }
    let evaluation = Evaluation(model, parameters, on: Array(0..<300)[...], of: data, Parallel(threads: 2))
    let metrics = try #require(ClassificationMetrics(labels: data.labels, predictions: one, classCount: 2))
    #expect(evaluation.accuracy == Double(metrics.classes.reduce(0) { $0 + $1.correct }) / 300 && evaluation.r2 == nil)
  }
}
