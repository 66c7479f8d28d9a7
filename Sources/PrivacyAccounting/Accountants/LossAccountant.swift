import Platform

/// The privacy loss distribution accountant: two-sided bounds for rounds of any dominating pairs.
///
/// Both directions are composed on their own and the larger one counts. Upper bounds are connect-the-dots laws, lower bounds
/// the largest convex profiles on the grid below the pairs'; rounding is added outward. Equal pairs are merged and sorted
/// first, so neither the order of rounds nor how they are split changes a bit; rounds without sampling are merged into one.
struct LossAccountant {
  private let entries: [LossComposition.Entry]
  private let symmetric: Bool

  private let directions: [Direction]
  private let closedForms: Bool

  /// - Parameters:
  ///   - closedForms: false sends all rounds through grids of losses, those too that have a closed form or an integral: for tests.
  ///   - directions: one alone is no bound from above of both.
  init(
    _ rounds: [(pair: DominatingPair, count: Int)], closedForms: Bool = true,
    directions: [Direction] = Direction.allCases
  ) {
    (self.directions, self.closedForms) = (directions, closedForms)
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

  /// One round needs no composition.
  private var single: SingleRound? {
    entries.count == 1 && entries[0].count == 1 && entries[0].pair.kind != .blackBox
      ? SingleRound(pair: entries[0].pair, directions: directions) : nil
  }

  /// Relative half-widths that are aimed at: 6 10^-7; less where there are so many kinds of rounds that it would take minutes.
  var defaultPrecision: Double { entries.count <= 30 ? 6e-7 : 4e-6 }

  func epsilon(delta: Double, precision: Double? = nil) -> LossComposition.Bounds {
    precondition(delta > 0 && delta < 1)
    guard !entries.isEmpty else { return .init(lower: 0, upper: 0) }
    if let pair = onlyGaussian {
      let epsilon = GaussianProfile(mu: 1 / pair.scale).epsilon(delta: delta)
      return .init(lower: epsilon * (1 - 1e-9), upper: epsilon * (1 + 1e-9))
    }
    if let single, delta >= Self.leastDelta, let bounds = single.epsilon(delta: delta) { return bounds }
    // Smaller masses than 10^-290 are not told from 0: below 10^-250 nothing is claimed from above.
    let bounds = bounds(
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
      return .init(
        lower: max(0, delta * (1 - 1e-9) - GaussianProfile.least),
        upper: min(1, delta * (1 + 1e-9) + GaussianProfile.least))
    }
    if let single, let bounds = single.delta(epsilon) { return bounds }
    let bounds = bounds(.delta(epsilon: epsilon), precision: 10 * (precision ?? defaultPrecision)) { delta, _ in delta }
    return .init(lower: bounds.lower * (1 - 1e-9), upper: min(1, bounds.upper * (1 + 1e-9) + Self.leastDelta))
  }

  private static let leastDelta = 1e-250

  /// Whether no round tells anything.
  var isEmpty: Bool { entries.isEmpty }

  /// Whether both directions are the same.
  var isSymmetric: Bool { symmetric }

  func composition(_ direction: Direction) -> LossComposition { .init(entries: entries, direction: direction) }

  /// delta at all epsilons where it has a closed form; nil elsewhere.
  func closedForm(_ epsilons: [Double], _ direction: Direction) -> [LossComposition.Bounds]? {
    if onlyGaussian != nil { return epsilons.map { delta(epsilon: $0) } }
    guard entries.count == 1, entries[0].count == 1, entries[0].pair.kind != .blackBox else { return nil }
    let single = SingleRound(pair: entries[0].pair, directions: [direction])
    let bounds = epsilons.compactMap(single.delta)
    return bounds.count == epsilons.count ? bounds : nil
  }

  /// By integrals where they are precise enough, otherwise on grids of losses; both prove what they say.
  private func bounds(
    _ query: LossComposition.Query, precision: Double, scale: (Double, Double) -> Double
  ) -> LossComposition.Bounds {
    var found: LossComposition.Bounds?
    if closedForms, let answer = contours(query) {
      guard Self.areInOrder(answer.bounds) else { return Self.nothing(query) }
      if answer.bounds.upper.isFinite,
        answer.bounds.upper - answer.bounds.lower <= 2 * precision * scale(answer.bounds.upper, answer.theta)
      {
        return answer.bounds
      }
      found = answer.bounds
    }
    let grid = refine(query, precision: precision, scale: scale)
    guard let found else { return grid }
    let both = LossComposition.Bounds(lower: max(found.lower, grid.lower), upper: min(found.upper, grid.upper))
    return Self.areInOrder(both) ? both : Self.nothing(query)
  }

  /// Proved bounds cannot cross: where they do, something is wrong, and nothing is claimed.
  private static func areInOrder(_ bounds: LossComposition.Bounds) -> Bool {
    bounds.lower <= bounds.upper * (1 + 1e-12)
  }

  private static func nothing(_ query: LossComposition.Query) -> LossComposition.Bounds {
    if case .delta = query { return .init(lower: 0, upper: 1) }
    return .init(lower: 0, upper: .infinity)
  }

  /// The larger of both directions by integrals, where there are any.
  private func contours(_ query: LossComposition.Query) -> (bounds: LossComposition.Bounds, theta: Double)? {
    var found: (bounds: LossComposition.Bounds, theta: Double)?
    for direction in symmetric ? [Direction.remove] : directions {
      guard let line = ContourLine(entries, direction, query) else { return nil }
      // Mostly the other direction has less, as a moment of it shows.
      if let found, line.isBelow(found.bounds, query) { continue }
      guard let bounds = line.bounds(query) else { return nil }
      found = (
        .init(
          lower: max(found?.bounds.lower ?? 0, bounds.lower), upper: max(found?.bounds.upper ?? 0, bounds.upper)),
        found?.theta ?? line.theta
      )
    }
    return found
  }

  /// Coarse in both directions first; then finer where it can matter, until the bounds are close.
  private func refine(
    _ query: LossComposition.Query, precision: Double, scale: (Double, Double) -> Double
  ) -> LossComposition.Bounds {
    var sides: [Side] = (symmetric ? [Direction.remove] : directions).compactMap { direction in
      let composition = LossComposition(entries: entries, direction: direction)
      // Beyond the largest loss nothing is left, and there is no tail to look for.
      if case .delta(let epsilon) = query, epsilon >= composition.largestLoss { return nil }
      let plan = composition.plan(query)
      return Side(
        composition: composition, plan: plan, size: Self.smallest,
        bounds: composition.bounds(query, plan: plan, logSize: Self.smallest))
    }
    // The one that the upper bound comes from, unless it is close.
    while let worst = sides.indices.max(by: { sides[$0].bounds.upper < sides[$1].bounds.upper }) {
      let lower = sides.map(\.bounds.lower).max() ?? 0
      let upper = sides[worst].bounds.upper
      let goal = 2 * precision * scale(upper, sides[worst].plan.theta)
      guard Self.areInOrder(.init(lower: lower, upper: upper)) else { return Self.nothing(query) }
      if (upper.isFinite && upper - lower <= goal) || upper.isNaN || sides[worst].isDone {
        return .init(lower: lower, upper: upper)
      }
      sides[worst].refine(query, goal: goal)
    }
    return .init(lower: 0, upper: 0)
  }

  /// One direction, and how far it was looked into.
  private struct Side {
    let composition: LossComposition
    var plan: LossComposition.Plan
    var size: Int
    var bounds: LossComposition.Bounds
    var isDone = false
    private var isSplit = false

    init(composition: LossComposition, plan: LossComposition.Plan, size: Int, bounds: LossComposition.Bounds) {
      self.composition = composition
      self.plan = plan
      self.size = size
      self.bounds = bounds
    }

    /// A finer look, or one another way.
    mutating func refine(_ query: LossComposition.Query, goal: Double) {
      let width = bounds.upper - bounds.lower
      // Widths go with the square of the step.
      let steps = width.isFinite ? max(1, Int((log2(width / goal) / 2).rounded(.up))) : 3
      // The first look is too coarse to tell how far to go.
      let most = size == LossAccountant.smallest ? 3 : 8
      let isLast = size == LossAccountant.largest
      let finer = min(size + min(steps, most), LossAccountant.largest)
      var next = plan
      // As little as does not show; at the last size more, where a narrower window may be worth it.
      let (share, least) = isLast ? (1e-5, 0.8) : (1e-6, 1)
      switch query {
      case .epsilon(let delta):
        next = composition.narrower(plan, epsilon: bounds.lower, delta: delta, share: share, least: least)
      case .delta(let epsilon):
        next = composition.narrower(plan, epsilon: epsilon, delta: bounds.lower, share: share, least: least)
      }
      if isLast && next.theta == plan.theta { return other(query) }
      let found = composition.bounds(query, plan: next, logSize: finer)
      plan = next
      size = finer
      // All that was computed holds.
      bounds = .init(lower: max(bounds.lower, found.lower), upper: min(bounds.upper, found.upper))
      // Where four times as many points do not halve the width, it is rounding that is left, and no more points help.
      let isStuck =
        finer >= LossAccountant.smallest + 5 && !isSplit && width.isFinite && found.upper - found.lower > 0.5 * width
      if isLast || isStuck { other(query) }
    }

    /// Once: large losses counted apart, where they decide.
    private mutating func other(_ query: LossComposition.Query) {
      isDone = true
      guard !isSplit else { return }
      isSplit = true
      var (epsilon, delta) = (bounds.upper, 0.0)
      switch query {
      case .epsilon(let target): delta = target
      case .delta(let target): (epsilon, delta) = (target, min(bounds.upper, max(bounds.lower, 1e-3 * bounds.upper)))
      }
      guard epsilon.isFinite, let next = composition.separate(plan, epsilon: epsilon, delta: delta) else { return }
      let found = composition.bounds(query, plan: next, logSize: 15)
      plan = next
      size = 15
      isDone = false
      bounds = .init(lower: max(bounds.lower, found.lower), upper: min(bounds.upper, found.upper))
    }
  }

  private static let smallest = 11
  private static let largest = 20
}

/// One round of a pair: delta(epsilon) is a difference of four tails.
private struct SingleRound {
  let pair: DominatingPair
  let directions: [Direction]

