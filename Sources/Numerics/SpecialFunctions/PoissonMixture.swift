import Platform

/// Pr[G <= x] for G a Gamma variable of shape `shape` + J, J Poisson with the given mean: the sum over i of
/// x^(shape + i) e^-x / Gamma(shape + i + 1) Pr[J <= i]. Every term is positive, and each eighth is found anew, so that
/// errors do not add up.
package func mixtureMass(_ x: Double, shape: Double, mean: Double) -> Double {
  guard x > 0 else { return 0 }
  // Beyond, what is missing is below 10^-20 (Chernoff).
  if x > shape + mean + 10 * (shape + 2 * mean).squareRoot() + 100 { return 1 }
  var (total, below, i) = (0.0, 0.0, 0.0)
  var (term, weight) = (0.0, 0.0)
  while true {
    if Int(i) & 7 == 0 {
      term = poissonMass(shape + i, x)
      weight = poissonMass(i, mean)
    }
    below += weight
    total += term * below
    if i > x, term < 1e-19 * max(total, 1e-280) { return total }
    i += 1
    term *= x / (shape + i)
    weight *= mean / i
  }
}

/// x^k e^-x / Gamma(k + 1) for k a multiple of 1/2, by its deviance: no difference of large numbers. [Loader 2000]
private func poissonMass(_ k: Double, _ x: Double) -> Double {
  if k == 0 { return exp(-x) }
  if x == 0 { return 0 }
  // k ln(k / x) + x - k = -k logExcess((x - k) / k); far from k nothing cancels.
  let deviance = abs(x - k) > 0.5 * k ? k * log(k / x) + (x - k) : -k * logExcess((x - k) / k)
  return exp(-stirlingError(k) - deviance) / (2 * Double.pi * k).squareRoot()
}

/// ln Gamma(k + 1) - (k + 1/2) ln k + k - ln(2 pi) / 2 for k >= 1/2 a multiple of 1/2.
private func stirlingError(_ k: Double) -> Double {
  if k < 16 { return stirlingErrors[Int(2 * k) - 1] }
  let inverse = 1 / k
  let square = inverse * inverse
  return inverse
    * (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square * (1.0 / 1680 - square / 1188))))
}

/// At 1/2, 1, ... 15 1/2: computed by Scripts/fit-kernels.py.
private let stirlingErrors: [Double] = [
  0.15342640972002736, 0.08106146679532726, 0.05481412105191765, 0.0413406959554093, 0.03316287351993629,
  0.02767792568499834, 0.023746163656297496, 0.020790672103765093, 0.018488450532673187, 0.016644691189821193,
  0.015134973221917378, 0.013876128823070748, 0.012810465242920227, 0.01189670994589177, 0.011104559758206917,
  0.010411265261972096, 0.009799416126158804, 0.009255462182712733, 0.008768700134139386, 0.00833056343336287,
  0.00793411456431402, 0.007573675487951841, 0.007244554301320383, 0.00694284010720953, 0.006665247032707682,
  0.006408994188004207, 0.006171712263039458, 0.0059513701127588475, 0.0057462165130101155, 0.005554733551962801,
  0.005375599032926835,
]
