import ChannelCoding
import Files
import Numerics

/// More values than this (16 GiB) are not generated: a slip of the keyboard, found before memory is asked for.
private let mostValues = 1 << 32

private func checkSize(_ examples: Int, _ features: Int) throws(DataError) {
  let (values, isTooLarge) = examples.multipliedReportingOverflow(by: features)
  guard !isTooLarge, values <= mostValues, examples <= Int(Int32.max) else {
    throw .shape(
      "\(examples) examples of \(features) features are more than the \(mostValues) values that are generated")
  }
}

/// An array that several threads fill, each its own places.
private func filled<T: Sendable & BitwiseCopyable>(
  _ count: Int, _ fill: (UnsafeMutablePointer<T>) -> Void
) -> [T] {
  [T](unsafeUninitializedCapacity: count) { buffer, initialized in
    if let base = buffer.baseAddress { fill(base) }
    initialized = count
  }
}

/// Synthetic(alpha, beta) of Li et al. 2020 (FedProx), by the procedure of its published code: every client has a
/// linear model and inputs of its own, alpha spreads the models and beta the inputs.
///
/// Client k has n_k = floor(exp(4 + 2 g)) + 50 examples. u_k ~ N(0, alpha^2), B_k ~ N(0, beta^2): the code takes alpha
/// and beta as standard deviations. v_k has entries N(B_k, 1), W_k and b_k entries N(u_k, 1). An input has entries
/// N(v_kj, j^-1.2), j from 1; its label is the largest entry of x W_k + b_k. Inputs of a client are exchangeable, so
/// the first floor((1 - f) n_k) of them train without a shuffle, and the rest test. The IID variant has v = 0 and one
/// W and b, entries N(0, 1), for all.
///
/// Clients draw from streams of their own under the key, with own exp and log: the same bits for any number of threads
/// and on every machine.
public struct SyntheticData: Sendable, Equatable {
  public var alpha = 1.0
  public var beta = 1.0
  public var clients = 30
  public var features = 60
  public var classes = 10
  public var isIID = false

  public init() {}

