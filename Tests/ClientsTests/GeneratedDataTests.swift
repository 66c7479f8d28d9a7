import Statistics
import Testing

@testable import ChannelCoding
@testable import Clients
@testable import Datasets
@testable import Files
@testable import Numerics

private let key = RunKeys.experimentKey(seed: 1, .data)

private func synthetic(_ change: (inout SyntheticData) -> Void = { _ in }, threads: Int = 2, key: Key = key) throws
  -> Split
{
  var data = SyntheticData()
  change(&data)
  return try data.split(key: key, testFraction: 0.1, Parallel(threads: threads))
}

@Suite struct GeneratedDataTests {
  @Test func threadsChangeNothing() throws {
    let one = try synthetic(threads: 1)
    let four = try synthetic(threads: 4)
    #expect(one.training.bytes == four.training.bytes && one.test.bytes == four.test.bytes)
    #expect(one.training.owners == four.training.owners)
    var mixture = MixtureData(examples: 5000)
    mixture.features = 21
    let a = try mixture.split(key: key, testFraction: 0.2, Parallel(threads: 1))
    let b = try mixture.split(key: key, testFraction: 0.2, Parallel(threads: 3))
    #expect(a.training.bytes == b.training.bytes && a.test.bytes == b.test.bytes)
    #expect(try synthetic(key: RunKeys.experimentKey(seed: 2, .data)).training.bytes != one.training.bytes)
  }

  /// Golden: another digest is another data set, and a breaking change.
  @Test func examplesStayTheSame() throws {
    let digest = { (split: Split) in
      var fingerprint = Fingerprint()
      for part in [split.training, split.test] { fingerprint.add(part.bytes) }
      return fingerprint.bytes.prefix(6).map { "\($0)" }.joined(separator: " ")
    }
    let mixture = try MixtureData(examples: 1000).split(key: key, testFraction: 0.2, Parallel(threads: 1))
    let found = try [digest(synthetic()), digest(synthetic { $0.isIID = true }), digest(mixture)]
    #expect(found == ["2 231 67 168 106 157", "52 119 27 234 46 25", "75 177 53 206 151 234"], "\(found)")
  }

  @Test func clientsTrainOnNineTenths() throws {
    let split = try synthetic()
    let (training, test) = (try #require(split.training.owners), try #require(split.test.owners))
    #expect(split.training.featureCount == 60 && split.training.classCount == 10)
    for client in 0..<30 as Range<Int32> {
      let (a, b) = (training.count { $0 == client }, test.count { $0 == client })
      #expect(a + b >= 50 && a == Int(0.9 * Double(a + b)))
    }
  }

  /// One feature and two classes: a client's labels are a step function of x, as they have no noise.
  @Test func labelsComeFromALinearModelOfTheClient() throws {
    let split = try synthetic {
      ($0.features, $0.classes, $0.clients) = (1, 2, 100)
    }
    let (data, owners) = (split.training, try #require(split.training.owners))
    var ups = 0
    for client in 0..<100 as Range<Int32> {
      let sorted = data.labels.indices.filter { owners[$0] == client }.sorted { data.features[$0] < data.features[$1] }
      let steps = zip(sorted, sorted.dropFirst()).count { data.labels[$0] != data.labels[$1] }
      #expect(steps <= 1)
      if steps == 1, let first = sorted.first, data.labels[first] == 0 { ups += 1 }
    }
    #expect(ups > 5 && ups < 95, "models differ")
  }

  @Test func sizesBeyondMemoryAreRefused() {
    #expect(throws: DataError.self) { try synthetic { ($0.clients, $0.features) = (1_000_000, 1_000_000) } }
    #expect(throws: DataError.self) {
      try MixtureData(examples: .max / 2).split(key: key, testFraction: 0.2, Parallel(threads: 1))
    }
  }
}

/// False-alarm rate 1e-6 a check, fixed seeds; one broken law a test, rejected once.
@Suite struct GeneratedDataStatistics {
  /// n_k = floor(LogNormal(4, 2)) + 50: 20,000 clients in the quartiles of the law and beyond.
  @Test func clientSizesAreLogNormal() throws {
    let clients = 20_000
    let split = try synthetic { ($0.features, $0.classes, $0.clients) = (1, 2, clients) }
    var sizes = [Int](repeating: 0, count: clients)
    for part in [split.training, split.test] { for owner in part.owners ?? [] { sizes[Int(owner)] += 1 } }
    let edges = [2, 14, 54, 210, 1500]
    let check = { (mean: Double, deviation: Double) in
      let below = [0] + edges.map { Laws.normalCDF((Elementary.log(Double($0)) - mean) / deviation) } + [1]
      let counts = ([0] + edges).indices.map { i in
        sizes.count { size in
          (i == 0 || size - 50 >= edges[i - 1]) && (i == edges.count || size - 50 < edges[i])
        }
      }
      return StatisticalChecks.chiSquare(
        counts: counts, probabilities: zip(below.dropFirst(), below).map { $0 - $1 }, minimumExpectation: 20)
    }
    #expect(check(4, 2).passes(), "\(check(4, 2))")
    #expect(!check(4.1, 2).passes())
    #expect(!check(4, 4.0.squareRoot() * 1.05).passes())
  }

