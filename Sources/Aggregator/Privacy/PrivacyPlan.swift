import ChannelCoding
import Numerics
import PrivacyAccounting

/// Everything about privacy that is fixed before the first round, all of it public.
///
/// z, C and q are written once, here; noise shares, the server's completion and the event are computed from them.
public struct PrivacyPlan: Sendable, Equatable {
  /// C, the bound on the L2 norm of one client's update; of the first round where clipping adapts.
  public let clippingNorm: Double
  /// z, the deviation of the noise on the sum over C; of update and count together where clipping adapts.
  public let noiseMultiplier: Double
  public let sampling: Sampling
  public let relation: NeighboringRelation
  public let accountant: Accountant
  public let delta: Double
  public let plannedRounds: Int
  public let noiseSource: NoiseSource
  /// Nil for a fixed clipping norm.
  public let adaptiveClipping: AdaptiveClipping?
  /// z_u, the deviation of the noise on the sum of updates over C.
  public let updateNoiseMultiplier: Double
  /// m_max: a public bound on the drawn clients. Each adds noise of variance (z C)^2 / m_max.
  public let largestCohort: Int
  /// The part of delta that pays for cohorts cut to m_max.
  public let truncationDelta: Double
  /// The part of delta that pays for arithmetic: a bound on (1 + e^epsilon) times the probability that a run in floating point
  /// does not choose what real arithmetic would.
  public let numericalDelta: Double
  /// The rounds that the budget pays for, at most the planned ones: known before the first, so no data decide it.
  public let affordedRounds: Int
  /// Epsilon of all these rounds: what a run claims even where somebody stops it earlier.
  public let plannedSpending: PrivacySpent

