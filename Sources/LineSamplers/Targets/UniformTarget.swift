import Files
import Numerics
import Platform

/// P = U(0, 1), Q uniform on [a, a + w]: r is 1 / w there and 0 elsewhere.
public struct UniformTarget: LineTarget {
  public let start: Double
  public let width: Double

  /// - Throws: `ToolError.input` where the interval is not one of (0, 1).
  public init(start: Double, width: Double) throws(ToolError) {
    guard start >= 0, width >= 1e-9, start + width <= 1 else {
      throw .input(
        place: "--target",
        problem:
          "found a uniform law on [a, a + w], a = \(start), w = \(width); allowed: a from 0, w from 1e-9, a + w up to 1"
      )
    }
    self.start = start
    self.width = width
  }

  public var spelling: String { "uniform:\(Text.shown(start)),\(Text.shown(width))" }
  public var proposal: LineProposal { .uniform }
  public var isUnimodal: Bool { true }
  public var mode: Double { start + width / 2 }
  public var logSupremum: Double { -log(width) }
  public var relativeEntropy: Double { -log(width) }
  public var selectionDivergence: Double { -log(width) }

  private func isInside(_ x: Double) -> Bool { x >= start && x <= start + width }

  public func logRatio(_ point: LinePoint) -> Double { isInside(point.x) ? logSupremum : -.infinity }

  public func levelSet(_ logHeight: Double) -> [(low: Double, high: Double)] {
    logHeight <= logSupremum ? [(start, start + width)] : []
  }

  public func levelMass(_ logHeight: Double) -> Double { logHeight <= logSupremum ? width : 0 }

  private func overlap(_ interval: LineInterval) -> Double {
    let (low, high) = interval.ends(proposal)
    return max(min(high, start + width) - max(low, start), 0)
  }

  public func logSupremum(in interval: LineInterval) -> Double { overlap(interval) > 0 ? logSupremum : -.infinity }

  public func targetMass(of interval: LineInterval) -> Double { overlap(interval) / width }

  public func excess(over logHeight: Double, in interval: LineInterval) -> Double {
    overlap(interval) / width * max(-expm1(logHeight - logSupremum), 0)
  }

  public func accepts(_ point: LinePoint, at time: Double) -> Bool { isInside(point.x) }

  public func stretch(_ point: LinePoint) -> Double { isInside(point.x) ? .infinity : 0 }

  public func cumulative(_ x: Double) -> Double { min(max((x - start) / width, 0), 1) }
}
