import Platform

extension RunningComposition {
  /// How the rounds of a range are composed. It proves nothing: any plan gives bounds.
  struct Plan {
    let pair: DominatingPair
    let direction: Direction
    /// The numbers of rounds that are asked for.
    let counts: ClosedRange<Int>
    /// The distance of one number of rounds from the next.
    let stride: Int
    let composition: LossComposition
    /// Of the most rounds.
    let plan: LossComposition.Plan
    /// The window reaches this far below and above where delta is read.
    var below: Double
    var above: Double
    /// Roughly epsilon of the fewest and of the most rounds.
    let epsilons: (fewest: Double, most: Double)
    /// Roughly by how much ln of delta falls with epsilon: the order, less 1, of the smallest Renyi bound.
    let slope: Double
    /// How far from `epsilons` delta may be read.
    let margin: Double

    /// The P-mass that may be cut off all rounds together, of delta: it moves epsilon by less than 10^-4 / theta.
    private static let cut = 3e-5
    /// Exponent of what may lie outside the window, of the tilted law.
    private static let outside = 22.0
    /// What rounding and folding may come to, of delta.
    private static let share = 1e-5

    /// - Parameters:
    ///   - delta: where epsilon will be asked, roughly.
    ///   - epsilons: what the fewest and the most rounds have, roughly.
    init?(
      _ pair: DominatingPair, _ direction: Direction, counts: ClosedRange<Int>, stride: Int, delta: Double,
      epsilons: (fewest: Double, most: Double)
    ) {
      (self.pair, self.direction, self.counts, self.stride) = (pair, direction, counts, stride)
      self.epsilons = epsilons
      let (fewest, most) = (Double(counts.lowerBound), Double(counts.upperBound))
      let entry = LossComposition.Entry(pair: pair, count: counts.upperBound)
      composition = LossComposition(entries: [entry], direction: direction)
      let cut = Self.cut * delta / most
      let moments = LossMoments([entry], direction, cut: cut)
      // The largest tilt is that of the smallest Renyi bound; smaller ones have narrower windows, and more rounding beside delta.
      let allowed = log(Self.share) - log(4 * exp(-Self.outside) + 3e-14 * most)
      slope = composition.plan(.epsilon(delta: delta)).theta
      margin = 0.04 * epsilons.most + 0.5 / slope
      var theta = slope
      var best: (value: Double, plan: LossComposition.Plan, below: Double, above: Double)?
      for _ in 0..<12 {
        let plan = LossComposition.Plan(moments, cut: cut, theta: theta, outside: Self.outside)
        // Chernoff's bounds of the tilted laws' ends: linear in the number of rounds, but for the exponent.
        let ends = [(fewest / most, epsilons.fewest), (1, epsilons.most)].map { share, epsilon in
          (
            epsilon - share * (plan.mean - plan.left) + (1 - share) * Self.outside / plan.leftTilt,
            share * (plan.mean + plan.right) + (1 - share) * Self.outside / plan.rightTilt - epsilon
          )
        }
        let (below, above) = (margin + (ends.map(\.0).max() ?? 0), margin + (ends.map(\.1).max() ?? 0))
        // Half the goal's width apart, roughly, for the first tilt whatever it is.
        let fits =
          plan.moment * fewest / most - theta * epsilons.fewest < log(delta) + allowed
          && plan.moment - theta * epsilons.most < log(delta) + allowed
        let value = (below + above) * (below + above) * (theta + 1)
        if below > 0, above > 0, value.isFinite, best == nil || (fits && value < best?.value ?? .infinity) {
          best = (value, plan, below, above)
        }
        guard fits else { break }
        theta /= 1.3
      }
      guard let best else { return nil }
      (plan, below, above) = (best.plan, best.below, best.above)
    }

    /// The step of a grid of so many points, with room for what splitting buckets adds.
    func grid(size: Int) -> (step: Double, below: Int)? {
      let rounds = Double(counts.upperBound)
      let rough = (below + above) / Double(size)
      let slack = { (tilt: Double) in
        min(Double(size) / 5, tilt * rough > 0.1 ? 8 + 3 * rounds : 4 + 2 * rounds.squareRoot())
      }
      let (low, high) = (slack(plan.leftTilt), slack(plan.rightTilt))
      let step = (below + above) / (Double(size) - 1 - low - high)
      guard step > 0, step.isFinite else { return nil }
      return (step, min(size - 2, Int((below / step + low).rounded(.up))))
    }

    /// How far apart both bounds of epsilon will be, roughly: ln of the moment of a round is off by theta (theta + 1) h^2 / 12 above and twice that
    /// below (docs/privacy.md).
    func width(step: Double) -> Double { Double(counts.upperBound) * (plan.theta + 1) * step * step / 4 }
  }
}
