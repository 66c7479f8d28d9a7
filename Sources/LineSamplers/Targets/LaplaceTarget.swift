import ChannelCoding
import Files
import Numerics
import Platform

/// P = Laplace(0, 1), Q = Laplace(m, b) with b < 1, or Q = P: ln r = -ln b - |x - m| / b + |x|.
public struct LaplaceTarget: LineTarget {
  public let mean: Double
  public let scale: Double
  /// The same pair in units of b; nil for Q = P.
  private let pair: LaplacePair?

  /// - Throws: `ToolError.input` where the ratio is not one that falls to 0 on both sides, or masses underflow.
  public init(mean: Double, scale b: Double) throws(ToolError) {
    let place = "--target"
    guard mean.isFinite, b.isFinite, b > 0, b < 1 || (b == 1 && mean == 0) else {
      throw .input(
        place: place,
        problem:
          "found a Laplace law with m = \(mean), b = \(b); allowed: b above 0 and below 1 (beyond, r is not bounded or does not fall to 0), or b = 1 with m = 0 (Q = P)"
      )
    }
    guard b >= GaussianTarget.smallestDeviation, abs(mean) + 40 * b <= Self.reach else {
      throw .input(
        place: place,
        problem:
          "found a Laplace law with m = \(mean), b = \(b); allowed: b from \(GaussianTarget.smallestDeviation), |m| + 40 b up to \(Self.reach): beyond, masses of Laplace(0, 1) underflow"
      )
    }
    self.mean = mean
    scale = b
    pair = b < 1 ? LaplacePair(mean: mean / b, proposalScale: 1 / b) : nil
  }

  /// The mass of Laplace(0, 1) beyond this is 10^-300.
  static let reach = 690.0

  public var spelling: String { "laplace:\(Text.shown(mean)),\(Text.shown(scale))" }
  public var proposal: LineProposal { .laplace }
  public var isUnimodal: Bool { true }
  public var mode: Double { mean }
  public var logSupremum: Double { abs(mean) - log(scale) }
  public var relativeEntropy: Double { -log(scale) + abs(mean) + scale * exp(-abs(mean) / scale) - 1 }

  public func logRatio(_ point: LinePoint) -> Double { logRatio(point.x) }

  /// ln r(x).
  public func logRatio(_ x: Double) -> Double {
    pair == nil ? 0 : -log(scale) - abs(x - mean) / scale + abs(x)
  }

  /// Slopes of ln r: `flat` beyond both 0 and the mode, `steep` between them.
  private var flat: Double { 1 / scale - 1 }
  private var steep: Double { 1 / scale + 1 }

  public func levelSet(_ logHeight: Double) -> [(low: Double, high: Double)] {
    let drop = logSupremum - logHeight
    guard drop >= 0 else { return [] }
    guard pair != nil else { return [(-.infinity, .infinity)] }
    // From the mode outwards, and from it towards 0 and beyond: as if m >= 0.
    let middle = steep * abs(mean)
    let outer = drop / flat
    let inner = drop <= middle ? drop / steep : abs(mean) + (drop - middle) / flat
    return [mean >= 0 ? (mean - inner, mean + outer) : (mean - outer, mean + inner)]
  }

  public func logSupremum(in interval: LineInterval) -> Double {
    guard pair != nil else { return 0 }
    let (low, high) = interval.ends(proposal)
    return logRatio(min(max(mean, low), high))
  }

  public func targetMass(of interval: LineInterval) -> Double {
    let (low, high) = interval.ends(proposal)
    return targetMass(low, high)
  }

  private func targetMass(_ low: Double, _ high: Double) -> Double {
    LaplaceMass.between((low - mean) / scale, (high - mean) / scale)
  }

  public func excess(over logHeight: Double, in interval: LineInterval) -> Double {
    guard pair != nil else { return interval.mass * max(-expm1(logHeight), 0) }
    guard let level = levelSet(logHeight).first else { return 0 }
    let ends = interval.ends(proposal)
    let (low, high) = (max(level.low, ends.low), min(level.high, ends.high))
    guard low < high else { return 0 }
    let highest = logRatio(min(max(mean, low), high)) - logHeight
    if highest >= 1 { return max(targetMass(low, high) - exp(logHeight) * proposal.mass(low, high), 0) }
    // Both terms are alike: the integral of p h (e^(ln r - ln h) - 1), between kinks.
    let points = ([low, high] + [0, mean].filter { $0 > low && $0 < high }).sorted()
    var total = 0.0
    for (a, b) in zip(points, points.dropFirst()) where b > a {
      let (a, b) = (max(a, mean - 40 * scale), min(b, mean + 40 * scale))
      guard a < b else { continue }
      let panels = max(Int(((b - a) / (2 * scale)).rounded(.up)), 1)
      for i in 0..<panels {
        let start = a + (b - a) * Double(i) / Double(panels)
        total += GaussLegendre.integrate(from: start, to: start + (b - a) / Double(panels)) {
          proposal.density($0) * expm1(max(logRatio($0) - logHeight, 0))
        }
      }
    }
    return total * exp(logHeight)
  }

  public func accepts(_ point: LinePoint, at time: Double) -> Bool {
    pair?.accepts(point.x / scale, at: time) ?? true
  }

  public func stretch(_ point: LinePoint) -> Double { pair?.stretch(point.x / scale) ?? .infinity }

  public func cumulative(_ x: Double) -> Double { LaplaceMass.between(-.infinity, (x - mean) / scale) }
}
