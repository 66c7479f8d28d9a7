import ChannelCoding

/// A training part and a test part.
public struct Split: Sendable {
  public let training: Dataset
  public let test: Dataset

  public init(training: Dataset, test: Dataset) throws(DataError) {
    guard training.count > 0, test.count > 0 else {
      throw .tooFewExamples("both parts need an example, found \(training.count) and \(test.count)")
    }
    guard training.featureCount == test.featureCount, training.classCount == test.classCount else {
      throw .shape("training and test examples differ in features or classes")
    }
    self.training = training
    self.test = test
  }

  /// A seeded split, stratified by label: of a label with n examples, floor(fraction n + 1/2) go to the test part,
  /// chosen uniformly. Both parts keep the order of the whole.
  public init(
    stratified whole: Dataset, testFraction: Double, random: inout RandomStream
  ) throws(DataError) {
    precondition(testFraction > 0 && testFraction < 1)
    var isTest = [Bool](repeating: false, count: whole.count)
    for label in 0..<whole.classCount {
      var members = whole.labels.indices.filter { whole.labels[$0] == label }
      random.shuffle(&members)
      let chosen = Int(Double(members.count) * testFraction + 0.5)
      for i in members.prefix(chosen) { isTest[i] = true }
    }
    let all = Array(0..<whole.count)
    try self.init(
      training: whole.selecting(all.filter { !isTest[$0] }), test: whole.selecting(all.filter { isTest[$0] }))
  }
}
