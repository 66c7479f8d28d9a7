import Numerics
import Platform

/// A target Q on the line beside its proposal P, with the density ratio r = dQ/dP: all that the samplers need to know.
///
/// Whatever is asked of a target is asked by the encoder alone. The decoder knows the proposal and what the message says.
public protocol LineTarget: Sendable {
  /// How the target is written on the command line, such as "gaussian:1,0.25".
  var spelling: String { get }
  /// The law of the candidates.
  var proposal: LineProposal { get }
  /// ln sup r: the Renyi divergence of infinite order, in nats.
  var logSupremum: Double { get }
  /// D(Q || P) in nats.
  var relativeEntropy: Double { get }
  /// D_CS = - integral over (0, sup r) of w ln w dh in nats, w(h) = P[r >= h].
  var selectionDivergence: Double { get }
  /// Whether {r >= h} is an interval for all h.
  var isUnimodal: Bool { get }
  /// A point at which r is largest.
  var mode: Double { get }

  /// ln r at a point; minus infinity where r is 0.
  func logRatio(_ point: LinePoint) -> Double
  /// {r >= h} for ln h = `logHeight`: intervals from left to right that do not touch.
  func levelSet(_ logHeight: Double) -> [(low: Double, high: Double)]
  /// ln of the supremum of r over an interval.
  func logSupremum(in interval: LineInterval) -> Double
  /// Q of an interval.
  func targetMass(of interval: LineInterval) -> Double
  /// P[r >= h].
  func levelMass(_ logHeight: Double) -> Double
  /// The integral of (q - h p)+ over an interval, ln h = `logHeight`: A(h) where the interval is the line.
  ///
  /// It is to relative accuracy also near the top, where Q and h P of the level set cancel.
  func excess(over logHeight: Double, in interval: LineInterval) -> Double
  /// Whether time < S(r), S(h) = integral over (0, h) of d eta / A(eta), for r at a point: what greedy Poisson rejection sampling asks.
  func accepts(_ point: LinePoint, at time: Double) -> Bool
  /// S(r) at a point, for tables and pictures.
  func stretch(_ point: LinePoint) -> Double
  /// Q(-infinity, x), against which samples are tested.
  func cumulative(_ x: Double) -> Double
  /// What must be said of the target beside its figures, such as how far a table is from the density that was meant; empty mostly.
  var notes: [String] { get }
}

extension LineTarget {
  public var notes: [String] { [] }

  public func levelMass(_ logHeight: Double) -> Double {
    levelSet(logHeight).reduce(0) { $0 + proposal.mass($1.low, $1.high) }
  }

  /// D_CS by the heights: with l = top - y^2 for ln h the mass is smooth in y also at a smooth top.
  public var selectionDivergence: Double {
    // Below l = -38 there is a mass of e^-38 at most.
    let reach = (logSupremum + 38).squareRoot()
    let panels = 400
    var total = 0.0
    for i in 0..<panels {
      let a = reach * Double(i) / Double(panels)
      total += GaussLegendre.integrate(from: a, to: a + reach / Double(panels)) { y in
        let l = logSupremum - y * y
        let w = min(levelMass(l), 1)
        return w > 0 ? -w * log(w) * exp(l) * 2 * y : 0
      }
    }
    return total
  }
}
