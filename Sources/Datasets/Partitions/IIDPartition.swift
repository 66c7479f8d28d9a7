import ChannelCoding
import Files
import Settings

/// A seeded shuffle cut into parts: of equal size up to one, or of sizes that follow a law or are given.
public struct IIDPartition: SizedPartition, Equatable {
  public var clients: Int
  public var sizes: ClientSizes

  public init(clients: Int, sizes: ClientSizes = ClientSizes()) {
    self.clients = clients
    self.sizes = sizes
  }

  public var clientCount: Int? { clients }

  public func assignment(of data: Dataset, _ random: inout RandomStream) throws(DataError) -> ClientAssignment {
    try DataError.checkClients(clients, examplesEach: sizes.least, data, about: sizes.isDrawn ? .minimumSize : nil)
    let isEqual = sizes.rule == nil || sizes.rule == .equal
    let counts = isEqual ? [] : try sizes.counts(clients: clients, total: data.count, &random)
    var order = (0..<Int32(data.count)).map { $0 }
    random.shuffle(&order)
    if isEqual { return .equalParts(order: order, clients: clients) }
    var owners = [Int32](repeating: 0, count: data.count)
    var next = 0
    for (client, count) in counts.enumerated() {
      for i in order[next..<(next + count)] { owners[Int(i)] = Int32(client) }
      next += count
    }
    return .owners(owners, clients: clients)
  }
}

extension IIDPartition: Configurable {
  public static let keys = SettingList(
    IIDPartition(clients: 1),
    [Setting("clients", \.clients, clientRange, .needed("the number of clients"), "number of clients")]
      + sizeSettings(canBeGiven: true))
}

extension PartitionScheme where Self == IIDPartition {
  public static func iid(clients: Int, sizes: ClientSizes = ClientSizes()) -> Self {
    IIDPartition(clients: clients, sizes: sizes)
  }
}
