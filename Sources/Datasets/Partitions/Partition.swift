/// How training examples are partitioned among clients. Every example goes to exactly one client.
public enum Partition: Sendable, Equatable {
  /// Client i has example i alone: privacy by client is privacy by example.
  case oneExample
  /// A seeded shuffle cut into equal parts; sizes differ by at most one.
  case iid(clients: Int)
  /// Equal sizes, a class mix a client (Hsu et al. 2019): client by client, q ~ Dirichlet(alpha p) with p the classes'
  /// shares of the whole; as many examples as in `iid`, each of a class drawn from q, without replacement; a class that
  /// has run out is left out of q. Late clients take what is left.
  case dirichletClient(clients: Int, alpha: Double)
  /// A client mix a class (Yurochkin et al. 2019; Li et al. 2022): class by class, p ~ Dirichlet(alpha, ..., alpha) over
  /// the clients, and the shuffled examples of the class cut at floor(n_class (p_1 + ... + p_i)). The whole draw is
  /// repeated, at most ten times, until every client has `minimumSize` examples.
  ///
  /// - Parameter isBalanced: a client that has examples / clients or more already gets none of further classes.
  case dirichletClass(clients: Int, alpha: Double, minimumSize: Int, isBalanced: Bool)
  /// Sorted by label and cut into clients x perClient equal parts (sizes differ by at most one), of which every client
  /// gets `perClient` at random (McMahan et al. 2017, with 2).
  case shards(clients: Int, perClient: Int)
  /// The owners that the data name. An owner without training examples is no client.
  case natural

  /// Draws of `dirichletClass`, the first included.
  static let mostDraws = 11
}