  /// P(E) - e^epsilon Q(E) for E the losses above epsilon, and the other way round; an E that rounding moved makes it smaller by no more
  /// than the square of rounding. Nil where Q(E) is too small, or e^epsilon too large, for doubles.
  func delta(_ epsilon: Double) -> LossComposition.Bounds? {
    guard epsilon < 600 else { return nil }
    var (lower, upper) = (0.0, 0.0)
    for direction in pair.isSymmetric ? [Direction.remove] : directions {
      var (value, error) = (0.0, 0.0)
      for region in pair.regions {
        let end = direction == .remove ? epsilon : -epsilon
        let position = region.position(min(max(end, region.low), region.high))
        let (from, to) =
          direction == .remove
          ? (position, region.position(region.high)) : (region.position(region.low), position)
        guard from < to else { continue }
        var first = region.mass(region.p, from: from, to: to)
        var second = region.mass(region.q, from: from, to: to)
        if direction == .add { (first, second) = (second, first) }
        guard second > 1e-290 || first < 1e-300 else { return nil }
        let factor = exp(epsilon)
        value += max(0, first - factor * second)
        var furthest = 0.0
        for (_, mean) in region.p + region.q where position.isFinite {
          furthest = max(furthest, min(abs(position - mean) / region.scale, 40))
        }
        error += 0x1p-53 * (50 + 8 * furthest * furthest + 8 * epsilon) * (first + factor * second)
      }
      lower = max(lower, value - error)
      upper = max(upper, value + error)
    }
    return .init(lower: lower, upper: min(1, upper + GaussianProfile.least))
  }

