import ChannelCoding
import Files
import Numerics
import Settings

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
public struct SyntheticData: ExampleSource, Equatable {
  /// The standard deviation of the clients' models.
  public var alpha: Double
  /// The standard deviation of the centres of the clients' inputs.
  public var beta: Double
  public var clients: Int
  public var features: Int
  public var classes: Int
  /// One model and one law of inputs for all clients.
  public var isIID: Bool
  /// The seed of the examples; nil for the run's.
  public var seed: UInt64?

  public init(
    alpha: Double = 1, beta: Double = 1, clients: Int = 30, features: Int = 60, classes: Int = 10, isIID: Bool = false,
    seed: UInt64? = nil
  ) {
    self.alpha = alpha
    self.beta = beta
    self.clients = clients
    self.features = features
    self.classes = classes
    self.isIID = isIID
    self.seed = seed
  }

  public var description: String {
    (isIID ? "Synthetic, IID" : "Synthetic(\(Text.short(alpha)), \(Text.short(beta)))")
      + (seed.map { ", data seed \($0)" } ?? "")
  }
  public var isGenerated: Bool { true }
  /// FedProx's for its data.
  public var standardTestFraction: Double { 0.1 }

  public func seeded(_ seed: UInt64) -> SyntheticData {
    var data = self
    data.seed = self.seed ?? seed
    return data
  }

  public func load(_ request: LoadRequest) throws(DataError) -> LoadedData {
    let key = RunKeys.experimentKey(seed: seed ?? request.seed, .data)
    let parts = try about(.clientCount) { () throws(DataError) in
      try split(key: key, testFraction: request.testFraction, request.parallel)
    }
    return LoadedData(training: parts.training, test: parts.test, labelPlace: "")
  }

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
    try checkGeneratedSize(total, features)

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

extension SyntheticData: Configurable {
  public static let keys = SettingList(
    SyntheticData(),
    [
      Setting("classes", \.classes, .integer(2...65_536), "number of classes"),
      Setting("features", \.features, .integer(1...1_000_000), "features of an example"),
      Setting("clients", \.clients, .integer(1...10_000_000), "number of clients"),
      Setting("alpha", \.alpha, .number(0...1e6), "standard deviation of the clients' models"),
      Setting("beta", \.beta, .number(0...1e6), "standard deviation of the centres of the clients' inputs"),
      Setting("iid", \.isIID, .flag, "one model and one law of inputs for all clients"),
      Setting(
        "seed", \.seed, .integer(0...Int.max), .absent("the scenario's `seed`"),
        "seed of the examples, to keep them while `seed` varies"),
    ])
}
