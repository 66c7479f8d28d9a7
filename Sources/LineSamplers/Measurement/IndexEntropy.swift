import Platform

/// The entropy of a law of positive integers from a sample of it, by Grassberger's estimator [arXiv physics/0307138].
///
/// H = ln n - (1/n) sum over values of c G(c), c how often a value occurred; G(1) = -gamma - ln 2, G(2) = 2 - gamma - ln 2,
/// G(2k + 1) = G(2k), G(2k + 2) = G(2k) + 2 / (2k + 1). Plain frequencies would be too low by half a nat times values over n; this is too
/// low by far less. The standard error is that of the mean of -ln of the frequencies.
struct IndexEntropy {
  private var counts: [UInt64: Int] = [:]
  private var total = 0

  mutating func add(_ number: UInt64) {
    counts[number, default: 0] += 1
    total += 1
  }

  /// Bits, and the standard error; nil for no numbers, and no error for one.
  var bits: (value: Double, error: Double?)? {
    guard total > 0 else { return nil }
    let n = Double(total)
    // In order of size, so that sums have the same bits whatever the dictionary's order.
    let sizes = counts.values.sorted()
    var g = DigammaSums()
    var (sum, mean, square) = (0.0, 0.0, 0.0)
    for size in sizes {
      let c = Double(size)
      sum += c * g.value(size)
      let surprise = log(n / c)
      mean += c / n * surprise
      square += c / n * surprise * surprise
    }
    let value = max((log(n) - sum / n) / log(2), 0)
    let error = (max(square - mean * mean, 0) / n).squareRoot() / log(2)
    return (value, total > 1 ? error : nil)
  }
}

/// G of numbers that do not fall.
private struct DigammaSums {
  private var even = 0
  private var sum = -0.5772156649015329 - log(2.0)

  mutating func value(_ count: Int) -> Double {
    let target = count / 2 * 2
    while even < target {
      sum += 2 / Double(even + 1)
      even += 2
    }
    return sum
  }
}
