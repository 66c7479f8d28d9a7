import Files
import JSONText

// Rounds as lines of rounds.jsonl and rounds.csv, and back: all of it follows from `RoundFields`.

extension RoundField {
  /// As files have it; null where the figure is missing.
  func json(of record: RoundRecord) -> JSON {
    switch place {
    case .count(let path): .integer(record[keyPath: path])
    case .number(let path): .number(record[keyPath: path])
    case .optional(let get, _): .optional(get(record))
    }
  }

  /// Puts a value into a record; null and nothing leave it as it is.
  ///
  /// - Returns: whether the figure can have that value.
  func put(_ value: JSON?, into record: inout RoundRecord) -> Bool {
    switch (place, value) {
    case (.count(let path), .integer(let count)?):
      record[keyPath: path] = count
      return true
    case (.number(let path), let value?):
      guard let number = value.double else { return false }
      record[keyPath: path] = number
      return true
    case (.optional, nil), (.optional, .null?): return true
    case (.optional(_, let set), let value?):
      guard let number = value.double else { return false }
      set(&record, number)
      return true
    case (.count, _), (.number, nil): return false
    }
  }
}

extension RoundRecord {
  /// One line of rounds.jsonl.
  public var json: JSON {
    .object(
      JSONObject(paths: figures.map { ($0.name, $0.json(of: self)) }) { name, object in
        RoundFields.objectsThatMayBeNull.contains(name) && object.allSatisfy { $0.value == .null }
      })
  }

  /// What its run's rounds have, in the order of the table.
  private var figures: [RoundField] {
    RoundField.all.filter { $0.onlyWith == nil || ownFigures.contains($0.name) }
  }

  /// The header of rounds.csv: of the round's run.
  public var csvHeader: String { figures.map(\.name).joined(separator: ",") }

  /// One line of rounds.csv: what is missing is an empty cell.
  public var csvLine: String { figures.map { CSV.cell($0.json(of: self)) }.joined(separator: ",") }

  /// A line of rounds.jsonl read back: it writes the same line again.
  ///
  /// - Returns: nil for anything that this build would not have written.
  package init?(line: some Collection<UInt8>) {
    guard let json = try? JSONParser.parse(line).value, case .object(let row) = json else { return nil }
    self.init()
    for field in RoundField.all {
      let value = row[path: field.name]
      guard field.put(value, into: &self) else { return nil }
      if field.onlyWith != nil, value != nil { ownFigures.insert(field.name) }
    }
    // A distribution of which a part is missing, and all else that is not ours, is written otherwise.
    guard isWhole, self.json.text(pretty: false).utf8.elementsEqual(line) else { return nil }
  }

  /// Whether figures that are known together are.
  private var isWhole: Bool {
    (epsilon != nil || epsilonLowerBound == nil)
      && RoundField.all.allSatisfy { field in field.number(of: self).map { !$0.isNaN } ?? true }
  }
}
