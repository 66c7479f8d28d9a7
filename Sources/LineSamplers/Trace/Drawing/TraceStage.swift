import Files
import Platform

/// What all frames of a picture share: the axis of x, where curves are sampled, and both densities.
struct TraceStage {
  let target: any LineTarget
  let xs: TraceAxis
  /// Places that curves go through: even steps, and finer ones where the target is.
  let places: [Double]

  /// - Parameter points: what the axis must cover.
  init(_ target: any LineTarget, covering points: [Double]) {
    self.target = target
    let bulk = target.levelSet(target.logSupremum - 4.5)
    let ends = bulk.flatMap { [$0.low, $0.high] }.filter(\.isFinite)
    var (low, high) = (0.0, 1.0)
    if target.proposal != .uniform {
      let half = { (x: Double, rule: FloatingPointRoundingRule) in (x * 2).rounded(rule) / 2 }
      low = min(-2, half(((points + ends).min() ?? 0) - 0.1, .down))
      high = max(2, half(((points + ends).max() ?? 0) + 0.1, .up))
    }
    xs = TraceAxis("x", from: low, to: high)
    var places = (0...160).map { low + (high - low) * Double($0) / 160 }
    // Where the target is, down to e^-8 of its top.
    for level in target.levelSet(target.logSupremum - 8) {
      let (a, b) = (max(level.low, low), min(level.high, high))
      guard b > a, b - a < (high - low) / 2 else { continue }
      places += (0...48).map { a + (b - a) * Double($0) / 48 }
    }
    places.sort()
    self.places = places
  }

  var ends: (Double, Double) { (xs.low, xs.high) }

  func point(_ x: Double) -> LinePoint { LinePoint(at: x, target.proposal) }

  /// Densities of the proposal and of the target.
  func proposal(_ x: Double) -> Double { target.proposal.density(x) }
  func density(_ x: Double) -> Double { target.proposal.density(x) * exp(target.logRatio(point(x))) }

  /// A function over the places; cut at `most`, with the points at which it crosses that.
  func sampled(upTo most: Double, _ f: (Double) -> Double) -> [(x: Double, y: Double)] {
    var points: [(x: Double, y: Double)] = []
    for x in places {
      let y = f(x)
      if let last = points.last, (last.y < most) != (y < most) {
        let isRising = last.y < most
        var (low, high) = (last.x, x)
        for _ in 0..<30 {
          let middle = (low + high) / 2
          if (f(middle) < most) == isRising { low = middle } else { high = middle }
        }
        points.append(((low + high) / 2, most))
      }
      points.append((x, min(y, most)))
    }
    return points
  }

  var strip: TraceStrip {
    let most = places.reduce(0) { max($0, proposal($1), density($1)) }
    return TraceStrip(
      proposal: places.map { ($0, proposal($0) / most) }, target: places.map { ($0, density($0) / most) })
  }

  /// An interval as people read it, cut to the axis where it has no end.
  func visible(_ interval: TracedInterval) -> (Double, Double) {
    (max(interval.start, xs.low), min(interval.end, xs.high))
  }
}

/// Numbers and intervals as captions have them: short.
enum TraceWords {
  /// Two digits after the point, or fewer where the number is large.
  static func number(_ value: Double) -> String {
    guard value.isFinite else { return value > 0 ? "∞" : "-∞" }
    if value != 0, abs(value) < 0.01 { return Text.short(value) }
    if abs(value) >= 1e5 { return exponent(value) }
    return TraceDrawing.plain(Text.fixed(value, abs(value) < 100 ? 2 : 0))
  }

  /// A place on the line: two digits after the point.
  static func place(_ value: Double) -> String {
    value.isFinite ? TraceDrawing.plain(Text.fixed(value, 2)) : value > 0 ? "∞" : "-∞"
  }

  static func interval(_ interval: TracedInterval) -> String {
    "(\(place(interval.start)), \(place(interval.end))), mass \(mass(interval.mass))"
  }

  static func mass(_ value: Double) -> String { value >= 0.001 ? Text.fixed(value, 3) : Text.short(value) }

  private static func exponent(_ value: Double) -> String {
    var (mantissa, exponent) = (value, 0)
    while abs(mantissa) >= 10, exponent < 400 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
    return "\(Text.fixed(mantissa, 1))e\(exponent)"
  }
}

extension LineTarget {
  /// P and Q in words.
  var pairWords: String {
    let p =
      switch proposal {
      case .normal: "N(0, 1)"
      case .laplace: "Laplace(0, 1)"
      case .uniform: "U(0, 1)"
      }
    guard let gaussian = self as? GaussianTarget else { return "P = \(p), Q = \(spelling)" }
    return "P = \(p), Q = N(\(Text.shown(gaussian.mean)), \(Text.shown(gaussian.deviation))²)"
  }
}
