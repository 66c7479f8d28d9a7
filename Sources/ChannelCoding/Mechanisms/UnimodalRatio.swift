import Numerics
import Platform

/// A target and a proposal on the line whose density ratio r rises up to a mode and falls from there on: all that
/// `FastGPRS` needs to know.
///
/// Sets {r >= h} are intervals, and r tends to 0 on both sides.
public protocol UnimodalRatio: Sendable {
  /// ln r(x).
  func logRatio(_ x: Double) -> Double
  /// Its derivative; above 0 below the mode.
  func logRatioSlope(_ x: Double) -> Double
  /// Where r is largest.
  var mode: Double { get }
  /// The two points, below and above the mode, at which r is what it is at `x`.
  func levelSet(through x: Double) -> (low: Double, high: Double)
  /// Mass of the proposal, and of the target, between two points.
  func proposalMass(_ low: Double, _ high: Double) -> Double
  func targetMass(_ low: Double, _ high: Double) -> Double
  /// Density of the proposal.
  func proposalDensity(_ x: Double) -> Double
  /// Points where a density or the ratio has a kink.
  var kinks: [Double] { get }
  /// A length over which everything between kinks is smooth: the target's scale.
  var scale: Double { get }
  /// A point below the mode from which downwards {r >= r(x)} holds all of both laws but 10^-16, or r is below 10^-16.
  var farBelow: Double { get }
  /// The proposal's point that has mass `left` below it and `right` above it; left + right = 1, and the smaller of the
  /// two counts. Both ends evaluate it: built from + - * / sqrt and the portable logarithm.
  func proposalQuantile(left: Double, right: Double) -> Double
  /// Whether time < S(r(x)).
  func accepts(_ x: Double, at time: Double) -> Bool
}

extension UnimodalRatio {
  /// A(h) = Q[r >= h] - h P[r >= h] at h = r(x): the probability that a height uniform under r is above h.
  func survival(at x: Double) -> Double {
    let (low, high) = levelSet(through: x)
    let logHeight = logRatio(x)
    guard high - low < 0.25 * scale else {
      return targetMass(low, high) - exp(logHeight) * proposalMass(low, high)
    }
    // The difference would cancel: integrate p (r - h), which is not negative, instead.
    let points = ([low, mode, high] + kinks.filter { $0 > low && $0 < high }).sorted()
    var total = 0.0
    for (a, b) in zip(points, points.dropFirst()) where b > a {
      total += GaussLegendre.integrate(from: a, to: b) {
        proposalDensity($0) * expm1(max(logRatio($0) - logHeight, 0))
      }
    }
    return total * exp(logHeight)
  }

  /// S(r(x)), S(h) = integral over (0, h) of d eta / A(eta): the stretch function.
  ///
  /// Along the lower edge a of {r >= eta}: d eta = r'(a) da. Below `farBelow`, A = 1 - eta or eta is nothing, and
  /// S = -ln(1 - eta). Relative error below 10^-9 (tested against finer panels).
  public func stretch(_ x: Double) -> Double {
    let end = levelSet(through: x).low
    let start = min(farBelow, end)
    var total = -log1p(-min(exp(logRatio(start)), 1 - 0x1p-53))
    let edges = kinks.map { $0 > mode ? levelSet(through: $0).low : $0 }.filter { $0 > start && $0 < end }
    let points = ([start, end] + edges).sorted()
    for (a, b) in zip(points, points.dropFirst()) where b > a {
      var low = a
      while low < b {
        // Panels shrink towards the mode, where A falls to zero.
        let width = min(scale, max(0.25 * (mode - low), 1e-8 * scale))
        let high = b - low < 1.3 * width ? b : low + width
        total += GaussLegendre.integrate(from: low, to: high) {
          exp(logRatio($0)) * logRatioSlope($0) / survival(at: $0)
        }
        low = high
      }
    }
    return total
  }

