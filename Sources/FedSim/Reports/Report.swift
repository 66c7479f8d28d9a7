/// What `fedsim report` makes of runs and sweeps: one page without network, its charts and tables as files of their own.
public struct Report: Sendable {
  /// A run's folder as read, or a sweep's.
  public struct Source: Sendable {
    public enum Content: Sendable {
      /// summary.json, scenario.json, the rows of rounds.jsonl.
      case run(summary: JSONObject, scenario: JSON, rounds: [JSONObject])
      /// The rows of runs.jsonl.
      case sweep(rows: [JSONObject])
    }

    public let path: String
    public let content: Content

    /// - Parameter read: the bytes of a file of the folder; nil where there is none.
    /// - Throws: `ToolError.input` that names the file and the line that is damaged.
    public init(path: String, read: (String) -> [UInt8]?) throws(ToolError) {
      self.path = path
      if let bytes = read("runs.jsonl") {
        let rows = try Self.lines(bytes, "\(path)/runs.jsonl")
        for (i, row) in rows.enumerated() {
          guard case .integer? = row["point"], case .object? = row["result"], case .object? = row["setting"] else {
            throw .input(
              place: "\(path)/runs.jsonl:\(i + 1)",
              problem: "found no row of a sweep; allowed: point, setting and result")
          }
        }
        content = .sweep(rows: rows)
        return
      }
      guard let bytes = read("summary.json") else {
        throw .input(
          place: path,
          problem: read("sweep.json") != nil
            ? "found a sweep that has not ended; fedsim sweep --resume goes on with it"
            : "found neither summary.json nor runs.jsonl; allowed: the folder of a run or of a sweep that ended")
      }
      let summary = try Self.object(bytes, "\(path)/summary.json")
      guard let text = read("scenario.json") else {
        throw .input(place: "\(path)/scenario.json", problem: "the file is missing")
      }
      let scenario = JSON.object(try Self.object(text, "\(path)/scenario.json"))
      guard let rows = read("rounds.jsonl") else {
        throw .input(place: "\(path)/rounds.jsonl", problem: "the file is missing")
      }
      content = .run(summary: summary, scenario: scenario, rounds: try Self.lines(rows, "\(path)/rounds.jsonl"))
    }

    private static func object(_ bytes: [UInt8], _ place: String, line: Int = 0) throws(ToolError) -> JSONObject {
      do throws(JSONSyntaxError) {
        if case .object(let object) = try JSONParser.parse(bytes).value { return object }
      } catch {
        throw .input(
          place: "\(place):\(max(line, error.position.line)):\(error.position.column)",
          problem: "not valid JSON: \(error.message)")
      }
      throw .input(place: place + (line > 0 ? ":\(line)" : ""), problem: "found no object")
    }

    private static func lines(_ bytes: [UInt8], _ place: String) throws(ToolError) -> [JSONObject] {
      var rows: [JSONObject] = []
      for (i, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() {
        rows.append(try object(Array(line), place, line: i + 1))
      }
      guard !rows.isEmpty else { throw .input(place: place, problem: "the file is empty") }
      return rows
    }
  }

  public struct Table: Sendable {
    public let name: String
    public let title: String
    public let header: [String]
    public let rows: [[String]]

    public var csv: String {
      ([header] + rows).map { $0.map { CSV.cell(.string($0)) }.joined(separator: ",") }.joined(separator: "\n") + "\n"
    }

    public var markdown: String {
      let line = { (cells: [String]) in "| " + cells.joined(separator: " | ") + " |\n" }
      return line(header) + line(header.map { _ in "---" }) + rows.map(line).joined()
    }
  }

  public private(set) var charts: [Chart] = []
  public private(set) var tables: [Table] = []
  private var body = ""
  private let title: String

  /// - Parameters:
  ///   - problems: of folders that could not be read: shown on the page.
  public init(_ sources: [Source], problems: [String] = []) {
    title = sources.count == 1 ? "FedSim: \(sources[0].path)" : "FedSim: \(sources.count) folders"
    for problem in problems { body += "<p class=\"problem\">\(Chart.escaped(problem))</p>\n" }
    for (i, source) in sources.enumerated() {
      let prefix = sources.count == 1 ? "" : "\(i + 1)-"
      if sources.count > 1 { body += "<h2>\(Chart.escaped(source.path))</h2>\n" }
      switch source.content {
      case .run(let summary, let scenario, let rounds): addRun(prefix, summary, scenario, rounds)
      case .sweep(let rows): addSweep(prefix, rows)
      }
    }
  }

