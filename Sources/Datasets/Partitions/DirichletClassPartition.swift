import ChannelCoding
import Files
import Settings

/// A client mix for each class (Yurochkin et al. 2019; Li et al. 2022).
///
/// Class by class, p ~ Dirichlet(alpha, ..., alpha) over the clients, and the shuffled examples of the class cut at
/// floor(n_class (p_1 + ... + p_i)). The whole draw is repeated, at most ten times, until every client has `minimumSize` examples.
public struct DirichletClassPartition: PartitionScheme, Equatable {
  public var clients: Int
  /// The concentration: small for clients of one class, large for IID.
  public var alpha: Double
  public var minimumSize: Int
  /// Whether a client that has examples / clients or more already gets none of further classes.
  public var isBalanced: Bool

  public init(clients: Int, alpha: Double, minimumSize: Int = 10, isBalanced: Bool = false) {
    self.clients = clients
    self.alpha = alpha
    self.minimumSize = minimumSize
    self.isBalanced = isBalanced
  }

  public var clientCount: Int? { clients }
  public var usesClasses: Bool { true }

  /// The first draw and its repetitions.
  static let mostDraws = 11

  public func assignment(of data: Dataset, _ random: inout RandomStream) throws(DataError) -> ClientAssignment {
    try DataError.checkClients(clients, examplesEach: minimumSize, data, about: .minimumSize)
    var smallest = 0
    for _ in 0..<Self.mostDraws {
      var classes = ClassQueues(data, &random)
      var owners = [Int32](repeating: 0, count: data.count)
      var sizes = [Int](repeating: 0, count: clients)
      var logWeights = [Double](repeating: 0, count: clients)
      var sums = logWeights
      for c in 0..<data.classCount {
        let members = classes.sizes[c]
        guard members > 0 else { continue }
        for i in 0..<clients {
          let weight = random.logGamma(shape: alpha)
          logWeights[i] = isBalanced && sizes[i] * clients >= data.count ? -.infinity : weight
        }
        DirichletDraws.cumulate(logWeights, into: &sums)
        var cut = 0
        for i in 0..<clients {
          let share = sums[i] / sums[clients - 1]
          let next = i == clients - 1 ? members : max(cut, min(Int(share * Double(members)), members))
          for _ in cut..<next { owners[classes.take(c)] = Int32(i) }
          sizes[i] += next - cut
          cut = next
        }
      }
      smallest = sizes.min() ?? 0
      if smallest >= minimumSize { return .owners(owners, clients: clients) }
    }
    throw .partition(
      "\(Self.mostDraws) draws left a client with fewer than \(minimumSize) examples (\(smallest) in the last): "
        + "a larger alpha, fewer clients or a smaller minimum size helps")
  }
}

extension DirichletClassPartition: Configurable {
  public static let keys = SettingList(
    DirichletClassPartition(clients: 1, alpha: 1),
    [
      Setting("clients", \.clients, clientRange, .needed("the number of clients"), "number of clients"),
      Setting(
        "alpha", \.alpha, alphaRange, .needed("a concentration"),
        "concentration of the Dirichlet law: small for clients of one class, large for IID"),
      Setting(
        "minimumSize", \.minimumSize, .integer(0...1_000_000_000),
        "the draw is repeated, at most ten times, until every client has so many examples"),
      Setting(
        "selfBalancing", \.isBalanced, .flag, "clients with an equal share of the examples get none of further classes"),
    ])
}

extension PartitionScheme where Self == DirichletClassPartition {
  public static func dirichletClass(
    clients: Int, alpha: Double, minimumSize: Int = 10, isBalanced: Bool = false
  ) -> Self {
    DirichletClassPartition(clients: clients, alpha: alpha, minimumSize: minimumSize, isBalanced: isBalanced)
  }
}