  /// Whether time < S(r(x)), with as little of S as it takes: to the accuracy of `stretch`.
  ///
  /// h <= S(h) <= h / A(h) settles many cases. As A falls while r rises, the sums of (h_i+1 - h_i) / A over a few points
  /// of the lower edge, with A from the left or from the right ends, enclose S: they settle most of the rest.
  public func accepts(_ x: Double, at time: Double) -> Bool {
    let height = exp(logRatio(x))
    if time < height { return true }
    let survival = survival(at: x)
    if time * survival >= height { return false }
    let end = levelSet(through: x).low
    let start = min(farBelow, end)
    var lower = 0.0
    var upper = 0.0
    var last = (height: exp(logRatio(start)), survival: 1.0)
    last.survival = max(1 - last.height, survival)
    lower = last.height
    upper = last.height / last.survival
    // The last third gets half of the points.
    let points = 12
    for i in 1...points {
      let t = Double(i) / Double(points)
      let a = start + (end - start) * (t < 0.5 ? t * 4 / 3 : 1 - (1 - t) * 2 / 3)
      let next = i == points ? (height, survival) : (exp(logRatio(a)), self.survival(at: a))
      lower += max(next.0 - last.height, 0) / last.survival
      upper += max(next.0 - last.height, 0) / next.1
      last = next
    }
    // Rounding, and the far end, in favour of the integral.
    if time < lower * (1 - 1e-9) { return true }
    if time >= upper * (1 + 1e-9) { return false }
    return time < stretch(x)
  }

  /// D(Q || P) in nats: E ln r under the target, by the heights: the integral of the target's mass over ln h.
  public var relativeEntropy: Double {
    // E ln r = integral of ln r q over the line, in panels of half a scale around the target's bulk.
    let reach = 40.0
    let points = ([mode - reach * scale, mode, mode + reach * scale] + kinks).sorted()
    var total = 0.0
    for (a, b) in zip(points, points.dropFirst()) where b > a {
      let panels = max(Int((b - a) / (0.5 * scale)), 1)
      for i in 0..<panels {
        let low = a + (b - a) * Double(i) / Double(panels)
        total += GaussLegendre.integrate(from: low, to: a + (b - a) * Double(i + 1) / Double(panels)) {
          let l = logRatio($0)
          return proposalDensity($0) * exp(l) * l
        }
      }
    }
    return total
  }
}

/// Target N(mean, 1), proposal N(0, s^2), s > 1.
///
/// ln r(y) = ln s - (y - mean)^2 / 2 + y^2 / (2 s^2) = top - (y - m)^2 / (2 v), v = s^2 / (s^2 - 1), m = v mean. The first form has
/// no large terms wherever either law has mass.
///
/// Positions count from the mean: near either law's mass they have no large terms either.
public struct GaussianPair: UnimodalRatio {
  public let mean: Double
  public let proposalScale: Double
  private let spread: Double
  private let top: Double
  private let logScale: Double
  public let mode: Double
  /// mode - mean = mean / (s^2 - 1).
  private let lead: Double

  public init(mean: Double, proposalScale: Double) {
    precondition(proposalScale > 1)
    self.mean = mean
    self.proposalScale = proposalScale
    let square = proposalScale * proposalScale
    // s - 1 is exact for s < 2: no digits of s^2 - 1 are lost.
    let excess = (proposalScale - 1) * (proposalScale + 1)
    spread = square / excess
    lead = mean / excess
    mode = mean + lead
    logScale = log1p(proposalScale - 1)
    top = logScale + mean * mean / (2 * excess)
  }

  /// ln sup r.
  public var logSupremum: Double { top }
  public var scale: Double { 1 }
  public var kinks: [Double] { [] }

  public func logRatio(_ x: Double) -> Double { logRatio(x, offset: x - mean) }

  @inline(__always)
  private func logRatio(_ x: Double, offset: Double) -> Double {
    let z = x / proposalScale
    return logScale + (z * z - offset * offset) / 2
  }

  public func logRatioSlope(_ x: Double) -> Double { (mode - x) / spread }

