import ChannelCoding
import Files
import Settings

/// A seeded shuffle cut into equal parts; sizes differ by at most one.
public struct IIDPartition: PartitionScheme, Equatable {
  public var clients: Int

  public init(clients: Int) { self.clients = clients }

  public var clientCount: Int? { clients }

  public func assignment(of data: Dataset, _ random: inout RandomStream) throws(DataError) -> ClientAssignment {
    try DataError.checkClients(clients, examplesEach: 1, data)
    var order = (0..<Int32(data.count)).map { $0 }
    random.shuffle(&order)
    return .equalParts(order: order, clients: clients)
  }
}

extension IIDPartition: Configurable {
  public static let keys = SettingList(
    IIDPartition(clients: 1),
    [Setting("clients", \.clients, clientRange, .needed("the number of clients"), "number of clients")])
}

extension PartitionScheme where Self == IIDPartition {
  public static func iid(clients: Int) -> Self { IIDPartition(clients: clients) }
}
