import Platform

/// ln(1 + x) - x for x > -1, to a few ulp.
@inlinable
package func logExcess(_ x: Double) -> Double {
  if abs(x) > 0.1 { return log1p(x) - x }
  // -x^2/2 + x^3/3 - ...: with s = x / (2 + x), ln(1 + x) = 2 s (1 + s^2/3 + ...), and 2 s - x = -x s.
  let s = x / (2 + x)
  let square = s * s
  var (sum, term, k) = (0.0, square, 3.0)
  while term > 1e-18 {
    sum += term / k
    term *= square
    k += 2
  }
  return s * (2 * sum - x)
}

/// y - arctan y for y >= 0, to a few ulp.
@inlinable
package func arctangentExcess(_ y: Double) -> Double {
  if y > 0.3 { return y - atan(y) }
  let square = y * y
  var (sum, term, k) = (0.0, 1.0, 3.0)
  while abs(term) > 1e-18 {
    sum += term / k
    term *= -square
    k += 2
  }
  return sum * square * y
}
