import Datasets
import Files
import JSONText

/// The columns of a table as they were understood, for explanations.
struct ColumnTable {
  private let columns: FeatureColumns
  /// A wider table is shown by its first columns.
  private static let most = 16

  init(_ columns: FeatureColumns) { self.columns = columns }

  /// A line each: what the column is, its range or categories, how many values are missing, and what is done to them.
  var facts: [(String, String)] {
    let all = columns.columns
    let shown = all.prefix(all.count <= Self.most + 1 ? all.count : Self.most)
    var facts = [
      ("columns", "\(Text.grouped(all.count)), \(columns.form); \(Text.counted(columns.featureCount, "feature"))")
    ]
    facts += shown.map { ("", "\(ShownText.quoted($0.name)): \(Self.words($0))") }
    if shown.count < all.count { facts.append(("", "and \(Text.grouped(all.count - shown.count)) more")) }
    return facts
  }

  private static func words(_ column: FeatureColumns.Column) -> String {
    let missing = column.missing > 0 ? ", \(Text.grouped(column.missing)) missing" : ""
    switch column.kind {
    case .label, .client: return column.kind.rawValue
    case .dropped: return "not read"
    case .category:
      let count = column.categories.count
      return (count == 1 ? "1 category" : "\(Text.grouped(count)) categories")
        + (column.areCategoriesGiven ? " by the scenario" : "")
        + (column.hasMissingFeature ? ", and one for missing values" : "")
        + ": \(ShownText.list(column.categories, most: 3))\(missing)"
    case .number:
      var words = "number"
      if let found = column.statistics {
        words +=
          found.minimum == found.maximum
          ? ", \(short(found.minimum)) everywhere"
          : ", \(short(found.minimum)) to \(short(found.maximum)), mean \(short(found.mean))"
      }
      words += missing
      if let fill = column.fill, column.missing > 0 { words += ", \(short(fill)) in their place" }
      if column.hasMissingFeature { words += ", and a feature that says so" }
      if column.offset != 0 || column.scale != 1 {
        let sign = column.offset < 0 ? "+" : "-"
        words += "; scaled: (x \(sign) \(short(column.offset.magnitude))) / \(short(column.scale))"
      }
      return words
    }
  }

  /// Whole numbers as they are.
  private static func short(_ value: Double) -> String {
    value == value.rounded() && value.magnitude < 1e9 ? Text.grouped(Int(value)) : Text.short(value)
  }

  /// All columns, whatever their number.
  var json: JSON {
    .array(
      columns.columns.map { column in
        let found = column.statistics
        let isCategory = column.kind == .category
        return [
          "name": .string(column.name), "kind": .string(column.kind.rawValue),
          "features": .integer(column.features.count),
          "categories": isCategory ? .array(column.categories.map { .string($0) }) : .null,
          "missing": .integer(column.missing), "minimum": .optional(found?.minimum),
          "maximum": .optional(found?.maximum), "mean": .optional(found?.mean),
          "offset": column.kind == .number ? .number(column.offset) : .null,
          "scale": column.kind == .number ? .number(column.scale) : .null, "fill": .optional(column.fill),
        ]
      })
  }
}
