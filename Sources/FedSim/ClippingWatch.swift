import Files

/// Rounds in a row in which no update was clipped, or every one: a sign that the clipping norm is too large or too small.
///
/// It looks at records, and at norms where there are some. Both are functions of the clients' data, which no guarantee covers. Rounds in which
/// nobody sent anything say nothing.
public struct ClippingWatch: Sendable {
  /// What the rounds had in common.
  public enum Finding: Sendable, CaseIterable {
    case nothingClipped
    case everythingClipped

    /// The share of the updates that were clipped.
    public var share: Double { self == .nothingClipped ? 0 : 1 }
  }

  /// Rounds in a row of which something is said.
  public static let length = 10

  /// Whether the run has a clipping norm, and keeps it.
  private let isWatching: Bool
  private var row: Row?
  private var said: Set<Finding> = []

  private struct Row {
    let finding: Finding
    var rounds = 0
    let first: Int
    /// Over the rounds whose norms are known.
    var shortest = Double.infinity
    var longest = 0.0
  }

  /// - Parameters:
  ///   - hasClipping: whether updates are clipped at all.
  ///   - adapts: whether the clipping norm follows the updates: then nothing is said.
  public init(hasClipping: Bool, adapts: Bool) { isWatching = hasClipping && !adapts }

  /// Watches the rounds of a run.
  public init(_ setup: RunSetup) {
    self.init(hasClipping: setup.plan != nil, adapts: setup.plan?.adaptiveClipping != nil)
  }

  /// Takes in the next round.
  ///
  /// - Parameter norms: of the round's updates, where they are known.
  /// - Returns: what is to be said, once for each finding; nil otherwise.
  public mutating func add(_ record: RoundRecord, norms: UpdateNorms? = nil) -> ClippingNotice? {
    guard isWatching, let share = record.clippedFraction, let bound = record.clippingNorm else { return nil }
    guard let finding = Finding.allCases.first(where: { $0.share == share }) else {
      row = nil
      return nil
    }
    var present = row.flatMap { $0.finding == finding ? $0 : nil } ?? Row(finding: finding, first: record.round)
    present.rounds += 1
    if let norms = norms?.unclipped, let longest = norms.max(), let shortest = norms.min() {
      present.longest = max(present.longest, longest)
      present.shortest = min(present.shortest, shortest)
    } else {
      (present.longest, present.shortest) = (.infinity, 0)
    }
    row = present
    guard present.rounds >= Self.length, said.insert(finding).inserted else { return nil }
    return ClippingNotice(
      finding: finding, rounds: present.first...record.round, clippingNorm: bound,
      limit: finding == .nothingClipped ? present.longest : present.shortest, limitIs: .exact)
  }
}

/// What is said of rounds in which nothing or everything was clipped.
public struct ClippingNotice: Sendable {
  /// How the norm that is named was found.
  public enum Limit: Sendable {
    /// It is the longest, or the shortest, of all updates of the rounds.
    case exact
    /// It is the root mean square, from I(X;Y).
    case rootMeanSquare
  }

  public let finding: ClippingWatch.Finding
  public let rounds: ClosedRange<Int>
  public let clippingNorm: Double
  /// A norm of the updates that C may be compared with; 0 or infinite where none is known.
  public let limit: Double
  public let limitIs: Limit

  public init(
    finding: ClippingWatch.Finding, rounds: ClosedRange<Int>, clippingNorm: Double, limit: Double, limitIs: Limit
  ) {
    (self.finding, self.rounds, self.clippingNorm, self.limit, self.limitIs) = (
      finding, rounds, clippingNorm, limit, limitIs
    )
  }

  public var text: String {
    let c = Text.short(clippingNorm)
    let span = rounds.count == 1 ? "round \(rounds.lowerBound)" : "rounds \(rounds.lowerBound) to \(rounds.upperBound)"
    let known = limit > 0 && limit.isFinite
    switch finding {
    case .nothingClipped:
      return
        "no update was clipped in \(span): C = \(c) is too large for them, and with it the noise, z C"
        + (known ? nothing : "") + outside
    case .everythingClipped:
      return
        "every update was clipped in \(span): C = \(c) is too small for them, so that only directions are left of updates, and C sets the length of "
        + "each step" + (known ? everything : "")
        + ". A larger C leaves more of them, with as much more noise; a smaller learning rate makes updates shorter"
        + outside
    }
  }

  private var nothing: String {
    let ratio = Text.short(clippingNorm / limit)
    switch limitIs {
    case .exact:
      return
        ". The longest update had norm \(Text.short(limit)): with that as C nothing would be clipped either, and noise would be smaller by a factor of \(ratio)"
    case .rootMeanSquare:
      return ". The root mean square of norms was \(Text.short(limit)), from I(X;Y): C is \(ratio) times that"
    }
  }

  private var everything: String {
    limitIs == .exact ? ". The shortest update had norm \(Text.short(limit)) before it was clipped" : ""
  }

  private var outside: String {
    ". This comes from the clients' data and is outside the guarantee: to set C by it costs privacy that no account has; "
      + "privacy.clippingQuantile sets it with noise"
  }
}
