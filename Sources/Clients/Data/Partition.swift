/// How training examples are dealt to clients.
public enum Partition: Sendable, Equatable {
  /// Client i has example i alone: privacy by client is privacy by example.
  case oneExample
  /// A seeded shuffle cut into equal parts; sizes differ by at most one.
  case iid(clients: Int)
}
