import Numerics

/// What arithmetic costs: docs/codecs/numerics.md derives every line of this file.
///
/// The decoder's sample Y' and the sample Y ~ N(x, sigma^2 I) of real arithmetic can be made from the same randomness so that,
/// for every update x that the channel takes, they are the same but for values that differ by a rounding (some 10^-15 sigma),
/// except with probability at most `totalVariationBound`. That probability is of *choices*: another candidate, sign, side, step or
/// escape than real arithmetic would take, and tails of random numbers that 53 bits do not reach. Bits of Y' below its
/// rounding are outside every claim, here as with all noise in floating point.
extension ChannelSettings {
  /// An upper bound on the probability that one upload's sample is not the one of real arithmetic. Nil for a codec whose
  /// noise is not Gaussian anyway, and for settings that no codec can be made of.
  ///
  /// It assumes that the platform's exp, log, erfc, sin and cos are within an ulp (glibc's are).
  ///
  /// - Cost: that of the codec's plan, which is kept.
  public var totalVariationBound: Double? {
    guard problem == nil else { return nil }
    if codec == .float32, noiseScale == 0 { return 0 }
    let choices: Double
    switch codec {
    case .float32: choices = NumericalBound.unit * NumericalBound.normals(dimension)
    case .layered, .layeredShifted: choices = NumericalBound.unit * NumericalBound.layers(dimension)
    case .gprs: choices = NumericalBound(self).blocks(.gprs)
    case .pfr: choices = NumericalBound(self).blocks(.pfr)
    case .ringToss: choices = NumericalBound(self).blocks(.ringToss)
    case .fastGPRS: choices = NumericalBound(self).searches
    case .polar: choices = NumericalBound(self).polar
    case .universal, .mrc, .orc: return nil
    }
    // And an honest vector may be refused.
    return choices + SampleBound.refusal
  }
}

/// Counts of units of rounding, 2^-53, for the largest norm class: smaller updates have smaller terms and no more blocks.
private struct NumericalBound {
  /// Half a unit in the last place of 1.
  static let unit = 0x1p-53

  private let settings: ChannelSettings
  private let d: Double
  /// |x|^2 / sigma^2 at most: the energy.
  private let energy: Double
  private let snr: Double
  /// s, the proposal's deviation over sigma.
  private let s: Double
  /// sqrt(d) |s x|, at least the sum of |s x_i|.
  private let sizes: Double
  /// 14 + log2 d: how often a number is rounded in a sum by pairs.
  private let depth: Double

