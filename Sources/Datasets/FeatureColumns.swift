import Files
import JSONText
import Numerics

/// The columns of a table as they were understood: what each one is, which features it makes, and what is done to its values. A model of these
/// features needs it for new examples; columns.json in a run's folder is this value.
///
/// Three things may come from the data: categories that the scenario does not give, which are those of the whole training file, as classes are; and, of the
/// training examples alone, without those that a split keeps for the test, offsets and scales, and the means that stand for missing values.
public struct FeatureColumns: Sendable, Equatable {
  public enum Kind: String, Sendable {
    case number, category, label, client, dropped
  }

  public struct Column: Sendable, Equatable {
    public let name: String
    public let kind: Kind
    /// Places of its features in a row of examples; none for other columns. A number has one. Categories have one each, 1 for the
    /// example's and 0 for the others.
    public let features: Range<Int>
    /// The names of its categories in the order of their features.
    public var categories: [String] = []
    /// Whether the scenario gives the categories.
    public var areCategoriesGiven = false
    /// Whether the last of the features is 1 where the value is missing, and 0 elsewhere.
    public var hasMissingFeature = false
    /// The scenario's offset and scale; nil where it gives none.
    public var constants: FeatureScaling.Constants?

    // What follows is known when the training part is.

    /// Training examples without a value.
    public fileprivate(set) var missing = 0
    /// Of a column of numbers, before scaling, over the training examples that have a value; nil where none has.
    public fileprivate(set) var statistics: Statistics?
    /// x' = (x - offset) / scale
    public fileprivate(set) var offset = 0.0
    public fileprivate(set) var scale = 1.0
    /// What stands for a missing number, before scaling: the scenario's offset, or a mean where the training part or the test lacks a value;
    /// nil where none does, so that no more is taken from the data than is needed.
    public fileprivate(set) var fill: Double?

    init(_ name: String, _ kind: Kind, features: Range<Int> = 0..<0) {
      (self.name, self.kind, self.features) = (name, kind, features)
    }
  }

  public struct Statistics: Sendable, Equatable {
    public let minimum: Double
    public let maximum: Double
    public let mean: Double
    /// Over n.
    public let deviation: Double
  }

  /// How the file is written, in words.
  public let form: String
  public let missing: FeatureRules.Missing
  public let scaling: FeatureScaling
  /// All columns of the training file, in its order.
  public internal(set) var columns: [Column]

  init(form: String, missing: FeatureRules.Missing, scaling: FeatureScaling, columns: [Column]) {
    (self.form, self.missing, self.scaling, self.columns) = (form, missing, scaling, columns)
  }

  public var featureCount: Int { columns.reduce(0) { $0 + $1.features.count } }

  // MARK: Fitting

  /// Takes what has to come from data from the training part, and puts it to use in both: offsets, scales, and what stands for missing values (NaN).
  ///
  /// All sums are in double precision and in the order of the examples. Features that nothing is done to keep their bits, and memory is not copied.
  ///
  /// - Returns: what may not be meant, a sentence each.
  /// - Throws: `DataError` where a value is beyond single precision when it is scaled, or a column has no value to take a mean of.
  mutating func fit(
    _ training: inout Dataset, _ test: inout Dataset, _ parallel: Parallel
  ) throws(DataError) -> [String] {
    let warnsOfSpreads = training.imageShape == nil && scaling != .standard && scaling != .minMax
    let sums = FeatureSums(
      training, of: summed(warnsOfSpreads), hasDeviations: training.imageShape == nil || scaling == .standard, parallel)
    let tested =
      missing == .error ? nil : FeatureSums(test, of: summed(false), hasDeviations: false, parallel).counts
    for i in columns.indices {
      // A copy, and not a place in the array: a method that changes it would hold a copy of all columns for each.
      var column = columns[i]
      guard let feature = column.features.first else { continue }
      switch column.kind {
      case .category:
        if column.hasMissingFeature, let last = column.features.last { column.missing = Int(sums.sums[last]) }
      case .number:
        column.missing = training.count - sums.counts[feature]
        column.statistics = sums.statistics(feature)
        try fit(&column, lacksValues: column.missing > 0 || tested.map { $0[feature] < test.count } ?? false)
      case .label, .client, .dropped: break
      }
      columns[i] = column
    }
    try apply(to: &training, parallel)
    try apply(to: &test, parallel)
    return warnsOfSpreads ? spreadWarnings(sums) : []
  }

  /// The features that sums are needed of, rising: of categories none but how many are missing, unless spreads are compared.
  private func summed(_ all: Bool) -> [Int] {
    if all { return Array(0..<featureCount) }
    return columns.flatMap { column -> [Int] in
      switch column.kind {
      case .number: Array(column.features.prefix(1))
      case .category: column.hasMissingFeature ? Array(column.features.suffix(1)) : []
      case .label, .client, .dropped: []
      }
    }.sorted()
  }

