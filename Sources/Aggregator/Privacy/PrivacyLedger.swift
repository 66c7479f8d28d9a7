/// Rounds of any kinds, in the order in which they were made: append-only, so that nothing that was spent is forgotten.
public struct PrivacyLedger: Sendable, Equatable {
  public enum Entry: Sendable, Hashable {
    case event(PrivacyEvent)
    /// A round of which only an (epsilon, delta) guarantee is known, under the ledger's relation.
    case guarantee(epsilon: Double, delta: Double)
  }

  public struct Rounds: Sendable, Hashable {
    public let entry: Entry
    public let count: Int
  }

  public private(set) var rounds: [Rounds] = []

  public init() {}

  public init(_ event: PrivacyEvent, rounds: Int) {
    append(.event(event), rounds: rounds)
  }

  public mutating func append(_ entry: Entry, rounds count: Int = 1) {
    precondition(count >= 0)
    rounds.append(Rounds(entry: entry, count: count))
  }

  /// All rounds, whatever their kind.
  public var count: Int { rounds.reduce(0) { $0 + $1.count } }

  /// Dominating pairs and pairs that are attained, round by round; rounds that tell nothing are left out.
  func pairs() throws(PrivacyRefusal) -> (
    dominating: [(pair: DominatingPair, count: Int)], attained: [(pair: DominatingPair, count: Int)]
  ) {
    var dominating: [(pair: DominatingPair, count: Int)] = []
    var attained: [(pair: DominatingPair, count: Int)] = []
    for part in rounds where part.count > 0 {
      switch part.entry {
      case .event(let event):
        guard let pairs = try event.pairs() else { continue }
        dominating.append((pairs.dominating, part.count))
        attained.append((pairs.attained, part.count))
      case .guarantee(let epsilon, let delta):
        // Randomised response attains it [Kairouz, Oh & Viswanath 2015, Theorem 3.3].
        dominating.append((.blackBox(epsilon: epsilon, delta: delta), part.count))
        attained.append((.blackBox(epsilon: epsilon, delta: delta), part.count))
      }
    }
    return (dominating, attained)
  }
}
