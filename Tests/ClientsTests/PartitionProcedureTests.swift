import Statistics
import Testing

@testable import ChannelCoding
@testable import Clients
@testable import Datasets
@testable import Numerics

/// Examples of one feature, their number, with labels 0 ..< classes in turn.
private func numbered(_ count: Int, classes: Int, owners: [Int32]? = nil) throws -> Dataset {
  try Dataset(
    features: (0..<count).map { Float($0) }, labels: (0..<count).map { Int32($0 % classes) }, featureCount: 1,
    classCount: classes, owners: owners)
}

private func deal(_ data: Dataset, _ partition: any PartitionScheme, stream: UInt64 = 1) throws -> Population {
  var random = random(stream)
  return try Population(data, partition: partition, random: &random)
}

@Suite struct PartitionProcedureTests {
  private static let partitions: [any PartitionScheme] = [
    IIDPartition(clients: 37), DirichletClientPartition(clients: 37, alpha: 0.3),
    DirichletClientPartition(clients: 37, alpha: 1e-6),
    DirichletClientPartition(clients: 37, alpha: 1e9),
    DirichletClassPartition(clients: 37, alpha: 0.3, minimumSize: 0, isBalanced: false),
    DirichletClassPartition(clients: 37, alpha: 1e-6, minimumSize: 0, isBalanced: false),
    DirichletClassPartition(clients: 37, alpha: 0.1, minimumSize: 0, isBalanced: true),
    DirichletClassPartition(clients: 37, alpha: 1e9, minimumSize: 10, isBalanced: false),
    ShardPartition(clients: 37, perClient: 3),
    NaturalPartition(), OneExamplePartition(),
  ]

  @Test(arguments: partitions)
  func everyExampleIsDealtOnce(partition: any PartitionScheme) throws {
    let data = try numbered(1000, classes: 7, owners: (0..<1000).map { Int32($0 * $0 % 91) })
    let population = try deal(data, partition)
    let parts = (0..<population.clientCount).map { population.examples(of: $0) }
    #expect(parts.joined().sorted() == Array(0..<1000))
    #expect(parts.map(\.count) == (0..<population.clientCount).map { population.exampleCount(of: $0) })
    let again = try deal(data, partition)
    #expect(parts == (0..<again.clientCount).map { again.examples(of: $0) }, "seeded")
  }

  @Test func sizesOfDirichletClientsAreEqual() throws {
    let population = try deal(numbered(1000, classes: 7), DirichletClientPartition(clients: 37, alpha: 0.01))
    #expect((0..<37).allSatisfy { (27...28).contains(population.exampleCount(of: $0)) })
  }