  /// - Parameter lacksValues: whether an example of the training part or of the test has none.
  private func fit(_ column: inout Column, lacksValues: Bool) throws(DataError) {
    if let constants = column.constants {
      (column.offset, column.scale) = (constants.offset, constants.scale)
    } else if let found = column.statistics {
      switch scaling {
      case .none, .constants: break
      case .standard: (column.offset, column.scale) = (found.mean, found.deviation > 0 ? found.deviation : 1)
      case .minMax:
        let width = found.maximum - found.minimum
        (column.offset, column.scale) = (found.minimum, width > 0 ? width : 1)
      }
    }
    guard missing != .error else { return }
    column.fill = column.constants?.offset ?? (lacksValues ? column.statistics?.mean : nil)
    guard column.fill != nil || !lacksValues else {
      throw DataError.shape(
        "column \(ShownText.quoted(column.name)): no training example has a value, so there is no mean: \"drop\" leaves the column out"
      )
      .about(.table(.missing))
    }
  }

  /// One pass over the rows, or none where nothing is to be done.
  private func apply(to data: inout Dataset, _ parallel: Parallel) throws(DataError) {
    let numbers = columns.filter { $0.kind == .number && !($0.offset == 0 && $0.scale == 1 && $0.fill == nil) }
    guard !numbers.isEmpty else { return }
    let width = data.featureCount
    let steps = numbers.map { (place: $0.features.lowerBound, fill: $0.fill ?? 0, offset: $0.offset, scale: $0.scale) }
    // Rows are changed one by one: no result depends on how they are shared out.
    let (rows, partRows) = (data.count, max((1 << 18) / width, 1))
    var parts: [[Bool]] = []
    data.withFeatures { values in
      nonisolated(unsafe) let values = values
      parts = parallel.map((rows + partRows - 1) / partRows) { part in
        var isBeyond = [Bool](repeating: false, count: steps.count)
        for row in (part * partRows)..<min((part + 1) * partRows, rows) {
          for j in 0..<steps.count {
            let step = steps[j]
            let i = row * width + step.place
            let value = values[i].isNaN ? step.fill : Double(values[i])
            values[i] = Float((value - step.offset) / step.scale)
            if !values[i].isFinite { isBeyond[j] = true }
          }
        }
        return isBeyond
      }
    }
    let isBeyond = steps.indices.map { j in parts.contains { $0[j] } }
    guard let first = isBeyond.firstIndex(of: true) else { return }
    let column = numbers[first]
    throw DataError.shape(
      "column \(ShownText.quoted(column.name)): a value less \(Self.short(column.offset)), over \(Self.short(column.scale)), is beyond the range of single precision"
    ).about(.table(.scaling))
  }

  // MARK: What may not be meant

  /// A feature of a hundred times the spread of the others decides alone what training does.
  private static let widest = 100.0

  private func spreadWarnings(_ sums: FeatureSums) -> [String] {
    guard featureCount > 1 else { return [] }
    // As constants of the scenario leave them.
    let spreads = columns.flatMap { column in
      column.features.map {
        (sums.statistics($0)?.deviation ?? 0) / ($0 == column.features.lowerBound ? column.scale : 1)
      }
    }
    let sorted = spreads.filter { $0 > 0 }.sorted()
    guard sorted.count > 1 else { return [] }
    let spread = { (column: Column) in (column.statistics?.deviation ?? 0) / column.scale }
    let wide = columns.filter { column in
      column.kind == .number && spread(column) > 0
        && spread(column) >= Self.widest * Self.median(sorted, without: spread(column))
    }
    guard let first = wide.first else { return [] }
    let names = wide.map(\.name)
    return [
      "\(names.count == 1 ? "column" : "columns") \(ShownText.list(names)): values spread a hundred times as far as those of the other features, or "
        + "farther (standard deviation \(Self.short(spread(first))) of \(ShownText.quoted(first.name)), \(Self.short(Self.median(sorted, without: spread(first)))) "
        + "in the middle of the others), and training will see little else: scale them by data.scaling, \"standard\" or, so that "
        + "nothing is computed from the data, constants."
    ]
  }

  /// The lower median of a sorted list, of two values or more, less one of its values.
  private static func median(_ sorted: [Double], without value: Double) -> Double {
    let i = (sorted.count - 2) / 2
    return value > sorted[i] ? sorted[i] : sorted[i + 1]
  }

  private static func short(_ value: Double) -> String { Text.short(value) }

  /// What of the data decides features, and no guarantee covers: in words, with the key whose constants would do without. Empty where the
  /// scenario says it all.
  public var computed: [String] {
    let names = { (isMeant: (Column) -> Bool) in
      let found = columns.filter(isMeant).map(\.name)
      return found.isEmpty ? nil : ShownText.list(found)
    }
    var found: [String] = []
    if scaling == .standard || scaling == .minMax, let names = names({ $0.kind == .number }) {
      found.append("offsets and scales of \(names) (data.scaling)")
    }
    if let names = names({ $0.fill != nil && $0.constants == nil }) {
      found.append("means for missing values of \(names) (data.missing)")
    }
    // Whether there is a mean, or a feature that says what is missing, tells whether one example lacks a value.
    if missing != .error, let names = names({ $0.kind == .number && $0.constants == nil }) {
      found.append("which columns lack values, among \(names) (data.missing)")
    }
    if let names = names({ $0.kind == .category && !$0.areCategoriesGiven }) {
      found.append("categories of \(names) (data.categories)")
    }
    return found
  }

