import Statistics
import Support
import Testing

@testable import ChannelCoding
@testable import Datasets
@testable import Files
@testable import Numerics

/// What `Scripts/reference-mnist1d.py` found of the published code.
private struct Reference: Decodable {
  struct Case: Decodable {
    let label, padding, move: Int
    let scale, slope: Double
    let correlated, white, values: [Double]
  }
  /// Of a class: mean and deviation over signals of four figures of a signal.
  struct Figures: Decodable {
    let means, deviations: [Double]
  }
  let signals: Int
  let cases: [Case]
  let classes: [Figures]

  static func load() throws -> Reference { try Vectors.load("mnist-1d.json", as: Reference.self) }
}

private let key = RunKeys.experimentKey(seed: 1, .data)

private func split(_ examples: Int = 500, testFraction: Double = 0.2, threads: Int = 2, key: Key = key) throws -> Split
{
  try MNIST1DData(examples: examples).split(key: key, testFraction: testFraction, Parallel(threads: threads))
}

@Suite struct MNIST1DTests {
  /// The same draws give the published code's signal, for every template and the ends of every range.
  @Test func aSignalIsThatOfThePublishedCode() throws {
    let reference = try Reference.load()
    #expect(reference.cases.count == 10)
    for found in reference.cases {
      let values = MNIST1DSignal.values(
        found.label,
        .init(
          padding: found.padding, scale: found.scale, move: found.move, correlated: found.correlated,
          white: found.white, slope: found.slope))
      #expect(values.count == 40)
      let error = zip(values, found.values).map { abs($0 - $1) }.max() ?? 1
      #expect(error < 1e-12, "label \(found.label): \(error)")
    }
  }

  @Test func sizesAndClassesAreThePublishedOnes() throws {
    let all = try split(5000)
    #expect(all.training.count == 4000 && all.test.count == 1000)
    #expect(all.training.featureCount == 40 && all.training.classCount == 10 && all.training.imageShape == nil)
    for label in 0..<10 as Range<Int32> {
      #expect(all.training.labels.count { $0 == label } + all.test.labels.count { $0 == label } == 500)
    }
    let few = try split(13, testFraction: 0.3)
    #expect(few.test.count == 4 && few.training.count == 9)
  }

  @Test func allValuesTogetherAreStandardised() throws {
    let all = try split()
    let values = (all.training.features + all.test.features).map(Double.init)
    let mean = values.reduce(0, +) / Double(values.count)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
    #expect(abs(mean) < 1e-6 && abs(variance - 1) < 1e-6, "\(mean) \(variance)")
  }

  @Test func threadsChangeNothingAndSeedsDo() throws {
    let one = try split(threads: 1)
    let three = try split(threads: 3)
    #expect(one.training.bytes == three.training.bytes && one.test.bytes == three.test.bytes)
    #expect(try split(key: RunKeys.experimentKey(seed: 2, .data)).training.bytes != one.training.bytes)
    let own = try MNIST1DData(examples: 500, seed: 1).load(
      LoadRequest(seed: 9, testFraction: 0.2, parallel: Parallel(threads: 1)))
    #expect(own.training.bytes == one.training.bytes, "a seed of its own goes before the run's")
  }

  /// Golden: another digest is another data set, and a breaking change.
  @Test func examplesStayTheSame() throws {
    var fingerprint = Fingerprint()
    let all = try split()
    for part in [all.training, all.test] { fingerprint.add(part.bytes) }
    let found = fingerprint.bytes.prefix(6).map { "\($0)" }.joined(separator: " ")
    #expect(found == "175 112 31 16 9 165", "\(found)")
  }

  @Test func sizesThatCannotBeAreRefused() {
    #expect(throws: DataError.self) { try split(.max / 2) }
    #expect(throws: DataError.self, "no test example") { try split(10, testFraction: 0.01) }
  }
}

/// 4000 signals of each class beside 20,000 of the published code, 40 means; six deviations of a difference, 1e-7 in all.
@Suite struct MNIST1DStatistics {
  @Test func signalsHaveTheLawOfThePublishedCode() throws {
    let reference = try Reference.load()
    var rejected = 0
    for (label, expected) in reference.classes.enumerated() {
      let found = figures(label, count: 4000) { $0 }
      for (mean, (theirs, deviation)) in zip(found, zip(expected.means, expected.deviations)) {
        let error = deviation * (1 / 4000 + 1 / Double(reference.signals)).squareRoot()
        #expect(abs(mean - theirs) < 6 * error, "class \(label): \(mean), \(theirs) +- \(error)")
      }
      // Broken: correlated noise of deviation 0.3 in place of 0.25.
      let broken = figures(label, count: 4000) { draws in
        var draws = draws
        draws.correlated = draws.correlated.map { 1.2 * $0 }
        return draws
      }
      rejected +=
        zip(broken, zip(expected.means, expected.deviations)).contains { mean, their in
          abs(mean - their.0) > 6 * their.1 * (1 / 4000 + 1 / Double(reference.signals)).squareRoot()
        } ? 1 : 0
    }
    #expect(rejected == 10, "\(rejected)")
  }

  private func figures(_ label: Int, count: Int, _ change: (MNIST1DSignal.Draws) -> MNIST1DSignal.Draws) -> [Double] {
    var sums = [Double](repeating: 0, count: 4)
    for i in 0..<count {
      var random = RandomStream(key: key, stream: UInt64(1 + label * count + i))
      let x = MNIST1DSignal.values(label, change(MNIST1DSignal.draws(&random)))
      sums[0] += x.reduce(0, +) / 40
      sums[1] += x.reduce(0) { $0 + $1 * $1 } / 40
      sums[2] += zip(x, x.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 } / 39
      sums[3] += zip(x, x.dropFirst(5)).reduce(0) { $0 + $1.0 * $1.1 } / 35
    }
    return sums.map { $0 / Double(count) }
  }
}
