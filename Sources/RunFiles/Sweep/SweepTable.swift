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

  /// points.csv: a row a point, the axes, the number of repeats, and mean and standard error of results.
  public var points: String {
    let results = results
    let columns = results.map { ($0, estimates($0)) }
    var text =
      (["point"] + sweep.axes.map(\.path) + ["repeats"] + results.flatMap { [$0, $0 + ".standardError"] })
      .joined(separator: ",") + "\n"
    for (p, values) in pointValues {
      let repeats = rows.filter { $0.run.point == p }.count
      var cells = ["\(p)"] + values.map(CSV.cell) + ["\(repeats)"]
      for (_, estimates) in columns {
        cells.append(estimates[p].map { "\($0.mean)" } ?? "")
        cells.append(estimates[p]?.error.map { "\($0)" } ?? "")
      }
      text += cells.joined(separator: ",") + "\n"
    }
    return text
  }

  private var pointValues: [(Int, [JSON])] {
    var seen = Set<Int>()
    return sweep.runs.filter { seen.insert($0.point).inserted }.map { ($0.point, $0.values) }
  }

  /// The points as JSON: axes, number of runs, mean and standard error of results.
  public var json: JSON {
    let results = results
    let columns = results.map { ($0, estimates($0)) }
    return .array(
      pointValues.map { p, values in
        var object: JSONObject = ["point": .integer(p), "runs": .integer(rows.filter { $0.run.point == p }.count)]
        object["axes"] = .object(zip(sweep.axes, values).reduce(into: JSONObject()) { $0[$1.0.path] = $1.1 })
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
    let rows = pointValues.map { p, values -> [String] in
      let error = accuracy[p]?.error.map { " +- " + Text.fixed(100 * $0, 1) } ?? ""
      return values.map { $0.plain } + [
        accuracy[p].map { Text.fixed(100 * $0.mean, 1) + error + " %" } ?? "-",
        epsilon[p].map { Text.fixedUp($0.mean, 3) } ?? "none",
        bits[p].map { Text.fixed($0.mean, 0) + (isMeasured[p] ? "" : " predicted") } ?? "-",
      ]
    }
    return Text.table(sweep.axes.map(\.path) + ["accuracy", "epsilon", "bits/client"], rows) + posteriorTable
  }

  /// What posterior samples came to; empty for other tasks.
  private var posteriorTable: String {
    let keys = results.filter(Self.posteriorResults.contains)
    guard !keys.isEmpty else { return "" }
    let columns = keys.map(estimates)
    let rows = pointValues.map { p, values in
      values.map(\.plain)
        + zip(keys, columns).map { key, estimates -> String in
          let scale = key.hasSuffix("accuracy") ? 100.0 : 1
          return estimates[p].map { estimate in
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
