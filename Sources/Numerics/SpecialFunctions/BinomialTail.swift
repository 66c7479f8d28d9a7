import Platform

/// Pr[Bin(trials, probability) >= atLeast], rounded up: a bound that may be charged to delta.
///
/// Sums point masses upward from `atLeast`; their ratios fall, so the geometric series of the first ratio below 1
/// bounds what is cut off. lgamma loses about 10^-15 n ln n; the margin of 10^-6 + 4 10^-14 n covers it.
package func binomialUpperTail(trials: Int, probability: Double, atLeast: Int) -> Double {
  guard atLeast > 0 else { return 1 }
  guard atLeast <= trials, probability > 0 else { return 0 }
  guard probability < 1 else { return 1 }
  let n = Double(trials)
  let k = Double(atLeast)
  guard k > n * probability else { return 1 }
  let logMass =
    lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(probability) + (n - k) * log1p(-probability)
  var term = 1.0
  var sum = 0.0
  var i = k
  let odds = probability / (1 - probability)
  while term > 1e-18 * sum {
    sum += term
    term *= (n - i) / (i + 1) * odds
    i += 1
    if i > n { break }
  }
  return min(exp(logMass) * sum * (1 + 1e-6 + 4e-14 * n), 1)
}
