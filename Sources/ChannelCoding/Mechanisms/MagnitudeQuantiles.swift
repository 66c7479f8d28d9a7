import Numerics

/// What the quantile bits of a magnitude |y| / s carry, x ~ N(0, snr) and y ~ N(x, 1): for plans at both ends.
struct MagnitudeQuantiles {
  private let snr: Double
  private let s: Double
  private let cumulative: [Double]
  private let density: [Double]

  init(snr: Double) {
    self.snr = snr
    s = (1 + snr).squareRoot()
    // The table's nodes are exact: with three derivatives it is good to 10^-9.
    (cumulative, density) = NormalTable.shared.withCumulative { table in
      let nodes = (-512...512).map { Double($0) / 64 }
      return (
        nodes.map { table($0) }, nodes.map { Elementary.exp(-$0 * $0 / 2) / (2 * Double.pi).squareRoot() }
      )
    }
  }

  private func normal(_ t: Double) -> Double {
    guard abs(t) < 7.99 else { return t < 0 ? 0 : 1 }
    let node = Int(t * 64 + 512.5)
    let t0 = Double(node - 512) / 64
    let h = t - t0
    return cumulative[node] + density[node] * h * (1 - h / 2 * (t0 - h / 3 * (t0 * t0 - 1)))
  }

  /// The bit that cuts each of 2^depth cells: its information in nats, and the law of its bias, over cells by the
  /// target's masses and over x.
  func level(_ depth: Int) -> (information: Double, law: BiasLaw) {
    let halves = 2 << depth
    let ends = (0..<halves).map { s * EscapeCode.magnitude(cell: Double($0), share: 1, count: Double(halves)) }
    let xs = 48
    var (information, mass) = (0.0, 0.0)
    var law = BiasLaw()
    for j in 0..<xs {
      let w = 7 * (Double(j) + 0.5) / Double(xs)
      let weight = Elementary.exp(-w * w / 2)
      let x = snr.squareRoot() * w
      var masses = [Double](repeating: 0, count: halves)
      // Pr[|y| <= end], and differences.
      var below = 0.0
      for k in 0..<halves {
        let above = k + 1 < halves ? normal(ends[k + 1] - x) - normal(-ends[k + 1] - x) : 1
        masses[k] = max(above - below, 0)
        below = above
      }
      for k in stride(from: 0, to: halves, by: 2) {
        let whole = masses[k] + masses[k + 1]
        guard whole > 1e-12 else { continue }
        let t = (masses[k + 1] - masses[k]) / whole
        let square = t * t
        // (1 + t)/2 ln(1 + t) + (1 - t)/2 ln(1 - t); t^2/2 + t^4/12 where that is all.
        let nats =
          square < 1e-4
          ? square / 2 + square * square / 12
          : ((1 + t) * Elementary.log(max(1 + t, 1e-300)) + (1 - t) * Elementary.log(max(1 - t, 1e-300))) / 2
        information += weight * whole * nats
        law.add(t, weight: weight * whole)
        mass += weight * whole
      }
    }
    law.normalise()
    return (information / mass, law)
  }
}
