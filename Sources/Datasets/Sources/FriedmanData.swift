import ChannelCoding
import Files
import Numerics
import Settings

/// Friedman's first regression problem (Friedman 1991; Breiman 1996): a benchmark of quantities without a download.
///
/// Features are uniform in [0, 1). The target is 10 sin(pi x_1 x_2) + 20 (x_3 - 1/2)^2 + 10 x_4 + 5 x_5 and `noise` times a standard normal;
/// features from the sixth on say nothing. Without noise its variance is about 23.8, so that with noise 1 no model has an R^2 above 0.96. The
/// test part holds floor(f examples + 1/2) more. Blocks of 1024 examples draw from streams of their own, with an own sine: the same bits for
/// any number of threads and on every machine.
public struct FriedmanData: ExampleSource, Equatable {
  /// Training examples.
  public var examples: Int
  /// At least 5.
  public var features: Int
  /// The standard deviation of the noise.
  public var noise: Double
  /// The seed of the examples; nil for the run's.
  public var seed: UInt64?

  public init(examples: Int, features: Int = 10, noise: Double = 1, seed: UInt64? = nil) {
    self.examples = examples
    self.features = features
    self.noise = noise
    self.seed = seed
  }

  public var description: String { "Friedman's regression problem" + (seed.map { ", data seed \($0)" } ?? "") }
  public var isGenerated: Bool { true }
  public var readsTargets: Bool { true }

  public func seeded(_ seed: UInt64) -> FriedmanData {
    var data = self
    data.seed = self.seed ?? seed
    return data
  }

  public func load(_ request: LoadRequest) throws(DataError) -> LoadedData {
    guard request.aim == .quantities else {
      throw .shape("these examples have quantities to predict, for task \"regression\", and no classes")
    }
    let key = RunKeys.experimentKey(seed: seed ?? request.seed, .data)
    let tests = Int(request.testFraction * Double(examples) + 0.5)
    return try about(.exampleCount) { () throws(DataError) in
      try checkGeneratedSize(examples + tests, features)
      return LoadedData(
        training: try part(0, examples, key, request.parallel), test: try part(1, tests, key, request.parallel),
        labelPlace: "")
    }
  }

  private static let block = 1024

  /// - Parameter number: 0 for training examples, 1 for those of the test.
  private func part(
    _ number: UInt64, _ count: Int, _ key: Key, _ parallel: Parallel
  ) throws(DataError) -> Dataset {
    let width = features
    var values = [Float](repeating: 0, count: count * width)
    var targets = [Float](repeating: 0, count: count)
    values.withUnsafeMutableBufferPointer { values in
      targets.withUnsafeMutableBufferPointer { targets in
        nonisolated(unsafe) let (values, targets) = (values, targets)
        _ = parallel.map((count + Self.block - 1) / Self.block) { b in
          var random = RandomStream(key: key, stream: UInt64(b) << 1 | number)
          for example in (b * Self.block)..<min((b + 1) * Self.block, count) {
            // The target is of the features as they are kept.
            for j in 0..<width { values[example * width + j] = Float(random.uniform()) }
            let x = { (j: Int) in Double(values[example * width + j]) }
            let bent = 20 * (x(2) - 0.5) * (x(2) - 0.5)
            let mean = 10 * Self.sineOfPi(x(0) * x(1)) + bent + 10 * x(3) + 5 * x(4)
            targets[example] = Float(mean + noise * random.normal())
          }
        }
      }
    }
    return try Dataset(features: values, targets: targets, featureCount: width)
  }

  /// sin(pi t) for t from 0 to 1, to 1e-15: its series at the nearer end.
  static func sineOfPi(_ t: Double) -> Double {
    let x = Double.pi * min(t, 1 - t)
    // From the smallest term on: x - x^3/3! + ... to x^23/23!.
    var sum = 1.0
    for k in stride(from: 22.0, through: 2, by: -2) { sum = 1 - x * x / (k * (k + 1)) * sum }
    return x * sum
  }
}

extension FriedmanData: Configurable {
  public static let keys = SettingList(
    FriedmanData(examples: 1),
    [
      Setting(
        "examples", \.examples, .integer(1...2_000_000_000), .needed("the number of training examples"),
        "training examples"),
      Setting("features", \.features, .integer(5...1_000_000), "features of an example, of which five matter"),
      Setting("noise", \.noise, .number(0...1e6), "standard deviation of what is added to a target"),
      Setting(
        "seed", \.seed, .integer(0...Int.max), .absent("the scenario's `seed`"),
        "seed of the examples, to keep them while `seed` varies"),
    ])
}
