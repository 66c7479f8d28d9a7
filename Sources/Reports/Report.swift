import FedSim
import Files
import Numerics

/// What `fedsim report` makes of runs and sweeps: one page without network, its charts and tables as files of their own.
public struct Report: Sendable {
  public struct Table: Sendable {
    public let name: String
    public let title: String
    public let header: [String]
    public let rows: [[String]]

    public var csv: String {
      ([header] + rows).map { $0.map { CSV.cell(.string($0)) }.joined(separator: ",") }.joined(separator: "\n") + "\n"
    }

    public var markdown: String {
      let cell = { (text: String) in
        text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
          .split(separator: "\n", omittingEmptySubsequences: false).joined(separator: " ")
      }
      let line = { (cells: [String]) in "| " + cells.map(cell).joined(separator: " | ") + " |\n" }
      return line(header) + line(header.map { _ in "---" }) + rows.map(line).joined()
    }
  }

  public private(set) var charts: [Chart] = []
  public private(set) var tables: [Table] = []
  private var body = ""
  /// Whether charts were added last: they stand side by side.
  private var isInCharts = false
  private let title: String

  /// - Parameters:
  ///   - problems: of folders that could not be read: shown on the page.
  ///   - charts: which charts the page has.
  public init(_ sources: [Source], problems: [String] = [], charts: ReportCharts = .standard) {
    title = sources.count == 1 ? "FedSim: \(sources[0].name)" : "FedSim: \(sources.count) folders"
    for problem in problems + sources.flatMap(\.problems) {
      body += "<p class=\"problem\">\(Chart.escaped(problem))</p>\n"
    }
    addOverlay(sources)
    for (i, source) in sources.enumerated() {
      let prefix = sources.count == 1 ? "" : "\(i + 1)-"
      if sources.count > 1 { append("<h2>\(Chart.escaped(source.path))</h2>\n") }
      switch source.content {
      case .run(let files): addRun(prefix, files, charts.run)
      case .sweep(let files): addSweep(prefix, files, charts.sweep)
      }
    }
    append("")
  }

  /// Anything but a chart.
  private mutating func append(_ html: String) {
    if isInCharts { body += "</div>\n" }
    isInCharts = false
    body += html
  }

  mutating func add(_ chart: Chart) {
    guard !chart.series.isEmpty else { return }
    charts.append(chart)
    if !isInCharts { body += "<div class=\"charts\">\n" }
    isInCharts = true
    let note = chart.note.isEmpty ? "" : "<figcaption>\(Chart.escaped(chart.note))</figcaption>"
    let pictures = chart.pagePictures.map { $0.svg(.page) }
    if pictures.count == 1 {
      body += "<figure>\n\(pictures[0])\(note)</figure>\n"
    } else {
      // Title and legend once, then the panels, as many in a row as the page is wide.
      body +=
        "<figure class=\"panels\">\n\(pictures[0])<div>\n\(pictures.dropFirst().joined())</div>\(note)</figure>\n"
    }
  }

  mutating func add(_ table: Table) {
    guard !table.rows.isEmpty else { return }
    tables.append(table)
    // Sentences need room, phrases some; the others do not wrap.
    let widths = table.header.indices.map { i -> String in
      let longest = table.rows.map { $0[i].count }.max() ?? 0
      return longest > 70 ? " class=\"long\"" : longest > 24 ? " class=\"phrase\"" : ""
    }
    var html = "<h3>\(Chart.escaped(table.title))</h3>\n<div class=\"scroll\"><table>\n<tr>"
    html += table.header.map { "<th>\(Chart.escaped($0))</th>" }.joined() + "</tr>\n"
    for row in table.rows {
      html += "<tr>"
      for (i, cell) in row.enumerated() {
        html += "<td\(widths[i])>\(Chart.escaped(cell))</td>"
      }
      html += "</tr>\n"
    }
    append(html + "</table></div>\n")
  }

  /// A table of sentences, a card a row: first cell, epsilon, the other columns with their names, and the last one folded.
  mutating func add(cards table: Table, epsilon: Int) {
    guard !table.rows.isEmpty else { return }
    tables.append(table)
    var html = "<h3>\(Chart.escaped(table.title))</h3>\n<div class=\"charts\">\n"
    let last = table.header.count - 1
    for row in table.rows {
      let claim = row[epsilon] == "none" ? "no guarantee" : "epsilon \(row[epsilon])"
      html += "<div class=\"card\"><p><strong>\(Chart.escaped(row[0])): \(Chart.escaped(claim))</strong></p>"
      for i in 1..<last where i != epsilon {
        // "assumptions, or why there is none" is one of both on a card.
        let name = table.header[i].split(separator: ",")[0]
        let label = name.count == table.header[i].count || row[epsilon] != "none" ? String(name) : "why"
        html += "<p><b>\(Chart.escaped(label))</b> \(Chart.escaped(row[i]))</p>"
      }
      if row[last] != "-" {
        html +=
          "<details><summary>\(Chart.escaped(table.header[last]))</summary><p>\(Chart.escaped(row[last]))</p></details>"
      }
      html += "</div>\n"
    }
    append(html + "</div>\n")
  }

