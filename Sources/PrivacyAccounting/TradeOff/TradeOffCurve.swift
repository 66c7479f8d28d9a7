import Platform

/// A proved bound of the trade-off function f: the least type II error of any test that tells neighbors apart, over its type I error, from
/// below or from above.
///
/// f belongs to the profile by duality [Dong, Roth & Su 2022, f-DP as a family of (epsilon, delta)]: a rejection region S has
/// P(S) <= e^epsilon Q(S) + delta(epsilon) in both orders of neighbors, so with t = e^epsilon >= 1
///
///     f(a) = sup over t of max(1 - delta(t) - t a, (1 - delta(t) - a) / t, 0),
///
/// which is convex, does not rise, and is its own mirror image at the diagonal, as neighbors are: f(f(a)) = a.
///
/// *From below* the lines of a grid of upper bounds of delta are enough: fewer lines make a smaller supremum. Left of the diagonal the curve is
/// the upper envelope of the lines 1 - delta_k - t_k a, whose corners are the edges of the lower hull of the points (t_k, delta_k); right of it, the
/// mirror image. Points of the curve are its corners, so that the straight lines between them are the curve: nothing is above f between them.
///
/// *From above* every t counts, not only those of the grid. delta is convex in t, so between neighboring points of the grid it lies above both lines
/// that come from outside,
///
///     delta(t) >= delta_j - (s_j - t) (delta_i - delta_j) / (t_i - s_j),   t beyond s_j, t_i on the other side of it,
///
/// with a lower bound at s_j and an upper one at t_i, and above its lower bound to the right (left of t = 1 its mirror image goes on). The sup over t of lines through that broken line is at its corners. f is
/// convex, so that straight lines between points above it stay above it. Left of f's diagonal point only t >= 1 count (its slope is below -1), and
/// right of that point, up to the curve's own, f is below the diagonal and the curve above it.
///
/// Rounding moves every corner outward in both coordinates: a point whose coordinates are both below those of a point of a curve that does not rise is
/// below the curve.
public struct TradeOffCurve: Sendable, Equatable {
  public enum Side: String, Sendable {
    /// f is nowhere below the curve: what every test errs at least.
    case lower
    /// f is nowhere above the curve: what some test, for some neighbors, errs at most.
    case upper
  }

  public struct Point: Sendable, Equatable {
    /// The probability of rejecting what is true.
    public let typeIError: Double
    /// The probability of not rejecting what is not.
    public let typeIIError: Double
  }

  public let side: Side
  /// Corners by rising type I error, from 0 to 1. Straight lines between them are part of the claim.
  public let points: [Point]
  /// The corners left of the diagonal, with 1 less the type II error: both small where tests are rarely wrong.
  let corners: [Corner]

  struct Corner: Equatable {
    let typeIError: Double
    let power: Double
  }

  /// The curve at a type I error: on the straight line between its neighbors.
  public func typeIIError(at typeIError: Double) -> Double {
    guard let right = points.firstIndex(where: { $0.typeIError >= typeIError }), right > 0 else {
      return points.first?.typeIIError ?? 0
    }
    let (a, b) = (points[right - 1], points[right])
    guard b.typeIError > a.typeIError else { return b.typeIIError }
    let share = (typeIError - a.typeIError) / (b.typeIError - a.typeIError)
    return a.typeIIError + share * (b.typeIIError - a.typeIIError)
  }

  /// A corner of a bound of delta over t = e^epsilon.
  typealias Knot = (t: Double, delta: Double)

