import FedSim
import Files
import JSONText

/// The tidy table of a sweep: a row a run, with all settings and all results; and its points with means over repeats.
public struct SweepTable: Sendable {
  public struct Row: Sendable {
    public let run: Sweep.Run
    /// summary.json, and the scenario that was run, with every default.
    public let summary: JSON
    public let resolved: JSON

    public init(run: Sweep.Run, summary: JSON, resolved: JSON) {
      (self.run, self.summary, self.resolved) = (run, summary, resolved)
    }
  }

  public let sweep: Sweep
  public let rows: [Row]
  /// F of each row, in the order of the rows.
  private let lowerBounds: [Double?]

  /// Computes the bounds F of the runs, a few milliseconds each.
  ///
  /// - Parameter rows: of finished runs, in the order of the sweep.
  public init(_ sweep: Sweep, rows: [Row]) {
    self.sweep = sweep
    self.rows = rows
    lowerBounds = PointFigure.lowerBounds(of: rows.map(\.summary))
  }

  /// Text that is too long for a table, or depends on the run's own structure.
  static let left: [String] = {
    let keys = SummaryFields.table
    return [keys.guaranteeStatement, keys.theorem, keys.outsideGuarantee, keys.hardening, keys.views].map(\.name)
  }()

  private func json(_ row: Row) -> JSON {
    var object: JSONObject = [
      "run": .integer(row.run.index), "point": .integer(row.run.point), "repetition": .integer(row.run.repetition),
      "folder": .string(row.run.folder),
    ]
    let compound = zip(sweep.axes, row.run.labels).filter { $0.0.isCompound }
    if !compound.isEmpty {
      object["label"] = .object(compound.reduce(into: JSONObject()) { $0[$1.0.column] = .string($1.1) })
    }
    object["setting"] = row.resolved
    if case .object(var summary) = row.summary {
      for key in Self.left { summary[key] = nil }
      object["result"] = .object(summary)
    }
    return .object(object)
  }

  /// runs.jsonl: an object a line.
  public var lines: String { rows.map { json($0).text(pretty: false) + "\n" }.joined() }

  /// runs.csv: settings as `setting.privacy.targetEpsilon`, results as `result.finalAccuracy`. Arrays are JSON in quotes.
  public var csv: String {
    let flat = rows.map { CSV.leaves(json($0), "") }
    var columns: [String] = []
    var known = Set<String>()
    for row in flat { for (path, _) in row where known.insert(path).inserted { columns.append(path) } }
    // A section that some runs go without: its keys are columns, and the section has no value of its own.
    columns.removeAll { path in
      known.contains { $0.hasPrefix(path + ".") } && !flat.joined().contains { $0.path == path && $0.value != .null }
    }
    var text = columns.joined(separator: ",") + "\n"
    for row in flat {
      let cells = Dictionary(row.map { ($0.path, $0.value) }, uniquingKeysWith: { first, _ in first })
      text += columns.map { cells[$0].map(CSV.cell) ?? "" }.joined(separator: ",") + "\n"
    }
    return text
  }

  /// Mean and standard error over the repeats of a point.
  public typealias Estimate = FedSim.Estimate

  /// A figure's value in each run of each point, by repeat.
  private func values(_ figure: PointFigure) -> [[Int: Double]] {
    var values = [[Int: Double]](repeating: [:], count: (sweep.runs.last?.point ?? -1) + 1)
    for (row, bound) in zip(rows, lowerBounds) {
      let value = figure.isLowerBound ? bound : figure.value(in: row.summary)
      if let value { values[row.run.point][row.run.repetition] = value }
    }
    return values
  }

  /// A figure at each point: its mean with a standard error, or for what follows from the plan one value; nil where no run has it.
  func estimates(_ figure: PointFigure) -> [Estimate?] {
    values(figure).map { found in figure.estimate(found.sorted { $0.key < $1.key }.map(\.value)) }
  }

  /// The figure of this name at each point; nil where no run of it has the figure.
  public func estimates(_ key: String) -> [Estimate?] { estimates(PointFigure(named: key)) }