  /// - Parameter testFraction: f; 0.1 in the published code.
  /// - Throws: `DataError` where the drawn sizes are too large.
  public func split(key: Key, testFraction: Double, _ parallel: Parallel) throws(DataError) -> Split {
    precondition(clients > 0 && features > 0 && classes > 1 && testFraction > 0 && testFraction < 1)
    var random = RandomStream(key: key, stream: 0)
    // |g| <= 8.58: no client has more than 1.6 billion examples.
    let sizes = (0..<clients).map { _ in Int(Elementary.exp(4 + 2 * random.normal())) + 50 }
    let model = isIID ? (0..<((features + 1) * classes)).map { _ in random.normal() } : nil
    let trainingSizes = sizes.map { Int((1 - testFraction) * Double($0)) }
    let total = sizes.reduce(0, +)
    let trainingTotal = trainingSizes.reduce(0, +)
    try checkSize(total, features)

    let trainingStarts = trainingSizes.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
    let testStarts = zip(sizes, trainingSizes).reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.0 - $1.1) }
    let deviations = (1...features).map { Elementary.exp(-0.6 * Elementary.log(Double($0))) }
    var parts = [Part(trainingTotal, features), Part(total - trainingTotal, features)]
    withPointers(&parts) { training, test in
      _ = parallel.map(clients) { k in
        let device = Device(self, number: k, key: key, shared: model)
        var stream = device.stream
        device.write(trainingSizes[k], from: trainingStarts[k], to: training, deviations, &stream)
        device.write(sizes[k] - trainingSizes[k], from: testStarts[k], to: test, deviations, &stream)
      }
    }
    return try Split(training: parts[0].dataset(features, classes), test: parts[1].dataset(features, classes))
  }

  private struct Part {
    var features: [Float]
    var labels: [Int32]
    var owners: [Int32]

    init(_ count: Int, _ width: Int) {
      features = filled(count * width) { _ in }
      labels = filled(count) { _ in }
      owners = filled(count) { _ in }
    }

    consuming func dataset(_ width: Int, _ classes: Int) throws(DataError) -> Dataset {
      try Dataset(features: features, labels: labels, featureCount: width, classCount: classes, owners: owners)
    }
  }

  fileprivate struct Places: @unchecked Sendable {
    let features: UnsafeMutableBufferPointer<Float>
    let labels: UnsafeMutableBufferPointer<Int32>
    let owners: UnsafeMutableBufferPointer<Int32>
  }

  private func withPointers(_ parts: inout [Part], _ body: (Places, Places) -> Void) {
    func places(_ part: inout Part, _ body: (Places) -> Void) {
      part.features.withUnsafeMutableBufferPointer { features in
        part.labels.withUnsafeMutableBufferPointer { labels in
          part.owners.withUnsafeMutableBufferPointer { owners in
            body(Places(features: features, labels: labels, owners: owners))
          }
        }
      }
    }
    var (training, test) = (parts[0], parts[1])
    parts = []
    places(&training) { first in places(&test) { second in body(first, second) } }
    parts = [training, test]
  }

  /// One client's model and the law of its inputs.
  private struct Device {
    let number: Int
    let stream: RandomStream
    /// features x classes, then classes of b.
    private let model: [Double]
    /// v
    private let centre: [Double]
    private let classes: Int

    init(_ data: SyntheticData, number: Int, key: Key, shared: [Double]?) {
      self.number = number
      classes = data.classes
      var random = RandomStream(key: key, stream: UInt64(number) + 1)
      if let shared {
        model = shared
        centre = [Double](repeating: 0, count: data.features)
      } else {
        let u = data.alpha * random.normal()
        let b = data.beta * random.normal()
        centre = (0..<data.features).map { _ in b + random.normal() }
        model = (0..<((data.features + 1) * data.classes)).map { _ in u + random.normal() }
      }
      stream = random
    }

    func write(
      _ count: Int, from start: Int, to places: Places, _ deviations: [Double], _ random: inout RandomStream
    ) {
      let width = centre.count
      var scores = [Double](repeating: 0, count: classes)
      for example in start..<(start + count) {
        for c in 0..<classes { scores[c] = model[width * classes + c] }
        for j in 0..<width {
          let x = centre[j] + deviations[j] * random.normal()
          places.features[example * width + j] = Float(x)
          for c in 0..<classes { scores[c] += x * model[j * classes + c] }
        }
        var best = 0
        for c in 1..<classes where scores[c] > scores[best] { best = c }
        places.labels[example] = Int32(best)
        places.owners[example] = Int32(number)
      }
    }
  }
}

/// A mixture of Gaussians, one a class, all equally likely: data of any size in no time, for benchmarks and for large
/// populations.
///
/// Class c has the centre s d g_c / sqrt(features), g_c standard normal, so that two centres are about sqrt(2) s
/// deviations apart; an example is its class's centre and d times a standard normal. The test part holds
/// floor(f examples + 1/2) more of the same law. Labels, centres and blocks of examples draw from streams of their own
/// under the key.
public struct MixtureData: Sendable, Equatable {
  /// Training examples.
  public var examples: Int
  public var features = 32
  public var classes = 10
  /// s
  public var separation = 3.0
  /// d
  public var deviation = 1.0

  public init(examples: Int) { self.examples = examples }

  private enum Stream: UInt64 {
    case centres, labels, values
  }

  /// - Parameter testFraction: f.
  /// - Throws: `DataError` where that is more than can be generated, or a part is empty.
  public func split(key: Key, testFraction: Double, _ parallel: Parallel) throws(DataError) -> Split {
    precondition(examples > 0 && features > 0 && classes > 1 && testFraction > 0 && testFraction < 1)
    let tests = Int(testFraction * Double(examples) + 0.5)
    try checkSize(examples + tests, features)
    var random = RandomStream(key: key, stream: Stream.centres.rawValue)
    let scale = separation * deviation / Double(features).squareRoot()
    let centres = (0..<(classes * features)).map { _ in scale * random.normal() }
    var labelStream = RandomStream(key: key, stream: Stream.labels.rawValue)
    let part = { (first: Int, count: Int, random: inout RandomStream) throws(DataError) in
      let labels: [Int32] = filled(count) { for i in 0..<count { $0[i] = Int32(random.integer(below: classes)) } }
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