  public func levelSet(through x: Double) -> (low: Double, high: Double) {
    x <= mode ? (x, mode + (mode - x)) : (mode - (x - mode), x)
  }

  public func targetMass(_ low: Double, _ high: Double) -> Double { Self.mass(low - mean, high - mean) }

  public func proposalMass(_ low: Double, _ high: Double) -> Double {
    Self.mass(low / proposalScale, high / proposalScale)
  }

  public func proposalDensity(_ x: Double) -> Double {
    let z = x / proposalScale
    return exp(-z * z / 2) / (proposalScale * (2 * Double.pi).squareRoot())
  }

  public var farBelow: Double {
    // All mass is above -8.5 s and above mean - 8.5, or r is below 10^-16 times its top.
    let bulk = min(-8.5 * proposalScale, mean - 8.5)
    // Above -bulk too, since the interval is centred at the mode: only where the mode is not below 0.
    let nothing = mode - (2 * (top + 37) * spread).squareRoot()
    return mode >= 0 ? max(bulk, nothing) : nothing
  }

  public func proposalQuantile(left: Double, right: Double) -> Double {
    proposalScale * NormalQuantile.point(left: left, right: right)
  }

  /// Phi(b) - Phi(a), from the side where it does not cancel.
  private static func mass(_ a: Double, _ b: Double) -> Double {
    // Beyond 12 there is 10^-33.
    let tail = { (z: Double) in z > 12 ? 0 : 0.5 * erfc(z * 0.5.squareRoot()) }
    return a > 0 ? tail(a) - tail(b) : tail(-b) - tail(-a)
  }

  // MARK: Decisions

  /// Enclosures of S that differ by no more than this share of the law are decided by their middle.
  static let tolerance = 0x1p-50

  /// Whether time < S(r(x)), by enclosures of S that narrow until they are on one side of the time.
  ///
  /// ln r is concave, so the survival function's logarithm is a concave function of the logarithm of the height, and
  /// `StretchSum` encloses S as it does for blocks. docs/codecs/numerics.md bounds what is left.
  public func accepts(_ x: Double, at time: Double) -> Bool {
    let offset = x - mean
    let logHeight = logRatio(x, offset: offset)
    let height = exp(logHeight)
    if time < height { return true }
    // The lower end of {r >= r(x)}, from the mean, and its distance from the mode.
    let low = offset <= lead ? offset : 2 * lead - offset
    let reach = lead - low
    guard reach > 0 else { return true }
    let values = survival(low, logHeight: logHeight)
    if time * values.above >= height { return false }
    var panels = 8
    while true {
      let (lower, upper) = stretch(logHeight, reach, values, panels: panels)
      if time < lower { return true }
      if time >= upper { return false }
      if (upper - lower) * values.above <= Self.tolerance * height || panels == Self.mostPanels {
        return time < lower + (upper - lower) / 2
      }
      panels *= 4
    }
  }

  private static let mostPanels = 8 << 26

  /// S from below and above, by points that are even in the distance from the mode where that is above one, and in its
  /// logarithm below.
  func stretch(_ x: Double, panels: Int) -> (low: Double, high: Double) {
    let offset = x - mean
    let low = offset <= lead ? offset : 2 * lead - offset
    let logHeight = logRatio(x, offset: offset)
    return stretch(logHeight, lead - low, survival(low, logHeight: logHeight), panels: panels)
  }

  private func stretch(
    _ logHeight: Double, _ reach: Double, _ values: (tail: Double, above: Double), panels: Int
  ) -> (low: Double, high: Double) {
    var sum = StretchSum()
    let place = { (r: Double) in r > 30 ? r : log(expm1(r)) }
    // Further out for more panels: below the first point S is enclosed by the mass that lies further out.
    let far = mode - farBelow + 0.5 * Double(panels.trailingZeroBitCount - 3)
    if far > reach {
      let (first, last) = (place(far), place(reach))
      for i in 0..<panels {
        let t = first + (last - first) * Double(i) / Double(panels)
        let r = t > 30 ? t : log1p(exp(t))
        let low = lead - r
        let l = logRatio(mean + low, offset: low)
        guard l < logHeight else { break }
        let (tail, above) = survival(low, logHeight: l)
        sum.add(l, tail: tail, above: above, bodyMass: 1)
      }
    }
    sum.add(logHeight, tail: values.tail, above: values.above, bodyMass: 1)
    return (sum.last?.low ?? 0, sum.last?.high ?? .infinity)
  }

