import ChannelCoding
import Files
import Numerics
import Settings

/// MNIST-1D: signals of 40 points in ten classes, which are to digits what a line is to a picture. They are hard for a linear model and easy for a
/// convolution.
///
/// The classes have equally many examples (the first ones have one more where ten does not divide them). All are shuffled, the last floor(f n +
/// 1/2) of n are for the test, and all values together are standardised to mean 0 and variance 1, as in the published code
/// (`MNIST1DSignal` has the procedure of one signal). The defaults are its own: 4000 signals train and 1000 test.
///
/// What is reproduced is the procedure, not NumPy's random numbers. Each signal draws from a stream of its own under the key, with own exp and log:
/// the same bits for any number of threads and on every machine.
public struct MNIST1DData: ExampleSource, Equatable {
  /// Training and test examples together.
  public var examples: Int
  /// The seed of the examples; nil for the run's.
  public var seed: UInt64?

  public init(examples: Int = 5000, seed: UInt64? = nil) {
    self.examples = examples
    self.seed = seed
  }

  public var description: String { "MNIST-1D" + (seed.map { ", data seed \($0)" } ?? "") }
  public var isGenerated: Bool { true }

  public func seeded(_ seed: UInt64) -> MNIST1DData {
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

  /// - Parameter testFraction: f; 0.2 in the published code.
  /// - Throws: `DataError` where that is more than can be generated, or a part is empty.
  public func split(key: Key, testFraction: Double, _ parallel: Parallel) throws(DataError) -> Split {
    precondition(examples > 0 && testFraction > 0 && testFraction < 1)
    let width = MNIST1DSignal.exampleLength
    try checkGeneratedSize(examples, width)
    let classes = MNIST1DSignal.classCount
    var labels = (0..<examples).map { Int32($0 % classes) }
    var order = RandomStream(key: key, stream: 0)
    order.shuffle(&labels)
    let features = standardised(signals(labels, key: key, parallel))
    let trained = examples - Int(testFraction * Double(examples) + 0.5)
    let part = { (range: Range<Int>) throws(DataError) in
      try Dataset(
        features: Array(features[(range.lowerBound * width)..<(range.upperBound * width)]),
        labels: Array(labels[range]), featureCount: width, classCount: classes)
    }
    return try Split(training: part(0..<trained), test: part(trained..<examples))
  }

  /// Signals before they are standardised, row by row.
  private func signals(_ labels: [Int32], key: Key, _ parallel: Parallel) -> [Float] {
    let width = MNIST1DSignal.exampleLength
    let block = 256
    return filled(labels.count * width) { values in
      nonisolated(unsafe) let values = values
      _ = parallel.map((labels.count + block - 1) / block) { b in
        for i in (b * block)..<min((b + 1) * block, labels.count) {
          var random = RandomStream(key: key, stream: UInt64(i) + 1)
          let signal = MNIST1DSignal.values(Int(labels[i]), MNIST1DSignal.draws(&random))
          for j in 0..<width { values[i * width + j] = Float(signal[j]) }
        }
      }
    }
  }

  /// All values minus their mean, over their deviation; sums in the order of the examples.
  private func standardised(_ values: consuming [Float]) -> [Float] {
    var values = values
    let count = Double(values.count)
    let mean = values.reduce(0.0) { $0 + Double($1) } / count
    let deviation =
      (values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / count).squareRoot()
    for i in values.indices { values[i] = Float((Double(values[i]) - mean) / deviation) }
    return values
  }
}

extension MNIST1DData: Configurable {
  public static let keys = SettingList(
    MNIST1DData(),
    [
      Setting("examples", \.examples, .integer(10...100_000_000), "training and test examples together"),
      Setting(
        "seed", \.seed, .integer(0...Int.max), .absent("the scenario's `seed`"),
        "seed of the examples, to keep them while `seed` varies"),
    ])
}
