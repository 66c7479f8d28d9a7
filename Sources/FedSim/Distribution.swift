/// Mean and some quantiles of numbers. The quantile at p is the value at rank ceil(p n), the smallest one for p = 0.
public struct Distribution: Sendable, Equatable {
  public let mean: Double
  public let min: Double
  public let p10: Double
  public let p50: Double
  public let p90: Double
  public let max: Double

  /// Nil for no numbers.
  init?(_ values: [Double]) {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted { $0 < $1 }
    let quantile = { (p: Double) in
      sorted[Swift.max(Int((p * Double(sorted.count)).rounded(.up)) - 1, 0)]
    }
    mean = sorted.reduce(0, +) / Double(sorted.count)
    (min, p10, p50, p90, max) = (quantile(0), quantile(0.1), quantile(0.5), quantile(0.9), quantile(1))
  }
}
