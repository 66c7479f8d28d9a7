import ChannelCoding
import Files
import Numerics

/// The clients and what each of them has.
///
/// Memory beside the data: nothing for `oneExample`, 4 bytes an example for `iid`, another 4 a client for the others.
public struct Population: Sendable {
  public let data: Dataset
  public let clientCount: Int
  private let assignment: Assignment

  private enum Assignment: Sendable {
    /// Client i has example i.
    case oneExample
    /// Equal parts of an order.
    case equal([Int32])
    /// Client i has order[offsets[i] ..< offsets[i + 1]].
    case listed(order: [Int32], offsets: [Int32])
  }

  /// - Throws: `DataError` where the examples are too few or know no owners.
  public init(_ data: Dataset, partition: Partition, random: inout RandomStream) throws(DataError) {
    self.data = data
    let listed = { (owners: [Int32], clients: Int) in
      let (order, offsets) = grouped(owners, groups: clients)
      return Assignment.listed(order: order, offsets: offsets)
    }
    switch partition {
    case .oneExample:
      clientCount = data.count
      assignment = .oneExample
    case .iid(let clients):
      try Self.check(clients, examplesEach: 1, data)
      var order = (0..<Int32(data.count)).map { $0 }
      random.shuffle(&order)
      clientCount = clients
      assignment = .equal(order)
    case .dirichletClient(let clients, let alpha):
      try Self.check(clients, examplesEach: 1, data)
      clientCount = clients
      assignment = listed(Self.classMixes(data, clients, alpha: alpha, &random), clients)
    case .dirichletClass(let clients, let alpha, let minimumSize, let isBalanced):
      try Self.check(clients, examplesEach: minimumSize, data)
      clientCount = clients
      assignment = listed(
        try Self.clientMixes(data, clients, alpha: alpha, minimumSize: minimumSize, isBalanced: isBalanced, &random),
        clients)
    case .shards(let clients, let perClient):
      try Self.check(clients, examplesEach: perClient, data)
      clientCount = clients
      assignment = listed(Self.shards(data, clients, perClient, &random), clients)
    case .natural:
      let (owners, clients) = try Self.owners(data)
      clientCount = clients
      assignment = listed(owners, clients)
    }
  }

  /// Who has which example, for a run's fingerprint.
  public var assignmentBytes: [UInt8] {
    let lists: [[Int32]] =
      switch assignment {
      case .oneExample: []
      case .equal(let order): [order]
      case .listed(let order, let offsets): [order, offsets]
      }
    return lists.flatMap { list in list.withUnsafeBytes { Array($0) } }
  }

  /// Indices of the client's examples. Cost: a copy of them.
  public func examples(of client: Int) -> ArraySlice<Int> {
    precondition((0..<clientCount).contains(client))
    switch assignment {
    case .oneExample: return [client]
    case .equal(let order): return ArraySlice(order[range(of: client)].map { Int($0) })
    case .listed(let order, _): return ArraySlice(order[range(of: client)].map { Int($0) })
    }
  }

  public func exampleCount(of client: Int) -> Int { range(of: client).count }

  private func range(of client: Int) -> Range<Int> {
    switch assignment {
    case .oneExample: client..<(client + 1)
    case .equal: (client * data.count / clientCount)..<((client + 1) * data.count / clientCount)
    case .listed(_, let offsets): Int(offsets[client])..<Int(offsets[client + 1])
    }
  }

  private static func check(_ clients: Int, examplesEach: Int, _ data: Dataset) throws(DataError) {
    guard clients >= 1, clients <= data.count else {
      throw .tooFewExamples("\(data.count) training examples cannot be partitioned among \(clients) clients")
    }
    let (needed, isTooLarge) = clients.multipliedReportingOverflow(by: examplesEach)
    guard !isTooLarge, needed <= data.count else {
      throw .tooFewExamples(
        "\(clients) clients need at least \(examplesEach) each, and there are \(data.count) training examples")
    }
  }

  // MARK: Procedures: the client of each example

  private static func classMixes(
    _ data: Dataset, _ clients: Int, alpha: Double, _ random: inout RandomStream
  ) -> [Int32] {
    var classes = ClassQueues(data, &random)
    let shares = classes.sizes.map { Double($0) / Double(data.count) }
    var owners = [Int32](repeating: 0, count: data.count)
    var logWeights = [Double](repeating: 0, count: data.classCount)
    var sums = [Double](repeating: 0, count: data.classCount)
    for client in 0..<clients {
      for (c, share) in shares.enumerated() {
        logWeights[c] = share > 0 ? random.logGamma(shape: alpha * share) : -.infinity
      }
      var isStale = true
      for _ in (client * data.count / clients)..<((client + 1) * data.count / clients) {
        if isStale {
          for c in logWeights.indices where classes.left(c) == 0 { logWeights[c] = -.infinity }
          cumulate(logWeights, into: &sums)
          isStale = false
        }
        let point = random.uniform() * sums[sums.count - 1]
        let drawn = firstIndex(above: point, in: sums)
        owners[classes.take(drawn)] = Int32(client)
        isStale = classes.left(drawn) == 0
      }
    }
    return owners
  }