  /// What points have in points.csv: some tasks have figures of their own.
  var figures: [PointFigure] {
    PointFigure.all + PointFigure.ofSomeRuns.filter { figure in estimates(figure).contains { $0 != nil } }
  }

  /// A figure's difference from the first point at each other one, over the repeats that both have, pair by pair; nil at the first, and where
  /// points are not paired (`sweep.common`).
  public func differences(_ key: String) -> [Estimate?] { differences(PointFigure(named: key)) }

  private func differences(_ figure: PointFigure) -> [Estimate?] {
    let values = values(figure)
    guard sweep.isPaired else { return [Estimate?](repeating: nil, count: values.count) }
    return values.enumerated().map { p, found in
      p == 0
        ? nil
        : Estimate(
          found.sorted { $0.key < $1.key }.compactMap { repetition, value in
            values[0][repetition].map { value - $0 }
          })
    }
  }

  private struct Column {
    let name: String
    /// Whether repeats differ in it, so that it has a standard error.
    let hasError: Bool
    let estimates: [Estimate?]
  }

  /// Of every figure: its name in points.csv, and its estimate at each point. What follows from the plan has no difference of its own.
  private var columns: [Column] {
    let figures = figures
    let means = figures.map { Column(name: $0.name, hasError: $0.isMeasured, estimates: estimates($0)) }
    guard sweep.isPaired else { return means }
    return means
      + figures.filter(\.isMeasured).map {
        Column(name: "\($0.name)\(PointFigure.difference)", hasError: true, estimates: differences($0))
      }
  }

  /// points.csv: a row a point, the axes, what sections and named points differ in, the number of repeats, and figures: what is measured as a
  /// mean with its standard error, of paired points also the differences from the first.
  public var points: String {
    let columns = columns
    var text =
      (["point"] + sweep.axes.map(\.column) + sweep.details + ["repeats"]
      + columns.flatMap { $0.hasError ? [$0.name, $0.name + PointFigure.standardError] : [$0.name] })
      .joined(separator: ",") + "\n"
    for run in pointRuns {
      let p = run.point
      let repeats = rows.filter { $0.run.point == p }.count
      let values = cells(run) + sweep.details(of: run)
      var cells = ["\(p)"] + values.map(CSV.cell) + ["\(repeats)"]
      for column in columns {
        let found = column.estimates[p]
        cells.append(found.map { "\($0.mean)" } ?? "")
        if column.hasError { cells.append(found?.error.map { "\($0)" } ?? "") }
      }
      text += cells.joined(separator: ",") + "\n"
    }
    return text
  }

  private func cells(_ run: Sweep.Run) -> [JSON] { zip(sweep.axes, run.choices).map { $0.cell($1) } }

  /// The first run of each point.
  var pointRuns: [Sweep.Run] { sweep.runs.filter { $0.repetition == 0 } }

  /// The points as JSON: axes, number of runs, and figures: what is measured as `mean` and `standardError`, what follows from the plan as a
  /// number; of paired points also the differences from the first. A section and a named point are what tables call them; what they
  /// differ in is in `settings`.
  public var json: JSON {
    let columns = columns
    return .array(
      pointRuns.map { run in
        let p = run.point
        var object: JSONObject = ["point": .integer(p), "runs": .integer(rows.filter { $0.run.point == p }.count)]
        let named = { (names: [String], values: [JSON]) in
          JSON.object(zip(names, values).reduce(into: JSONObject()) { $0[$1.0] = $1.1 })
        }
        object["axes"] = named(sweep.axes.map(\.column), cells(run))
        if !sweep.details.isEmpty { object["settings"] = named(sweep.details, sweep.details(of: run)) }
        for column in columns {
          object[column.name] =
            column.estimates[p].map { found in
              column.hasError
                ? ["mean": .number(found.mean), "standardError": .optional(found.error)] : .number(found.mean)
            } ?? .null
        }
        return .object(object)
      })
  }
}

extension JSON {
  /// As a person would write it in a table.
  public var plain: String {
    if case .string(let text) = self { return text }
    return text(pretty: false)
  }
}
