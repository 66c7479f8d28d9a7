/// Some figures of a distribution. What was never set is NaN, which no record has.
protocol DistributionFigures: Equatable, Sendable {
  static var unset: Self { get }
}

/// Mean, least, median and largest of numbers: what is recorded of uploads.
public struct Spread: DistributionFigures {
  public internal(set) var mean: Double
  public internal(set) var min: Double
  public internal(set) var p50: Double
  public internal(set) var max: Double

  static let unset = Spread(mean: .nan, min: .nan, p50: .nan, max: .nan)
}

/// Mean and percentiles of numbers: what is recorded of clients.
public struct Percentiles: DistributionFigures {
  public internal(set) var mean: Double
  public internal(set) var p10: Double
  public internal(set) var p50: Double
  public internal(set) var p90: Double

  static let unset = Percentiles(mean: .nan, p10: .nan, p50: .nan, p90: .nan)
}

extension Spread {
  /// Nil for no numbers.
  init?(_ values: [Double]) {
    guard let sorted = SortedValues(values) else { return nil }
    self.init(mean: sorted.mean, min: sorted.quantile(0), p50: sorted.quantile(0.5), max: sorted.quantile(1))
  }
}

extension Percentiles {
  /// Nil for no numbers.
  init?(_ values: [Double]) {
    guard let sorted = SortedValues(values) else { return nil }
    self.init(mean: sorted.mean, p10: sorted.quantile(0.1), p50: sorted.quantile(0.5), p90: sorted.quantile(0.9))
  }
}

/// Numbers in order. The quantile at p is the value at rank ceil(p n), the smallest one for p = 0.
private struct SortedValues {
  let values: [Double]

  init?(_ values: [Double]) {
    guard !values.isEmpty else { return nil }
    self.values = values.sorted { $0 < $1 }
  }

  var mean: Double { values.reduce(0, +) / Double(values.count) }

  func quantile(_ p: Double) -> Double { values[Swift.max(Int((p * Double(values.count)).rounded(.up)) - 1, 0)] }
}

/// A mean of numbers and its standard error, that is the standard deviation of the mean, as if they were drawn independently.
public struct Estimate: Sendable, Equatable {
  public let mean: Double
  /// Nil with fewer than two numbers.
  public let error: Double?

  /// Nil for no numbers.
  package init?(_ values: [Double]) {
    guard !values.isEmpty else { return nil }
    let n = Double(values.count)
    let mean = values.reduce(0, +) / n
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    self.init(mean: mean, squares: squares, count: values.count)
  }

  /// Of numbers in several parts, each of which is known by its own estimate.
  ///
  /// - Parameter parts: estimates and the counts of their numbers; an estimate without an error is of one number.
  init?(_ parts: [(estimate: Estimate, count: Int)]) {
    let count = parts.reduce(0) { $0 + $1.count }
    guard count > 0 else { return nil }
    let mean = parts.reduce(0) { $0 + $1.estimate.mean * Double($1.count) } / Double(count)
    let squares = parts.reduce(0.0) { sum, part in
      let (n, error, shift) = (Double(part.count), part.estimate.error ?? 0, part.estimate.mean - mean)
      return sum + error * error * n * (n - 1) + n * shift * shift
    }
    self.init(mean: mean, squares: squares, count: count)
  }

  /// - Parameter error: the standard error; nil for one number.
  init(mean: Double, error: Double?) {
    self.mean = mean
    self.error = error
  }

  /// - Parameter squares: the sum of squared differences from the mean.
  private init(mean: Double, squares: Double, count: Int) {
    let n = Double(count)
    self.init(mean: mean, error: count < 2 ? nil : (squares / (n - 1) / n).squareRoot())
  }
}
