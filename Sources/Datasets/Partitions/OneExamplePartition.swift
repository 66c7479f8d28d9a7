import ChannelCoding
import Files
import Settings

/// Client i has example i alone: privacy by client is privacy by example.
public struct OneExamplePartition: PartitionScheme, Equatable {
  public init() {}

  public func assignment(of data: Dataset, _ random: inout RandomStream) throws(DataError) -> ClientAssignment {
    .oneExampleEach
  }
}

extension OneExamplePartition: Configurable {
  public static let keys = SettingList(OneExamplePartition(), [])
}

extension PartitionScheme where Self == OneExamplePartition {
  public static var oneExample: Self { OneExamplePartition() }
}
