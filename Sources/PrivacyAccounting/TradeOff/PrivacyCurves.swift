/// All that is drawn of a ledger: delta over epsilon, f from both sides, and the Gaussian mechanisms below it.
public struct PrivacyCurves: Sendable {
  public let profile: PrivacyProfile
  public let below: TradeOffCurve
  /// Nil where the accountant has no lower bounds.
  public let above: TradeOffCurve?
  public let gaussian: DominatingGaussian

  /// How f follows from the profile, for whoever reads it.
  public static let theorem =
    "f from the profile by duality (Dong, Roth & Su 2022): f(a) = sup over epsilon of max(1 - delta - e^epsilon a, "
    + "(1 - delta - a) / e^epsilon, 0); docs/accounting.md, Curves"

  /// - Parameters:
  ///   - least: the delta at which the curves end.
  ///   - truncation: the part of delta that pays for cohorts that are cut, and for rounding.
  /// - Throws: `PrivacyRefusal` where there is no proof.
  public init(
    _ ledger: PrivacyLedger, accountant: Accountant, least: Double, truncation: Double = 0
  ) throws(PrivacyRefusal) {
    profile = try accountant.profile(ledger, least: least, truncation: truncation)
    below = .below(profile)
    above = .above(profile)
    gaussian = try DominatingGaussian(ledger, truncation: truncation, lower: below, upper: above)
  }
}
