import Platform

/// Reading epsilon or delta off a composed law.
struct ProfileReading {
  let first: Int
  let least: Double
  let step: Double
  let theta: Double
  let logMoment: Double
  /// ln of what e^(-theta epsilon) is multiplied with to bound the effect of rounding and folding on delta.
  let logBudget: Double
  /// The same of rounds without a large loss, where they are not in the law: ln, and their tilt.
  let bulk: (logBudget: Double, tilt: Double)?

  /// Exponentials of more are cut off at e^700.
  private static let largestExponent = 690.0

  /// Relative error of the sums below, all of whose terms are positive.
  private func sumError(_ count: Int) -> Double {
    let widest = theta * max(abs(least), abs(least + Double(count) * step))
    return 0x1p-53 * (6 * Double(count) + 4 * widest + 4 * abs(logMoment) + 50)
  }

  private func budget(_ epsilon: Double) -> Double {
    exp(min(logBudget - theta * epsilon, 700)) + (bulk.map { exp(min($0.logBudget - $0.tilt * epsilon, 700)) } ?? 0)
  }

  /// delta(e) = infinity + sum over l > e of p (1 - e^(e - l)) +- budget(e), from above down to the cell where it passes delta.
  ///
  /// With S_i the sum over j >= i of p_j e^(l_i - l_j): f_(i - 1) = f_i + (1 - e^-h) S_i, sums of positive numbers.
  func epsilon(_ tilted: [Double], infinity: Double, delta: Double, sign: Double) -> Double {
    let n = tilted.count
    let factor = 1 + sign * sumError(n)
    guard factor > 0.5, factor < 1.5 else { return sign > 0 ? .infinity : 0 }
    guard delta > infinity * factor else { return .infinity }
    let shrink = -expm1(-step)
    let decay = exp(-step)
    // Of the point above.
    var f = infinity
    var s = 0.0
    var most = 0.0
    for i in stride(from: n - 1, through: 0, by: -1) {
      let l = least + Double(i) * step
      // Here the budget is cut off, and nothing is known from below.
      if sign < 0, logMoment - theta * l > Self.largestExponent { return 0 }
      let next = f + shrink * s
      // The budget rises on the way down: where even that of the block's last point leaves delta unreached, it need not be
      // computed.
      if i & 255 == 255 || i == n - 1 {
        most = max(0, sign) * self.budget(least + Double(i & ~255) * step) * (1 + 1e-9)
      }
      guard l < 0 || !(next * factor + most < delta * (1 - 1e-9)) else {
        f = next
        s = s * decay + max(0, tilted[(first + i) & (n - 1)]) * exp(min(logMoment - theta * l, 700))
        continue
      }
      let budget = sign * budget(l)
      let value = next * factor + budget
      // Not a number counts as too much above, and as nothing below.
      if sign > 0 ? !(value < delta) : value >= delta {
        guard value.isFinite else { return sign > 0 ? .infinity : 0 }
        if i == n - 1 {
          // Already at the window's upper end, beyond which there is nothing but the budget, which falls at least as e^(-theta' epsilon).
          guard sign > 0 else { return max(0, l) }
          let slowest = min(theta, bulk?.tilt ?? theta)
          return max(0, l, l + log(budget / (delta - infinity * factor)) / slowest)
        }
        // In (l_i, l_(i+1)]: (f + (1 - e^(epsilon - l_(i+1))) s) factor + budget = delta.
        let share = ((delta - budget) / factor - f) / s
        let epsilon = share < 1 ? l + step + log1p(-max(share, 0)) : l
        return max(0, min(max(epsilon, l), l + step))
      }
      if l < -step { break }
      f = next
      s = s * decay + max(0, tilted[(first + i) & (n - 1)]) * exp(min(logMoment - theta * l, 700))
    }
    // Not reached in the window, below which there is nothing but the budget.
    return sign > 0 ? max(0, least) : 0
  }

  func delta(_ tilted: [Double], infinity: Double, epsilon: Double, sign: Double) -> Double {
    // Where exponentials are cut off, so is the budget.
    guard logMoment - theta * epsilon < Self.largestExponent else { return sign > 0 ? 1 : 0 }
    let n = tilted.count
    var sum = infinity
    for i in stride(from: n - 1, through: 0, by: -1) {
      let l = least + Double(i) * step
      if l <= epsilon { break }
      sum += max(0, tilted[(first + i) & (n - 1)]) * exp(min(logMoment - theta * l, 700)) * -expm1(epsilon - l)
    }
    let delta = sum * (1 + sign * sumError(n)) + sign * budget(epsilon)
    // Not a number, or infinite, counts as all above and as nothing below.
    return !delta.isFinite ? (sign > 0 ? 1 : 0) : max(0, min(1, delta))
  }

  /// delta at many epsilons, which rise, in one pass from above down: with l the lowest point above epsilon, and S as in `epsilon`,
  /// delta(epsilon) = delta(l) + (1 - e^(epsilon - l)) S.
  func deltas(_ tilted: [Double], infinity: Double, epsilons: [Double], sign: Double) -> [Double] {
    let n = tilted.count
    let (shrink, decay, factor) = (-expm1(-step), exp(-step), 1 + sign * sumError(n))
    var deltas = epsilons.map { _ in sign > 0 ? 1.0 : 0.0 }
    var (f, s, above, i) = (infinity, 0.0, least + Double(n) * step, n - 1)
    for k in epsilons.indices.reversed() {
      let epsilon = epsilons[k]
      // Where exponentials are cut off, so is the budget: nothing is known here, nor at any smaller epsilon.
      guard logMoment - theta * epsilon < Self.largestExponent else { break }
      while i >= 0 {
        let l = least + Double(i) * step
        if l <= epsilon { break }
        f += shrink * s
        s = s * decay + max(0, tilted[(first + i) & (n - 1)]) * exp(min(logMoment - theta * l, 700))
        (above, i) = (l, i - 1)
      }
      let delta = (f - expm1(epsilon - above) * s) * factor + sign * budget(epsilon)
      // Not a number, or infinite, counts as all above and as nothing below.
      if delta.isFinite { deltas[k] = max(0, min(1, delta)) }
    }
    return deltas
  }
}