  /// The smallest m_max with T Pr[Bin(N, q) >= m_max] <= delta / 100, and that probability. Where that is more than all
  /// clients, or all are drawn: as many as either neighbor can have, and 0. Under add-or-remove that is N + 1: with N,
  /// the neighbor with one client more would be cut, or carry more noise than z C.
  ///
  /// Why "at least" and N, not "more than" and N - 1: condition on the coins of the *other* clients. Where fewer than
  /// m_max of them are drawn in every round, no cohort is cut whatever the target's coin says, and the composed pair
  /// applies; the rest has the same probability under both neighbors. docs/privacy.md has the argument.
  public static func largestCohort(
    population: Int, sampling: Sampling, relation: NeighboringRelation, rounds: Int, delta: Double
  ) -> (size: Int, truncationDelta: Double) {
    let all = relation == .addOrRemove ? population + 1 : population
    if case .fixedSize(let rate) = sampling { return (Int((rate * Double(population)).rounded()), 0) }
    guard case .poisson(let rate) = sampling, rate < 1 else { return (all, 0) }
    let charge = { (size: Int) in
      Double(rounds) * binomialUpperTail(trials: population, probability: rate, atLeast: size)
    }
    var low = Int(Double(population) * rate)  // too small: about half of all cohorts reach it
    var high = population + 1  // never reached
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if charge(middle) <= delta / 100 { high = middle } else { low = middle }
    }
    if high > population { return (all, 0) }
    return (high, charge(high))
  }

  public init(
    population: Int, clippingNorm: Double, noise: Noise, sampling: Sampling, relation: NeighboringRelation,
    accountant: Accountant, delta: Double, rounds: Int, budget: Double? = nil, noiseSource: NoiseSource = .channel,
    adaptiveClipping: AdaptiveClipping? = nil, numericalDelta: Double = 0
  ) throws(PrivacyRefusal) {
    self.clippingNorm = clippingNorm
    self.sampling = sampling
    self.relation = relation
    self.accountant = accountant
    self.delta = delta
    self.numericalDelta = numericalDelta
    plannedRounds = rounds
    self.noiseSource = noiseSource
    self.adaptiveClipping = adaptiveClipping
    switch noiseSource {
    case .channel:
      (largestCohort, truncationDelta) = Self.largestCohort(
        population: population, sampling: sampling, relation: relation, rounds: rounds, delta: delta)
    case .central:
      // Nobody shares the noise, so no cohort is too large.
      (largestCohort, truncationDelta) = (relation == .addOrRemove ? population + 1 : population, 0)
    }
    let reserved = truncationDelta + numericalDelta
    switch noise {
    case .multiplier(let z): noiseMultiplier = z
    case .targetEpsilon(let target):
      // The account is for C (1 + 10^-6): one bit up, so that taking the margin off again does not fall below.
      noiseMultiplier =
        (try accountant.calibratedNoiseMultiplier(
          targetEpsilon: target, delta: delta - reserved, rounds: rounds, sampling: sampling, relation: relation
        ).noiseMultiplier * PrivacyEvent.sensitivityMargin).nextUp
    }
    if let adaptiveClipping {
      updateNoiseMultiplier = try PrivacyEvent.updateNoiseMultiplier(
        whole: noiseMultiplier, countNoise: adaptiveClipping.countNoise)
    } else {
      updateNoiseMultiplier = noiseMultiplier
    }
    let noiseScale = updateNoiseMultiplier * clippingNorm / Double(largestCohort).squareRoot()
    guard noiseScale > 0, noiseScale.isFinite else {
      throw .unproved("a clipping norm of \(clippingNorm) leaves a noise of \(noiseScale) for each client")
    }
    // Refused before the first round, not after the last.
    (affordedRounds, plannedSpending) = try Self.afforded(
      Self.event(updateNoiseMultiplier, sampling, relation, adaptiveClipping), by: budget, accountant, rounds: rounds,
      delta: delta, reserved: reserved)
  }

  /// The rounds that the budget pays for, all of them without one, and what they spend.
  ///
  /// - Parameter reserved: the part of delta that pays for something else.
  /// - Throws: where nothing finite is proved of all rounds, or the budget does not pay for one.
  private static func afforded(
    _ event: PrivacyEvent, by budget: Double?, _ accountant: Accountant, rounds: Int, delta: Double, reserved: Double
  ) throws(PrivacyRefusal) -> (rounds: Int, spent: PrivacySpent) {
    let spending = { (rounds: Int) throws(PrivacyRefusal) in
      try accountant.spending(PrivacyLedger(event, rounds: rounds), delta: delta, truncation: reserved)
    }
    let whole = try spending(rounds)
    guard whole.epsilon.isFinite else {
      throw .unproved("no finite epsilon is proved for this cohort and relation at a delta of \(delta)")
    }
    guard let budget, whole.epsilon > budget else { return (rounds, whole) }
    let afforded = try accountant.mostRounds(event, targetEpsilon: budget, delta: delta - reserved, limit: rounds)
    guard afforded > 0 else { throw .budget(budget) }
    return (afforded, try spending(afforded))
  }

  public enum Noise: Sendable, Equatable {
    case multiplier(Double)
    case targetEpsilon(Double)
  }

  /// What one round releases, as the accountant sees it: with a noise multiplier that allows for rounding.
  public var event: PrivacyEvent { Self.event(updateNoiseMultiplier, sampling, relation, adaptiveClipping) }

  private static func event(
    _ z: Double, _ sampling: Sampling, _ relation: NeighboringRelation, _ adaptive: AdaptiveClipping?
  ) -> PrivacyEvent {
    PrivacyEvent(
      noiseMultiplier: z / PrivacyEvent.sensitivityMargin, sampling: sampling, relation: relation,
      countNoise: adaptive.map { $0.countNoise / PrivacyEvent.sensitivityMargin })
  }

  /// What an upload has, and the bound on its norm, where updates are clipped to `norm`.
  public func contents(clippingNorm norm: Double) -> (UplinkContents, bound: Double) {
    guard let adaptiveClipping else { return (.update, norm) }
    let unit = norm * updateNoiseMultiplier / adaptiveClipping.countNoise
    // One bit up: half the unit and the norm together are not above it.
    return (.counted(clippingNorm: norm, unit: unit), (norm * norm + unit * unit / 4).squareRoot().nextUp.nextUp)
  }

  /// The delta that is left for the composed rounds.
  public var roundsDelta: Double { delta - truncationDelta - numericalDelta }

  /// Epsilon after each number of rounds: one of these serves a whole run, and all that have the plan's numbers in common.
  public var spendingColumn: SpendingColumn {
    SpendingColumn(
      accountant, event, rounds: affordedRounds, planned: plannedSpending, delta: delta,
      truncation: truncationDelta + numericalDelta)
  }

  /// Epsilon of the first `rounds` rounds, at most the afforded ones, at the plan's delta. Precise for all of them; within
  /// 10^-3 before, apart from what `truncationDelta` and `numericalDelta` cost the lower bound.
  ///
  /// Whoever asks for many numbers of rounds asks `spendingColumn`, which says the same and computes less.
  public func spending(rounds: Int) throws(PrivacyRefusal) -> PrivacySpent {
    try spendingColumn.spending(rounds: rounds)
  }

  /// sigma = z_u C / sqrt(m_max): the deviation of one client's noise, 0 where the server adds all. A public constant: shares
  /// that depended on the drawn number would tell it to every client.
  public var noiseScale: Double { noiseScale(clippingNorm: clippingNorm) }

  public func noiseScale(clippingNorm norm: Double) -> Double {
    noiseSource == .central ? 0 : updateNoiseMultiplier * norm / Double(largestCohort).squareRoot()
  }

  /// The deviation of the noise that the server adds when `arrived` shares are in the sum: to z_u C in all.
  public func completionScale(arrived: Int, clippingNorm norm: Double) -> Double {
    precondition(arrived <= largestCohort)
    guard noiseSource == .channel else { return updateNoiseMultiplier * norm }
    return noiseScale(clippingNorm: norm) * Double(largestCohort - arrived).squareRoot()
  }
}
