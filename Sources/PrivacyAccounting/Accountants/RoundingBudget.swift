import Platform

/// What rounding can do to the masses of rounds on a grid, as docs/privacy.md proves it, in the tilted law.
struct RoundingBudget {
  /// Half the distance of 1 and the next number.
  static let unit = 0x1p-53

  /// The largest of (computed less exact profile at grid points a_k) a_k^theta over the moment, all rounds together.
  var profile = 0.0
  /// Tilted mass in the wrong place or of the wrong size.
  var misplaced = 0.0
  /// Of profile errors: width of the grids in losses, times the error.
  private var width = 0.0

  /// Bound on the moments of exact rounds over those of the computed ones, less 1.
  func inflation(_ theta: Double) -> Double { 2 * theta * (1 + theta) * width }

  mutating func add(
    _ entry: LossComposition.Entry, _ direction: Direction, _ tilted: [Double], offset: Double, step: Double,
    theta: Double, logMoment: Double
  ) {
    let n = tilted.count
    let end = offset + Double(n - 1) * step
    let widest = max(abs(offset), abs(end))
    // Dots below this one have tails that are known to so many deviations; those above weigh less than 10^-4.
    var tail = 0.0
    var k = n - 1
    while k > 0 && tail + tilted[k] < 1e-4 {
      tail += tilted[k]
      k -= 1
    }
    let high = offset + Double(k) * step
    let deviations = entry.pair.deviations(direction, loss: high)
    let losses = max(abs(high), min(max(0, -offset), abs((logMoment - 9.3) / theta)))
    let one = Self.unit * (50 + 8 * deviations * deviations + 8 * losses)
    let count = Double(entry.count)
    // What a lower law takes off a point may come from the bucket below it.
    let moved = one * exp(theta * step)
    profile += count * moved
    width += count * moved * (end - offset)
    misplaced += count * Self.unit * (100 + 4 * theta * widest + 4 * abs(logMoment)) * exp(2 * theta * step)
  }
}

extension DominatingPair {
  /// How many deviations from a mean the points are whose loss is above this, at most 40: upper tails of the law that comes first.
  fileprivate func deviations(_ direction: Direction, loss: Double) -> Double {
    guard kind != .blackBox else { return 0 }
    let loss = direction == .remove ? loss : -loss
    var most = 0.0
    for region in regions {
      let position = region.position(min(max(loss, region.low), region.high))
      guard position.isFinite || (position > 0) == (direction == .remove) else { continue }
      for (_, mean) in region.p + region.q {
        let distance = (position - mean) / region.scale
        most = max(most, min(direction == .remove ? distance : -distance, 40))
      }
    }
    return most
  }
}
