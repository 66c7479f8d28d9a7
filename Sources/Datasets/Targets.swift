import Files

/// Units in which quantities are learned: (target - offset) / scale stands for a target.
///
/// The gradient of a squared error grows with the target, and a step size that suits targets about 1 is too long for others. Constants that
/// somebody knows beforehand cost no privacy; a mean and a deviation of the data would be outside a guarantee.
public struct TargetUnits: Sendable, Equatable {
  public var offset: Double
  /// Above 0.
  public var scale: Double

  public init(offset: Double = 0, scale: Double = 1) {
    self.offset = offset
    self.scale = scale
  }
}

extension Dataset {
  /// The same examples with targets in other units: (target - offset) / scale in double, rounded once. Features are not copied.
  ///
  /// - Throws: `DataError` where a target is then no finite number in single precision.
  public consuming func inUnits(_ units: TargetUnits) throws(DataError) -> Dataset {
    guard units != TargetUnits(), let targets else { return self }
    let scaled = targets.map { Float((Double($0) - units.offset) / units.scale) }
    if let i = scaled.firstIndex(where: { !$0.isFinite }) {
      throw .shape(
        "example \(i): the target \(targets[i]) is no finite number in single precision after offset and scale")
    }
    replaceTargets(scaled)
    return self
  }

  /// Mean and standard deviation (over n) of all targets; nil for data without any.
  public var targetSpread: (mean: Double, deviation: Double)? {
    guard let targets, !targets.isEmpty else { return nil }
    let mean = targets.reduce(0) { $0 + Double($1) } / Double(count)
    let square = targets.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
    return (mean, (square / Double(count)).squareRoot())
  }

  /// The variance (over n) of the targets of some examples, in double and in their order; nil without targets, and where all are one
  /// number.
  public func targetVariance(of examples: ArraySlice<Int>) -> Double? {
    guard let targets, let first = examples.first, examples.contains(where: { targets[$0] != targets[first] }) else {
      return nil
    }
    let count = Double(examples.count)
    let mean = examples.reduce(0) { $0 + Double(targets[$1]) } / count
    let square = examples.reduce(0) { $0 + (Double(targets[$1]) - mean) * (Double(targets[$1]) - mean) }
    return square > 0 ? square / count : nil
  }
}