  // MARK: columns.json

  /// What makes features of new examples: nothing else of the data.
  public var json: JSON {
    [
      "format": "fedsim-columns-1", "written": .string(form), "missing": missing.setting,
      "computed": .array(computed.map { .string($0) }),
      "columns": .array(
        columns.map { column in
          let isNumber = column.kind == .number
          return [
            "name": .string(column.name), "kind": .string(column.kind.rawValue),
            "firstFeature": column.features.first.map { .integer($0) } ?? .null,
            "featureCount": .integer(column.features.count),
            "categories": column.kind == .category ? .array(column.categories.map { .string($0) }) : .null,
            "hasMissingFeature": .bool(column.hasMissingFeature),
            "offset": isNumber ? .number(column.offset) : .null, "scale": isNumber ? .number(column.scale) : .null,
            "fill": .optional(column.fill),
          ]
        }),
    ]
  }
}

/// Sums over the rows of a data set, feature by feature, in double precision and in the order of rows. NaN is no value.
///
/// Threads share features, not rows: each sum is one thread's, so that its bits do not depend on how many there are.
private struct FeatureSums {
  private(set) var counts: [Int]
  private(set) var sums: [Double]
  private var minima: [Float]
  private var maxima: [Float]
  private var squares: [Double]

  /// - Parameter features: those that are summed, rising; the others have no values.
  init(_ data: Dataset, of features: [Int], hasDeviations: Bool, _ parallel: Parallel) {
    let parts = min(parallel.threads, max(features.count, 1))
    let results = parallel.map(parts) { part in
      let own = features[(features.count * part / parts)..<(features.count * (part + 1) / parts)]
      var sums = FeatureSums(width: data.featureCount)
      sums.add(data, Self.runs(own), hasDeviations: hasDeviations)
      return (own, sums)
    }
    self.init(width: data.featureCount)
    for (own, found) in results {
      for j in own {
        (counts[j], sums[j], squares[j]) = (found.counts[j], found.sums[j], found.squares[j])
        (minima[j], maxima[j]) = (found.minima[j], found.maxima[j])
      }
    }
  }

  private init(width: Int) {
    counts = [Int](repeating: 0, count: width)
    sums = [Double](repeating: 0, count: width)
    squares = sums
    minima = [Float](repeating: .infinity, count: width)
    maxima = [Float](repeating: -.infinity, count: width)
  }

  /// Rising numbers as ranges.
  private static func runs(_ features: ArraySlice<Int>) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    for j in features {
      if let last = runs.last, last.upperBound == j {
        runs[runs.count - 1] = last.lowerBound..<(j + 1)
      } else {
        runs.append(j..<(j + 1))
      }
    }
    return runs
  }

  private mutating func add(_ data: Dataset, _ runs: [Range<Int>], hasDeviations: Bool) {
    let width = data.featureCount
    if runs.isEmpty { return }
    data.features.withUnsafeBufferPointer { values in
      counts.withUnsafeMutableBufferPointer { counts in
        sums.withUnsafeMutableBufferPointer { sums in
          minima.withUnsafeMutableBufferPointer { minima in
            maxima.withUnsafeMutableBufferPointer { maxima in
              for row in stride(from: 0, to: values.count, by: width) {
                for run in runs {
                  for j in run {
                    let value = values[row + j]
                    let isThere = value == value
                    counts[j] &+= isThere ? 1 : 0
                    sums[j] += isThere ? Double(value) : 0
                    minima[j] = value < minima[j] ? value : minima[j]
                    maxima[j] = value > maxima[j] ? value : maxima[j]
                  }
                }
              }
            }
          }
        }
      }
      if hasDeviations {
        let means = zip(sums, counts).map { $0 / Double(max($1, 1)) }
        means.withUnsafeBufferPointer { means in
          squares.withUnsafeMutableBufferPointer { squares in
            for row in stride(from: 0, to: values.count, by: width) {
              for run in runs {
                for j in run {
                  let value = values[row + j]
                  let distance = value == value ? Double(value) - means[j] : 0
                  squares[j] += distance * distance
                }
              }
            }
          }
        }
      }
    }
  }

  func statistics(_ feature: Int) -> FeatureColumns.Statistics? {
    let count = Double(counts[feature])
    guard count > 0 else { return nil }
    return .init(
      minimum: Double(minima[feature]), maximum: Double(maxima[feature]), mean: sums[feature] / count,
      deviation: (squares[feature] / count).squareRoot())
  }
}
