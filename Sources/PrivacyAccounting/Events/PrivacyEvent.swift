/// Which data sets are neighbors. The unit of privacy is one client with all its examples.
public enum NeighboringRelation: String, Sendable, CaseIterable {
  /// The client's contributions become zero; it is still drawn and still sends noise.
  case zeroOut = "zero-out"
  /// The client is there or not; population size, sampling rate, noise shares and delta are public constants.
  case addOrRemove = "add-or-remove"
  /// The client's data are any other data.
  case replaceOne = "replace-one"
}

/// How the clients of a round are drawn.
public enum Sampling: Sendable, Hashable {
  /// Each client on its own with the same probability.
  case poisson(rate: Double)
  case everyone
  /// A uniform subset of fixed size.
  case fixedSize(rate: Double)

  public var name: String {
    switch self {
    case .poisson: "poisson"
    case .everyone: "everyone"
    case .fixedSize: "fixed-size"
    }
  }

  /// Whether a client that is left out makes room for another one.
  public var takesPlaces: Bool {
    if case .fixedSize = self { return true }
    return false
  }

  public init(name: Name, rate: Double) {
    switch name {
    case .poisson: self = .poisson(rate: rate)
    case .everyone: self = .everyone
    case .fixedSize: self = .fixedSize(rate: rate)
    }
  }

  public enum Name: String, Sendable, CaseIterable {
    case poisson
    case fixedSize = "fixed-size"
    case everyone
  }

  public var rate: Double {
    switch self {
    case .poisson(let rate), .fixedSize(let rate): rate
    case .everyone: 1
    }
  }
}

/// What one round releases, as data: accountants interpret it, and refuse what they have no proof for.
///
/// The release is the sum of the drawn clients' updates, each of norm at most C, plus N(0, (noiseMultiplier C)^2 I).
public struct PrivacyEvent: Sendable, Hashable {
  /// z: the standard deviation of the noise on the sum over the clipping norm C.
  public let noiseMultiplier: Double
  public let sampling: Sampling
  public let relation: NeighboringRelation
  /// Adaptive clipping also releases the sum of b - 1/2 over the drawn clients, b = 0 or 1, with noise of this deviation: the same
  /// coins draw both, so update and count are one vector, not two events. Nil without.
  public let countNoise: Double?

  public init(noiseMultiplier: Double, sampling: Sampling, relation: NeighboringRelation, countNoise: Double? = nil) {
    self.noiseMultiplier = noiseMultiplier
    self.sampling = sampling
    self.relation = relation
    self.countNoise = countNoise
  }

  /// z of the stacked vector (update / (z C), (b - 1/2) / sigma_b), whose norm is at most the root of z^-2 + (2 sigma_b)^-2.
  public var effectiveNoiseMultiplier: Double {
    guard let countNoise else { return noiseMultiplier }
    guard noiseMultiplier > 0, countNoise > 0 else { return 0 }
    return 1 / (1 / (noiseMultiplier * noiseMultiplier) + 1 / (4 * countNoise * countNoise)).squareRoot()
  }

  /// z of the update for which update and count together have `whole`: (z^-2 - (2 sigma_b)^-2)^(-1/2).
  ///
  /// - Throws: where 2 sigma_b <= z: the count alone then tells more than z allows.
  public static func updateNoiseMultiplier(
    whole z: Double, countNoise: Double
  ) throws(PrivacyRefusal) -> Double {
    guard 2 * countNoise > z else {
      throw .countNoise(countNoise, noiseMultiplier: z)
    }
    return 1 / (1 / (z * z) - 1 / (4 * countNoise * countNoise)).squareRoot()
  }

  /// Clipping and summation in floating point may exceed C by a hair: a run accounts for C (1 + 10^-6).
  public static let sensitivityMargin = 1 + 1e-6

