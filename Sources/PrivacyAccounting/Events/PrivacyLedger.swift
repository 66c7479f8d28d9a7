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

  /// The same rounds under relations and cohorts that this one contains: whatever they tell, this one can tell too.
  ///
  /// An update of zero is an update: replace-one contains zero-out. At fixed size, the client that takes the place may send zero:
  /// then the round is the Poisson one; and a replacement may be what takes the place.
  var weaker: [PrivacyLedger] {
    var list: [PrivacyLedger] = []
    for isPoisson in [false, true] {
      for relation in NeighboringRelation.allCases {
        let other = map { $0.changed(relation, isPoisson: isPoisson) }
        guard other != self, !list.contains(other) else { continue }
        let isContained = zip(rounds, other.rounds).allSatisfy { whole, part in
          guard case .event(let a) = whole.entry, case .event(let b) = part.entry else { return whole == part }
          return a.contains(b)
        }
        if isContained { list.append(other) }
      }
    }
    return list
  }

  /// The same rounds under relations that contain this one; cohorts as they are.
  var stronger: [PrivacyLedger] {
    let other = map { $0.changed(.replaceOne, isPoisson: false) }
    return other == self ? [] : [other]
  }

  private func map(_ change: (PrivacyEvent) -> PrivacyEvent) -> PrivacyLedger {
    var other = PrivacyLedger()
    for part in rounds {
      switch part.entry {
      case .event(let event): other.append(.event(change(event)), rounds: part.count)
      case .guarantee: other.append(part.entry, rounds: part.count)
      }
    }
    return other
  }
}
