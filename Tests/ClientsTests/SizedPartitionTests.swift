import JSONText
import Settings
import Statistics
import Testing

@testable import ChannelCoding
@testable import Datasets
@testable import Files
@testable import Numerics

/// Examples of one feature, their number, with so many of each class, classes in turn while they last.
private func examples(_ members: [Int]) throws -> Dataset {
  let labels = (0..<(members.max() ?? 0)).flatMap { i in
    members.indices.filter { members[$0] > i }.map { Int32($0) }
  }
  return try Dataset(
    features: labels.indices.map { Float($0) }, labels: labels, featureCount: 1, classCount: max(members.count, 2))
}

private func deal(_ data: Dataset, _ partition: any PartitionScheme, stream: UInt64 = 1) throws -> Population {
  var random = random(stream)
  return try Population(data, partition: partition, random: &random)
}

private func sizes(_ population: Population) -> [Int] {
  (0..<population.clientCount).map { population.exampleCount(of: $0) }
}

private func problem(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "no error"
  } catch let error as KeyProblem {
    return "\(error.key): \(error.problem)"
  } catch { return "\(error)" }
}

/// Clients of different sizes, and clients of a few classes.
@Suite struct SizedPartitionTests {
  private static let laws = [
    ClientSizes(.powerLaw), ClientSizes(.powerLaw, exponent: 1.001, minimum: 3), ClientSizes(.powerLaw, exponent: 1000),
    ClientSizes(.logNormal), ClientSizes(.logNormal, sigma: 100, minimum: 20), ClientSizes(.logNormal, sigma: 1e-9),
  ]

  @Test(arguments: laws)
  func everyExampleIsDealtOnceAndNobodyGetsTooFew(law: ClientSizes) throws {
    let data = try examples([150, 150, 100, 300, 40, 160, 100])
    let partitions: [any PartitionScheme] = [
      IIDPartition(clients: 37, sizes: law), DirichletClientPartition(clients: 37, alpha: 0.3, sizes: law),
      ClassPartition(clients: 37, perClient: 2, sizes: ClientSizes(law.rule, minimum: 5)),
    ]
    for partition in partitions {
      let population = try deal(data, partition)
      let parts = (0..<37).map { population.examples(of: $0) }
      #expect(population.clientCount == 37 && parts.joined().sorted() == Array(0..<1000))
      let least = partition is ClassPartition ? 6 : law.minimum ?? 1
      #expect(parts.allSatisfy { $0.count >= least })
      let again = try deal(data, partition)
      #expect(parts == (0..<37).map { again.examples(of: $0) }, "seeded")
    }
  }

  @Test func sizesThatAreGivenAreTheClients() throws {
    let data = try examples([50, 50])
    let given = ClientSizes(.given([1, 60, 9, 30]))
    for partition: any PartitionScheme in [
      IIDPartition(clients: 4, sizes: given), DirichletClientPartition(clients: 4, alpha: 0.1, sizes: given),
    ] {
      #expect(try sizes(deal(data, partition)) == [1, 60, 9, 30])
    }
    for wrong in [[1, 60, 9, 31], [50, 50], [Int.max, 1, 1, 100]] {
      let found = problem { _ = try deal(data, IIDPartition(clients: 4, sizes: ClientSizes(.given(wrong)))) }
      #expect(found.contains("there are 4 clients and 100 training examples"), "\(found)")
    }
  }

