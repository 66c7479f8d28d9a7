import Numerics

/// Greedy Poisson rejection sampling [Flamich 2023], for the body below a cap.
///
/// With T_1 < T_2 < ... the times of a unit Poisson process, accept the first candidate with T_k < S(r(y_k)). Points of
/// the process of rate p(y) dt under the graph of t = S(r(y)) with the smallest time: still running at time t with
/// probability exp(-integral over (0, t) of P[S(r) > s] ds) = B(h) / Z, h = S^-1(t); so the accepted point has density
/// p(y) times the integral over h < min(r(y), M) of (B(h) / Z) S'(h) dh = p(y) min(r(y), M) / Z, since S' = 1 / B.
///
/// M / Z candidates on average. The times are the client's own: the decoder needs only K.
enum GreedyPoissonRejection {
  static func select(
    _ candidates: inout CandidateScores, _ stretch: StretchTable, random: inout RandomStream
  ) -> UInt64 {
    var time = TimeSum()
    var k: UInt64 = 0
    while true {
      k += 1
      time.add(random.time())
      let score = candidates.score()
      precondition(!score.isNaN, "a ratio is a number")
      if stretch.accepts(time.value, score) { return k }
    }
  }

  /// The law of K for the public model. The height h* of acceptance has Pr[h* > g] = B(g) / Z; given it, the points
  /// that were refused are Poisson with mean integral of (1 - P[r >= g]) / B dg = S(h*) + ln(B(h*) / Z).
  static func indexTails(_ grid: HeightGrid, _ cumulative: NormalTable.Cumulative) -> [Double] {
    let (g, above) = (grid.edges, grid.above)
    let z = grid.bodyMass
    var stretched = 0.0
    var tails = [Double](repeating: 0, count: IndexModel.cellCount)
    for i in 0..<(g.count - 1) {
      let middle = max((above[i] + above[i + 1]) / 2, 1e-300)
      let step = (g[i + 1] - g[i]) / middle
      let refused = max(stretched + step / 2 + Elementary.log(middle / z), 0)
      stretched += step
      let mass = max(above[i] - above[i + 1], 0) / z
      guard mass > 0 else { continue }
      let none = Elementary.exp(-min(refused, 700))
      for cell in tails.indices {
        let tail = poissonTail(IndexModel.first(cell) - 1, mean: refused, none: none, cumulative)
        if tail < 1e-12 { break }
        tails[cell] += mass * tail
      }
    }
    return tails
  }

  /// Pr[N >= j], N Poisson: exact for j <= 3, then by the square root that makes it nearly normal. A model's accuracy.
  private static func poissonTail(
    _ j: UInt64, mean: Double, none: Double, _ cumulative: NormalTable.Cumulative
  ) -> Double {
    switch j {
    case 0: return 1
    case 1: return 1 - none
    case 2: return 1 - none * (1 + mean)
    case 3: return 1 - none * (1 + mean + mean * mean / 2)
    default: return cumulative(2 * ((mean + 0.375).squareRoot() - (Double(j) - 0.125).squareRoot()))
    }
  }
}
