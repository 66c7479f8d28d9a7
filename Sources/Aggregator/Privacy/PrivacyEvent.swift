/// Which data sets are neighbours. The unit of privacy is one client with all its examples.
public enum Relation: String, Sendable, CaseIterable {
  /// The client's contributions become zero; it is still drawn and still sends noise.
  case zeroOut = "zero-out"
  /// The client is there or not; population size, sampling rate, noise shares and delta are public constants.
  case addOrRemove = "add-or-remove"
  /// The client's data are any other data.
  case replaceOne = "replace-one"
}

/// How the clients of a round are drawn.
public enum Sampling: Sendable, Equatable {
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
public struct PrivacyEvent: Sendable, Equatable {
  /// z: the standard deviation of the noise on the sum over the clipping norm C.
  public let noiseMultiplier: Double
  public let sampling: Sampling
  public let relation: Relation

  public init(noiseMultiplier: Double, sampling: Sampling, relation: Relation) {
    self.noiseMultiplier = noiseMultiplier
    self.sampling = sampling
    self.relation = relation
  }

  /// The pair of laws that dominates the round, composed round by round; docs/privacy.md has the proofs.
  enum DominatingPair: Equatable {
    /// N(0, 1) against N(mu, 1).
    case gaussian(mu: Double)
    case subsampled(SubsampledGaussian)
  }

  /// Clipping and summation in floating point may exceed C by a hair: the account is for C (1 + 10^-6).
  static let sensitivityMargin = 1 + 1e-6

  func dominatingPair() throws(PrivacyRefusal) -> DominatingPair {
    guard noiseMultiplier > 0 else { throw .unproved("without noise (noiseMultiplier 0) no epsilon is finite") }
    let z = noiseMultiplier / Self.sensitivityMargin
    switch (sampling, relation) {
    case (.everyone, .zeroOut), (.everyone, .addOrRemove):
      return .gaussian(mu: 1 / z)
    case (.everyone, .replaceOne):
      return .gaussian(mu: 2 / z)
    case (.poisson(let rate), .zeroOut), (.poisson(let rate), .addOrRemove):
      return .subsampled(SubsampledGaussian(samplingRate: rate, noiseMultiplier: z))
    case (.poisson, .replaceOne):
      throw .unproved(
        "replace-one with Poisson cohorts compares two mixtures, for which this version has no accountant; "
          + "use \"zero-out\" or \"add-or-remove\"")
    case (.fixedSize, _):
      throw .unproved(
        "in a cohort of fixed size another client takes the place of one that is left out, so the Poisson bound at the "
          + "same noise would be too small; this version has no accountant for it: use \"poisson\" or \"everyone\"")
    }
  }
}

/// Why no epsilon is stated.
public enum PrivacyRefusal: Error, Equatable, CustomStringConvertible {
  case unproved(String)

  public var description: String {
    switch self {
    case .unproved(let reason): reason
    }
  }
}
