import FedSim
import Files
import Numerics

/// What `fedsim report` makes of runs and sweeps: one page without network, its charts and tables as files of their own.
public struct Report: Sendable {
  public private(set) var charts: [Chart] = []
  public private(set) var tables: [Table] = []
  private(set) var body = ""
  /// Whether charts were added last: they stand side by side.
  private var isInCharts = false
  let title: String

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
    let chart = chart.named(unused(chart.name, "chart"))
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

  /// A name that no file of another chart or table has: both have one of CSV.
  private func unused(_ name: String, _ kind: String) -> String {
    let names = Set(charts.map(\.name) + tables.map(\.name))
    guard names.contains(name) else { return name }
    let other = "\(name)-\(kind)"
    return names.contains(other) ? (2...).lazy.map { "\(other)-\($0)" }.first { !names.contains($0) } ?? other : other
  }

  mutating func add(_ table: Table) {
    guard !table.cells.isEmpty else { return }
    tables.append(table.named(unused(table.name, "table")))
    append(table.html)
  }

  /// A square of counts, each cell as dark as its share of its row.
  mutating func add(shaded table: Table) {
    guard !table.cells.isEmpty else { return }
    let table = table.named(unused(table.name, "table"))
    tables.append(table)
    append(table.shadedHTML)
  }

  /// A table of sentences, a card a row: first cell, epsilon, the other columns with their names, and the last one folded.
  mutating func add(cards table: Table, epsilon: Int) {
    guard !table.cells.isEmpty else { return }
    tables.append(table.named(unused(table.name, "table")))
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
}