  /// And a pair that the mechanism attains, with updates that exist: what is proved of it from below holds for the
  /// mechanism.
  func pairs() throws(PrivacyRefusal) -> (dominating: DominatingPair, attained: DominatingPair)? {
    let z = effectiveNoiseMultiplier
    guard sampling.rate > 0 else { return nil }
    guard z > 0 else { throw .unproved("without noise (noiseMultiplier 0) no epsilon is finite") }
    let q = sampling.rate
    // A client that is replaced, or takes another one's place, moves the sum by up to 2 C.
    let twice = relation == .replaceOne || (sampling.takesPlaces && relation == .addOrRemove)
    if q == 1 {
      let pair = DominatingPair.gaussian(scale: twice ? z / 2 : z)
      // A cohort of all of fixed size has no neighbor with one client less of its size: that the place is taken is a bound.
      return (pair, sampling.takesPlaces && relation == .addOrRemove ? .gaussian(scale: z) : pair)
    }
    let poisson = DominatingPair(kind: .subsampled, rate: q, scale: z)
    let swapped = DominatingPair(kind: .subsampled, rate: q, scale: z / 2)
    switch (sampling.takesPlaces, relation) {
    case (false, .replaceOne):
      let pair = DominatingPair(kind: .subsampledReplacement, rate: q, scale: z)
      return (pair, pair)
    case (false, _): return (poisson, poisson)
    case (true, .addOrRemove): return (swapped, swapped)
    case (true, .replaceOne):
      // Attained with all others at -C, and C replaced by -C.
      return (DominatingPair(kind: .displacedReplacement, rate: q, scale: z / 2), swapped)
    case (true, .zeroOut):
      // Attained with all others at -C, and C becoming 0.
      return (
        DominatingPair(kind: .displacedZero, rate: q, scale: z), DominatingPair(kind: .displacedOnce, rate: q, scale: z)
      )
    }
  }

  /// Whether the second law is noise alone where all others send zero: then it is the same however many are cut.
  var isForward: Bool { !sampling.takesPlaces && relation != .replaceOne }

  /// Another relation, and a Poisson cohort of the same rate in place of one of fixed size.
  func changed(_ relation: NeighboringRelation, isPoisson: Bool) -> PrivacyEvent {
    var sampling = sampling
    if isPoisson, case .fixedSize(let rate) = sampling { sampling = .poisson(rate: rate) }
    return PrivacyEvent(
      noiseMultiplier: noiseMultiplier, sampling: sampling, relation: relation, countNoise: countNoise)
  }

  /// Whether the profile of `other` is nowhere above this event's, and what attains it is a pair of neighbors of this event, noise and
  /// rate being equal (docs/privacy.md, Containment).
  func contains(_ other: PrivacyEvent) -> Bool {
    guard noiseMultiplier == other.noiseMultiplier, countNoise == other.countNoise, sampling.rate == other.sampling.rate
    else { return false }
    // At fixed size another client takes a free place even where all are drawn: its pair is twice as far apart.
    let isFixed = sampling.takesPlaces && (sampling.rate < 1 || relation == .addOrRemove)
    let otherIsFixed = other.sampling.takesPlaces && (other.sampling.rate < 1 || other.relation == .addOrRemove)
    guard isFixed || !otherIsFixed else { return false }
    if relation == other.relation || relation == .replaceOne { return true }
    // A client that is not there and one that sends zero have one law, but for the place that is taken.
    return !otherIsFixed && other.relation != .replaceOne
  }

  /// The theorem that the pair comes from, for whoever reads epsilon.
  public var dominationTheorem: String {
    switch (sampling, relation) {
    case (.everyone, _): "one Gaussian mechanism of sensitivity \(relation == .replaceOne ? "2 C" : "C")"
    case (.poisson, .replaceOne):
      "(1-q)N(0) + qN(C) against (1-q)N(0) + qN(-C), by comparison of log-normals (docs/privacy.md, Theorem 2)"
    case (.poisson, _):
      "(1-q)N(0) + qN(C) against N(0) (Zhu, Dong & Wang 2022, Theorem 11; docs/privacy.md, Theorem 1)"
    case (.fixedSize, .addOrRemove):
      "the Poisson pair at sensitivity 2 C, as another client takes the free place (docs/privacy.md, Theorem 3)"
    case (.fixedSize, .zeroOut):
      "profile of a client that displaces another (docs/privacy.md, Theorem 4), which no single update attains: the lower bound "
        + "is what updates that exist attain"
    case (.fixedSize, .replaceOne):
      "Zhu-Dong-Wang profile of the 2 C pair (docs/privacy.md, Theorem 5), which no single update attains: the lower bound is "
        + "what updates that exist attain"
    }
  }
}

/// Why no epsilon is stated.
public enum PrivacyRefusal: Error, Equatable, CustomStringConvertible {
  /// There is no proof of a finite epsilon: the reason.
  case unproved(String)
  /// The count of adaptive clipping, with its noise, alone tells more than the noise multiplier of update and count together allows.
  case countNoise(Double, noiseMultiplier: Double)
  /// A budget that does not pay for a single round.
  case budget(Double)

  public var description: String {
    switch self {
    case .unproved(let reason): reason
    case .countNoise(let countNoise, let z):
      "a count with noise \(countNoise) alone spends more than a noise multiplier of \(z) allows: it must be above z / 2 = \(z / 2)"
    case .budget(let budget): "a budget of \(budget) does not pay for a single round"
    }
  }
}
