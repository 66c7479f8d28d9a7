import ChannelCoding
import Files
import Numerics

/// A training part and a test part.
public struct Split: Sendable {
  public private(set) var training: Dataset
  public private(set) var test: Dataset

  public init(training: Dataset, test: Dataset) throws(DataError) {
    guard training.count > 0, test.count > 0 else {
      throw .tooFewExamples("both parts need an example, found \(training.count) and \(test.count)")
    }
    guard training.featureCount == test.featureCount, training.classCount == test.classCount else {
      throw .shape("training and test examples differ in features or classes")
    }
    guard (training.targets == nil) == (test.targets == nil) else {
      throw .shape("one part has quantities to predict, the other has classes")
    }
    self.training = training
    self.test = test
  }

  /// Fits columns to the training part, and both parts to the columns, in place.
  ///
  /// - Parameter parallel: no result depends on it.
  /// - Returns: what may not be meant, a sentence each.
  public mutating func fit(
    _ columns: inout FeatureColumns, _ parallel: Parallel = Parallel(threads: 1)
  ) throws(DataError) -> [String] {
    try columns.fit(&training, &test, parallel)
  }

  /// A seeded split, stratified by label (quantities are not looked at): of a label with n examples, floor(fraction n + 1/2) go to the test part,
  /// chosen uniformly. Both parts keep the order of the whole.
  ///
  /// Memory: the test part is copied; the training part takes the place of the whole where nobody else holds that.
  public init(
    stratified whole: consuming Dataset, testFraction: Double, random: inout RandomStream
  ) throws(DataError) {
    precondition(testFraction > 0 && testFraction < 1)
    var isTest = [Bool](repeating: false, count: whole.count)
    let (order, offsets) = grouped(whole.labels, groups: whole.classCount)
    for label in 0..<whole.classCount {
      var members = Array(order[Int(offsets[label])..<Int(offsets[label + 1])])
      random.shuffle(&members)
      let chosen = Int(Double(members.count) * testFraction + 0.5)
      for i in members.prefix(chosen) { isTest[Int(i)] = true }
    }
    let test = whole.remove(isTest)
    try self.init(training: whole, test: test)
  }

  /// A seeded split within each client: of a client with n examples, floor(fraction n + 1/2) go to the test part, chosen uniformly, but
  /// never all: a client that trains keeps an example to train on. Labels are not looked at. Both parts keep the order of the whole,
  /// and say in `owners` whose each example is, by the numbers that are given.
  ///
  /// A client of few examples may have none in the test part: below 1/(2 fraction) of them.
  ///
  /// Memory: as `init(stratified:)`, and 4 bytes an example for the clients.
  ///
  /// - Parameters:
  ///   - owners: the client of each example, from 0 on: what the source names (`Dataset.owners`) or a partition of the whole says. Numbers
  ///     may be left out.
  ///   - random: the choice follows from it alone, client by client in the order of their numbers.
  /// - Throws: `DataError` where the numbers are not one for each example and from 0 on, or where no client is large enough for a test
  ///   example.
  public init(
    withinClients whole: consuming Dataset, owners: [Int32], testFraction: Double, random: inout RandomStream
  ) throws(DataError) {
    precondition(testFraction > 0 && testFraction < 1)
    try whole.setOwners(owners)
    var isTest = [Bool](repeating: false, count: whole.count)
    let (order, offsets) = groupedByOwner(owners)
    for client in 0..<(offsets.count - 1) {
      var members = Array(order[Int(offsets[client])..<Int(offsets[client + 1])])
      random.shuffle(&members)
      let chosen = min(Int(Double(members.count) * testFraction + 0.5), members.count - 1)
      for i in members.prefix(max(chosen, 0)) { isTest[Int(i)] = true }
    }
    let test = whole.remove(isTest)
    try self.init(training: whole, test: test)
  }
}
