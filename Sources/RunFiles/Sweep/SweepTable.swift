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

  /// - Parameter rows: of finished runs, in the order of the sweep.
  public init(_ sweep: Sweep, rows: [Row]) {
    self.sweep = sweep
    self.rows = rows
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

  /// A result's estimate at each point; nil where no run of it has the result.
  public func estimates(_ key: String) -> [Estimate?] {
    let count = (sweep.runs.last?.point ?? -1) + 1
    var values = [[Double]](repeating: [], count: count)
    for row in rows {
      if case .object(let summary) = row.summary, let value = summary[path: key]?.double {
        values[row.run.point].append(value)
      }
    }
    return values.map { Estimate($0) }
  }

  /// What is averaged in points.csv and in the closing table.
  public var results: [String] {
    Self.results + Self.posteriorResults.filter { key in estimates(key).contains { $0 != nil } }
  }

  /// Of a task about posteriors alone.
  private static let posteriorResults = ["klBits", "payloadBits", "psnr", "accuracy"].map {
    "\(SummaryFields.table.posterior.name).\($0)"
  }

  /// What every sweep has.
  public static let results: [String] = {
    let keys = SummaryFields.table
    return [
      keys.finalAccuracy, keys.epsilon, keys.payloadBitsPerClientRound, keys.predictedBitsPerClientRound,
      keys.wireBytesPerClientRound,
      keys.noiseMultiplier,
    ].map(\.name)
  }()

  /// A result's difference from the first point at each other one, over the repeats that both have, pair by pair; nil at the first, and where
  /// points are not paired (`sweep.common`).
  public func differences(_ key: String) -> [Estimate?] {
    let count = (sweep.runs.last?.point ?? -1) + 1
    var values = [[Int: Double]](repeating: [:], count: count)
    guard sweep.isPaired else { return [Estimate?](repeating: nil, count: count) }
    for row in rows {
      if case .object(let summary) = row.summary, let value = summary[key]?.double {
        values[row.run.point][row.run.repetition] = value
      }
    }
    return values.enumerated().map { p, found in
      p == 0
        ? nil
        : Estimate(
          found.sorted { $0.key < $1.key }.compactMap { repetition, value in
            values[0][repetition].map { value - $0 }
          })
    }
  }

  /// Of every result: its name in points.csv, and its estimate at each point.
  private var columns: [(name: String, estimates: [Estimate?])] {
    let means = results.map { ($0, estimates($0)) }
    return sweep.isPaired ? means + Self.results.map { ("\($0).difference", differences($0)) } : means
  }

  /// points.csv: a row a point, the axes, what sections and named points differ in, the number of repeats, and mean and standard error of
  /// results; of paired points also of their differences from the first.
  public var points: String {
    let columns = columns
    var text =
      (["point"] + sweep.axes.map(\.column) + sweep.details + ["repeats"]
      + columns.flatMap { [$0.name, $0.name + ".standardError"] })
      .joined(separator: ",") + "\n"
    for run in pointRuns {
      let p = run.point
      let repeats = rows.filter { $0.run.point == p }.count
      let values = cells(run) + sweep.details(of: run)
      var cells = ["\(p)"] + values.map(CSV.cell) + ["\(repeats)"]
      for (_, estimates) in columns {
        cells.append(estimates[p].map { "\($0.mean)" } ?? "")
        cells.append(estimates[p]?.error.map { "\($0)" } ?? "")
      }
      text += cells.joined(separator: ",") + "\n"
    }
    return text
  }

  private func cells(_ run: Sweep.Run) -> [JSON] { zip(sweep.axes, run.choices).map { $0.cell($1) } }

  /// The first run of each point.
  private var pointRuns: [Sweep.Run] { sweep.runs.filter { $0.repetition == 0 } }

  /// The points as JSON: axes, number of runs, mean and standard error of results, of paired points also of their differences from the
  /// first. A section and a named point are what tables call them; what they differ in is in `settings`.
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
        for (key, found) in columns {
          object[key] = found[p].map { ["mean": .number($0.mean), "standardError": .optional($0.error)] } ?? .null
        }
        return .object(object)
      })
  }

  public var closingTable: String {
    let accuracy = estimates("finalAccuracy")
    let epsilon = estimates("epsilon")
    let isMeasured = estimates("payloadBitsPerClientRound").map { $0 != nil }
    let bits = zip(estimates("payloadBitsPerClientRound"), estimates("predictedBitsPerClientRound")).map { $0 ?? $1 }
    let differences = differences("finalAccuracy")
    let rows = pointRuns.map { run -> [String] in
      let p = run.point
      let error = accuracy[p]?.error.map { " +- " + Text.fixed(100 * $0, 1) } ?? ""
      let difference = differences[p].map { found in
        Text.fixed(100 * found.mean, 2) + (found.error.map { " +- " + Text.fixed(100 * $0, 2) } ?? "")
      }
      return run.labels + [
        accuracy[p].map { Text.fixed(100 * $0.mean, 1) + error + " %" } ?? "-"
      ] + (sweep.isPaired ? [difference ?? "-"] : []) + [
        epsilon[p].map { Text.fixedUp($0.mean, 3) } ?? "none",
        bits[p].map { Text.fixed($0.mean, 0) + (isMeasured[p] ? "" : " predicted") } ?? "-",
      ]
    }
    return Text.table(
      sweep.axes.map(\.path) + ["accuracy"] + (sweep.isPaired ? ["less the first, paired"] : [])
        + ["epsilon", "bits/client"], rows) + posteriorTable
  }

  /// What posterior samples came to; empty for other tasks.
  private var posteriorTable: String {
    let keys = results.filter(Self.posteriorResults.contains)
    guard !keys.isEmpty else { return "" }
    let columns = keys.map(estimates)
    let rows = pointRuns.map { run in
      run.labels
        + zip(keys, columns).map { key, estimates -> String in
          let scale = key.hasSuffix("accuracy") ? 100.0 : 1
          return estimates[run.point].map { estimate in
            Text.fixed(scale * estimate.mean, 2) + (estimate.error.map { " +- " + Text.fixed(scale * $0, 2) } ?? "")
          } ?? "-"
        }
    }
    let names = [
      "klBits": "posterior: KL, bits", "payloadBits": "bits sent", "psnr": "PSNR, dB", "accuracy": "accuracy, %",
    ]
    let header = keys.map { key in names[String(key.split(separator: ".").last ?? "")] ?? key }
    return "\n\n" + Text.table(sweep.axes.map(\.path) + header, rows)
  }
}

extension JSON {
  /// As a person would write it in a table.
  public var plain: String {
    if case .string(let text) = self { return text }
    return text(pretty: false)
  }
}
