import Numerics
import Platform

/// P[r >= g] and E min(r, g) under the proposal, for the density ratio r = dQ/dP of two Gaussians as `GaussianRatio` has
/// it, with a proved error (docs/codecs/numerics.md, "The stretch function").
///
/// Two ways, each a sum with a remainder in closed form:
/// - *Contours.* E r^theta = e^K(theta) is elementary, so P[ln r >= L] = 1/(2 pi i) integral of e^(K(theta) - theta L) / theta along
///   Re theta = c > 0, and with 1 / (theta (theta - 1)) in place of 1 / theta it is E(r - g)+ / g for c > 1, -E min(r, g) / g for c in
///   (0, 1), and E(g - r)+ / g for c < 0. The trapezoid rule with step h gives exactly the sum over m of e^(2 pi m c / h) f(L + 2 pi m / h)
///   (Poisson summation): its error is bounded by the distance of c from the poles, and needs no smoothness of f.
/// - *Mixtures*, for few coordinates and a near centre, where e^K falls off slowly: non-central chi-square laws as sums of
///   non-negative terms.
///
/// For encoders only: the platform's exp, log and the like decide here, within an ulp of the truth.
final class HeightLaw {
  let ratio: GaussianRatio
  /// ln sup r.
  let logSupremum: Double

  private let n: Double
  private let snr: Double
  /// |m|^2 (1 + snr) / 2.
  private let pull: Double
  /// ln(1 + snr) - snr.
  private let excess: Double
  /// 1 over the deviation of ln r under the target: how far contours are apart.
  private let width: Double
  private let mixture: Mixture?
  private var contours: [Int: Contour] = [:]

  init(_ ratio: GaussianRatio) {
    self.ratio = ratio
    logSupremum = ratio.logSupremum
    n = Double(ratio.dimension)
    snr = ratio.snr
    pull = ratio.shift * ratio.shift * (1 + snr) / 2
    excess = logExcess(snr)
    width = 1 / max(ratio.targetMoments.variance, 1e-300).squareRoot()
    let centrality = 2 * pull * (1 + snr) / (snr * snr)
    // Elsewhere e^K has fallen to e^-42 before it falls off slowly.
    mixture = n < 32 && centrality < 400 * (1 + 2 * snr) ? Mixture(ratio, centrality: centrality) : nil
  }

  /// P[r >= g] and E min(r, g) for ln g = `logHeight`, and E(r - g)+ where that is the smaller part of 1, else nil.
  func callAsFunction(_ logHeight: Double) -> Values {
    guard logHeight < logSupremum else { return Values(tail: 0, below: 1, above: 0) }
    if let mixture { return mixture.values(logHeight, gap: logSupremum - logHeight) }
    let contour = contour(for: logHeight)
    let (tail, part) = contour.sums(logHeight)
    let g = exp(logHeight)
    if contour.c > 1 { return Values(tail: max(tail, 0), below: 1 - g * part, above: max(g * part, 0)) }
    if contour.c > 0 { return Values(tail: tail, below: -g * part, above: 1 + g * part) }
    return Values(tail: min(1 + tail, 1), below: g * (1 - part), above: 1 - g * (1 - part))
  }

  struct Values {
    /// P[r >= g].
    let tail: Double
    /// E min(r, g) = 1 - E(r - g)+, and the latter.
    let below: Double
    let above: Double
  }

  // MARK: Contours

  /// Derivative of K, strictly rising: the height for which theta is the saddle point.
  private func slope(_ theta: Double) -> Double {
    let e = 1 + theta * snr
    return n / 2 * (excess + snr * (theta * snr) / e) - pull * (1 - 2 * theta - theta * theta * snr) / (e * e)
  }

  /// Contours stand at both sides of the poles 0 and 1, a share of `width` apart, and in the middle where there is room.
  private func contour(for logHeight: Double) -> Contour {
    // Saddle points: right of 1, left of 0, or between.
    let index: Int
    if logHeight >= (slope(0) + slope(1)) / 2 {
      let step = place(logHeight, from: 1, direction: 1)
      index = step < 0 ? 0 : step + 1
    } else {
      let step = place(logHeight, from: 0, direction: -1)
      index = step < 0 ? 0 : -(step + 1)
    }
    return contour(index)
  }

  private static let nearest = 0.6
  private static let apart = 0.7

  /// Number of the contour nearest to the saddle point; -1 for the middle one.
  private func place(_ logHeight: Double, from pole: Double, direction: Double) -> Int {
    let at = { [width] (k: Int) in pole + direction * width * (Self.nearest + Self.apart * (Double(k) - 0.5)) }
    if width < 0.7 {
      // Half way between the middle and the first.
      let half = (0.5 + pole + direction * width * Self.nearest) / 2
      if (logHeight - slope(half)) * direction < 0 { return -1 }
    }
    var k = 0
    while k < 60, 1 + at(k + 1) * snr > 0.25, (logHeight - slope(at(k + 1))) * direction >= 0 { k += 1 }
    return k
  }

