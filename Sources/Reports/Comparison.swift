import FedSim
import Files
import JSONText
import RunFiles
import Settings

/// What differs between two folders, or between the points of a sweep and its first: settings, and results with the spread of repeats.
///
/// A run counts as a sweep of one. Runs with the same settings but for the seed are repeats of a point; points are matched by the
/// settings that vary within a folder. Runs that have cohorts and batches in common (`cohort.common`) are compared in pairs of one seed.
public struct Comparison: Sendable {
  /// A setting with other values in one folder than in the other; where it varies within a folder, all of them.
  public struct Setting: Sendable, Equatable {
    public let path: String
    public let first: String
    public let second: String
  }

  public struct Result: Sendable, Equatable {
    /// The settings that name the point, as "path = value".
    public let point: String
    public let key: String
    /// What it is measured in.
    public let unit: FigureUnit
    public let first: SweepTable.Estimate
    public let second: SweepTable.Estimate
    /// The difference over pairs of runs with one seed; nil where runs are not compared in pairs.
    public let paired: SweepTable.Estimate?
    /// Whether repeats differ by chance; what follows from the plan or the test examples has no standard error.
    public let isMeasured: Bool

    /// - Returns: nil where one of both has no such result.
    fileprivate init?(_ point: String, _ figure: PointFigure, _ first: [Row], _ second: [Row]) {
      let key = figure.name
      let numbers = { (rows: [Row]) in rows.compactMap { $0.result[key]?.double } }
      guard let p = figure.estimate(numbers(first)), let q = figure.estimate(numbers(second)) else {
        return nil
      }
      (self.point, self.key, self.first, self.second) = (point, key, p, q)
      // The loss of a quantity is a mean squared error.
      let fields = SummaryFields.table
      let isSquared =
        key == fields.finalLoss.name && (first + second).contains { $0.result[fields.finalRMSE.name] != nil }
      unit = isSquared ? .squares : figure.unit
      isMeasured = figure.isMeasured
      guard figure.isMeasured else {
        paired = nil
        return
      }
      paired = Row.pairs(first, second).flatMap { pairs in
        SweepTable.Estimate(
          pairs.compactMap { a, b in
            guard let x = a.result[key]?.double, let y = b.result[key]?.double else { return nil }
            return y - x
          })
      }
    }

    public var difference: Double { paired?.mean ?? second.mean - first.mean }

    /// Standard error of the difference; nil where one of both has no repeats, and for what is not measured.
    public var error: Double? {
      if let paired { return paired.error }
      guard let a = first.error, let b = second.error else { return nil }
      return (a * a + b * b).squareRoot()
    }

    /// More than two standard errors, and more than rounding; nil where that is not known. What is not measured differs or does not.
    public var isClear: Bool? {
      let isMore = abs(difference) > 1e-5 * max(abs(first.mean), abs(second.mean))
      return isMeasured ? error.map { abs(difference) > 2 * $0 && isMore } : isMore
    }
  }

  public let settings: [Setting]
  public let results: [Result]
  /// Points that only one of both has.
  public let unmatched: Int
  /// What the first point of a sweep is called, where the others are compared with it; nil for two folders.
  public let reference: String?

  fileprivate struct Row {
    let paths: [String]
    let settings: [String: String]
    let result: JSONObject

    /// Runs of one seed that have their draws in common; nil where some have not, or a seed is there twice.
    static func pairs(_ first: [Row], _ second: [Row]) -> [(Row, Row)]? {
      guard (first + second).allSatisfy({ $0.settings["cohort.common"] == "true" }) else { return nil }
      let seeds = { (rows: [Row]) in rows.map { $0.settings["seed"] ?? "" } }
      guard Set(seeds(first)).count == first.count, Set(seeds(second)).count == second.count else { return nil }
      let found = first.compactMap { a in
        second.first { $0.settings["seed"] == a.settings["seed"] }.map { (a, $0) }
      }
      return found.isEmpty ? nil : found
    }

    init(_ scenario: JSON, _ result: JSONObject) {
      let leaves = CSV.leaves(scenario, "")
      paths = leaves.map(\.path)
      settings = Dictionary(leaves.map { ($0.path, $0.value.plain) }, uniquingKeysWith: { first, _ in first })
      self.result = result
    }
  }

  public init(_ first: Report.Source, _ second: Report.Source) {
    let (a, b) = (Self.rows(first), Self.rows(second))
    let ignored: Set = ["seed", "name"]
    // Axes as the sweeps have them, then the keys of the scenario in their order.
    var known = ignored
    let paths = (Self.axes(first) + Self.axes(second) + (a + b).flatMap(\.paths)).filter { known.insert($0).inserted }
    let values = { (rows: [Row], path: String) -> [String] in
      var seen = Set<String>()
      return rows.map { $0.settings[path] ?? "null" }.filter { seen.insert($0).inserted }
    }
    var settings: [Setting] = []
    var varying: [String] = []
    for path in paths {
      let (x, y) = (values(a, path), values(b, path))
      if x.count > 1 || y.count > 1 { varying.append(path) }
      if Set(x) != Set(y) {
        settings.append(
          Setting(path: path, first: x.joined(separator: ", "), second: y.joined(separator: ", ")))
      }
    }
    self.settings = settings
    let name = { (row: Row) in varying.map { "\($0) = \(row.settings[$0] ?? "null")" }.joined(separator: ", ") }
    let groups = { (rows: [Row]) in Dictionary(grouping: rows, by: name) }
    let (left, right) = (groups(a), groups(b))
    var seen = Set<String>()
    let order = a.map(name).filter { seen.insert($0).inserted }
    var results: [Result] = []
    for point in order {
      guard let x = left[point], let y = right[point] else { continue }
      results += PointFigure.ofAllSummaries.compactMap { Result(point, $0, x, y) }
    }
    self.results = results
    reference = nil
    unmatched = Set(left.keys).symmetricDifference(right.keys).count
  }