  /// - Parameter knots: of the bound, by rising t from 1 on.
  private init(_ side: Side, _ knots: [Knot]) {
    self.side = side
    let hull = Self.lowerHull(knots)
    // Roundings of the few operations below, outward. What is added up is positive, so that they are relative.
    let (factor, slack) = side == .lower ? (1 - 1e-13, -4e-16) : (1 + 1e-13, 4e-16)
    // Where the curve meets the diagonal: the largest of all lines.
    var diagonal = (hull.map { (1 - $0.delta) / (1 + $0.t) }.max() ?? 0) * factor
    var corners = [Corner(typeIError: 0, power: side == .lower ? hull.last?.delta ?? 1 : 0)]
    for k in hull.indices.dropLast().reversed() {
      let (a, b) = (hull[k], hull[k + 1])
      let typeI = (a.delta - b.delta) / (b.t - a.t)
      let power = (a.delta + a.t * typeI) / factor
      guard typeI * factor < diagonal, typeI * factor > corners[corners.count - 1].typeIError else { continue }
      corners.append(Corner(typeIError: typeI * factor, power: power))
      if 1 - power <= diagonal {
        // A corner at the diagonal, moved past it by rounding: from below the diagonal's point goes with it.
        if side == .lower { diagonal = max(1 - power + slack, typeI * factor) } else { corners.removeLast() }
        break
      }
    }
    self.corners = corners
    let left = corners.map { corner in
      Point(typeIError: corner.typeIError, typeIIError: min(1, max(0, 1 - corner.power + slack)))
    }
    let right = left.reversed().map { Point(typeIError: $0.typeIIError, typeIIError: $0.typeIError) }
    var points = left + [Point(typeIError: diagonal, typeIIError: diagonal)] + right
    if let last = points.last, last.typeIError < 1 { points.append(Point(typeIError: 1, typeIIError: 0)) }
    self.points = points
  }

  /// f from below; 1 - a where the rounds tell nothing.
  public static func below(_ profile: PrivacyProfile) -> TradeOffCurve {
    TradeOffCurve(.lower, profile.points.map { (exp($0.epsilon), $0.delta) })
  }

  /// f from above; nil where the profile has no lower bounds.
  public static func above(_ profile: PrivacyProfile) -> TradeOffCurve? {
    let points = profile.points.compactMap { point in
      point.lowerBound.map { (t: exp(point.epsilon), lower: $0, upper: point.delta) }
    }
    guard let last = points.last, points.count == profile.points.count else { return nil }
    var knots: [Knot] = []
    for k in points.indices.dropLast() {
      knots.append((points[k].t, points[k].lower))
      knots += innerKnots(points, after: k)
    }
    knots.append((last.t, last.lower))
    // Beyond the grid delta falls no faster than before, and not below 0.
    if points.count > 1, last.lower > 0 {
      let before = points[points.count - 2]
      let end = last.t + last.lower * (last.t - before.t) / (before.upper - last.lower)
      knots.append((end.isFinite && end > last.t ? end : last.t, 0))
    } else {
      knots.append((last.t, 0))
    }
    return TradeOffCurve(.upper, knots)
  }

  /// Between two points of the grid: where two of the three lines that delta lies above cross, on the largest of them.
  private static func innerKnots(_ points: [(t: Double, lower: Double, upper: Double)], after k: Int) -> [Knot] {
    let (left, right) = (points[k], points[k + 1])
    // Value and slope at the left end.
    var lines: [(value: Double, slope: Double)] = [(right.lower, 0)]
    if k + 2 < points.count {
      let next = points[k + 2]
      let slope = (next.upper - right.lower) / (next.t - right.t)
      lines.append((right.lower - slope * (right.t - left.t), slope))
    }
    // The profile goes on to the left of t = 1 as its mirror image, delta(t) = 1 - t + t delta(1 / t): without it the line from there would be missing, and
    // delta could fall right behind t = 1.
    let before: Knot =
      k > 0 ? (points[k - 1].t, points[k - 1].upper) : (1 / right.t, 1 - (1 - right.upper) / right.t)
    lines.append((left.lower, (left.lower - before.delta) / (left.t - before.t)))
    let width = right.t - left.t
    var knots: [Knot] = []
    for i in lines.indices {
      for j in lines.indices where j > i && lines[i].slope != lines[j].slope {
        let at = (lines[j].value - lines[i].value) / (lines[i].slope - lines[j].slope)
        guard at > 0, at < width else { continue }
        let value = lines.map { $0.value + $0.slope * at }.max() ?? 0
        knots.append((left.t + at, min(max(value * (1 - 1e-12), right.lower), left.upper)))
      }
    }
    return knots.sorted { $0.t < $1.t }
  }

  /// The points that no line between others is below, by rising t.
  private static func lowerHull(_ knots: [Knot]) -> [Knot] {
    var hull: [Knot] = []
    for knot in knots {
      if let last = hull.last, knot.t <= last.t {
        guard knot.delta < last.delta else { continue }
        hull.removeLast()
      }
      while hull.count > 1 {
        let (a, b) = (hull[hull.count - 2], hull[hull.count - 1])
        guard (a.delta - b.delta) * (knot.t - a.t) <= (a.delta - knot.delta) * (b.t - a.t) else { break }
        hull.removeLast()
      }
      hull.append(knot)
    }
    return hull
  }
}
