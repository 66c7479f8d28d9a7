import JSONText
import Settings

/// What becomes of the columns of a table that are neither label nor client.
public struct FeatureRules: Sendable, Equatable {
  /// What stands for a value that is missing.
  public enum Missing: String, CaseIterable, Sendable, SettingValue {
    /// Nothing: the file is refused.
    case error
    /// The mean of the training examples in a column of numbers, or the offset where the scenario gives one; a category of its own in a column of
    /// categories.
    case mean
    /// As `mean`, and a column of numbers gets a feature more, which is 1 where the value is missing.
    case category
  }

  /// Nil for `error`.
  public var missing: Missing?
  /// Columns that are categories, although all of their values may be numbers.
  public var categorical: [CSVData.Column]?
  /// The categories of columns whose values shall not say which there are.
  public var categories: CategoryLists?
  /// Columns that are not read.
  public var drop: [CSVData.Column]?
  /// The columns that are read; nil for all.
  public var use: [CSVData.Column]?
  /// Nil for `none`.
  public var scaling: FeatureScaling?

  public init(
    missing: Missing? = nil, categorical: [CSVData.Column]? = nil, categories: CategoryLists? = nil,
    drop: [CSVData.Column]? = nil, use: [CSVData.Column]? = nil, scaling: FeatureScaling? = nil
  ) {
    (self.missing, self.categorical, self.categories) = (missing, categorical, categories)
    (self.drop, self.use, self.scaling) = (drop, use, scaling)
  }
}

/// How columns of numbers are brought to one size: x' = (x - offset) / scale.
public enum FeatureScaling: Sendable, Equatable {
  case none
  /// By mean and standard deviation of the training examples (of n, not n - 1).
  case standard
  /// By the least value of the training examples and the greatest less the least.
  case minMax
  /// By constants, which tell nothing of the data; columns without any stay as they are.
  case constants([Constants])

  public struct Constants: Sendable, Equatable {
    public let column: String
    public let offset: Double
    /// Above 0.
    public let scale: Double

    public init(column: String, offset: Double, scale: Double) {
      (self.column, self.offset, self.scale) = (column, offset, scale)
    }
  }

  static let range = KeyRange.either([.choice(["none", "standard", "min-max"], later: []), .scales])
}

extension FeatureScaling: SettingValue {
  public init?(setting: JSON) {
    switch setting {
    case .string("none"): self = .none
    case .string("standard"): self = .standard
    case .string("min-max"): self = .minMax
    case .object(let object):
      var constants: [Constants] = []
      for (column, pair) in object {
        guard let pair = [Double](setting: pair), pair.count == 2 else { return nil }
        constants.append(Constants(column: column, offset: pair[0], scale: pair[1]))
      }
      self = .constants(constants)
    default: return nil
    }
  }

  public var setting: JSON {
    switch self {
    case .none: "none"
    case .standard: "standard"
    case .minMax: "min-max"
    case .constants(let all):
      .object(all.reduce(into: JSONObject()) { $0[$1.column] = [$1.offset, $1.scale].setting })
    }
  }
}

/// Categories of columns, in their order, by the scenario.
public struct CategoryLists: Sendable, Equatable, SettingValue {
  public struct List: Sendable, Equatable {
    public let column: String
    public let categories: [String]

    public init(column: String, categories: [String]) { (self.column, self.categories) = (column, categories) }
  }

  public var lists: [List]

  public init(_ lists: [List]) { self.lists = lists }

  public init?(setting: JSON) {
    guard case .object(let object) = setting else { return nil }
    lists = []
    for (column, names) in object {
      guard let names = [String](setting: names) else { return nil }
      lists.append(List(column: column, categories: names))
    }
  }

  public var setting: JSON {
    .object(lists.reduce(into: JSONObject()) { $0[$1.column] = $1.categories.setting })
  }
}