  private mutating func add(_ chart: Chart) {
    guard !chart.series.isEmpty else { return }
    charts.append(chart)
    body += "<figure>\n\(chart.svg)</figure>\n"
  }

  private mutating func add(_ table: Table) {
    tables.append(table)
    body += "<h3>\(Chart.escaped(table.title))</h3>\n<div class=\"scroll\"><table>\n<tr>"
    body += table.header.map { "<th>\(Chart.escaped($0))</th>" }.joined() + "</tr>\n"
    for row in table.rows { body += "<tr>" + row.map { "<td>\(Chart.escaped($0))</td>" }.joined() + "</tr>\n" }
    body += "</table></div>\n"
  }

  private static func number(_ object: JSONObject, _ path: String) -> Double? {
    var value = JSON.object(object)
    for part in path.split(separator: ".") {
      guard case .object(let inner) = value, let next = inner[String(part)] else { return nil }
      value = next
    }
    return value.double
  }

  private static func string(_ object: JSONObject, _ key: String) -> String {
    guard case .string(let text)? = object[key] else { return object[key]?.plain ?? "-" }
    return text
  }

  private mutating func addRun(_ prefix: String, _ summary: JSONObject, _ scenario: JSON, _ rounds: [JSONObject]) {
    let number = { Self.number(summary, $0) }
    let percent = { (value: Double?) in value.map { Text.fixed(100 * $0, 1) + " %" } ?? "unknown" }
    let bits = number("payloadBitsPerClientRound")
    let floats = number("float32BitsPerClientRound")
    var headline =
      "After \(summary["rounds"]?.plain ?? "?") rounds the model is right on \(percent(number("finalAccuracy"))) of the test examples"
    if let epsilon = number("epsilon"), let delta = number("delta") {
      headline += ", with epsilon \(Text.fixedUp(epsilon, 3)) at delta \(delta) for each client"
    } else {
      headline += ", without a guarantee of privacy"
    }
    if let bits, let floats {
      headline += "; an upload took \(Text.fixed(bits, 0)) bits, \(Text.short(100 * bits / floats)) % of plain floats"
    }
    body += "<p class=\"headline\">\(Chart.escaped(headline)).</p>\n"
    let points = { (path: String, scale: Double) in
      rounds.compactMap { row -> Chart.Point? in
        guard let round = Self.number(row, "round"), let value = Self.number(row, path) else { return nil }
        return Chart.Point(x: round, y: scale * value)
      }
    }
    // Clients of one example are right or wrong: percentiles of that say nothing.
    let spreads = points("clientAccuracy.p10", 100).contains { $0.y > 0 && $0.y < 100 }
    add(
      Chart(
        name: prefix + "accuracy", title: "Accuracy over rounds", x: .init("round"), y: .init("accuracy, %"),
        series: [
          .init("test examples", points("accuracy", 100)),
          .init("clients' own, mean", points("clientAccuracy.mean", 100)),
          .init("10th percentile", spreads ? points("clientAccuracy.p10", 100) : [], isReference: true),
          .init("90th percentile", spreads ? points("clientAccuracy.p90", 100) : [], isReference: true),
        ]))
    add(
      Chart(
        name: prefix + "epsilon", title: "Privacy spent", x: .init("round"), y: .init("epsilon"),
        series: [
          .init("at most", points("epsilon", 1)), .init("at least", points("epsilonLowerBound", 1), isReference: true),
        ]))
    let ends = [rounds.first, rounds.last].compactMap { $0.flatMap { Self.number($0, "round") } }
    add(
      Chart(
        name: prefix + "bits", title: "Bits of an upload", x: .init("round"), y: .init("bits a client", isLog: true),
        series: [
          .init(Self.string(summary, "codec"), points("uplink.payloadBits.mean", 1)),
          .init("Gaussian I(X;Y)", points("idealBits.mean", 1), isReference: true),
          .init("float32", floats.map { f in ends.map { Chart.Point(x: $0, y: f) } } ?? [], isReference: true),
        ]))
    if case .array(let views)? = summary["views"] {
      let rows = views.compactMap { view -> [String]? in
        guard case .object(let row) = view else { return nil }
        let note = row["assumptions"] ?? row["reason"] ?? .null
        return [
          Self.string(row, "adversary"), Self.string(row, "knows"),
          row["epsilon"]?.double.map { Text.fixedUp($0, 3) } ?? "none", note.plain,
          row["theorem"].map { $0 == .null ? "-" : $0.plain } ?? "-",
        ]
      }
      add(
        Table(
          name: prefix + "views", title: "Who is guaranteed what",
          header: ["adversary", "knows", "epsilon", "assumptions, or why there is none", "theorem"], rows: rows))
    }
    body += "<p>\(Chart.escaped(Self.string(summary, "guaranteeStatement")))</p>\n"
    if case .array(let outside)? = summary["outsideGuarantee"] {
      body += "<p>Outside the guarantee: \(Chart.escaped(outside.map(\.plain).joined(separator: ", "))).</p>\n"
    }
    body += "<p>\(Chart.escaped(Self.string(summary, "hardening"))).</p>\n"
    details(
      "How to reproduce",
      "fedsim \(Self.string(summary, "fedsimVersion")): save the scenario below as scenario.json, then\n\nfedsim run scenario.json"
    )
    details("The scenario, with every default", scenario.text(pretty: true))
  }

