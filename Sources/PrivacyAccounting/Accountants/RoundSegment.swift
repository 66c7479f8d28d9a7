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

  /// Rows of numbers up to this one are all there.
  private static let dense = 4096

  /// How far apart both bounds of the dominating pair's epsilon may be, relative to it.
  private static let goal = 6e-4

  /// Nil where the grid does not bring both bounds together.
  init?(after start: Int, upTo end: Int, _ question: Question) {
    self.start = start
    stride = max(1, 2 * start / Self.dense)
    let numbers = (end - start + stride - 1) / stride
    let counts = start + stride...start + numbers * stride
    guard let composed = Composed(question, counts: counts, stride: stride) else { return nil }
    var logSize = composed.logSize
    while logSize <= 17 {
      if let (upper, lower) = composed.columns(logSize: logSize, numbers, question, goal: Self.goal) {
        (self.upper, self.lower) = (upper, lower)
        return
      }
      logSize += 1
    }
    return nil
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
  /// The other direction of the dominating pair.
  private let other: RunningComposition.Plan?
  /// The attained pair, where it is another one; nil where the main composition has its lower bounds.
  private let attained: [RunningComposition.Plan]

  init?(_ question: RoundSegment.Question, counts: ClosedRange<Int>, stride: Int) {
    let plan = { (pair: DominatingPair, direction: Direction) in
      RunningComposition.Plan(pair, direction, counts: counts, stride: stride, delta: question.above)
    }
    guard let main = plan(question.dominating, .remove) else { return nil }
    self.main = main
    if question.dominating.isSymmetric {
      other = nil
    } else {
      guard let other = plan(question.dominating, .add) else { return nil }
      self.other = other
    }
    if question.attained == question.dominating {
      attained = []
    } else {
      let directions = question.attained.isSymmetric || question.isForward ? [Direction.remove] : Direction.allCases
      attained = directions.compactMap { plan(question.attained, $0) }
    }
  }

  private static func scale(_ plan: RunningComposition.Plan, _ epsilon: Double) -> Double {
    max(epsilon, 1e-3 / plan.plan.theta, 1e-9)
  }

  /// The smallest size that may do.
  var logSize: Int {
    var size = 10
    while size < 16 {
      guard let grid = main.grid(size: 1 << size) else { break }
      if main.width(step: grid.step) < 5e-4 * Self.scale(main, main.epsilon) { break }
      size += 1
    }
    return size
  }

  /// Nil where both bounds are not close enough at both ends.
  func columns(
    logSize: Int, _ numbers: Int, _ question: RoundSegment.Question, goal: Double
  ) -> (upper: [Double], lower: [Double])? {
    let transform = FourierTransform(size: 1 << logSize)
    guard var first = RunningComposition(main, transform) else { return nil }
    var second = other.flatMap { RunningComposition($0, transform) }
    guard (second == nil) == (other == nil) else { return nil }
    var below = attained.compactMap { RunningComposition($0, transform) }
    let above = RunningComposition.Target(constant: question.above)
    var (upper, lower): ([Double], [Double]) = ([], [])
    for number in 1...numbers {
      var high = first.epsilon(above, sign: 1, start: Self.next(upper) ?? 0.8 * main.epsilon)
      high = min(high, first.largestLoss)
      if number == 1 || number == numbers {
        let low = first.epsilon(above, sign: -1, start: high)
        guard high - low <= goal * Self.scale(main, high) else { return nil }
      }
      if let second, second.mayExceed(above, at: high) {
        high = max(high, min(second.epsilon(above, sign: 1, start: high), second.largestLoss))
      }
      upper.append(high)
      let guess = Self.next(lower) ?? high
      var low = 0.0
      if attained.isEmpty {
        low = first.epsilon(question.below, sign: -1, start: guess)
        if !question.isForward, let second, second.exceeds(question.below, above: low) {
          low = max(low, second.epsilon(question.below, sign: -1, start: low))
        }
      } else {
        for one in below where low == 0 || one.exceeds(question.below, above: low) {
          low = max(low, one.epsilon(question.below, sign: -1, start: guess))
        }
      }
      lower.append(low)
      guard number < numbers else { break }
      first.advance()
      second?.advance()
      for k in below.indices { below[k].advance() }
    }
    return (upper, lower)
  }

  /// Where the next value is, roughly.
  private static func next(_ values: [Double]) -> Double? {
    guard let last = values.last, last.isFinite else { return nil }
    guard values.count > 1, values[values.count - 2].isFinite else { return last }
    return 2 * last - values[values.count - 2]
  }
}
