import ChannelCoding
import Files
import Settings

/// A class mix for each client, and equal sizes (Hsu et al. 2019) or others.
///
/// Client by client, q ~ Dirichlet(alpha p) with p the classes' shares of the whole; as many examples as in `IIDPartition`, which its sizes
/// say too, each of a class drawn from q, without replacement; a class that has run out is left out of q. Late clients take what is left.
public struct DirichletClientPartition: SizedPartition, Equatable {
  public var clients: Int
  /// The concentration: small for clients of one class, large for IID.
  public var alpha: Double
  public var sizes: ClientSizes

  public init(clients: Int, alpha: Double, sizes: ClientSizes = ClientSizes()) {
    self.clients = clients
    self.alpha = alpha
    self.sizes = sizes
  }

  public var clientCount: Int? { clients }
  public var usesClasses: Bool { true }

  public func assignment(of data: Dataset, _ random: inout RandomStream) throws(DataError) -> ClientAssignment {
    try DataError.checkClients(clients, examplesEach: sizes.least, data, about: sizes.isDrawn ? .minimumSize : nil)
    let counts = try sizes.counts(clients: clients, total: data.count, &random)
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
      for _ in 0..<counts[client] {
        if isStale {
          for c in logWeights.indices where classes.left(c) == 0 { logWeights[c] = -.infinity }
          DirichletDraws.cumulate(logWeights, into: &sums)
          isStale = false
        }
        let point = random.uniform() * sums[sums.count - 1]
        let drawn = DirichletDraws.firstIndex(above: point, in: sums)
        owners[classes.take(drawn)] = Int32(client)
        isStale = classes.left(drawn) == 0
      }
    }
    return .owners(owners, clients: clients)
  }
}

extension DirichletClientPartition: Configurable {
  public static let keys = SettingList(
    DirichletClientPartition(clients: 1, alpha: 1),
    [
      Setting("clients", \.clients, clientRange, .needed("the number of clients"), "number of clients"),
      Setting(
        "alpha", \.alpha, alphaRange, .needed("a concentration"),
        "concentration of the Dirichlet law: small for clients of one class, large for IID"),
    ] + sizeSettings(canBeGiven: true))
}

extension PartitionScheme where Self == DirichletClientPartition {
  public static func dirichletClient(
    clients: Int, alpha: Double, sizes: ClientSizes = ClientSizes()
  ) -> Self {
    DirichletClientPartition(clients: clients, alpha: alpha, sizes: sizes)
  }
}
