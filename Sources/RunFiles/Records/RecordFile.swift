import FedSim
import JSONText

/// A file that a run or a sweep writes, with every column or key in it: what docs/run-files.md and `fedsim schema --records` are made from.
///
///     for file in RecordFile.ofRuns { print(file.name, file.columns.map(\.name)) }
public struct RecordFile: Sendable {
  /// Its names in the folder: files that have the same content in two forms are one entry.
  public let names: [String]
  /// What it has, in words.
  public let content: String
  /// Whether the guarantee speaks of it, in words.
  public let coverage: String
  /// What a run or sweep must be for the file to be there; nil where it always is.
  public let onlyWith: String?
  /// Columns of a table, and keys of JSON as dotted paths: `rounds[].round` is `round` in each element of the list `rounds`. Empty for
  /// a file that is no table, or that another document describes.
  public let columns: [RecordColumn]

  init(
    _ names: [String], _ content: String, _ coverage: String, onlyWith: String? = nil, _ columns: [RecordColumn] = []
  ) {
    (self.names, self.content, self.coverage, self.onlyWith) = (names, content, coverage, onlyWith)
    self.columns = columns
  }

  /// The names, for a heading.
  public var title: String { names.joined(separator: ", ") }

  /// All that runs write.
  public static let ofRuns: [RecordFile] = RunRecords.files
  /// All that sweeps write beside the folders of their runs, and what they print as JSON.
  public static let ofSweeps: [RecordFile] = SweepRecords.files

  var json: JSON {
    [
      "files": .array(names.map { .string($0) }), "content": .string(content), "covered": .string(coverage),
      "onlyWith": onlyWith.map { .string($0) } ?? .null, "columns": .array(columns.map(\.json)),
    ]
  }
}

/// One column of a table, or one key of a JSON file.
public struct RecordColumn: Sendable {
  /// A dotted path. A last part `*` stands for any path there, and a name in angle brackets for several columns that the scenario names.
  public let name: String
  public let type: FigureType
  /// Whether it is null, or an empty cell, somewhere.
  public let mayBeNull: Bool
  /// What it is measured in; `-` for what has no unit.
  public let unit: String
  /// Whether the guarantee speaks of it, in words.
  public let coverage: String
  public let meaning: String
  /// What a run or sweep must have for the column to be there; nil where it always is.
  public let onlyWith: String?

  init(
    _ name: String, _ type: FigureType, _ unit: FigureUnit?, _ coverage: Coverage, _ meaning: String,
    mayBeNull: Bool = false, onlyWith: String? = nil
  ) {
    (self.name, self.type, self.mayBeNull) = (name, type, mayBeNull)
    (self.unit, self.coverage, self.meaning, self.onlyWith) =
      (unit?.words ?? "-", coverage.words, meaning, onlyWith)
  }

  /// A column without a unit.
  init(_ name: String, _ type: FigureType, _ coverage: Coverage, _ meaning: String, onlyWith: String? = nil) {
    self.init(name, type, nil, coverage, meaning, onlyWith: onlyWith)
  }

  init(_ field: RoundField) {
    self.init(
      field.name, field.type, field.unit, field.coverage, field.meaning,
      mayBeNull: field.mayBeNull && field.condition?.isInEveryRound != true, onlyWith: field.condition?.words)
  }

  init(_ field: SummaryField) {
    self.init(
      field.name, field.type, field.unit, field.coverage, field.meaning, mayBeNull: field.mayBeNull,
      onlyWith: field.onlyWith)
  }

  /// The type as a table has it: "number or null".
  public var typeInWords: String { type.rawValue + (mayBeNull ? " or null" : "") }

  /// Whether the column stands for a path of a file.
  ///
  /// - Parameter named: the columns that the scenario names, for a name in angle brackets.
  func stands(for path: String, named: Set<String> = []) -> Bool {
    if name.hasPrefix("<") { return named.contains(path) }
    return name.hasSuffix(".*") ? path.hasPrefix(name.dropLast()) : name == path
  }

  var json: JSON {
    [
      "name": .string(name), "type": .string(type.rawValue), "mayBeNull": .bool(mayBeNull), "unit": .string(unit),
      "covered": .string(coverage), "onlyWith": onlyWith.map { .string($0) } ?? .null, "meaning": .string(meaning),
    ]
  }
}