  /// With nearly no concentration every client has one class until classes run out; with much of it, all.
  @Test func concentrationGoesFromOneClassToAll() throws {
    let data = try numbered(5000, classes: 5)
    let classes = { (partition: any PartitionScheme) in
      let population = try deal(data, partition)
      return (0..<population.clientCount).map { Set(population.examples(of: $0).map { data.labels[$0] }).count }
    }
    let pure = try classes(DirichletClientPartition(clients: 50, alpha: 1e-6))
    #expect(pure.count { $0 == 1 } >= 40 && pure.reduce(0, +) <= 55, "a class that ran out is followed by another")
    #expect(
      try classes(DirichletClientPartition(clients: 50, alpha: 1e9)).prefix(45).allSatisfy { $0 == 5 },
      "the last take what is left")
    #expect(
      try classes(DirichletClassPartition(clients: 50, alpha: 1e9, minimumSize: 90, isBalanced: false)).allSatisfy {
        $0 == 5
      })
    #expect(
      try classes(DirichletClassPartition(clients: 50, alpha: 1e-6, minimumSize: 0, isBalanced: false)).reduce(0, +)
        == 5)
  }

  @Test func balancedClientsStopAtTheirShare() throws {
    let data = try numbered(10_000, classes: 100)
    let most = { (isBalanced: Bool) in
      let population = try deal(
        data, DirichletClassPartition(clients: 20, alpha: 0.1, minimumSize: 0, isBalanced: isBalanced))
      return (0..<20).map { population.exampleCount(of: $0) }.max() ?? 0
    }
    // Nobody above 500 gets more, and a class has 100.
    #expect(try most(true) < 600)
    #expect(try most(false) > 650)
  }

  @Test func shardsHaveFewClasses() throws {
    let data = try numbered(60_000, classes: 10)
    let population = try deal(data, ShardPartition(clients: 100, perClient: 2))
    for client in 0..<100 {
      let examples = population.examples(of: client)
      #expect(examples.count == 600)
      // 6000 of a class are 20 whole shards of 300.
      #expect(Set(examples.map { data.labels[$0] }).count <= 2)
    }
    let different = (0..<100).count { client in Set(population.examples(of: client).map { data.labels[$0] }).count == 2
    }
    #expect(different > 70, "about nine in ten draw two classes")
  }

  @Test func naturalClientsAreTheOwners() throws {
    let population = try deal(numbered(6, classes: 2, owners: [5, 2, 5, 9, 2, 2]), NaturalPartition())
    #expect(population.clientCount == 3)
    #expect((0..<3).map { Array(population.examples(of: $0)) } == [[1, 4, 5], [0, 2], [3]])
  }

  @Test func whatCannotBeDealtIsRefused() throws {
    let data = try numbered(100, classes: 2)
    let problem = { (partition: any PartitionScheme) in
      do {
        _ = try deal(data, partition)
        return "no error"
      } catch { return "\(error)" }
    }
    #expect(problem(NaturalPartition()).contains("no owners"))
    #expect(
      problem(DirichletClientPartition(clients: 101, alpha: 1)).contains("cannot be partitioned among 101 clients"))
    #expect(problem(ShardPartition(clients: 51, perClient: 2)).contains("51 clients need at least 2 each"))
    #expect(
      problem(DirichletClassPartition(clients: 11, alpha: 1, minimumSize: 10, isBalanced: false)).contains(
        "need at least 10"))
    #expect(
      problem(DirichletClassPartition(clients: 10, alpha: 0.01, minimumSize: 5, isBalanced: false))
        .contains("11 draws left a client with fewer than 5"))
    #expect(problem(ShardPartition(clients: .max / 2, perClient: 3)).contains("cannot be partitioned"))
  }

  @Test func aSplitKeepsOwnersAndRows() throws {
    let data = try numbered(1000, classes: 3, owners: (0..<1000).map { Int32($0 / 10) })
    var stream = random(7)
    let split = try Split(stratified: data, testFraction: 0.3, random: &stream)
    for part in [split.training, split.test] {
      let owners = try #require(part.owners)
      for (i, feature) in part.features.enumerated() {
        #expect(Int(owners[i]) == Int(feature) / 10 && Int(part.labels[i]) == Int(feature) % 3)
      }
      #expect(part.features == part.features.sorted(), "in the order of the whole")
    }
    #expect(Set(split.training.features + split.test.features).count == 1000)
    #expect(data.count == 1000 && data.features[999] == 999, "the caller's copy is untouched")
  }

  /// Features are held once: the training part stays where the whole was.
  @Test func aSplitMovesInPlace() throws {
    let data = try numbered(100_000, classes: 3)
    let place = data.features.withUnsafeBufferPointer { $0.baseAddress }
    var stream = random(8)
    let split = try Split(stratified: consume data, testFraction: 0.2, random: &stream)
    #expect(split.training.features.withUnsafeBufferPointer { $0.baseAddress } == place)
  }

  @Test func partsOfTheBytesHaveTheirDigest() throws {
    let data = try numbered(100, classes: 3)
    var whole = Fingerprint()
    whole.add(data.bytes)
    var parts = Fingerprint()
    parts.add(byteCount: data.byteCount, forEachPart: data.forEachPart)
    #expect(whole.bytes == parts.bytes)
  }
}

