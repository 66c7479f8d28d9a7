import Numerics

/// What the server makes of a round's updates in place of their sum, so that a few hostile ones do not decide where the model goes.
///
/// For runs without privacy alone: noise and account are for the sum of clipped updates, and neither a median nor a choice among updates has
/// its sensitivity. A conformer is deterministic, whatever the number of threads.
public protocol RobustRule: Sendable {
  /// The fewest updates with which the rule says something; with fewer, a round moves nothing.
  var leastUpdates: Int { get }

  /// What takes the place of the mean update.
  ///
  /// - Parameters:
  ///   - updates: of at least `leastUpdates` clients in ascending order, finite, of equal lengths.
  ///   - parallel: how many work at once; no result depends on it.
  /// - Returns: as many values as an update has.
  func aggregate(_ updates: [[Float]], _ parallel: Parallel) -> [Double]
}

/// Rules that look at one coordinate at a time.
enum Coordinates {
  /// - Parameter body: makes a value of the values of one coordinate, sorted.
  /// - Complexity: n log n comparisons a coordinate.
  static func map(
    _ updates: [[Float]], _ parallel: Parallel, _ body: @Sendable ([Float]) -> Double
  ) -> [Double] {
    let count = updates.first?.count ?? 0
    let chunk = 512
    let parts = parallel.map((count + chunk - 1) / chunk) { part in
      var column = [Float](repeating: 0, count: updates.count)
      return (part * chunk..<min((part + 1) * chunk, count)).map { i in
        for (place, update) in updates.enumerated() { column[place] = update[i] }
        column.sort()
        return body(column)
      }
    }
    return Array(parts.joined())
  }
}