  /// A PNG of few pixels, drawn large and without smoothing.
  mutating func add(image bytes: [UInt8], caption: String) {
    append(
      "<figure><img class=\"sheet\" alt=\"\(Chart.escaped(caption))\" src=\"data:image/png;base64,\(Base64.encode(bytes))\">"
        + "<figcaption>\(Chart.escaped(caption))</figcaption></figure>\n")
  }

  mutating func add(headline text: String) {
    append("<p class=\"headline\">\(Chart.escaped(text))</p>\n")
  }

  mutating func add(paragraph text: String) { append("<p>\(Chart.escaped(text))</p>\n") }

  mutating func add(details title: String, _ text: String) {
    append("<details><summary>\(Chart.escaped(title))</summary><pre>\(Chart.escaped(text))</pre></details>\n")
  }

  /// F, below which the mean length of no exact one-shot code is, for Gaussian updates with so much information: on a grid of
  /// 24 values, because each costs milliseconds and a run has many rounds.
  static func lowerBounds(information: [Chart.Point], parameters: Int) -> [Chart.Point] {
    let values = information.map(\.y).filter { $0 > 0 && $0.isFinite }
    guard (1...RunSetup.largestModel).contains(parameters), let low = values.min(), let high = values.max() else {
      return []
    }
    let bound = { (bits: Double) in LowerBounds.bits(information: bits, parameters: parameters) }
    guard high > 1.0001 * low else { return information.map { Chart.Point(x: $0.x, y: bound($0.y)) } }
    let (from, to) = (Elementary.log(low), Elementary.log(high))
    let grid = (0..<24).map { bound(Elementary.exp(from + (to - from) * Double($0) / 23)) }
    return information.filter { $0.y > 0 }.map { point in
      let at = (Elementary.log(point.y) - from) / (to - from) * 23
      let i = min(max(Int(at), 0), 22)
      return Chart.Point(x: point.x, y: grid[i] + (grid[i + 1] - grid[i]) * (at - Double(i)))
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
    body { margin: 0 auto; padding: 1rem; max-width: 62rem; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
    h1 { font-size: 1.4rem; overflow-wrap: anywhere; } h2, h3 { font-size: 1.1rem; }
    .headline { font-size: 1.15rem; } .problem { border-left: 4px solid #d55e00; padding-left: .7rem; overflow-wrap: anywhere; }
    .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem 1.5rem; margin: 1.5rem 0; }
    figure { margin: 0; break-inside: avoid; } svg.chart { display: block; width: 100%; height: auto; color: var(--ink); }
    figcaption { font-size: .85rem; opacity: .85; }
    figure.panels { grid-column: 1 / -1; } figure.panels > svg { max-width: 30rem; }
    figure.panels > div { display: grid; gap: .5rem 1.5rem; }
    @media (min-width: 52rem), print {
      figure.panels > div { grid-template-columns: 1fr 1fr; }
      /* Beside and above another panel with the same axes. */
      figure.panels > div > svg:nth-child(even) .name-y, figure.panels > div > svg:nth-last-child(n + 3) .name-x { display: none; }
    }
    img.sheet { width: 100%; max-width: 44rem; margin-top: 1rem; image-rendering: pixelated; }
    .scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; }
    th, td { border-bottom: 1px solid var(--rule); padding: .3rem .6rem; text-align: left; vertical-align: top; }
    td { white-space: nowrap; } td.long, td.phrase { white-space: normal; min-width: 7rem; } td.long { min-width: 13rem; }
    .card { border-left: 3px solid var(--rule); padding-left: .8rem; break-inside: avoid; font-size: .9rem; }
    .card p { margin: .2rem 0; overflow-wrap: anywhere; } .card b { font-weight: 600; opacity: .8; }
    pre { overflow-x: auto; font-size: .8rem; }
    @media print {
      :root { color-scheme: light; --ground: #fff; --ink: #000; --rule: #ccc; }
      body { max-width: none; font-size: 11pt; } .scroll { overflow: visible; } table { font-size: 8pt; }
      td, td.long, td.phrase { white-space: normal; min-width: 0; } details { display: none; } .card details { display: block; }
    }
    </style></head><body>
    <h1>\(Chart.escaped(title))</h1>
    \(body)</body></html>

    """
  }
}
