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
      JSONObject(paths: written.map { ($0.name, $0.json(of: self)) }) { name, object in
        RoundFields.objectsThatMayBeNull.contains(name) && object.allSatisfy { $0.value == .null }
      })
  }

  /// All figures that every run has, and those of some runs that the record has.
  private var written: [RoundField] { RoundField.all.filter { $0.condition == nil || $0.number(of: self) != nil } }

  /// The head of rounds.csv.
  ///
  /// - Parameter columns: those of the run.
  public static func csvHeader(_ columns: [RoundField]) -> String { columns.map(\.name).joined(separator: ",") }

  /// One line of rounds.csv: what is missing is an empty cell.
  ///
  /// - Parameter columns: those of the run.
  public func csvLine(_ columns: [RoundField]) -> String {
    columns.map { CSV.cell($0.json(of: self)) }.joined(separator: ",")
  }

  /// As of a run that has no more figures than all runs have.
  public static var csvHeader: String { csvHeader(RoundField.ofAllRuns) }
  public var csvLine: String { csvLine(RoundField.ofAllRuns) }

  /// A line of rounds.jsonl read back: it writes the same line again.
  ///
  /// - Returns: nil for anything that this build would not have written.
  package init?(line: some Collection<UInt8>) {
    guard let json = try? JSONParser.parse(line).value, case .object(let row) = json else { return nil }
    self.init()
    for field in RoundField.all {
      let value = row[path: field.name]
      guard field.put(value, into: &self) else { return nil }
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
