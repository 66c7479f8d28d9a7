/// Where a function of one valley is smallest, to `tolerance`. What is not a number counts as high.
package func goldenSection(
  from low: Double, to high: Double, tolerance: Double = 0.02, _ value: (Double) -> Double
) -> Double {
  let golden = (5.0.squareRoot() - 1) / 2
  var (low, high) = (low, high)
  var (inner, outer) = (high - golden * (high - low), low + golden * (high - low))
  var (innerValue, outerValue) = (value(inner), value(outer))
  while high - low > tolerance {
    if innerValue < outerValue || outerValue.isNaN {
      (high, outer, outerValue) = (outer, inner, innerValue)
      inner = high - golden * (high - low)
      innerValue = value(inner)
    } else {
      (low, inner, innerValue) = (inner, outer, outerValue)
      outer = low + golden * (high - low)
      outerValue = value(outer)
    }
  }
  return (low + high) / 2
}