  /// v_k1 = B_k + N(0, 1), B_k ~ N(0, beta^2): client means of x_1 have variance 1 + beta^2 + 1/n_k, n_k >= 45, and those
  /// of x_1 and x_2 covariance beta^2. beta = 2, 4000 clients.
  @Test func inputsLieAroundCentresOfTheClients() throws {
    let clients = 4000
    let split = try synthetic { ($0.features, $0.classes, $0.clients, $0.beta) = (2, 2, clients, 2) }
    var sums = [[Double]](repeating: [0, 0, 0], count: clients)
    for (i, owner) in (split.training.owners ?? []).enumerated() {
      for j in 0..<2 { sums[Int(owner)][j] += Double(split.training.features[2 * i + j]) }
      sums[Int(owner)][2] += 1
    }
    let difference = sums.map { ($0[0] - $0[1]) / $0[2] }
    let sum = sums.map { ($0[0] + $0[1]) / $0[2] }
    // Half the sum: B + noise of variance 1/2 and a little; half the difference: that noise alone.
    let within = 0.5 + 0.25 * (1 + Elementary.exp(-1.2 * Elementary.log(2))) * sums.reduce(0) { $0 + 1 / $1[2] } / 4000
    #expect(StatisticalChecks.normMoment(sample: difference.map { $0 / 2 }, variance: within).passes())
    #expect(StatisticalChecks.normMoment(sample: sum.map { $0 / 2 }, variance: 4 + within).passes())
    #expect(
      !StatisticalChecks.normMoment(sample: sum.map { $0 / 2 }, variance: 2 + within).passes(),
      "beta is a deviation, not a variance")
  }

  /// Within a client x_j has variance j^-1.2: the IID variant, v = 0, has it over all.
  @Test(arguments: [1, 2, 10])
  func inputsNarrowWithTheirNumber(feature: Int) throws {
    let split = try synthetic { ($0.features, $0.isIID, $0.clients) = (10, true, 60) }
    let values = split.training.features.indices.filter { $0 % 10 == feature - 1 }
      .map { Double(split.training.features[$0]) }
    let variance = Elementary.exp(-1.2 * Elementary.log(Double(feature)))
    let law = { (variance: Double) in
      StatisticalChecks.kolmogorovSmirnov(sample: values) {
        Laws.normalCDF($0, standardDeviation: variance.squareRoot())
      }
    }
    #expect(law(variance).passes(), "\(law(variance))")
    #expect(!law(variance * 1.2).passes())
  }

  /// The IID variant has one model: a client's labels have the law of all. Pearson's chi-square over clients and labels,
  /// rejected for Synthetic(0, 0), whose clients have models of their own.
  @Test func labelsOfTheIIDVariantHaveOneLaw() throws {
    let homogeneity = { (isIID: Bool) in
      let split = try synthetic { ($0.isIID, $0.alpha, $0.beta, $0.classes) = (isIID, 0, 0, 3) }
      var counts = [[Double]](repeating: [0, 0, 0], count: 30)
      for (label, owner) in zip(split.training.labels, split.training.owners ?? []) {
        counts[Int(owner)][Int(label)] += 1
      }
      let total = Double(split.training.count)
      let shares = (0..<3).map { c in counts.reduce(0) { $0 + $1[c] } / total }
      var statistic = 0.0
      for row in counts {
        let size = row.reduce(0, +)
        for c in 0..<3 {
          let expected = size * shares[c]
          if expected > 0 { statistic += (row[c] - expected) * (row[c] - expected) / expected }
        }
      }
      return Laws.chiSquareSurvival(statistic, degrees: 29 * 2)
    }
    #expect(try homogeneity(true) > 1e-6)
    #expect(try homogeneity(false) < 1e-6)
  }

  /// Labels are uniform; an example minus its class's centre is standard normal; centres have the length that is asked
  /// for. n = 50,000 examples of 8 features.
  @Test func mixturesHaveTheirLaw() throws {
    var mixture = MixtureData(examples: 50_000)
    (mixture.features, mixture.separation, mixture.deviation) = (8, 5, 0.5)
    let data = try mixture.split(key: key, testFraction: 0.1, Parallel(threads: 2)).training
    let counts = (0..<10).map { label in data.labels.count { $0 == label } }
    #expect(
      StatisticalChecks.chiSquare(counts: counts, probabilities: [Double](repeating: 0.1, count: 10)).passes())
    var centres = [[Double]](repeating: [Double](repeating: 0, count: 8), count: 10)
    for (i, value) in data.features.enumerated() { centres[Int(data.labels[i / 8])][i % 8] += Double(value) }
    for c in 0..<10 { for j in 0..<8 { centres[c][j] /= Double(counts[c]) } }
    // 80 entries of deviation 5 x 0.5 / sqrt(8), each known to 0.5 / sqrt(5000).
    let lengths = StatisticalChecks.normMoment(
      sample: centres.flatMap { $0 }, variance: 2.5 * 2.5 / 8 + 0.25 / 5000)
    #expect(lengths.passes(), "\(lengths)")
    let noise = data.features.enumerated().map { i, value in
      (Double(value) - centres[Int(data.labels[i / 8])][i % 8]) / 0.5
    }
    let law = { (deviation: Double) in
      StatisticalChecks.kolmogorovSmirnov(sample: noise) { Laws.normalCDF($0, standardDeviation: deviation) }
    }
    #expect(law(1).passes(), "\(law(1))")
    #expect(!law(1.02).passes())
  }
}
