import Platform

/// ln Gamma(x) for x >= 1/2: Stirling's series where it has 15 digits, stepped up to there.
package func logGamma(_ x: Double) -> Double {
  var shift = 0.0
  var x = x
  while x < 16 {
    shift += log(x)
    x += 1
  }
  let inverse = 1 / x
  let square = inverse * inverse
  let series =
    inverse * (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square * (1.0 / 1680 - square / 1188))))
  return (x - 0.5) * log(x) - x + 0.5 * log(2 * Double.pi) + series - shift
}

/// P(a, x), the distribution function of a Gamma law: series below a + 1, continued fraction above.
///
/// `IncompleteGamma` is the more accurate one where a is large. Tables of channels are made with this one, and their bits must not
/// change: so there are two.
package func regularizedLowerGamma(_ a: Double, _ x: Double) -> Double {
  let density = exp(a * log(x) - x - logGamma(a + 1))
  if x < a + 1 {
    var term = 1.0
    var sum = 1.0
    var k = a
    while term > sum * 1e-17 {
      k += 1
      term *= x / k
      sum += term
    }
    return min(density * sum, 1)
  }
  // Lentz.
  var b = x + 1 - a
  var c = 1e300
  var d = 1 / b
  var h = d
  for i in 1...100_000 {
    let an = -Double(i) * (Double(i) - a)
    b += 2
    d = an * d + b
    if abs(d) < 1e-300 { d = 1e-300 }
    c = b + an / c
    if abs(c) < 1e-300 { c = 1e-300 }
    d = 1 / d
    h *= d * c
    if abs(d * c - 1) < 1e-16 { break }
  }
  return max(1 - density * a * h, 0)
}
