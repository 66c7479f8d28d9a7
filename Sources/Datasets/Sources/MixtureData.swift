import ChannelCoding
import Files
import Numerics
import Settings

/// A mixture of Gaussians, one a class, all equally likely: data of any size in no time, for benchmarks and for large
/// populations.
///
/// Class c has the centre s d g_c / sqrt(features), g_c standard normal, so that two centres are about sqrt(2) s
/// deviations apart; an example is its class's centre and d times a standard normal. The test part holds
/// floor(f examples + 1/2) more of the same law. Labels, centres and blocks of examples draw from streams of their own
/// under the key.
public struct MixtureData: ExampleSource, Equatable {
  /// Training examples.
  public var examples: Int
  public var features: Int
  public var classes: Int
  /// s
  public var separation: Double
  /// d
  public var deviation: Double
  /// The seed of the examples; nil for the run's.
  public var seed: UInt64?

  public init(
    examples: Int, features: Int = 32, classes: Int = 10, separation: Double = 3, deviation: Double = 1,
    seed: UInt64? = nil
  ) {
    self.examples = examples
    self.features = features
    self.classes = classes
    self.separation = separation
    self.deviation = deviation
    self.seed = seed
  }

  public var description: String {
    "mixture of \(classes) Gaussians" + (seed.map { ", data seed \($0)" } ?? "")
  }
  public var isGenerated: Bool { true }

  public func seeded(_ seed: UInt64) -> MixtureData {
    var data = self
    data.seed = self.seed ?? seed
    return data
  }

  public func load(_ request: LoadRequest) throws(DataError) -> LoadedData {
    let key = RunKeys.experimentKey(seed: seed ?? request.seed, .data)
    let parts = try about(.exampleCount) { () throws(DataError) in
      try split(key: key, testFraction: request.testFraction, request.parallel)
    }
    return LoadedData(training: parts.training, test: parts.test, labelPlace: "")
  }

  /// Labels are drawn from a stream of their own, and so are those of all examples.
  public func outline(_ request: LoadRequest) throws(DataError) -> DataOutline? {
    let tests = Int(request.testFraction * Double(examples) + 0.5)
    try about(.exampleCount) { () throws(DataError) in try checkGeneratedSize(examples + tests, features) }
    var stream = labelStream(RunKeys.experimentKey(seed: seed ?? request.seed, .data))
    let part = { (count: Int, random: inout RandomStream) throws(DataError) in
      try Dataset(outlineOf: labels(count, &random), featureCount: features, classCount: classes)
    }
    let training = try part(examples, &stream)
    let split = try about(.exampleCount) { () throws(DataError) in
      try Split(training: training, test: part(tests, &stream))
    }
    var sample = self
    // About a hundredth of a second, and both parts have an example.
    sample.examples = min(max(500_000 / features, Int((1 / request.testFraction).rounded(.up)), 64), examples)
    return DataOutline(split, sample: sample, samples: Double(examples) / Double(sample.examples))
  }

  private func labelStream(_ key: Key) -> RandomStream { RandomStream(key: key, stream: Stream.labels.rawValue) }

  private func labels(_ count: Int, _ random: inout RandomStream) -> [Int32] {
    filled(count) { for i in 0..<count { $0[i] = Int32(random.integer(below: classes)) } }
  }

  private enum Stream: UInt64 {
    case centres, labels, values
  }

  /// - Parameter testFraction: f.
  /// - Throws: `DataError` where that is more than can be generated, or a part is empty.
  public func split(key: Key, testFraction: Double, _ parallel: Parallel) throws(DataError) -> Split {
    precondition(examples > 0 && features > 0 && classes > 1 && testFraction > 0 && testFraction < 1)
    let tests = Int(testFraction * Double(examples) + 0.5)
    try checkGeneratedSize(examples + tests, features)
    var random = RandomStream(key: key, stream: Stream.centres.rawValue)
    let scale = separation * deviation / Double(features).squareRoot()
    let centres = (0..<(classes * features)).map { _ in scale * random.normal() }
    var labelStream = labelStream(key)
    let part = { (first: Int, count: Int, random: inout RandomStream) throws(DataError) in
      let labels = labels(count, &random)
      return try Dataset(
        features: values(labels, first: first, centres: centres, key: key, parallel), labels: labels,
        featureCount: features, classCount: classes)
    }
    let training = try part(0, examples, &labelStream)
    return try Split(training: training, test: part(examples, tests, &labelStream))
  }

  /// Features of examples `first` on.
  private func values(
    _ labels: [Int32], first: Int, centres: [Double], key: Key, _ parallel: Parallel
  ) -> [Float] {
    let normals = NormalStream(key: key, stream: Stream.values.rawValue)
    let width = features
    let block = max(16_384 / width, 1)
    return filled(labels.count * width) { values in
      nonisolated(unsafe) let values = values
      _ = parallel.map((labels.count + block - 1) / block) { b in
        let rows = (b * block)..<min((b + 1) * block, labels.count)
        withUnsafeTemporaryAllocation(of: Double.self, capacity: rows.count * width) { noise in
          normals.read(at: UInt64((first + rows.lowerBound) * width), into: noise)
          for row in rows {
            let centre = Int(labels[row]) * width
            let from = (row - rows.lowerBound) * width
            for j in 0..<width { values[row * width + j] = Float(centres[centre + j] + deviation * noise[from + j]) }
          }
        }
      }
    }
  }
}

extension MixtureData: Configurable {
  public static let keys = SettingList(
    MixtureData(examples: 1),
    [
      Setting("classes", \.classes, .integer(2...65_536), "number of classes"),
      Setting("features", \.features, .integer(1...1_000_000), "features of an example"),
      Setting(
        "examples", \.examples, .integer(1...2_000_000_000), .needed("the number of training examples"),
        "training examples"),
      Setting("separation", \.separation, .number(0...1e6), "length of a class's centre in standard deviations"),
      Setting(
        "deviation", \.deviation, .number(above: 0, upTo: 1e6),
        "standard deviation of a feature within its class"),
      Setting(
        "seed", \.seed, .integer(0...Int.max), .absent("the scenario's `seed`"),
        "seed of the examples, to keep them while `seed` varies"),
    ])
}