  init(_ settings: ChannelSettings) {
    self.settings = settings
    d = Double(settings.domain)
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
  private func tailFactor(_ cap: Double) -> Double { max(8.6 * cap / Elementary.log(2 * cap + 6), 8.1) }

  /// ln r of a candidate differs from the true one by this many units, summed over all blocks: rounding of products and of
  /// sums by pairs (whose partial sums grow like square roots), and the grid of the candidates' normals. A selection with
  /// r' for r has the law min(r', M) p exactly, which costs E |r' / r - 1|.
  private func scores(cap: Double) -> (rounding: Double, grid: Double) {
    let sum = energy + max(energy, d * snr)
    return (5 * sizes + depth * sum, 9 * (1.9 * sizes + s * tailFactor(cap) * energy) + 20 * d * snr)
  }

  func blocks(_ selection: BlockPlan.Selection) -> Double {
    guard let plan = settings.blockPlan else { return 1 }
    let cap = Double(settings.options.draws)
    let logCap = Elementary.log(cap)
    let (rounding, grid) = scores(cap: cap)
    // Escapes: the private sample's ln r; searches of parts, level by level, each with the rounding of its sums; and the plain
    // sum over a part's old coordinates, whose partial sums are at most what a block can carry. At most half of a block's
    // heights escape, else it is layered.
    let levels = 2 + Elementary.log(d) / Elementary.log(4)
    let carried =
      (logCap + 3) * (2 * s * s + 2 * max(1, snr / PublicRatioLaw.log1p(snr)))
      + s * (2 * s * s * (logCap + 3)).squareRoot()
    let escapes = 9 * sizes + levels * rounding + d * carried
    // A decision by times: exponential and sum within 4 units; ln T and the ratio of both within as many of |ln T| and ln M, twice,
    // as the two smallest may change places.
    let perBlock: Double =
      switch selection {
      case .pfr: 48 + 8 * logCap
      // u is a multiple of 2^-53 below M r.
      case .ringToss: 2 * cap + 4 * logCap + 10
      // The enclosure's tolerance, and P[r >= g] and E min(r, g) within 40 + 6 ln M units.
      default: StretchTable.tolerance / Self.unit + 61 * (40 + 6 * logCap) + 60
      }
    return Self.unit
      * (rounding + grid + escapes + Double(plan.blockCount) * perBlock + Self.layers(settings.dimension))
  }

  /// By coordinate: times 7 units, the tolerance 8, ln r 8 + 3 ln s, A as a difference of masses 10 at each of 4 + ln 1/snr e-folds,
  /// sums 20, tails 2; and a candidate's place, through the slope of ln r, after at most 248 sums.
  var searches: Double {
    let logScale = PublicRatioLaw.log1p(snr) / 2
    // Of the smallest class of norms, whose signal-to-noise ratio is the least that a plan has.
    let folds = 4 - Elementary.log(BlockPlan.smallestSNR)
    let place = 314 * (snr + snr.squareRoot()) / s
    return Self.unit * d * (45 + 3 * logScale + 10 * folds + place)
  }

  /// Signs: the sum of |biases| does not grow from level to level of the transform, and each level rounds at most 1.5 units of
  /// it; a leaf's threshold 3/4 of a unit and a bias 1/4, or a coordinate of the quantizer 2; a bias of a quantile bit 5. Magnitudes
  /// as blocks, whose ratio has terms of |x_i|^2 and not |x_i|; places in cells with plain sums over n / 8.
  ///
  /// A place in a cell costs 12 units for the side of x that it is on; its tail is relative to 10^-13, whatever x is.
  var polar: Double {
    guard let plan = settings.polarPlan else { return 1 }
    let rounds = Elementary.log(max(d, 2)) / Elementary.log(2)
    let levels = Double(plan.levels.count)
    let biases = min(0.8 * sizes, d)
    let signs = 1.5 * rounds * biases + 2 * d + levels * (1.5 * rounds * d + 5.75 * d) + (levels > 0 ? 12 * d : 0)
    let length = (d / Double(plan.blockCount)).rounded(.up)
    let cap = Elementary.exp(plan.logCap)
    let sum = (energy + max(energy, d * snr)) / 2
    let perTerm = plan.levels.isEmpty ? depth : length / 8 + 12
    let escapes = 2 + Elementary.log(length) / Elementary.log(4)
    // Coordinates above sigma / 4 are few in a block that is not hopeless: information (x^2 - snr)^2 / 4 each, ln M + 1 in all.
    let gap = max(0.0625 - snr, 0) / (1 + snr)
    var large = tailFactor(cap) * energy
    if plan.levels.isEmpty, gap > 0 {
      large = min(large, Double(plan.blockCount) * (plan.logCap + 1) * max(2 / (gap * gap), 3 * cap))
    }
    let magnitudes =
      (1 + escapes) * perTerm * sum + 9 * (2 * 1.9 * sum + s * large) + 20 * d * snr
      + Double(plan.blockCount) * (68 + 8 * plan.logCap)
    // Pieces: a selection each, with its height, and sums over n / 16 terms a lane of numbers that are atanh of a bias, at most 28.
    var pieces = 0.0
    for transform in [plan.signs] + plan.levels {
      for segment in transform.segments {
        guard let logCap = transform.logCap(segment) else { continue }
        let n = Double(segment.count)
        pieces += 68 + 8 * logCap + (n / 16 + 8) * 28 * n
      }
    }
    return Self.unit * (signs + magnitudes + pieces)
  }
}
