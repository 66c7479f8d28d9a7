/// How epsilon is computed from events.
public enum Accountant: String, Sendable, CaseIterable {
  /// Renyi divergences of real order: an upper bound for Poisson cohorts and for everyone.
  case rdp
  /// The closed form of the Gaussian mechanism: exact, for everyone only.
  case gaussian

  /// Epsilon after some rounds of one event, and how much is known of it from below.
  public struct Spending: Sendable, Equatable {
    /// A proved upper bound.
    public let epsilon: Double
    /// A proved lower bound of the composed pair's epsilon; nil where the accountant has none.
    public let lowerBound: Double?
  }

  /// - Throws: `PrivacyRefusal` where there is no proof.
  public func spending(
    _ event: PrivacyEvent, rounds: Int, delta: Double
  ) throws(PrivacyRefusal) -> Spending {
    precondition(rounds >= 0)
    guard delta > 0 && delta < 1 else {
      throw .unproved("delta must be above 0 and below 1, found \(delta)")
    }
    let pair = try event.dominatingPair()
    switch (self, pair) {
    case (.gaussian, .gaussian(let mu)):
      let profile = GaussianProfile(mu: mu * Double(rounds).squareRoot())
      // The lower bound is for C itself, without the margin.
      let attained = GaussianProfile(mu: profile.mu / PrivacyEvent.sensitivityMargin)
      return Spending(
        epsilon: profile.epsilon(delta: delta) * (1 + 1e-9),
        lowerBound: attained.epsilon(delta: delta) * (1 - 1e-9))
    case (.gaussian, .subsampled):
      throw .unproved(
        "the \"gaussian\" accountant is for cohorts of everyone: the central limit approximation for sampled cohorts "
          + "is not an upper bound; use \"rdp\"")
    case (.rdp, .gaussian(let mu)):
      return renyi(SubsampledGaussian(samplingRate: 1, noiseMultiplier: 1 / mu), rounds, delta)
    case (.rdp, .subsampled(let pair)):
      return renyi(pair, rounds, delta)
    }
  }

  private func renyi(_ pair: SubsampledGaussian, _ rounds: Int, _ delta: Double) -> Spending {
    Spending(epsilon: RenyiAccountant(rounds: [(pair, rounds)]).epsilon(delta: delta), lowerBound: nil)
  }

  /// The theorem behind the number, for whoever reads it.
  public var theorem: String {
    switch self {
    case .rdp:
      "Renyi DP of the Poisson-subsampled Gaussian (Mironov, Talwar & Zhang 2019), composed by order, converted by "
        + "Canonne, Kamath & Steinke 2020, Proposition 12: an upper bound, typically 4 to 12 % above the exact value"
    case .gaussian:
      "privacy profile of the Gaussian mechanism (Balle & Wang 2018, Theorem 8): exact"
    }
  }

  /// The smallest noise multiplier, to 10^-6 of itself, whose epsilon after `rounds` is at most `target`: the one
  /// returned has been evaluated and meets it.
  public func calibratedNoiseMultiplier(
    targetEpsilon target: Double, delta: Double, rounds: Int, sampling: Sampling, relation: Relation
  ) throws(PrivacyRefusal) -> Double {
    precondition(target > 0)
    func isEnough(_ z: Double) throws(PrivacyRefusal) -> Bool {
      let event = PrivacyEvent(noiseMultiplier: z, sampling: sampling, relation: relation)
      return try spending(event, rounds: rounds, delta: delta).epsilon <= target
    }
    let range = 1e-2...1e6
    var high = 1.0
    while try !isEnough(high) {
      high *= 2
      if high > range.upperBound { throw .unproved("no noise multiplier up to 10^6 reaches epsilon \(target)") }
    }
    var low = high / 2
    while try isEnough(low) {
      high = low
      low /= 2
      if low < range.lowerBound { return high }
    }
    while high / low > 1 + 1e-6 {
      let middle = (low * high).squareRoot()
      if try isEnough(middle) { high = middle } else { low = middle }
    }
    return high
  }
}