  private func contour(_ index: Int) -> Contour {
    if let made = contours[index] { return made }
    let away = { [width] (k: Int) in width * (Self.nearest + Self.apart * Double(k)) }
    let c = index == 0 ? 0.5 : index > 0 ? 1 + away(index - 1) : -min(away(-index - 1), 0.7 / snr)
    let made = Contour(c: c, n: n, snr: snr, pull: pull, excess: excess, slope: slope(c), width: width)
    contours[index] = made
    return made
  }

  private struct Contour {
    let c: Double
    private let step: Double
    /// K'(c) and K(c).
    private let slope: Double
    private let value: Double
    /// Terms of both sums but for e^(-i y (L - K'(c))).
    private var tailReal: [Double] = []
    private var tailImaginary: [Double] = []
    private var partReal: [Double] = []
    private var partImaginary: [Double] = []

    init(c: Double, n: Double, snr: Double, pull: Double, excess: Double, slope: Double, width: Double) {
      self.c = c
      self.slope = slope
      let e = 1 + c * snr
      if c > 0.5 {
        let d = c - 1
        let u = snr / (1 + snr)
        value = n / 2 * (d * (excess + snr * u) - logExcess(d * u)) + c * d * pull / e
      } else {
        value = n / 2 * (c * excess - logExcess(c * snr)) - c * (1 - c) * pull / e
      }
      let distance = c > 1 ? c - 1 : c > 0 ? min(c, 1 - c) : -c
      // What the rule adds from the pole's side is e^-40, between the poles e^-54 times the height on the side of 0, at most
      // 10^6; and its copies of the law are many deviations apart.
      let exponent = c > 0 && c < 1 ? min(c / 54, (1 - c) / 40) : distance / 40
      step = min(2 * Double.pi * exponent, 0.3 * width * e)
      let a = (1 - 2 * c - c * c * snr) / e
      var j = 0
      while j < 6000 {
        let y = Double(j) * step
        let relative = y * snr / e
        let square = relative * relative
        let fall =
          n / 4 * log1p(square) + pull * (1 + snr) / (e * e * e) * y * y / (1 + square)
        if fall > 42 { break }
        let phase =
          n / 2 * arctangentExcess(relative) + pull / e * y * (y * y * snr / e + a * square) / (1 + square)
        let size = exp(-fall) * (j == 0 ? 0.5 : 1)
        let (re, im) = (size * cos(phase), size * sin(phase))
        // 1 / theta = (c - i y) / (c^2 + y^2); the other factor is 1 / (theta - 1).
        let first = 1 / (c * c + y * y)
        let (tr, ti) = ((re * c + im * y) * first, (im * c - re * y) * first)
        let second = 1 / ((c - 1) * (c - 1) + y * y)
        tailReal.append(tr)
        tailImaginary.append(ti)
        partReal.append((tr * (c - 1) + ti * y) * second)
        partImaginary.append((ti * (c - 1) - tr * y) * second)
        j += 1
      }
    }

    /// The sums for 1 / theta and 1 / (theta (theta - 1)).
    func sums(_ logHeight: Double) -> (tail: Double, part: Double) {
      let angle = step * (slope - logHeight)
      let (turnReal, turnImaginary) = (cos(angle), sin(angle))
      var (tail, part) = (0.0, 0.0)
      var (re, im) = (1.0, 0.0)
      for j in tailReal.indices {
        // By multiplication, but started anew now and then: errors do not add up.
        if j & 7 == 0 { (re, im) = (cos(angle * Double(j)), sin(angle * Double(j))) }
        tail += tailReal[j] * re - tailImaginary[j] * im
        part += partReal[j] * re - partImaginary[j] * im
        (re, im) = (re * turnReal - im * turnImaginary, re * turnImaginary + im * turnReal)
      }
      let factor = exp(value - c * logHeight) * step / Double.pi
      return (tail * factor, part * factor)
    }
  }

  // MARK: Mixtures

  /// {r >= g} is a ball, so that both laws give it the mass of a non-central chi-square law.
  private struct Mixture {
    private let shape: Double
    private let snr: Double
    private let centrality: Double

    init(_ ratio: GaussianRatio, centrality: Double) {
      shape = Double(ratio.dimension) / 2
      snr = ratio.snr
      self.centrality = centrality
    }

    func values(_ logHeight: Double, gap: Double) -> Values {
      let half = gap / snr
      let tail = mixtureMass(half, shape: shape, mean: centrality / 2)
      let target = mixtureMass(half * (1 + snr), shape: shape, mean: centrality / (2 * (1 + snr)))
      let above = max(target - exp(logHeight) * tail, 0)
      return Values(tail: min(tail, 1), below: 1 - above, above: above)
    }
  }
}