  /// The largest epsilon that is refuted, and the smallest that is proved; nil where one of those on the way is not known.
  func epsilon(delta target: Double) -> LossComposition.Bounds? {
    let search = { (isAbove: (LossComposition.Bounds) -> Bool) -> (Double, Double)? in
      guard let first = delta(0) else { return nil }
      guard isAbove(first) else { return (0, 0) }
      var (low, high) = (0.0, 1.0)
      while true {
        guard let bounds = delta(high) else { return nil }
        guard isAbove(bounds) else { break }
        (low, high) = (high, 2 * high)
      }
      for _ in 0..<100 {
        let middle = (low + high) / 2
        guard let bounds = delta(middle) else { return nil }
        if isAbove(bounds) { low = middle } else { high = middle }
      }
      return (low, high)
    }
    guard let refuted = search({ $0.lower > target }), let proved = search({ !($0.upper <= target) }) else {
      return nil
    }
    return .init(lower: refuted.0, upper: proved.1)
  }
}

extension LossAccountant {
  /// Bounds of delta at many epsilons. `lowerForward` is that of the first direction alone.
  struct Profile {
    var upper: [Double]
    var lower: [Double]
    var lowerForward: [Double]
  }

  /// Bounds at all epsilons from a few laws, one for each anchor and direction: whatever a law is tilted for, it bounds delta everywhere.
  ///
  /// - Parameter anchors: deltas that laws are tilted for.
  func profile(_ epsilons: [Double], anchors: [Double]) -> Profile {
    var profile = Profile(
      upper: epsilons.map { _ in 0 }, lower: epsilons.map { _ in 0 }, lowerForward: epsilons.map { _ in 0 })
    guard !isEmpty else { return profile }
    for direction in isSymmetric ? [Direction.remove] : Direction.allCases {
      let bounds = bounds(epsilons, anchors: anchors, direction)
      for k in epsilons.indices {
        profile.upper[k] = max(profile.upper[k], bounds[k].upper)
        profile.lower[k] = max(profile.lower[k], bounds[k].lower)
        if direction == .remove { profile.lowerForward[k] = bounds[k].lower }
      }
    }
    return profile
  }

  private func bounds(
    _ epsilons: [Double], anchors: [Double], _ direction: Direction
  ) -> [LossComposition.Bounds] {
    if let bounds = closedForm(epsilons, direction) { return bounds }
    var best = epsilons.map { _ in LossComposition.Bounds(lower: 0, upper: 1) }
    let composition = composition(direction)
    let queries = [LossComposition.Query.delta(epsilon: 0)] + anchors.map { .epsilon(delta: $0) }
    for query in queries {
      let found = composition.bounds(epsilons, plan: composition.plan(query), logSize: Self.logSizeOfProfiles)
      for k in epsilons.indices {
        best[k].lower = max(best[k].lower, found[k].lower * (1 - 1e-9))
        best[k].upper = min(best[k].upper, found[k].upper * (1 + 1e-9) + Self.leastOfProfiles)
      }
    }
    // Proved bounds cannot cross: where they do, something is wrong, and nothing is claimed.
    return best.map { $0.lower <= $0.upper * (1 + 1e-12) ? $0 : .init(lower: 0, upper: 1) }
  }

  private static let logSizeOfProfiles = 14
  /// Smaller masses are not told from 0.
  private static let leastOfProfiles = 1e-250
}
