import Numerics

/// Poisson functional representation [Li & El Gamal 2018], with the ratio capped at M.
///
/// With T_1 < T_2 < ... the times of a unit Poisson process and candidates y_k ~ p, K = argmin T_k / w(y_k),
/// w = min(r, M), has y_K with density w p / Z exactly: the points (T_k / w(y_k), y_k) are a Poisson process of rate
/// w(y) p(y), and its first point has the law of its marks. No later candidate can win once T_k >= M times the best
/// value, so the search ends by itself: M / Z candidates on average, Z the body's mass.
///
/// The times are the client's own: the decoder needs only K.
package enum PoissonFunctionalRepresentation {
  /// K, from 1 on.
  @inline(__always)
  package static func select<Source: CandidateSource & ~Copyable>(
    _ candidates: inout Source, logCap: Double, random: inout RandomStream
  ) -> UInt64 {
    var time = TimeSum()
    var best = Double.infinity
    var index: UInt64 = 1
    var k: UInt64 = 0
    while true {
      k += 1
      time.add(random.time())
      let logTime = Elementary.log(time.value)
      if logTime >= logCap + best { return index }
      let value = logTime - min(candidates.score(), logCap)
      if value < best {
        (best, index) = (value, k)
        candidates.keep()
      }
    }
  }

  /// The law of K for the public model. Given w* = w(y_K), those that came earlier and lost are a Poisson number with
  /// an exponential mean, so K is geometric with success probability Z / (Z + G(w*)), G(w) = integral over (0, w) of
  /// P[r < u]. w* has density P[r >= w] w under the body: its distribution comes from the grid.
  static func indexTails(_ grid: HeightGrid) -> [Double] {
    let (g, tail, above) = (grid.edges, grid.tails, grid.above)
    let z = grid.bodyMass
    var below = 0.0
    var tails = [Double](repeating: 0, count: IndexModel.cellCount)
    func add(_ mass: Double, _ lost: Double) {
      guard mass > 0 else { return }
      // power = rho^(2^octave) by squaring; the exponents wanted are 2^octave - 1 and 3 2^(octave - 1) - 1.
      let rho = max(lost / (z + lost), 1e-12)
      var power = rho
      tails[0] += mass
      for octave in 1..<IndexModel.octaves {
        let root = power
        power *= power
        tails[2 * octave - 1] += mass * power / rho
        tails[2 * octave] += mass * power * root / rho
        if power < 1e-30 { break }
      }
    }
    for i in 0..<(g.count - 1) {
      let width = g[i + 1] - g[i]
      let lost = max(width - grid.mass(i), 0)
      // Pr[w* in (g_i, g_i+1)] = integral of w over the drop of the tail, by parts, with B = above.
      let mass = max(g[i] * tail[i] + above[i] - g[i + 1] * tail[i + 1] - above[i + 1], 0) / z
      add(mass, below + lost / 2)
      below += lost
    }
    // The atom at the cap.
    add(grid.cap * (tail.last ?? 0) / z, below)
    return tails
  }
}