  /// P[r >= h] and A(h) = E(r - h)+ at the height of the level set whose lower end is `low`, from the mean.
  private func survival(_ low: Double, logHeight: Double) -> (tail: Double, above: Double) {
    let high = 2 * lead - low
    let tail = Self.mass((mean + low) / proposalScale, (mean + high) / proposalScale)
    if high - low >= 1 { return (tail, max(Self.mass(low, high) - exp(logHeight) * tail, 0)) }
    // The difference would cancel. r - h = h (e^(ln r - ln h) - 1), and ln r - ln h is a product of distances from both ends.
    var total = 0.0
    for (a, b) in [(low, lead), (lead, high)] {
      total += GaussLegendre.integrate(from: a, to: b) {
        proposalDensity(mean + $0) * expm1(($0 - low) * (high - $0) / (2 * spread))
      }
    }
    return (tail, total * exp(logHeight))
  }
}

/// Target Laplace(mean, 1), proposal Laplace(0, s), s > 1: ln r(y) = ln s - |y - mean| + |y| / s.
public struct LaplacePair: UnimodalRatio {
  public let mean: Double
  public let proposalScale: Double

  public init(mean: Double, proposalScale: Double) {
    precondition(proposalScale > 1)
    self.mean = mean
    self.proposalScale = proposalScale
  }

  public var mode: Double { mean }
  public var scale: Double { 1 }
  public var kinks: [Double] { [0] }

  public func logRatio(_ x: Double) -> Double { log(proposalScale) - abs(x - mean) + abs(x) / proposalScale }

  public func logRatioSlope(_ x: Double) -> Double {
    (x < mean ? 1.0 : -1.0) + (x < 0 ? -1.0 : 1.0) / proposalScale
  }

  public func levelSet(through x: Double) -> (low: Double, high: Double) {
    // Straight pieces: below both 0 and the mean, between, above both. The ratio at 0 and slopes decide the piece.
    let level = logRatio(x)
    let atMode = logRatio(mean)
    let atZero = logRatio(0)
    let drop = atMode - level
    let steep = 1 + 1 / proposalScale  // between 0 and the mean
    let flat = 1 - 1 / proposalScale  // beyond
    if mean >= 0 {
      let low = level >= atZero ? mean - drop / steep : -(atZero - level) / flat
      return (low, mean + drop / flat)
    }
    let high = level >= atZero ? mean + drop / steep : (atZero - level) / flat
    return (mean - drop / flat, high)
  }

  public func targetMass(_ low: Double, _ high: Double) -> Double { Self.mass(low - mean, high - mean) }

  public func proposalMass(_ low: Double, _ high: Double) -> Double {
    Self.mass(low / proposalScale, high / proposalScale)
  }

  public func proposalDensity(_ x: Double) -> Double { exp(-abs(x) / proposalScale) / (2 * proposalScale) }

  public var farBelow: Double {
    // r falls at least as e^(-flat distance) away from the mode.
    let flat = 1 - 1 / proposalScale
    return min(mean, 0) - (37 + log(proposalScale) + abs(mean)) / flat
  }

  public func proposalQuantile(left: Double, right: Double) -> Double {
    proposalScale
      * (left < right ? Elementary.log(2 * left) : -Elementary.log(2 * right))
  }

  private static func mass(_ a: Double, _ b: Double) -> Double {
    if a >= 0 { return 0.5 * exp(-a) * -expm1(a - b) }
    if b <= 0 { return 0.5 * exp(b) * -expm1(a - b) }
    return -0.5 * (expm1(a) + expm1(-b))
  }
}