  /// What is written without sizes, or as equal, is what was dealt before there were sizes.
  @Test func equalSizesAreAsTheyWere() throws {
    let data = try examples([40, 30, 33])
    let equal = ClientSizes(.equal)
    #expect(
      try deal(data, IIDPartition(clients: 7)).assignmentBytes
        == deal(data, IIDPartition(clients: 7, sizes: equal)).assignmentBytes)
    let plain = try deal(data, DirichletClientPartition(clients: 7, alpha: 0.5))
    #expect(
      try plain.assignmentBytes
        == deal(data, DirichletClientPartition(clients: 7, alpha: 0.5, sizes: equal)).assignmentBytes)
    #expect(sizes(plain) == [14, 15, 15, 14, 15, 15, 15])
    #expect(IIDPartition.keys.write(IIDPartition(clients: 7)).map(\.0) == ["clients"])
    #expect(DirichletClientPartition.keys.write(.init(clients: 7, alpha: 1)).map(\.0) == ["clients", "alpha"])
  }

  @Test func sharesAreLargestRemainders() {
    #expect(ClientSizes.apportioned(10, by: [1, 1, 1]) == [4, 3, 3])
    #expect(ClientSizes.apportioned(7, by: [0.5, 0.25, 0.25]) == [3, 2, 2])
    #expect(ClientSizes.apportioned(5, by: [0, 1, 0]) == [0, 5, 0])
    #expect(ClientSizes.apportioned(0, by: [1, 2]) == [0, 0])
    #expect(ClientSizes.apportioned(100, by: [55.5, 34.3, 10.2]) == [56, 34, 10])
    var stream = random(5)
    for _ in 0..<300 {
      let weights = (0..<(1 + stream.integer(below: 40))).map { _ in stream.uniform() + 1e-12 }
      let total = stream.integer(below: 1 << 40)
      let shares = ClientSizes.apportioned(total, by: weights)
      let sum = weights.reduce(0, +)
      #expect(shares.reduce(0, +) == total)
      #expect(zip(shares, weights).allSatisfy { abs(Double($0) - Double(total) * $1 / sum) < 1.001 })
    }
  }

  @Test(arguments: [(10, 1, 100), (10, 2, 37), (10, 3, 100), (10, 10, 4), (3, 2, 2), (7, 4, 500)])
  func classesAreDifferentAndDealtEvenly(classes: Int, perClient: Int, clients: Int) throws {
    // One class more that nobody has examples of.
    let data = try examples([Int](repeating: 600, count: classes) + [0])
    let population = try deal(data, ClassPartition(clients: clients, perClient: perClient))
    var holders = [Int](repeating: 0, count: classes)
    for client in 0..<clients {
      let own = Set(population.examples(of: client).map { data.labels[$0] })
      #expect(own.count == perClient)
      for c in own { holders[Int(c)] += 1 }
      // Each class in equal parts.
      for c in own {
        let count = population.examples(of: client).count { data.labels[$0] == c }
        let (low, high) = (600 / (clients * perClient / classes + 1), 600 / max(clients * perClient / classes, 1) + 1)
        #expect((low...high).contains(count))
      }
    }
    #expect(holders.reduce(0, +) == clients * perClient)
    #expect((holders.max() ?? 0) - (holders.min() ?? 0) <= 1, "\(holders)")
  }

  /// FedProx's MNIST: a thousand clients of two digits each, sizes by a law.
  @Test func thousandClientsOfTwoDigits() throws {
    let data = try examples([690, 787, 699, 714, 682, 631, 687, 729, 682, 695].map { $0 * 6 })
    let law = ClientSizes(.powerLaw, minimum: 10)
    let population = try deal(data, ClassPartition(clients: 1000, perClient: 2, sizes: law))
    let found = sizes(population)
    #expect((0..<1000).allSatisfy { c in Set(population.examples(of: c).map { data.labels[$0] }).count == 2 })
    #expect(found.reduce(0, +) == data.count && (found.min() ?? 0) >= 10)
    let mean = Double(data.count) / 1000
    #expect(found.count { Double($0) < mean } > 600 && Double(found.max() ?? 0) > 5 * mean, "a heavy tail")
    // In proportion to the weights within a class: beside what everybody has, who has more of one class has more of the other.
    let shares = (0..<1000).map { client in
      Set(population.examples(of: client).map { data.labels[$0] }).map { c in
        Double(population.examples(of: client).count { data.labels[$0] == c } - 5)
      }
    }
    #expect(shares.count { abs($0[0] - $0[1]) <= 3 + 0.6 * max($0[0], $0[1]) } > 950)
  }

  @Test func whatCannotBeDealtIsRefused() throws {
    let data = try examples([50, 50, 3])
    let found = { (partition: any PartitionScheme) in problem { _ = try deal(data, partition) } }
    #expect(found(ClassPartition(clients: 5, perClient: 4)).contains("each client gets 4 classes, and 3 have"))
    #expect(found(ClassPartition(clients: 1, perClient: 2)).contains("leave some of the 3 classes to nobody"))
    #expect(
      found(ClassPartition(clients: 30, perClient: 1)).contains(
        "class 2 has 3 training examples for 10 clients, which need at least 1 each"))
    #expect(
      found(ClassPartition(clients: 6, perClient: 2, sizes: ClientSizes(.logNormal, minimum: 20))).contains(
        "need at least 10 each"))
    #expect(found(ClassPartition(clients: .max / 2, perClient: 3)).contains("cannot be partitioned"))
    #expect(
      found(IIDPartition(clients: 20, sizes: ClientSizes(.powerLaw, minimum: 6))).contains("20 clients need at least 6")
    )
    #expect(found(IIDPartition(clients: 20, sizes: ClientSizes(.powerLaw, minimum: .max))).contains("need at least"))
    #expect(
      found(IIDPartition(clients: 104, sizes: ClientSizes(.powerLaw))).contains("cannot be partitioned among 104"))
  }

  @Test func keysAreReadAndWritten() throws {
    let read = { (name: String, values: JSONObject) in try Choices<any PartitionScheme>.standard.read(name, values) }
    #expect(
      try read("iid", ["clients": 3, "sizes": "power-law", "exponent": 2, "minimumSize": 4]) as? IIDPartition
        == IIDPartition(clients: 3, sizes: ClientSizes(.powerLaw, exponent: 2, minimum: 4)))
    #expect(
      try read("dirichlet-client", ["clients": 2, "alpha": 1, "sizes": [3, 4]]) as? DirichletClientPartition
        == DirichletClientPartition(clients: 2, alpha: 1, sizes: ClientSizes(.given([3, 4]))))
    let classes = try read("classes", ["clients": 3, "classesPerClient": 2, "sizes": "log-normal", "sigma": 2])
    #expect(
      classes as? ClassPartition
        == ClassPartition(clients: 3, perClient: 2, sizes: ClientSizes(.logNormal, sigma: 2)))
    #expect(
      Choices.standard.write(classes).map { JSON.object($0.values).text(pretty: false) }
        == #"{"clients": 3, "classesPerClient": 2, "sizes": "log-normal", "sigma": 2}"#)
    #expect(
      problem { _ = try read("iid", ["clients": 3, "exponent": 2]) }.contains("exponent: found 2, but sizes is not"))
    #expect(
      problem { _ = try read("iid", ["clients": 3, "sizes": "power-law", "sigma": 2]) }.contains("sigma: found 2"))
    #expect(problem { _ = try read("iid", ["clients": 3, "minimumSize": 2]) }.contains("sizes follow no law"))
    #expect(problem { _ = try read("iid", ["clients": 3, "sizes": [1, 2]]) }.contains("found 2 sizes for 3 clients"))
    let ranges = ClassPartition.keys.descriptions.first { $0.name == "sizes" }?.range
    #expect(ranges?.problem([1, 2]) != nil && ranges?.problem("power-law") == nil)
  }
}