/// False-alarm rate 1e-6 a check, fixed seeds; one broken law a test, rejected once.
@Suite struct PartitionStatistics {
  /// Label counts of a client are Dirichlet-multinomial: with q ~ Dir(alpha p) on K equal classes and n draws,
  /// E sum_k (c_k/n - 1/K)^2 = (1 - 1/K) (n + alpha) / (n (1 + alpha)). 400 clients, a fifth of the examples, so that no
  /// class runs out.
  @Test(arguments: [0.3, 3.0])
  func dirichletClients(alpha: Double) throws {
    let (classes, each, clients) = (10, 50, 2000)
    let data = try numbered(each * clients, classes: classes)
    let population = try deal(data, DirichletClientPartition(clients: clients, alpha: alpha))
    let spread = (0..<400).map { client in
      var counts = [Double](repeating: 0, count: classes)
      for i in population.examples(of: client) { counts[Int(data.labels[i])] += 1 }
      return counts.reduce(0) { sum, count in
        let difference = count / Double(each) - 1 / Double(classes)
        return sum + difference * difference
      }
    }
    let expected = { (alpha: Double) in
      (1 - 1 / Double(classes)) * (Double(each) + alpha) / (Double(each) * (1 + alpha))
    }
    #expect(meanCheck(spread, expected(alpha)).passes())
    #expect(!meanCheck(spread, expected(alpha * Double(classes))).passes(), "alpha in every class")
  }

  /// p ~ Dir_N(alpha): E sum_i p_i^2 = (alpha + 1) / (N alpha + 1). 400 classes of 5000, an independent draw each; cuts
  /// are floors, which move a share by 1/5000.
  @Test(arguments: [0.1, 1.0])
  func dirichletClasses(alpha: Double) throws {
    let (classes, each, clients) = (400, 5000, 20)
    let data = try numbered(each * classes, classes: classes)
    let population = try deal(
      data, DirichletClassPartition(clients: clients, alpha: alpha, minimumSize: 0, isBalanced: false))
    var counts = [[Double]](repeating: [Double](repeating: 0, count: classes), count: clients)
    for client in 0..<clients { for i in population.examples(of: client) { counts[client][Int(data.labels[i])] += 1 } }
    let squares = (0..<classes).map { c in
      (0..<clients).reduce(0) { sum, client in
        let share = counts[client][c] / Double(each)
        return sum + share * share
      }
    }
    let expected = { (alpha: Double) in (alpha + 1) / (Double(clients) * alpha + 1) }
    #expect(meanCheck(squares, expected(alpha)).passes())
    #expect(!meanCheck(squares, expected(1.5 * alpha)).passes(), "another concentration")
    // No client is favoured: shares of the first and of the last have the mean 1/N.
    for client in [0, clients - 1] {
      #expect(meanCheck(counts[client].map { $0 / Double(each) }, 1 / Double(clients)).passes())
    }
  }

  /// ln of a gamma variate, against the law of the variate where that can be written down. n = 200,000.
  @Test(arguments: [0.05, 0.7, 4.0])
  func logGammas(shape: Double) {
    var stream = random(11)
    let sample = (0..<200_000).map { _ in stream.logGamma(shape: shape) }
    let law = { (shape: Double) in
      StatisticalChecks.kolmogorovSmirnov(sample: sample) { Laws.gammaCDF(Elementary.exp($0), shape: shape) }
    }
    #expect(law(shape).passes())
    #expect(!law(shape * 1.05).passes())
  }

  private func meanCheck(_ sample: [Double], _ mean: Double) -> CheckResult {
    let average = sample.reduce(0, +) / Double(sample.count)
    let variance = sample.reduce(0) { $0 + ($1 - average) * ($1 - average) } / Double(sample.count - 1)
    return StatisticalChecks.meanCheck(sample: sample, mean: mean, variance: variance)
  }
}
