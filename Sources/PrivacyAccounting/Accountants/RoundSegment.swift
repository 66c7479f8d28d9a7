import Numerics
import Platform

/// Both bounds of epsilon for the numbers of rounds above `start`, up to twice that: at every number, or at every `stride`-th.
///
/// Epsilon does not fall with the number of rounds. So the upper bound of any later number is one of every earlier number, and the
/// lower bound of any earlier number is one of every later number: columns are made monotone, and gaps filled, at no cost in proof.
struct RoundSegment {
  let start: Int
  let stride: Int
  /// At start + stride, start + 2 stride, and so on.
  private(set) var upper: [Double] = []
  private(set) var lower: [Double] = []

  /// What is asked of every number of rounds.
  struct Question {
    let dominating: DominatingPair
    let attained: DominatingPair
    /// delta less what pays for something else.
    let above: Double
    /// What delta has to reach for a lower bound.
    let below: RunningComposition.Target
    /// For a lower bound: whether only the first direction may be used.
    let isForward: Bool
  }

  /// Numbers up to this one are all there.
  private static let dense = 4096

  private init(after start: Int, stride: Int) { (self.start, self.stride) = (start, stride) }

  /// How many numbers of a stride it takes to reach the end.
  private static func numbers(_ start: Int, _ end: Int, _ stride: Int) -> Int { (end - start + stride - 1) / stride }

  /// One composition for all numbers. Nil where its grid does not bring both bounds together.
  ///
  /// - Parameter before: the bounds of `start` rounds.
  static func composed(
    after start: Int, upTo end: Int, _ question: Question, before: LossComposition.Bounds
  ) -> RoundSegment? {
    var segment = RoundSegment(after: start, stride: max(1, 2 * start / dense))
    let stride = segment.stride
    let numbers = numbers(start, end, stride)
    let counts = start + stride...start + numbers * stride
    guard let composed = Composed(question, counts: counts, stride: stride, before: before) else { return nil }
    var logSize = composed.logSize
    while logSize <= 19 {
      // How far apart both bounds of the dominating pair's epsilon may be, relative to it: more where it costs more.
      let goal = logSize <= 14 ? 2e-4 : logSize == 15 ? 5e-4 : 1e-3
      let found = composed.columns(logSize: logSize, numbers, question, goal: goal)
      if let columns = found.columns {
        (segment.upper, segment.lower) = columns
        return segment
      }
      // Widths go with the square of the step.
      let finer = found.width.isFinite ? Int((log2(found.width / goal) / 2).rounded(.up)) : 1
      logSize += min(max(1, finer), 3)
    }
    return nil
  }

  /// What the accountant says of every number on its own, up to 64 of them.
  static func separate(
    after start: Int, upTo end: Int, _ bounds: (Int) throws(PrivacyRefusal) -> LossComposition.Bounds
  ) throws(PrivacyRefusal) -> RoundSegment {
    var segment = RoundSegment(after: start, stride: max(1, start / 64))
    for number in 1...numbers(start, end, segment.stride) {
      let found = try bounds(start + number * segment.stride)
      segment.upper.append(found.upper)
      segment.lower.append(found.lower)
    }
    return segment
  }

  /// Bounds at every number of rounds of this segment, given those of the last one before it.
  func bounds(_ rounds: Int, before: LossComposition.Bounds) -> LossComposition.Bounds {
    let passed = (rounds - start) / stride
    let reached = (rounds - start + stride - 1) / stride
    return .init(lower: passed > 0 ? lower[passed - 1] : before.lower, upper: upper[reached - 1])
  }

  /// Makes both columns rise, from `before` on and up to `most`.
  mutating func rise(from before: LossComposition.Bounds, to most: LossComposition.Bounds) {
    var next = most.upper
    for k in upper.indices.reversed() {
      next = min(next, upper[k])
      upper[k] = max(next, before.upper)
    }
    var last = before.lower
    for k in lower.indices {
      last = max(last, min(lower[k], most.lower))
      lower[k] = min(last, upper[k])
    }
  }

  var last: LossComposition.Bounds { .init(lower: lower.last ?? 0, upper: upper.last ?? .infinity) }
}

/// The plans of a segment's compositions: one for each pair and direction that bounds are taken of.
private struct Composed {
  private let main: RunningComposition.Plan
  /// The other direction of the dominating pair, where it may matter.
  private let other: RunningComposition.Plan?
  /// Of the other direction where there is one: a Renyi bound, which mostly tells that it does not matter.
  private let chernoff: (pair: SubsampledGaussian, order: Double, logMoment: Double)?
  /// The attained pair's directions, where it is another one; none where the main composition has its lower bounds.
  private let attained: [RunningComposition.Plan]

  init?(
    _ question: RoundSegment.Question, counts: ClosedRange<Int>, stride: Int, before: LossComposition.Bounds
  ) {
    let plan = { (pair: DominatingPair, direction: Direction, epsilons: (Double, Double)) in
      RunningComposition.Plan(
        pair, direction, counts: counts, stride: stride, delta: question.above, epsilons: epsilons)
    }
    // A step on from the last number of the segment before.
    let numbers = Double((counts.upperBound - counts.lowerBound) / stride + 1)
    let ends = { (before: Double, last: Double) in
      (before.isFinite ? before + (last - before) / numbers : last, last)
    }
    let last = Self.look(question.dominating, counts.upperBound, delta: question.above)
    guard let last, let main = plan(question.dominating, .remove, ends(before.upper, last)) else { return nil }
    self.main = main
    if question.dominating.isSymmetric {
      (other, chernoff) = (nil, nil)
    } else {
      // Read where the first direction has delta.
      let theta = LossComposition(
        entries: [.init(pair: question.dominating, count: counts.upperBound)], direction: .add
      ).plan(.epsilon(delta: question.above)).theta
      if question.dominating.kind == .subsampled {
        let pair = SubsampledGaussian(
          samplingRate: question.dominating.rate, noiseMultiplier: question.dominating.scale)
        chernoff = (pair, theta + 1, pair.logMoment(order: theta + 1, .add))
      } else {
        chernoff = nil
      }
      other = plan(question.dominating, .add, main.epsilons)
    }
    if question.attained == question.dominating {
      attained = []
    } else {
      let directions = question.attained.isSymmetric || question.isForward ? [Direction.remove] : Direction.allCases
      guard let last = Self.look(question.attained, counts.upperBound, delta: question.above) else { return nil }
      attained = directions.compactMap { plan(question.attained, $0, ends(before.lower, last)) }
      // Without one nothing is known from below: the dominating pair's own bound would be no bound.
      guard !attained.isEmpty else { return nil }
    }
  }