  private mutating func details(_ title: String, _ text: String) {
    body += "<details><summary>\(Chart.escaped(title))</summary><pre>\(Chart.escaped(text))</pre></details>\n"
  }

  private mutating func addSweep(_ prefix: String, _ rows: [JSONObject]) {
    struct Cell {
      var codec = ""
      var epsilon: [Double] = []
      var accuracy: [Double] = []
      var bits: [Double] = []
      var settings: [String: String] = [:]
      var guarantee = ""
    }
    var cells: [Int: Cell] = [:]
    for row in rows {
      guard case .integer(let point)? = row["point"], case .object(let result)? = row["result"] else { continue }
      var cell = cells[point] ?? Cell()
      cell.codec = Self.string(result, "codec")
      if let setting = row["setting"] {
        cell.settings = Dictionary(
          CSV.leaves(setting, "").map { ($0.path, $0.value.plain) }, uniquingKeysWith: { a, _ in a })
      }
      if let delta = Self.number(result, "delta"), result["epsilon"]?.double != nil {
        cell.guarantee = "delta \(delta), \(Self.string(result, "relation"))"
      }
      if let value = Self.number(result, "epsilon") { cell.epsilon.append(value) }
      if let value = Self.number(result, "finalAccuracy") { cell.accuracy.append(100 * value) }
      if let value = Self.number(result, "payloadBitsPerClientRound") { cell.bits.append(value) }
      cells[point] = cell
    }
    let ordered = cells.sorted { $0.key < $1.key }.map(\.value)
    var codecs: [String] = []
    for cell in ordered where !codecs.contains(cell.codec) { codecs.append(cell.codec) }
    let line = { (codec: String, x: (Cell) -> [Double], y: (Cell) -> [Double]) in
      Chart.Series(
        codec,
        ordered.filter { $0.codec == codec }.compactMap { cell in
          guard let a = SweepTable.Estimate(x(cell)), let b = SweepTable.Estimate(y(cell)) else { return nil }
          return Chart.Point(x: a.mean, y: b.mean, error: b.error)
        })
    }
    let found = ordered.compactMap { cell -> (String, Double, Double, Double)? in
      guard let e = SweepTable.Estimate(cell.epsilon), let a = SweepTable.Estimate(cell.accuracy),
        let b = SweepTable.Estimate(cell.bits)
      else { return nil }
      return (cell.codec, e.mean, a.mean, b.mean)
    }
    let paths = Set(ordered.flatMap { $0.settings.keys }).subtracting([
      "seed", "name", "channel.codec", "privacy.targetEpsilon", "privacy.noiseMultiplier",
    ])
    .filter { path in Set(ordered.map { $0.settings[path] ?? "null" }).count > 1 }.sorted()
    // A headline where epsilon alone varies beside the codec; of the codec with the fewest bits over all.
    let total = { (codec: String) in found.filter { $0.0 == codec }.reduce(0) { $0 + $1.3 } }
    let best = codecs.filter { codec in found.contains { $0.0 == codec } }.min { total($0) < total($1) }
    let cheapest = found.filter { $0.0 == best }
    var headline = "\(rows.count) runs."
    if paths.isEmpty, let low = cheapest.min(by: { $0.1 < $1.1 }), let high = cheapest.max(by: { $0.1 < $1.1 }),
      high.1 > 1.01 * low.1
    {
      headline +=
        " With \(low.0), epsilon \(Text.short(low.1)) gives \(Text.fixed(low.2, 1)) % accuracy at \(Text.fixed(low.3, 0)) bits a client and round, epsilon "
        + "\(Text.short(high.1)) gives \(Text.fixed(high.2, 1)) % at \(Text.fixed(high.3, 0)): less noise costs more bits. The spread of repeats is in the table."
    }
    body += "<p class=\"headline\">\(Chart.escaped(headline))</p>\n"
    add(
      Chart(
        name: prefix + "privacy-bits", title: "Privacy and bits", x: .init("epsilon", isLog: true),
        y: .init("bits a client and round", isLog: true), series: codecs.map { line($0, \.epsilon, \.bits) }))
    add(
      Chart(
        name: prefix + "privacy-accuracy", title: "Privacy and accuracy (bars: standard error)",
        x: .init("epsilon", isLog: true),
        y: .init("accuracy, %"), series: codecs.map { line($0, \.epsilon, \.accuracy) }))
    add(
      Chart(
        name: prefix + "bits-accuracy", title: "Communication and accuracy (bars: standard error)",
        x: .init("bits a client and round", isLog: true), y: .init("accuracy, %"),
        series: codecs.map { line($0, \.bits, \.accuracy) }))
    let estimate = { (values: [Double], digits: Int) -> String in
      guard let e = SweepTable.Estimate(values) else { return "-" }
      return Text.fixed(e.mean, digits) + (e.error.map { " +- " + Text.fixed($0, digits) } ?? "")
    }
    add(
      Table(
        name: prefix + "points-table", title: "Points of the sweep: means +- standard errors over repeats",
        header: paths + ["codec", "epsilon", "guarantee", "accuracy, %", "bits a client and round", "runs"],
        rows: ordered.map { cell in
          paths.map { cell.settings[$0] ?? "-" } + [
            cell.codec, SweepTable.Estimate(cell.epsilon).map { Text.fixedUp($0.mean, 3) } ?? "none",
            cell.guarantee.isEmpty ? "none" : cell.guarantee, estimate(cell.accuracy, 1),
            estimate(cell.bits, 1), "\(cell.accuracy.count)",
          ]
        }))
    if let first = rows.first, let setting = first["setting"] {
      details("The first run's scenario", setting.text(pretty: true))
    }
  }

