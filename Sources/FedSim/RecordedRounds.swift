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
  fileprivate func put(_ value: JSON?, into record: inout RoundRecord) -> Bool {
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
      JSONObject(paths: RoundField.all.map { ($0.name, $0.json(of: self)) }) { name, object in
        RoundFields.objectsThatMayBeNull.contains(name) && object.allSatisfy { $0.value == .null }
      })
  }

  public static var csvHeader: String { RoundField.all.map(\.name).joined(separator: ",") }

  /// One line of rounds.csv: what is missing is an empty cell.
  public var csvLine: String { RoundField.all.map { CSV.cell($0.json(of: self)) }.joined(separator: ",") }

  /// A line of rounds.jsonl read back: it writes the same line again.
  ///
  /// - Returns: nil for anything that this build would not have written.
  package init?(line: some Collection<UInt8>) {
    guard let json = try? JSONParser.parse(line).value, case .object(let row) = json else { return nil }
    self.init()
    for field in RoundField.all {
      guard field.put(row[path: field.name], into: &self) else { return nil }
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
