import Files
import Numerics
import Settings

/// Which features the columns of a table make.
struct CSVLayout {
  static let mostCategories = KeyRange.mostCategories
  /// 16 GiB: more features of all examples together are not made.
  private static let mostBytes = 1 << 34

  let columns: FeatureColumns
  /// The columns of features, by slots.
  private let slots: [FeatureColumns.Column]
  private let categories: [CategoryPlaces]
  private let name: String

  /// - Parameter name: what messages call the training file.
  init(_ training: CSVData.Table, _ test: CSVData.Table?, _ rules: FeatureRules, name: String) throws(DataError) {
    let missing = rules.missing ?? .error
    let scaling = rules.scaling ?? .none
    let fail = { (problem: String, rule: DataSubject.TableRule) in
      DataError.file(place: name, problem: problem).about(.table(rule))
    }
    var constants: [String: FeatureScaling.Constants] = [:]
    if case .constants(let all) = scaling {
      for one in all {
        guard training.slots.contains(where: { $0.name == one.column && $0.kind == .number }) else {
          let isLabel = one.column == training.header[training.label]
          let hint =
            !isLabel
            ? ""
            : training.targets == nil
              ? ": it is the label" : ": data.targetOffset and data.targetScale scale what is predicted"
          throw fail("found no column of numbers \(ShownText.quoted(one.column)) to scale\(hint)", .scaling)
        }
        constants[one.column] = one
      }
    }
    var slots: [FeatureColumns.Column] = []
    var categories: [CategoryPlaces] = []
    var width = 0
    for (i, slot) in training.slots.enumerated() {
      let lacks = slot.missing > 0 || (test?.slots[i].missing ?? 0) > 0
      let given = training.plan.slots[i].categories
      let places = CategoryPlaces(slot, given: given)
      let count = slot.kind == .number ? 1 : places.names.count
      let hasMissing =
        slot.kind == .number
        ? missing == .category && (lacks || constants[slot.name] != nil) : missing != .error && (lacks || given != nil)
      let end = width + count + (hasMissing ? 1 : 0)
      var column = FeatureColumns.Column(slot.name, slot.kind, features: width..<end)
      column.categories = slot.kind == .category ? places.names : []
      column.areCategoriesGiven = given != nil
      column.hasMissingFeature = hasMissing
      column.constants = constants[slot.name]
      slots.append(column)
      categories.append(places)
      width = end
    }
    let rows = training.rows + (test?.rows ?? 0)
    guard width == 0 || rows <= Self.mostBytes / 4 / width else {
      throw fail(
        "\(rows) examples of \(width) features, categories and all, are more than \(Self.mostBytes >> 30) GiB: \"drop\" leaves columns out",
        .drop)
    }
    let plan = training.plan
    columns = FeatureColumns(
      form: plan.form.words, missing: missing, scaling: scaling,
      columns: plan.names.indices.map { column in
        switch plan.roles[column] {
        case .number(let slot), .text(let slot): slots[slot]
        case .label, .target: .init(plan.names[column], .label)
        case .client: .init(plan.names[column], .client)
        case .skip: .init(plan.names[column], .dropped)
        }
      })
    (self.slots, self.categories, self.name) = (slots, categories, name)
  }

  /// What a cell makes.
  private struct Step {
    let isNumber: Bool
    /// The first of its column's features.
    let feature: Int
    /// The feature that says whether a value is missing.
    let missing: Int?
  }

