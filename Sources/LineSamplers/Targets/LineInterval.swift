import ChannelCoding

/// A point of the line with the mass of the proposal on both sides of it.
///
/// A candidate is drawn by its mass: tables find its cell by that, and not by a distribution function of `x` that would round.
public struct LinePoint: Sendable, Equatable {
  /// P(-infinity, x) and P(x, infinity): the smaller one is to relative accuracy.
  public let left: Double
  public let right: Double
  public let x: Double

  /// The point with mass `left` below it and `right` above it.
  public init(left: Double, right: Double, _ proposal: LineProposal) {
    self.left = left
    self.right = right
    x = proposal.quantile(left: left, right: right)
  }
}

/// An interval of the line by its mass under the proposal: what is left of a search.
///
/// A search that splits at its candidate keeps one side of it, and one that splits at the median keeps one side of u = 1/2. Both ends do
/// it alike, by products and sums.
public struct LineInterval: Sendable {
  private var masses = FastGPRS.Interval()
  private var exact = FastGPRS.Mass()

  /// The whole line.
  public init() {}

  /// Mass of the proposal below the interval, above it and in it.
  public var left: Double { masses.left }
  public var right: Double { masses.right }
  public var width: Double { masses.width }
  /// The mass in it again, to two units in the last place after any number of splits: for times.
  public var mass: Double { exact.value }

  /// The point that has the share `u` of the interval's mass below it.
  @inline(__always)
  public func point(_ u: Double, _ proposal: LineProposal) -> LinePoint {
    let ends = masses.candidate(u)
    return LinePoint(left: ends.left, right: ends.right, proposal)
  }

  /// The part below the share `u`, or above it.
  @inline(__always)
  public func part(below isBelow: Bool, _ u: Double) -> LineInterval {
    var part = self
    if isBelow { part.masses.keepBelow(u) } else { part.masses.keepAbove(u) }
    part.exact.keep(isBelow ? u : 1 - u)
    return part
  }

  /// Where it starts and ends; infinite where it has no end.
  public func ends(_ proposal: LineProposal) -> (low: Double, high: Double) {
    (
      proposal.quantile(left: left, right: width + right), proposal.quantile(left: left + width, right: right)
    )
  }
}
