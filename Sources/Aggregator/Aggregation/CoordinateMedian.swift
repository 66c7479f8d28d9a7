import Numerics

/// The median of each coordinate: the middle value, or the mean of the two in the middle of an even number [Yin et al. 2018].
///
/// As long as fewer than half of the updates are hostile, each coordinate lies between values of honest clients.
public struct CoordinateMedian: RobustRule, Equatable {
  public let leastUpdates = 1

  public init() {}

  public func aggregate(_ updates: [[Float]], _ parallel: Parallel) -> [Double] {
    Coordinates.map(updates, parallel) { values in
      let middle = values.count / 2
      // Exact: two floats add up without rounding in double, or to within its last place.
      return values.count % 2 == 1 ? Double(values[middle]) : (Double(values[middle - 1]) + Double(values[middle])) / 2
    }
  }
}
