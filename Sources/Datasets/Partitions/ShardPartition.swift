import ChannelCoding
import Files
import Settings

/// Sorted by label and cut into clients x perClient equal parts (sizes differ by at most one), of which every client
/// gets `perClient` at random (McMahan et al. 2017, with 2).
public struct ShardPartition: PartitionScheme, Equatable {
  public var clients: Int
  public var perClient: Int

  public init(clients: Int, perClient: Int = 2) {
    self.clients = clients
    self.perClient = perClient
  }

  public var clientCount: Int? { clients }
  public var usesClasses: Bool { true }

  public func assignment(of data: Dataset, _ random: inout RandomStream) throws(DataError) -> ClientAssignment {
    try DataError.checkClients(clients, examplesEach: perClient, data)
    let (order, _) = grouped(data.labels, groups: data.classCount)
    let parts = clients * perClient
    var shards = (0..<Int32(parts)).map { $0 }
    random.shuffle(&shards)
    var owners = [Int32](repeating: 0, count: data.count)
    for (place, shard) in shards.enumerated() {
      let s = Int(shard)
      for i in order[(s * data.count / parts)..<((s + 1) * data.count / parts)] {
        owners[Int(i)] = Int32(place / perClient)
      }
    }
    return .owners(owners, clients: clients)
  }
}

extension ShardPartition: Configurable {
  public static let keys = SettingList(
    ShardPartition(clients: 1),
    [
      Setting("clients", \.clients, clientRange, .needed("the number of clients"), "number of clients"),
      Setting(
        "shardsPerClient", \.perClient, .integer(1...1_000_000),
        "parts of the examples, sorted by label, that a client gets"),
    ])
}

extension PartitionScheme where Self == ShardPartition {
  public static func shards(clients: Int, perClient: Int = 2) -> Self {
    ShardPartition(clients: clients, perClient: perClient)
  }
}