  /// The features of a table, row by row; NaN where a number is missing. Those of a table of numbers alone are its cells.
  func features(of table: CSVData.Table, _ parallel: Parallel) -> [Float] {
    let cells = table.cells
    let width = columns.featureCount
    if slots.allSatisfy({ $0.kind == .number && !$0.hasMissingFeature }) { return cells }
    let (slotCount, chunks) = (slots.count, table.chunks)
    let known = table.slots.enumerated().map { slot, found in found.names.map { categories[slot].place(of: $0) } }
    let steps = slots.map { column in
      Step(
        isNumber: column.kind == .number, feature: column.features.lowerBound,
        missing: column.hasMissingFeature ? column.features.upperBound - 1 : nil)
    }
    return [Float](unsafeUninitializedCapacity: table.rows * width) { buffer, initialized in
      guard let base = buffer.baseAddress else { return }
      nonisolated(unsafe) let features = base
      cells.withUnsafeBufferPointer { cells in
        nonisolated(unsafe) let cells = cells
        _ = parallel.map(chunks.count) { part in
          // Features by the numbers that texts have in this part, column after column; -1 for texts that are no category.
          var places: [Int32] = []
          var firsts: [Int] = []
          for (slot, found) in table.slots.enumerated() {
            firsts.append(places.count)
            let first = steps[slot].feature
            for number in found.maps[part] {
              let place = number < 0 ? -1 : known[slot][Int(number)]
              places.append(place < 0 ? -1 : Int32(first + place))
            }
          }
          for row in chunks[part].first..<(chunks[part].first + chunks[part].rows) {
            let values = features + row * width
            values.initialize(repeating: 0, count: width)
            for slot in 0..<slotCount {
              let (cell, step) = (cells[row * slotCount + slot], steps[slot])
              if step.isNumber {
                values[step.feature] = cell
                if let missing = step.missing, cell.isNaN { values[missing] = 1 }
              } else if let number = CSVCell.number(cell) {
                if number < 0 {
                  if let missing = step.missing { values[missing] = 1 }
                } else if case let feature = places[firsts[slot] + number], feature >= 0 {
                  values[Int(feature)] = 1
                }
              }
            }
          }
        }
      }
      initialized = buffer.count
    }
  }

  /// A sentence for each column that has values of no category, or too many categories.
  func warnings(of table: CSVData.Table, name: String, isTest: Bool) -> [String] {
    table.slots.enumerated().compactMap { slot, found in
      guard found.kind == .category else { return nil }
      let strangers = found.names.filter { categories[slot].place(of: $0) < 0 }
      if !strangers.isEmpty {
        return
          "column \(ShownText.quoted(found.name)) of \(ShownText.printable(name, keepsLines: false)): \(ShownText.list(strangers)) "
          + (slots[slot].areCategoriesGiven ? "are not among data.categories" : "are not in the training file")
          + ", and examples with such a value are in no category: all its features are 0."
      }
      let count = slots[slot].categories.count
      guard !isTest, !slots[slot].areCategoriesGiven, table.rows >= 10, 2 * count > table.rows else { return nil }
      return
        "column \(ShownText.quoted(found.name)): \(count) categories in \(table.rows) examples, a feature each: texts or IDs tell a model "
        + "nothing, and data.drop leaves the column out."
    }
  }
}

/// The places of a column's categories: by value where all are numbers, else by bytes; or as the scenario has them.
private struct CategoryPlaces {
  let names: [String]
  private let byText: [String: Int]
  /// Empty where not all are numbers, or the scenario gives them: 1 and 1.0 are then two texts.
  private let byValue: [ExactNumber: Int]

  init(_ slot: CSVData.Table.Slot, given: [String]?) {
    if let given {
      names = given
    } else {
      names = slot.kind == .number ? [] : CSVData.classes(of: slot.names).names
    }
    let places = names.enumerated().map { ($1, $0) }
    byText = Dictionary(places, uniquingKeysWith: { first, _ in first })
    let numbers = given == nil ? places.compactMap { name, place in ExactNumber(name).map { ($0, place) } } : []
    byValue = numbers.count == names.count ? Dictionary(numbers, uniquingKeysWith: { first, _ in first }) : [:]
  }

  /// -1 for a text that is no category.
  func place(of text: String) -> Int {
    byText[text] ?? (byValue.isEmpty ? nil : ExactNumber(text).flatMap { byValue[$0] }) ?? -1
  }
}