/// False-alarm rate 1e-6 a check, fixed seeds; one broken law a test, rejected once.
@Suite struct SizedPartitionStatistics {
  private func meanCheck(_ sample: [Double], _ mean: Double) -> CheckResult {
    let average = sample.reduce(0, +) / Double(sample.count)
    let variance = sample.reduce(0) { $0 + ($1 - average) * ($1 - average) } / Double(sample.count - 1)
    return StatisticalChecks.meanCheck(sample: sample, mean: mean, variance: variance)
  }

  /// Above the smallest of them, logarithms of Pareto weights are exponential again: their mean excess over the smallest of n times
  /// (exponent - 1) is (n - 1)/n. n = 50 clients, 4000 draws.
  @Test(arguments: [1.5, 2.5, 4])
  func powerLaw(exponent: Double) {
    var stream = random(21)
    let excess = (0..<4000).map { _ in
      let logs = ClientSizes(.powerLaw, exponent: exponent).weights(clients: 50, &stream).map { Elementary.log($0) }
      let smallest = logs.min() ?? 0
      return logs.reduce(0) { $0 + $1 - smallest } / 50
    }
    #expect(meanCheck(excess, 49.0 / 50 / (exponent - 1)).passes())
    #expect(!meanCheck(excess, 49.0 / 50 / exponent).passes(), "the exponent of the tail in place of the density's")
  }

  /// The logarithms' sample variance has the mean sigma^2. n = 50 clients, 4000 draws.
  @Test(arguments: [0.3, 2])
  func logNormal(sigma: Double) {
    var stream = random(22)
    let variances = (0..<4000).map { _ in
      let logs = ClientSizes(.logNormal, sigma: sigma).weights(clients: 50, &stream).map { Elementary.log($0) }
      let mean = logs.reduce(0, +) / 50
      return logs.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 49
    }
    #expect(meanCheck(variances, sigma * sigma).passes())
    #expect(!meanCheck(variances, 1.05 * sigma * sigma).passes())
  }

  /// Each of the 10 pairs of 5 classes is as likely for the first client and for the last. 20,000 draws of 7 clients, of which none is
  /// a whole number of turns.
  @Test func pairsOfClassesAreEquallyLikely() throws {
    let data = try examples([10, 10, 10, 10, 10])
    for client in [0, 3, 6] {
      var counts = [Int](repeating: 0, count: 25)
      for i in 0..<20_000 as Range<UInt64> {
        let population = try deal(data, ClassPartition(clients: 7, perClient: 2), stream: i)
        let own = Set(population.examples(of: client).map { Int(data.labels[$0]) }).sorted()
        counts[5 * own[0] + own[1]] += 1
      }
      let pairs = counts.filter { $0 > 0 }
      #expect(pairs.count == 10)
      let equal = { (counts: [Int]) in
        StatisticalChecks.chiSquare(counts: counts, probabilities: [Double](repeating: 0.1, count: 10)).passes()
      }
      #expect(equal(pairs))
      #expect(!equal([pairs[0] + 400] + pairs.dropFirst()))
    }
  }
}
