import Numerics

/// What any code for the Gaussian channel must cost: for tables and figures, never for a decode.
public enum ChannelBounds {
  /// I(X; Y) = d/2 log2(1 + snr) bits for x ~ N(0, snr I_d) and unit noise.
  public static func informationBits(dimension: Int, snr: Double) -> Double {
    Double(dimension) / 2 * PublicRatioLaw.log1p(snr) / Elementary.log(2)
  }

  /// F = E_Y D_CS(P_{X|Y} || P_X) in bits, for the same channel: no exact one-shot code has a lower mean length, with
  /// any shared randomness [Goc & Flamich 2024, arXiv 2401.16579].
  ///
  /// D_CS = -integral over h > 0 of w log2 w dh, w(h) = Pr[r(X, y) >= h] for X from its prior. Given |y|, the posterior
  /// is N(m, tau^2 I) in units of the prior, tau^2 = 1 / (1 + snr) and |m|^2 = chi^2_d snr / (1 + snr): one
  /// `GaussianRatio` for each node of a quadrature over |y|^2.
  ///
  /// Where the target is so rare under the prior that quadratures and tails underflow, the value from the largest snr that is
  /// within reach goes on as a normal ln r would: a height is e^-Exp(1) below r, and w(h) h its density under the target.
  ///
  /// - Cost: milliseconds. Accurate to 10^-3 of its value (tested against published values in one dimension).
  public static func lowerBoundBits(dimension: Int, snr: Double) -> Double {
    guard snr > 0 else { return 0 }
    let d = Double(dimension)
    let nats = { (snr: Double) in d / 2 * PublicRatioLaw.log1p(snr) }
    let normal = { (snr: Double) in nats(snr) - 0.5 + 0.5 * Elementary.log(2 * Double.pi * d * snr / (1 + snr)) }
    // How rare a posterior's radius is among the prior's, and how rare its ball.
    let isWithinReach = { (snr: Double) in nats(snr) <= 250 && nats(snr) - d / 2 * snr / (1 + snr) <= 12 }
    guard !isWithinReach(snr) else { return selectionNats(dimension, snr) / Elementary.log(2) }
    var (low, high) = (1e-9, snr)
    while high > 1.0001 * low {
      let middle = (low * high).squareRoot()
      if isWithinReach(middle) { low = middle } else { high = middle }
    }
    return (selectionNats(dimension, low) + normal(snr) - normal(low)) / Elementary.log(2)
  }

  /// F of the channel with this I(X; Y) in bits.
  ///
  /// - Returns: not a number where the signal-to-noise ratio is beyond floating point.
  public static func lowerBoundBits(dimension: Int, informationBits: Double) -> Double {
    let snr = Elementary.exp(2 * informationBits / Double(dimension) * Elementary.log(2)) - 1
    return snr.isFinite ? lowerBoundBits(dimension: dimension, snr: snr) : .nan
  }

  /// E_Y D_CS in nats.
  private static func selectionNats(_ dimension: Int, _ snr: Double) -> Double {
    let energies = GammaNodes(shape: Double(dimension) / 2)
    var total = 0.0
    var weights = 0.0
    for i in energies.values.indices where energies.weights[i] > 1e-6 {
      let shift = (2 * energies.values[i] * snr / (1 + snr)).squareRoot()
      let ratio = GaussianRatio(dimension: dimension, shift: shift, snr: snr)
      total += energies.weights[i] * selectionNats(ratio)
      weights += energies.weights[i]
    }
    return total / weights
  }

  /// D_CS in nats: -integral of w ln w e^l over l = ln h, by the trapezoid rule.
  private static func selectionNats(_ ratio: GaussianRatio) -> Double {
    let (mean, variance) = ratio.targetMoments
    let deviation = variance.squareRoot()
    // Below, w is 1 or e^l is nothing; above, e^l w, at most the target's mass, is nothing.
    let low = max(mean - variance - 14 * deviation, -36)
    let high = min(mean + 12 * deviation + 3, ratio.logSupremum)
    let step = (high - low) / 1500
    var total = 0.0
    for i in 0..<1500 {
      let l = high - (Double(i) + 0.5) * step
      let w = ratio.proposalTail(l)
      if w > 1 - 1e-13 { break }
      if w > 0 { total -= w * Elementary.log(w) * Elementary.exp(l) * step }
    }
    return total
  }
}
