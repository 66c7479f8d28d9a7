import Platform

/// e^(x^2) erfc(x) for x >= 0, without overflow: relative error below 10^-13.
package func scaledComplementaryError(_ x: Double) -> Double {
  if x < 12 { return exp(x * x) * erfc(x) }
  // Continued fraction 1/(sqrt(pi) (x + (1/2)/(x + 1/(x + (3/2)/(x + ...))))): 30 levels are plenty from 12 on.
  var tail = x
  for k in stride(from: 30, to: 0, by: -1) { tail = x + Double(k) / 2 / tail }
  return 1 / (tail * Double.pi.squareRoot())
}
