import Numerics

/// The mean of each coordinate without its k = floor(share n) largest and k smallest values [Yin et al. 2018].
///
/// It withstands as many hostile updates as it cuts at one end.
public struct TrimmedMean: RobustRule, Equatable {
  /// What is cut at each end, from 0 to below 1/2.
  public let share: Double

  public let leastUpdates = 1

  /// - Parameter share: from 0 to below 1/2.
  public init(share: Double) {
    precondition(share >= 0 && share < 0.5)
    self.share = share
  }

  public func aggregate(_ updates: [[Float]], _ parallel: Parallel) -> [Double] {
    // 0.1 of 30 is 3, whatever the product in binary says.
    let cut = Int(share * Double(updates.count) + 1e-9)
    return Coordinates.map(updates, parallel) { values in
      // In ascending order, so that there is one result.
      let kept = values[cut..<(values.count - cut)]
      return kept.reduce(0) { $0 + Double($1) } / Double(kept.count)
    }
  }
}
