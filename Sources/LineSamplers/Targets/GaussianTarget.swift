import ChannelCoding
import Files
import Numerics
import Platform

/// P = N(0, 1), Q = N(m, s^2) with s < 1, or Q = P.
///
/// ln r = -ln s - (x - m)^2 / (2 s^2) + x^2 / 2 = top - (x - c)^2 / (2 v), v = s^2 / (1 - s^2), c = m / (1 - s^2).
public struct GaussianTarget: LineTarget {
  public let mean: Double
  public let deviation: Double
  public let logSupremum: Double
  public let mode: Double
  private let spread: Double
  /// The same pair in units of s: target N(m / s, 1), proposal N(0, 1 / s^2). Nil for Q = P.
  private let pair: GaussianPair?

  /// - Throws: `ToolError.input` where r is not bounded, or the target is so rare under the proposal that masses underflow.
  public init(mean: Double, deviation s: Double) throws(ToolError) {
    let place = "--target"
    guard mean.isFinite, s.isFinite, s > 0 else {
      throw .input(
        place: place,
        problem: "found a Gaussian with m = \(mean), s = \(s); allowed: numbers m, and s above 0 and below 1")
    }
    guard s < 1 || (s == 1 && mean == 0) else {
      let reason =
        s == 1
        ? "r = exp(m x - m^2 / 2) is not bounded, so that no sampler ends"
        : "r grows without bound on both sides, so that no sampler ends"
      throw .input(
        place: place,
        problem:
          "found a Gaussian with m = \(mean), s = \(s): \(reason); allowed: s below 1, or s = 1 with m = 0 (Q = P)")
    }
    guard s >= Self.smallestDeviation, abs(mean) + 8 * s <= Self.reach else {
      throw .input(
        place: place,
        problem:
          "found a Gaussian with m = \(mean), s = \(s); allowed: s from \(Self.smallestDeviation), |m| + 8 s up to \(Self.reach): beyond, masses of N(0, 1) underflow"
      )
    }
    self.mean = mean
    deviation = s
    let gap = (1 - s) * (1 + s)
    guard gap > 0 else {
      (logSupremum, mode, spread, pair) = (0, 0, .infinity, nil)
      return
    }
    spread = s * s / gap
    mode = mean / gap
    logSupremum = -log(s) + mean * mean / (2 * gap)
    pair = GaussianPair(mean: mean / s, proposalScale: 1 / s)
  }

  /// A candidate's place has 2^-53 of the proposal's scale: below this s, those are no longer small against Q.
  static let smallestDeviation = 1e-9
  /// The mass of N(0, 1) beyond this is 10^-300.
  static let reach = 37.0

  public var spelling: String { "gaussian:\(Text.shown(mean)),\(Text.shown(deviation))" }
  public var proposal: LineProposal { .normal }
  public var isUnimodal: Bool { true }
  public var relativeEntropy: Double {
    -log(deviation) + ((deviation - 1) * (deviation + 1) + mean * mean) / 2
  }

  public func logRatio(_ point: LinePoint) -> Double { logRatio(point.x) }

  /// ln r(x).
  public func logRatio(_ x: Double) -> Double {
    guard pair != nil else { return 0 }
    let z = (x - mean) / deviation
    return -log(deviation) + (x * x - z * z) / 2
  }

  public func levelSet(_ logHeight: Double) -> [(low: Double, high: Double)] {
    guard logHeight <= logSupremum else { return [] }
    guard pair != nil else { return [(-.infinity, .infinity)] }
    let half = (2 * spread * (logSupremum - logHeight)).squareRoot()
    return [(mode - half, mode + half)]
  }

  public func logSupremum(in interval: LineInterval) -> Double {
    guard pair != nil else { return 0 }
    let (low, high) = interval.ends(proposal)
    if low <= mode, mode <= high { return logSupremum }
    return logRatio(mode < low ? low : high)
  }

  public func targetMass(of interval: LineInterval) -> Double {
    let (low, high) = interval.ends(proposal)
    return targetMass(low, high)
  }

  private func targetMass(_ low: Double, _ high: Double) -> Double {
    NormalMass.between((low - mean) / deviation, (high - mean) / deviation)
  }

  public func excess(over logHeight: Double, in interval: LineInterval) -> Double {
    guard pair != nil else { return interval.mass * max(-expm1(logHeight), 0) }
    guard let level = levelSet(logHeight).first else { return 0 }
    let ends = interval.ends(proposal)
    let (low, high) = (max(level.low, ends.low), min(level.high, ends.high))
    guard low < high else { return 0 }
    let highest = logRatio(min(max(mode, low), high)) - logHeight
    if highest >= 1 { return max(targetMass(low, high) - exp(logHeight) * proposal.mass(low, high), 0) }
    // Both terms are alike: r - h = h (e^(ln r - ln h) - 1), and ln r - ln h is a product of distances from both ends of the level set.
    let (a, b) = (max(low, mean - 40 * deviation), min(high, mean + 40 * deviation))
    guard a < b else { return 0 }
    let panels = max(Int(((b - a) / deviation).rounded(.up)), 1)
    var total = 0.0
    for i in 0..<panels {
      let start = a + (b - a) * Double(i) / Double(panels)
      total += GaussLegendre.integrate(from: start, to: start + (b - a) / Double(panels)) {
        proposal.density($0) * expm1(max(($0 - level.low) * (level.high - $0), 0) / (2 * spread))
      }
    }
    return total * exp(logHeight)
  }

  public func accepts(_ point: LinePoint, at time: Double) -> Bool {
    pair?.accepts(point.x / deviation, at: time) ?? true
  }

  public func stretch(_ point: LinePoint) -> Double { pair?.stretch(point.x / deviation) ?? .infinity }

  public func cumulative(_ x: Double) -> Double { NormalMass.above((mean - x) / deviation) }
}
