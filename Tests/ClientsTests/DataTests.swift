import Testing

@testable import ChannelCoding
@testable import Clients
@testable import Datasets
@testable import Files

func random(_ stream: UInt64) -> RandomStream { RandomStream(key: Key(Array(0..<32))!, stream: stream) }

@Suite struct DigitsTests {
  @Test func areTheWholeDataSet() throws {
    let digits = try Digits.load()
    #expect(digits.count == 1797 && digits.featureCount == 64 && digits.classCount == 10)
    // Counts by class and the pixel sum, as scikit-learn's load_digits() has them.
    let counts = (0..<10).map { label in digits.labels.count { $0 == label } }
    #expect(counts == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
    #expect(digits.features.reduce(0) { $0 + Double($1) } * 16 == 561_718)
    #expect(digits.features.allSatisfy { $0 >= 0 && $0 <= 1 })
    #expect(digits.labels.prefix(10) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    #expect(digits.features[2] * 16 == 5 && digits.features[3] * 16 == 13)
  }
}

@Suite struct SplitTests {
  @Test func isStratifiedSeededAndComplete() throws {
    let digits = try Digits.load()
    var first = random(1)
    let split = try Split(stratified: digits, testFraction: 0.2, random: &first)
    #expect(split.training.count + split.test.count == 1797)
    for label in 0..<10 as Range<Int32> {
      let all = digits.labels.count { $0 == label }
      #expect(split.test.labels.count { $0 == label } == Int(Double(all) * 0.2 + 0.5))
    }
    var again = random(1)
    #expect(try Split(stratified: digits, testFraction: 0.2, random: &again).test.bytes == split.test.bytes)
    var other = random(2)
    #expect(try Split(stratified: digits, testFraction: 0.2, random: &other).test.bytes != split.test.bytes)
  }

  @Test func partsWithoutExamplesAreRefused() throws {
    let two = try Dataset(features: [1, 2], labels: [0, 1], featureCount: 1, classCount: 2)
    var stream = random(1)
    #expect(throws: DataError.self) { try Split(stratified: two, testFraction: 0.1, random: &stream) }
  }
}

@Suite struct DatasetTests {
  @Test func badShapesAndValuesAreNamed() {
    #expect(throws: DataError.label(example: 1, found: 2, classes: 2)) {
      try Dataset(features: [1, 2], labels: [0, 2], featureCount: 1, classCount: 2)
    }
    #expect(throws: DataError.feature(example: 1, feature: 1)) {
      try Dataset(features: [1, 2, 3, .nan], labels: [0, 1], featureCount: 2, classCount: 2)
    }
    #expect(throws: DataError.self) { try Dataset(features: [1], labels: [0, 1], featureCount: 1, classCount: 2) }
  }

  @Test func bytesNameTheData() throws {
    let a = try Dataset(features: [1, 2], labels: [0, 1], featureCount: 1, classCount: 2)
    let b = try Dataset(features: [1, 3], labels: [0, 1], featureCount: 1, classCount: 2)
    let c = try Dataset(features: [1, 2], labels: [1, 1], featureCount: 1, classCount: 2)
    #expect(Set([a.bytes, b.bytes, c.bytes]).count == 3)
  }
}

@Suite struct PartitionTests {
  @Test func oneExampleEach() throws {
    var stream = random(1)
    let population = try Population(Digits.load(), partition: OneExamplePartition(), random: &stream)
    #expect(population.clientCount == 1797)
    #expect(population.examples(of: 5) == [5])
  }

  @Test(arguments: [1, 7, 100, 1797])
  func iidPartsAreEqualAndComplete(clients: Int) throws {
    var stream = random(1)
    let population = try Population(Digits.load(), partition: IIDPartition(clients: clients), random: &stream)
    let parts = (0..<clients).map { population.examples(of: $0) }
    #expect(Set(parts.joined()).count == 1797 && parts.joined().count == 1797)
    let sizes = parts.map(\.count)
    #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1)
    if clients == 7 { #expect(Array(parts[0]) != Array(0..<parts[0].count), "shuffled") }
  }

  @Test func moreClientsThanExamplesAreRefused() {
    var stream = random(1)
    #expect(throws: DataError.self) {
      try Population(Digits.load(), partition: IIDPartition(clients: 1798), random: &stream)
    }
  }
}
