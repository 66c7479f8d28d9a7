import Files

/// What a table commonly has that its owner did not mean.
enum CSVReview {
  /// Fewer examples than this say nothing of a column.
  private static let fewest = 10
  /// Wider tables have columns of one value as a matter of course, as bags of words do.
  private static let mostNamed = 100

  /// Names of more clients are not compared: it would take longer than reading them.
  private static let mostCompared = 100_000

  /// A sentence each, which names the column.
  static func warnings(_ table: CSVData.Table, _ name: String, isImage: Bool) -> [String] {
    var warnings: [String] = []
    if table.plan.hasHeader, isHeaderless(table) {
      warnings.append(
        "\(ShownText.printable(name, keepsLines: false)): the first line counts as the columns' names, which are numbers (\(ShownText.list(table.header))): without a "
          + "line of names the file loses its first example, unless data.header is false.")
    }
    if !isImage, let first = table.codes.first {
      warnings.append(
        "\(places(table.codes.map(\.column))): read as numbers, of which some begin with a zero (\(ShownText.quoted(first.text))): codes? "
          + "data.categorical makes categories of them.")
    }
    warnings += decimalCommas(table)
    if table.rows >= fewest {
      if !isImage { warnings += features(table) }
      warnings += clients(table)
    }
    return warnings
  }

  /// Whether the header is probably an example. pandas writes 0, 1, 2, ... for columns that have no names.
  private static func isHeaderless(_ table: CSVData.Table) -> Bool {
    if table.header.enumerated().allSatisfy({ ExactNumber($1)?.integer == $0 }) { return false }
    let features = featureColumns(table).map { ExactNumber(table.header[$0]) }
    guard features.allSatisfy({ $0 != nil }) else { return false }
    let whole = features.compactMap { $0?.integer }
    let counts = whole.count == features.count && zip(whole, whole.dropFirst()).allSatisfy { $1 == $0 &+ 1 }
    return !(counts && (whole.count > 1 || (0...1).contains(whole[0])))
      || table.labelTexts.contains(table.header[table.label])
  }

  private static func featureColumns(_ table: CSVData.Table) -> [Int] {
    table.plan.slots.map(\.column)
  }

  private static func features(_ table: CSVData.Table) -> [String] {
    let columns = featureColumns(table)
    let (width, count) = (columns.count, table.rows)
    var isConstant = [Bool](repeating: true, count: width)
    var counts = isConstant
    table.cells.withUnsafeBufferPointer { cells in
      isConstant.withUnsafeMutableBufferPointer { isConstant in
        counts.withUnsafeMutableBufferPointer { counts in
          for i in 1..<count {
            // Most tables have no such column, which their first rows show.
            if i & 1023 == 0, !isConstant.contains(true), !counts.contains(true) { break }
            let (before, now) = ((i - 1) * width, i * width)
            for j in 0..<width {
              let step = cells[now + j] - cells[before + j]
              isConstant[j] = isConstant[j] && step == 0
              counts[j] = counts[j] && step == 1
            }
          }
        }
      }
    }
    let names = { (isMeant: (Int) -> Bool) in (0..<width).filter(isMeant).map { table.header[columns[$0]] } }
    var warnings: [String] = []
    let ids = names { j in
      // The first is whole: 0.5, 1.5, 2.5 number nothing.
      if counts[j] { return table.cells[j] == table.cells[j].rounded() }
      guard isNameOfIDs(table.header[columns[j]]) else { return false }
      guard table.slots[j].kind == .number else { return false }
      let values = (0..<count).map { table.cells[$0 * width + j] }
      return values.allSatisfy { $0 == $0.rounded() } && Set(values).count == count
    }
    if !ids.isEmpty {
      warnings.append(
        "\(places(ids)): every example has another whole number, as row numbers and IDs are: a feature like any other to the model, unless "
          + "data.drop leaves the column out.")
    }
    let constant =
      width > mostNamed
      ? []
      : names { j in
        isConstant[j]
          || (table.slots[j].kind == .category && table.slots[j].names.count == 1 && table.slots[j].missing == 0)
      }
    if !constant.isEmpty {
      warnings.append("\(places(constant)): the same value in all training examples, which tells them nothing.")
    }
    return warnings
  }

  /// An index that pandas wrote has no name.
  private static func isNameOfIDs(_ name: String) -> Bool {
    let plain = name.lowercased()
    return ["", "id", "index", "unnamed: 0", "uid", "row", "rowid"].contains(plain) || plain.hasSuffix("_id")
      || plain.hasSuffix(" id") || name.hasSuffix("Id") || name.hasSuffix("ID")
  }

  /// Columns of categories that are numbers with a comma, in a table of decimal points.
  private static func decimalCommas(_ table: CSVData.Table) -> [String] {
    guard table.plan.form.decimal != .comma else { return [] }
    let found = zip(table.slots, table.plan.slots).compactMap { slot, plan -> (name: String, text: String)? in
      guard slot.kind == .category, plan.categories == nil else { return nil }
      let marked = slot.names.filter { name in
        Array(name.utf8).withUnsafeBufferPointer { bytes in
          switch MarkedNumber(bytes[...]) {
          case .comma?, .commaOrThousands?: true
          case .point?, nil: false
          }
        }
      }
      return 2 * marked.count > slot.names.count ? marked.first.map { (slot.name, $0) } : nil
    }
    guard let first = found.first else { return [] }
    return [
      "\(places(found.map(\.name))): values such as \(ShownText.quoted(first.text)) are categories: numbers with a decimal comma? data.decimal "
        + "is the mark before decimals."
    ]
  }

  private static func clients(_ table: CSVData.Table) -> [String] {
    guard let client = table.client, let owners = table.owners else { return [] }
    let place = places([table.header[client]])
    let names = table.ownerTexts
    var warnings: [String] = []
    if names.count == owners.count {
      warnings.append("\(place): every example has a client of its own: is it a column of clients, or of rows?")
    } else if names.count == 1 {
      warnings.append("\(place): all examples belong to one client, \(ShownText.quoted(names[0])).")
    }
    let marks = names.indices.filter { MissingMarks.contains(names[$0]) }
    if !marks.isEmpty {
      let count = owners.count { marks.contains(Int($0)) }
      warnings.append(
        "\(place): \(count) of \(owners.count) examples belong to \(ShownText.list(marks.map { names[$0] })), which commonly stands for a value that "
          + "is missing; here it is one client.")
    }
    guard names.count <= mostCompared else { return warnings }
    var groups: [String: [Int]] = [:]
    for i in names.indices { groups[LabelReview.plain(names[i]), default: []].append(i) }
    let pairs = groups.values.filter { $0.count > 1 }.sorted { $0[0] < $1[0] }
    if let first = pairs.first {
      warnings.append(
        "\(place): \(first.prefix(2).map { ShownText.quoted(names[$0]) }.joined(separator: " and "))"
          + (pairs.count > 1 ? " (and \(pairs.count - 1) more such)" : "")
          + " count as different clients, and differ only in case, blanks, hyphens, punctuation at an end or how a number is written: if they are one person, "
          + "the guarantee is for each of its parts alone.")
    }
    return warnings
  }

  private static func places(_ names: [String]) -> String {
    (names.count == 1 ? "column " : "columns ") + ShownText.list(names)
  }
}