  /// The points of a sweep, each beside the first.
  ///
  /// - Returns: nil for a run, and for a sweep of one point.
  public init?(pointsOf source: Report.Source) {
    guard case .sweep(let files) = source.content else { return nil }
    var names: [String] = []
    var rows: [Int: [Row]] = [:]
    for row in files.rows {
      guard case .integer(let point)? = row["point"], let scenario = row["setting"],
        case .object(let result)? = row["result"]
      else { continue }
      let found = Row(scenario, result)
      if rows[point] == nil { names.append(Self.name(row, found, files.axes)) }
      rows[point, default: []].append(found)
    }
    let points = rows.sorted { $0.key < $1.key }.map(\.value)
    guard let first = points.first, points.count > 1, names.count == points.count else { return nil }
    reference = names[0]
    results = zip(names, points).dropFirst().flatMap { name, rows in
      PointFigure.ofAllSummaries.compactMap { Result(name, $0, first, rows) }
    }
    (settings, unmatched) = ([], 0)
  }

  /// What a point is called: the words of named points and of sections, and the values of other axes.
  private static func name(_ row: JSONObject, _ found: Row, _ axes: [String]) -> String {
    var parts: [String] = []
    var labels = JSONObject()
    if case .object(let found)? = row["label"] { labels = found }
    if let name = labels["name"] { parts.append(name.plain) }
    for path in axes { parts.append("\(path) = \(labels[path]?.plain ?? found.settings[path] ?? "null")") }
    return parts.joined(separator: ", ")
  }

  private static func axes(_ source: Report.Source) -> [String] {
    if case .sweep(let files) = source.content { files.axes } else { [] }
  }

  private static func rows(_ source: Report.Source) -> [Row] {
    switch source.content {
    case .run(let files): return [Row(files.scenario, files.summary)]
    case .sweep(let files):
      return files.rows.compactMap { row in
        guard let scenario = row["setting"], case .object(let result)? = row["result"] else { return nil }
        return Row(scenario, result)
      }
    }
  }

  public var json: JSON {
    let estimate = { (e: SweepTable.Estimate) -> JSON in ["mean": .number(e.mean), "standardError": .optional(e.error)]
    }
    return [
      "reference": reference.map { .string($0) } ?? .null,
      "settings": .array(
        settings.map { ["path": .string($0.path), "first": .string($0.first), "second": .string($0.second)] }),
      "results": .array(
        results.map { r in
          [
            "point": .string(r.point), "result": .string(r.key), "unit": .string(r.unit.rawValue),
            "first": estimate(r.first),
            "second": estimate(r.second),
            "difference": .number(r.difference), "standardError": .optional(r.error),
            "isPaired": .bool(r.paired != nil), "isClear": r.isClear.map { .bool($0) } ?? .null,
          ]
        }),
      "unmatchedPoints": .integer(unmatched),
    ]
  }

  public var text: String {
    var parts: [String] = []
    if let reference { parts.append("The first point: \(reference).") }
    parts.append(
      reference != nil
        ? "Each other point beside it:"
        : settings.isEmpty
          ? "Settings: the same but for seeds."
          : Text.table(["setting", "first", "second"], settings.map { [$0.path, $0.first, $0.second] }))
    let shown = { (e: SweepTable.Estimate) in Self.number(e.mean) + (e.error.map { " +- " + Self.number($0) } ?? "") }
    if results.isEmpty {
      parts.append("No point is in both.")
    } else {
      parts.append(
        Text.table(
          ["point", "result", "first", "second", "difference", "clear"],
          results.map { r in
            [
              r.point.isEmpty ? "-" : r.point, "\(r.key), \(r.unit.rawValue)", shown(r.first), shown(r.second),
              Self.number(r.difference) + (r.error.map { " +- " + Self.number($0) } ?? ""),
              r.isClear.map { $0 ? "yes" : "no" } ?? "one run",
            ]
          }))
      parts.append(
        "clear: the difference is more than two standard errors of its repeats"
          + (results.contains { $0.paired != nil } ? ", which are compared in pairs of one seed." : "."))
      if results.contains(where: { $0.first.error != nil || $0.second.error != nil }) {
        parts.append(
          "+- standard error over repeats. What follows from the plan or the test examples (epsilon, noiseMultiplier,\n"
            + "majorityClassAccuracy) does not differ by chance, and has none.")
      }
    }
    if unmatched > 0 {
      parts.append("\(Text.counted(unmatched, "point")) \(unmatched == 1 ? "is" : "are") in one of both only.")
    }
    return parts.joined(separator: "\n\n")
  }

  private static func number(_ value: Double) -> String {
    abs(value) < 100 ? Text.fixed(value, 4) : Text.fixed(value, 1)
  }
}
