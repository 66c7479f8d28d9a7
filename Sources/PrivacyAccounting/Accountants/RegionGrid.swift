import Numerics
import Platform

extension DominatingPair {
  /// Losses between which lies all but P-mass `cut` above and Q-mass `cut` below.
  func lossRange(cut: Double) -> (low: Double, high: Double) {
    if kind == .blackBox { return (-rate, rate) }
    if kind == .displacedOnce {
      return (leastLoss, regions.map { $0.high > 0 ? $0.loss($0.cut($0.p, tail: cut, above: true)) : 0 }.max() ?? 0)
    }
    var low = 0.0
    var high = 0.0
    for region in regions {
      if region.high == .infinity {
        high = max(high, region.loss(region.cut(region.p, tail: cut, above: true)))
      }
      low = min(low, region.loss(region.cut(region.q, tail: cut, above: false)))
    }
    return (max(low, leastLoss), high)
  }
}

extension Region {
  /// x for a row of losses, which are in the region but for the first two and the last two.
  ///
  /// Rounding of e^l - 1 moves an end of a bucket by 10^-16 in l, for both laws alike.
  private func positions(offset: Double, step: Double, count: Int) -> [Double] {
    let s2 = scale * scale
    switch shape {
    case .mixture, .reversedMixture:
      // Of -l, and minus what comes out, for the reversed one.
      let sign = shape == .mixture ? 1.0 : -1.0
      var x = Kernels.best.exponentials(from: sign * offset, step: sign * step, count: count)
      for i in 0..<count { x[i] = (x[i] - 1) / rate }
      x.withUnsafeMutableBufferPointer { Kernels.best.log1p($0) }
      for i in 0..<count {
        let l = offset + Double(i) * step
        x[i] = sign * l > 30 ? position(l) : sign * (s2 * x[i] + 0.5)
      }
      return x
    default:
      return (0..<count).map { position(min(max(offset + Double($0) * step, low), high)) }
    }
  }

  /// Adds the masses of buckets first ..< last of a grid.
  func addMasses(offset: Double, step: Double, first: Int, last: Int, p: inout [Double], q: inout [Double]) {
    let count = last - first + 1
    let padded = (count + 7) / 8 * 8
    var x = positions(offset: offset + Double(first) * step, step: step, count: padded)
    x[0] = position(min(max(offset + Double(first) * step, low), high))
    x[1] = position(min(max(offset + Double(first + 1) * step, low), high))
    x[count - 2] = position(min(max(offset + Double(last - 1) * step, low), high))
    x[count - 1] = position(min(max(offset + Double(last) * step, low), high))
    for i in count..<padded { x[i] = x[count - 1] }
    var z = x
    var tails = x
    for mean in Set((self.p + self.q).map(\.mean)).sorted() {
      let inP = self.p.reduce(0) { $0 + ($1.mean == mean ? $1.weight : 0) }
      let inQ = self.q.reduce(0) { $0 + ($1.mean == mean ? $1.weight : 0) }
      for i in 0..<padded { z[i] = min(max((x[i] - mean) / scale, -40), 40) }
      z.withUnsafeBufferPointer { from in
        tails.withUnsafeMutableBufferPointer { Kernels.best.signedTails(from, into: $0) }
      }
      // Tails that do not rise, whatever rounding does: masses then add up to them.
      for i in 0..<count - 1 where (tails[i] > 0) == (tails[i + 1] > 0) { tails[i + 1] = min(tails[i], tails[i + 1]) }
      for i in 0..<count - 1 {
        let mass = max(0, tails[i] - tails[i + 1] + (tails[i] <= 0 && tails[i + 1] > 0 ? 1 : 0))
        p[first + i] += inP * mass
        q[first + i] += inQ * mass
      }
    }
  }
}