  /// Epsilon of so many rounds, roughly.
  private static func look(_ pair: DominatingPair, _ count: Int, delta: Double) -> Double? {
    let bounds = LossAccountant([(pair, count)], directions: [.remove]).epsilon(delta: delta, precision: 0.02)
    return bounds.upper < 1.2 * bounds.lower ? (bounds.lower + bounds.upper) / 2 : nil
  }

  private static func scale(_ plan: RunningComposition.Plan, _ epsilon: Double) -> Double {
    max(epsilon, 1e-3 / plan.plan.theta, 1e-9)
  }

  /// The size to begin with. Where few losses are large, widths are far below what is expected.
  var logSize: Int {
    var size = 10
    while size < 16 {
      guard let grid = main.grid(size: 1 << size) else { break }
      if main.width(step: grid.step) < 1e-3 * Self.scale(main, main.epsilons.most) { break }
      size += 1
    }
    return max(10, size - 2)
  }

  /// Both columns; nil, and how far apart the bounds are, where that is more than the goal at either end.
  func columns(
    logSize: Int, _ numbers: Int, _ question: RoundSegment.Question, goal: Double
  ) -> (columns: (upper: [Double], lower: [Double])?, width: Double) {
    let transform = FourierTransform(size: 1 << logSize)
    guard var first = RunningComposition(main, transform) else { return (nil, .infinity) }
    var second = Second(other, transform)
    // No loss of the other direction is larger than so much a round.
    let largest = question.dominating.isSymmetric ? 0 : -question.dominating.leastLoss * (1 + 1e-12)
    var below = attained.compactMap { RunningComposition($0, transform) }
    var (upper, lower): ([Double], [Double]) = ([], [])
    for number in 1...numbers {
      var high = first.upperEpsilon(question.above, start: Self.next(upper) ?? main.epsilons.fewest)
      if number == 1 || number == numbers {
        let low = first.lowerEpsilon(.init(constant: question.above), start: high)
        let width = (high - low) / Self.scale(main, high)
        // It grows with the number of rounds; and where it is negative, something is wrong, and nothing is claimed.
        guard width >= -1e-12, width <= (number == numbers ? 1 : 0.7) * goal else { return (nil, abs(width) / 0.7) }
      }
      if high < Double(first.rounds) * largest, !isSmaller(first.rounds, delta: question.above, epsilon: high) {
        guard let second = second.at(first.rounds) else { return (nil, .infinity) }
        if second.mayExceed(question.above, at: high) {
          high = max(high, second.upperEpsilon(question.above, start: high))
        }
      }
      var low = 0.0
      let guess = Self.next(lower) ?? high
      if attained.isEmpty {
        low = first.lowerEpsilon(question.below, start: guess)
        if !question.isForward, !question.dominating.isSymmetric, let second = second.at(first.rounds),
          second.exceeds(question.below, above: low)
        {
          low = max(low, second.lowerEpsilon(question.below, start: low))
        }
      } else {
        for one in below where low == 0 || one.exceeds(question.below, above: low) {
          low = max(low, one.lowerEpsilon(question.below, start: guess))
        }
      }
      guard low <= high * (1 + 1e-12) else { return (nil, .infinity) }
      upper.append(high)
      lower.append(low)
      guard number < numbers else { break }
      first.advance()
      for k in below.indices { below[k].advance() }
    }
    return ((upper, lower), 0)
  }

  /// The other direction's composition, made where it is asked for.
  private struct Second {
    let plan: RunningComposition.Plan?
    let transform: FourierTransform
    private var made: RunningComposition?
    private var isMade = false

    init(_ plan: RunningComposition.Plan?, _ transform: FourierTransform) {
      (self.plan, self.transform) = (plan, transform)
    }

    mutating func at(_ rounds: Int) -> RunningComposition? {
      if !isMade { made = plan.flatMap { RunningComposition($0, transform) } }
      isMade = true
      while let composition = made, composition.rounds < rounds { made?.advance() }
      return made
    }
  }

  /// Whether a Renyi bound of the other direction is below epsilon [Canonne, Kamath & Steinke 2020, Proposition 12].
  private func isSmaller(_ rounds: Int, delta: Double, epsilon: Double) -> Bool {
    guard let (_, order, logMoment) = chernoff else { return false }
    let bound =
      Double(rounds) * logMoment / (order - 1) + log1p(-1 / order) - (log(delta) + log(order)) / (order - 1)
    return bound * (1 + 1e-9) < epsilon
  }

  /// Where the next value is, roughly.
  private static func next(_ values: [Double]) -> Double? {
    guard let last = values.last, last.isFinite else { return nil }
    guard values.count > 1, values[values.count - 2].isFinite else { return last }
    return 2 * last - values[values.count - 2]
  }
}
