import Platform

/// The entropy of a law of positive integers from a sample of it.
///
/// Numbers up to 64 are taken each for itself, and those above by eighths of octaves, in which the law is taken to be even: indices of searches
/// have mixtures of geometric laws, which are that to 10^-3 bits. So there are some hundred values however far the numbers reach, and the
/// estimator has no sparse ones.
///
/// H of the values is Grassberger's [arXiv physics/0307138]: ln n - (1/n) sum over values of c G(c), c how often a value occurred;
/// G(1) = -gamma - ln 2, G(2) = 2 - gamma - ln 2, G(2k + 1) = G(2k), G(2k + 2) = G(2k) + 2 / (2k + 1). The standard error is that of the mean of
/// -ln of the frequencies.
struct IndexEntropy {
  /// The largest number that there is.
  private let limit: UInt64
  private var counts: [UInt64: Int] = [:]
  private var total = 0

  init(limit: UInt64 = .max) { self.limit = limit }

  private static let octave = 6
  private static let parts = 3

  /// The first number of a number's cell, and how many it has.
  private func cell(_ number: UInt64) -> (first: UInt64, size: Double) {
    let octave = 63 - (number | 1).leadingZeroBitCount
    guard octave >= Self.octave else { return (number, 1) }
    let size: UInt64 = 1 << UInt64(octave - Self.parts)
    let first = number & ~(size - 1)
    return (first, Double(min(size, limit - first + 1)))
  }

  mutating func add(_ number: UInt64) {
    counts[cell(number).first, default: 0] += 1
    total += 1
  }

  /// Bits, and the standard error; nil for no numbers, and no error for one.
  var bits: (value: Double, error: Double?)? {
    guard total > 0 else { return nil }
    let n = Double(total)
    // In order of counts and numbers, so that sums have the same bits whatever the dictionary's order.
    let cells = counts.sorted { $0.value != $1.value ? $0.value < $1.value : $0.key < $1.key }
    var g = DigammaSums()
    var (sum, inside, mean, square) = (0.0, 0.0, 0.0, 0.0)
    for (first, count) in cells {
      let (c, width) = (Double(count), log(cell(first).size))
      sum += c * g.value(count)
      inside += c / n * width
      let surprise = log(n / c) + width
      mean += c / n * surprise
      square += c / n * surprise * surprise
    }
    let value = max((log(n) - sum / n + inside) / log(2), 0)
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
