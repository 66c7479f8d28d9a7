import Files
import Settings

/// Data that FedSim never sees: a program has them, trains on them, and hands in the updates.
public struct ExternalData: ExampleSource, Equatable {
  /// N, the size of the population; clients have the numbers 0 to N - 1.
  public var clients: Int

  public init(clients: Int) { self.clients = clients }

  public var description: String { "the program's own: updates come from outside" }

  /// - Throws: always: there is nothing to load.
  public func load(_ request: LoadRequest) throws(DataError) -> LoadedData {
    throw .shape("\"external\" data are those of the program that computes the updates; there is nothing to load")
  }
}

extension ExternalData: Configurable {
  public static let keys = SettingList(
    ExternalData(clients: 1),
    [Setting("clients", \.clients, clientRange, .needed("the number of clients"), "N, the size of the population")])
}
