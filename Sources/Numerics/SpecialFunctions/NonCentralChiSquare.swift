import Platform

/// Pr[chi'^2 <= x] with `degrees` of freedom and non-centrality `centrality`: the Poisson(centrality / 2) mixture of
/// central laws of degrees + 2 j. Terms are summed upwards in accuracy: downwards in j, where each distribution
/// function is the next plus a positive density. 12 digits relative to 1, and to the result where it is not tiny.
package func nonCentralChiSquare(_ x: Double, degrees: Double, centrality: Double) -> Double {
  guard x > 0 else { return 0 }
  let mean = centrality / 2
  let half = x / 2
  // Poisson weights upwards; the mean is at most some hundreds here, so the first does not vanish.
  var weights = [exp(-mean)]
  var weight = weights[0]
  while Double(weights.count) <= mean || weight > 1e-18 {
    weight *= mean / Double(weights.count)
    weights.append(weight)
  }
  var shape = degrees / 2 + Double(weights.count - 1)
  var below = regularizedLowerGamma(shape, half)
  var step = exp(shape * log(half) - half - logGamma(shape + 1))
  var total = 0.0
  for j in stride(from: weights.count - 1, through: 0, by: -1) {
    total += weights[j] * below
    step *= shape / half
    shape -= 1
    below += step
  }
  return min(total, 1)
}
