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
  package init?(_ parts: [(estimate: Estimate, count: Int)]) {
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
  package init(mean: Double, error: Double?) {
    self.mean = mean
    self.error = error
  }

  /// - Parameter squares: the sum of squared differences from the mean.
  fileprivate init(mean: Double, squares: Double, count: Int) {
    let n = Double(count)
    self.init(mean: mean, error: count < 2 ? nil : (squares / (n - 1) / n).squareRoot())
  }
}

/// The mean of numbers that come one after another, and the sum of their squared differences from it: Welford's recurrence.
///
/// The result depends on the numbers and their order alone, and no number is kept.
package struct RunningMean: Sendable {
  package private(set) var count = 0
  private var mean = 0.0
  private var squares = 0.0

  package init() {}

  package mutating func add(_ value: Double) {
    count += 1
    let difference = value - mean
    mean += difference / Double(count)
    squares += difference * (value - mean)
  }

  /// Nil for no numbers.
  package var estimate: Estimate? { count == 0 ? nil : Estimate(mean: mean, squares: squares, count: count) }
}
