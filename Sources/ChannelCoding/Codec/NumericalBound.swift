import Numerics

/// Counts of units of rounding, 2^-53, for the largest norm class: smaller updates have smaller terms and no more blocks.
///
/// What arithmetic costs: docs/codecs/numerics.md derives every line of this file and of the bounds of single codecs.
///
/// The decoder's sample Y' and the sample Y ~ N(x, sigma^2 I) of real arithmetic can be made from the same randomness so that,
/// for every update x that the channel takes, they are the same but for values that differ by a rounding (some 10^-15 sigma),
/// except with probability at most `totalVariationBound`. That probability is of *choices*: another candidate, sign, side, step or
/// escape than real arithmetic would take, and tails of random numbers that 53 bits do not reach. Bits of Y' below its
/// rounding are outside every claim, here as with all noise in floating point.
///
/// The bounds assume that the platform's exp, log, erfc, sin and cos are within an ulp (glibc's are).
struct NumericalBound {
  /// Half a unit in the last place of 1.
  static let unit = 0x1p-53

  let settings: ChannelSettings
  let d: Double
  /// |x|^2 / sigma^2 at most: the energy.
  let energy: Double
  let snr: Double
  /// s, the proposal's deviation over sigma.
  let s: Double
  /// sqrt(d) |s x|, at least the sum of |s x_i|.
  let sizes: Double
  /// 14 + log2 d: how often a number is rounded in a sum by pairs.
  let depth: Double

  init(_ settings: ChannelSettings) {
    self.settings = settings
    d = Double(settings.paddedDimension)
    let signal = settings.clippingNorm / settings.noiseScale * (1 + 1e-6)
    energy = signal * signal
    snr = min(max(energy / d, BlockPlan.smallestSNR), BlockPlan.largestSNR)
    s = (1 + snr).squareRoot()
    sizes = s * (d * energy).squareRoot()
    depth = 14 + Elementary.log(d) / Elementary.log(2)
  }

  /// Two normals share a radius, whose tail has mass 2^-53 (`float32`, and updates of zero).
  static func normals(_ dimension: Int) -> Double { Double(dimension + 1) / 2 }

  /// Two exponentials a step, each with a tail of mass 2^-53. Dithers and their rounding cost nothing: for a given step Y' is
  /// uniform on 2^53 consecutive points of a lattice whatever rounding does to the integer, and so a rounding of Y.
  static func layers(_ dimension: Int) -> Double { 2 * Double(dimension) }

  /// The largest min(M, sinh(8.6 x) / (8.6 x)) / x for x from 1/4 on: how much likelier than under the proposal a body has a shared
  /// normal in its coarse tail, over |x_i|.
  func tailFactor(_ cap: Double) -> Double { max(8.6 * cap / Elementary.log(2 * cap + 6), 8.1) }

  /// ln r of a candidate differs from the true one by this many units, summed over all blocks: rounding of products and of
  /// sums by pairs (whose partial sums grow like square roots), and the grid of the candidates' normals. A selection with
  /// r' for r has the law min(r', M) p exactly, which costs E |r' / r - 1|.
  func scores(cap: Double) -> (rounding: Double, grid: Double) {
    let sum = energy + max(energy, d * snr)
    return (5 * sizes + depth * sum, 9 * (1.9 * sizes + s * tailFactor(cap) * energy) + 20 * d * snr)
  }
}
