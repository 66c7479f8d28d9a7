#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The privacy loss distribution accountant: two-sided bounds for rounds of any dominating pairs.
///
/// Both directions are composed on their own and the larger one counts. Upper bounds are connect-the-dots laws, lower bounds
/// the largest convex profiles on the grid below the pairs'; rounding is added outward. Equal pairs are merged and sorted
/// first, so neither the order of rounds nor how they are split changes a bit; rounds without sampling are merged into one.
struct LossAccountant {
  private let entries: [LossComposition.Entry]
  private let symmetric: Bool

  /// - Parameter closedForms: false sends rounds without sampling through the grid like all others: for tests.
  init(_ rounds: [(pair: DominatingPair, count: Int)], closedForms: Bool = true) {
    var counts: [DominatingPair: Int] = [:]
    for (pair, count) in rounds where count > 0 { counts[pair, default: 0] += count }
    var merged = counts.map { LossComposition.Entry(pair: $0.key, count: $0.value) }
      .sorted { $0.pair.precedes($1.pair) }
    let gaussians = merged.filter { $0.pair.kind == .gaussian }
    if closedForms, !gaussians.isEmpty {
      // Means over deviations add up in squares [Dong, Roth & Su 2022, Corollary 3.3].
      let square = gaussians.reduce(0) { $0 + Double($1.count) / ($1.pair.scale * $1.pair.scale) }
      merged.removeAll { $0.pair.kind == .gaussian }
      merged.insert(.init(pair: .gaussian(scale: 1 / square.squareRoot()), count: 1), at: 0)
    }
    entries = merged
    symmetric = merged.allSatisfy { $0.pair.isSymmetric }
    onlyGaussian = closedForms && merged.count == 1 && merged[0].pair.kind == .gaussian ? merged[0].pair : nil
  }

  /// One Gaussian mechanism: its closed form is exact.
  private let onlyGaussian: DominatingPair?

  /// Relative half-widths that are aimed at: 6 10^-7; less where there are so many kinds of rounds that it would take minutes.
  var defaultPrecision: Double { entries.count <= 30 ? 6e-7 : 4e-6 }

  func epsilon(delta: Double, precision: Double? = nil) -> LossComposition.Bounds {
    precondition(delta > 0 && delta < 1)
    guard !entries.isEmpty else { return .init(lower: 0, upper: 0) }
    if let pair = onlyGaussian {
      let epsilon = GaussianProfile(mu: 1 / pair.scale).epsilon(delta: delta)
      return .init(lower: epsilon * (1 - 1e-9), upper: epsilon * (1 + 1e-9))
    }
    // Smaller masses than 10^-290 are not told from 0: below 10^-250 nothing is claimed from above.
    let bounds = refine(
      .epsilon(delta: max(delta, Self.leastDelta)), precision: precision ?? defaultPrecision
    ) { epsilon, theta in max(epsilon, 1e-3 / theta, 1e-9) }
    if delta < Self.leastDelta { return .init(lower: max(0, bounds.lower * (1 - 1e-9)), upper: .infinity) }
    return .init(lower: max(0, bounds.lower * (1 - 1e-9)), upper: bounds.upper * (1 + 1e-9))
  }

  func delta(epsilon: Double, precision: Double? = nil) -> LossComposition.Bounds {
    precondition(epsilon >= 0)
    guard !entries.isEmpty else { return .init(lower: 0, upper: 0) }
    if let pair = onlyGaussian {
      let delta = GaussianProfile(mu: 1 / pair.scale).delta(epsilon: epsilon)
      return .init(lower: delta * (1 - 1e-9), upper: min(1, delta * (1 + 1e-9)))
    }
    let bounds = refine(.delta(epsilon: epsilon), precision: 10 * (precision ?? defaultPrecision)) { delta, _ in delta }
    return .init(lower: bounds.lower * (1 - 1e-9), upper: min(1, bounds.upper * (1 + 1e-9) + Self.leastDelta))
  }

  private static let leastDelta = 1e-250

  /// Coarse in both directions first; then finer where it can matter, until the bounds are close.
  private func refine(
    _ query: LossComposition.Query, precision: Double, scale: (Double, Double) -> Double
  ) -> LossComposition.Bounds {
    struct Side {
      let composition: LossComposition
      var plan: LossComposition.Plan
      var size: Int
      var bounds: LossComposition.Bounds
    }
    var sides: [Side] = (symmetric ? [Direction.remove] : Direction.allCases).compactMap { direction in
      let composition = LossComposition(entries: entries, direction: direction)
      // Beyond the largest loss nothing is left, and there is no tail to look for.
      if case .delta(let epsilon) = query, epsilon >= composition.largestLoss { return nil }
      let plan = composition.plan(query)
      return Side(
        composition: composition, plan: plan, size: Self.smallest,
        bounds: composition.bounds(query, plan: plan, logSize: Self.smallest))
    }
    while true {
      let lower = sides.map(\.bounds.lower).max() ?? 0
      let upper = sides.map(\.bounds.upper).max() ?? 0
      // The one that the upper bound comes from, unless it is close.
      guard let worst = sides.indices.max(by: { sides[$0].bounds.upper < sides[$1].bounds.upper }) else { break }
      let goal = 2 * precision * scale(upper, sides[worst].plan.theta)
      let width = upper - lower
      if width <= goal || sides[worst].size > Self.largest || upper.isNaN {
        return .init(lower: lower, upper: upper)
      }
      // Widths go with the square of the step.
      let own = sides[worst].bounds.upper - sides[worst].bounds.lower
      let steps = own.isFinite ? max(1, Int((log2(own / goal) / 2).rounded(.up))) : 3
      // The first look is too coarse to tell how far to go.
      let most = sides[worst].size == Self.smallest ? 3 : 8
      let side = sides[worst]
      let isLast = side.size == Self.largest
      sides[worst].size = min(side.size + min(steps, most), Self.largest)
      // As little as does not show; at the last size more, where a narrower window may be worth it.
      let share = isLast ? 1e-5 : 1e-6
      switch query {
      case .epsilon(let delta):
        sides[worst].plan = side.composition.narrower(side.plan, epsilon: side.bounds.lower, delta: delta, share: share)
      case .delta(let epsilon):
        sides[worst].plan = side.composition.narrower(
          side.plan, epsilon: epsilon, delta: side.bounds.lower, share: share)
      }
      if isLast && sides[worst].plan.theta == side.plan.theta { return .init(lower: lower, upper: upper) }
      let finer = sides[worst].composition.bounds(query, plan: sides[worst].plan, logSize: sides[worst].size)
      // All that was computed holds.
      sides[worst].bounds = .init(
        lower: max(side.bounds.lower, finer.lower), upper: min(side.bounds.upper, finer.upper))
      if isLast { sides[worst].size += 1 }
    }
    return .init(lower: 0, upper: .infinity)
  }

  private static let smallest = 11
  private static let largest = 20
}
