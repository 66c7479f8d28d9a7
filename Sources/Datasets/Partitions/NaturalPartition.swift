import ChannelCoding
import Files
import Settings

/// The owners that the data name. An owner without training examples is no client.
public struct NaturalPartition: PartitionScheme, Equatable {
  public init() {}

  /// Numbers the owners that have examples from 0, in their order.
  public func assignment(of data: Dataset, _ random: inout RandomStream) throws(DataError) -> ClientAssignment {
    guard let owners = data.owners else { throw .partition("these data name no owners of examples") }
    let present = Set(owners).sorted()
    guard present.last.map({ Int($0) }) != present.count - 1 else { return .owners(owners, clients: present.count) }
    let numbers = Dictionary(uniqueKeysWithValues: zip(present, Int32(0)...))
    return .owners(owners.map { numbers[$0] ?? 0 }, clients: present.count)
  }
}

extension NaturalPartition: Configurable {
  public static let keys = SettingList(NaturalPartition(), [])
}

extension PartitionScheme where Self == NaturalPartition {
  public static var natural: Self { NaturalPartition() }
}