  /// One page: no network, no script; light and dark, narrow and wide, and on paper.
  public var html: String {
    """
    <!DOCTYPE html>
    <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(Chart.escaped(title))</title>
    <style>
    :root { color-scheme: light dark; --ground: #fff; --ink: #222; --rule: #ccc; }
    @media (prefers-color-scheme: dark) { :root { --ground: #16181c; --ink: #ddd; --rule: #444; } }
    body { margin: 0 auto; padding: 1rem; max-width: 60rem; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
    h1 { font-size: 1.4rem; overflow-wrap: anywhere; } h2, h3 { font-size: 1.1rem; }
    .headline { font-size: 1.15rem; } .problem { border-left: 4px solid #d55e00; padding-left: .7rem; overflow-wrap: anywhere; }
    figure { margin: 1.5rem 0; break-inside: avoid; } svg.chart { width: 100%; height: auto; color: var(--ink); }
    .scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; }
    th, td { border-bottom: 1px solid var(--rule); padding: .3rem .6rem; text-align: left; vertical-align: top; }
    pre { overflow-x: auto; font-size: .8rem; }
    @media print { body { max-width: none; background: #fff; color: #000; } details { display: none; } }
    </style></head><body>
    <h1>\(Chart.escaped(title))</h1>
    \(body)</body></html>

    """
  }
}
