import Numerics
import Platform

/// ln E e^(theta L) of all rounds, by quadrature: it chooses orders and windows, and proves nothing.
struct LossMoments {
  /// For each entry: losses and ln of their P-masses.
  var nodes: [(count: Double, loss: [Double], logMass: [Double])] = []

  init(_ entries: [LossComposition.Entry], _ direction: Direction, cut: Double) {
    for entry in entries {
      var nodes = Nodes()
      for region in entry.pair.regions { nodes.add(region, cut: cut) }
      for (loss, mass) in entry.pair.atoms { nodes.add(loss: loss, mass: mass) }
      if direction == .add { nodes.mirror() }
      self.nodes.append((Double(entry.count), nodes.loss, nodes.logMass))
    }
  }

  /// K(theta) of one round of an entry.
  func cumulant(_ index: Int, _ theta: Double) -> Double { tilted(index, theta).value }

  /// K(theta) of all rounds, and its derivative.
  func cumulant(_ theta: Double) -> (value: Double, slope: Double) {
    var value = 0.0
    var slope = 0.0
    for i in nodes.indices {
      let one = tilted(i, theta)
      value += nodes[i].count * one.value
      slope += nodes[i].count * one.slope
    }
    return (value, slope)
  }

  /// Of all rounds: how many of them have a loss above `threshold` in the tilted law, nearly; and ln of the moment of order
  /// `bulkTilt` of the rest.
  func split(_ theta: Double, at threshold: Double) -> (jumps: Double, bulk: (Double) -> Double) {
    var jumps = 0.0
    var rest: [(count: Double, loss: [Double], logMass: [Double])] = []
    for i in nodes.indices {
      let cumulant = cumulant(i, theta)
      var kept: (loss: [Double], logMass: [Double]) = ([], [])
      for (l, m) in zip(nodes[i].loss, nodes[i].logMass) {
        if l > threshold { jumps += nodes[i].count * exp(m + theta * l - cumulant) }
        // Nodes are far apart beside what the tilt tells apart: those just above count as at the threshold.
        if l <= 2 * threshold {
          kept.loss.append(min(l, threshold))
          kept.logMass.append(m)
        }
      }
      rest.append((nodes[i].count, kept.loss, kept.logMass))
    }
    let bulk = { (tilt: Double) -> Double in
      rest.reduce(0) {
        $1.loss.isEmpty
          ? -.infinity
          : $0 + $1.count * Kernels.best.cumulant(logMasses: $1.logMass, losses: $1.loss, theta: tilt).value
      }
    }
    return (jumps, bulk)
  }

  /// Of one round. This is called hundreds of times for every epsilon.
  private func tilted(_ index: Int, _ theta: Double) -> (value: Double, slope: Double) {
    Kernels.best.cumulant(logMasses: nodes[index].logMass, losses: nodes[index].loss, theta: theta)
  }
}

/// Losses of one round with ln of their P-masses, while they are gathered: nodes of a quadrature, and atoms.
private struct Nodes {
  var loss: [Double] = []
  var logMass: [Double] = []

  mutating func add(loss: Double, mass: Double) {
    guard mass > 0 else { return }
    self.loss.append(loss)
    logMass.append(log(mass))
  }

  private mutating func add(_ region: Region, at x: Double, weight: Double) {
    add(loss: region.loss(x), mass: region.density(region.p, at: x) * weight)
  }

  /// Adds the nodes of a region, but for Q-mass `cut` below and P-mass `cut` above.
  mutating func add(_ region: Region, cut: Double) {
    let s = region.scale
    let step = min(s / 4, 0.3 * max(s * s, 0.02 * s))
    let means = region.p.map(\.mean) + region.q.map(\.mean)
    var low = max(region.position(region.low), region.cut(region.q, tail: cut, above: false))
    if region.low > -.infinity { low = max(low, (means.min() ?? 0) - 12 * s) }
    let high = min(region.position(region.high), region.cut(region.p, tail: cut, above: true))
    guard high > low else { return }
    if region.position(region.low) == -.infinity && region.position(region.high) == .infinity {
      // The trapezoid rule converges exponentially where both ends are tails.
      let n = Int(((high - low) / step).rounded(.up))
      for i in 0...n {
        add(
          region, at: low + (high - low) * Double(i) / Double(n),
          weight: (i == 0 || i == n ? 0.5 : 1) * (high - low) / Double(n))
      }
    } else {
      // Where a region begins amid its mass that rule is off by the square of the step, which T rounds multiply: at T = 10^6
      // the window missed the sum.
      let n = ((high - low) / (8 * step)).rounded(.up)
      let half = (high - low) / n / 2
      for i in 0..<Int(n) {
        let middle = low + (2 * Double(i) + 1) * half
        for (point, weight) in GaussLegendre.ten {
          add(region, at: middle - half * point, weight: half * weight)
          add(region, at: middle + half * point, weight: half * weight)
        }
      }
    }
  }

  /// Makes Q against P of P against Q: mass m at loss l under P is m e^-l at -l under Q.
  mutating func mirror() {
    for i in loss.indices {
      logMass[i] -= loss[i]
      loss[i] = -loss[i]
    }
  }
}
