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