  private static func clientMixes(
    _ data: Dataset, _ clients: Int, alpha: Double, minimumSize: Int, isBalanced: Bool, _ random: inout RandomStream
  ) throws(DataError) -> [Int32] {
    var smallest = 0
    for _ in 0..<Partition.mostDraws {
      var classes = ClassQueues(data, &random)
      var owners = [Int32](repeating: 0, count: data.count)
      var sizes = [Int](repeating: 0, count: clients)
      var logWeights = [Double](repeating: 0, count: clients)
      var sums = logWeights
      for c in 0..<data.classCount {
        let count = classes.sizes[c]
        guard count > 0 else { continue }
        for i in 0..<clients {
          let weight = random.logGamma(shape: alpha)
          logWeights[i] = isBalanced && sizes[i] * clients >= data.count ? -.infinity : weight
        }
        cumulate(logWeights, into: &sums)
        var cut = 0
        for i in 0..<clients {
          let share = sums[i] / sums[clients - 1]
          let next = i == clients - 1 ? count : max(cut, min(Int(share * Double(count)), count))
          for _ in cut..<next { owners[classes.take(c)] = Int32(i) }
          sizes[i] += next - cut
          cut = next
        }
      }
      smallest = sizes.min() ?? 0
      if smallest >= minimumSize { return owners }
    }
    throw .partition(
      "\(Partition.mostDraws) draws left a client with fewer than \(minimumSize) examples (\(smallest) in the last): "
        + "a larger alpha, fewer clients or a smaller minimum size helps")
  }

  private static func shards(
    _ data: Dataset, _ clients: Int, _ perClient: Int, _ random: inout RandomStream
  ) -> [Int32] {
    let (order, _) = grouped(data.labels, groups: data.classCount)
    let count = clients * perClient
    var shards = (0..<Int32(count)).map { $0 }
    random.shuffle(&shards)
    var owners = [Int32](repeating: 0, count: data.count)
    for (place, shard) in shards.enumerated() {
      let s = Int(shard)
      for i in order[(s * data.count / count)..<((s + 1) * data.count / count)] {
        owners[Int(i)] = Int32(place / perClient)
      }
    }
    return owners
  }

  /// Numbers the owners that have examples from 0, in their order.
  private static func owners(_ data: Dataset) throws(DataError) -> (owners: [Int32], count: Int) {
    guard let owners = data.owners else { throw .partition("these data name no owners of examples") }
    let present = Set(owners).sorted()
    guard present.last.map({ Int($0) }) != present.count - 1 else { return (owners, present.count) }
    let numbers = Dictionary(uniqueKeysWithValues: zip(present, Int32(0)...))
    return (owners.map { numbers[$0] ?? 0 }, present.count)
  }

  /// Running sums of exp(logWeights), the largest scaled to 1, so that no choice of weights leaves them all at zero.
  private static func cumulate(_ logWeights: [Double], into sums: inout [Double]) {
    let largest = logWeights.max() ?? 0
    var sum = 0.0
    for (i, weight) in logWeights.enumerated() {
      // Below e^-700 a weight is no chance that a 53-bit uniform could show.
      sum += weight - largest > -700 ? Elementary.exp(weight - largest) : 0
      sums[i] = sum
    }
  }

  /// The first i with sums[i] > point; sums rise, and the last is above.
  private static func firstIndex(above point: Double, in sums: [Double]) -> Int {
    var (low, high) = (0, sums.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if sums[middle] > point { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

/// The shuffled examples of each class, taken one by one.
private struct ClassQueues {
  private var order: [Int32]
  private let offsets: [Int32]
  private var next: [Int32]

  init(_ data: Dataset, _ random: inout RandomStream) {
    (order, offsets) = grouped(data.labels, groups: data.classCount)
    next = Array(offsets.dropLast())
    for c in 0..<data.classCount {
      let (first, end) = (Int(offsets[c]), Int(offsets[c + 1]))
      for i in stride(from: end - 1, to: first, by: -1) {
        order.swapAt(i, first + random.integer(below: i - first + 1))
      }
    }
  }

  var sizes: [Int] { (0..<(offsets.count - 1)).map { Int(offsets[$0 + 1] - offsets[$0]) } }

  func left(_ c: Int) -> Int { Int(offsets[c + 1] - next[c]) }

  mutating func take(_ c: Int) -> Int {
    defer { next[c] += 1 }
    return Int(order[Int(next[c])])
  }
}

extension RandomStream {
  /// The logarithm of a gamma variate: finite where the variate itself is below the smallest number.
  mutating func logGamma(shape: Double) -> Double {
    // gamma(a) = gamma(a + 1) U^(1/a), and -ln U is exponential.
    Elementary.log(gamma(shape: shape + 1)) - exponential() / shape
  }
}
