import ChannelCoding
import Files

/// The clients and what each of them has.
///
/// Memory beside the data: nothing for `oneExample` and where nobody has examples, 4 bytes an example for `iid`, another 4 a client for the others.
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
    /// Nobody has an example.
    case nothing
  }

  /// - Throws: `DataError` where the examples are too few or know no owners.
  public init(
    _ data: Dataset, partition: any PartitionScheme, random: inout RandomStream
  ) throws(DataError) {
    self.data = data
    switch try partition.assignment(of: data, &random) {
    case .oneExampleEach:
      clientCount = data.count
      assignment = .oneExample
    case .equalParts(let order, let clients):
      precondition(order.count == data.count && clients > 0)
      clientCount = clients
      assignment = .equal(order)
    case .owners(let owners, let clients):
      precondition(owners.count == data.count)
      clientCount = clients
      let (order, offsets) = grouped(owners, groups: clients)
      assignment = .listed(order: order, offsets: offsets)
    }
  }

  /// Clients that are known.
  ///
  /// - Parameters:
  ///   - owners: the client of each example, below `clients`.
  ///   - clients: how many there are; one may have no example.
  public init(_ data: Dataset, owners: [Int32], clients: Int) {
    precondition(owners.count == data.count && owners.allSatisfy { 0 <= $0 && $0 < clients })
    self.data = data
    clientCount = clients
    let (order, offsets) = grouped(owners, groups: clients)
    assignment = .listed(order: order, offsets: offsets)
  }

  /// Clients whose examples are not here.
  ///
  /// - Parameter clients: how many there are, at least 1.
  package init(withoutExamples clients: Int) {
    data = .none
    clientCount = clients
    assignment = .nothing
  }

  /// The client of each example.
  public var owners: [Int32] {
    var owners = [Int32](repeating: 0, count: data.count)
    for client in 0..<clientCount { for example in examples(of: client) { owners[example] = Int32(client) } }
    return owners
  }

  /// The same clients with other examples in the places of theirs.
  init(_ population: Population, data: Dataset) {
    precondition(data.count == population.data.count)
    (self.data, clientCount, assignment) = (data, population.clientCount, population.assignment)
  }

  /// Who has which example, for a run's fingerprint.
  public var assignmentBytes: [UInt8] {
    let lists: [[Int32]] =
      switch assignment {
      case .oneExample, .nothing: []
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
    case .nothing: return []
    case .equal(let order): return ArraySlice(order[range(of: client)].map { Int($0) })
    case .listed(let order, _): return ArraySlice(order[range(of: client)].map { Int($0) })
    }
  }

  public func exampleCount(of client: Int) -> Int { range(of: client).count }

  private func range(of client: Int) -> Range<Int> {
    switch assignment {
    case .oneExample: client..<(client + 1)
    case .nothing: 0..<0
    case .equal: (client * data.count / clientCount)..<((client + 1) * data.count / clientCount)
    case .listed(_, let offsets): Int(offsets[client])..<Int(offsets[client + 1])
    }
  }
}
